//! Tests of privilege, gates, tasks and modes: small protected-mode machines, one instruction or event at
//! a time. What user programs can see of all this is tested by the silicon vectors.

mod far;
mod flags;
mod fpu;
mod interrupts;
mod p6;
mod paging;
mod port_strings;
mod registers;
mod sysenter;
mod tasks;
mod virtual8086;

use oldiron_mmu::Segment;

use crate::{
    Core, CoreGuard, Cpu, CpuModel, Cr0, Dispatch, Eflags, MODELS, TableRegister, reg, seg, tests::Bench,
};

pub(crate) const GDT: u32 = 0x1000;
pub(crate) const IDT: u32 = 0x2000;
pub(crate) const LDT: u32 = 0x2800;
pub(crate) const TSS_A: u32 = 0x3000;
pub(crate) const TSS_B: u32 = 0x3400;
pub(crate) const TSS_16: u32 = 0x3800;
/// Where each test's code lies and starts.
pub(crate) const CODE: u32 = 0x10000;
pub(crate) const STACK0: u32 = 0x20000;
pub(crate) const STACK3: u32 = 0x30000;
/// Handlers of the exceptions, 16 bytes apart.
pub(crate) const HANDLERS: u32 = 0x40000;

pub(crate) const CODE0: u16 = 0x08;
pub(crate) const DATA0: u16 = 0x10;
pub(crate) const CODE3: u16 = 0x1b;
pub(crate) const DATA3: u16 = 0x23;
pub(crate) const CODE0_16: u16 = 0x28;
pub(crate) const CONFORMING0: u16 = 0x30;
pub(crate) const TASK_A: u16 = 0x38;
pub(crate) const TASK_B: u16 = 0x40;
pub(crate) const TASK_16: u16 = 0x48;
pub(crate) const LOCAL: u16 = 0x50;
/// Not present.
pub(crate) const ABSENT_CODE: u16 = 0x58;
/// For each test's own descriptor.
pub(crate) const SPARE: u16 = 0x60;
pub(crate) const ABSENT_DATA: u16 = 0x68;
/// 64 KiB of ring 0 code.
pub(crate) const SHORT_CODE: u16 = 0x70;
pub(crate) const GDT_LIMIT: u16 = 0x77;

const FLAT_CODE0: u64 = 0x00cf_9b00_0000_ffff;
const FLAT_DATA0: u64 = 0x00cf_9300_0000_ffff;
const DPL3: u64 = 3 << 45;

pub(crate) const CALL_GATE16: u8 = 0x84;
pub(crate) const CALL_GATE32: u8 = 0x8c;
pub(crate) const TASK_GATE: u8 = 0x85;
pub(crate) const INTERRUPT_GATE16: u8 = 0x86;
pub(crate) const INTERRUPT_GATE32: u8 = 0x8e;
pub(crate) const TRAP_GATE32: u8 = 0x8f;
/// In the access byte of a gate.
pub(crate) const USER: u8 = 0x60;

/// A gate descriptor.
pub(crate) fn gate(access: u8, selector: u16, offset: u32, parameters: u8) -> u64 {
    offset as u64 & 0xffff
        | (selector as u64) << 16
        | (parameters as u64) << 32
        | (access as u64) << 40
        | (offset as u64 >> 16) << 48
}

/// A system segment descriptor.
pub(crate) fn system(access: u8, base: u32, limit: u32) -> u64 {
    limit as u64 | (base as u64 & 0xff_ffff) << 16 | (access as u64) << 40 | (base as u64 >> 24) << 56
}

/// A protected-mode machine at `CODE`, ring 0, interrupts off, TR = task A.
pub(crate) struct Machine {
    pub(crate) bench: Bench,
}

impl Machine {
    pub(crate) fn new(code: &[u8]) -> Self {
        Self::with_model(code, "p6")
    }

    pub(crate) fn with_model(code: &[u8], model: &str) -> Self {
        let mut bench = Bench::new(&[], Dispatch::Loop);
        let model = CpuModel::parse(model).unwrap();
        bench.cpu = Cpu::new(model);
        let mut machine = Self { bench };
        let table = [
            0,
            FLAT_CODE0,
            FLAT_DATA0,
            FLAT_CODE0 | DPL3,
            FLAT_DATA0 | DPL3,
            0x008f_9b00_0000_ffff,
            0x00cf_9f00_0000_ffff,
            system(0x8b, TSS_A, 0x200),
            system(0x89, TSS_B, 0x67),
            system(0x81, TSS_16, 0x2b),
            system(0x82, LDT, 0x3f),
            FLAT_CODE0 & !(1 << 47),
            0,
            FLAT_DATA0 & !(1 << 47),
            0x0040_9b00_0000_ffff,
        ];
        for (selector, raw) in (0..).step_by(8).zip(table) {
            machine.set_descriptor(selector, raw);
        }
        for number in 0..32 {
            machine.set_gate(
                number,
                gate(INTERRUPT_GATE32, CODE0, HANDLERS + number as u32 * 16, 0),
            );
            machine.put(HANDLERS + number as u32 * 16, &[0xf4]);
        }
        machine.put(TSS_A + 4, &STACK0.to_le_bytes());
        machine.put(TSS_A + 8, &DATA0.to_le_bytes());
        machine.put(TSS_A + 0x66, &0x88u16.to_le_bytes());
        machine.put(TSS_A + 0x88, &[0xff; 0x100]);
        machine.put(CODE, code);
        let mut core = machine.state();
        core.cr0 = Cr0::PE | Cr0::ET | Cr0::NE;
        core.gdtr = TableRegister {
            base: GDT,
            limit: GDT_LIMIT,
        };
        core.idtr = TableRegister {
            base: IDT,
            limit: 0x7ff,
        };
        core.tr = Segment::from_descriptor(TASK_A, system(0x8b, TSS_A, 0x200));
        core.ldtr = Segment::from_descriptor(LOCAL, system(0x82, LDT, 0x3f));
        core.eip = CODE;
        drop(core);
        machine.enter_ring(0);
        machine
    }

    /// Flat segments and a stack of ring 0 or 3.
    pub(crate) fn enter_ring(&mut self, level: u8) {
        let (code, data, raw_dpl, stack) = match level {
            0 => (CODE0, DATA0, 0, STACK0),
            _ => (CODE3, DATA3, DPL3, STACK3),
        };
        let mut core = self.state();
        for register in 0..6 {
            core.segments[register] = Segment::from_descriptor(data, FLAT_DATA0 | raw_dpl);
        }
        core.segments[seg::CS] = Segment::from_descriptor(code, FLAT_CODE0 | raw_dpl);
        core.cpl = level;
        core.set_gpr32(reg::ESP, stack);
    }

    /// The same in ring 3.
    pub(crate) fn user(code: &[u8]) -> Self {
        let mut machine = Self::new(code);
        machine.enter_ring(3);
        machine
    }

    /// In virtual-8086 mode with `iopl`, at `CODE` = 1000:0000.
    pub(crate) fn virtual8086(code: &[u8], iopl: u32) -> Self {
        let mut machine = Self::new(code);
        let mut core = machine.state();
        for register in 0..6 {
            core.segments[register] = Segment::real(0x2000 + register as u16, 3);
        }
        core.segments[seg::CS] = Segment::real((CODE >> 4) as u16, 3);
        core.segments[seg::SS] = Segment::real((STACK3 >> 4) as u16, 3);
        core.cpl = 3;
        core.eip = 0;
        core.set_gpr32(reg::ESP, 0x1000);
        let flags = Eflags::from_bits_retain(iopl << 12) | Eflags::VM | Eflags::IF;
        core.set_flags_image(flags, Eflags::all());
        drop(core);
        machine
    }

    pub(crate) fn state(&mut self) -> CoreGuard<'_> {
        self.bench.cpu.core_mut()
    }

    pub(crate) fn core(&self) -> &Core {
        self.bench.cpu.core()
    }

    pub(crate) fn set_descriptor(&mut self, selector: u16, raw: u64) {
        self.put(GDT + (selector & !7) as u32, &raw.to_le_bytes());
    }

    pub(crate) fn set_gate(&mut self, number: u8, raw: u64) {
        self.put(IDT + number as u32 * 8, &raw.to_le_bytes());
    }

    pub(crate) fn put(&mut self, addr: u32, bytes: &[u8]) {
        self.bench.mem.phys_write(addr, bytes);
    }

    pub(crate) fn put32(&mut self, addr: u32, values: &[u32]) {
        for (at, value) in (addr..).step_by(4).zip(values) {
            self.put(at, &value.to_le_bytes());
        }
    }

    pub(crate) fn read32(&self, addr: u32) -> u32 {
        let mut bytes = [0; 4];
        self.bench.mem.phys_read(addr, &mut bytes);
        u32::from_le_bytes(bytes)
    }

    pub(crate) fn read16(&self, addr: u32) -> u16 {
        self.read32(addr) as u16
    }

    /// What the flat stack holds from ESP on.
    pub(crate) fn stack<const N: usize>(&self) -> [u32; N] {
        core::array::from_fn(|n| self.read32(self.core().gpr32(reg::ESP) + 4 * n as u32))
    }

    /// Runs one instruction, or delivers one event.
    pub(crate) fn step(&mut self) -> &mut Self {
        self.bench.run(self.bench.now + 1);
        self
    }

    pub(crate) fn steps(&mut self, count: u64) -> &mut Self {
        for _ in 0..count {
            self.step();
        }
        self
    }

    /// Steps once and checks that the instruction raised this exception with this error code in ring 0.
    #[track_caller]
    pub(crate) fn faults(&mut self, number: u8, error: Option<u32>) {
        let eip = self.core().eip;
        self.step();
        let core = self.core();
        assert_eq!(
            core.eip.wrapping_sub(HANDLERS) / 16,
            number as u32,
            "at {:x}",
            core.eip
        );
        assert_eq!(core.segments[seg::CS].selector, CODE0);
        let frame: [u32; 2] = self.stack();
        let (got, return_eip) = match error {
            Some(_) => (Some(frame[0]), frame[1]),
            None => (None, frame[0]),
        };
        assert_eq!(got, error);
        assert_eq!(return_eip, eip);
    }

    /// CS and EIP.
    pub(crate) fn at(&self) -> (u16, u32) {
        (self.core().segments[seg::CS].selector, self.core().eip)
    }

    pub(crate) fn selector(&self, register: usize) -> u16 {
        self.core().segments[register].selector
    }

    pub(crate) fn esp(&self) -> u32 {
        self.core().gpr32(reg::ESP)
    }

    pub(crate) fn flags(&self) -> Eflags {
        self.core().flags_image()
    }
}

/// `jmp ptr16:32`.
pub(crate) fn jmp(selector: u16, offset: u32) -> Vec<u8> {
    far_pointer(0xea, selector, offset)
}

/// `call ptr16:32`.
pub(crate) fn call(selector: u16, offset: u32) -> Vec<u8> {
    far_pointer(0x9a, selector, offset)
}

fn far_pointer(opcode: u8, selector: u16, offset: u32) -> Vec<u8> {
    let mut code = vec![opcode];
    code.extend(offset.to_le_bytes());
    code.extend(selector.to_le_bytes());
    code
}
