//! The run: what happens between operations, and what must hold after them.

use std::{alloc::System, fmt};

use cap::Cap;
use oldiron_devices::{BlockImage, KeyCode, MemoryImage};
use oldiron_mmu::IoWidth;
use oldiron_platform::{FloppyKind, Machine, MachineBuilder, Timing, board_rig::BoardRig};
use oldiron_testsuites::rng::Rng;

use crate::chips;

/// Memory of the machine. DMA addresses reach far beyond it.
const MEMORY_MIB: u32 = 4;
const DISK_BYTES: usize = 4 << 20;
const CD_BYTES: usize = 1 << 20;
/// Sizes of floppies to swap: 160K to 2.88M.
const FLOPPY_BYTES: [usize; 6] = [
    160 << 10,
    360 << 10,
    720 << 10,
    1200 << 10,
    1440 << 10,
    2880 << 10,
];
/// Operations from one look at the memory to the next.
const LOOK: u64 = 64;

/// What was done.
pub struct Report {
    operations: u64,
    restored: u64,
    ticks: u64,
    /// What the machine had allocated when it was built.
    pub configured_bytes: usize,
    /// The most that it ever had, and that including the copies of saved states.
    most_bytes: usize,
    most_with_states: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations in {} ticks, {} states restored; {} KiB configured, at most {} KiB used ({} KiB with states)",
            self.operations,
            self.ticks,
            self.restored,
            self.configured_bytes >> 10,
            self.most_bytes >> 10,
            self.most_with_states >> 10
        )
    }
}

/// A soak under way.
pub struct Soak {
    rig: BoardRig,
    pub rng: Rng,
    seed: u64,
    claimed: Vec<u16>,
    allocator: &'static Cap<System>,
    /// Of what is allocated, the copy of a saved state that is ours and not the machine's.
    copy_bytes: usize,
    report: Report,
}

impl Soak {
    /// A board and a sequence of operations.
    pub fn new(seed: u64, allocator: &'static Cap<System>) -> Self {
        let mut rng = Rng::new(seed);
        let before = allocator.allocated();
        let rig = BoardRig::new(machine(&mut rng));
        let claimed = rig.claimed_ports();
        let configured_bytes = allocator.allocated() - before;
        Self {
            rig,
            rng,
            seed,
            claimed,
            allocator,
            copy_bytes: 0,
            report: Report {
                operations: 0,
                restored: 0,
                ticks: 0,
                configured_bytes,
                most_bytes: 0,
                most_with_states: 0,
            },
        }
    }

    /// Goes on for so many operations.
    pub fn run(mut self, operations: u64) -> Report {
        while self.report.operations < operations {
            match self.rng.below(16) {
                0..=3 => self.anything(),
                4 => self.time(),
                _ => chips::sequence(&mut self),
            }
            if self.rng.one_in(200) {
                self.outside_events();
            }
            if self.rng.one_in(2_000) {
                self.rig.with_machine(|machine| machine.frame().pixels.len());
            }
            if self.rng.one_in(3_000) {
                self.save_and_restore();
            }
        }
        self.save_and_restore();
        self.report.ticks = self.rig.now();
        self.report.most_with_states = self.allocator.max_allocated();
        self.report
    }

    // ---- operations ----

    /// Each operation takes a tick, as an instruction would.
    fn done(&mut self) {
        self.report.operations += 1;
        self.pass(1);
        if self.rng.one_in(8) {
            self.rig.acknowledge();
        }
        if self.report.operations.is_multiple_of(LOOK) {
            self.rig.take_output();
            let bytes = self.allocator.allocated() - self.copy_bytes;
            self.report.most_bytes = self.report.most_bytes.max(bytes);
            assert!(
                bytes <= 2 * self.report.configured_bytes,
                "{}: {bytes} bytes are allocated",
                self.place()
            );
        }
    }

    fn place(&self) -> String {
        format!("seed {}, operation {}", self.seed, self.report.operations)
    }

    fn pass(&mut self, ticks: u64) {
        assert!(self.rig.pass(ticks), "{}: a timer stays due", self.place());
    }

    pub fn read(&mut self, port: u16, width: IoWidth) -> u32 {
        let value = self.rig.read(port, width);
        self.done();
        value
    }

    pub fn write(&mut self, port: u16, value: u32, width: IoWidth) {
        self.rig.write(port, value, width);
        self.done();
    }

    /// Memory is written, by whatever master.
    pub fn memory(&mut self, addr: u32, bytes: &[u8]) {
        self.rig.memory_write(addr, bytes);
    }

    pub fn inb(&mut self, port: u16) -> u8 {
        self.read(port, IoWidth::Byte) as u8
    }

    pub fn outb(&mut self, port: u16, value: u8) {
        self.write(port, value.into(), IoWidth::Byte);
    }

    pub fn width(&mut self) -> IoWidth {
        self.rng
            .pick(&[IoWidth::Byte, IoWidth::Byte, IoWidth::Word, IoWidth::Dword])
    }

    /// A byte: small ones are commands and counts more often.
    pub fn byte(&mut self) -> u8 {
        match self.rng.below(4) {
            0 => self.rng.below(4) as u8,
            1 => self.rng.pick(&[0x7f, 0x80, 0xfe, 0xff]),
            _ => self.rng.u32() as u8,
        }
    }

    pub fn video(&mut self) {
        let addr = 0xa_0000 + self.rng.below(0x2_0000);
        let width = self.width();
        if self.rng.one_in(2) {
            self.rig.mmio_read(addr, width);
        } else {
            let value = self.rng.u32();
            self.rig.mmio_write(addr, value, width);
        }
        self.done();
    }

    pub fn mmio_read(&mut self, addr: u32, width: IoWidth) {
        self.rig.mmio_read(addr, width);
        self.done();
    }

    pub fn mmio_write(&mut self, addr: u32, value: u32) {
        self.rig.mmio_write(addr, value, IoWidth::Dword);
        self.done();
    }

    /// Up to some milliseconds, seldom some hundred.
    pub fn time(&mut self) {
        let most = self.rng.pick(&[10, 100, 1000, 10_000, 100_000]);
        let most = if self.rng.one_in(500) { 50_000_000 } else { most };
        let ticks = 1 + u64::from(self.rng.below(most));
        self.pass(ticks);
        self.done();
    }

    /// Any cycle at all, mostly where somebody listens.
    fn anything(&mut self) {
        let port = if self.rng.one_in(16) {
            self.rng.u32() as u16
        } else {
            self.rng.pick(&self.claimed.clone())
        };
        let width = self.width();
        match self.rng.below(8) {
            0..=2 => drop(self.read(port, width)),
            3..=6 => {
                let value = if width == IoWidth::Byte {
                    self.byte().into()
                } else {
                    self.rng.u32()
                };
                self.write(port, value, width);
            }
            _ => self.video(),
        }
    }

    /// What the user and the outside world do.
    fn outside_events(&mut self) {
        let bits = self.rng.u64();
        match self.rng.below(8) {
            0 | 1 => {
                let code = self.rng.pick(KeyCode::ALL);
                self.rig.key(code, bits & 1 == 0);
            }
            2 | 3 => {
                self.rig.mouse(
                    bits as i16,
                    (bits >> 16) as i16,
                    (bits >> 32) as i8,
                    (bits >> 40) as u8,
                );
            }
            4 => {
                let len = self.rng.below(40) as usize;
                self.rig.serial_input(bits as u8 & 1, &vec![bits as u8; len]);
            }
            5 => {
                let image = (bits & 3 != 0).then(|| floppy(&mut self.rng));
                self.rig.change_floppy(bits as u8 >> 7, image);
            }
            6 => {
                let image = (bits & 3 != 0).then(|| image(CD_BYTES, &mut self.rng));
                self.rig.with_machine(|machine| machine.insert_cd(image)).unwrap();
            }
            _ if self.rng.one_in(50) => self.rig.reset(),
            _ => {}
        }
    }

    /// A state that was saved is the same after it was restored, whatever happened in between.
    fn save_and_restore(&mut self) {
        self.rig.take_output();
        let place = self.place();
        let saved = self.rig.with_machine(|machine| machine.save_state().unwrap());
        self.copy_bytes = saved.capacity();
        if self.rng.one_in(2) {
            for _ in 0..20 {
                self.anything();
            }
            self.time();
            self.rig.take_output();
        }
        let restored = self.rig.with_machine(|machine| machine.restore_state(&saved));
        assert_eq!(restored, Ok(()), "{place}");
        let again = self.rig.with_machine(|machine| machine.save_state().unwrap());
        assert!(again == saved, "{place}: another state after restoring");
        self.copy_bytes = 0;
        self.report.restored += 1;
    }
}

fn image(bytes: usize, rng: &mut Rng) -> Box<dyn BlockImage> {
    Box::new(MemoryImage::new(vec![rng.u32() as u8; bytes]))
}

fn floppy(rng: &mut Rng) -> Box<dyn BlockImage> {
    let bytes = rng.pick(&FLOPPY_BYTES);
    image(bytes, rng)
}

fn machine(rng: &mut Rng) -> Machine {
    let timing = rng.pick(&[Timing::Fast, Timing::Real]);
    MachineBuilder::new()
        .memory_mib(MEMORY_MIB)
        .timing(timing)
        .debug_console(true)
        .debug_exit(Some(0xf4))
        .port_log(vec![0x80])
        .floppy(0, FloppyKind::Ed35, Some(image(2880 << 10, rng)))
        .floppy(1, FloppyKind::Hd525, Some(image(1200 << 10, rng)))
        .disk(0, image(DISK_BYTES, rng), None)
        .disk(1, image(DISK_BYTES, rng), None)
        .disk(2, image(DISK_BYTES, rng), None)
        .cdrom(3, Some(image(CD_BYTES, rng)))
        .build()
        .unwrap()
}
