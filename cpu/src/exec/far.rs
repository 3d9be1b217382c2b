//! Far transfers: JMP, CALL, RET and IRET with a selector, through gates and tasks too.
//!
//! Follows SDM vol. 2 (JMP, CALL, RET, IRET) and vol. 3A §5.8. The order of checks is the pseudo-code's.

use oldiron_mmu::{Bus, Segment};

use super::{
    descriptor::{Descriptor, Pushes, is_null, rpl, system_type},
    segment::read_far_pointer,
    task::{Reason, fetch_available_tss, nested_return, task_switch},
};
use crate::{
    core::{Core, Cr4, Mode, reg, seg},
    fault::{Fault, FaultRule, vector},
    flags::Eflags,
    insn::Insn,
};

/// JMP ptr16:16, ptr16:32 — SDM vol. 2A "JMP".
pub(crate) fn jmp_far_ptr(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (offset, selector) = immediate_pointer(insn);
    jump(core, bus, selector, offset)
}

/// JMP m16:16, m16:32 — SDM vol. 2A "JMP".
pub(crate) fn jmp_far_mem(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (offset, selector) = read_far_pointer(core, bus, insn)?;
    jump(core, bus, selector, offset)
}

/// CALL ptr16:16, ptr16:32 — SDM vol. 2A "CALL".
pub(crate) fn call_far_ptr(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (offset, selector) = immediate_pointer(insn);
    call(core, bus, selector, offset, insn.operand32())
}

/// CALL m16:16, m16:32 — SDM vol. 2A "CALL".
pub(crate) fn call_far_mem(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (offset, selector) = read_far_pointer(core, bus, insn)?;
    call(core, bus, selector, offset, insn.operand32())
}

fn immediate_pointer(insn: &Insn) -> (u32, u16) {
    let offset = if insn.operand32() {
        insn.imm
    } else {
        insn.imm & 0xffff
    };
    (offset, insn.disp as u16)
}

const BEYOND_LIMIT: Fault = Fault::protection(0, FaultRule::TargetBeyondLimit);

/// Checks a target against the limit that CS will have after a real or virtual-8086 mode load.
fn check_real_target(core: &Core, offset: u32) -> Result<(), Fault> {
    let fixed = core.is_virtual8086() || core.model.resets_real_cs();
    let limit = if fixed {
        0xffff
    } else {
        core.segments[seg::CS].limit
    };
    if offset > limit { Err(BEYOND_LIMIT) } else { Ok(()) }
}

fn check_target(segment: &Segment, offset: u32) -> Result<(), Fault> {
    if offset > segment.limit {
        Err(BEYOND_LIMIT)
    } else {
        Ok(())
    }
}

/// A gate or TSS is usable by this program and selector: DPL is not below CPL or RPL.
fn check_gate_privilege(core: &Core, gate: &Descriptor) -> Result<(), Fault> {
    if gate.dpl() < core.cpl.max(rpl(gate.selector)) {
        return Err(gate.fault(vector::GP, FaultRule::DescriptorPrivilege));
    }
    Ok(())
}

fn check_present(descriptor: &Descriptor) -> Result<(), Fault> {
    if descriptor.is_present() {
        Ok(())
    } else {
        Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent))
    }
}

/// JMP and CALL to a TSS or task gate.
fn switch_task(core: &mut Core, bus: &mut Bus<'_>, target: &Descriptor, reason: Reason) -> Result<(), Fault> {
    check_gate_privilege(core, target)?;
    let tss = if target.system_type() == Some(system_type::TASK_GATE) {
        check_present(target)?;
        fetch_available_tss(core, bus, target.gate_selector())?
    } else {
        fetch_available_tss(core, bus, target.selector)?
    };
    let image = core.flags_image();
    task_switch(core, bus, &tss, reason, core.next_eip, image)
}

/// The code segment that a call gate leads to.
fn gate_target(core: &mut Core, bus: &mut Bus<'_>, gate: &Descriptor) -> Result<Descriptor, Fault> {
    check_gate_privilege(core, gate)?;
    check_present(gate)?;
    let selector = gate.gate_selector();
    if is_null(selector) {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    let code = core.fetch_descriptor(bus, selector, vector::GP)?;
    if !code.attr().is_code() {
        return Err(code.fault(vector::GP, FaultRule::WrongDescriptorType));
    }
    if code.dpl() > core.cpl {
        return Err(code.fault(vector::GP, FaultRule::DescriptorPrivilege));
    }
    Ok(code)
}

fn jump(core: &mut Core, bus: &mut Bus<'_>, selector: u16, offset: u32) -> Result<(), Fault> {
    use system_type::*;
    if !core.is_protected() {
        check_real_target(core, offset)?;
        core.enter_real_code(selector);
        core.next_eip = offset;
        return Ok(());
    }
    if is_null(selector) {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    let target = core.fetch_descriptor(bus, selector, vector::GP)?;
    let (code, offset) = match target.system_type() {
        None => {
            core.check_direct_code(&target)?;
            (target, offset)
        }
        Some(kind @ (CALL_GATE16 | CALL_GATE32)) => {
            let code = gate_target(core, bus, &target)?;
            // A jump never changes the privilege level.
            if !code.attr().is_conforming() && code.dpl() != core.cpl {
                return Err(code.fault(vector::GP, FaultRule::DescriptorPrivilege));
            }
            check_present(&code)?;
            (code, target.gate_offset(kind == CALL_GATE32))
        }
        Some(TASK_GATE | TSS16_AVAILABLE | TSS32_AVAILABLE) => {
            return switch_task(core, bus, &target, Reason::Jump);
        }
        Some(_) => return Err(target.fault(vector::GP, FaultRule::WrongDescriptorType)),
    };
    check_target(&code.segment(), offset)?;
    let segment = core.access_segment(bus, &code)?;
    core.enter_code(segment, core.cpl);
    core.next_eip = offset;
    Ok(())
}

fn call(core: &mut Core, bus: &mut Bus<'_>, selector: u16, offset: u32, wide: bool) -> Result<(), Fault> {
    use system_type::*;
    if !core.is_protected() {
        let esp = push_return(core, bus, wide)?;
        check_real_target(core, offset)?;
        core.set_gpr32(reg::ESP, esp);
        core.enter_real_code(selector);
        core.next_eip = offset;
        return Ok(());
    }
    if is_null(selector) {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    let target = core.fetch_descriptor(bus, selector, vector::GP)?;
    match target.system_type() {
        None => {
            core.check_direct_code(&target)?;
            call_same_level(core, bus, &target, offset, wide)
        }
        Some(kind @ (CALL_GATE16 | CALL_GATE32)) => {
            let code = gate_target(core, bus, &target)?;
            check_present(&code)?;
            let wide = kind == CALL_GATE32;
            let offset = target.gate_offset(wide);
            if !code.attr().is_conforming() && code.dpl() < core.cpl {
                call_inner_level(core, bus, &code, offset, wide, target.gate_parameters())
            } else {
                call_same_level(core, bus, &code, offset, wide)
            }
        }
        Some(TASK_GATE | TSS16_AVAILABLE | TSS32_AVAILABLE) => switch_task(core, bus, &target, Reason::Call),
        Some(_) => Err(target.fault(vector::GP, FaultRule::WrongDescriptorType)),
    }
}

/// Pushes CS and the return address onto the current stack and returns ESP as it would be then. Each is
/// written at once: if the second push or the target's limit then faults, silicon leaves the stack memory
/// changed (vectors family `seg`), though not ESP.
fn push_return(core: &mut Core, bus: &mut Bus<'_>, wide: bool) -> Result<u32, Fault> {
    let mut stack = Pushes::current(core, wide);
    for value in [core.segments[seg::CS].selector as u32, core.next_eip] {
        stack.push(core, bus, value)?;
        stack.write(core, bus)?;
    }
    Ok(stack.pointer())
}

fn call_same_level(
    core: &mut Core,
    bus: &mut Bus<'_>,
    code: &Descriptor,
    offset: u32,
    wide: bool,
) -> Result<(), Fault> {
    let esp = push_return(core, bus, wide)?;
    check_target(&code.segment(), offset)?;
    let segment = core.access_segment(bus, code)?;
    core.set_gpr32(reg::ESP, esp);
    core.enter_code(segment, core.cpl);
    core.next_eip = offset;
    Ok(())
}

/// Through a call gate to an inner privilege level, with parameters (SDM vol. 3A §5.8.4, §5.8.5).
fn call_inner_level(
    core: &mut Core,
    bus: &mut Bus<'_>,
    code: &Descriptor,
    offset: u32,
    wide: bool,
    parameters: u32,
) -> Result<(), Fault> {
    let level = code.dpl();
    let (descriptor, esp) = core.inner_stack(bus, level)?;
    let stack_segment = core.access_segment(bus, &descriptor)?;
    let error = (descriptor.selector & !3) as u32;
    let mut stack = Pushes::onto(stack_segment, esp, level, wide, error);
    stack.push(core, bus, core.segments[seg::SS].selector as u32)?;
    stack.push(core, bus, core.gpr32(reg::ESP))?;
    let size = if wide { 4 } else { 2 };
    for n in (0..parameters).rev() {
        let parameter = core.stack_read(bus, n * size, wide)?;
        stack.push(core, bus, parameter)?;
    }
    stack.push(core, bus, core.segments[seg::CS].selector as u32)?;
    stack.push(core, bus, core.next_eip)?;
    check_target(&code.segment(), offset)?;
    let segment = core.access_segment(bus, code)?;
    stack.write(core, bus)?;
    core.segments[seg::SS] = stack_segment;
    core.set_gpr32(reg::ESP, stack.pointer());
    core.enter_code(segment, level);
    core.next_eip = offset;
    Ok(())
}

/// RETF, RETF imm16 — SDM vol. 2B "RET".
pub(crate) fn ret_far(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let wide = insn.operand32();
    let size = if wide { 4 } else { 2 };
    let release = insn.imm & 0xffff;
    let offset = core.stack_read(bus, 0, wide)?;
    let selector = core.stack_read(bus, size, wide)? as u16;
    if !core.is_protected() {
        check_real_target(core, offset)?;
        core.enter_real_code(selector);
        core.release_stack(2 * size + release);
        core.next_eip = offset;
        return Ok(());
    }
    let code = core.check_return_code(bus, selector)?;
    if rpl(selector) == core.cpl {
        check_target(&code.segment(), offset)?;
        let segment = core.access_segment(bus, &code)?;
        core.enter_code(segment, core.cpl);
        core.release_stack(2 * size + release);
        core.next_eip = offset;
        return Ok(());
    }
    let outer = OuterStack::read(core, bus, 2 * size + release, wide, rpl(selector))?;
    check_target(&code.segment(), offset)?;
    let segment = core.access_segment(bus, &code)?;
    outer.enter(core, segment, rpl(selector), release);
    core.next_eip = offset;
    Ok(())
}

/// SS:ESP of the outer level that a far RET or IRET returns to.
struct OuterStack {
    segment: Segment,
    pointer: u32,
}

impl OuterStack {
    /// Reads and checks them, `offset` bytes above the stack pointer.
    fn read(core: &mut Core, bus: &mut Bus<'_>, offset: u32, wide: bool, level: u8) -> Result<Self, Fault> {
        let size = if wide { 4 } else { 2 };
        let pointer = core.stack_read(bus, offset, wide)?;
        let selector = core.stack_read(bus, offset + size, wide)? as u16;
        let descriptor = core.check_stack_segment(bus, selector, level, vector::GP)?;
        let segment = core.access_segment(bus, &descriptor)?;
        Ok(Self { segment, pointer })
    }

    /// Goes there. Segment registers that the outer level may not use become null (SDM vol. 3A §5.8.6).
    fn enter(self, core: &mut Core, code: Segment, level: u8, release: u32) {
        core.segments[seg::SS] = self.segment;
        core.set_stack_pointer(self.pointer.wrapping_add(release));
        for register in [seg::ES, seg::FS, seg::GS, seg::DS] {
            let segment = &mut core.segments[register];
            if !segment.is_null() && !segment.attr.is_conforming() && segment.attr.dpl() < level {
                *segment = Segment::null(0);
            }
        }
        core.enter_code(code, level);
    }
}

/// IRET, IRETD — SDM vol. 2A "IRET".
pub(crate) fn iret(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let wide = insn.operand32();
    match core.mode() {
        Mode::Real => real_return(core, bus, wide),
        Mode::Virtual8086 => {
            if core.eflags.iopl() < 3 && (wide || !core.cr4.contains(Cr4::VME)) {
                return Err(Fault::protection(0, FaultRule::IoplTooLow));
            }
            real_return(core, bus, wide)
        }
        Mode::Protected if core.eflags.contains(Eflags::NT) => nested_return(core, bus),
        Mode::Protected => protected_return(core, bus, wide),
    }?;
    // SDM vol. 3A §6.7.1: IRET ends the handling of an NMI.
    core.nmi_blocked = false;
    Ok(())
}

/// RF as the image has it; a 16-bit image means clear.
fn resume_bit(wide: bool, image: Eflags) -> Eflags {
    if wide { image & Eflags::RF } else { Eflags::empty() }
}

/// In real mode, and in virtual-8086 mode with IOPL 3 or under VME.
fn real_return(core: &mut Core, bus: &mut Bus<'_>, wide: bool) -> Result<(), Fault> {
    let size = if wide { 4 } else { 2 };
    let offset = core.stack_read(bus, 0, wide)?;
    let selector = core.stack_read(bus, size, wide)? as u16;
    let image = Eflags::from_bits_retain(core.stack_read(bus, 2 * size, wide)?);
    check_real_target(core, offset)?;
    if core.is_virtual8086() && core.eflags.iopl() < 3 {
        core.set_virtual_flags(image)?;
        core.eflags.remove(Eflags::RF);
    } else {
        let mask = core.writable_flags(wide);
        core.set_flags_image(image, mask);
        core.eflags = core.eflags & !Eflags::RF | resume_bit(wide, image);
    }
    core.release_stack(3 * size);
    core.enter_real_code(selector);
    core.next_eip = offset;
    Ok(())
}

fn protected_return(core: &mut Core, bus: &mut Bus<'_>, wide: bool) -> Result<(), Fault> {
    let size = if wide { 4 } else { 2 };
    let offset = core.stack_read(bus, 0, wide)?;
    let selector = core.stack_read(bus, size, wide)? as u16;
    let image = Eflags::from_bits_retain(core.stack_read(bus, 2 * size, wide)?);
    if wide && image.contains(Eflags::VM) && core.cpl == 0 {
        return return_to_virtual8086(core, bus, offset, selector, image);
    }
    let level = rpl(selector);
    let code = core.check_return_code(bus, selector)?;
    let outer = if level == core.cpl {
        None
    } else {
        Some(OuterStack::read(core, bus, 3 * size, wide, level)?)
    };
    check_target(&code.segment(), offset)?;
    let segment = core.access_segment(bus, &code)?;
    let mut mask = core.writable_flags(wide);
    if wide && core.cpl == 0 {
        mask |= (Eflags::VIF | Eflags::VIP) & core.model.eflags;
    }
    core.set_flags_image(image, mask);
    core.eflags = core.eflags & !Eflags::RF | resume_bit(wide, image);
    match outer {
        Some(stack) => stack.enter(core, segment, level, 0),
        None => {
            core.release_stack(3 * size);
            core.enter_code(segment, level);
        }
    }
    core.next_eip = offset;
    Ok(())
}

/// Entering virtual-8086 mode under VME with VIF and VIP both set is #GP(0) before the first instruction there: the
/// interrupt that is pending may come in now (SDM vol. 3B §20.3.2). Everything else of the entry has happened.
pub(crate) fn check_virtual_interrupt(core: &mut Core) -> Result<(), Fault> {
    let virtual_interrupts = core.cr4.contains(Cr4::VME) && core.eflags.iopl() < 3;
    if virtual_interrupts && core.eflags.contains(Eflags::VIF | Eflags::VIP) {
        core.eip = core.next_eip;
        return Err(Fault::protection(0, FaultRule::VirtualInterruptPending));
    }
    Ok(())
}

/// IRETD at CPL 0 with VM set in the image (SDM vol. 3A §20.2.2).
fn return_to_virtual8086(
    core: &mut Core,
    bus: &mut Bus<'_>,
    offset: u32,
    selector: u16,
    image: Eflags,
) -> Result<(), Fault> {
    let esp = core.stack_read(bus, 12, true)?;
    let mut selectors = [(seg::CS, selector); 6];
    let order = [seg::SS, seg::ES, seg::DS, seg::FS, seg::GS];
    for (n, (slot, register)) in (0..).zip(selectors.iter_mut().zip(order)) {
        *slot = (register, core.stack_read(bus, 16 + 4 * n, true)? as u16);
    }
    if offset > 0xffff {
        return Err(BEYOND_LIMIT);
    }
    core.set_flags_image(image, core.model.eflags);
    core.cpl = 3;
    for (register, selector) in selectors {
        core.segments[register] = Segment::real(selector, 3);
    }
    core.set_gpr32(reg::ESP, esp);
    core.update_mode();
    core.next_eip = offset;
    core.nmi_blocked = false;
    check_virtual_interrupt(core)
}
