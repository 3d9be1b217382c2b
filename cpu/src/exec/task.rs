//! Hardware task switches.
//!
//! Follows SDM vol. 3A chapter 7: §7.2 (TSS), §7.3 (the switch and the order of its checks, table 7-1),
//! §7.4 (nesting). Everything up to saving the old task faults in the old task; loading the new task's
//! segments faults in the new one.

use oldiron_mmu::{Access, Bus, SegAttr, Segment};

use super::{
    control::write_cr3,
    descriptor::{Descriptor, is_local, is_null, is_tss32, rpl, selector_fault, system_type},
    far::check_virtual_interrupt,
};
use crate::{
    core::{Core, Cr0, Shadow, dr6, seg},
    fault::{Fault, FaultRule, vector},
    flags::Eflags,
};

/// What switches the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// JMP: the old task is no longer busy.
    Jump,
    /// CALL: the new task is nested.
    Call,
    /// An interrupt or exception through a task gate: likewise.
    Gate,
    /// IRET with NT set: back to the task that was interrupted.
    Iret,
}

impl Reason {
    const fn nests(self) -> bool {
        matches!(self, Self::Call | Self::Gate)
    }
}

/// Offsets in a 32-bit TSS (SDM vol. 3A figure 7-2).
mod tss32 {
    pub const LAST: u32 = 0x67;
    pub const CR3: u32 = 0x1c;
    pub const EIP: u32 = 0x20;
    pub const EFLAGS: u32 = 0x24;
    pub const REGISTERS: u32 = 0x28;
    pub const SEGMENTS: u32 = 0x48;
    pub const LDT: u32 = 0x60;
    pub const TRAP: u32 = 0x64;
}

/// Offsets in a 16-bit TSS (SDM vol. 3A figure 7-10).
mod tss16 {
    pub const LAST: u32 = 0x2b;
    pub const IP: u32 = 0x0e;
    pub const FLAGS: u32 = 0x10;
    pub const REGISTERS: u32 = 0x12;
    pub const SEGMENTS: u32 = 0x22;
    pub const LDT: u32 = 0x2a;
}

/// Segment registers in a TSS: six in a 32-bit one, the first four in a 16-bit one.
const SEGMENT_COUNT: u32 = 6;
const SEGMENT_COUNT16: u32 = 4;
/// Upper half of each general register after a switch to a 16-bit task, as the 386 and later leave it.
const UPPER_HALF16: u32 = 0xffff_0000;
/// The local enable bits of DR7, which a task switch clears.
const DR7_LOCAL: u32 = 0x155;

const fn last_byte(wide: bool) -> u32 {
    if wide { tss32::LAST } else { tss16::LAST }
}

/// What a TSS holds of its task.
struct TaskState {
    cr3: Option<u32>,
    eip: u32,
    eflags: u32,
    registers: [u32; 8],
    segments: [u16; SEGMENT_COUNT as usize],
    ldt: u16,
    trap: bool,
}

/// The TSS that a task gate names: it must be in the GDT, available and present (SDM vol. 2A "CALL").
pub(crate) fn fetch_available_tss(
    core: &mut Core,
    bus: &mut Bus<'_>,
    selector: u16,
) -> Result<Descriptor, Fault> {
    if is_local(selector) {
        return Err(selector_fault(vector::GP, selector, FaultRule::TssNotAvailable));
    }
    let tss = core.fetch_descriptor(bus, selector, vector::GP)?;
    match tss.system_type() {
        Some(system_type::TSS16_AVAILABLE | system_type::TSS32_AVAILABLE) => {}
        _ => return Err(tss.fault(vector::GP, FaultRule::TssNotAvailable)),
    }
    if !tss.is_present() {
        return Err(tss.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    Ok(tss)
}

/// IRET with NT set: returns to the task that the back link names (SDM vol. 2A "IRET", TASK-RETURN).
pub(crate) fn nested_return(core: &mut Core, bus: &mut Bus<'_>) -> Result<(), Fault> {
    if core.tr.is_null() {
        return Err(selector_fault(
            vector::TS,
            core.tr.selector,
            FaultRule::TssTooSmall,
        ));
    }
    let link: u16 = core.sys_read(bus, core.tr.base as u32)?;
    if is_local(link) {
        return Err(selector_fault(vector::TS, link, FaultRule::TssInvalid));
    }
    let tss = core.fetch_descriptor(bus, link, vector::TS)?;
    match tss.system_type() {
        Some(system_type::TSS16_BUSY | system_type::TSS32_BUSY) => {}
        _ => return Err(tss.fault(vector::TS, FaultRule::TssBusy)),
    }
    if !tss.is_present() {
        return Err(tss.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    let image = core.flags_image();
    task_switch(core, bus, &tss, Reason::Iret, core.next_eip, image)
}

/// Switches to the task of `tss`, whose type and privilege the caller has checked. `return_eip` and `image` are what the
/// old task resumes with. On success, and on a fault in the new task's context, EIP is the new task's.
pub(crate) fn task_switch(
    core: &mut Core,
    bus: &mut Bus<'_>,
    tss: &Descriptor,
    reason: Reason,
    return_eip: u32,
    image: Eflags,
) -> Result<(), Fault> {
    let (old, new) = (core.tr, tss.segment());
    let (old_wide, wide) = (is_tss32(old.attr.kind()), is_tss32(new.attr.kind()));
    if new.limit < last_byte(wide) {
        return Err(tss.fault(vector::TS, FaultRule::TssTooSmall));
    }
    if old.is_null() || old.limit < last_byte(old_wide) {
        return Err(selector_fault(vector::TS, old.selector, FaultRule::TssTooSmall));
    }
    let (old_base, new_base) = (old.base as u32, new.base as u32);
    let old_descriptor = core.gdtr.base.wrapping_add((old.selector & 0xfff8) as u32);

    // SDM vol. 3A §7.3 step 5: all structures are paged in, or #PF before anything changes.
    core.check_access(bus, old_base, last_byte(old_wide) + 1, Access::Write, false)?;
    core.check_access(bus, new_base, last_byte(wide) + 1, Access::Read, false)?;
    if reason.nests() {
        core.check_access(bus, new_base, 2, Access::Write, false)?;
    } else {
        core.check_busy_write(bus, old_descriptor)?;
    }
    if reason != Reason::Iret {
        core.check_busy_write(bus, tss.addr)?;
    }

    if !reason.nests() {
        core.set_busy(bus, old_descriptor, false)?;
    }
    let mut saved = image;
    if reason == Reason::Iret {
        saved.remove(Eflags::NT);
    }
    save_state(core, bus, old_base, old_wide, return_eip, saved)?;
    let state = read_state(core, bus, new_base, wide)?;
    if reason.nests() {
        core.sys_write(bus, new_base, old.selector)?;
    }
    if reason != Reason::Iret {
        core.set_busy(bus, tss.addr, true)?;
    }
    core.load_task_register(tss);
    enter_state(core, &state, reason.nests());
    load_segments(core, bus, &state)
}

impl Core {
    /// Loads TR from the descriptor of a TSS, which is busy from now on.
    pub(crate) fn load_task_register(&mut self, tss: &Descriptor) {
        self.tr = tss.segment();
        self.tr.attr |= SegAttr::from_bits_retain(system_type::BUSY as u16);
    }
}

fn save_state(
    core: &mut Core,
    bus: &mut Bus<'_>,
    base: u32,
    wide: bool,
    eip: u32,
    image: Eflags,
) -> Result<(), Fault> {
    let at = |offset: u32| base.wrapping_add(offset);
    if wide {
        core.sys_write(bus, at(tss32::EIP), eip)?;
        core.sys_write(bus, at(tss32::EFLAGS), image.bits())?;
        for n in 0..8 {
            core.sys_write(bus, at(tss32::REGISTERS + 4 * n), core.gpr32(n as usize))?;
        }
        for n in 0..SEGMENT_COUNT {
            let selector = core.segments[n as usize].selector;
            core.sys_write(bus, at(tss32::SEGMENTS + 4 * n), selector)?;
        }
    } else {
        core.sys_write(bus, at(tss16::IP), eip as u16)?;
        core.sys_write(bus, at(tss16::FLAGS), image.bits() as u16)?;
        for n in 0..8 {
            core.sys_write(bus, at(tss16::REGISTERS + 2 * n), core.gpr32(n as usize) as u16)?;
        }
        for n in 0..SEGMENT_COUNT16 {
            let selector = core.segments[n as usize].selector;
            core.sys_write(bus, at(tss16::SEGMENTS + 2 * n), selector)?;
        }
    }
    Ok(())
}

fn read_state(core: &mut Core, bus: &mut Bus<'_>, base: u32, wide: bool) -> Result<TaskState, Fault> {
    let at = |offset: u32| base.wrapping_add(offset);
    let mut registers = [0; 8];
    let mut segments = [0; SEGMENT_COUNT as usize];
    if wide {
        for (n, register) in (0..).zip(&mut registers) {
            *register = core.sys_read(bus, at(tss32::REGISTERS + 4 * n))?;
        }
        for (n, selector) in (0..).zip(&mut segments) {
            *selector = core.sys_read(bus, at(tss32::SEGMENTS + 4 * n))?;
        }
        return Ok(TaskState {
            cr3: Some(core.sys_read(bus, at(tss32::CR3))?),
            eip: core.sys_read(bus, at(tss32::EIP))?,
            eflags: core.sys_read(bus, at(tss32::EFLAGS))?,
            registers,
            segments,
            ldt: core.sys_read(bus, at(tss32::LDT))?,
            trap: core.sys_read::<u16>(bus, at(tss32::TRAP))? & 1 != 0,
        });
    }
    for (n, register) in (0..).zip(&mut registers) {
        *register = UPPER_HALF16 | core.sys_read::<u16>(bus, at(tss16::REGISTERS + 2 * n))? as u32;
    }
    for (n, selector) in (0..SEGMENT_COUNT16).zip(&mut segments) {
        *selector = core.sys_read(bus, at(tss16::SEGMENTS + 2 * n))?;
    }
    Ok(TaskState {
        cr3: None,
        eip: core.sys_read::<u16>(bus, at(tss16::IP))? as u32,
        eflags: core.sys_read::<u16>(bus, at(tss16::FLAGS))? as u32,
        registers,
        segments,
        ldt: core.sys_read(bus, at(tss16::LDT))?,
        trap: false,
    })
}

/// The part of the new state that cannot fault. Segment registers show their selectors but are not
/// usable yet.
fn enter_state(core: &mut Core, state: &TaskState, nested: bool) {
    for (n, &value) in state.registers.iter().enumerate() {
        core.set_gpr32(n, value);
    }
    let mut flags = Eflags::from_bits_retain(state.eflags);
    flags.set(Eflags::NT, nested || flags.contains(Eflags::NT));
    core.set_flags_image(flags, core.model.eflags);
    core.eip = state.eip;
    core.next_eip = state.eip;
    for (register, &selector) in core.segments.iter_mut().zip(&state.segments) {
        *register = Segment::null(selector);
    }
    core.ldtr = Segment::null(state.ldt);
    core.cpl = if flags.contains(Eflags::VM) {
        3
    } else {
        rpl(state.segments[seg::CS])
    };
    core.cr0.insert(Cr0::TS);
    core.dr[7] &= !DR7_LOCAL;
    core.shadow = Shadow::None;
    if state.trap {
        core.pending_debug |= dr6::BT;
    }
    core.update_mode();
}

/// Loads and checks CR3, LDTR and the segment registers in the context of the new task (SDM vol. 3A table
/// 7-1).
fn load_segments(core: &mut Core, bus: &mut Bus<'_>, state: &TaskState) -> Result<(), Fault> {
    if let Some(cr3) = state.cr3
        && core.cr0.contains(Cr0::PG)
    {
        write_cr3(core, bus, cr3)?;
    }
    if !is_null(state.ldt) {
        let invalid = selector_fault(vector::TS, state.ldt, FaultRule::LdtInvalid);
        if is_local(state.ldt) {
            return Err(invalid);
        }
        let ldt = core.fetch_descriptor(bus, state.ldt, vector::TS)?;
        if ldt.system_type() != Some(system_type::LDT) || !ldt.is_present() {
            return Err(invalid);
        }
        core.ldtr = ldt.segment();
    }
    if core.is_virtual8086() {
        for register in 0..SEGMENT_COUNT as usize {
            core.segments[register] = Segment::real(state.segments[register], 3);
        }
    } else {
        load_code_and_stack(core, bus, state)?;
        for register in [seg::ES, seg::DS, seg::FS, seg::GS] {
            let selector = state.segments[register];
            if !is_null(selector) {
                core.segments[register] = check_task_data(core, bus, selector)?;
            }
        }
    }
    core.update_mode();
    if core.eip > core.segments[seg::CS].limit {
        return Err(Fault::protection(0, FaultRule::TargetBeyondLimit));
    }
    if core.is_virtual8086() {
        check_virtual_interrupt(core)?;
    }
    Ok(())
}

fn load_code_and_stack(core: &mut Core, bus: &mut Bus<'_>, state: &TaskState) -> Result<(), Fault> {
    let selector = state.segments[seg::CS];
    if is_null(selector) {
        return Err(selector_fault(vector::TS, selector, FaultRule::TssInvalid));
    }
    let code = core.fetch_descriptor(bus, selector, vector::TS)?;
    let attr = code.attr();
    let allowed = if attr.is_conforming() {
        attr.dpl() <= core.cpl
    } else {
        attr.dpl() == core.cpl
    };
    if !attr.is_code() || !allowed {
        return Err(code.fault(vector::TS, FaultRule::TssInvalid));
    }
    let stack = core.check_stack_segment(bus, state.segments[seg::SS], core.cpl, vector::TS)?;
    if !code.is_present() {
        return Err(code.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    core.segments[seg::SS] = core.access_segment(bus, &stack)?;
    core.segments[seg::CS] = core.access_segment(bus, &code)?;
    core.update_mode();
    Ok(())
}

fn check_task_data(core: &mut Core, bus: &mut Bus<'_>, selector: u16) -> Result<Segment, Fault> {
    let data = core.fetch_descriptor(bus, selector, vector::TS)?;
    let attr = data.attr();
    let allowed = attr.is_conforming() || core.cpl.max(rpl(selector)) <= attr.dpl();
    if !attr.is_readable() || !allowed {
        return Err(data.fault(vector::TS, FaultRule::TssInvalid));
    }
    if !data.is_present() {
        return Err(data.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    core.access_segment(bus, &data)
}
