//! Control, debug and model-specific registers, caches and TLB, HLT, CPUID, and the absent coprocessor.
//!
//! Follows SDM vol. 2 (MOV CR, MOV DR, CLTS, INVLPG, HLT, CPUID, RDTSC, RDMSR) and vol. 3A §2.5, §17.2;
//! MOV TR as in the 386 and 486 Programmer's Reference Manuals. Caches are not modelled, so INVD and WBINVD
//! have no effect.

use oldiron_mmu::Bus;

use crate::{
    Features,
    core::{Activity, Core, Cr0, Cr4, dr6, reg},
    fault::{Fault, FaultRule, vector},
    insn::Insn,
    msr::{APIC_BASE, performance_counter},
};

/// #GP(0) unless at CPL 0. Virtual-8086 mode is CPL 3.
pub(crate) fn require_cpl0(core: &Core) -> Result<(), Fault> {
    if core.cpl == 0 {
        Ok(())
    } else {
        Err(Fault::protection(0, FaultRule::PrivilegeLevelNotZero))
    }
}

fn undefined() -> Fault {
    Fault::undefined(FaultRule::UndefinedOpcode)
}

// ---- control registers ----

/// Bits of CR0 whose change makes cached translations stale.
const CR0_PAGING: Cr0 = Cr0::PE.union(Cr0::WP).union(Cr0::PG);
/// The same for CR4.
const CR4_PAGING: Cr4 = Cr4::PSE.union(Cr4::PAE).union(Cr4::PGE);
/// Bits of CR0 and CR4 whose change makes PAE paging read its pointers again (SDM vol. 3A §4.4.1).
const CR0_POINTERS: Cr0 = Cr0::PG.union(Cr0::CD).union(Cr0::NW);
const CR4_POINTERS: Cr4 = CR4_PAGING;
/// CR3: directory base, PCD, PWT; where there is PAE, the base of the pointers needs more bits.
const CR3_BITS: u32 = 0xffff_f018;
const CR3_BITS_PAE: u32 = 0xffff_fff8;

/// The page directory pointers that `cr3` points at.
fn read_pointers(bus: &Bus<'_>, cr3: u32) -> Result<[u64; 4], Fault> {
    oldiron_mmu::read_pointers(bus.mem, cr3).ok_or(Fault::protection(0, FaultRule::PagePointerReserved))
}

/// Writes CR0 (SDM vol. 3A §2.5). Bits that the model lacks stay as they are after reset.
pub(crate) fn write_cr0(core: &mut Core, bus: &Bus<'_>, value: u32) -> Result<(), Fault> {
    let wanted = Cr0::from_bits_retain(value);
    let paging_alone = wanted.contains(Cr0::PG) && !wanted.contains(Cr0::PE);
    let cache = Cr0::CD | Cr0::NW;
    let cache_conflict = core.model.cr0.contains(cache) && wanted & cache == Cr0::NW;
    if paging_alone || cache_conflict {
        return Err(Fault::protection(0, FaultRule::ControlRegisterBits));
    }
    let new = wanted & core.model.cr0 | core.model.cr0_fixed;
    let changed = new ^ core.cr0;
    if new.contains(Cr0::PG) && core.cr4.contains(Cr4::PAE) && changed.intersects(CR0_POINTERS) {
        core.page_pointers = read_pointers(bus, core.cr3)?;
    }
    core.cr0 = new;
    if changed.intersects(CR0_PAGING) {
        core.tlb.flush_all();
    }
    core.update_mode();
    Ok(())
}

/// Writes CR3 and drops translations that are not global.
pub(crate) fn write_cr3(core: &mut Core, bus: &Bus<'_>, value: u32) -> Result<(), Fault> {
    let bits = if core.model.cr4.contains(Cr4::PAE) {
        CR3_BITS_PAE
    } else {
        CR3_BITS
    };
    if core.cr0.contains(Cr0::PG) && core.cr4.contains(Cr4::PAE) {
        core.page_pointers = read_pointers(bus, value)?;
    }
    core.cr3 = value & bits;
    core.tlb.flush_non_global();
    Ok(())
}

fn write_cr4(core: &mut Core, bus: &Bus<'_>, value: u32) -> Result<(), Fault> {
    if value & !core.model.cr4.bits() != 0 {
        return Err(Fault::protection(0, FaultRule::ControlRegisterBits));
    }
    let new = Cr4::from_bits_retain(value);
    let changed = new ^ core.cr4;
    if core.cr0.contains(Cr0::PG) && new.contains(Cr4::PAE) && changed.intersects(CR4_POINTERS) {
        core.page_pointers = read_pointers(bus, core.cr3)?;
    }
    core.cr4 = new;
    if changed.intersects(CR4_PAGING) {
        core.tlb.flush_all();
    }
    core.update_mode();
    Ok(())
}

/// MOV r32, CRn — SDM vol. 2B "MOV—Move to/from Control Registers".
pub(crate) fn mov_from_cr(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    if insn.src == 4 && core.model.cr4.is_empty() {
        return Err(undefined());
    }
    let value = match insn.src {
        0 => core.cr0.bits(),
        2 => core.cr2,
        3 => core.cr3,
        4 => core.cr4.bits(),
        _ => return Err(undefined()),
    };
    require_cpl0(core)?;
    core.set_reg(insn.dst, value);
    Ok(())
}

/// MOV CRn, r32 — SDM vol. 2B "MOV—Move to/from Control Registers".
pub(crate) fn mov_to_cr(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    if !matches!(insn.dst, 0 | 2 | 3 | 4) || (insn.dst == 4 && core.model.cr4.is_empty()) {
        return Err(undefined());
    }
    require_cpl0(core)?;
    let value = core.reg(insn.src);
    match insn.dst {
        0 => write_cr0(core, bus, value)?,
        2 => core.cr2 = value,
        3 => write_cr3(core, bus, value)?,
        _ => write_cr4(core, bus, value)?,
    }
    Ok(())
}

/// CLTS — SDM vol. 2A "CLTS".
pub(crate) fn clts(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    core.cr0.remove(Cr0::TS);
    core.update_fpu_bars();
    Ok(())
}

// ---- debug and test registers ----

/// DR7: general detect.
pub(crate) const DR7_GD: u32 = 1 << 13;
/// DR7 bits that read as zero, and the one that reads as one.
const DR7_ZEROS: u32 = 0xd800;
const DR7_ONES: u32 = 1 << 10;
/// DR6 bits that can be written.
const DR6_BITS: u32 = 0xe00f;

/// The checks that MOV to and from DRn share; returns the register's index.
fn debug_register(core: &mut Core, number: u8) -> Result<usize, Fault> {
    if matches!(number, 4 | 5) && core.cr4.contains(Cr4::DE) {
        return Err(undefined());
    }
    require_cpl0(core)?;
    if core.dr[7] & DR7_GD != 0 {
        core.pending_debug |= dr6::BD;
        return Err(Fault::plain(vector::DB, FaultRule::DebugRegisterAccess));
    }
    // Without CR4.DE, DR4 and DR5 are other names of DR6 and DR7.
    Ok(match number {
        4 => 6,
        5 => 7,
        other => other as usize & 7,
    })
}

/// MOV r32, DRn — SDM vol. 2B "MOV—Move to/from Debug Registers".
pub(crate) fn mov_from_dr(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let index = debug_register(core, insn.src)?;
    core.set_reg(insn.dst, core.dr[index]);
    Ok(())
}

/// MOV DRn, r32 — SDM vol. 2B "MOV—Move to/from Debug Registers".
pub(crate) fn mov_to_dr(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let index = debug_register(core, insn.dst)?;
    let value: u32 = core.reg(insn.src);
    core.dr[index] = match index {
        6 => value & DR6_BITS | dr6::ONES,
        7 => value & !DR7_ZEROS | DR7_ONES,
        _ => value,
    };
    core.update_mode();
    Ok(())
}

/// MOV r32, TRn — 486 PRM §26 "MOV". The registers only store.
pub(crate) fn mov_from_tr(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    core.set_reg(insn.dst, core.test_registers[insn.src as usize & 7]);
    Ok(())
}

/// MOV TRn, r32 — 486 PRM §26 "MOV".
pub(crate) fn mov_to_tr(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    core.test_registers[insn.dst as usize & 7] = core.reg(insn.src);
    Ok(())
}

// ---- caches, TLB, HLT ----

/// INVLPG — SDM vol. 2A "INVLPG". The operand's segment limit is not checked: nothing is accessed.
pub(crate) fn invlpg(core: &mut Core, _: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    let base = core.segments[insn.seg as usize & 7].base as u32;
    let addr = base.wrapping_add(core.effective_address(insn));
    core.tlb.invalidate_page(addr as u64);
    Ok(())
}

/// INVD — SDM vol. 2A "INVD".
pub(crate) fn invd(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)
}

/// WBINVD — SDM vol. 2D "WBINVD".
pub(crate) fn wbinvd(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)
}

/// HLT — SDM vol. 2A "HLT".
pub(crate) fn hlt(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    core.activity = Activity::Halted;
    Ok(())
}

// ---- identification, time, MSRs ----

/// CPUID — SDM vol. 2A "CPUID". A leaf beyond the last one shows the last one.
pub(crate) fn cpuid(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    let number = core.gpr32(reg::EAX);
    let Some(mut leaf) = core.model.cpuid(number, core.gpr32(reg::ECX)) else {
        return Err(undefined());
    };
    if number == 1 && !core.apic_is_on() {
        leaf.edx &= !Features::APIC.edx();
    }
    core.set_gpr32(reg::EAX, leaf.eax);
    core.set_gpr32(reg::EBX, leaf.ebx);
    core.set_gpr32(reg::ECX, leaf.ecx);
    core.set_gpr32(reg::EDX, leaf.edx);
    Ok(())
}

/// RDTSC — SDM vol. 2B "RDTSC".
pub(crate) fn rdtsc(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    if core.cr4.contains(Cr4::TSD) {
        require_cpl0(core)?;
    }
    let tsc = core.tsc();
    core.set_gpr32(reg::EAX, tsc as u32);
    core.set_gpr32(reg::EDX, (tsc >> 32) as u32);
    Ok(())
}

/// RDMSR — SDM vol. 2B "RDMSR".
pub(crate) fn rdmsr(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    let value = core.read_msr(core.gpr32(reg::ECX))?;
    core.set_gpr32(reg::EAX, value as u32);
    core.set_gpr32(reg::EDX, (value >> 32) as u32);
    Ok(())
}

/// WRMSR — SDM vol. 2D "WRMSR".
pub(crate) fn wrmsr(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    require_cpl0(core)?;
    let value = (core.gpr32(reg::EDX) as u64) << 32 | core.gpr32(reg::EAX) as u64;
    let number = core.gpr32(reg::ECX);
    core.write_msr(number, value)?;
    if number == APIC_BASE && core.has_apic() {
        let base = core.read_msr(number)?;
        bus.io_used = true;
        bus.io.set_apic_base(bus.mem, core.now, base);
    }
    Ok(())
}

/// RDPMC — SDM vol. 2B "RDPMC". The counters do not count.
pub(crate) fn rdpmc(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    if !core.cr4.contains(Cr4::PCE) {
        require_cpl0(core)?;
    }
    let counter = performance_counter(core.model, core.gpr32(reg::ECX));
    let number = counter.ok_or(Fault::protection(0, FaultRule::UnknownMsr))?;
    let value = core.read_msr(number)?;
    core.set_gpr32(reg::EAX, value as u32);
    core.set_gpr32(reg::EDX, (value >> 32) as u32 & 0xff);
    Ok(())
}

// ---- no coprocessor, no instruction ----

/// UD2 and every opcode that the model does not have.
pub(crate) fn ud(_: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    Err(undefined())
}

/// ESC (D8h–DFh) with an empty coprocessor socket: #NM if CR0 asks for it, otherwise nothing happens and
/// memory is not touched, as on a 386 without 387.
pub(crate) fn esc_absent(core: &mut Core, _: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    if core.cr0.intersects(Cr0::EM | Cr0::TS) {
        return Err(Fault::plain(vector::NM, FaultRule::CoprocessorNotAvailable));
    }
    Ok(())
}
