//! Ports: IN and OUT, the I/O permission bitmap, I/O breakpoints.
//!
//! Follows SDM vol. 1 §19.5 and vol. 3B §17.2.4.

use oldiron_mmu::{Bus, IoWidth, Ticks};

use super::{Flow, descriptor::is_tss32, op};
use crate::{
    core::{Core, Cr4, Mode, reg},
    fault::{Fault, FaultRule},
    insn::Insn,
};

op! { /// IN accumulator, DX
InDx, Input, Other, |x: X, i| {
    x.system(in_dx, i)?;
    Ok(Flow::Next)
}}

/// Where a 32-bit TSS holds the offset of its I/O permission bitmap.
pub(crate) const IO_MAP_BASE: u32 = 0x66;
/// The last byte of the smallest TSS that has that field.
pub(crate) const TSS32_LAST: u32 = 0x67;
/// R/W field of DR7: break on I/O.
const BREAK_ON_IO: u32 = 2;
/// Register number of AL, AX, EAX.
const ACCUMULATOR: u8 = reg::EAX as u8;

/// The width that [`Insn::imm2`] names in bytes.
fn width_of(insn: &Insn) -> IoWidth {
    match insn.imm2 {
        1 => IoWidth::Byte,
        2 => IoWidth::Word,
        _ => IoWidth::Dword,
    }
}

/// Checks that the current program may access all of `width` bytes at `port` (SDM vol. 1 §19.5.2): by
/// IOPL in protected mode, by the bitmap in the TSS otherwise.
#[inline]
pub(crate) fn check_io_permission(
    core: &mut Core,
    bus: &mut Bus<'_>,
    port: u16,
    width: IoWidth,
) -> Result<(), Fault> {
    match core.mode() {
        Mode::Real => Ok(()),
        Mode::Protected if core.cpl <= core.eflags.iopl() => Ok(()),
        Mode::Protected | Mode::Virtual8086 => check_io_map(core, bus, port, width),
    }
}

/// Checks that the bits of these ports in the TSS are clear.
fn check_io_map(core: &mut Core, bus: &mut Bus<'_>, port: u16, width: IoWidth) -> Result<(), Fault> {
    let denied = Fault::protection(0, FaultRule::IoPermissionDenied);
    if core.tr.is_null() || !is_tss32(core.tr.attr.kind()) || core.tr.limit < TSS32_LAST {
        return Err(denied);
    }
    let tss = core.tr.base as u32;
    let map: u16 = core.sys_read(bus, tss.wrapping_add(IO_MAP_BASE))?;
    // Two bytes are always read, so that the bitmap must reach one byte further than it would seem.
    let offset = map as u32 + port as u32 / 8;
    if offset + 1 > core.tr.limit {
        return Err(denied);
    }
    let bits: u16 = core.sys_read(bus, tss.wrapping_add(offset))?;
    let wanted = (1u32 << width.bytes()) - 1;
    if bits as u32 >> (port % 8) & wanted != 0 {
        return Err(denied);
    }
    Ok(())
}

/// An IN cycle that was permitted. Notes I/O breakpoints.
pub(crate) fn port_in(core: &mut Core, bus: &mut Bus<'_>, port: u16, width: IoWidth) -> u32 {
    note_io(core, port, width);
    if let Some(value) = bus.io.port_read_quiet(core.now, port, width) {
        return value & width.mask();
    }
    bus.io_used = true;
    bus.io.port_read(bus.mem, core.now, port, width) & width.mask()
}

/// An OUT cycle that was permitted. Notes I/O breakpoints.
pub(crate) fn port_out(core: &mut Core, bus: &mut Bus<'_>, port: u16, value: u32, width: IoWidth) {
    note_io(core, port, width);
    bus.io_used = true;
    bus.io
        .port_write(bus.mem, core.now, port, value & width.mask(), width);
}

fn note_io(core: &mut Core, port: u16, width: IoWidth) {
    if core.cr4.contains(Cr4::DE) {
        core.match_breakpoints(port as u32, width.bytes(), &[BREAK_ON_IO]);
    }
}

fn input(core: &mut Core, bus: &mut Bus<'_>, port: u16, width: IoWidth) -> Result<(), Fault> {
    check_io_permission(core, bus, port, width)?;
    let value = port_in(core, bus, port, width);
    match width {
        IoWidth::Byte => core.set_reg(ACCUMULATOR, value as u8),
        IoWidth::Word => core.set_reg(ACCUMULATOR, value as u16),
        IoWidth::Dword => core.set_reg(ACCUMULATOR, value),
    }
    Ok(())
}

fn output(core: &mut Core, bus: &mut Bus<'_>, port: u16, width: IoWidth) -> Result<(), Fault> {
    check_io_permission(core, bus, port, width)?;
    let value = core.gpr32(reg::EAX);
    port_out(core, bus, port, value, width);
    Ok(())
}

/// IN accumulator, DX at `now`, if no permission need be looked up and the cycle changes nothing beyond its chip.
/// False: it is not that simple, and nothing has happened.
#[inline(always)]
pub(crate) fn quiet_in_dx(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, now: Ticks) -> bool {
    let permitted = match core.mode() {
        Mode::Real => true,
        Mode::Protected => core.cpl <= core.eflags.iopl(),
        Mode::Virtual8086 => false,
    };
    if !permitted || core.cr4.contains(Cr4::DE) {
        return false;
    }
    let width = width_of(insn);
    let Some(value) = bus.io.port_read_quiet(now, core.reg(reg::EDX as u8), width) else {
        return false;
    };
    let kept = core.gpr32(reg::EAX) & !width.mask();
    core.set_reg(ACCUMULATOR, kept | value & width.mask());
    true
}

/// IN accumulator, imm8 — SDM vol. 2A "IN".
pub(crate) fn in_(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    input(core, bus, insn.imm as u16 & 0xff, width_of(insn))
}

/// IN accumulator, DX — SDM vol. 2A "IN".
pub(crate) fn in_dx(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let port = core.reg(reg::EDX as u8);
    input(core, bus, port, width_of(insn))
}

/// OUT imm8, accumulator — SDM vol. 2B "OUT".
pub(crate) fn out_(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    output(core, bus, insn.imm as u16 & 0xff, width_of(insn))
}

/// OUT DX, accumulator — SDM vol. 2B "OUT".
pub(crate) fn out_dx(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let port = core.reg(reg::EDX as u8);
    output(core, bus, port, width_of(insn))
}
