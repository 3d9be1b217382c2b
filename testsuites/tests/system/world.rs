//! Registers and memory together, with the layout that all programs here start from: a GDT with flat
//! segments of every ring, an IDT whose exceptions go to ring 0, three tasks, a stack for each ring.

use std::sync::LazyLock;

use crate::state::{Reg, State, Table, control, flag, gpr, sreg};

pub const RAM: u32 = 0x20000;
pub const GDT: u32 = 0x1000;
pub const GDT_LIMIT: u16 = 0x1ff;
pub const IDT: u32 = 0x1800;
pub const LDT: u32 = 0x2000;
pub const LDT_LIMIT: u32 = 0x3f;
pub const TSS_A: u32 = 0x2400;
pub const TSS_B: u32 = 0x2800;
pub const TSS_C: u32 = 0x2c00;
pub const TSS_16: u32 = 0x3000;
/// The instruction under test.
pub const CODE: u32 = 0x8000;
/// Handlers of the exceptions, 16 bytes apart.
pub const HANDLERS: u32 = 0x9000;
/// Where gates under test lead.
pub const ENTRY: u32 = 0xa000;
/// Where the tasks begin.
pub const START_B: u32 = 0xa100;
pub const START_C: u32 = 0xa200;
pub const START_16: u32 = 0xa300;
/// Where returns and jumps under test go.
pub const TARGET: u32 = 0xa400;

pub const TASK_A: u16 = 0x48;
pub const TASK_B: u16 = 0x50;
pub const TASK_C: u16 = 0x58;
pub const TASK_16: u16 = 0x60;
pub const LOCAL: u16 = 0x68;
/// For each program's own descriptors.
pub const SPARE: u16 = 0x80;
pub const SPARE2: u16 = 0x88;
pub const SPARE3: u16 = 0x90;
/// The first selector beyond the GDT.
pub const BEYOND: u16 = GDT_LIMIT + 1;
/// Selects entry 1 of the LDT.
pub const IN_LDT: u16 = 0x0c;

pub const TASK_GATE: u8 = 0x85;
pub const INTERRUPT_GATE32: u8 = 0x8e;
pub const TRAP_GATE32: u8 = 0x8f;
pub const INTERRUPT_GATE16: u8 = 0x86;
pub const TRAP_GATE16: u8 = 0x87;
pub const CALL_GATE32: u8 = 0x8c;
pub const CALL_GATE16: u8 = 0x84;
pub const DPL3: u8 = 0x60;

/// Flat code of ring `r`, with the RPL.
pub const fn code(r: u8) -> u16 {
    (0x08 + 0x10 * r as u16) | r as u16
}

/// Flat data of ring `r`, with the RPL.
pub const fn data(r: u8) -> u16 {
    (0x10 + 0x10 * r as u16) | r as u16
}

/// Top of the stack of ring `r`.
pub const fn stack(r: u8) -> u32 {
    0x11000 + 0x2000 * r as u32
}

/// A code, data or system segment: `access` is byte 5, `flags` G, B, L, AVL (SDM vol. 3A figure 3-8).
pub const fn segment(base: u32, limit: u32, access: u8, flags: u8) -> u64 {
    let (base, limit) = (base as u64, limit as u64);
    limit & 0xffff
        | (base & 0xff_ffff) << 16
        | (access as u64) << 40
        | (limit >> 16 & 15) << 48
        | (flags as u64 & 15) << 52
        | (base >> 24) << 56
}

/// 4 GiB from 0, 32-bit.
pub const fn flat(access: u8) -> u64 {
    segment(0, 0xfffff, access, 0xc)
}

/// A gate (SDM vol. 3A figures 5-8 and 6-2).
pub const fn gate(access: u8, selector: u16, offset: u32, parameters: u8) -> u64 {
    offset as u64 & 0xffff
        | (selector as u64) << 16
        | (parameters as u64) << 32
        | (access as u64) << 40
        | (offset as u64 >> 16) << 48
}

/// What a segment register holds after loading a descriptor.
pub fn loaded(selector: u16, raw: u64) -> Reg {
    let high = (raw >> 32) as u32;
    let limit = raw as u32 & 0xffff | high & 0xf0000;
    Reg {
        selector,
        attr: (high >> 8) as u16 & 0xf0ff,
        base: (raw >> 16) as u32 & 0xff_ffff | high & 0xff00_0000,
        limit: if high & 1 << 23 != 0 {
            limit << 12 | 0xfff
        } else {
            limit
        },
    }
}

/// A machine: registers and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    pub s: State,
    pub mem: Vec<u8>,
}

impl World {
    /// 32-bit protected mode in ring `r`, interrupts off, at [`CODE`].
    pub fn ring(r: u8) -> Self {
        static RINGS: LazyLock<[World; 4]> = LazyLock::new(|| [0, 1, 2, 3].map(World::build));
        RINGS[r as usize].clone()
    }

    fn build(r: u8) -> Self {
        let mut world = Self {
            s: State::default(),
            mem: vec![0; RAM as usize],
        };
        world.tables();
        world.tasks();
        for landing in [ENTRY, START_B, START_C, START_16, TARGET] {
            world.spin(landing);
        }
        let s = &mut world.s;
        s.gpr = [
            0xa0a1_a2a3,
            0xc0c1_c2c3,
            0xd0d1_d2d3,
            0xb0b1_b2b3,
            0,
            0xe0e1_e2e3,
            0x51,
            0xd1,
        ];
        s.eip = CODE;
        s.eflags = flag::ONE;
        s.cr0 = control::PE | control::ET | control::NE;
        s.dr = [0, 0, 0, 0, 0, 0, 0xffff_0ff0, 0x400];
        (s.gdtr, s.idtr) = (
            Table {
                base: GDT,
                limit: GDT_LIMIT,
            },
            Table {
                base: IDT,
                limit: 0x7ff,
            },
        );
        world.s.tr = loaded(TASK_A, world.descriptor(TASK_A));
        world.s.ldtr = loaded(LOCAL, world.descriptor(LOCAL));
        world.enter_ring(r);
        world
    }

    /// Virtual-8086 mode at [`CODE`], which is 0800:0000.
    pub fn v86(iopl: u32, cr4: u32) -> Self {
        let mut world = Self::ring(3);
        world.s.cr4 = cr4;
        world.s.eflags = flag::ONE | flag::VM | iopl << 12;
        world.real_segments(3);
        world
    }

    /// Real mode at 0800:0000, with an interrupt table at 0 whose vectors lead to 0900:16n.
    pub fn real() -> Self {
        let mut world = Self::ring(0);
        world.s.cr0 &= !control::PE;
        world.s.idtr = Table {
            base: 0,
            limit: 0x3ff,
        };
        (world.s.tr, world.s.ldtr) = (Reg::unusable(0), Reg::unusable(0));
        world.real_segments(0);
        world
    }

    fn real_segments(&mut self, dpl: u16) {
        for vector in 0..256 {
            self.put32(vector * 4, ((HANDLERS >> 4) << 16) | ((vector % 32) * 16));
        }
        for (n, segment) in (0u16..).zip(&mut self.s.seg) {
            *segment = Reg::real(0x1000 + n, dpl);
        }
        self.s.seg[sreg::CS] = Reg::real((CODE >> 4) as u16, dpl);
        self.s.seg[sreg::SS] = Reg::real(0x1600, dpl);
        self.s.eip = 0;
        self.s.gpr[gpr::ESP] = 0x0800;
    }

    /// Flat segments and the stack of ring `r`.
    pub fn enter_ring(&mut self, r: u8) {
        for segment in [sreg::ES, sreg::SS, sreg::DS, sreg::FS, sreg::GS] {
            self.s.seg[segment] = loaded(data(r), self.descriptor(data(r)));
        }
        self.s.seg[sreg::CS] = loaded(code(r), self.descriptor(code(r)));
        self.s.cpl = r;
        self.s.gpr[gpr::ESP] = stack(r);
    }

    fn tables(&mut self) {
        for r in 0..4 {
            self.set_descriptor(code(r), flat(0x9b | r << 5));
            self.set_descriptor(data(r), flat(0x93 | r << 5));
        }
        for (selector, base, access, limit) in [
            (TASK_A, TSS_A, 0x8b, 0x2ff),
            (TASK_B, TSS_B, 0x89, 0x67),
            (TASK_C, TSS_C, 0x89, 0x67),
            (TASK_16, TSS_16, 0x81, 0x2b),
            (LOCAL, LDT, 0x82, LDT_LIMIT),
        ] {
            self.set_descriptor(selector, segment(base, limit, access, 0));
        }
        for n in 0..8 {
            self.put64(LDT + 8 * n, flat(0x93));
        }
        for vector in 0..32 {
            let handler = HANDLERS + 16 * vector as u32;
            self.set_gate(vector, gate(INTERRUPT_GATE32, code(0), handler, 0));
            self.spin(handler);
        }
    }

    fn tasks(&mut self) {
        for (tss, start, base) in [(TSS_B, START_B, 0x17000), (TSS_C, START_C, 0x18000)] {
            self.inner_stacks(tss);
            self.put32s(tss + 0x20, &[start, flag::ONE | flag::DF]);
            self.put32s(tss + 0x28, &[0xb0, 0xb1, 0xb2, 0xb3, base, 0xb5, 0xb6, 0xb7]);
            let flat = data(0) as u32;
            self.put32s(tss + 0x48, &[flat, code(0) as u32, flat, flat, flat, 0]);
            self.put32s(tss + 0x60, &[LOCAL as u32, 0x68 << 16]);
        }
        // Task A is running: of its TSS only the stacks matter, and the I/O map, which forbids everything.
        self.inner_stacks(TSS_A);
        self.put16(TSS_A + 0x66, 0x88);
        self.mem[(TSS_A + 0x68) as usize..(TSS_A + 0x300) as usize].fill(0xff);
        let words = [START_16 as u16, 0x0402, 1, 2, 3, 4, 0x9000, 6, 7, 8];
        let segments = [data(0), code(0), SPARE3, data(0), LOCAL];
        for (n, word) in (0..).zip(words.into_iter().chain(segments)) {
            self.put16(TSS_16 + 0x0e + 2 * n, word);
        }
        // Its stack: 16 bits wide, from 10000h.
        self.set_descriptor(SPARE3, segment(0x10000, 0xffff, 0x93, 0));
    }

    /// SS:ESP of rings 0 to 2 in a TSS of 32 bits (SDM vol. 3A figure 7-2).
    fn inner_stacks(&mut self, tss: u32) {
        for r in 0..3 {
            self.put32s(tss + 4 + 8 * r as u32, &[stack(r) - 0x400, data(r) as u32]);
        }
    }

    // ---- memory ----

    /// `jmp $`: where a program lands it stays, whatever its privilege.
    pub fn spin(&mut self, addr: u32) {
        self.put(addr, &[0xeb, 0xfe]);
    }

    pub fn put(&mut self, addr: u32, bytes: &[u8]) {
        self.mem[addr as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    pub fn put16(&mut self, addr: u32, value: u16) {
        self.put(addr, &value.to_le_bytes());
    }

    pub fn put32(&mut self, addr: u32, value: u32) {
        self.put(addr, &value.to_le_bytes());
    }

    pub fn put64(&mut self, addr: u32, value: u64) {
        self.put(addr, &value.to_le_bytes());
    }

    pub fn put32s(&mut self, addr: u32, values: &[u32]) {
        for (at, &value) in (addr..).step_by(4).zip(values) {
            self.put32(at, value);
        }
    }

    pub fn get16(&self, addr: u32) -> u16 {
        self.get32(addr) as u16
    }

    /// Memory beyond RAM reads as ones.
    pub fn get32(&self, addr: u32) -> u32 {
        match self.mem.get(addr as usize..addr as usize + 4) {
            Some(bytes) => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            None => u32::MAX,
        }
    }

    pub fn get64(&self, addr: u32) -> u64 {
        self.get32(addr) as u64 | (self.get32(addr + 4) as u64) << 32
    }

    // ---- tables ----

    pub fn set_descriptor(&mut self, selector: u16, raw: u64) {
        self.put64(GDT + (selector & !7) as u32, raw);
    }

    pub fn descriptor(&self, selector: u16) -> u64 {
        self.get64(GDT + (selector & !7) as u32)
    }

    pub fn set_gate(&mut self, vector: u8, raw: u64) {
        self.put64(IDT + 8 * vector as u32, raw);
    }

    /// The stack of the current ring grows by these values.
    pub fn push_all(&mut self, values: &[u32], wide: bool) {
        for &value in values {
            let size = if wide { 4 } else { 2 };
            self.s.gpr[gpr::ESP] -= size;
            let at = self.s.seg[sreg::SS].base + self.s.gpr[gpr::ESP];
            if wide {
                self.put32(at, value);
            } else {
                self.put16(at, value as u16);
            }
        }
    }
}
