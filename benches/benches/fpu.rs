//! The x87's arithmetic: eight operations to a loop, so that what is measured is theirs.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_benches::compare;

/// `fninit; fldpi; fld1; fdiv st0, st1; fldl2e`: ST0 log2 e, ST1 1/pi, ST2 pi.
const SETUP: [u8; 10] = [0xdb, 0xe3, 0xd9, 0xeb, 0xd9, 0xe8, 0xd8, 0xf1, 0xd9, 0xea];

/// A loop of 5000 times four times the two instructions.
fn program(first: [u8; 2], second: [u8; 2]) -> Vec<u8> {
    let mut code = SETUP.to_vec();
    code.extend([0xb9, 0x88, 0x13]); // mov cx, 5000
    for _ in 0..4 {
        code.extend(first);
        code.extend(second);
    }
    code.extend([0x49, 0x75, 0xed, 0xf4]); // dec cx; jnz; hlt
    code
}

fn fpu(criterion: &mut Criterion) {
    // Results stay where they are: what one instruction does the next undoes.
    compare(criterion, "fpu/add", &program([0xd8, 0xc1], [0xd8, 0xe1])); // fadd, fsub st0, st1
    compare(criterion, "fpu/multiply", &program([0xd8, 0xc9], [0xd8, 0xca])); // fmul st0, st1; st2
    compare(criterion, "fpu/divide", &program([0xd8, 0xf1], [0xd8, 0xf2])); // fdiv st0, st1; st2
    compare(
        criterion,
        "fpu/square root and add",
        &program([0xd9, 0xfa], [0xd8, 0xc2]),
    ); // fsqrt; fadd st0, st2
    compare(criterion, "fpu/sine", &program([0xd9, 0xfe], [0xd8, 0xc2])); // fsin; fadd st0, st2
}

criterion_group!(benches, fpu);
criterion_main!(benches);
