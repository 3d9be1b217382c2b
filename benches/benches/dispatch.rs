//! Dispatch: how much an instruction costs beside what it does.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_benches::compare;

fn dispatch(criterion: &mut Criterion) {
    // mov cx, 20000; l: add ax, cx; xor bx, ax; rol bx, 1; dec cx; jnz l; hlt
    let arithmetic = [
        0xb9, 0x20, 0x4e, 0x01, 0xc8, 0x31, 0xc3, 0xd1, 0xc3, 0x49, 0x75, 0xf7, 0xf4,
    ];
    compare(criterion, "dispatch/arithmetic", &arithmetic);
    // mov cx, 20000; l: call f; loop l; hlt; f: ret
    let calls = [0xb9, 0x20, 0x4e, 0xe8, 3, 0, 0xe2, 0xfb, 0xf4, 0xc3];
    compare(criterion, "dispatch/calls", &calls);
}

criterion_group!(benches, dispatch);
criterion_main!(benches);
