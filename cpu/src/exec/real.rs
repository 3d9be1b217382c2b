//! Short cuts for segment registers: pushes and stores of selectors in any mode, and loads and far
//! transfers in real and virtual-8086 mode, where a selector is all there is to a segment; interrupts
//! and the interrupt flag in real mode.
//!
//! They apply while the segment has the usual limit of 64 KiB; the slow form of each is the complete
//! system instruction (SDM vol. 3A §20.1).

use oldiron_mmu::Width;

use crate::{
    core::seg,
    exec::{Abort, Exec, Flow, SystemFn, far, flag_control, op, segment, software_int},
    flags::{Eflags, LazyFlags},
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
MovSegMem, Load, None, |x: X, i| {
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
LoadFar16, Load, None, |x: X, i| {
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
    // A frame that wraps may fault half-way: nothing may be written then.
    if second > first {
        return Err(Abort);
    }
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
JmpFarMem16, Load, None, |x: X, i| {
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

/// The whole of EFLAGS, with the status flags of this path.
#[inline(always)]
fn flags_image<X: Exec>(x: &X) -> Eflags {
    x.core_ref().eflags | x.flags().eflags() | Eflags::ONE
}

/// Takes over the 16-bit image of POPF or IRET; what it brings about must need no look around.
#[inline(always)]
fn put_flags_image<X: Exec>(x: &mut X, image: Eflags) {
    let mask = x.core_ref().writable_flags(false);
    x.put_flags(LazyFlags::from_eflags(image));
    let core = x.core();
    core.eflags = core.eflags & !mask | image & mask & !Eflags::STATUS;
}

op! { /// `int n` in real mode
IntReal, Stack, Other, |x: X, i| {
    if X::SLOW {
        return complete(x, software_int::int_n, i, Flow::Stop);
    }
    let core = x.core_ref();
    let (at, table, cs) = (i.imm * 4, core.idtr, core.segments[seg::CS]);
    if at + 3 > table.limit as u32 || cs.write_end != 0x10000 || core.eflags.contains(Eflags::AC) {
        return Err(Abort);
    }
    let entry: u32 = core.tlb.read(table.base.wrapping_add(at) as u64).ok_or(Abort)?;
    let image = flags_image(x).bits() as u16;
    let (first, second, third) = (x.stack_offset(-2), x.stack_offset(-4), x.stack_offset(-6));
    // As in `call`.
    if third > first {
        return Err(Abort);
    }
    x.stack_store(first, image)?;
    x.stack_store(second, cs.selector)?;
    x.stack_store(third, i.next_eip() as u16)?;
    x.set_stack_pointer(third);
    x.core().eflags.remove(Eflags::IF | Eflags::TF);
    load_code(x, (entry >> 16) as u16)?;
    Ok(Flow::Far(entry & 0xffff))
}}

op! { /// `iret` in real mode, 16-bit
Iret16, Stack, Other, |x: X, i| {
    if X::SLOW {
        return complete(x, far::iret, i, Flow::Stop);
    }
    let offset = x.stack_load::<u16>(x.stack_offset(0))?;
    let selector = x.stack_load::<u16>(x.stack_offset(2))?;
    let image = x.stack_load::<u16>(x.stack_offset(4))?;
    let image = Eflags::from_bits_truncate(image as u32);
    if image.contains(Eflags::TF) || x.core_ref().nmi_blocked {
        return Err(Abort);
    }
    let top = x.stack_offset(6);
    load_code(x, selector)?;
    x.set_stack_pointer(top);
    put_flags_image(x, image);
    Ok(Flow::FarEnabled(offset as u32))
}}

op! { /// `pushf` in real mode
Pushf16, Stack, Other, |x: X, _i| {
    let image = flags_image(x).bits() as u16;
    x.push(image)?;
    Ok(Flow::Next)
}}

op! { /// `popf` in real mode, 16-bit: fast if it enables nothing
Popf16, Stack, Other, |x: X, i| {
    if X::SLOW {
        return complete(x, flag_control::popf, i, Flow::Stop);
    }
    let image = x.stack_load::<u16>(x.stack_offset(0))?;
    let image = Eflags::from_bits_truncate(image as u32);
    let enables = image.contains(Eflags::IF) && !x.core_ref().eflags.contains(Eflags::IF);
    if image.contains(Eflags::TF) || enables {
        return Err(Abort);
    }
    let top = x.stack_offset(2);
    x.set_stack_pointer(top);
    put_flags_image(x, image);
    Ok(Flow::Next)
}}

op! { /// `cli` in real mode
CliReal, Register, None, |x: X, _i| {
    x.core().eflags.remove(Eflags::IF);
    Ok(Flow::Next)
}}

op! { /// `sti` in real mode: fast if interrupts are enabled already
StiReal, Register, Other, |x: X, i| {
    if X::SLOW {
        return complete(x, flag_control::sti, i, Flow::Stop);
    }
    if !x.core_ref().eflags.contains(Eflags::IF) {
        return Err(Abort);
    }
    Ok(Flow::Next)
}}
