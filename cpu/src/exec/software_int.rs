//! Instructions that interrupt: INT n, INT3, INTO, INT1 and BOUND.
//!
//! Follows SDM vol. 2A "INT n", "BOUND" and vol. 3B §20.3.3 (VME's redirection of INT n).

use oldiron_mmu::Bus;

use super::{
    descriptor::{Pushes, is_tss32},
    io::{IO_MAP_BASE, TSS32_LAST},
};
use crate::{
    core::{Core, Cr4, reg, seg},
    fault::{Fault, FaultRule, vector},
    flags::Eflags,
    insn::Insn,
    interrupt::{Source, deliver},
};

/// INT n — SDM vol. 2A "INT n".
pub(crate) fn int_n(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let number = insn.imm as u8;
    if core.is_virtual8086() {
        if core.cr4.contains(Cr4::VME) && is_redirected(core, bus, number)? {
            return redirect(core, bus, number);
        }
        if core.eflags.iopl() < 3 {
            return Err(Fault::protection(0, FaultRule::IoplTooLow));
        }
    }
    deliver(
        core,
        bus,
        Fault::plain(number, FaultRule::SoftwareInterrupt),
        Source::Software,
    )
}

/// INT3 — SDM vol. 2A "INT3". Not sensitive to IOPL and never redirected.
pub(crate) fn int3(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    deliver(
        core,
        bus,
        Fault::plain(vector::BP, FaultRule::Breakpoint),
        Source::Software,
    )
}

/// INT1 — SDM vol. 2A "INT1": #DB without a look at the gate's DPL, DR6 untouched.
pub(crate) fn icebp(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    deliver(
        core,
        bus,
        Fault::plain(vector::DB, FaultRule::SoftwareInterrupt),
        Source::Icebp,
    )
}

/// INTO — SDM vol. 2A "INTO".
pub(crate) fn into(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    if core.flags.of() {
        deliver(
            core,
            bus,
            Fault::plain(vector::OF, FaultRule::OverflowTrap),
            Source::Software,
        )
    } else {
        Ok(())
    }
}

/// BOUND — SDM vol. 2A "BOUND".
pub(crate) fn bound(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let at = core.effective_address(insn);
    let segment = insn.seg as usize;
    let inside = if insn.operand32() {
        let lower = core.seg_read::<u32>(bus, segment, at)? as i32;
        let upper = core.seg_read::<u32>(bus, segment, at.wrapping_add(4) & insn.address_mask())? as i32;
        (lower..=upper).contains(&(core.reg::<u32>(insn.dst) as i32))
    } else {
        let lower = core.seg_read::<u16>(bus, segment, at)? as i16;
        let upper = core.seg_read::<u16>(bus, segment, at.wrapping_add(2) & insn.address_mask())? as i16;
        (lower..=upper).contains(&(core.reg::<u16>(insn.dst) as i16))
    };
    if inside {
        Ok(())
    } else {
        Err(Fault::plain(vector::BR, FaultRule::BoundExceeded))
    }
}

/// Bytes of the redirection bitmap, which ends where the I/O bitmap begins.
const REDIRECTION_BYTES: u32 = 32;

/// Whether VME sends this INT n to the virtual-8086 program's own handler: its bit in the TSS is clear
/// (SDM vol. 3B §20.3.3).
fn is_redirected(core: &mut Core, bus: &mut Bus<'_>, number: u8) -> Result<bool, Fault> {
    let unusable = Fault::protection(0, FaultRule::TssTooSmall);
    if core.tr.is_null() || !is_tss32(core.tr.attr.kind()) || core.tr.limit < TSS32_LAST {
        return Err(unusable);
    }
    let tss = core.tr.base as u32;
    let map: u16 = core.sys_read(bus, tss.wrapping_add(IO_MAP_BASE))?;
    let offset = (map as u32)
        .wrapping_sub(REDIRECTION_BYTES)
        .wrapping_add(number as u32 / 8);
    if offset > core.tr.limit {
        return Err(unusable);
    }
    let bits: u8 = core.sys_read(bus, tss.wrapping_add(offset))?;
    Ok(bits >> (number % 8) & 1 == 0)
}

/// INT n through the interrupt table at linear address 0, within virtual-8086 mode.
fn redirect(core: &mut Core, bus: &mut Bus<'_>, number: u8) -> Result<(), Fault> {
    let entry: u32 = core.sys_read(bus, number as u32 * 4)?;
    let sensitive = core.eflags.iopl() < 3;
    let image = core.flags_image();
    let pushed = if sensitive {
        core.virtual_flags(image)
    } else {
        image
    };
    let mut stack = Pushes::current(core, false);
    stack.push(core, bus, pushed.bits())?;
    stack.push(core, bus, core.segments[seg::CS].selector as u32)?;
    stack.push(core, bus, core.next_eip)?;
    stack.write(core, bus)?;
    core.set_gpr32(reg::ESP, stack.pointer());
    let masked = if sensitive { Eflags::VIF } else { Eflags::IF };
    // Unlike a gate, this leaves NT alone (SDM vol. 3B table 20-2, methods 5 and 6).
    core.set_flags_image(Eflags::empty(), masked | Eflags::TF | Eflags::RF);
    core.enter_real_code((entry >> 16) as u16);
    core.eip = entry & 0xffff;
    core.next_eip = core.eip;
    Ok(())
}
