//! Self-modifying code: a patched immediate, and data beside code.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_benches::compare;

fn smc(criterion: &mut Criterion) {
    // mov cx, 5000; l: mov [p+1], cl; p: mov al, 0; add dl, al; loop l; hlt
    let patched = [
        0xb9, 0x88, 0x13, 0x88, 0x0e, 0x08, 0x10, 0xb0, 0, 0x00, 0xc2, 0xe2, 0xf6, 0xf4,
    ];
    compare(criterion, "smc/patched immediate", &patched);
    // mov cx, 5000; l: inc word [1200h]; loop l; hlt: the same page, another line
    let beside = [0xb9, 0x88, 0x13, 0xff, 0x06, 0x00, 0x12, 0xe2, 0xfa, 0xf4];
    compare(criterion, "smc/data beside code", &beside);
}

criterion_group!(benches, smc);
criterion_main!(benches);
