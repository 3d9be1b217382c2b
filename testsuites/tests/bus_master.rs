//! Tables of descriptors that no driver would write: unaligned, without an end, in each other's way, in ROM, beyond
//! memory. Whatever they say, the bus masters move exactly the bytes that they name, touch nothing else, and neither
//! panic nor stop time. A short model walks the same tables over a copy of memory.
//!
//! Follows the PIIX3 data sheet (Intel 290550) §3.3: address and count have bit 0 clear, a count of 0 is 64 KiB.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use oldiron_devices::MemoryImage;
use oldiron_mmu::IoWidth;
use oldiron_platform::{Machine, MachineBuilder, board_rig::BoardRig};
use oldiron_testsuites::rng::Rng;

const MEMORY: u32 = 2 << 20;
/// What is compared: RAM, what adapters and ROM have below 1 MiB, and some of the hole behind.
const LOOKED_AT: usize = (MEMORY + 0x2_0000) as usize;
const SECTOR: usize = 512;
const DISK_SECTORS: u32 = 4096;
const CD_BLOCK: usize = 2048;
const CD_BLOCKS: u32 = 512;

/// Where the bus masters of both channels are put.
const MASTERS: u16 = 0xc000;
const START: u8 = 0x01;
const TO_MEMORY: u8 = 0x08;
const END_OF_TABLE: u32 = 1 << 31;

const BSY: u8 = 0x80;
const DRQ: u8 = 0x08;
const ERR: u8 = 0x01;

/// A channel and its bus master.
#[derive(Clone, Copy)]
struct Channel {
    base: u16,
    control: u16,
    master: u16,
}

/// A disk, and a CD-ROM drive.
const DISK: Channel = Channel {
    base: 0x1f0,
    control: 0x3f6,
    master: MASTERS,
};
const CD: Channel = Channel {
    base: 0x170,
    control: 0x376,
    master: MASTERS + 8,
};

/// Bytes that differ from place to place, and from medium to medium.
fn numbered(bytes: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..bytes).map(|_| rng.u32() as u8).collect()
}

struct Bench {
    rig: BoardRig,
    rng: Rng,
    /// What the disk and the disc hold.
    disk: Vec<u8>,
    cd: Vec<u8>,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let disk = numbered(DISK_SECTORS as usize * SECTOR, seed);
        let cd = numbered(CD_BLOCKS as usize * CD_BLOCK, seed + 1);
        let machine = MachineBuilder::new()
            .memory_mib(MEMORY >> 20)
            .disk(0, Box::new(MemoryImage::new(disk.clone())), None)
            .cdrom(2, Some(Box::new(MemoryImage::read_only(cd.clone()))))
            .build()
            .unwrap();
        let mut bench = Self {
            rig: BoardRig::new(machine),
            rng: Rng::new(seed),
            disk,
            cd,
        };
        // As POST leaves the IDE function: its ports, both channels, I/O and bus master enabled.
        for (register, value) in [(0x20, MASTERS.into()), (0x40, 0x8000_8000), (0x04, 5)] {
            bench
                .rig
                .write(0xcf8, 1 << 31 | 1 << 11 | 1 << 8 | register, IoWidth::Dword);
            bench.rig.write(0xcfc, value, IoWidth::Dword);
        }
        bench
    }

    fn outb(&mut self, port: u16, value: u8) {
        self.rig.write(port, value.into(), IoWidth::Byte);
        assert!(self.rig.pass(1), "time stands still");
    }

    fn inb(&mut self, port: u16) -> u8 {
        self.rig.read(port, IoWidth::Byte) as u8
    }

    /// The status when nothing happens any more.
    fn status(&mut self, channel: Channel) -> u8 {
        assert!(self.rig.pass(20_000_000), "time stands still");
        self.inb(channel.control)
    }

    fn memory(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; LOOKED_AT];
        self.rig
            .with_machine(|machine: &mut Machine| machine.read_memory(0, &mut bytes));
        bytes
    }

    /// A soft reset, after which the drive must be ready for anything.
    fn reset(&mut self, channel: Channel) {
        self.outb(channel.master, 0);
        self.outb(channel.control, 0x04);
        self.outb(channel.control, 0x00);
        assert_eq!(self.status(channel) & (BSY | DRQ), 0, "after a reset");
    }

    /// Puts a table into memory, tells the bus master, and starts it.
    fn start(&mut self, channel: Channel, table: u32, direction: u8) {
        self.rig.write(channel.master + 4, table, IoWidth::Dword);
        self.outb(channel.master + 2, 0x06);
        self.outb(channel.master, direction);
        self.outb(channel.master, direction | START);
    }

    /// READ DMA or WRITE DMA of `count` sectors at 0.
    fn disk_command(&mut self, opcode: u8, count: u8) {
        for (register, value) in (2..).zip([count, 0, 0, 0, 0xe0, opcode]) {
            self.outb(DISK.base + register, value);
        }
    }

    /// A packet with DMA: READ (10) of `count` blocks at 0.
    fn cd_command(&mut self, count: u8) {
        for (register, value) in [(6, 0xa0), (1, 1), (4, 0), (5, 0), (7, 0xa0)] {
            self.outb(CD.base + register, value);
        }
        assert!(self.rig.pass(100_000));
        for word in [0x28, 0, 0, 0, u16::from(count), 0] {
            self.rig.write(CD.base, word.into(), IoWidth::Word);
        }
    }

    /// Until no attention (reset, new disc) is left to be told.
    fn settle_cd(&mut self) {
        for _ in 0..4 {
            for (register, value) in [(6, 0xa0), (1, 0), (7, 0xa0)] {
                self.outb(CD.base + register, value);
            }
            assert!(self.rig.pass(100_000));
            for _ in 0..6 {
                self.rig.write(CD.base, 0, IoWidth::Word);
            }
            if self.status(CD) & ERR == 0 {
                return;
            }
        }
        panic!("the CD-ROM drive is not ready");
    }

    /// Descriptors, and where they lie.
    fn table(&mut self) -> (u32, Vec<(u32, u32)>) {
        let table = match self.rng.below(8) {
            // At the end of memory, of which some may be behind it; in ROM; nowhere; at the end of everything.
            0 => MEMORY - 8 * self.rng.below(4),
            1 => 0xf_0000 + 4 * self.rng.below(0x4000),
            2 => 0xa_0000 + 4 * self.rng.below(0x4000),
            3 => self.rng.pick(&[MEMORY, 0x8000_0000, 0xffff_fff8, 0xffff_fffc]),
            // Unaligned to anything that a driver would choose.
            _ => 4 * self.rng.below(MEMORY / 4),
        };
        let count = 1 + self.rng.below(8);
        let descriptors = (0..count).map(|n| {
            let address = match self.rng.below(10) {
                0 => self.rng.u32(),
                1 => 0xf_0000 + self.rng.below(0x1_0000),
                2 => 0x9_ff00 + self.rng.below(0x200),
                3 => MEMORY - self.rng.below(0x400),
                4 => 0xffff_ff00 + self.rng.below(0x100),
                // The table itself.
                5 => table.wrapping_add(self.rng.below(0x80)),
                // Across a 64 KiB boundary, which a driver must not do.
                6 => (1 + self.rng.below(8)) << 16 | 0xff00,
                _ => self.rng.below(MEMORY),
            };
            let bytes = match self.rng.below(8) {
                0 => 0,
                1 => 1,
                2 => self.rng.below(0x1_0000),
                _ => 1 + self.rng.below(0x1000),
            };
            // Often no end at all: what follows is read as a table, too.
            let flags = match n + 1 == count && !self.rng.one_in(4) {
                true => END_OF_TABLE,
                false => self.rng.u32() & 0x7fff_0000,
            };
            (address, bytes | flags)
        });
        (table, descriptors.collect())
    }

    /// Writes the table into memory, as far as there is any.
    fn place(&mut self, table: u32, descriptors: &[(u32, u32)]) {
        let words = descriptors.iter().flat_map(|&(address, count)| [address, count]);
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.rig.memory_write(table, &bytes);
    }
}

/// Memory as a bus master sees it; what it finds in tables.
struct Model {
    memory: Vec<u8>,
}

impl Model {
    fn is_ram(at: u32) -> bool {
        at < 0xa_0000 || (0x10_0000..MEMORY).contains(&at)
    }

    fn read(&self, at: u32) -> u8 {
        match at {
            0xa_0000..0xc_0000 => 0xff,
            _ => self.memory.get(at as usize).copied().unwrap_or_else(|| {
                // The end of the ROM is at the end of the addresses, too.
                let alias = at.wrapping_sub(0xfff0_0000) as usize;
                match at {
                    0xffff_0000.. => self.memory[alias],
                    _ => 0xff,
                }
            }),
        }
    }

    fn dword(&self, at: u32) -> u32 {
        u32::from_le_bytes(core::array::from_fn(|n| self.read(at.wrapping_add(n as u32))))
    }

    /// The addresses of the first `bytes` bytes that a table names, as `visit` has them; how many there were.
    fn walk(&mut self, table: u32, bytes: usize, mut visit: impl FnMut(&mut Self, usize, u32)) -> usize {
        let (mut next, mut left, mut at, mut last) = (table & !3, 0, 0, false);
        for n in 0..bytes {
            if left == 0 {
                if last {
                    return n;
                }
                let (address, flags) = (self.dword(next), self.dword(next.wrapping_add(4)));
                next = next.wrapping_add(8);
                (at, last) = (address & !1, flags & END_OF_TABLE != 0);
                left = match flags & 0xfffe {
                    0 => 0x1_0000,
                    count => count,
                };
            }
            visit(self, n, at);
            at = at.wrapping_add(1);
            left -= 1;
        }
        bytes
    }
}

fn same(now: &[u8], model: &[u8], what: &str) {
    if let Some(at) = now.iter().zip(model).position(|(now, model)| now != model) {
        panic!("{what}: {:02x} instead of {:02x} at {at:#x}", now[at], model[at]);
    }
}

/// How many tables of each kind are tried.
const ROUNDS: u64 = if cfg!(debug_assertions) { 60 } else { 600 };

/// Reads by `command`, which `data` answers, through any table.
fn reads(channel: Channel, seed: u64, command: fn(&mut Bench, u8), unit: usize, data: fn(&Bench) -> &[u8]) {
    let mut bench = Bench::new(seed);
    let (mut whole, mut short) = (0, 0);
    for round in 0..ROUNDS {
        bench.reset(channel);
        if channel.base == CD.base {
            bench.settle_cd();
        }
        let (table, descriptors) = bench.table();
        bench.place(table, &descriptors);
        let what = format!("seed {seed}, round {round}: {table:x}, {descriptors:x?}");
        let count = 1 + bench.rng.below(60) as u8;
        let mut model = Model {
            memory: bench.memory(),
        };
        let data = data(&bench)[..usize::from(count) * unit].to_vec();
        let moved = model.walk(table, data.len(), |model, n, at| {
            if Model::is_ram(at) {
                model.memory[at as usize] = data[n];
            }
        });
        command(&mut bench, count);
        bench.start(channel, table, TO_MEMORY);
        let status = bench.status(channel);
        same(&bench.memory(), &model.memory, &what);
        match moved == data.len() {
            true => assert_eq!(status & (BSY | DRQ | ERR), 0, "{what}"),
            // The drive has more, and nobody takes it.
            false => assert_ne!(status & (BSY | DRQ), 0, "{what}"),
        }
        *(if moved == data.len() {
            &mut whole
        } else {
            &mut short
        }) += 1;
    }
    assert!(whole > ROUNDS / 4 && short > 0, "{whole} whole, {short} short");
}

#[test]
fn a_disk_is_read_to_exactly_where_any_table_says() {
    reads(
        DISK,
        1,
        |bench, count| bench.disk_command(0xc8, count),
        SECTOR,
        |bench| &bench.disk,
    );
}

#[test]
fn a_cd_is_read_to_exactly_where_any_table_says() {
    reads(CD, 2, Bench::cd_command, CD_BLOCK, |bench| &bench.cd);
}

#[test]
fn a_disk_is_written_from_exactly_where_any_table_says() {
    let mut bench = Bench::new(3);
    let (mut whole, mut short) = (0, 0);
    for round in 0..ROUNDS {
        bench.reset(DISK);
        let (table, descriptors) = bench.table();
        bench.place(table, &descriptors);
        let what = format!("round {round}: {table:x}, {descriptors:x?}");
        let count = 1 + bench.rng.below(60) as u8;
        let before = bench.memory();
        let mut model = Model {
            memory: before.clone(),
        };
        let mut data = vec![0; usize::from(count) * SECTOR];
        let moved = model.walk(table, data.len(), |model, n, at| data[n] = model.read(at));
        bench.disk_command(0xca, count);
        bench.start(DISK, table, 0);
        let status = bench.status(DISK);
        same(&bench.memory(), &before, &what);
        if moved < data.len() {
            assert_ne!(status & (BSY | DRQ), 0, "{what}");
            short += 1;
            continue;
        }
        assert_eq!(status & (BSY | DRQ | ERR), 0, "{what}");
        whole += 1;
        // Back to a place where no table was, in one piece.
        const SAFE: u32 = 0x10_0000;
        bench.place(
            0x8000,
            &[(SAFE, END_OF_TABLE | (count as u32 * SECTOR as u32) & 0xffff)],
        );
        bench.disk_command(0xc8, count);
        bench.start(DISK, 0x8000, TO_MEMORY);
        assert_eq!(bench.status(DISK) & (BSY | DRQ | ERR), 0, "{what}");
        same(&bench.memory()[SAFE as usize..][..data.len()], &data, &what);
    }
    assert!(whole > ROUNDS / 4 && short > 0, "{whole} whole, {short} short");
}
