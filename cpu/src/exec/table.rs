//! Descriptor-table registers, LDTR, TR and the machine status word.
//!
//! Follows SDM vol. 2 (SGDT, LGDT, SLDT, LLDT, STR, LTR, SMSW, LMSW).

use oldiron_mmu::{Access, Bus, Segment};

use super::{
    control::{require_cpl0, write_cr0},
    descriptor::{is_local, is_null, selector_fault, system_type},
    segment::{read_rm16, require_protected, write_rm16},
};
use crate::{
    core::{Core, Cr0, TableRegister},
    fault::{Fault, FaultRule, vector},
    insn::Insn,
};

/// Bits of the base that a 16-bit LGDT or LIDT loads.
const BASE24: u32 = 0x00ff_ffff;

/// SGDT — SDM vol. 2B "SGDT".
pub(crate) fn sgdt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    store_table(core, bus, insn, core.gdtr)
}

/// SIDT — SDM vol. 2B "SIDT".
pub(crate) fn sidt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    store_table(core, bus, insn, core.idtr)
}

/// Stores all 32 bits of the base whatever the operand size, as the 386 and later do.
fn store_table(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, table: TableRegister) -> Result<(), Fault> {
    let at = core.effective_address(insn);
    let base_at = at.wrapping_add(2) & insn.address_mask();
    let segment = insn.seg as usize;
    let limit_addr = core.segment_address(segment, at, 2, true)?;
    let base_addr = core.segment_address(segment, base_at, 4, true)?;
    core.check_access(bus, limit_addr, 2, Access::Write, core.cpl == 3)?;
    core.check_access(bus, base_addr, 4, Access::Write, core.cpl == 3)?;
    core.user_write(bus, limit_addr, table.limit)?;
    core.user_write(bus, base_addr, table.base)
}

/// LGDT — SDM vol. 2A "LGDT".
pub(crate) fn lgdt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    core.gdtr = load_table(core, bus, insn)?;
    Ok(())
}

/// LIDT — SDM vol. 2A "LIDT".
pub(crate) fn lidt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    core.idtr = load_table(core, bus, insn)?;
    Ok(())
}

fn load_table(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<TableRegister, Fault> {
    require_cpl0(core)?;
    let at = core.effective_address(insn);
    let segment = insn.seg as usize;
    let limit = core.seg_read::<u16>(bus, segment, at)?;
    let base = core.seg_read::<u32>(bus, segment, at.wrapping_add(2) & insn.address_mask())?;
    let base = if insn.operand32() { base } else { base & BASE24 };
    Ok(TableRegister { base, limit })
}

/// SLDT — SDM vol. 2B "SLDT".
pub(crate) fn sldt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_protected(core)?;
    write_rm16(core, bus, insn, core.ldtr.selector as u32)
}

/// STR — SDM vol. 2B "STR".
pub(crate) fn str_(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_protected(core)?;
    write_rm16(core, bus, insn, core.tr.selector as u32)
}

/// LLDT — SDM vol. 2A "LLDT".
pub(crate) fn lldt(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_protected(core)?;
    require_cpl0(core)?;
    let selector = read_rm16(core, bus, insn, insn.src)?;
    if is_null(selector) {
        core.ldtr = Segment::null(selector);
        return Ok(());
    }
    if is_local(selector) {
        return Err(selector_fault(
            vector::GP,
            selector,
            FaultRule::WrongDescriptorType,
        ));
    }
    let descriptor = core.fetch_descriptor(bus, selector, vector::GP)?;
    if descriptor.system_type() != Some(system_type::LDT) {
        return Err(descriptor.fault(vector::GP, FaultRule::WrongDescriptorType));
    }
    if !descriptor.is_present() {
        return Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    core.ldtr = descriptor.segment();
    Ok(())
}

/// LTR — SDM vol. 2A "LTR".
pub(crate) fn ltr(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_protected(core)?;
    require_cpl0(core)?;
    let selector = read_rm16(core, bus, insn, insn.src)?;
    if is_null(selector) {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    if is_local(selector) {
        return Err(selector_fault(
            vector::GP,
            selector,
            FaultRule::WrongDescriptorType,
        ));
    }
    let descriptor = core.fetch_descriptor(bus, selector, vector::GP)?;
    match descriptor.system_type() {
        Some(system_type::TSS16_AVAILABLE | system_type::TSS32_AVAILABLE) => {}
        _ => return Err(descriptor.fault(vector::GP, FaultRule::TssNotAvailable)),
    }
    if !descriptor.is_present() {
        return Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    core.set_busy(bus, descriptor.addr, true)?;
    core.load_task_register(&descriptor);
    Ok(())
}

/// SMSW — SDM vol. 2B "SMSW". A 32-bit register receives all of CR0.
pub(crate) fn smsw(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let cr0 = core.cr0.bits();
    write_rm16(core, bus, insn, cr0)
}

/// LMSW — SDM vol. 2A "LMSW": PE can be set but not cleared.
pub(crate) fn lmsw(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    let word = read_rm16(core, bus, insn, insn.src)?;
    let loaded = Cr0::PE | Cr0::MP | Cr0::EM | Cr0::TS;
    let kept = core.cr0 & !(loaded & !Cr0::PE);
    write_cr0(
        core,
        bus,
        (kept | Cr0::from_bits_retain(word as u32) & loaded).bits(),
    )
}
