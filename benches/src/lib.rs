//! Benchmarks of oldiron, in `benches/`: a processor on a bare bus, to be timed at what it does.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use oldiron_cpu::{Cpu, CpuModel, Dispatch, Eflags, Exit, reg, seg};
use oldiron_mmu::{Bus, EmptyIo, GuestMemory, Segment, Ticks};

/// Where code is put, in real mode, with all segments at 0.
pub const CODE: u32 = 0x1000;

/// A processor with 2 MiB of RAM and a program that ends in HLT.
pub struct Bench {
    cpu: Cpu,
    mem: GuestMemory,
    now: Ticks,
}

impl Bench {
    /// `code` at 0:1000h.
    pub fn new(code: &[u8], dispatch: Dispatch) -> Self {
        let mut mem = GuestMemory::new(2 << 20);
        mem.map_ram(0, 2 << 20, 0);
        mem.phys_write(CODE, code);
        let mut cpu = Cpu::new(CpuModel::newest());
        cpu.set_dispatch(dispatch);
        Self { cpu, mem, now: 0 }
    }

    /// Changes the program, as a bus master would.
    pub fn write(&mut self, addr: u32, bytes: &[u8]) {
        self.mem.phys_write(addr, bytes);
    }

    /// Runs the program from its beginning to its HLT. Returns the ticks that it took.
    pub fn run(&mut self) -> Ticks {
        self.cpu.reset();
        let mut core = self.cpu.core_mut();
        core.segments[seg::CS] = Segment::real(0, 0);
        core.eip = CODE;
        core.eflags = Eflags::ONE;
        core.set_gpr32(reg::ESP, 0x8000);
        drop(core);
        let start = self.now;
        loop {
            let mut io = EmptyIo;
            let mut bus = Bus::new(&mut self.mem, &mut io);
            let run = self.cpu.run(&mut bus, self.now, self.now + 10_000_000);
            self.now = run.now;
            if run.exit != Exit::Deadline {
                return self.now - start;
            }
        }
    }
}

/// Times `code` with both dispatchers, in instructions a second.
pub fn compare(criterion: &mut Criterion, name: &str, code: &[u8]) {
    let mut group = criterion.benchmark_group(name);
    group.measurement_time(Duration::from_secs(2));
    for dispatch in [Dispatch::Chained, Dispatch::Loop] {
        let mut bench = Bench::new(code, dispatch);
        group.throughput(Throughput::Elements(bench.run()));
        group.bench_function(format!("{dispatch:?}"), |b| b.iter(|| bench.run()));
    }
    group.finish();
}
