//! Instructions that move EFLAGS or change IF, with the rules of IOPL, virtual-8086 mode, VME and PVI.
//!
//! Follows SDM vol. 2 (CLI, STI, PUSHF, POPF, LAHF, SAHF) and vol. 3B §20.3 and §20.4.

use oldiron_mmu::Bus;

use super::descriptor::Pushes;
use crate::{
    core::{Core, Cr4, Mode, Shadow, reg},
    fault::{Fault, FaultRule},
    flags::Eflags,
    insn::Insn,
};

/// Which interrupt flag an instruction acts on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InterruptFlag {
    Real,
    Virtual,
}

/// The flag that CLI and STI change here, or #GP(0).
fn interrupt_flag(core: &Core) -> Result<InterruptFlag, Fault> {
    let iopl = core.eflags.iopl();
    let extension = match core.mode() {
        Mode::Real => return Ok(InterruptFlag::Real),
        Mode::Virtual8086 => core.cr4.contains(Cr4::VME),
        Mode::Protected => core.cpl == 3 && core.cr4.contains(Cr4::PVI),
    };
    if core.cpl <= iopl {
        Ok(InterruptFlag::Real)
    } else if extension {
        Ok(InterruptFlag::Virtual)
    } else {
        Err(Fault::protection(0, FaultRule::IoplTooLow))
    }
}

/// CLI — SDM vol. 2A "CLI".
pub(crate) fn cli(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    match interrupt_flag(core)? {
        InterruptFlag::Real => core.eflags.remove(Eflags::IF),
        InterruptFlag::Virtual => core.eflags.remove(Eflags::VIF),
    }
    Ok(())
}

/// STI — SDM vol. 2B "STI".
pub(crate) fn sti(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    match interrupt_flag(core)? {
        InterruptFlag::Real => {
            if !core.eflags.contains(Eflags::IF) {
                core.shadow = Shadow::Sti;
            }
            core.eflags.insert(Eflags::IF);
        }
        InterruptFlag::Virtual => {
            if core.eflags.contains(Eflags::VIP) {
                return Err(Fault::protection(0, FaultRule::VirtualInterruptPending));
            }
            core.eflags.insert(Eflags::VIF);
        }
    }
    Ok(())
}

/// Whether virtual-8086 mode runs with IOPL below 3.
fn is_iopl_sensitive(core: &Core) -> bool {
    core.is_virtual8086() && core.eflags.iopl() < 3
}

/// PUSHF, PUSHFD — SDM vol. 2B "PUSHF".
pub(crate) fn pushf(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let mut image = core.flags_image() & !(Eflags::VM | Eflags::RF);
    if is_iopl_sensitive(core) {
        if insn.operand32() || !core.cr4.contains(Cr4::VME) {
            return Err(Fault::protection(0, FaultRule::IoplTooLow));
        }
        image = core.virtual_flags(image);
    }
    let mut stack = Pushes::current(core, insn.operand32());
    stack.push(core, bus, image.bits())?;
    stack.write(core, bus)?;
    core.set_gpr32(reg::ESP, stack.pointer());
    Ok(())
}

/// POPF, POPFD — SDM vol. 2B "POPF", table 4-16.
pub(crate) fn popf(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let wide = insn.operand32();
    let redirect = is_iopl_sensitive(core);
    if redirect && (wide || !core.cr4.contains(Cr4::VME)) {
        return Err(Fault::protection(0, FaultRule::IoplTooLow));
    }
    let image = Eflags::from_bits_retain(core.stack_read(bus, 0, wide)?);
    if redirect {
        core.set_virtual_flags(image)?;
    } else {
        let mask = core.writable_flags(wide);
        core.set_flags_image(image, mask);
    }
    core.eflags.remove(Eflags::RF);
    core.release_stack(if wide { 4 } else { 2 });
    Ok(())
}

impl Core {
    /// The bits of EFLAGS that POPF and the flag image of IRET may change at this privilege level,
    /// outside virtual-8086 mode with IOPL below 3. RF, VM, VIF and VIP are IRET's own affair.
    pub(crate) fn writable_flags(&self, wide: bool) -> Eflags {
        let mut mask = Eflags::STATUS | Eflags::TF | Eflags::DF | Eflags::NT;
        if wide {
            mask |= Eflags::AC | Eflags::ID;
        }
        if self.cpl <= self.eflags.iopl() {
            mask |= Eflags::IF;
        }
        if self.cpl == 0 {
            mask |= Eflags::IOPL;
        }
        mask & self.model.eflags
    }

    /// FLAGS as a virtual-8086 program with IOPL below 3 sees it under VME: IOPL 3, and VIF for IF.
    pub(crate) fn virtual_flags(&self, image: Eflags) -> Eflags {
        let mut image = image | Eflags::IOPL;
        image.set(Eflags::IF, image.contains(Eflags::VIF));
        image
    }

    /// Loads the 16-bit FLAGS of a virtual-8086 program with IOPL below 3 under VME (SDM vol. 3B §20.3.1):
    /// IF goes to VIF, IOPL and IF stay.
    pub(crate) fn set_virtual_flags(&mut self, image: Eflags) -> Result<(), Fault> {
        let enables = image.contains(Eflags::IF);
        if enables && self.eflags.contains(Eflags::VIP) || image.contains(Eflags::TF) {
            return Err(Fault::protection(0, FaultRule::VirtualInterruptPending));
        }
        self.set_flags_image(image, Eflags::STATUS | Eflags::TF | Eflags::DF | Eflags::NT);
        self.eflags.set(Eflags::VIF, enables);
        Ok(())
    }
}

/// Flags in AH for LAHF and SAHF: all status flags but OF.
const LOW_STATUS: Eflags = Eflags::STATUS.difference(Eflags::OF);
/// Register number of AH.
const AH: u8 = reg::EAX as u8 | crate::core::HIGH_BYTE;

/// LAHF — SDM vol. 2A "LAHF".
pub(crate) fn lahf(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    let image = core.flags.eflags() & LOW_STATUS | Eflags::ONE;
    core.set_reg(AH, image.bits() as u8);
    Ok(())
}

/// SAHF — SDM vol. 2B "SAHF".
pub(crate) fn sahf(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    let image = Eflags::from_bits_retain(core.reg::<u8>(AH) as u32);
    core.set_flags_image(image, LOW_STATUS);
    Ok(())
}
