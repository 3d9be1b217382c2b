//! Decoding: code that is new each time, so that every instruction is decoded and lowered once and
//! executed once.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oldiron_benches::{Bench, CODE};
use oldiron_cpu::Dispatch;

const LEN: usize = 0x4000;

fn decode(criterion: &mut Criterion) {
    // add ax, bx; mov cx, [si+4]; inc dx; xor [di], al
    let body = [0x01, 0xd8, 0x8b, 0x4c, 0x04, 0x42, 0x30, 0x05];
    let mut code: Vec<u8> = body.iter().copied().cycle().take(LEN).collect();
    code.push(0xf4);
    let mut bench = Bench::new(&code, Dispatch::Chained);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(bench.run()));
    group.bench_function("cold code", |b| {
        b.iter(|| {
            bench.write(CODE, &code);
            bench.run()
        });
    });
    group.bench_function("warm code", |b| b.iter(|| bench.run()));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
