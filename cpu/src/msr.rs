//! Model-specific registers: which exist, which only store, and the time-stamp counter.
//!
//! Follows SDM vol. 4 (P6 family and Pentium). Registers that steer hardware which is not modelled keep
//! what is written; operating systems read and rewrite them without asking CPUID first.

use log::warn;

use crate::{
    core::Core,
    fault::{Fault, FaultRule},
};

const P5_MC_ADDR: u32 = 0x00;
const P5_MC_TYPE: u32 = 0x01;
const TSC: u32 = 0x10;
const PLATFORM_ID: u32 = 0x17;
const APIC_BASE: u32 = 0x1b;
const EBL_CR_POWERON: u32 = 0x2a;
const BIOS_UPDT_TRIG: u32 = 0x79;
const BIOS_SIGN_ID: u32 = 0x8b;
/// First performance counter.
pub(crate) const PERFCTR0: u32 = 0xc1;
const PERFCTR1: u32 = 0xc2;
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
const EVNTSEL1: u32 = 0x187;
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
/// The local APIC's address; disabled, for there is none.
const APIC_BASE_VALUE: u64 = 0xfee0_0000;

/// What a register does.
enum Kind {
    /// Keeps what is written; this after reset.
    Stored(u64),
    /// Reads as this; a write is #GP(0).
    ReadOnly(u64),
    /// Reads as this; a write is ignored.
    Ignored(u64),
}

fn kind(number: u32) -> Option<Kind> {
    Some(match number {
        P5_MC_ADDR | P5_MC_TYPE => Kind::Ignored(0),
        PLATFORM_ID | MCG_CAP => Kind::ReadOnly(0),
        MTRR_CAP => Kind::ReadOnly(MTRR_CAP_VALUE),
        APIC_BASE => Kind::Stored(APIC_BASE_VALUE),
        BIOS_UPDT_TRIG => Kind::Ignored(0),
        EBL_CR_POWERON | BIOS_SIGN_ID | PERFCTR0 | PERFCTR1 | BBL_CR_CTL..=BBL_CR_CTL3 => Kind::Stored(0),
        SYSENTER_CS..=SYSENTER_EIP => Kind::Stored(0),
        MCG_STATUS | EVNTSEL0 | EVNTSEL1 | MISC_ENABLE => Kind::Stored(0),
        DEBUGCTL..=LAST_INT_TO_IP | ROB_CR_BKUPTMPDR6 => Kind::Stored(0),
        MTRR_PHYS_BASE0..=MTRR_PHYS_MASK7 | MTRR_DEF_TYPE => Kind::Stored(0),
        MTRR_FIX64K | MTRR_FIX16K_80000 | MTRR_FIX16K_A0000 => Kind::Stored(0),
        MTRR_FIX4K_C0000..=MTRR_FIX4K_F8000 => Kind::Stored(0),
        _ => return None,
    })
}

impl Core {
    /// Reads an MSR. One that does not exist is #GP(0).
    pub(crate) fn read_msr(&mut self, number: u32) -> Result<u64, Fault> {
        if number == TSC {
            return Ok(self.tsc());
        }
        match kind(number) {
            Some(Kind::Stored(initial)) => Ok(self.msrs.get(&number).copied().unwrap_or(initial)),
            Some(Kind::ReadOnly(value) | Kind::Ignored(value)) => Ok(value),
            None => {
                warn!(target: "cpu", "read of MSR {number:#x}, which {} does not have", self.model.name);
                Err(Fault::protection(0, FaultRule::UnknownMsr))
            }
        }
    }

    /// Writes an MSR. One that does not exist, or cannot be written, is #GP(0).
    pub(crate) fn write_msr(&mut self, number: u32, value: u64) -> Result<(), Fault> {
        if number == TSC {
            // P6: writing clears the upper half (SDM vol. 3B §17.17).
            self.tsc_offset = (value & 0xffff_ffff).wrapping_sub(self.now);
            return Ok(());
        }
        match kind(number) {
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
}
