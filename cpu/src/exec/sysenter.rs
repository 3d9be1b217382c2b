//! SYSENTER and SYSEXIT: SDM vol. 2B under these names. Segments are taken as flat; no descriptor is read.

use oldiron_mmu::{Bus, Segment};

use crate::{
    core::{Core, Cr0, reg, seg},
    exec::control::require_cpl0,
    fault::{Fault, FaultRule},
    flags::Eflags,
    insn::Insn,
    msr::{SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP},
};

const FLAT_CODE: u64 = 0x00cf_9b00_0000_ffff;
const FLAT_DATA: u64 = 0x00cf_9300_0000_ffff;
const DPL_SHIFT: u32 = 45;

/// The selector in IA32_SYSENTER_CS, if both instructions may use it.
fn base_selector(core: &mut Core) -> Result<u16, Fault> {
    let selector = core.read_msr(SYSENTER_CS)? as u16 & !3;
    if !core.cr0.contains(Cr0::PE) || selector == 0 {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    Ok(selector)
}

fn enter_ring(core: &mut Core, level: u8, code: u16, stack: u16) {
    let dpl = (level as u64) << DPL_SHIFT;
    core.segments[seg::CS] = Segment::from_descriptor(code | level as u16, FLAT_CODE | dpl);
    core.segments[seg::SS] = Segment::from_descriptor(stack | level as u16, FLAT_DATA | dpl);
    core.cpl = level;
    core.update_mode();
}

/// SYSENTER.
pub(crate) fn sysenter(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    let selector = base_selector(core)?;
    let (esp, eip) = (core.read_msr(SYSENTER_ESP)?, core.read_msr(SYSENTER_EIP)?);
    core.eflags.remove(Eflags::VM | Eflags::IF | Eflags::RF);
    core.set_gpr32(reg::ESP, esp as u32);
    core.next_eip = eip as u32;
    enter_ring(core, 0, selector, selector.wrapping_add(8));
    Ok(())
}

/// SYSEXIT.
pub(crate) fn sysexit(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    let selector = base_selector(core)?;
    require_cpl0(core)?;
    core.set_gpr32(reg::ESP, core.gpr32(reg::ECX));
    core.next_eip = core.gpr32(reg::EDX);
    enter_ring(core, 3, selector.wrapping_add(16), selector.wrapping_add(24));
    Ok(())
}
