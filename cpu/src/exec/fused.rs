//! Pairs of an instruction that sets flags and the conditional jump behind it, executed at once.
//!
//! Only a handler of the chain: both instructions keep their records, and whoever goes one by one
//! executes them one by one. The first instruction touches no memory, so neither can fault.

use core::marker::PhantomData;

use oldiron_mmu::Width;

use crate::{
    core::Core,
    exec::{
        alu::{Alu, Cmp, Test, Unary},
        move_::Condition,
    },
    flags::LazyFlags,
    insn::Insn,
};

/// The first of a pair.
pub(crate) trait Fused: 'static {
    /// Executes it, and says which flags are left and whether `C` holds after it.
    fn exec<C: Condition>(core: &mut Core, insn: &Insn, flags: LazyFlags) -> (LazyFlags, bool);
}

/// `cmp` or `test` of a register with a register, or with an immediate.
pub(crate) struct CompareRr<O, W>(PhantomData<(O, W)>);
pub(crate) struct CompareRi<O, W>(PhantomData<(O, W)>);
/// `inc` or `dec` of a register.
pub(crate) struct CountR<O, W>(PhantomData<(O, W)>);

/// An ALU operation that writes no result, with a short cut to each condition.
pub(crate) trait Comparison: Alu {
    fn holds<C: Condition, W: Width>(a: W, b: W) -> bool;
}

impl Comparison for Cmp {
    #[inline(always)]
    fn holds<C: Condition, W: Width>(a: W, b: W) -> bool {
        C::after_compare(a, b)
    }
}

impl Comparison for Test {
    #[inline(always)]
    fn holds<C: Condition, W: Width>(a: W, b: W) -> bool {
        C::after_logic(W::truncate(a.zext() & b.zext()))
    }
}

impl<O: Comparison, W: Width> Fused for CompareRr<O, W> {
    #[inline(always)]
    fn exec<C: Condition>(core: &mut Core, insn: &Insn, _: LazyFlags) -> (LazyFlags, bool) {
        let (a, b) = (core.reg::<W>(insn.dst), core.reg::<W>(insn.src));
        (O::apply(a, b, false).1, O::holds::<C, W>(a, b))
    }
}

impl<O: Comparison, W: Width> Fused for CompareRi<O, W> {
    #[inline(always)]
    fn exec<C: Condition>(core: &mut Core, insn: &Insn, _: LazyFlags) -> (LazyFlags, bool) {
        let (a, b) = (core.reg::<W>(insn.dst), W::truncate(insn.imm as u64));
        (O::apply(a, b, false).1, O::holds::<C, W>(a, b))
    }
}

impl<O: Unary, W: Width> Fused for CountR<O, W> {
    #[inline(always)]
    fn exec<C: Condition>(core: &mut Core, insn: &Insn, flags: LazyFlags) -> (LazyFlags, bool) {
        let (result, flags) = O::apply(core.reg::<W>(insn.dst), flags);
        core.set_reg(insn.dst, result);
        (flags, C::holds(flags))
    }
}
