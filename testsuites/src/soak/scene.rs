//! Random but mostly meaningful surroundings for a stream: registers, descriptor tables, handlers,
//! task state segments, page tables.

use oldiron_cpu::{Cpu, Cr0, Cr4, Eflags, F80, Fpu, LazyFlags, TableRegister, seg};
use oldiron_mmu::{GuestMemory, Segment};

use super::stream;
use crate::rng::Rng;

/// Bytes of RAM.
pub const RAM: u32 = 0x40000;
/// Where the second view of RAM begins, in physical addresses.
pub const ALIAS: u32 = RAM;
/// Pages of MMIO.
pub const MMIO: u32 = 0x80000;
/// Pages of ROM, with code in them.
pub const ROM: u32 = 0xc0000;
/// The third view of RAM, above A20's reach.
pub const HIGH: u32 = 0x100000;
/// Where the code is, and how much of it.
pub const CODE: u32 = 0x8000;
/// Bytes of code.
pub const CODE_LEN: u32 = 0x10000;

const REAL_STUBS: u32 = 0x500;
const GDT: u32 = 0x1000;
const GDT_ENTRIES: u32 = 64;
const LDT: u32 = 0x1400;
const LDT_ENTRIES: u32 = 32;
const IDT: u32 = 0x1800;
const TSS: [u32; 3] = [0x2000, 0x2200, 0x2400];
const STUBS32: u32 = 0x2800;
const STUBS16: u32 = 0x3400;
const PAGE_DIRECTORY: u32 = 0x4000;
const PAGE_TABLES: u32 = 0x5000;
const STACKS: u32 = 0x30000;
/// Bytes of one handler.
const STUB: u32 = 32;

const SEL_CODE32: u16 = 1 << 3;
const SEL_DATA32: u16 = 2 << 3;
const SEL_CODE32_USER: u16 = 3 << 3 | 3;
const SEL_DATA32_USER: u16 = 4 << 3 | 3;
const SEL_CODE16: u16 = 5 << 3;
const SEL_DATA16: u16 = 6 << 3;
const SEL_CODE16_USER: u16 = 7 << 3 | 3;
const SEL_DATA16_USER: u16 = 8 << 3 | 3;
const SEL_TSS: u16 = 9 << 3;
const SEL_LDT: u16 = 12 << 3;

/// In which mode a scene plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Real mode.
    Real,
    /// Virtual-8086 mode.
    Virtual8086,
    /// Protected mode, 16-bit code.
    Protected16,
    /// Protected mode, 32-bit code.
    Protected32,
}

impl Stage {
    fn bitness(self) -> u32 {
        if self == Self::Protected32 { 32 } else { 16 }
    }
}

/// Everything that the two machines start from.
#[derive(Debug)]
pub struct Scene {
    /// The mode.
    pub stage: Stage,
    user: bool,
    paging: bool,
    low: Vec<u8>,
    /// Code, if it is renewed.
    code: Option<Vec<u8>>,
    seed: u64,
}

impl Scene {
    /// Invents one. `fresh`: with new code.
    pub fn new(rng: &mut Rng, fresh: bool) -> Self {
        let stage = rng.pick(&[
            Stage::Real,
            Stage::Real,
            Stage::Virtual8086,
            Stage::Protected16,
            Stage::Protected32,
            Stage::Protected32,
            Stage::Protected32,
        ]);
        let user = stage == Stage::Virtual8086 || rng.one_in(3);
        let paging = stage != Stage::Real && rng.one_in(2);
        let rarity = rng.pick(&[6, 20, 60, 200]);
        let code = fresh.then(|| stream::fill(rng, stage.bitness(), rarity, CODE_LEN as usize));
        let mut low = vec![0; CODE as usize];
        Tables(&mut low).write(rng);
        Self {
            stage,
            user,
            paging,
            low,
            code,
            seed: rng.u64(),
        }
    }

    /// Puts a machine into it.
    pub fn apply(&self, cpu: &mut Cpu, mem: &mut GuestMemory) {
        mem.set_a20(true);
        mem.phys_write(0, &self.low);
        if let Some(code) = &self.code {
            mem.phys_write(CODE, code);
        }
        cpu.reset();
        let rng = &mut Rng::new(self.seed);
        let model = cpu.model();
        let mut core = cpu.core_mut();
        for n in 0..8 {
            core.set_gpr32(n, value(rng));
        }
        // Counts of REP instructions.
        if !rng.one_in(20) {
            core.set_gpr32(1, rng.below(40));
        }
        core.set_gpr32(4, STACKS + rng.below(0xfff0));
        core.eip = CODE + rng.below(CODE_LEN - 0x100);
        core.flags = LazyFlags::from_eflags(Eflags::from_bits_truncate(rng.u32()));
        put_fpu(rng, &mut core.fpu);
        let mut eflags = Eflags::ONE;
        eflags.set(Eflags::IF, rng.one_in(2));
        eflags.set(Eflags::DF, rng.one_in(4));
        eflags.set(Eflags::TF, rng.one_in(24));
        eflags.set(Eflags::AC, rng.one_in(16) && model.eflags.contains(Eflags::AC));
        core.gdtr = TableRegister {
            base: GDT,
            limit: (GDT_ENTRIES * 8 - 1) as u16,
        };
        core.cr3 = PAGE_DIRECTORY;
        core.cr4 = Cr4::from_bits_truncate(rng.u32()) & model.cr4;
        if rng.one_in(8) {
            core.dr[..4].copy_from_slice(&[
                CODE + rng.below(CODE_LEN),
                rng.below(RAM),
                STACKS + rng.below(0x10000),
                rng.below(0x400),
            ]);
            core.dr[7] = rng.u32() | 0x400;
        }
        if self.stage == Stage::Real {
            for n in 0..6 {
                let selector = if rng.one_in(12) {
                    rng.u32() as u16
                } else {
                    rng.below(0x3000) as u16
                };
                core.segments[n] = Segment::real(selector, 0);
            }
            core.segments[seg::CS] = Segment::real((CODE >> 4) as u16, 0);
            core.segments[seg::SS] = Segment::real((STACKS >> 4) as u16, 0);
            core.eip -= CODE;
            if rng.one_in(6) {
                // Unreal mode.
                for n in [seg::ES, seg::DS, seg::FS] {
                    core.segments[n].limit = u32::MAX;
                    core.segments[n].update_ends();
                }
            }
            core.eflags = eflags;
            return;
        }
        core.idtr = TableRegister {
            base: IDT,
            limit: 0x7ff,
        };
        core.cr0 = (core.cr0 | Cr0::PE) & !Cr0::PG;
        core.cr0.set(Cr0::PG, self.paging);
        core.cr0
            .set(Cr0::WP, rng.one_in(2) && model.cr0.contains(Cr0::WP));
        core.cr0
            .set(Cr0::AM, rng.one_in(4) && model.cr0.contains(Cr0::AM));
        core.tr = self.segment(SEL_TSS);
        core.ldtr = self.segment(SEL_LDT);
        eflags |= Eflags::from_bits_truncate(rng.below(4) << 12);
        eflags.set(Eflags::NT, rng.one_in(40));
        if self.stage == Stage::Virtual8086 {
            core.cpl = 3;
            eflags |= Eflags::VM;
            for n in 0..6 {
                core.segments[n] = Segment::real(rng.below(0x3000) as u16, 3);
            }
            core.segments[seg::CS] = Segment::real((CODE >> 4) as u16, 3);
            core.segments[seg::SS] = Segment::real((STACKS >> 4) as u16, 3);
            core.eip -= CODE;
            core.eflags = eflags;
            return;
        }
        core.cpl = if self.user { 3 } else { 0 };
        let (code, data) = match (self.stage, self.user) {
            (Stage::Protected32, false) => (SEL_CODE32, SEL_DATA32),
            (Stage::Protected32, true) => (SEL_CODE32_USER, SEL_DATA32_USER),
            (_, false) => (SEL_CODE16, SEL_DATA16),
            (_, true) => (SEL_CODE16_USER, SEL_DATA16_USER),
        };
        for n in 0..6 {
            let other = rng.pick(&[SEL_DATA32_USER, SEL_DATA16_USER, 16 << 3 | 3, 19 << 3 | 3, 0]);
            core.segments[n] = self.segment(if rng.one_in(3) { other } else { data });
        }
        core.segments[seg::CS] = self.segment(code);
        core.segments[seg::SS] = self.segment(data);
        if self.stage == Stage::Protected16 {
            core.eip = CODE + (core.eip & 0x7fff);
            let stack = 0x7000 | core.gpr32(4) & 0xffe;
            core.set_gpr32(4, stack);
        }
        core.eflags = eflags;
    }

    /// What loading `selector` from the GDT would give.
    fn segment(&self, selector: u16) -> Segment {
        if selector & !3 == 0 {
            return Segment::null(selector);
        }
        let at = (GDT + (selector & !7) as u32) as usize;
        let mut raw = [0; 8];
        raw.copy_from_slice(&self.low[at..at + 8]);
        Segment::from_descriptor(selector, u64::from_le_bytes(raw))
    }
}

/// A register's value: selectors, addresses, counts, extremes.
fn value(rng: &mut Rng) -> u32 {
    match rng.below(8) {
        0 => rng.below(GDT_ENTRIES) << 3 | rng.below(8),
        1..=3 => rng.below(RAM),
        4 => rng.below(0x140000),
        5 => rng.below(64),
        6 => rng.pick(&[
            0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        ]),
        _ => rng.u32(),
    }
}

/// A descriptor from its parts; `access` is byte 5, `flags` the high half of byte 6.
/// An x87 that is mostly in its usual state, with values that instructions can work on.
fn put_fpu(rng: &mut Rng, fpu: &mut Fpu) {
    let control = if rng.one_in(4) { rng.u32() as u16 } else { 0x37f };
    let exceptions = if rng.one_in(16) { 0x3f } else { 0 };
    let status = rng.u32() as u16 & (0x7f00 | exceptions);
    let full = rng.u32() as u8 | rng.u32() as u8;
    let registers = core::array::from_fn(|_| {
        let sig = (rng.u32() as u64) << 32 | rng.u32() as u64;
        match rng.below(8) {
            0 => F80 {
                sig,
                se: rng.u32() as u16,
            },
            1 => F80::default(),
            _ => F80 {
                sig: sig | 1 << 63,
                se: (0x3fe0 + rng.below(64) as u16) | (rng.below(2) as u16 * 0x8000),
            },
        }
    });
    fpu.set_state(control, status, full, registers);
}

fn descriptor(base: u32, limit: u32, access: u8, flags: u8) -> u64 {
    let (base, limit) = (base as u64, limit as u64);
    limit & 0xffff
        | (base & 0xff_ffff) << 16
        | (access as u64) << 40
        | (limit >> 16 & 15) << 48
        | (flags as u64 & 15) << 52
        | (base >> 24) << 56
}

/// A gate; `access` is byte 5.
fn gate(selector: u16, offset: u32, count: u8, access: u8) -> u64 {
    offset as u64 & 0xffff
        | (selector as u64) << 16
        | (count as u64 & 31) << 32
        | (access as u64) << 40
        | (offset as u64 >> 16) << 48
}

/// The first 32 KiB of RAM under construction.
struct Tables<'a>(&'a mut [u8]);

impl Tables<'_> {
    fn put(&mut self, at: u32, bytes: &[u8]) {
        self.0[at as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn put32(&mut self, at: u32, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn put64(&mut self, at: u32, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    fn write(&mut self, rng: &mut Rng) {
        self.real_handlers(rng);
        self.descriptors(rng);
        self.handlers(rng);
        self.tasks(rng);
        self.pages(rng);
    }

    /// Interrupt vectors, and handlers that skip a few bytes of what faulted.
    fn real_handlers(&mut self, rng: &mut Rng) {
        for vector in 0..256 {
            let target = REAL_STUBS + vector % 32 * STUB;
            self.put32(vector * 4, if rng.one_in(64) { rng.below(RAM) } else { target });
        }
        for vector in 0..32 {
            let at = REAL_STUBS + vector * STUB;
            if matches!(vector, 0 | 5 | 6 | 7 | 12 | 13) {
                // push bp; mov bp, sp; add word [bp+2], n; pop bp; iret
                self.put(
                    at,
                    &[
                        0x55,
                        0x89,
                        0xe5,
                        0x83,
                        0x46,
                        2,
                        1 + rng.below(6) as u8,
                        0x5d,
                        0xcf,
                    ],
                );
            } else if vector == 1 {
                // push bp; mov bp, sp; and word [bp+6], ~TF; pop bp; iret
                self.put(at, &[0x55, 0x89, 0xe5, 0x81, 0x66, 6, 0xff, 0xfe, 0x5d, 0xcf]);
            } else {
                self.put(at, &[0xcf]);
            }
        }
    }

    fn descriptors(&mut self, rng: &mut Rng) {
        let fixed = [
            0,
            descriptor(0, 0xfffff, 0x9b, 12),
            descriptor(0, 0xfffff, 0x93, 12),
            descriptor(0, 0xfffff, 0xfb, 12),
            descriptor(0, 0xfffff, 0xf3, 12),
            descriptor(0, 0xffff, 0x9b, 0),
            descriptor(0, 0xffff, 0x93, 0),
            descriptor(0, 0xffff, 0xfb, 0),
            descriptor(0, 0xffff, 0xf3, 0),
            descriptor(TSS[0], 0x1ff, 0x8b, 0),
            descriptor(TSS[1], 0x67 + rng.below(2) * 0x198, 0x89, 0),
            descriptor(TSS[2], 0x2b + rng.below(2), 0x81, 0),
            descriptor(LDT, LDT_ENTRIES * 8 - 1, 0x82, 0),
            gate(
                SEL_CODE32,
                STUBS32 + rng.below(64) * STUB,
                rng.below(4) as u8,
                0xec,
            ),
            gate(
                SEL_CODE16,
                STUBS16 + rng.below(32) * STUB,
                rng.below(4) as u8,
                0xe4,
            ),
            gate(10 << 3, 0, 0, 0xe5),
            descriptor(rng.below(RAM), rng.below(0x10000), 0xf7, rng.pick(&[0, 4, 8, 12])),
            descriptor(0, 0xfffff, rng.pick(&[0x9f, 0xdf, 0xff]), 12),
            descriptor(0, 0xfffff, 0xf9, 12),
            descriptor(rng.below(RAM), rng.below(0x10000), 0xf1, 4),
            descriptor(rng.below(RAM), rng.below(0x10000), 0x73, 4),
        ];
        for n in 0..GDT_ENTRIES {
            let raw = match fixed.get(n as usize) {
                Some(&raw) => raw,
                None => random_descriptor(rng),
            };
            self.put64(GDT + n * 8, raw);
        }
        for n in 0..LDT_ENTRIES {
            let raw = random_descriptor(rng);
            self.put64(LDT + n * 8, raw);
        }
    }

    /// The IDT, and handlers that skip a few bytes of what faulted.
    fn handlers(&mut self, rng: &mut Rng) {
        for vector in 0..256 {
            let stub = vector % 32 * STUB;
            let dpl = if vector < 32 && !matches!(vector, 3 | 4) && !rng.one_in(8) {
                0
            } else {
                0x60
            };
            let raw = match rng.below(32) {
                0 => gate(SEL_CODE16, STUBS16 + stub, 0, 0x86 | rng.below(2) as u8 | dpl),
                1 => gate(10 << 3, 0, 0, 0x85 | dpl),
                2 => gate(value(rng) as u16, rng.below(RAM), 0, rng.u32() as u8),
                _ => gate(SEL_CODE32, STUBS32 + stub, 0, 0x8e | rng.below(2) as u8 | dpl),
            };
            self.put64(IDT + vector * 8, raw);
        }
        for vector in 0..32 {
            let skip = 1 + rng.below(6) as u8;
            let has_error = matches!(vector, 8 | 10..=14 | 17);
            let is_fault = has_error || matches!(vector, 0 | 5 | 6 | 7);
            let mut code = Vec::new();
            if has_error {
                // add esp, 4
                code.extend_from_slice(&[0x83, 0xc4, 4]);
            }
            if is_fault {
                // add dword [esp], n
                code.extend_from_slice(&[0x83, 0x04, 0x24, skip]);
            }
            if vector == 1 {
                // or dword [esp+8], RF; and dword [esp+8], ~TF
                code.extend_from_slice(&[0x81, 0x4c, 0x24, 8, 0, 0, 1, 0]);
                code.extend_from_slice(&[0x81, 0x64, 0x24, 8, 0xff, 0xfe, 0xff, 0xff]);
            }
            code.push(0xcf);
            self.put(STUBS32 + vector * STUB, &code);
            let mut code = Vec::new();
            if has_error {
                // add sp, 2
                code.extend_from_slice(&[0x83, 0xc4, 2]);
            }
            if is_fault {
                // push bp; mov bp, sp; add word [bp+2], n; pop bp
                code.extend_from_slice(&[0x55, 0x89, 0xe5, 0x83, 0x46, 2, skip, 0x5d]);
            }
            code.push(0xcf);
            self.put(STUBS16 + vector * STUB, &code);
        }
    }

    fn tasks(&mut self, rng: &mut Rng) {
        for (n, &at) in TSS[..2].iter().enumerate() {
            let stack = STACKS + 0x4000 * (n as u32 + 1);
            let fields = [
                0,
                stack,
                SEL_DATA32 as u32,
                stack + 0x1000,
                SEL_DATA32 as u32 | 1,
                stack + 0x2000,
                SEL_DATA32 as u32 | 2,
                PAGE_DIRECTORY,
                CODE + rng.below(CODE_LEN),
                2 | rng.u32() & 0xcd5 | rng.below(2) << 9 | rng.below(4) << 12,
                value(rng),
                rng.below(40),
                value(rng),
                value(rng),
                STACKS + rng.below(0xfff0),
                value(rng),
                value(rng),
                value(rng),
                SEL_DATA32 as u32,
                SEL_CODE32 as u32,
                SEL_DATA32 as u32,
                SEL_DATA32 as u32,
                rng.pick(&[0, SEL_DATA32_USER as u32]),
                if rng.one_in(2) { 0 } else { value(rng) },
                SEL_LDT as u32,
                (0x88 << 16) | rng.one_in(16) as u32,
            ];
            for (field, &value) in fields.iter().enumerate() {
                self.put32(at + 4 * field as u32, value);
            }
            // Interrupt redirection and I/O permission bitmaps.
            for offset in (0x68..0x1fc).step_by(4) {
                let bits = rng.u32() & rng.u32();
                self.put32(at + offset, bits);
            }
            self.put32(at + 0x1fc, u32::MAX);
        }
        let stack = (STACKS as u16).wrapping_add(0x7f00);
        let fields = [
            0,
            stack,
            SEL_DATA16,
            stack,
            SEL_DATA16 | 1,
            stack,
            SEL_DATA16 | 2,
            CODE as u16 + rng.below(0x7000) as u16,
            2,
            value(rng) as u16,
            rng.below(40) as u16,
            value(rng) as u16,
            value(rng) as u16,
            0x7f00,
            value(rng) as u16,
            value(rng) as u16,
            value(rng) as u16,
            SEL_DATA16,
            SEL_CODE16,
            SEL_DATA16,
            SEL_DATA16,
            SEL_LDT,
        ];
        for (field, value) in fields.into_iter().enumerate() {
            self.put(TSS[2] + 2 * field as u32, &value.to_le_bytes());
        }
    }

    /// Two page tables, mostly identical mappings, and one 4 MiB page.
    fn pages(&mut self, rng: &mut Rng) {
        for n in 0..1024 {
            let entry = match n {
                0 | 1 => (PAGE_TABLES + n * 0x1000) | 7,
                2 => 0x87 | rng.u32() & 0x160,
                _ if rng.one_in(8) => rng.below(RAM) & !0xfff | rng.u32() & 0xfff,
                _ => 0,
            };
            self.put32(PAGE_DIRECTORY + 4 * n, entry);
        }
        for n in 0..1024 {
            let page = if n < 0x140 && !rng.one_in(8) {
                n
            } else {
                rng.below(0x140)
            };
            // The tables, handlers and stacks stay where they are, or nothing would run for long.
            let sound = n < 8 || (0x30..0x40).contains(&n);
            let entry = if sound {
                n << 12 | rng.u32() & 0x160 | 7
            } else if rng.one_in(12) {
                page << 12 | rng.u32() & 0xe67
            } else {
                page << 12 | rng.u32() & 0x160 | 7
            };
            self.put32(PAGE_TABLES + 4 * n, entry);
            let page = if rng.one_in(30) {
                rng.u32() & 0xfffff
            } else {
                rng.below(0x140)
            };
            self.put32(PAGE_TABLES + 0x1000 + 4 * n, page << 12 | rng.u32() & 0x166 | 1);
        }
    }
}

fn random_descriptor(rng: &mut Rng) -> u64 {
    match rng.below(8) {
        0 => rng.u64(),
        1 => gate(
            value(rng) as u16,
            CODE + rng.below(CODE_LEN),
            rng.u32() as u8,
            0x84 | rng.u32() as u8 & 0x6f,
        ),
        2 => descriptor(
            rng.below(RAM),
            rng.below(0x400),
            0x80 | rng.u32() as u8 & 0x6f,
            rng.u32() as u8,
        ),
        _ => descriptor(
            if rng.one_in(2) { 0 } else { rng.below(RAM) },
            if rng.one_in(2) {
                0xfffff
            } else {
                rng.below(0x10000)
            },
            0x90 | rng.u32() as u8 & 0x6f,
            rng.u32() as u8 & 13,
        ),
    }
}
