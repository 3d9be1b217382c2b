//! The semantics of instructions: one small type per form, generic over operand width and over how
//! memory is reached. Safe code only; [`crate::dispatch`] turns each into handlers.

pub(crate) mod alu;
pub(crate) mod bcd;
pub(crate) mod beside;
pub(crate) mod bit;
pub(crate) mod branch;
pub(crate) mod control;
pub(crate) mod descriptor;
pub(crate) mod far;
pub(crate) mod flag;
pub(crate) mod flag_control;
pub(crate) mod fpu;
pub(crate) mod fpu_quick;
pub(crate) mod fused;
pub(crate) mod io;
pub(crate) mod monitor;
pub(crate) mod move_;
pub(crate) mod muldiv;
pub(crate) mod newer;
pub(crate) mod real;
pub(crate) mod segment;
pub(crate) mod shift;
pub(crate) mod simd;
pub(crate) mod software_int;
pub(crate) mod stack;
pub(crate) mod string;
pub(crate) mod sysenter;
pub(crate) mod system;
pub(crate) mod table;
pub(crate) mod task;

use oldiron_mmu::{Bus, HostSlot, Width};

use crate::{
    access::{read_device, write_device},
    core::{Core, reg, seg},
    fault::{Fault, FaultRule},
    flags::LazyFlags,
    fpu::Operation,
    insn::Insn,
    simd::{Packed, Xmm},
};

/// The instruction could not be finished here. On the fast path: take the slow one. On the slow
/// path: it faulted, and [`Core::fault`] says how. Either way nothing was changed.
#[derive(Debug)]
pub(crate) struct Abort;

/// Where execution goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) enum Flow {
    /// With the next record.
    Next,
    /// Behind a branch that was not taken, where the trace goes on: with the record after its links.
    Pass,
    /// Behind the last instruction of the trace.
    Fall,
    /// At the direct target, [`Insn::imm`].
    Taken,
    /// At this offset in CS.
    Indirect(u32),
    /// At this offset in a CS that has another base now, everything else being equal.
    Far(u32),
    /// The same, and interrupts may have been enabled.
    FarEnabled(u32),
    /// At [`Core::next_eip`], after a look around: mode, interrupts or anything else may have changed.
    Stop,
    /// With this instruction again (REP that was interrupted).
    Again,
}

/// What an instruction comes to.
pub(crate) type Outcome = Result<Flow, Abort>;

/// How the memory operand's address is formed, decided when the instruction is lowered.
pub(crate) mod ea {
    #![allow(missing_docs)]
    /// Flat segment, base + displacement.
    pub const FLAT_BASE: u8 = 0;
    /// Flat segment, base + index * scale + displacement.
    pub const FLAT_INDEX: u8 = 1;
    /// Checked segment, 32-bit address.
    pub const SEGMENT32: u8 = 2;
    /// Checked segment, 16-bit address without index.
    pub const SEGMENT16_BASE: u8 = 3;
    /// Checked segment, 16-bit address.
    pub const SEGMENT16: u8 = 4;
    pub const COUNT: usize = 5;
}

/// How the stack is reached.
pub(crate) mod st {
    #![allow(missing_docs)]
    /// Flat SS, ESP.
    pub const FLAT: u8 = 0;
    /// Checked SS, ESP.
    pub const SEGMENT32: u8 = 1;
    /// Checked SS, SP.
    pub const SEGMENT16: u8 = 2;
    pub const COUNT: usize = 3;
}

/// Which implicit machinery a form uses: decides which fast handlers exist for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Registers and immediates only.
    Register,
    /// A memory operand that is only read.
    Load,
    /// A memory operand.
    Memory,
    /// The stack.
    Stack,
    /// A memory operand and the stack.
    MemoryStack,
    /// IN at the port in DX: the slow path, unless the chip answers without touching anything else.
    Input,
    /// Always the slow path.
    Slow,
}

impl Form {
    pub(crate) const fn has_memory(self) -> bool {
        matches!(self, Self::Load | Self::Memory | Self::MemoryStack)
    }

    /// Whether memory may be written.
    pub(crate) const fn may_store(self) -> bool {
        matches!(self, Self::Memory | Self::Stack | Self::MemoryStack)
    }

    pub(crate) const fn has_stack(self) -> bool {
        matches!(self, Self::Stack | Self::MemoryStack)
    }
}

/// How a form treats the six status flags; decides where they need not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlagUse {
    /// Neither reads nor writes them.
    None,
    /// Writes all six and reads none.
    Sets,
    /// Writes all six and reads some.
    ReadsAndSets,
    /// Writes some and keeps the others.
    Merges,
    /// Reads them, or writes them only sometimes.
    Other,
}

impl FlagUse {
    /// Whether handlers exist that do not compute the flags.
    pub(crate) const fn may_skip(self) -> bool {
        matches!(self, Self::Sets | Self::ReadsAndSets | Self::Merges)
    }
}

/// An arithmetic instruction of the x87.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "only x86-64 hosts have such forms")
)]
pub(crate) struct StackArithmetic {
    pub(crate) operation: Operation,
    pub(crate) operands: Operands,
}

/// Its destination and source.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "only x86-64 hosts have such forms")
)]
pub(crate) enum Operands {
    /// `st0, sti`
    ToTop,
    /// `sti, st0`
    FromTop,
    /// `sti, st0`, and ST(0) is popped.
    FromTopAndPop,
    /// `st0, m`; [`Core::x87_operand`] has been loaded, and that noted.
    Loaded,
}

/// One form of an instruction.
pub(crate) trait Op {
    /// What it uses.
    const FORM: Form;
    /// How it treats the status flags.
    const FLAG_USE: FlagUse;
    /// Where the fast form gives up, [`beside::Beside`] may still do it.
    const HAS_SECOND: bool = Self::FORM.may_store();
    /// Arithmetic of the x87, which has shorter fast forms on some hosts: for them, what has a memory operand only
    /// loads it with [`Exec::FIRST`].
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only x86-64 hosts have such forms")
    )]
    const STACK_ARITHMETIC: Option<StackArithmetic> = None;
    /// Executes it.
    fn exec<X: Exec>(x: &mut X, insn: &Insn) -> Outcome;
}

/// Defines a form: name, type parameters, [`Form`], [`FlagUse`] and its body.
macro_rules! op {
    ($(#[$doc:meta])* $name:ident $(<$($p:ident : $bound:path),+>)?, $form:ident, $flags:expr, |$x:ident : $X:ident, $i:ident| $body:block) => {
        $(#[$doc])*
        pub(crate) struct $name $(<$($p: $bound),+>(core::marker::PhantomData<($($p,)+)>))?;
        impl $(<$($p: $bound),+>)? crate::exec::Op for $name $(<$($p),+>)? {
            const FORM: crate::exec::Form = crate::exec::Form::$form;
            const FLAG_USE: crate::exec::FlagUse = { #[allow(unused_imports)] use crate::exec::FlagUse::*; $flags };
            #[inline(always)]
            fn exec<$X: crate::exec::Exec>($x: &mut $X, $i: &crate::insn::Insn) -> crate::exec::Outcome {
                #[allow(unused_imports)]
                use crate::exec::Exec as _;
                $body
            }
        }
    };
}
pub(crate) use op;

/// What an instruction acts on: registers, flags and memory, the fast or the slow way.
pub(crate) trait Exec {
    /// This is the slow path.
    const SLOW: bool;
    /// This is the first of the fast forms, which does only what is usual.
    const FIRST: bool = false;
    /// Somebody reads the status flags that this instruction writes.
    const FLAGS: bool;
    /// A memory place that was read for modification.
    type Place<W: Width>: Copy;

    fn core(&mut self) -> &mut Core;
    fn core_ref(&self) -> &Core;
    fn flags(&self) -> LazyFlags;
    fn put_flags(&mut self, flags: LazyFlags);

    /// Writes all six flags, if anybody reads them.
    #[inline(always)]
    fn set_flags(&mut self, flags: LazyFlags) {
        if Self::FLAGS {
            self.put_flags(flags);
        }
    }

    #[inline(always)]
    fn reg<W: Width>(&self, number: u8) -> W {
        self.core_ref().reg(number)
    }

    #[inline(always)]
    fn set_reg<W: Width>(&mut self, number: u8, value: W) {
        self.core().set_reg(number, value);
    }

    /// Offset of the memory operand.
    fn address(&self, insn: &Insn) -> u32;
    /// Reads at an offset in a segment.
    fn load_at<W: Width>(&mut self, segment: usize, offset: u32) -> Result<W, Abort>;
    /// Writes at an offset in a segment.
    fn store_at<W: Width>(&mut self, segment: usize, offset: u32, value: W) -> Result<(), Abort>;

    /// Reads at an offset in the operand's segment.
    #[inline(always)]
    fn load<W: Width>(&mut self, insn: &Insn, offset: u32) -> Result<W, Abort> {
        self.load_at(insn.seg as usize, offset)
    }

    /// Writes at an offset in the operand's segment.
    #[inline(always)]
    fn store<W: Width>(&mut self, insn: &Insn, offset: u32, value: W) -> Result<(), Abort> {
        self.store_at(insn.seg as usize, offset, value)
    }

    /// Reads the 16 bytes of an SSE operand; `aligned` if they must be.
    fn load_wide(&mut self, insn: &Insn, offset: u32, aligned: bool) -> Result<Xmm, Abort>;
    /// Writes 16 bytes likewise.
    fn store_wide(&mut self, insn: &Insn, offset: u32, value: Xmm, aligned: bool) -> Result<(), Abort>;

    /// Writes a general register at an offset in the operand's segment.
    #[inline(always)]
    fn store_reg<W: Width>(&mut self, insn: &Insn, offset: u32, number: u8) -> Result<(), Abort> {
        let value = self.reg::<W>(number);
        self.store(insn, offset, value)
    }

    /// Reads with the intention to write.
    fn modify<W: Width>(&mut self, insn: &Insn, offset: u32) -> Result<(W, Self::Place<W>), Abort>;
    /// Writes back what was modified. Cannot fail.
    fn commit<W: Width>(&mut self, place: Self::Place<W>, value: W);

    /// An offset as the stack's size wraps it.
    fn stack_wrap(&self, offset: u32) -> u32;

    /// A register that points into the stack, as the stack's size wraps it.
    #[inline(always)]
    fn stack_register(&self, number: usize) -> u32 {
        self.stack_wrap(self.core_ref().reg::<u32>(number as u8))
    }

    /// The stack pointer moved by `delta`.
    #[inline(always)]
    fn stack_offset(&self, delta: i32) -> u32 {
        self.stack_wrap(self.stack_register(reg::ESP).wrapping_add(delta as u32))
    }
    /// Reads the stack at an offset in SS.
    fn stack_load<W: Width>(&mut self, offset: u32) -> Result<W, Abort>;
    /// Writes the stack at an offset in SS.
    fn stack_store<W: Width>(&mut self, offset: u32, value: W) -> Result<(), Abort>;
    /// Checks on the slow path that a write to the stack at an offset in SS would succeed.
    #[inline(always)]
    fn check_stack<W: Width>(&mut self, _offset: u32) -> Result<(), Abort> {
        Ok(())
    }
    /// Writes ESP or SP.
    fn set_stack_pointer(&mut self, offset: u32);

    /// Pushes one value.
    #[inline(always)]
    fn push<W: Width>(&mut self, value: W) -> Result<(), Abort> {
        let offset = self.stack_offset(-(W::BYTES as i32));
        self.stack_store(offset, value)?;
        self.set_stack_pointer(offset);
        Ok(())
    }

    /// Raises a fault; on the fast path, leaves that to the slow one.
    fn fault(&mut self, fault: Fault) -> Abort;

    /// Checks a branch target against the limit of CS. Free on the fast path, which is only used
    /// where no target can violate it.
    fn check_target(&mut self, target: u32) -> Result<(), Abort>;

    /// Runs a system instruction; slow path only.
    fn system(&mut self, run: SystemFn, insn: &Insn) -> Result<(), Abort>;

    /// Lends out the bus; slow path only.
    fn with_bus<R>(
        &mut self,
        run: impl FnOnce(&mut Core, &mut Bus<'_>) -> Result<R, Fault>,
    ) -> Result<R, Abort>;
}

/// The signature of system instructions: everything committed, see `exec::system`.
pub(crate) type SystemFn = fn(&mut Core, &mut Bus<'_>, &Insn) -> Result<(), Fault>;

/// What the ways of executing have in common that touch memory through the TLB alone: whatever needs the
/// bus, or a fault, is left to [`Slow`].
macro_rules! through_the_tlb {
    () => {
        const SLOW: bool = false;
        type Place<W: Width> = HostSlot;

        #[inline(always)]
        fn core(&mut self) -> &mut Core {
            self.core
        }

        #[inline(always)]
        fn core_ref(&self) -> &Core {
            self.core
        }

        #[inline(always)]
        fn flags(&self) -> LazyFlags {
            self.flags
        }

        #[inline(always)]
        fn put_flags(&mut self, flags: LazyFlags) {
            self.flags = flags;
        }

        #[inline(always)]
        fn commit<W: Width>(&mut self, place: HostSlot, value: W) {
            place.write(value);
        }

        #[inline(always)]
        fn fault(&mut self, _: Fault) -> Abort {
            Abort
        }

        // Forms whose targets need a check have no fast handler, and so do not come here.
        #[inline(always)]
        fn check_target(&mut self, _: u32) -> Result<(), Abort> {
            Ok(())
        }

        #[inline(always)]
        fn system(&mut self, _: SystemFn, _: &Insn) -> Result<(), Abort> {
            Err(Abort)
        }

        #[inline(always)]
        fn with_bus<R>(
            &mut self,
            _: impl FnOnce(&mut Core, &mut Bus<'_>) -> Result<R, Fault>,
        ) -> Result<R, Abort> {
            Err(Abort)
        }
    };
}
use through_the_tlb;

/// The fast path: flags in registers, memory through the TLB alone.
pub(crate) struct Fast<'a, const FLAGS: bool, const EA: u8, const ST: u8> {
    core: &'a mut Core,
    flags: LazyFlags,
}

impl<'a, const FLAGS: bool, const EA: u8, const ST: u8> Fast<'a, FLAGS, EA, ST> {
    #[inline(always)]
    pub(crate) fn new(core: &'a mut Core, flags: LazyFlags) -> Self {
        Self { core, flags }
    }

    /// The linear address of an access, if the segment's fast ends allow it.
    #[inline(always)]
    fn linear<W: Width, const WRITE: bool>(&self, segment: usize, offset: u32) -> Result<u64, Abort> {
        if EA <= ea::FLAT_INDEX {
            return Ok(offset as u64);
        }
        self.core.segments[segment & 7]
            .fast_address::<W, WRITE>(offset)
            .ok_or(Abort)
    }

    /// The linear address of 16 bytes.
    #[inline(always)]
    fn wide<const WRITE: bool>(&self, insn: &Insn, offset: u32, aligned: bool) -> Result<u64, Abort> {
        let addr = self.linear::<u64, WRITE>(insn.seg as usize, offset)?;
        if aligned && addr & 15 != 0 {
            return Err(Abort);
        }
        // An offset that wraps is left to the slow path too; in a flat segment it is at the end of a page.
        if EA > ea::FLAT_INDEX
            && self.linear::<u64, WRITE>(insn.seg as usize, offset.wrapping_add(8))? != addr + 8
        {
            return Err(Abort);
        }
        Ok(addr)
    }

    #[inline(always)]
    fn stack_linear<W: Width, const WRITE: bool>(&self, offset: u32) -> Result<u64, Abort> {
        if ST == st::FLAT {
            return Ok(offset as u64);
        }
        self.core.segments[seg::SS]
            .fast_address::<W, WRITE>(offset)
            .ok_or(Abort)
    }
}

impl<const FLAGS: bool, const EA: u8, const ST: u8> Exec for Fast<'_, FLAGS, EA, ST> {
    const FIRST: bool = true;
    const FLAGS: bool = FLAGS;
    through_the_tlb!();

    #[inline(always)]
    fn address(&self, insn: &Insn) -> u32 {
        if EA == ea::SEGMENT16 {
            return self.core.effective_address16(insn);
        }
        if EA == ea::SEGMENT16_BASE {
            return self.reg::<u16>(insn.base).wrapping_add(insn.disp as u16) as u32;
        }
        let base = self.reg::<u32>(insn.base).wrapping_add(insn.disp);
        if EA == ea::FLAT_BASE {
            return base;
        }
        base.wrapping_add(self.reg::<u32>(insn.index) << (insn.scale & 3))
    }

    #[inline(always)]
    fn load_at<W: Width>(&mut self, segment: usize, offset: u32) -> Result<W, Abort> {
        let addr = self.linear::<W, false>(segment, offset)?;
        self.core.tlb.read(addr).ok_or(Abort)
    }

    #[inline(always)]
    fn store_at<W: Width>(&mut self, segment: usize, offset: u32, value: W) -> Result<(), Abort> {
        let addr = self.linear::<W, true>(segment, offset)?;
        if self.core.tlb.write(addr, value) {
            Ok(())
        } else {
            Err(Abort)
        }
    }

    #[inline(always)]
    fn load_wide(&mut self, insn: &Insn, offset: u32, aligned: bool) -> Result<Xmm, Abort> {
        let addr = self.wide::<false>(insn, offset, aligned)?;
        self.core.tlb.read_wide(addr).map(Xmm::from_bytes).ok_or(Abort)
    }

    #[inline(always)]
    fn store_wide(&mut self, insn: &Insn, offset: u32, value: Xmm, aligned: bool) -> Result<(), Abort> {
        let addr = self.wide::<true>(insn, offset, aligned)?;
        if self.core.tlb.write_wide(addr, value.bytes()) {
            Ok(())
        } else {
            Err(Abort)
        }
    }

    #[inline(always)]
    fn store_reg<W: Width>(&mut self, insn: &Insn, offset: u32, number: u8) -> Result<(), Abort> {
        let addr = self.linear::<W, true>(insn.seg as usize, offset)?;
        // The register is read last: before that the address takes all host registers that there are.
        if self.core.tlb.write_with(addr, || self.core.reg::<W>(number)) {
            Ok(())
        } else {
            Err(Abort)
        }
    }

    #[inline(always)]
    fn modify<W: Width>(&mut self, insn: &Insn, offset: u32) -> Result<(W, HostSlot), Abort> {
        let addr = self.linear::<W, true>(insn.seg as usize, offset)?;
        self.core.tlb.modify(addr).ok_or(Abort)
    }

    #[inline(always)]
    fn stack_register(&self, number: usize) -> u32 {
        if ST == st::SEGMENT16 {
            self.reg::<u16>(number as u8) as u32
        } else {
            self.reg::<u32>(number as u8)
        }
    }

    #[inline(always)]
    fn stack_wrap(&self, offset: u32) -> u32 {
        if ST == st::SEGMENT16 {
            offset & 0xffff
        } else {
            offset
        }
    }

    #[inline(always)]
    fn stack_load<W: Width>(&mut self, offset: u32) -> Result<W, Abort> {
        let addr = self.stack_linear::<W, false>(offset)?;
        self.core.tlb.read(addr).ok_or(Abort)
    }

    #[inline(always)]
    fn stack_store<W: Width>(&mut self, offset: u32, value: W) -> Result<(), Abort> {
        let addr = self.stack_linear::<W, true>(offset)?;
        if self.core.tlb.write(addr, value) {
            Ok(())
        } else {
            Err(Abort)
        }
    }

    #[inline(always)]
    fn set_stack_pointer(&mut self, offset: u32) {
        if ST == st::SEGMENT16 {
            self.core.set_reg::<u16>(reg::ESP as u8, offset as u16);
        } else {
            self.core.gpr[reg::ESP] = offset as u64;
        }
    }
}

/// The slow path: everything that can happen, happens here. Flags live in [`Core::flags`].
pub(crate) struct Slow<'a, 'b> {
    core: &'a mut Core,
    bus: &'a mut Bus<'b>,
}

impl<'a, 'b> Slow<'a, 'b> {
    pub(crate) fn new(core: &'a mut Core, bus: &'a mut Bus<'b>) -> Self {
        Self { core, bus }
    }

    #[inline(always)]
    fn check<T>(&mut self, result: Result<T, Fault>) -> Result<T, Abort> {
        result.map_err(|fault| self.fault(fault))
    }
}

impl Exec for Slow<'_, '_> {
    const SLOW: bool = true;
    const FLAGS: bool = true;
    /// The linear address, checked.
    type Place<W: Width> = u32;

    fn core(&mut self) -> &mut Core {
        self.core
    }

    fn core_ref(&self) -> &Core {
        self.core
    }

    fn flags(&self) -> LazyFlags {
        self.core.flags
    }

    fn put_flags(&mut self, flags: LazyFlags) {
        self.core.flags = flags;
    }

    fn address(&self, insn: &Insn) -> u32 {
        self.core.effective_address(insn)
    }

    fn load_at<W: Width>(&mut self, segment: usize, offset: u32) -> Result<W, Abort> {
        if let Some(addr) = self.core.segments[segment & 7].fast_address::<W, false>(offset) {
            if let Some(value) = self.core.tlb.read(addr) {
                return Ok(value);
            }
            if let Some(phys) = self.core.tlb.device(addr, W::BYTES, false, self.bus.mem) {
                return Ok(read_device(self.bus, self.core.now, phys));
            }
        }
        let read = self.core.seg_read(self.bus, segment, offset);
        self.check(read)
    }

    fn store_at<W: Width>(&mut self, segment: usize, offset: u32, value: W) -> Result<(), Abort> {
        if let Some(addr) = self.core.segments[segment & 7].fast_address::<W, true>(offset) {
            if self.core.tlb.write_noticed(addr, value, self.bus.mem) {
                return Ok(());
            }
            if let Some(phys) = self.core.tlb.device(addr, W::BYTES, true, self.bus.mem) {
                write_device(self.bus, self.core.now, phys, value);
                return Ok(());
            }
        }
        let written = self.core.seg_write(self.bus, segment, offset, value);
        self.check(written)
    }

    fn load_wide(&mut self, insn: &Insn, offset: u32, aligned: bool) -> Result<Xmm, Abort> {
        let read = self
            .core
            .seg_read_wide(self.bus, insn.seg as usize, offset, aligned);
        self.check(read)
    }

    fn store_wide(&mut self, insn: &Insn, offset: u32, value: Xmm, aligned: bool) -> Result<(), Abort> {
        let written = self
            .core
            .seg_write_wide(self.bus, insn.seg as usize, offset, value, aligned);
        self.check(written)
    }

    fn modify<W: Width>(&mut self, insn: &Insn, offset: u32) -> Result<(W, u32), Abort> {
        if let Some(addr) = self.core.segments[insn.seg as usize & 7].fast_address::<W, true>(offset)
            && let Some(value) = self.core.tlb.read_writable(addr, self.bus.mem)
        {
            return Ok((value, addr as u32));
        }
        let read = self.core.seg_modify(self.bus, insn.seg as usize, offset);
        self.check(read)
    }

    fn commit<W: Width>(&mut self, addr: u32, value: W) {
        if self.core.tlb.write_noticed(addr as u64, value, self.bus.mem) {
            return;
        }
        // `modify` has checked this very access, so it cannot fault now.
        let written = self.core.user_write(self.bus, addr, value);
        debug_assert!(written.is_ok());
    }

    fn stack_wrap(&self, offset: u32) -> u32 {
        if self.core.segments[seg::SS].is_big() {
            offset
        } else {
            offset & 0xffff
        }
    }

    fn stack_load<W: Width>(&mut self, offset: u32) -> Result<W, Abort> {
        let read = self.core.seg_read(self.bus, seg::SS, offset);
        self.check(read)
    }

    fn stack_store<W: Width>(&mut self, offset: u32, value: W) -> Result<(), Abort> {
        let written = self.core.seg_write(self.bus, seg::SS, offset, value);
        self.check(written)
    }

    fn check_stack<W: Width>(&mut self, offset: u32) -> Result<(), Abort> {
        let checked = self.core.seg_modify::<W>(self.bus, seg::SS, offset);
        self.check(checked).map(|_| ())
    }

    fn set_stack_pointer(&mut self, offset: u32) {
        self.core.set_stack_pointer(offset);
    }

    fn fault(&mut self, fault: Fault) -> Abort {
        self.core.fault = Some(fault);
        Abort
    }

    fn check_target(&mut self, target: u32) -> Result<(), Abort> {
        if target > self.core.segments[seg::CS].limit {
            return Err(self.fault(Fault::protection(0, FaultRule::TargetBeyondLimit)));
        }
        Ok(())
    }

    fn system(&mut self, run: SystemFn, insn: &Insn) -> Result<(), Abort> {
        let result = run(self.core, self.bus, insn);
        self.check(result)
    }

    fn with_bus<R>(
        &mut self,
        run: impl FnOnce(&mut Core, &mut Bus<'_>) -> Result<R, Fault>,
    ) -> Result<R, Abort> {
        let result = run(self.core, self.bus);
        self.check(result)
    }
}
