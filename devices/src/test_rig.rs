//! What surrounds a storage chip in its unit tests: wires, timers, a DMA channel, and time.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use oldiron_mmu::{IoWidth, Snapshot, StateReader, StateWriter, TickRate, Ticks};

use crate::{
    BlockImage, Ctx, Device, DiskError, DmaBus, DmaOutcome, IrqLine, IrqLines, MemoryImage, Outbox,
    Scheduler, TimerId, Timing,
};

/// One DMA channel over a buffer.
#[derive(Debug, Default)]
pub(crate) struct TestDma {
    pub(crate) memory: Vec<u8>,
    pub(crate) pos: usize,
    /// Bytes until terminal count; `None`: the channel is masked.
    pub(crate) left: Option<usize>,
    /// What bus masters see, from address 0 on.
    pub(crate) ram: Vec<u8>,
}

impl TestDma {
    fn take(&mut self, len: usize) -> (core::ops::Range<usize>, DmaOutcome) {
        let Some(left) = self.left.as_mut() else {
            return (0..0, DmaOutcome::default());
        };
        let n = len.min(*left);
        *left -= n;
        let range = self.pos..self.pos + n;
        self.pos += n;
        if self.memory.len() < self.pos {
            self.memory.resize(self.pos, 0);
        }
        let terminal_count = *left == 0;
        if terminal_count {
            self.left = None;
        }
        (
            range,
            DmaOutcome {
                bytes: n,
                terminal_count,
            },
        )
    }
}

impl DmaBus for TestDma {
    fn dma_read(&mut self, channel: u8, buf: &mut [u8]) -> DmaOutcome {
        assert_eq!(channel, 2);
        let (range, outcome) = self.take(buf.len());
        buf[..range.len()].copy_from_slice(&self.memory[range]);
        outcome
    }

    fn dma_write(&mut self, channel: u8, data: &[u8]) -> DmaOutcome {
        assert_eq!(channel, 2);
        let (range, outcome) = self.take(data.len());
        let n = range.len();
        self.memory[range].copy_from_slice(&data[..n]);
        outcome
    }

    fn memory_read(&mut self, addr: u32, buf: &mut [u8]) {
        for (at, byte) in (addr as usize..).zip(buf) {
            *byte = self.ram.get(at).copied().unwrap_or(0xff);
        }
    }

    fn memory_write(&mut self, addr: u32, data: &[u8]) {
        for (at, &byte) in (addr as usize..).zip(data) {
            if let Some(cell) = self.ram.get_mut(at) {
                *cell = byte;
            }
        }
    }

    fn clear_frame_buffer(&mut self) {}
}

/// A chip on a bench.
pub(crate) struct Rig<D> {
    pub(crate) chip: D,
    pub(crate) irq: IrqLines,
    pub(crate) timers: Scheduler,
    pub(crate) dma: TestDma,
    pub(crate) out: Outbox,
    pub(crate) now: Ticks,
    pub(crate) rate: TickRate,
    pub(crate) timing: Timing,
}

impl<D: Device> Rig<D> {
    pub(crate) fn new(chip: D) -> Self {
        Self {
            chip,
            irq: IrqLines::default(),
            timers: Scheduler::default(),
            dma: TestDma::default(),
            out: Outbox::default(),
            now: 1000,
            rate: TickRate::new(100_000_000),
            timing: Timing::Fast,
        }
    }

    pub(crate) fn with<R>(&mut self, f: impl FnOnce(&mut D, &mut Ctx<'_>) -> R) -> R {
        let mut ctx = Ctx {
            now: self.now,
            rate: self.rate,
            timing: self.timing,
            irq: &mut self.irq,
            timers: &mut self.timers,
            dma: &mut self.dma,
            out: &mut self.out,
        };
        f(&mut self.chip, &mut ctx)
    }

    pub(crate) fn out(&mut self, port: u16, value: u8) {
        self.out_wide(port, value.into(), IoWidth::Byte);
    }

    pub(crate) fn out_wide(&mut self, port: u16, value: u32, width: IoWidth) {
        self.with(|chip, ctx| chip.port_write(port, value, width, ctx));
        self.now += 1;
    }

    pub(crate) fn inb(&mut self, port: u16) -> u8 {
        self.in_wide(port, IoWidth::Byte) as u8
    }

    pub(crate) fn in_wide(&mut self, port: u16, width: IoWidth) -> u32 {
        let value = self.with(|chip, ctx| chip.port_read(port, width, ctx));
        self.now += 1;
        value
    }

    /// Lets the next timer come due; false if none is armed.
    pub(crate) fn step(&mut self) -> bool {
        let due = self.timers.next_due();
        if due == Ticks::MAX {
            return false;
        }
        self.now = self.now.max(due);
        self.run_timers();
        true
    }

    pub(crate) fn run_timers(&mut self) {
        while let Some((id, at)) = self.timers.take_due(self.now) {
            assert!(at <= self.now);
            self.with(|chip, ctx| chip.timer(id, ctx));
        }
    }

    /// Advances time by `micros`, running timers.
    pub(crate) fn wait_micros(&mut self, micros: u64) {
        let end = self.now + self.rate.micros(micros);
        while self.timers.next_due() <= end {
            self.step();
        }
        self.now = end;
    }

    /// Runs timers until the wire is high; false if that never happens.
    pub(crate) fn wait_irq(&mut self, line: IrqLine) -> bool {
        for _ in 0..10_000 {
            if self.irq.is_high(line) {
                return true;
            }
            if !self.step() {
                return false;
            }
        }
        false
    }
}

/// How often an image was flushed that had been written to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flushes(Arc<AtomicU32>);

impl Flushes {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An image that counts flushes.
pub(crate) struct CountedFlushes {
    image: MemoryImage,
    written: bool,
    flushes: Flushes,
}

impl CountedFlushes {
    /// An image of numbered sectors, and its counter.
    pub(crate) fn image(sectors: u64) -> (Box<dyn BlockImage>, Flushes) {
        let flushes = Flushes::default();
        let image = Self {
            image: MemoryImage::new(numbered_bytes(sectors)),
            written: false,
            flushes: flushes.clone(),
        };
        (Box::new(image), flushes)
    }
}

impl BlockImage for CountedFlushes {
    fn sectors(&self) -> u64 {
        self.image.sectors()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.image.read(lba, buf)
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        self.written = true;
        self.image.write(lba, data)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        if std::mem::take(&mut self.written) {
            self.flushes.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// An image that fails on one sector.
pub(crate) struct BadSector {
    pub(crate) image: MemoryImage,
    pub(crate) bad: u64,
}

impl BadSector {
    fn check(&self, lba: u64, len: usize) -> Result<(), DiskError> {
        let count = (len / crate::SECTOR_SIZE) as u64;
        if (lba..lba + count).contains(&self.bad) {
            return Err(DiskError::Host("bad sector".to_owned()));
        }
        Ok(())
    }
}

impl BlockImage for BadSector {
    fn sectors(&self) -> u64 {
        self.image.sectors()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.check(lba, buf.len())?;
        self.image.read(lba, buf)
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        self.check(lba, data.len())?;
        self.image.write(lba, data)
    }
}

/// An image of `sectors` sectors whose bytes tell where they are.
pub(crate) fn numbered_bytes(sectors: u64) -> Vec<u8> {
    let mut bytes = vec![0; sectors as usize * crate::SECTOR_SIZE];
    for (lba, sector) in bytes.chunks_mut(crate::SECTOR_SIZE).enumerate() {
        sector.fill((lba as u8).wrapping_mul(7));
        sector[..4].copy_from_slice(&(lba as u32).to_le_bytes());
    }
    bytes
}

/// A small deterministic generator for soak tests (xorshift64*).
pub(crate) struct Prng(pub(crate) u64);

impl Prng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }
}

/// Saves `chip`, loads that into `other`, and wants `other` to save the very same bytes; a state that
/// was cut short is refused.
pub(crate) fn assert_round_trip<D: Snapshot>(chip: &D, other: &mut D) {
    let save = |chip: &D| {
        let mut w = StateWriter::new();
        w.component(chip);
        w.into_bytes()
    };
    let bytes = save(chip);
    for n in 0..bytes.len() {
        assert!(StateReader::new("test", &bytes[..n]).component(other).is_err());
    }
    StateReader::new("test", &bytes).component(other).unwrap();
    assert_eq!(save(other), bytes);
}

/// Loads the state of `chip` with each of its bytes damaged into chips made by `fresh`, and uses those
/// that accept it: whatever they then do, they must not panic.
pub(crate) fn assert_damaged_states_do_no_harm<D: Device + Snapshot>(chip: &D, fresh: impl Fn() -> D) {
    let mut w = StateWriter::new();
    w.component(chip);
    let bytes = w.into_bytes();
    let mut random = Prng(17);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x40, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let mut other = fresh();
            if StateReader::new("test", &damaged).component(&mut other).is_ok() {
                use_at_random(Rig::new(other), &mut random);
            }
        }
    }
}

fn use_at_random<D: Device>(mut rig: Rig<D>, random: &mut Prng) {
    let ranges = rig.chip.ports().to_vec();
    let ports: Vec<u16> = ranges
        .iter()
        .flat_map(|range| (range.first..).take(range.count.into()))
        .collect();
    for &id in TimerId::ALL {
        rig.with(|chip, ctx| chip.timer(id, ctx));
    }
    for _ in 0..40 {
        let port = ports[random.below(ports.len() as u64) as usize];
        match random.below(3) {
            0 => rig.out(port, random.next() as u8),
            1 => _ = rig.inb(port),
            _ => {
                rig.now += random.below(100_000);
                rig.run_timers();
            }
        }
    }
}
