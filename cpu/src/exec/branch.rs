//! Near control transfers: JMP, CALL, RET, Jcc, LOOP, JCXZ. SDM vol. 2, the instructions of these
//! names. A target beyond the limit of CS faults before anything is written; CALL finds what is wrong with
//! the stack before that (vector align/487).

use oldiron_mmu::Width;

use crate::{
    core::reg,
    exec::{Flow, move_::Condition, op},
};

op! { /// `jcc rel` that ends its trace
Jcc<C: Condition>, Register, Other, |x: X, i| {
    if !C::holds(x.flags()) {
        return Ok(Flow::Fall);
    }
    x.check_target(i.imm)?;
    Ok(Flow::Taken)
}}

op! { /// `jcc rel` inside a trace, which goes on behind it; its target needs no check
JccInside<C: Condition>, Register, Other, |x: X, i| {
    let _ = i;
    Ok(if C::holds(x.flags()) { Flow::Taken } else { Flow::Pass })
}}

op! { /// `jmp rel`
JmpRel, Register, None, |x: X, i| {
    x.check_target(i.imm)?;
    Ok(Flow::Taken)
}}

op! { /// `jmp r`
JmpR<W: Width>, Register, None, |x: X, i| {
    let target = x.reg::<W>(i.src).zext() as u32;
    x.check_target(target)?;
    Ok(Flow::Indirect(target))
}}

op! { /// `jmp m`
JmpM<W: Width>, Load, None, |x: X, i| {
    let target = x.load::<W>(i, x.address(i))?.zext() as u32;
    x.check_target(target)?;
    Ok(Flow::Indirect(target))
}}

op! { /// `call rel`
CallRel<W: Width>, Stack, None, |x: X, i| {
    x.check_stack::<W>(x.stack_offset(-(W::BYTES as i32)))?;
    x.check_target(i.imm)?;
    x.push(W::truncate(i.next_eip() as u64))?;
    Ok(Flow::Taken)
}}

op! { /// `call r`
CallR<W: Width>, Stack, None, |x: X, i| {
    let target = x.reg::<W>(i.src).zext() as u32;
    x.check_stack::<W>(x.stack_offset(-(W::BYTES as i32)))?;
    x.check_target(target)?;
    x.push(W::truncate(i.next_eip() as u64))?;
    Ok(Flow::Indirect(target))
}}

op! { /// `call m`
CallM<W: Width>, MemoryStack, None, |x: X, i| {
    let target = x.load::<W>(i, x.address(i))?.zext() as u32;
    x.check_stack::<W>(x.stack_offset(-(W::BYTES as i32)))?;
    x.check_target(target)?;
    x.push(W::truncate(i.next_eip() as u64))?;
    Ok(Flow::Indirect(target))
}}

op! { /// `ret`, `ret imm`
Ret<W: Width>, Stack, None, |x: X, i| {
    let target = x.stack_load::<W>(x.stack_offset(0))?.zext() as u32;
    x.check_target(target)?;
    let offset = x.stack_offset((W::BYTES + (i.imm & 0xffff)) as i32);
    x.set_stack_pointer(offset);
    Ok(Flow::Indirect(target))
}}

/// Which LOOP it is.
pub(crate) trait LoopKind: 'static {
    fn goes_on(zf: bool) -> bool;
}
pub(crate) struct Loop;
pub(crate) struct Loope;
pub(crate) struct Loopne;
impl LoopKind for Loop {
    #[inline(always)]
    fn goes_on(_: bool) -> bool {
        true
    }
}
impl LoopKind for Loope {
    #[inline(always)]
    fn goes_on(zf: bool) -> bool {
        zf
    }
}
impl LoopKind for Loopne {
    #[inline(always)]
    fn goes_on(zf: bool) -> bool {
        !zf
    }
}

op! { /// `loop`, `loope`, `loopne`; `A` is the address size, which chooses CX or ECX
LoopRel<K: LoopKind, A: Width>, Register, Other, |x: X, i| {
    let count = A::truncate(x.reg::<A>(reg::ECX as u8).zext().wrapping_sub(1));
    let taken = count.zext() != 0 && K::goes_on(x.flags().zf());
    if taken {
        x.check_target(i.imm)?;
    }
    x.set_reg(reg::ECX as u8, count);
    Ok(if taken { Flow::Taken } else { Flow::Fall })
}}

op! { /// `jcxz`, `jecxz`
Jcxz<A: Width>, Register, None, |x: X, i| {
    if x.reg::<A>(reg::ECX as u8).zext() != 0 {
        return Ok(Flow::Fall);
    }
    x.check_target(i.imm)?;
    Ok(Flow::Taken)
}}

op! { /// Not an instruction: ends a trace that no branch ended.
EndTrace, Register, None, |x: X, i| { let _ = (x, i); Ok(Flow::Fall) }}
