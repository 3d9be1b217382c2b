//! Model-specific registers: which exist, which only store, and the time-stamp counter.
//!
//! Follows SDM vol. 4 (Pentium, P6 family, Pentium 4, Core), and vol. 3A §12.11 and §12.12 for memory types.
//! Registers that steer hardware which is not modelled keep what is written; operating systems read and rewrite
//! them without asking CPUID first. Memory types have no effect: there are no caches.

use log::warn;

use crate::{
    CpuModel, Features,
    core::{Core, Efer},
    fault::{Fault, FaultRule},
    model::Generation,
};

const P5_MC_ADDR: u32 = 0x00;
const P5_MC_TYPE: u32 = 0x01;
const TSC: u32 = 0x10;
const PLATFORM_ID: u32 = 0x17;
/// IA32_APIC_BASE.
pub(crate) const APIC_BASE: u32 = 0x1b;
const EBL_CR_POWERON: u32 = 0x2a;
const BIOS_UPDT_TRIG: u32 = 0x79;
const BIOS_SIGN_ID: u32 = 0x8b;
const P5_CESR: u32 = 0x11;
const P5_CTR0: u32 = 0x12;
const P5_CTR1: u32 = 0x13;
const PERFCTR0: u32 = 0xc1;
const PERFCTR3: u32 = 0xc4;
const P4_COUNTER0: u32 = 0x300;
const P4_COUNTERS: u32 = 18;
const PAT: u32 = 0x277;
const EFER: u32 = 0xc000_0080;
const MTRR_CAP: u32 = 0xfe;
const BBL_CR_CTL: u32 = 0x119;
const BBL_CR_CTL3: u32 = 0x11e;
/// IA32_SYSENTER_CS and the two behind it.
pub(crate) const SYSENTER_CS: u32 = 0x174;
pub(crate) const SYSENTER_ESP: u32 = 0x175;
pub(crate) const SYSENTER_EIP: u32 = 0x176;
const MCG_CAP: u32 = 0x179;
const MCG_STATUS: u32 = 0x17a;
const EVNTSEL0: u32 = 0x186;
const EVNTSEL3: u32 = 0x189;
const MISC_ENABLE: u32 = 0x1a0;
const DEBUGCTL: u32 = 0x1d9;
const LAST_INT_TO_IP: u32 = 0x1de;
const ROB_CR_BKUPTMPDR6: u32 = 0x1e0;
const MTRR_PHYS_BASE0: u32 = 0x200;
const MTRR_PHYS_MASK7: u32 = 0x20f;
const MTRR_FIX64K: u32 = 0x250;
const MTRR_FIX16K_80000: u32 = 0x258;
const MTRR_FIX16K_A0000: u32 = 0x259;
const MTRR_FIX4K_C0000: u32 = 0x268;
const MTRR_FIX4K_F8000: u32 = 0x26f;
const MTRR_DEF_TYPE: u32 = 0x2ff;

/// Eight variable ranges, fixed ranges and write-combining.
const MTRR_CAP_VALUE: u64 = 0x508;
/// The local APIC's address, on a machine that has not connected it.
const APIC_BASE_VALUE: u64 = 0xfee0_0000;
/// IA32_APIC_BASE of one that has: this is the bootstrap processor, and the APIC is on.
const APIC_BASE_BSP: u64 = 1 << 8;
const APIC_BASE_ENABLE: u64 = 1 << 11;
const APIC_BASE_RESET: u64 = APIC_BASE_VALUE | APIC_BASE_ENABLE | APIC_BASE_BSP;
/// Bits of it that can be written: page and enable.
const APIC_BASE_BITS: u64 = 0x000f_ffff_f800;

/// The page attribute table after reset.
const PAT_VALUE: u64 = 0x0007_0406_0007_0406;
/// Physical addresses have 36 bits.
const ADDRESS_RESERVED: u64 = !0x000f_ffff_ffff;

/// Whether each byte is a memory type of the range registers: UC, WC, WT, WP, WB.
fn are_memory_types(value: u64) -> bool {
    value
        .to_le_bytes()
        .iter()
        .all(|kind| matches!(kind, 0 | 1 | 4 | 5 | 6))
}

/// The same for the page attribute table, which has UC- too.
fn are_page_types(value: u64) -> bool {
    let types = value.to_le_bytes();
    types.iter().all(|kind| matches!(kind, 0 | 1 | 4 | 5 | 6 | 7))
}

fn is_default_type(value: u64) -> bool {
    value & !0xcff == 0 && are_memory_types(value & 0xff)
}

fn is_range_base(value: u64) -> bool {
    value & (ADDRESS_RESERVED | 0xf00) == 0 && are_memory_types(value & 0xff)
}

fn is_range_mask(value: u64) -> bool {
    value & (ADDRESS_RESERVED | 0x7ff) == 0
}

/// What a register does.
enum Kind {
    /// Keeps what is written; this after reset.
    Stored(u64),
    /// The same, for values that pass the test; others are #GP(0).
    Checked(u64, fn(u64) -> bool),
    /// Reads as this; a write is #GP(0).
    ReadOnly(u64),
    /// Reads as this; a write is ignored.
    Ignored(u64),
}

fn kind(model: &CpuModel, number: u32) -> Option<Kind> {
    let feature = match number {
        SYSENTER_CS..=SYSENTER_EIP => Features::SEP,
        PAT => Features::PAT,
        MTRR_CAP | MTRR_PHYS_BASE0..=MTRR_FIX4K_F8000 | MTRR_DEF_TYPE => Features::MTRR,
        MCG_CAP | MCG_STATUS => Features::MCA,
        _ => Features::empty(),
    };
    if !model.has(feature) {
        return None;
    }
    match number {
        P5_MC_ADDR | P5_MC_TYPE => Some(Kind::Ignored(0)),
        SYSENTER_CS..=SYSENTER_EIP => Some(Kind::Stored(0)),
        PAT => Some(Kind::Checked(PAT_VALUE, are_page_types)),
        MTRR_CAP => Some(Kind::ReadOnly(MTRR_CAP_VALUE)),
        MTRR_PHYS_BASE0..=MTRR_PHYS_MASK7 if number.is_multiple_of(2) => {
            Some(Kind::Checked(0, is_range_base))
        }
        MTRR_PHYS_BASE0..=MTRR_PHYS_MASK7 => Some(Kind::Checked(0, is_range_mask)),
        MTRR_FIX64K | MTRR_FIX16K_80000 | MTRR_FIX16K_A0000 | MTRR_FIX4K_C0000..=MTRR_FIX4K_F8000 => {
            Some(Kind::Checked(0, are_memory_types))
        }
        MTRR_DEF_TYPE => Some(Kind::Checked(0, is_default_type)),
        MCG_CAP => Some(Kind::ReadOnly(0)),
        MCG_STATUS => Some(Kind::Stored(0)),
        _ => match model.generation() {
            Generation::P5 => matches!(number, P5_CESR | P5_CTR0 | P5_CTR1).then_some(Kind::Stored(0)),
            generation => p6_kind(generation, number),
        },
    }
}

/// Registers of the P6 family and its successors.
fn p6_kind(generation: Generation, number: u32) -> Option<Kind> {
    Some(match number {
        PLATFORM_ID => Kind::ReadOnly(0),
        APIC_BASE => Kind::Stored(APIC_BASE_VALUE),
        BIOS_UPDT_TRIG => Kind::Ignored(0),
        EBL_CR_POWERON | BIOS_SIGN_ID | BBL_CR_CTL..=BBL_CR_CTL3 | MISC_ENABLE => Kind::Stored(0),
        PERFCTR0..=PERFCTR3 | EVNTSEL0..=EVNTSEL3 => Kind::Stored(0),
        P4_COUNTER0.. if generation == Generation::NetBurst && number < P4_COUNTER0 + P4_COUNTERS => {
            Kind::Stored(0)
        }
        DEBUGCTL..=LAST_INT_TO_IP | ROB_CR_BKUPTMPDR6 => Kind::Stored(0),
        _ => return None,
    })
}

/// The register behind a counter that RDPMC names.
pub(crate) fn performance_counter(model: &CpuModel, counter: u32) -> Option<u32> {
    let (first, count) = match model.generation() {
        Generation::P5 => (P5_CTR0, 2),
        Generation::NetBurst => (P4_COUNTER0, P4_COUNTERS),
        Generation::Core => (PERFCTR0, 4),
        _ => (PERFCTR0, 2),
    };
    // A Pentium 4 takes bit 31 as: the low half alone, quickly.
    let counter = if first == P4_COUNTER0 {
        counter & 0x7fff_ffff
    } else {
        counter
    };
    (counter < count).then(|| first + counter)
}

impl Core {
    /// Reads an MSR. One that does not exist is #GP(0).
    pub(crate) fn read_msr(&mut self, number: u32) -> Result<u64, Fault> {
        if number == TSC && self.model.has(Features::TSC) {
            return Ok(self.tsc());
        }
        if number == EFER && self.model.has(Features::NX) {
            return Ok(self.efer.bits());
        }
        if number == APIC_BASE && self.has_apic_base() {
            return Ok(self.apic_base());
        }
        match kind(self.model, number) {
            Some(Kind::Stored(initial) | Kind::Checked(initial, _)) => {
                Ok(self.msrs.get(&number).copied().unwrap_or(initial))
            }
            Some(Kind::ReadOnly(value) | Kind::Ignored(value)) => Ok(value),
            None => {
                warn!(target: "cpu", "read of MSR {number:#x}, which {} does not have", self.model.name);
                Err(Fault::protection(0, FaultRule::UnknownMsr))
            }
        }
    }

    /// Writes an MSR. One that does not exist, or cannot be written, is #GP(0).
    pub(crate) fn write_msr(&mut self, number: u32, value: u64) -> Result<(), Fault> {
        if number == TSC && self.model.has(Features::TSC) {
            // Before the Core, writing clears the upper half (SDM vol. 3B §17.17).
            let whole = self.model.generation() == Generation::Core;
            let written = if whole { value } else { value & 0xffff_ffff };
            self.tsc_offset = written.wrapping_sub(self.now);
            return Ok(());
        }
        if number == EFER && self.model.has(Features::NX) {
            return self.write_efer(value);
        }
        if number == APIC_BASE && self.has_apic_base() {
            return self.write_apic_base(value);
        }
        match kind(self.model, number) {
            Some(Kind::Checked(_, passes)) if !passes(value) => {
                Err(Fault::protection(0, FaultRule::MsrValue))
            }
            Some(Kind::Checked(..)) => {
                self.msrs.insert(number, value);
                Ok(())
            }
            Some(Kind::Stored(_)) => {
                self.msrs.insert(number, value);
                Ok(())
            }
            Some(Kind::Ignored(_)) => Ok(()),
            Some(Kind::ReadOnly(_)) => Err(Fault::protection(0, FaultRule::MsrValue)),
            None => {
                warn!(target: "cpu", "write of MSR {number:#x}, which {} does not have", self.model.name);
                Err(Fault::protection(0, FaultRule::UnknownMsr))
            }
        }
    }

    /// Whether there is a local APIC, and the machine has connected it.
    pub(crate) fn has_apic(&self) -> bool {
        self.apic_connected && self.model.has(Features::APIC)
    }

    /// The Pentium's APIC cannot be moved, or turned off by software.
    fn has_apic_base(&self) -> bool {
        self.has_apic() && self.model.generation() != Generation::P5
    }

    fn apic_base(&self) -> u64 {
        self.msrs.get(&APIC_BASE).copied().unwrap_or(APIC_BASE_RESET)
    }

    /// Whether CPUID shows the local APIC.
    pub(crate) fn apic_is_on(&self) -> bool {
        self.has_apic() && (!self.has_apic_base() || self.apic_base() & APIC_BASE_ENABLE != 0)
    }

    /// SDM vol. 3A §10.4.3, §10.4.4.
    fn write_apic_base(&mut self, value: u64) -> Result<(), Fault> {
        if value & !(APIC_BASE_BITS | APIC_BASE_BSP) != 0 {
            return Err(Fault::protection(0, FaultRule::MsrValue));
        }
        let mut written = value & APIC_BASE_BITS | APIC_BASE_BSP;
        // The P6's APIC, which has a bus of its own, stays off until a reset once it is off.
        if self.model.generation() == Generation::P6 && !self.apic_is_on() {
            written &= !APIC_BASE_ENABLE;
        }
        self.msrs.insert(APIC_BASE, written);
        Ok(())
    }

    fn write_efer(&mut self, value: u64) -> Result<(), Fault> {
        let Some(efer) = Efer::from_bits(value) else {
            return Err(Fault::protection(0, FaultRule::MsrValue));
        };
        self.efer = efer;
        self.tlb.flush_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_no_model_has_is_none() {
        for model in &crate::model::MODELS {
            for counter in [5000, 0x7fff_ffff, u32::MAX] {
                assert_eq!(performance_counter(model, counter), None, "{model:?}");
            }
        }
    }
}
