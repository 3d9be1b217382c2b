//! Features: what CPUID tells one by one, and what each brings and needs.
//!
//! Follows SDM vol. 2A "CPUID", tables 3-10 and 3-11; the names are those that Linux and QEMU use.

use bitflags::bitflags;
use iced_x86::CpuidFeature;

bitflags! {
    /// What a processor can have or lack.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features: u64 {
        /// An x87.
        const FPU = 1 << 0;
        /// Virtual-8086 mode extensions.
        const VME = 1 << 1;
        /// Debugging extensions.
        const DE = 1 << 2;
        /// Pages of 4 MiB.
        const PSE = 1 << 3;
        /// Time stamp counter.
        const TSC = 1 << 4;
        /// Model-specific registers.
        const MSR = 1 << 5;
        /// Physical address extension.
        const PAE = 1 << 6;
        /// Machine check exception.
        const MCE = 1 << 7;
        /// CMPXCHG8B.
        const CX8 = 1 << 8;
        /// Local APIC. CPUID shows it where the machine has one and it is on.
        const APIC = 1 << 9;
        /// SYSENTER and SYSEXIT.
        const SEP = 1 << 11;
        /// Memory type range registers.
        const MTRR = 1 << 12;
        /// Global pages.
        const PGE = 1 << 13;
        /// Machine check architecture.
        const MCA = 1 << 14;
        /// CMOVcc, FCMOVcc, FCOMI.
        const CMOV = 1 << 15;
        /// Page attribute table.
        const PAT = 1 << 16;
        /// Pages of 4 MiB beyond 4 GiB.
        const PSE36 = 1 << 17;
        /// CLFLUSH.
        const CLFSH = 1 << 19;
        /// MMX.
        const MMX = 1 << 23;
        /// FXSAVE and FXRSTOR.
        const FXSR = 1 << 24;
        /// SSE.
        const SSE = 1 << 25;
        /// SSE2.
        const SSE2 = 1 << 26;
        /// SSE3.
        const SSE3 = 1 << 32;
        /// MONITOR and MWAIT.
        const MONITOR = 1 << 35;
        /// SSSE3.
        const SSSE3 = 1 << 41;
        /// SSE4.1.
        const SSE4_1 = 1 << 51;
        /// SSE4.2 and CRC32.
        const SSE4_2 = 1 << 52;
        /// MOVBE.
        const MOVBE = 1 << 54;
        /// POPCNT.
        const POPCNT = 1 << 55;
        /// No-execute pages. Its bit in CPUID is elsewhere: leaf 8000_0001h, EDX bit 20.
        const NX = 1 << 63;
    }
}

/// One feature.
pub(super) struct Feature {
    pub flag: Features,
    pub name: &'static str,
    /// What it builds on.
    pub needs: Features,
    /// The decoder's names of its instructions.
    pub isa: &'static [CpuidFeature],
}

const fn feature(
    flag: Features,
    name: &'static str,
    needs: Features,
    isa: &'static [CpuidFeature],
) -> Feature {
    Feature {
        flag,
        name,
        needs,
        isa,
    }
}

const NONE: Features = Features::empty();

/// All features, in the order of their bits.
#[rustfmt::skip]
pub(super) const FEATURES: &[Feature] = &[
    // FPU opcodes are told apart by the model: without an x87 they are ESC.
    feature(Features::FPU, "fpu", NONE, &[]),
    feature(Features::VME, "vme", NONE, &[]),
    feature(Features::DE, "de", NONE, &[]),
    feature(Features::PSE, "pse", NONE, &[]),
    feature(Features::TSC, "tsc", NONE, &[CpuidFeature::TSC]),
    feature(Features::MSR, "msr", NONE, &[CpuidFeature::MSR]),
    feature(Features::PAE, "pae", NONE, &[]),
    feature(Features::MCE, "mce", NONE, &[]),
    feature(Features::CX8, "cx8", NONE, &[CpuidFeature::CX8]),
    feature(Features::APIC, "apic", NONE, &[]),
    feature(Features::SEP, "sep", Features::MSR, &[CpuidFeature::SEP]),
    feature(Features::MTRR, "mtrr", Features::MSR, &[]),
    feature(Features::PGE, "pge", NONE, &[]),
    feature(Features::MCA, "mca", Features::MCE.union(Features::MSR), &[]),
    feature(Features::CMOV, "cmov", NONE, &[CpuidFeature::CMOV]),
    feature(Features::PAT, "pat", Features::MTRR, &[]),
    feature(Features::PSE36, "pse36", Features::PSE, &[]),
    feature(Features::CLFSH, "clflush", NONE, &[CpuidFeature::CLFSH]),
    feature(Features::MMX, "mmx", Features::FPU, &[CpuidFeature::MMX]),
    feature(Features::FXSR, "fxsr", Features::FPU, &[CpuidFeature::FXSR]),
    feature(Features::SSE, "sse", Features::FXSR.union(Features::MMX), &[CpuidFeature::SSE]),
    feature(Features::SSE2, "sse2", Features::SSE, &[CpuidFeature::SSE2]),
    feature(Features::SSE3, "sse3", Features::SSE2, &[CpuidFeature::SSE3]),
    feature(Features::MONITOR, "monitor", NONE, &[CpuidFeature::MONITOR]),
    feature(Features::SSSE3, "ssse3", Features::SSE3, &[CpuidFeature::SSSE3]),
    feature(Features::SSE4_1, "sse4.1", Features::SSSE3, &[CpuidFeature::SSE4_1]),
    feature(Features::SSE4_2, "sse4.2", Features::SSE4_1, &[CpuidFeature::SSE4_2]),
    feature(Features::MOVBE, "movbe", NONE, &[CpuidFeature::MOVBE]),
    feature(Features::POPCNT, "popcnt", NONE, &[CpuidFeature::POPCNT]),
    feature(Features::NX, "nx", Features::PAE, &[]),
];

/// What this emulator has. A model that should have more is not complete, and does not claim it.
pub(super) const EMULATED: Features = Features::all();

impl Features {
    /// EDX of leaf 1.
    pub(crate) const fn edx(self) -> u32 {
        self.bits() as u32
    }

    /// ECX of leaf 1.
    pub(super) const fn ecx(self) -> u32 {
        (self.difference(Self::NX).bits() >> 32) as u32
    }

    /// Their names, as `--cpu` takes them.
    pub fn names(self) -> Vec<&'static str> {
        let there = FEATURES.iter().filter(|feature| self.contains(feature.flag));
        there.map(|feature| feature.name).collect()
    }

    /// The feature of a name.
    pub(super) fn by_name(name: &str) -> Option<&'static Feature> {
        FEATURES
            .iter()
            .find(|feature| feature.name.eq_ignore_ascii_case(name))
    }
}
