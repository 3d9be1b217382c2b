//! Short cuts for segment registers: pushes and stores of selectors in any mode, and loads and far
//! transfers in real and virtual-8086 mode, where a selector is all there is to a segment.
//!
//! They apply while the segment has the usual limit of 64 KiB; the slow form of each is the complete
//! system instruction (SDM vol. 3A §20.1).

use oldiron_mmu::Width;

use crate::{
    core::seg,
    exec::{Abort, Exec, Flow, SystemFn, far, op, segment},
    insn::Insn,
};

/// Loads a selector as real mode does, if the register has the usual limit.
#[inline(always)]
fn load<X: Exec>(x: &mut X, number: usize, selector: u16) -> Result<(), Abort> {
    let s = &mut x.core().segments[number & 7];
    if s.write_end != 0x10000 {
        return Err(Abort);
    }
    s.load_real(selector);
    Ok(())
}

/// Runs the complete instruction; it ends the trace if it must.
#[inline(always)]
fn complete<X: Exec>(x: &mut X, run: SystemFn, insn: &Insn, flow: Flow) -> crate::exec::Outcome {
    x.system(run, insn)?;
    Ok(flow)
}

op! { /// `mov r, sreg`
MovRegSeg<W: Width>, Register, None, |x: X, i| {
    let selector = x.core_ref().segments[i.src as usize & 7].selector;
    x.set_reg(i.dst, W::truncate(selector as u64));
    Ok(Flow::Next)
}}

op! { /// `push sreg` with 16-bit operands
PushSeg16, Stack, None, |x: X, i| {
    let selector = x.core_ref().segments[i.src as usize & 7].selector;
    x.push(selector)?;
    Ok(Flow::Next)
}}

op! { /// `mov sreg, r`; ES, DS, FS, GS
MovSegReg, Register, Other, |x: X, i| {
    if X::SLOW {
        return complete(x, segment::mov_to_sreg, i, Flow::Next);
    }
    let selector = x.reg::<u16>(i.src);
    load(x, i.dst as usize, selector)?;
    Ok(Flow::Next)
}}

op! { /// `mov sreg, m`
MovSegMem, Memory, None, |x: X, i| {
    if X::SLOW {
        return complete(x, segment::mov_to_sreg, i, Flow::Next);
    }
    let selector = x.load::<u16>(i, x.address(i))?;
    load(x, i.dst as usize, selector)?;
    Ok(Flow::Next)
}}

op! { /// `pop sreg` with 16-bit operands
PopSeg16, Stack, None, |x: X, i| {
    if X::SLOW {
        return complete(x, segment::pop_sreg, i, Flow::Next);
    }
    let selector = x.stack_load::<u16>(x.stack_offset(0))?;
    let offset = x.stack_offset(2);
    load(x, i.dst as usize, selector)?;
    x.set_stack_pointer(offset);
    Ok(Flow::Next)
}}

op! { /// `lds`, `les` with 16-bit operands
LoadFar16, Memory, None, |x: X, i| {
    if X::SLOW {
        return complete(x, segment::load_far_pointer, i, Flow::Next);
    }
    let at = x.address(i);
    let offset = x.load::<u16>(i, at)?;
    let selector = x.load::<u16>(i, at.wrapping_add(2) & i.address_mask())?;
    load(x, i.src as usize, selector)?;
    x.set_reg(i.dst, offset);
    Ok(Flow::Next)
}}

/// Loads CS, if it is as real mode leaves it.
#[inline(always)]
fn load_code<X: Exec>(x: &mut X, selector: u16) -> Result<(), Abort> {
    load(x, seg::CS, selector)
}

/// Pushes CS:IP and goes to `selector:offset`.
#[inline(always)]
fn call<X: Exec>(x: &mut X, i: &Insn, selector: u16, offset: u16) -> crate::exec::Outcome {
    let cs = x.core_ref().segments[seg::CS];
    if cs.write_end != 0x10000 {
        return Err(Abort);
    }
    let (first, second) = (x.stack_offset(-2), x.stack_offset(-4));
    x.stack_store(first, cs.selector)?;
    x.stack_store(second, i.next_eip() as u16)?;
    x.set_stack_pointer(second);
    load_code(x, selector)?;
    Ok(Flow::Far(offset as u32))
}

op! { /// `jmp far sel:off`, 16-bit
JmpFarPtr16, Register, None, |x: X, i| {
    if X::SLOW {
        return complete(x, far::jmp_far_ptr, i, Flow::Stop);
    }
    load_code(x, i.disp as u16)?;
    Ok(Flow::Far(i.imm & 0xffff))
}}

op! { /// `jmp far m16:16`
JmpFarMem16, Memory, None, |x: X, i| {
    if X::SLOW {
        return complete(x, far::jmp_far_mem, i, Flow::Stop);
    }
    let at = x.address(i);
    let offset = x.load::<u16>(i, at)?;
    let selector = x.load::<u16>(i, at.wrapping_add(2) & i.address_mask())?;
    load_code(x, selector)?;
    Ok(Flow::Far(offset as u32))
}}

op! { /// `call far sel:off`, 16-bit
CallFarPtr16, Stack, None, |x: X, i| {
    if X::SLOW {
        return complete(x, far::call_far_ptr, i, Flow::Stop);
    }
    call(x, i, i.disp as u16, i.imm as u16)
}}

op! { /// `call far m16:16`
CallFarMem16, MemoryStack, None, |x: X, i| {
    if X::SLOW {
        return complete(x, far::call_far_mem, i, Flow::Stop);
    }
    let at = x.address(i);
    let offset = x.load::<u16>(i, at)?;
    let selector = x.load::<u16>(i, at.wrapping_add(2) & i.address_mask())?;
    call(x, i, selector, offset)
}}

op! { /// `retf`, `retf imm`, 16-bit
RetFar16, Stack, None, |x: X, i| {
    if X::SLOW {
        return complete(x, far::ret_far, i, Flow::Stop);
    }
    let offset = x.stack_load::<u16>(x.stack_offset(0))?;
    let selector = x.stack_load::<u16>(x.stack_offset(2))?;
    let top = x.stack_offset(4 + (i.imm & 0xffff) as i32);
    load_code(x, selector)?;
    x.set_stack_pointer(top);
    Ok(Flow::Far(offset as u32))
}}
