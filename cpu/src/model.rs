//! Processor models as data: identification, which register bits exist, which instructions exist.
//!
//! Follows SDM vol. 2A "CPUID" and vol. 3B chapter 22 (compatibility), and the programmer's reference manuals of the
//! 386 and 486. Where there is no x87, [`crate::exec::control::esc_absent`] says how its opcodes behave.

use iced_x86::{Code, CpuidFeature, DecoderOptions};

use crate::{
    core::{Cr0, Cr4},
    flags::Eflags,
};

/// What CPUID returns for one value of EAX.
#[derive(Clone, Copy, Debug)]
pub struct CpuidLeaf {
    /// EAX.
    pub eax: u32,
    /// EBX.
    pub ebx: u32,
    /// ECX.
    pub ecx: u32,
    /// EDX.
    pub edx: u32,
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
    /// CPUID by leaf; empty where the instruction does not exist.
    pub cpuid: &'static [CpuidLeaf],
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
    /// Instruction sets beyond those of the 386, by the decoder's names.
    isa: IsaSet,
    /// How the decoder reads ambiguous opcodes.
    decoder_options: u32,
    /// An x87 is fitted.
    pub fpu: bool,
    /// Loading CS in real mode also resets its limit and attributes (386 and 486).
    resets_real_cs: bool,
}

/// A set of the decoder's names of instruction sets, one bit each.
#[derive(Clone, Copy, Debug)]
struct IsaSet([u64; 4]);

impl IsaSet {
    const fn of(names: &[CpuidFeature]) -> Self {
        let mut bits = [0; 4];
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

const CR4_PENTIUM: Cr4 = Cr4::VME
    .union(Cr4::PVI)
    .union(Cr4::TSD)
    .union(Cr4::DE)
    .union(Cr4::PSE)
    .union(Cr4::MCE);

const EFLAGS_386: Eflags = Eflags::STATUS
    .union(Eflags::TF)
    .union(Eflags::IF)
    .union(Eflags::DF)
    .union(Eflags::IOPL)
    .union(Eflags::NT)
    .union(Eflags::RF)
    .union(Eflags::VM);
const EFLAGS_486: Eflags = EFLAGS_386.union(Eflags::AC);
const EFLAGS_PENTIUM: Eflags = EFLAGS_486.union(Eflags::ID).union(Eflags::VIF).union(Eflags::VIP);

/// No prefix turns NOP, BSF, BSR or WBINVD into something else before later processors.
const OPTIONS_OLD: u32 = DecoderOptions::NO_PAUSE
    | DecoderOptions::NO_MPFX_0FBC
    | DecoderOptions::NO_MPFX_0FBD
    | DecoderOptions::NO_WBNOINVD;

/// CPUID feature bits (SDM vol. 2A table 3-11).
mod feature {
    pub const FPU: u32 = 1 << 0;
    pub const VME: u32 = 1 << 1;
    pub const DE: u32 = 1 << 2;
    pub const PSE: u32 = 1 << 3;
    pub const TSC: u32 = 1 << 4;
    pub const MSR: u32 = 1 << 5;
    pub const MCE: u32 = 1 << 7;
    pub const CX8: u32 = 1 << 8;
    pub const MTRR: u32 = 1 << 12;
    pub const PGE: u32 = 1 << 13;
    pub const CMOV: u32 = 1 << 15;
    pub const SEP: u32 = 1 << 11;
    pub const MMX: u32 = 1 << 23;
}

const FEATURES_PENTIUM: u32 = feature::FPU
    | feature::VME
    | feature::DE
    | feature::PSE
    | feature::TSC
    | feature::MSR
    | feature::MCE
    | feature::CX8;
const FEATURES_P6: u32 = FEATURES_PENTIUM | feature::MTRR | feature::PGE | feature::CMOV;

const FEATURES_PENTIUM_MMX: u32 = FEATURES_PENTIUM | feature::MMX;
const FEATURES_P2: u32 = FEATURES_P6 | feature::SEP | feature::MMX;

/// Leaf 0: the highest leaf and "GenuineIntel".
const fn vendor_leaf(highest: u32) -> CpuidLeaf {
    CpuidLeaf {
        eax: highest,
        ebx: u32::from_le_bytes(*b"Genu"),
        edx: u32::from_le_bytes(*b"ineI"),
        ecx: u32::from_le_bytes(*b"ntel"),
    }
}

/// Leaf 1: signature and features.
const fn feature_leaf(signature: u32, features: u32) -> CpuidLeaf {
    CpuidLeaf {
        eax: signature,
        ebx: 0,
        ecx: 0,
        edx: features,
    }
}

/// Leaf 2 of a Pentium Pro: 8 KiB caches, 256 KiB L2, TLBs of 4 KiB and 4 MiB pages.
const P6_CACHE_LEAF: CpuidLeaf = CpuidLeaf {
    eax: 0x0302_0101,
    ebx: 0,
    ecx: 0,
    edx: 0x0604_0a42,
};

/// Leaf 2 of a Pentium II: 16 KiB caches, 512 KiB L2, TLBs of 4 KiB and 4 MiB pages.
const P2_CACHE_LEAF: CpuidLeaf = CpuidLeaf {
    eax: 0x0302_0101,
    ebx: 0,
    ecx: 0,
    edx: 0x0c04_0843,
};

const PENTIUM_SIGNATURE: u32 = 0x0525;
const PENTIUM_MMX_SIGNATURE: u32 = 0x0543;
const P6_SIGNATURE: u32 = 0x0617;
const P2_SIGNATURE: u32 = 0x0633;

/// All models, oldest first.
pub const MODELS: &[CpuModel] = &[
    CpuModel {
        name: "386",
        description: "Intel 386DX, no coprocessor",
        reset_edx: 0x0308,
        cpuid: &[],
        cr0: CR0_386.union(Cr0::ET),
        cr0_fixed: Cr0::empty(),
        reset_cr0: Cr0::empty(),
        cr4: Cr4::empty(),
        eflags: EFLAGS_386,
        isa: IsaSet::of(&[CpuidFeature::MOV_TR]),
        decoder_options: OPTIONS_OLD | DecoderOptions::MOV_TR,
        fpu: false,
        resets_real_cs: true,
    },
    CpuModel {
        name: "386+387",
        description: "Intel 386DX with a 387 coprocessor",
        reset_edx: 0x0308,
        cpuid: &[],
        cr0: CR0_386.union(Cr0::ET),
        cr0_fixed: Cr0::empty(),
        reset_cr0: Cr0::ET,
        cr4: Cr4::empty(),
        eflags: EFLAGS_386,
        isa: IsaSet::of(&[CpuidFeature::MOV_TR]),
        decoder_options: OPTIONS_OLD | DecoderOptions::MOV_TR,
        fpu: true,
        resets_real_cs: true,
    },
    CpuModel {
        name: "486sx",
        description: "Intel 486SX, no coprocessor",
        reset_edx: 0x0422,
        cpuid: &[],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: Cr4::empty(),
        eflags: EFLAGS_486,
        isa: IsaSet::of(&[CpuidFeature::INTEL486, CpuidFeature::MOV_TR]),
        decoder_options: OPTIONS_OLD | DecoderOptions::MOV_TR,
        fpu: false,
        resets_real_cs: true,
    },
    CpuModel {
        name: "486",
        description: "Intel 486DX",
        reset_edx: 0x0423,
        cpuid: &[],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: Cr4::empty(),
        eflags: EFLAGS_486,
        isa: IsaSet::of(&[CpuidFeature::INTEL486, CpuidFeature::MOV_TR]),
        decoder_options: OPTIONS_OLD | DecoderOptions::MOV_TR,
        fpu: true,
        resets_real_cs: true,
    },
    CpuModel {
        name: "pentium",
        description: "Intel Pentium",
        reset_edx: PENTIUM_SIGNATURE,
        cpuid: &[vendor_leaf(1), feature_leaf(PENTIUM_SIGNATURE, FEATURES_PENTIUM)],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: CR4_PENTIUM,
        eflags: EFLAGS_PENTIUM,
        isa: IsaSet::of(&[
            CpuidFeature::INTEL486,
            CpuidFeature::CPUID,
            CpuidFeature::TSC,
            CpuidFeature::MSR,
            CpuidFeature::CX8,
        ]),
        decoder_options: OPTIONS_OLD,
        fpu: true,
        resets_real_cs: false,
    },
    CpuModel {
        name: "pentium-mmx",
        description: "Intel Pentium with MMX",
        reset_edx: PENTIUM_MMX_SIGNATURE,
        cpuid: &[
            vendor_leaf(1),
            feature_leaf(PENTIUM_MMX_SIGNATURE, FEATURES_PENTIUM_MMX),
        ],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: CR4_PENTIUM.union(Cr4::PCE),
        eflags: EFLAGS_PENTIUM,
        isa: IsaSet::of(&[
            CpuidFeature::INTEL486,
            CpuidFeature::CPUID,
            CpuidFeature::TSC,
            CpuidFeature::MSR,
            CpuidFeature::CX8,
            CpuidFeature::RDPMC,
            CpuidFeature::MMX,
        ]),
        decoder_options: OPTIONS_OLD,
        fpu: true,
        resets_real_cs: false,
    },
    CpuModel {
        name: "p6",
        description: "Intel Pentium Pro",
        reset_edx: P6_SIGNATURE,
        cpuid: &[
            vendor_leaf(2),
            feature_leaf(P6_SIGNATURE, FEATURES_P6),
            P6_CACHE_LEAF,
        ],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: CR4_PENTIUM.union(Cr4::PGE).union(Cr4::PCE),
        eflags: EFLAGS_PENTIUM,
        isa: IsaSet::of(&[
            CpuidFeature::INTEL486,
            CpuidFeature::CPUID,
            CpuidFeature::TSC,
            CpuidFeature::MSR,
            CpuidFeature::CX8,
            CpuidFeature::CMOV,
            CpuidFeature::RDPMC,
            CpuidFeature::MULTIBYTENOP,
        ]),
        decoder_options: OPTIONS_OLD | DecoderOptions::FORCE_RESERVED_NOP,
        fpu: true,
        resets_real_cs: false,
    },
    CpuModel {
        name: "p2",
        description: "Intel Pentium II",
        reset_edx: P2_SIGNATURE,
        cpuid: &[
            vendor_leaf(2),
            feature_leaf(P2_SIGNATURE, FEATURES_P2),
            P2_CACHE_LEAF,
        ],
        cr0: CR0_486,
        cr0_fixed: Cr0::ET,
        reset_cr0: RESET_CR0_486,
        cr4: CR4_PENTIUM.union(Cr4::PGE).union(Cr4::PCE),
        eflags: EFLAGS_PENTIUM,
        isa: IsaSet::of(&[
            CpuidFeature::INTEL486,
            CpuidFeature::CPUID,
            CpuidFeature::TSC,
            CpuidFeature::MSR,
            CpuidFeature::CX8,
            CpuidFeature::CMOV,
            CpuidFeature::RDPMC,
            CpuidFeature::MULTIBYTENOP,
            CpuidFeature::MMX,
            CpuidFeature::SEP,
        ]),
        decoder_options: OPTIONS_OLD | DecoderOptions::FORCE_RESERVED_NOP,
        fpu: true,
        resets_real_cs: false,
    },
];

impl CpuModel {
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

    /// Whether the model has the instruction. Without an x87 all of its opcodes are there: they are ESC.
    pub fn supports(&self, code: Code) -> bool {
        let needed = code.cpuid_features();
        let is_fpu = needed.iter().any(|name| ISA_FPU.contains(*name));
        if is_fpu && !self.fpu {
            return true;
        }
        code != Code::INVALID
            && needed.iter().all(|name| {
                ISA_386.contains(*name) || self.isa.contains(*name) || is_fpu && ISA_FPU.contains(*name)
            })
    }

    /// The model that is called `name`.
    pub fn by_name(name: &str) -> Option<&'static CpuModel> {
        MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, models: &str) {
        let have: Vec<_> = MODELS
            .iter()
            .filter(|m| m.supports(code))
            .map(|m| m.name)
            .collect();
        assert_eq!(have.join(" "), models, "{code:?}");
    }

    #[test]
    fn each_generation_adds_its_instructions() {
        check(
            Code::Add_rm32_r32,
            "386 386+387 486sx 486 pentium pentium-mmx p6 p2",
        );
        check(
            Code::Bound_r32_m3232,
            "386 386+387 486sx 486 pentium pentium-mmx p6 p2",
        );
        check(Code::Salc, "386 386+387 486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Int1, "386 386+387 486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Bswap_r32, "486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Cmpxchg_rm32_r32, "486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Xadd_rm8_r8, "486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Invlpg_m, "486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Wbinvd, "486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Mov_tr_r32, "386 386+387 486sx 486");
        check(Code::Cpuid, "pentium pentium-mmx p6 p2");
        check(Code::Rdtsc, "pentium pentium-mmx p6 p2");
        check(Code::Wrmsr, "pentium pentium-mmx p6 p2");
        check(Code::Cmpxchg8b_m64, "pentium pentium-mmx p6 p2");
        check(
            Code::Mov_r32_cr,
            "386 386+387 486sx 486 pentium pentium-mmx p6 p2",
        );
        check(Code::Rsm, "");
        check(Code::Cmovne_r32_rm32, "p6 p2");
        check(Code::Rdpmc, "pentium-mmx p6 p2");
        check(Code::Nop_rm32, "p6 p2");
        check(Code::Ud2, "386 386+387 486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Sysenter, "p2");
        check(Code::Movups_xmm_xmmm128, "");
        check(Code::Emms, "pentium-mmx p2");
        check(Code::Pause, "");
        check(Code::INVALID, "");
    }

    #[test]
    fn without_an_x87_all_its_opcodes_are_esc() {
        check(Code::Fninit, "386 386+387 486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Fsincos, "386 386+387 486sx 486 pentium pentium-mmx p6 p2");
        check(Code::Fcmovb_st0_sti, "386 486sx p6 p2");
        check(Code::Fisttp_m64int, "386 486sx");
    }

    #[test]
    fn cpuid_tells_of_the_x87() {
        for model in MODELS {
            assert!(
                model
                    .cpuid
                    .get(1)
                    .is_none_or(|leaf| (leaf.edx & 1 != 0) == model.fpu)
            );
        }
    }
}
