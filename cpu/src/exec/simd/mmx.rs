//! Instructions on MMX registers.
//!
//! They wait for x87 exceptions as its own do, and make all its registers count as full (SDM vol. 3A §12).

use oldiron_mmu::Width;

use super::{Source, check, float::compute, set_xmm, xmm};
use crate::{
    exec::{Abort, Exec, Flow, fpu::report_waiting, op},
    fault::{Fault, FaultRule, vector},
    fpu::trap,
    insn::Insn,
    simd::{
        Packed, Xmm,
        integer::{self, PackedOp},
        packed_float::FloatOp,
    },
};

/// What every MMX instruction looks at first. True if it must wait and be started again.
#[inline(always)]
pub(super) fn wait<X: Exec>(x: &mut X) -> Result<bool, Abort> {
    let bars = x.core_ref().fpu.trap & (trap::BARS | trap::MMX);
    if !X::SLOW {
        // The first instruction of MMX after others takes the slow path.
        return if bars == trap::MMX { Ok(false) } else { Err(Abort) };
    }
    if bars & trap::BARS == 0 {
        return Ok(false);
    }
    x.with_bus(|core, bus| {
        let bars = core.fpu.trap;
        core.fpu.frozen = false;
        if bars & trap::EM != 0 {
            return Err(Fault::undefined(FaultRule::SimdNotEnabled));
        }
        if bars & trap::TS != 0 {
            return Err(Fault::plain(vector::NM, FaultRule::CoprocessorNotAvailable));
        }
        report_waiting(core, bus)?;
        Ok(core.fpu.frozen)
    })
}

op! { /// `op mm, mm`
MmRr<O: PackedOp>, Register, None, |x: X, i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let core = x.core();
    let result = O::apply(core.fpu.mmx(i.dst), core.fpu.mmx(i.src), i.imm as u8);
    core.fpu.set_mmx(i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `op mm, m`
MmRm<O: PackedOp, W: Width>, Load, None, |x: X, i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let source = x.load::<W>(i, x.address(i))?.zext();
    let core = x.core();
    let result = O::apply(core.fpu.mmx(i.dst), source, i.imm as u8);
    core.fpu.set_mmx(i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `movd mm, r32`, `pinsrw mm, r32, imm`
MmFromGpr<O: PackedOp>, Register, None, |x: X, i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let source = x.reg::<u32>(i.src) as u64;
    let core = x.core();
    let result = O::apply(core.fpu.mmx(i.dst), source, i.imm as u8);
    core.fpu.set_mmx(i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `movd m, mm`, `movq m, mm`
MmStore<W: Width>, Memory, None, |x: X, i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let value = W::truncate(x.core_ref().fpu.mmx(i.src));
    x.store(i, x.address(i), value)?;
    x.core().fpu.enter_mmx();
    Ok(Flow::Next)
}}

/// Something of an MMX register as an integer.
pub(crate) trait MmExtract: 'static {
    fn of(value: u64, imm: u8) -> u32;
}
/// MOVD.
pub(crate) struct LowDoubleword;
/// PEXTRW.
pub(crate) struct Word;
/// PMOVMSKB.
pub(crate) struct MmByteSigns;
impl MmExtract for LowDoubleword {
    #[inline(always)]
    fn of(value: u64, _: u8) -> u32 {
        value as u32
    }
}
impl MmExtract for Word {
    #[inline(always)]
    fn of(value: u64, imm: u8) -> u32 {
        (value >> (16 * (imm & 3))) as u16 as u32
    }
}
impl MmExtract for MmByteSigns {
    #[inline(always)]
    fn of(value: u64, _: u8) -> u32 {
        integer::byte_signs(value)
    }
}

op! { /// `op r32, mm`
GprFromMm<E: MmExtract>, Register, None, |x: X, i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let value = E::of(x.core_ref().fpu.mmx(i.src), i.imm as u8);
    x.core().fpu.enter_mmx();
    x.set_reg::<u32>(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `emms`
Emms, Register, None, |x: X, _i| {
    if wait(x)? {
        return Ok(Flow::Again);
    }
    x.core().fpu.leave_mmx();
    Ok(Flow::Next)
}}

// ---- between MMX and XMM registers ----

op! { /// `movq2dq xmm, mm`
Movq2dq, Register, None, |x: X, i| {
    check(x)?;
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let value = x.core_ref().fpu.mmx(i.src);
    x.core().fpu.enter_mmx();
    set_xmm(x, i.dst, Xmm::of_low(value));
    Ok(Flow::Next)
}}

op! { /// `movdq2q mm, xmm`
Movdq2q, Register, None, |x: X, i| {
    check(x)?;
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let value = xmm(x, i.src).low();
    x.core().fpu.set_mmx(i.dst, value);
    Ok(Flow::Next)
}}

/// A conversion that enters MMX state even if it ends in #XM (vectors sse/517, sse2/41).
#[inline(always)]
fn convert<O: FloatOp, X: Exec>(x: &mut X, a: Xmm, b: Xmm, insn: &Insn) -> Result<Xmm, Abort> {
    if X::SLOW {
        x.core().fpu.enter_mmx();
        return compute::<O, X>(x, a, b, insn);
    }
    let result = compute::<O, X>(x, a, b, insn)?;
    x.core().fpu.enter_mmx();
    Ok(result)
}

op! { /// Conversions `cvt xmm, mm`
FloatFromMm<O: FloatOp>, Register, None, |x: X, i| {
    check(x)?;
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let source = x.core_ref().fpu.mmx(i.src);
    let result = convert::<O, X>(x, xmm(x, i.dst), Xmm::of_low(source), i)?;
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// Conversions `cvt mm, xmm`
MmFromFloatR<O: FloatOp>, Register, None, |x: X, i| {
    check(x)?;
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let result = convert::<O, X>(x, Xmm::default(), xmm(x, i.src), i)?;
    x.core().fpu.set_mmx(i.dst, result.low());
    Ok(Flow::Next)
}}

op! { /// Conversions `cvt mm, m`
MmFromFloatM<O: FloatOp, S: Source>, Load, None, |x: X, i| {
    check(x)?;
    if wait(x)? {
        return Ok(Flow::Again);
    }
    let source = S::load(x, i)?;
    let result = convert::<O, X>(x, Xmm::default(), source, i)?;
    x.core().fpu.set_mmx(i.dst, result.low());
    Ok(Flow::Next)
}}
