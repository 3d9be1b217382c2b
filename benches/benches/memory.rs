//! Memory: loads, stores and read-modify-writes that hit the TLB.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_benches::compare;

fn memory(criterion: &mut Criterion) {
    // mov si, 4000h; mov cx, 8000; l: mov ax, [si]; add ax, [si+2]; mov [si+4], ax; inc si; loop l; hlt
    let walk = [
        0xbe, 0x00, 0x40, 0xb9, 0x40, 0x1f, 0x8b, 0x04, 0x03, 0x44, 0x02, 0x89, 0x44, 0x04, 0x46, 0xe2, 0xf5,
        0xf4,
    ];
    compare(criterion, "memory/walk", &walk);
    // mov bx, 5000h; mov cx, 20000; l: inc word [bx]; loop l; hlt
    let modify = [0xbb, 0x00, 0x50, 0xb9, 0x20, 0x4e, 0xff, 0x07, 0xe2, 0xfc, 0xf4];
    compare(criterion, "memory/modify", &modify);
    // mov cx, 20000; l: push cx; pop ax; loop l; hlt
    let stack = [0xb9, 0x20, 0x4e, 0x51, 0x58, 0xe2, 0xfc, 0xf4];
    compare(criterion, "memory/stack", &stack);
}

criterion_group!(benches, memory);
criterion_main!(benches);
