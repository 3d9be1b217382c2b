//! MXCSR, FXSAVE and FXRSTOR, masked stores, string comparisons, and checks of addresses.
//!
//! SDM vol. 2, the instructions of the names below; vol. 1 §10.5 (the image of FXSAVE).

use oldiron_mmu::{Access, Bus};

use super::{check, set_xmm, xmm};
use crate::{
    core::{Core, Cr0, reg},
    exec::{Flow, op},
    fault::{Fault, FaultRule, vector},
    flags::LazyFlags,
    insn::Insn,
    model::Features,
    simd::{
        Mxcsr, Packed, Xmm,
        text::{Comparison, Text, compare},
    },
};

fn load_mxcsr(core: &mut Core, value: u32) -> Result<(), Fault> {
    let mask = core.model.mxcsr_mask();
    if value & !mask.bits() != 0 {
        return Err(Fault::protection(0, FaultRule::ControlRegisterBits));
    }
    core.mxcsr = Mxcsr::from_bits_truncate(value);
    Ok(())
}

op! { /// `ldmxcsr m32`
Ldmxcsr, Slow, None, |x: X, i| {
    check(x)?;
    let value = x.load::<u32>(i, x.address(i))?;
    load_mxcsr(x.core(), value).map_err(|fault| x.fault(fault))?;
    Ok(Flow::Next)
}}

op! { /// `stmxcsr m32`
Stmxcsr, Memory, None, |x: X, i| {
    check(x)?;
    let value = x.core_ref().mxcsr.bits();
    x.store(i, x.address(i), value)?;
    Ok(Flow::Next)
}}

op! { /// `clflush m8`: there is no cache, but the address is checked
Clflush, Slow, None, |x: X, i| {
    x.load::<u8>(i, x.address(i))?;
    Ok(Flow::Next)
}}

/// Writes the bytes of `value` whose byte in `mask` has its sign bit set, at DS:EDI or the segment named. All of
/// them are checked, as silicon does (vector sse2/5647).
fn masked_store(
    core: &mut Core,
    bus: &mut Bus<'_>,
    insn: &Insn,
    (value, mask): (u128, u128),
    bytes: u32,
) -> Result<(), Fault> {
    let offset = core.gpr32(reg::EDI) & insn.address_mask();
    let addr = core.segment_address(insn.seg as usize, offset, bytes, true)?;
    core.check_access(bus, addr, bytes, Access::Write, core.cpl == 3)?;
    for n in (0..bytes).filter(|n| mask >> (8 * n + 7) & 1 != 0) {
        core.user_write(bus, addr.wrapping_add(n), (value >> (8 * n)) as u8)?;
    }
    Ok(())
}

op! { /// `maskmovdqu xmm, xmm`
Maskmovdqu, Slow, None, |x: X, i| {
    check(x)?;
    let operands = (xmm(x, i.dst).into(), xmm(x, i.src).into());
    x.with_bus(|core, bus| masked_store(core, bus, i, operands, 16))?;
    Ok(Flow::Next)
}}

op! { /// `maskmovq mm, mm`
Maskmovq, Slow, None, |x: X, i| {
    if super::mmx::wait(x)? {
        return Ok(Flow::Again);
    }
    let fpu = &x.core_ref().fpu;
    let operands = (fpu.mmx(i.dst) as u128, fpu.mmx(i.src) as u128);
    // Before the address is checked (vector mmx/1472).
    x.core().fpu.enter_mmx();
    x.with_bus(|core, bus| masked_store(core, bus, i, operands, 8))?;
    Ok(Flow::Next)
}}

// ---- string comparisons ----

/// The lengths of the explicit forms, or none.
fn texts(core: &Core, insn: &Insn, b: Xmm, explicit: bool) -> Comparison {
    let a = core.xmm[insn.dst as usize & 7];
    let length = |register| explicit.then(|| core.gpr32(register) as i32);
    compare(
        Text {
            value: a,
            length: length(reg::EAX),
        },
        Text {
            value: b,
            length: length(reg::EDX),
        },
        insn.imm as u8,
    )
}

/// Which of the four it is: explicit lengths, a mask as the result.
pub(crate) trait TextKind: 'static {
    const EXPLICIT: bool;
    const MASK: bool;
}
pub(crate) struct Estri;
pub(crate) struct Estrm;
pub(crate) struct Istri;
pub(crate) struct Istrm;
impl TextKind for Estri {
    const EXPLICIT: bool = true;
    const MASK: bool = false;
}
impl TextKind for Estrm {
    const EXPLICIT: bool = true;
    const MASK: bool = true;
}
impl TextKind for Istri {
    const EXPLICIT: bool = false;
    const MASK: bool = false;
}
impl TextKind for Istrm {
    const EXPLICIT: bool = false;
    const MASK: bool = true;
}

op! { /// `pcmpistri` and its three relatives. Their operand in memory need not be aligned
CompareText<K: TextKind>, Slow, Other, |x: X, i| {
    check(x)?;
    let b = if i.is_memory() { x.load_wide(i, x.address(i), false)? } else { xmm(x, i.src) };
    let comparison = texts(x.core_ref(), i, b, K::EXPLICIT);
    if K::MASK {
        set_xmm(x, 0, comparison.register(i.imm as u8));
    } else {
        x.set_reg::<u32>(reg::ECX as u8, comparison.index(i.imm as u8));
    }
    x.set_flags(LazyFlags::from_eflags(comparison.flags));
    Ok(Flow::Next)
}}

// ---- FXSAVE ----

/// Size of the image.
const IMAGE: usize = 512;
/// Where MXCSR and its mask lie in it, and the XMM registers.
const MXCSR_AT: usize = 24;
const XMM_AT: usize = 160;

/// The checks that FXSAVE and FXRSTOR share; returns the linear address.
fn image_address(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, write: bool) -> Result<u32, Fault> {
    if core.cr0.contains(Cr0::EM) {
        return Err(Fault::undefined(FaultRule::SimdNotEnabled));
    }
    if core.cr0.contains(Cr0::TS) {
        return Err(Fault::plain(vector::NM, FaultRule::CoprocessorNotAvailable));
    }
    let offset = core.effective_address(insn);
    let addr = core.segment_address(insn.seg as usize, offset, IMAGE as u32, write)?;
    if addr & 15 != 0 {
        return Err(Fault::protection(0, FaultRule::MisalignedVector));
    }
    let access = if write { Access::Write } else { Access::Read };
    core.check_access(bus, addr, IMAGE as u32, access, core.cpl == 3)?;
    Ok(addr)
}

/// FXSAVE — SDM vol. 2A "FXSAVE". XMM registers and MXCSR are saved whatever CR4.OSFXSR says.
pub(crate) fn fxsave(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let addr = image_address(core, bus, insn, true)?;
    let mut image = [0; IMAGE];
    core.fpu.write_fx_image(&mut image);
    let has_sse = core.model.has(Features::SSE);
    if has_sse {
        image[MXCSR_AT..MXCSR_AT + 4].copy_from_slice(&core.mxcsr.bits().to_le_bytes());
        image[MXCSR_AT + 4..MXCSR_AT + 8].copy_from_slice(&core.model.mxcsr_mask().bits().to_le_bytes());
        for (place, value) in image[XMM_AT..].chunks_exact_mut(16).zip(core.xmm) {
            place.copy_from_slice(&value.bytes());
        }
    }
    // What is reserved keeps its bytes.
    let end = if has_sse { XMM_AT + 8 * 16 } else { XMM_AT };
    for (n, chunk) in image[..end].chunks_exact(8).enumerate() {
        let mut le = [0; 8];
        le.copy_from_slice(chunk);
        core.write_linear(bus, addr + 8 * n as u32, u64::from_le_bytes(le), core.cpl == 3)?;
    }
    Ok(())
}

/// FXRSTOR — SDM vol. 2A "FXRSTOR".
pub(crate) fn fxrstor(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let addr = image_address(core, bus, insn, false)?;
    let mut image = [0; IMAGE];
    for (n, chunk) in image.chunks_exact_mut(8).enumerate() {
        let value: u64 = core.read_linear(bus, addr + 8 * n as u32, core.cpl == 3)?;
        chunk.copy_from_slice(&value.to_le_bytes());
    }
    if core.model.has(Features::SSE) {
        let mut le = [0; 4];
        le.copy_from_slice(&image[MXCSR_AT..MXCSR_AT + 4]);
        load_mxcsr(core, u32::from_le_bytes(le))?;
        for (place, value) in image[XMM_AT..].chunks_exact(16).zip(&mut core.xmm) {
            let mut le = [0; 16];
            le.copy_from_slice(place);
            *value = Xmm::from_bytes(le);
        }
    }
    core.fpu.read_fx_image(&image);
    Ok(())
}

op! { /// `fxsave m512`
Fxsave, Slow, None, |x: X, i| {
    x.system(fxsave, i)?;
    Ok(Flow::Next)
}}

op! { /// `fxrstor m512`
Fxrstor, Slow, None, |x: X, i| {
    x.system(fxrstor, i)?;
    Ok(Flow::Next)
}}
