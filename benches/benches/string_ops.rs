//! String instructions: long runs, and single elements.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_benches::compare;

fn string_ops(criterion: &mut Criterion) {
    // cld; mov si, 2000h; mov di, 9000h; mov cx, 5000h; rep movsb; hlt
    let copy = [
        0xfc, 0xbe, 0x00, 0x20, 0xbf, 0x00, 0x90, 0xb9, 0x00, 0x50, 0xf3, 0xa4, 0xf4,
    ];
    compare(criterion, "string_ops/rep movsb", &copy);
    // cld; mov di, 9000h; mov cx, 3000h; rep stosw; hlt
    let fill = [0xfc, 0xbf, 0x00, 0x90, 0xb9, 0x00, 0x30, 0xf3, 0xab, 0xf4];
    compare(criterion, "string_ops/rep stosw", &fill);
    // cld; mov al, 1; mov di, 9000h; mov cx, 5000h; repne scasb; hlt
    let scan = [
        0xfc, 0xb0, 1, 0xbf, 0x00, 0x90, 0xb9, 0x00, 0x50, 0xf2, 0xae, 0xf4,
    ];
    compare(criterion, "string_ops/repne scasb", &scan);
    // cld; mov si, 2000h; mov di, 9000h; mov cx, 5000h; l: lodsb; stosb; loop l; hlt
    let single = [
        0xfc, 0xbe, 0x00, 0x20, 0xbf, 0x00, 0x90, 0xb9, 0x00, 0x50, 0xac, 0xaa, 0xe2, 0xfc, 0xf4,
    ];
    compare(criterion, "string_ops/lodsb stosb", &single);
}

criterion_group!(benches, string_ops);
criterion_main!(benches);
