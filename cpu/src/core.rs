//! The architectural state of the processor, and what is derived from it.

use bitflags::bitflags;
use oldiron_mmu::{Attention, Paging, PagingMode, Segment, Ticks, Tlb, TlbBank, Width};
use serde::{Deserialize, Serialize};

use crate::{
    CpuModel, CpuStats, Features,
    dispatch::registers,
    fault::Fault,
    flags::{Eflags, LazyFlags},
    fpu::{Fpu, Register},
    simd::{Mxcsr, Xmm},
};

/// General registers, by their number in instructions.
pub mod reg {
    #![allow(missing_docs)]
    pub const EAX: usize = 0;
    pub const ECX: usize = 1;
    pub const EDX: usize = 2;
    pub const EBX: usize = 3;
    pub const ESP: usize = 4;
    pub const EBP: usize = 5;
    pub const ESI: usize = 6;
    pub const EDI: usize = 7;
    /// Always zero: the base or index of an address that has none.
    pub const ZERO: usize = 16;
}

/// Segment registers, by their number in instructions.
pub mod seg {
    #![allow(missing_docs)]
    pub const ES: usize = 0;
    pub const CS: usize = 1;
    pub const SS: usize = 2;
    pub const DS: usize = 3;
    pub const FS: usize = 4;
    pub const GS: usize = 5;
}

/// In a byte register number: the second byte of the register (AH, CH, DH, BH).
pub const HIGH_BYTE: u8 = 0x20;

bitflags! {
    /// CR0 (SDM vol. 3A §2.5).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Cr0: u32 {
        /// Protection enable.
        const PE = 1 << 0;
        /// Monitor coprocessor.
        const MP = 1 << 1;
        /// Emulation.
        const EM = 1 << 2;
        /// Task switched.
        const TS = 1 << 3;
        /// Extension type: always set from the 486 on.
        const ET = 1 << 4;
        /// Numeric error.
        const NE = 1 << 5;
        /// Write protect.
        const WP = 1 << 16;
        /// Alignment mask.
        const AM = 1 << 18;
        /// Not write-through.
        const NW = 1 << 29;
        /// Cache disable.
        const CD = 1 << 30;
        /// Paging.
        const PG = 1 << 31;
    }

    /// CR4 (SDM vol. 3A §2.5).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Cr4: u32 {
        /// Virtual-8086 mode extensions.
        const VME = 1 << 0;
        /// Protected-mode virtual interrupts.
        const PVI = 1 << 1;
        /// RDTSC only at CPL 0.
        const TSD = 1 << 2;
        /// Debugging extensions: I/O breakpoints; DR4 and DR5 are #UD.
        const DE = 1 << 3;
        /// 4 MiB pages.
        const PSE = 1 << 4;
        /// Physical address extension.
        const PAE = 1 << 5;
        /// Machine check.
        const MCE = 1 << 6;
        /// Global pages.
        const PGE = 1 << 7;
        /// RDPMC at any CPL.
        const PCE = 1 << 8;
        /// The system saves SSE state: SSE instructions exist.
        const OSFXSR = 1 << 9;
        /// The system handles #XM.
        const OSXMMEXCPT = 1 << 10;
    }

    /// IA32_EFER (SDM vol. 3A §2.2.1), as far as it concerns 32-bit processors.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Efer: u64 {
        /// Bit 63 of PAE paging entries forbids execution.
        const NXE = 1 << 11;
    }
}

/// GDTR or IDTR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRegister {
    /// Linear address.
    pub base: u32,
    /// Last valid offset.
    pub limit: u16,
}

/// What inhibits interrupts until the next instruction is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shadow {
    /// Nothing.
    #[default]
    None,
    /// STI set IF: maskable interrupts wait.
    Sti,
    /// MOV SS or POP SS: interrupts and debug traps wait.
    MovSs,
}

/// What the processor is doing between instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Executing.
    #[default]
    Running,
    /// After HLT.
    Halted,
    /// After a triple fault.
    Shutdown,
}

/// The operating mode (SDM vol. 3A §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// CR0.PE clear.
    Real,
    /// CR0.PE and EFLAGS.VM set.
    Virtual8086,
    /// CR0.PE set, EFLAGS.VM clear.
    Protected,
}

bitflags! {
    /// What a trace was decoded for: traces are found only under equal keys.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct TraceMode: u8 {
        /// CS.D: 32-bit default sizes.
        const CODE32 = 1 << 0;
        /// SS.B: ESP rather than SP.
        const STACK32 = 1 << 1;
        /// CPL 3.
        const USER = 1 << 2;
        /// CR0.PE.
        const PROTECTED = 1 << 3;
        /// EFLAGS.VM.
        const V86 = 1 << 4;
        /// DS is flat.
        const FLAT_DS = 1 << 5;
        /// ES is flat.
        const FLAT_ES = 1 << 6;
        /// SS is flat and 32-bit.
        const FLAT_SS = 1 << 7;
    }
}

/// Debug register bits that `pending_debug` collects: B0–B3, BD, BS, BT of DR6.
pub mod dr6 {
    #![allow(missing_docs)]
    pub const B0: u32 = 1 << 0;
    pub const BD: u32 = 1 << 13;
    pub const BS: u32 = 1 << 14;
    pub const BT: u32 = 1 << 15;
    /// Bits that read as one.
    pub const ONES: u32 = 0xffff_0ff0;
}

/// The processor's state, without its caches of decoded instructions.
#[derive(Debug)]
pub struct Core {
    /// General registers: 0–7 are EAX to EDI (zero-extended), 16 is always zero. As long as a register
    /// number can be large, so that none needs a bounds check.
    pub gpr: [u64; 256],
    /// The six status flags.
    pub flags: LazyFlags,
    /// Segment registers; the last two stay null.
    pub segments: [Segment; 8],
    /// Offset of the current instruction (between instructions: of the next).
    pub eip: u32,
    /// Where execution goes on after the current system instruction; control transfers change it.
    pub next_eip: u32,
    /// EFLAGS without the six status flags.
    pub eflags: Eflags,
    /// Current privilege level.
    pub cpl: u8,
    /// Virtual time before the current instruction.
    pub now: Ticks,
    /// End of the present slice: no instruction may take more ticks than are left.
    pub slice_end: Ticks,
    /// Ticks that the current instruction took beyond the usual (REP: elements).
    pub extra_ticks: u32,
    /// CR0.
    pub cr0: Cr0,
    /// CR2: address of the last page fault.
    pub cr2: u32,
    /// CR3.
    pub cr3: u32,
    /// CR4.
    pub cr4: Cr4,
    /// The page directory pointers that were read when CR3 was loaded, with CR4.PAE.
    pub page_pointers: [u64; 4],
    /// IA32_EFER.
    pub efer: Efer,
    /// DR0–DR3, two unused, DR6, DR7.
    pub dr: [u32; 8],
    /// GDTR.
    pub gdtr: TableRegister,
    /// IDTR.
    pub idtr: TableRegister,
    /// LDTR.
    pub ldtr: Segment,
    /// TR.
    pub tr: Segment,
    /// Interrupt shadow of the last instruction.
    pub shadow: Shadow,
    /// Running, halted or shut down.
    pub activity: Activity,
    /// An NMI is being handled: further ones wait for IRET.
    pub nmi_blocked: bool,
    /// The current instruction entered a handler: no single-step trap follows it.
    pub suppress_trap: bool,
    /// A repeated string instruction is between two of its elements; EIP is its own.
    pub repeating: bool,
    /// DR6 bits of debug traps that the current instruction raised; delivered after it.
    pub pending_debug: u32,
    /// Test registers TR3–TR7 of the 386 and 486: stored, without effect.
    pub test_registers: [u32; 8],
    /// Model-specific registers that are only stored, by number.
    pub msrs: std::collections::BTreeMap<u32, u64>,
    /// The machine has connected the processor's local APIC, if it has one. Not saved: it belongs to the machine.
    pub apic_connected: bool,
    /// TSC minus virtual time.
    pub tsc_offset: u64,
    /// The x87; without one in the model, nothing reaches it.
    pub fpu: Fpu,
    /// The memory operand of an x87 instruction, on its way between two parts of the handler.
    pub(crate) x87_operand: Register,
    /// XMM0–XMM7.
    pub xmm: [Xmm; 8],
    /// Control and status of SSE.
    pub mxcsr: Mxcsr,
    /// CR0.EM, CR0.TS or CR4.OSFXSR bars SSE instructions. Derived.
    pub(crate) simd_barred: bool,
    /// The model.
    pub model: &'static CpuModel,

    /// Translations. A cache.
    pub tlb: Tlb,
    /// Key of the traces that fit the present mode. Derived, see [`Core::update_mode`].
    pub trace_mode: TraceMode,
    /// The fault that a handler reports by returning `Abort`.
    pub fault: Option<Fault>,
    /// Data breakpoints are armed: every access takes the slow path and is compared. Derived.
    pub watch_data: bool,
    /// Counters.
    pub stats: CpuStats,
    /// Interrupts and exceptions delivered, each of which took a tick.
    pub deliveries: u64,
    /// Instructions retired, up to the last run.
    pub retired: u64,
}

impl Core {
    /// A core after power-on.
    pub fn new(model: &'static CpuModel) -> Self {
        let mut core = Self {
            gpr: [0; 256],
            flags: LazyFlags::default(),
            segments: [Segment::default(); 8],
            eip: 0,
            next_eip: 0,
            eflags: Eflags::ONE,
            cpl: 0,
            now: 0,
            slice_end: 0,
            extra_ticks: 0,
            cr0: Cr0::empty(),
            cr2: 0,
            cr3: 0,
            cr4: Cr4::empty(),
            page_pointers: [0; 4],
            efer: Efer::empty(),
            dr: [0; 8],
            gdtr: TableRegister::default(),
            idtr: TableRegister::default(),
            ldtr: Segment::default(),
            tr: Segment::default(),
            shadow: Shadow::None,
            activity: Activity::Running,
            nmi_blocked: false,
            suppress_trap: false,
            repeating: false,
            pending_debug: 0,
            test_registers: [0; 8],
            msrs: std::collections::BTreeMap::new(),
            apic_connected: false,
            tsc_offset: 0,
            fpu: Fpu::default(),
            x87_operand: Register::zero(0),
            xmm: [Xmm::default(); 8],
            mxcsr: Mxcsr::RESET,
            simd_barred: true,
            model,
            tlb: Tlb::default(),
            trace_mode: TraceMode::empty(),
            fault: None,
            watch_data: false,
            stats: CpuStats::default(),
            deliveries: 0,
            retired: 0,
        };
        core.reset();
        core
    }

    /// RESET (SDM vol. 3A table 9-1).
    pub fn reset(&mut self) {
        self.gpr = [0; 256];
        self.gpr[reg::EDX] = self.model.reset_edx as u64;
        self.flags = LazyFlags::default();
        self.eflags = Eflags::ONE;
        for segment in &mut self.segments[..6] {
            *segment = Segment::real(0, 0);
        }
        self.segments[seg::CS].selector = 0xf000;
        self.segments[seg::CS].base = 0xffff_0000;
        self.eip = 0xfff0;
        self.next_eip = 0xfff0;
        self.cpl = 0;
        self.cr0 = self.model.reset_cr0();
        self.cr2 = 0;
        self.cr3 = 0;
        self.cr4 = Cr4::empty();
        self.page_pointers = [0; 4];
        self.efer = Efer::empty();
        self.dr = [0, 0, 0, 0, 0, 0, dr6::ONES, 0x400];
        self.gdtr = TableRegister {
            base: 0,
            limit: 0xffff,
        };
        self.idtr = TableRegister {
            base: 0,
            limit: 0x3ff,
        };
        self.ldtr = Segment {
            limit: 0xffff,
            ..Segment::default()
        };
        self.tr = Segment {
            limit: 0xffff,
            ..Segment::default()
        };
        self.shadow = Shadow::None;
        self.activity = Activity::Running;
        self.nmi_blocked = false;
        self.repeating = false;
        self.pending_debug = 0;
        self.msrs.clear();
        self.fpu = Fpu::default();
        self.xmm = [Xmm::default(); 8];
        self.mxcsr = Mxcsr::RESET;
        self.tlb.flush_all();
        self.update_mode();
    }

    // ---- registers ----

    /// A general register of width `W`; byte registers may carry `HIGH_BYTE`.
    #[inline(always)]
    pub fn reg<W: Width>(&self, number: u8) -> W {
        if W::BYTES == 1 {
            let slot = &self.gpr[(number & !HIGH_BYTE) as usize];
            return W::truncate(registers::byte(slot, number & HIGH_BYTE != 0) as u64);
        }
        registers::low(&self.gpr[number as usize])
    }

    /// Writes a general register: 32-bit writes zero-extend, narrower ones keep the rest.
    #[inline(always)]
    pub fn set_reg<W: Width>(&mut self, number: u8, value: W) {
        let slot = &mut self.gpr[if W::BYTES == 1 {
            number & !HIGH_BYTE
        } else {
            number
        } as usize];
        match W::BYTES {
            1 => {
                let shift = number >> 2 & 8;
                *slot = *slot & !(0xff << shift) | value.zext() << shift;
            }
            2 => *slot = *slot & !0xffff | value.zext(),
            _ => *slot = value.zext(),
        }
    }

    /// A 32-bit general register by index, see [`reg`].
    #[inline(always)]
    pub fn gpr32(&self, index: usize) -> u32 {
        self.gpr[index & 31] as u32
    }

    /// Writes a 32-bit general register by index.
    #[inline(always)]
    pub fn set_gpr32(&mut self, index: usize, value: u32) {
        self.gpr[index & 15] = value as u64;
    }

    /// ESP or SP, as SS.B says.
    pub fn stack_pointer(&self) -> u32 {
        let esp = self.gpr32(reg::ESP);
        if self.segments[seg::SS].is_big() {
            esp
        } else {
            esp & 0xffff
        }
    }

    /// Writes ESP, or SP alone, as SS.B says.
    pub fn set_stack_pointer(&mut self, value: u32) {
        if self.segments[seg::SS].is_big() {
            self.set_gpr32(reg::ESP, value);
        } else {
            self.set_reg::<u16>(reg::ESP as u8, value as u16);
        }
    }

    // ---- EFLAGS ----

    /// The whole of EFLAGS.
    pub fn flags_image(&self) -> Eflags {
        self.eflags | self.flags.eflags() | Eflags::ONE
    }

    /// Writes the bits of EFLAGS in `mask`; afterwards [`Core::update_mode`] is due if VM or AC changed
    /// (done here).
    pub fn set_flags_image(&mut self, value: Eflags, mask: Eflags) {
        let merged = self.flags_image() & !mask | value & mask;
        self.flags = LazyFlags::from_eflags(merged);
        let old = self.eflags;
        self.eflags = merged & !Eflags::STATUS | Eflags::ONE;
        if (old ^ self.eflags).intersects(Eflags::VM | Eflags::AC) {
            self.update_mode();
        }
    }

    // ---- mode ----

    /// The operating mode.
    pub fn mode(&self) -> Mode {
        match (self.cr0.contains(Cr0::PE), self.eflags.contains(Eflags::VM)) {
            (false, _) => Mode::Real,
            (true, true) => Mode::Virtual8086,
            (true, false) => Mode::Protected,
        }
    }

    /// Whether segment loads use descriptors.
    pub fn is_protected(&self) -> bool {
        self.mode() == Mode::Protected
    }

    /// Whether alignment is checked now.
    pub fn checks_alignment(&self) -> bool {
        self.cpl == 3 && self.cr0.contains(Cr0::AM) && self.eflags.contains(Eflags::AC)
    }

    /// How the page walk goes now.
    pub fn paging(&self) -> Paging {
        Paging {
            mode: self.paging_mode(),
            root: self.cr3,
            pointers: self.page_pointers,
        }
    }

    fn paging_mode(&self) -> PagingMode {
        let mut mode = PagingMode::empty();
        mode.set(PagingMode::ENABLED, self.cr0.contains(Cr0::PG));
        mode.set(PagingMode::WRITE_PROTECT, self.cr0.contains(Cr0::WP));
        mode.set(PagingMode::PAGE_SIZE_EXTENSION, self.cr4.contains(Cr4::PSE));
        mode.set(PagingMode::GLOBAL, self.cr4.contains(Cr4::PGE));
        mode.set(PagingMode::PHYSICAL_EXTENSION, self.cr4.contains(Cr4::PAE));
        mode.set(PagingMode::EXECUTE_DISABLE, self.efer.contains(Efer::NXE));
        mode.set(PagingMode::PSE36, self.model.has(Features::PSE36));
        mode
    }

    /// Whether the run loop would do something about `attention` now. An interrupt that IF keeps out is
    /// nothing: what sets IF looks around itself.
    #[inline(always)]
    pub(crate) fn heeds(&self, attention: Attention) -> bool {
        attention.contains(Attention::INTR) && self.eflags.contains(Eflags::IF)
            || !attention.difference(Attention::INTR).is_empty()
    }

    /// Recomputes what is derived from CR0, EFLAGS, CPL, DR7 and the segment registers. Due after every
    /// change to one of them that an instruction makes.
    pub fn update_mode(&mut self) {
        self.update_fpu_bars();
        let mut mode = TraceMode::empty();
        let [es, cs, ss, ds, ..] = &self.segments;
        mode.set(TraceMode::CODE32, cs.is_big());
        mode.set(TraceMode::STACK32, ss.is_big());
        mode.set(TraceMode::USER, self.cpl == 3);
        mode.set(TraceMode::PROTECTED, self.cr0.contains(Cr0::PE));
        mode.set(TraceMode::V86, self.eflags.contains(Eflags::VM));
        mode.set(TraceMode::FLAT_DS, ds.is_flat());
        mode.set(TraceMode::FLAT_ES, es.is_flat());
        mode.set(TraceMode::FLAT_SS, ss.is_flat() && ss.is_big());
        self.trace_mode = mode;
        // R/W fields of DR7 other than 00 (execution) with their L or G bit set.
        self.watch_data = self.dr[7] & 0xff != 0
            && (0..4).any(|n| self.dr[7] >> (2 * n) & 3 != 0 && self.dr[7] >> (16 + 4 * n) & 3 != 0);
        self.tlb.select(if self.watch_data || self.checks_alignment() {
            TlbBank::Disabled
        } else if self.cpl == 3 {
            TlbBank::User
        } else {
            TlbBank::Supervisor
        });
    }

    /// Tells FPU and SSE what CR0.EM, CR0.TS and CR4.OSFXSR say.
    pub(crate) fn update_fpu_bars(&mut self) {
        self.simd_barred = self.cr0.intersects(Cr0::EM | Cr0::TS) || !self.cr4.contains(Cr4::OSFXSR);
        self.fpu
            .set_barred(self.cr0.contains(Cr0::EM), self.cr0.contains(Cr0::TS));
    }

    /// Time stamp counter.
    pub fn tsc(&self) -> u64 {
        self.now.wrapping_add(self.tsc_offset)
    }
}
