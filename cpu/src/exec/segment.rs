//! Segment registers: moves, pushes and pops, far pointers, and the instructions that inspect selectors.
//!
//! Follows SDM vol. 2 (MOV, PUSH, POP, LDS, LAR, LSL, VERR, ARPL) and vol. 3A §5.6, §5.10.

use oldiron_mmu::{Bus, Segment};

use super::descriptor::{Descriptor, is_null, rpl, system_type};
use crate::{
    core::{Core, Shadow, seg},
    fault::{Fault, FaultRule, vector},
    insn::Insn,
};

impl Core {
    /// What loading `selector` into a data segment register gives; nothing is changed but the
    /// descriptor's accessed bit.
    fn check_data_segment(&mut self, bus: &mut Bus<'_>, selector: u16) -> Result<Segment, Fault> {
        if is_null(selector) {
            return Ok(Segment::null(selector));
        }
        let descriptor = self.fetch_descriptor(bus, selector, vector::GP)?;
        let attr = descriptor.attr();
        if !attr.is_readable() {
            return Err(descriptor.fault(vector::GP, FaultRule::WrongDescriptorType));
        }
        if !attr.is_conforming() && self.cpl.max(rpl(selector)) > attr.dpl() {
            return Err(descriptor.fault(vector::GP, FaultRule::DescriptorPrivilege));
        }
        if !descriptor.is_present() {
            return Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent));
        }
        self.access_segment(bus, &descriptor)
    }

    /// Loads ES, SS, DS, FS or GS as MOV, POP and LDS do (SDM vol. 2B "MOV").
    pub(crate) fn load_segment(
        &mut self,
        bus: &mut Bus<'_>,
        register: u8,
        selector: u16,
    ) -> Result<(), Fault> {
        let register = register as usize & 7;
        if !self.is_protected() {
            self.load_real_segment(register, selector);
        } else if register == seg::SS {
            let descriptor = self.check_stack_segment(bus, selector, self.cpl, vector::GP)?;
            self.segments[seg::SS] = self.access_segment(bus, &descriptor)?;
        } else {
            self.segments[register] = self.check_data_segment(bus, selector)?;
        }
        self.update_mode();
        Ok(())
    }

    /// The descriptor that LAR, LSL, VERR and VERW ask about, if the current privilege allows to see it.
    /// `types` are the system types that count.
    fn visible_descriptor(
        &mut self,
        bus: &mut Bus<'_>,
        selector: u16,
        types: &[u8],
    ) -> Result<Option<Descriptor>, Fault> {
        if is_null(selector) {
            return Ok(None);
        }
        let descriptor = match self.fetch_descriptor(bus, selector, vector::GP) {
            Ok(descriptor) => descriptor,
            Err(fault) if fault.rule == FaultRule::SelectorBeyondTable => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let attr = descriptor.attr();
        let suits = match descriptor.system_type() {
            Some(kind) => types.contains(&kind),
            None => true,
        };
        let allowed = attr.is_conforming() || self.cpl.max(rpl(selector)) <= attr.dpl();
        Ok((suits && allowed).then_some(descriptor))
    }
}

/// #UD unless in protected mode: the instructions on selectors mean nothing elsewhere.
pub(crate) fn require_protected(core: &Core) -> Result<(), Fault> {
    if core.is_protected() {
        Ok(())
    } else {
        Err(Fault::undefined(FaultRule::NotInThisMode))
    }
}

/// Reads the 16-bit operand r/m16; the register form takes it from register `register`.
pub(crate) fn read_rm16(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, register: u8) -> Result<u16, Fault> {
    if insn.is_memory() {
        let offset = core.effective_address(insn);
        core.seg_read(bus, insn.seg as usize, offset)
    } else {
        Ok(core.reg(register))
    }
}

/// Stores a selector-sized result: 16 bits in memory, `value` in all of a 32-bit register.
pub(crate) fn write_rm16(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, value: u32) -> Result<(), Fault> {
    if insn.is_memory() {
        let offset = core.effective_address(insn);
        core.seg_write(bus, insn.seg as usize, offset, value as u16)
    } else {
        if insn.operand32() {
            core.set_reg(insn.dst, value);
        } else {
            core.set_reg(insn.dst, value as u16);
        }
        Ok(())
    }
}

/// MOV r/m, Sreg — SDM vol. 2B "MOV". A 32-bit register is zero-extended.
pub(crate) fn mov_from_sreg(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let selector = core.segments[insn.src as usize & 7].selector;
    write_rm16(core, bus, insn, selector as u32)
}

/// MOV Sreg, r/m16 — SDM vol. 2B "MOV".
pub(crate) fn mov_to_sreg(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    if insn.dst as usize == seg::CS {
        return Err(Fault::undefined(FaultRule::UndefinedOpcode));
    }
    let selector = read_rm16(core, bus, insn, insn.src)?;
    core.load_segment(bus, insn.dst, selector)?;
    if insn.dst as usize == seg::SS {
        core.shadow = Shadow::MovSs;
    }
    Ok(())
}

/// PUSH Sreg — SDM vol. 2B "PUSH". With 32-bit operand size the stack pointer moves by four but only
/// the low word is written, as Intel does from the P6 on.
pub(crate) fn push_sreg(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let selector = core.segments[insn.src as usize & 7].selector;
    let size = if insn.operand32() { 4u32 } else { 2 };
    let slot = core.stack_slot(size.wrapping_neg());
    core.seg_write(bus, seg::SS, slot, selector)?;
    core.set_stack_pointer(slot);
    Ok(())
}

/// POP Sreg — SDM vol. 2B "POP".
pub(crate) fn pop_sreg(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let wide = insn.operand32();
    let selector = core.stack_read(bus, 0, wide)? as u16;
    // POP SS moves the stack pointer of the old stack.
    let slot = core.stack_slot(if wide { 4 } else { 2 });
    let old_big = core.segments[seg::SS].is_big();
    core.load_segment(bus, insn.dst, selector)?;
    if old_big {
        core.set_gpr32(crate::core::reg::ESP, slot);
    } else {
        core.set_reg(crate::core::reg::ESP as u8, slot as u16);
    }
    if insn.dst as usize == seg::SS {
        core.shadow = Shadow::MovSs;
    }
    Ok(())
}

/// LDS, LES, LSS, LFS, LGS — SDM vol. 2A "LDS".
pub(crate) fn load_far_pointer(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (offset, selector) = read_far_pointer(core, bus, insn)?;
    core.load_segment(bus, insn.src, selector)?;
    if insn.operand32() {
        core.set_reg(insn.dst, offset);
    } else {
        core.set_reg(insn.dst, offset as u16);
    }
    Ok(())
}

/// Reads m16:16 or m16:32.
pub(crate) fn read_far_pointer(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(u32, u16), Fault> {
    let at = core.effective_address(insn);
    let segment = insn.seg as usize;
    if insn.operand32() {
        let offset = core.seg_read::<u32>(bus, segment, at)?;
        let selector = core.seg_read(bus, segment, at.wrapping_add(4) & insn.address_mask())?;
        Ok((offset, selector))
    } else {
        let offset = core.seg_read::<u16>(bus, segment, at)?;
        let selector = core.seg_read(bus, segment, at.wrapping_add(2) & insn.address_mask())?;
        Ok((offset as u32, selector))
    }
}

/// Bits of the second doubleword that LAR shows. Silicon includes the limit's upper bits, which the
/// SDM leaves undefined.
const LAR_MASK: u32 = 0x00ff_ff00;

/// LAR — SDM vol. 2A "LAR".
pub(crate) fn lar(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    use system_type::*;
    require_protected(core)?;
    let selector = read_rm16(core, bus, insn, insn.src)?;
    let types = [
        TSS16_AVAILABLE,
        LDT,
        TSS16_BUSY,
        CALL_GATE16,
        TASK_GATE,
        TSS32_AVAILABLE,
        TSS32_BUSY,
        CALL_GATE32,
    ];
    let found = core.visible_descriptor(bus, selector, &types)?;
    if let Some(descriptor) = found {
        let rights = (descriptor.raw >> 32) as u32 & LAR_MASK;
        if insn.operand32() {
            core.set_reg(insn.dst, rights);
        } else {
            core.set_reg(insn.dst, rights as u16);
        }
    }
    core.flags.set_zf(found.is_some());
    Ok(())
}

/// LSL — SDM vol. 2A "LSL".
pub(crate) fn lsl(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    use system_type::*;
    require_protected(core)?;
    let selector = read_rm16(core, bus, insn, insn.src)?;
    let types = [TSS16_AVAILABLE, LDT, TSS16_BUSY, TSS32_AVAILABLE, TSS32_BUSY];
    let found = core.visible_descriptor(bus, selector, &types)?;
    if let Some(descriptor) = found {
        let limit = descriptor.segment().limit;
        if insn.operand32() {
            core.set_reg(insn.dst, limit);
        } else {
            core.set_reg(insn.dst, limit as u16);
        }
    }
    core.flags.set_zf(found.is_some());
    Ok(())
}

/// VERR — SDM vol. 2B "VERR".
pub(crate) fn verr(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    verify(core, bus, insn, |descriptor| descriptor.attr().is_readable())
}

/// VERW — SDM vol. 2B "VERW".
pub(crate) fn verw(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    verify(core, bus, insn, |descriptor| descriptor.attr().is_writable())
}

fn verify(
    core: &mut Core,
    bus: &mut Bus<'_>,
    insn: &Insn,
    suits: impl Fn(&Descriptor) -> bool,
) -> Result<(), Fault> {
    require_protected(core)?;
    let selector = read_rm16(core, bus, insn, insn.src)?;
    let found = core.visible_descriptor(bus, selector, &[])?;
    core.flags
        .set_zf(found.is_some_and(|descriptor| suits(&descriptor)));
    Ok(())
}

/// ARPL — SDM vol. 2A "ARPL". Hardware writes, and checks that it may write, only where the RPL is raised
/// (`test386.asm`, POST 17h).
pub(crate) fn arpl(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_protected(core)?;
    let level = rpl(core.reg::<u16>(insn.src));
    let adjust = |selector: u16| {
        let raise = rpl(selector) < level;
        (
            raise,
            if raise {
                selector & !3 | level as u16
            } else {
                selector
            },
        )
    };
    let raised = if insn.is_memory() {
        let offset = core.effective_address(insn);
        let (raised, new) = adjust(core.seg_read(bus, insn.seg as usize, offset)?);
        if raised {
            core.seg_write(bus, insn.seg as usize, offset, new)?;
        }
        raised
    } else {
        let (raised, new) = adjust(core.reg(insn.dst));
        core.set_reg(insn.dst, new);
        raised
    };
    core.flags.set_zf(raised);
    Ok(())
}
