//! The usual case of the commonest x87 instructions as fast handlers, see [`crate::fpu::quick`]. On the slow path, and
//! whenever the case is not the usual one, [`esc`] does everything.

use oldiron_mmu::Width;

use crate::{
    core::Core,
    exec::{
        Abort, Exec, FlagUse, Flow, Form, Op, Operands, Outcome, StackArithmetic,
        fpu::{after, comparison_flags, esc, note_instruction, note_operand, note_pointer},
    },
    fpu::{
        F80, Fpu, Place, Register,
        quick::{self, Arithmetic, Double, Narrow, Single},
        trap,
    },
    insn::Insn,
};

/// An instruction with a quick case.
pub(crate) trait Quick: 'static {
    const FORM: Form = Form::Register;
    /// What must be clear in [`Fpu::trap`].
    const BARS: u32 = READY;
    /// What is not usual, but still quick, is left to a second form.
    const HAS_SECOND: bool = false;
    /// See [`Op::STACK_ARITHMETIC`].
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only x86-64 hosts have such forms")
    )]
    const STACK_ARITHMETIC: Option<StackArithmetic> = None;
    /// Does it all, or changes nothing and returns `None`.
    fn exec<X: Exec>(x: &mut X, insn: &Insn) -> Option<()>;
}

/// The form made of it.
pub(crate) struct WithQuick<Q>(core::marker::PhantomData<Q>);

impl<Q: Quick> Op for WithQuick<Q> {
    const FORM: Form = Q::FORM;
    const FLAG_USE: FlagUse = FlagUse::Other;
    const HAS_SECOND: bool = Q::HAS_SECOND || Q::FORM.may_store();
    const STACK_ARITHMETIC: Option<StackArithmetic> = Q::STACK_ARITHMETIC;

    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, insn: &Insn) -> Outcome {
        if X::SLOW {
            x.system(esc, insn)?;
            return Ok(after(x.core_ref()));
        }
        if x.core_ref().fpu.trap & Q::BARS != 0 {
            return Err(Abort);
        }
        match Q::exec(x, insn) {
            Some(()) => Ok(Flow::Next),
            None => Err(Abort),
        }
    }
}

/// Nothing bars the instruction, and the stack is the x87's.
const READY: u32 = trap::BARS | trap::MMX;
/// Results depend on the rounding, which must be the usual.
const ROUNDED: u32 = READY | trap::UNUSUAL;

/// The four operations have handlers in assembly, [`Op::STACK_ARITHMETIC`].
const HAS_ASSEMBLY: bool = cfg!(target_arch = "x86_64");

/// ST(0).
const TOP: Place = Place::number(0);

/// The register ST(i) of a register form, as it is lowered.
#[inline(always)]
fn sti(insn: &Insn) -> Place {
    Place::at(insn.src)
}

/// Changes the stack and remembers the instruction.
#[inline(always)]
fn on_stack<X: Exec>(x: &mut X, insn: &Insn, run: impl FnOnce(&mut Fpu) -> Option<()>) -> Option<()> {
    let core: &mut Core = x.core();
    run(&mut core.fpu)?;
    note_instruction(core, insn);
    Some(())
}

// ---- register forms ----

/// `op st0, sti`
pub(crate) struct ArithmeticSt0<O>(core::marker::PhantomData<O>);
/// `op sti, st0`, and with a pop
pub(crate) struct ArithmeticSti<O, const POP: bool>(core::marker::PhantomData<O>);

impl<O: Arithmetic> Quick for ArithmeticSt0<O> {
    const BARS: u32 = ROUNDED;
    const HAS_SECOND: bool = true;
    const STACK_ARITHMETIC: Option<StackArithmetic> = Some(StackArithmetic {
        operation: O::OPERATION,
        operands: Operands::ToTop,
    });
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        on_stack(x, i, |fpu| {
            fpu.quick_arithmetic_st::<O>(TOP, sti(i), false, X::FIRST)
        })
    }
}

impl<O: Arithmetic, const POP: bool> Quick for ArithmeticSti<O, POP> {
    const BARS: u32 = ROUNDED;
    const HAS_SECOND: bool = true;
    const STACK_ARITHMETIC: Option<StackArithmetic> = Some(StackArithmetic {
        operation: O::OPERATION,
        operands: if POP {
            Operands::FromTopAndPop
        } else {
            Operands::FromTop
        },
    });
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        on_stack(x, i, |fpu| {
            fpu.quick_arithmetic_st::<O>(sti(i), TOP, POP, X::FIRST)
        })
    }
}

/// FSQRT
pub(crate) struct Fsqrt;

impl Quick for Fsqrt {
    const BARS: u32 = ROUNDED;
    const HAS_SECOND: bool = true;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        on_stack(x, i, |fpu| fpu.quick_sqrt(X::FIRST))
    }
}

/// Defines register forms by what they do to the stack.
macro_rules! stack_forms {
    ($($(#[$doc:meta])* $name:ident $(<const $p:ident: $t:ty>)?, $bars:expr, |$fpu:ident, $i:ident| $run:expr;)*) => { $(
        $(#[$doc])*
        pub(crate) struct $name $(<const $p: $t>)?;
        impl $(<const $p: $t>)? Quick for $name $(<$p>)? {
            const BARS: u32 = $bars;
            #[inline(always)]
            fn exec<X: Exec>(x: &mut X, $i: &Insn) -> Option<()> {
                on_stack(x, $i, |$fpu| $run)
            }
        }
    )* };
}

stack_forms! {
    /// FLD ST(i)
    FldSt, READY, |fpu, i| fpu.quick_load(sti(i));
    /// FST ST(i), FSTP ST(i)
    FstSt<const POP: bool>, READY, |fpu, i| fpu.quick_store(sti(i), POP);
    /// FXCH
    Fxch, READY, |fpu, i| fpu.quick_exchange(sti(i));
    /// FCHS
    Fchs, READY, |fpu, i| fpu.quick_sign(true);
    /// FABS
    Fabs, READY, |fpu, i| fpu.quick_sign(false);
    /// FLD1
    Fld1, READY, |fpu, i| fpu.quick_push(quick::widen_integer(1));
    /// FLDZ
    Fldz, READY, |fpu, i| fpu.quick_push(quick::widen_integer(0));
    /// FTST
    Ftst, READY, |fpu, i| fpu.quick_compare(quick::widen_integer(0), 0);
    /// FCOM and FUCOM, with as many pops
    Fcom<const POPS: u32>, READY, |fpu, i| fpu.quick_compare_st(sti(i), POPS);
}

/// FCOMI, FUCOMI, and with a pop
pub(crate) struct Fcomi<const POP: bool>;

impl<const POP: bool> Quick for Fcomi<POP> {
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let codes = x.core().fpu.quick_compare_flags(sti(i), POP)?;
        x.put_flags(comparison_flags(codes));
        note_instruction(x.core(), i);
        Some(())
    }
}

/// FNSTSW AX
pub(crate) struct FnstswAx;

impl Quick for FnstswAx {
    const BARS: u32 = trap::EM | trap::TS;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, _: &Insn) -> Option<()> {
        let status = x.core_ref().fpu.status_word();
        x.set_reg(0, status);
        Some(())
    }
}

// ---- memory forms ----

/// What a memory operand is read as.
pub(crate) trait Source: 'static {
    fn read<X: Exec>(x: &mut X, insn: &Insn, offset: u32) -> Option<Register>;
}

/// Single precision.
pub(crate) struct M32;
/// Double precision.
pub(crate) struct M64;
/// An integer.
pub(crate) struct Int<W>(core::marker::PhantomData<W>);

impl Source for M32 {
    #[inline(always)]
    fn read<X: Exec>(x: &mut X, i: &Insn, offset: u32) -> Option<Register> {
        quick::widen_single(x.load(i, offset).ok()?)
    }
}

impl Source for M64 {
    #[inline(always)]
    fn read<X: Exec>(x: &mut X, i: &Insn, offset: u32) -> Option<Register> {
        quick::widen_double(x.load(i, offset).ok()?)
    }
}

impl<W: Width> Source for Int<W> {
    #[inline(always)]
    fn read<X: Exec>(x: &mut X, i: &Insn, offset: u32) -> Option<Register> {
        let value: W = x.load(i, offset).ok()?;
        Some(quick::widen_integer(value.sext() as i64))
    }
}

/// Reads the operand, changes the stack, and remembers both.
#[inline(always)]
fn with_operand<X: Exec, S: Source>(
    x: &mut X,
    insn: &Insn,
    run: impl FnOnce(&mut Fpu, Register) -> Option<()>,
) -> Option<()> {
    let offset = x.address(insn);
    let source = S::read(x, insn, offset)?;
    let core: &mut Core = x.core();
    run(&mut core.fpu, source)?;
    note_operand(core, insn, offset);
    Some(())
}

/// `op m`
pub(crate) struct ArithmeticM<O, S>(core::marker::PhantomData<(O, S)>);

impl<O: Arithmetic, S: Source> Quick for ArithmeticM<O, S> {
    const FORM: Form = Form::Memory;
    const BARS: u32 = ROUNDED;
    const STACK_ARITHMETIC: Option<StackArithmetic> = Some(StackArithmetic {
        operation: O::OPERATION,
        operands: Operands::Loaded,
    });
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        if X::FIRST && HAS_ASSEMBLY {
            let offset = x.address(i);
            let source = S::read(x, i, offset)?;
            let core: &mut Core = x.core();
            core.x87_operand = source;
            // Nothing keeps the instruction from completing now, one way or another.
            note_pointer(core, i, offset);
            return Some(());
        }
        with_operand::<X, S>(x, i, |fpu, source| {
            fpu.quick_arithmetic::<O>(TOP, source, false, X::FIRST)
        })
    }
}

/// FLD and FILD
pub(crate) struct Fld<S>(core::marker::PhantomData<S>);

impl<S: Source> Quick for Fld<S> {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        with_operand::<X, S>(x, i, |fpu, source| fpu.quick_push(source))
    }
}

/// FCOM and FCOMP with memory
pub(crate) struct FcomM<S, const POPS: u32>(core::marker::PhantomData<S>);

impl<S: Source, const POPS: u32> Quick for FcomM<S, POPS> {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        with_operand::<X, S>(x, i, |fpu, source| fpu.quick_compare(source, POPS))
    }
}

/// Stores and remembers.
#[inline(always)]
fn store<X: Exec, W: Width>(x: &mut X, i: &Insn, (value, flags): (u64, u16), pop: bool) -> Option<()> {
    let offset = x.address(i);
    x.store(i, offset, W::truncate(value)).ok()?;
    let core: &mut Core = x.core();
    core.fpu.quick_stored(flags, pop);
    note_operand(core, i, offset);
    Some(())
}

/// FST and FSTP in single precision
pub(crate) struct FstM32<const POP: bool>;
/// FST and FSTP in double precision
pub(crate) struct FstM64<const POP: bool>;

#[inline(always)]
fn store_narrow<X: Exec, N: Narrow, W: Width>(x: &mut X, i: &Insn, pop: bool) -> Option<()> {
    let stored = x.core_ref().fpu.quick_narrow::<N>()?;
    store::<X, W>(x, i, stored, pop)
}

impl<const POP: bool> Quick for FstM32<POP> {
    const FORM: Form = Form::Memory;
    const BARS: u32 = ROUNDED;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        store_narrow::<X, Single, u32>(x, i, POP)
    }
}

impl<const POP: bool> Quick for FstM64<POP> {
    const FORM: Form = Form::Memory;
    const BARS: u32 = ROUNDED;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        store_narrow::<X, Double, u64>(x, i, POP)
    }
}

/// FIST, FISTP and FISTTP
pub(crate) struct Fist<W, const POP: bool, const TRUNCATE: bool>(core::marker::PhantomData<W>);

impl<W: Width, const POP: bool, const TRUNCATE: bool> Quick for Fist<W, POP, TRUNCATE> {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let stored = x.core_ref().fpu.quick_integer(W::BITS, TRUNCATE)?;
        store::<X, W>(x, i, stored, POP)
    }
}

/// FLD m80. The two pieces lie side by side unless the offset wraps, which the complete form sees to.
pub(crate) struct FldM80;

impl Quick for FldM80 {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let offset = x.address(i);
        let sig: u64 = x.load(i, offset).ok()?;
        let se: u16 = x.load(i, second_piece(i, offset)?).ok()?;
        let core: &mut Core = x.core();
        core.fpu.quick_push(Register::full(F80 { sig, se }))?;
        note_operand(core, i, offset);
        Some(())
    }
}

/// FSTP m80
pub(crate) struct FstpM80;

impl Quick for FstpM80 {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let (sig, se) = x.core_ref().fpu.quick_extended()?;
        let offset = x.address(i);
        let second = second_piece(i, offset)?;
        // The second piece's place can be written before the first is.
        let (_, place) = x.modify::<u16>(i, second).ok()?;
        x.store(i, offset, sig).ok()?;
        x.commit(place, se);
        let core: &mut Core = x.core();
        core.fpu.quick_stored(0, true);
        note_operand(core, i, offset);
        Some(())
    }
}

/// Offset of an 80-bit operand's last two bytes, if it does not wrap.
#[inline(always)]
fn second_piece(i: &Insn, offset: u32) -> Option<u32> {
    let second = offset.wrapping_add(8);
    (second & i.address_mask() == second && second > offset).then_some(second)
}

/// FLDCW
pub(crate) struct Fldcw;

impl Quick for Fldcw {
    const FORM: Form = Form::Memory;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let offset = x.address(i);
        let control = x.load(i, offset).ok()?;
        x.core().fpu.set_control(control);
        Some(())
    }
}

/// FNSTCW
pub(crate) struct Fnstcw;

impl Quick for Fnstcw {
    const FORM: Form = Form::Memory;
    const BARS: u32 = trap::EM | trap::TS;
    #[inline(always)]
    fn exec<X: Exec>(x: &mut X, i: &Insn) -> Option<()> {
        let control = x.core_ref().fpu.control_word();
        x.store(i, x.address(i), control).ok()
    }
}
