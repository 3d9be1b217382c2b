//! MONITOR and MWAIT.
//!
//! Follows SDM vol. 2B "MONITOR", "MWAIT". A store to the monitored line does not end MWAIT, which waits for an
//! interrupt as HLT does, or not at all while interrupts are off: the manual lets it end for any reason, so that a
//! program looks itself whether what it waited for has come.

use oldiron_mmu::Bus;

use crate::{
    core::{Activity, Core, reg},
    fault::{Fault, FaultRule},
    flags::Eflags,
    insn::Insn,
};

/// #UD unless at CPL 0, and #GP(0) if ECX asks for an extension: CPUID names none.
fn check_monitor(core: &Core) -> Result<(), Fault> {
    if core.cpl != 0 {
        return Err(Fault::undefined(FaultRule::PrivilegeLevelNotZero));
    }
    if core.gpr32(reg::ECX) != 0 {
        return Err(Fault::protection(0, FaultRule::MonitorExtension));
    }
    Ok(())
}

/// MONITOR — SDM vol. 2B "MONITOR": the line is checked as a load of one byte is.
pub(crate) fn monitor(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    check_monitor(core)?;
    let offset = if insn.operand32() {
        core.gpr32(reg::EAX)
    } else {
        core.gpr32(reg::EAX) & 0xffff
    };
    core.seg_read::<u8>(bus, insn.seg as usize, offset).map(|_| ())
}

/// MWAIT — SDM vol. 2B "MWAIT".
pub(crate) fn mwait(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    check_monitor(core)?;
    if core.eflags.contains(Eflags::IF) {
        core.activity = Activity::Halted;
    }
    Ok(())
}
