//! Processor models as data: identification, which register bits exist, which instructions exist.
//!
//! Follows SDM vol. 2A "CPUID" and vol. 3B chapter 22 (compatibility), and the programmer's reference manuals of the
//! 386 and 486. Where there is no x87, [`crate::exec::control::esc_absent`] says how its opcodes behave.

mod cpuid;
mod features;
mod spec;
mod table;

use iced_x86::{Code, CpuidFeature, DecoderOptions};

use self::features::{EMULATED, FEATURES};
pub use self::{cpuid::CpuidLeaf, features::Features, spec::ModelError, table::MODELS};
use crate::{
    core::{Cr0, Cr4},
    flags::Eflags,
    simd::Mxcsr,
};

/// What the processors of one time have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// 386.
    I386,
    /// 486.
    I486,
    /// Pentium.
    P5,
    /// Pentium Pro to Pentium III.
    P6,
    /// Pentium 4.
    NetBurst,
    /// Core.
    Core,
}

/// A real processor.
#[derive(Debug)]
struct Base {
    name: &'static str,
    description: &'static str,
    generation: Generation,
    /// Family, model and stepping: EDX after reset.
    signature: u32,
    features: Features,
    /// CPUID leaf 2.
    cache_descriptors: Option<CpuidLeaf>,
    /// CPUID leaf 4.
    caches: &'static [CpuidLeaf],
    brand: Option<&'static str>,
    brand_index: u32,
}

/// A processor model.
#[derive(Debug)]
pub struct CpuModel {
    /// The name that `--cpu` takes.
    pub name: &'static str,
    /// One line for `cpu list`.
    pub description: &'static str,
    /// EDX after reset: family, model and stepping.
    pub reset_edx: u32,
    /// What it has.
    pub features: Features,
    /// What it should have, but this emulator does not.
    pub lacking: Features,
    /// Bits of CR0 that can be changed.
    pub cr0: Cr0,
    /// Bits of CR0 that are always set.
    pub cr0_fixed: Cr0,
    /// CR0 after reset.
    reset_cr0: Cr0,
    /// Bits of CR4 that exist; none means that there is no CR4.
    pub cr4: Cr4,
    /// Bits of EFLAGS that can be changed.
    pub eflags: Eflags,
    /// Its instructions, by the decoder's names of their sets.
    isa: IsaSet,
    /// How the decoder reads ambiguous opcodes.
    decoder_options: u32,
    /// An x87 is fitted.
    pub fpu: bool,
    /// Loading CS in real mode also resets its limit and attributes (386 and 486).
    resets_real_cs: bool,
    base: &'static Base,
}

/// A set of the decoder's names of instruction sets, one bit each.
#[derive(Clone, Copy, Debug)]
struct IsaSet([u64; 4]);

impl IsaSet {
    const fn of(names: &[CpuidFeature]) -> Self {
        Self([0; 4]).with(names)
    }

    const fn with(self, names: &[CpuidFeature]) -> Self {
        let mut bits = self.0;
        let mut n = 0;
        while n < names.len() {
            let bit = names[n] as usize;
            bits[(bit / 64) & 3] |= 1 << (bit % 64);
            n += 1;
        }
        Self(bits)
    }

    const fn contains(&self, name: CpuidFeature) -> bool {
        let bit = name as usize;
        self.0[(bit / 64) & 3] >> (bit % 64) & 1 != 0
    }
}

/// Instruction sets that every model has. ESC opcodes exist without a coprocessor too.
const ISA_386: IsaSet = IsaSet::of(&[
    CpuidFeature::INTEL8086,
    CpuidFeature::INTEL186,
    CpuidFeature::INTEL286,
    CpuidFeature::INTEL386,
]);

/// Opcodes of coprocessor instructions, which mean ESC here whatever else they need.
const ISA_FPU: IsaSet = IsaSet::of(&[
    CpuidFeature::FPU,
    CpuidFeature::FPU287,
    CpuidFeature::FPU287XL_ONLY,
    CpuidFeature::FPU387,
    CpuidFeature::FPU387SL_ONLY,
]);

const CR0_386: Cr0 = Cr0::PE
    .union(Cr0::MP)
    .union(Cr0::EM)
    .union(Cr0::TS)
    .union(Cr0::PG);
const CR0_486: Cr0 = CR0_386
    .union(Cr0::NE)
    .union(Cr0::WP)
    .union(Cr0::AM)
    .union(Cr0::NW)
    .union(Cr0::CD);
const RESET_CR0_486: Cr0 = Cr0::ET.union(Cr0::CD).union(Cr0::NW);

const EFLAGS_386: Eflags = Eflags::STATUS
    .union(Eflags::TF)
    .union(Eflags::IF)
    .union(Eflags::DF)
    .union(Eflags::IOPL)
    .union(Eflags::NT)
    .union(Eflags::RF)
    .union(Eflags::VM);
const EFLAGS_486: Eflags = EFLAGS_386.union(Eflags::AC);

/// No prefix turns BSF, BSR or WBINVD into something else before later processors.
const OPTIONS_ALL: u32 =
    DecoderOptions::NO_MPFX_0FBC | DecoderOptions::NO_MPFX_0FBD | DecoderOptions::NO_WBNOINVD;
/// Nor is PAUSE anything but NOP before the Pentium 4.
const OPTIONS_OLD: u32 = OPTIONS_ALL | DecoderOptions::NO_PAUSE;

/// Bits of CR4 by the feature that brings them.
const CR4_BITS: &[(Features, Cr4)] = &[
    (Features::VME, Cr4::VME.union(Cr4::PVI)),
    (Features::TSC, Cr4::TSD),
    (Features::DE, Cr4::DE),
    (Features::PSE, Cr4::PSE),
    (Features::PAE, Cr4::PAE),
    (Features::MCE, Cr4::MCE),
    (Features::PGE, Cr4::PGE),
    (Features::FXSR, Cr4::OSFXSR),
    (Features::SSE, Cr4::OSXMMEXCPT),
];

impl Generation {
    const fn has_cpuid(self) -> bool {
        !matches!(self, Self::I386 | Self::I486)
    }

    const fn is_p6_or_later(self) -> bool {
        matches!(self, Self::P6 | Self::NetBurst | Self::Core)
    }

    const fn isa(self) -> IsaSet {
        let isa = match self {
            Self::I386 => return ISA_386.with(&[CpuidFeature::MOV_TR]),
            Self::I486 => return ISA_386.with(&[CpuidFeature::INTEL486, CpuidFeature::MOV_TR]),
            _ => ISA_386.with(&[CpuidFeature::INTEL486, CpuidFeature::CPUID]),
        };
        match self {
            Self::P6 => isa.with(&[CpuidFeature::MULTIBYTENOP]),
            Self::NetBurst | Self::Core => isa.with(&[CpuidFeature::MULTIBYTENOP, CpuidFeature::PAUSE]),
            _ => isa,
        }
    }

    const fn decoder_options(self) -> u32 {
        match self {
            Self::I386 | Self::I486 => OPTIONS_OLD | DecoderOptions::MOV_TR,
            Self::P5 => OPTIONS_OLD,
            Self::P6 => OPTIONS_OLD | DecoderOptions::FORCE_RESERVED_NOP,
            Self::NetBurst | Self::Core => OPTIONS_ALL | DecoderOptions::FORCE_RESERVED_NOP,
        }
    }
}

impl CpuModel {
    const fn plain(base: &'static Base) -> Self {
        Self::assemble(base, base.name, base.features)
    }

    /// A processor like `base` that has the features `wanted`, as far as they are emulated.
    const fn assemble(base: &'static Base, name: &'static str, wanted: Features) -> Self {
        let features = wanted.intersection(EMULATED);
        let generation = base.generation;
        let is_386 = matches!(generation, Generation::I386);
        let fpu = features.contains(Features::FPU);
        let mut isa = generation.isa();
        let mut n = 0;
        while n < FEATURES.len() {
            if features.contains(FEATURES[n].flag) {
                isa = isa.with(FEATURES[n].isa);
            }
            n += 1;
        }
        let mut cr4 = Cr4::empty();
        let mut n = 0;
        while n < CR4_BITS.len() {
            if features.contains(CR4_BITS[n].0) {
                cr4 = cr4.union(CR4_BITS[n].1);
            }
            n += 1;
        }
        // RDPMC came with MMX and with the P6, and has no bit of its own in CPUID.
        let has_counters = generation.is_p6_or_later() || base.features.contains(Features::MMX);
        if has_counters && generation.has_cpuid() {
            isa = isa.with(&[CpuidFeature::RDPMC]);
            cr4 = cr4.union(Cr4::PCE);
        }
        let mut eflags = if is_386 { EFLAGS_386 } else { EFLAGS_486 };
        if generation.has_cpuid() {
            eflags = eflags.union(Eflags::ID);
        }
        if features.contains(Features::VME) {
            eflags = eflags.union(Eflags::VIF).union(Eflags::VIP);
        }
        Self {
            name,
            description: base.description,
            reset_edx: base.signature,
            features,
            lacking: wanted.difference(EMULATED),
            cr0: if is_386 { CR0_386.union(Cr0::ET) } else { CR0_486 },
            cr0_fixed: if is_386 { Cr0::empty() } else { Cr0::ET },
            reset_cr0: match (is_386, fpu) {
                (true, false) => Cr0::empty(),
                (true, true) => Cr0::ET,
                (false, _) => RESET_CR0_486,
            },
            cr4,
            eflags,
            isa,
            decoder_options: generation.decoder_options(),
            fpu,
            resets_real_cs: !generation.has_cpuid(),
            base,
        }
    }

    /// The newest model of which nothing is lacking.
    pub fn newest_complete() -> &'static Self {
        let complete = MODELS.iter().rev().find(|model| model.lacking.is_empty());
        complete.unwrap_or(&MODELS[0])
    }

    /// The newest model, whatever it lacks.
    pub fn newest() -> &'static Self {
        &MODELS[MODELS.len() - 1]
    }

    /// Whether it has all of `features`.
    pub const fn has(&self, features: Features) -> bool {
        self.features.contains(features)
    }

    /// What the version register of the local APIC reads: the version, and from bit 16 on the number of the last entry
    /// of the local vector table. `None` without one (SDM vol. 3A §10.4.8).
    pub fn apic_version(&self) -> Option<u32> {
        let (version, last) = match self.generation() {
            Generation::I386 | Generation::I486 => return None,
            Generation::P5 => (0x10, 3),
            Generation::P6 => (0x11, 4),
            Generation::NetBurst => (0x14, 5),
            Generation::Core => (0x15, 5),
        };
        self.has(Features::APIC).then_some(version | last << 16)
    }

    pub(crate) const fn generation(&self) -> Generation {
        self.base.generation
    }

    /// CR0 after reset (SDM vol. 3A table 9-1). EM is clear even where no coprocessor is fitted.
    pub fn reset_cr0(&self) -> Cr0 {
        self.reset_cr0
    }

    /// Options for [`iced_x86::Decoder`].
    pub fn decoder_options(&self) -> u32 {
        self.decoder_options
    }

    /// Whether loading CS in real mode resets its limit and attributes too.
    pub fn resets_real_cs(&self) -> bool {
        self.resets_real_cs
    }

    /// The bits of MXCSR that can be set.
    pub fn mxcsr_mask(&self) -> Mxcsr {
        if self.has(Features::SSE2) {
            Mxcsr::all()
        } else {
            Mxcsr::all() - Mxcsr::DAZ
        }
    }

    /// Whether the model has the instruction. Without an x87 all of its opcodes are there: they are ESC.
    pub fn supports(&self, code: Code) -> bool {
        let needed = code.cpuid_features();
        let is_fpu = needed.iter().any(|name| ISA_FPU.contains(*name));
        if is_fpu && !self.fpu {
            return true;
        }
        let has = |name: &CpuidFeature| self.isa.contains(*name) || is_fpu && ISA_FPU.contains(*name);
        code != Code::INVALID && needed.iter().all(has)
    }
}

#[cfg(test)]
mod tests;
