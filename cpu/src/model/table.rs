//! The models: what each of the real processors had.
//!
//! Signatures, cache descriptors and features are those of common steppings, from the specification updates of
//! the processors and SDM vol. 2A "CPUID". System management and thermal control are left out of all: the machine
//! has none.

use super::{
    Base, CpuModel, CpuidLeaf, Features,
    Generation::{Core, I386, I486, NetBurst, P5, P6},
};

const PENTIUM: Features = Features::FPU
    .union(Features::VME)
    .union(Features::DE)
    .union(Features::PSE)
    .union(Features::TSC)
    .union(Features::MSR)
    .union(Features::MCE)
    .union(Features::CX8)
    .union(Features::APIC);
const PENTIUM_PRO: Features = PENTIUM
    .union(Features::PAE)
    .union(Features::MTRR)
    .union(Features::PGE)
    .union(Features::MCA)
    .union(Features::CMOV);
const PENTIUM_2: Features = PENTIUM_PRO.union(Features::SEP).union(Features::MMX);
const PENTIUM_3: Features = PENTIUM_2
    .union(Features::PAT)
    .union(Features::PSE36)
    .union(Features::FXSR)
    .union(Features::SSE);
const PENTIUM_4: Features = PENTIUM_3.union(Features::SSE2).union(Features::CLFSH);
const CORE: Features = PENTIUM_4
    .union(Features::SSE3)
    .union(Features::MONITOR)
    .union(Features::SSSE3)
    .union(Features::SSE4_1)
    .union(Features::SSE4_2)
    .union(Features::POPCNT)
    .union(Features::NX);

/// Leaf 2: descriptors of caches and TLBs, one a byte. EAX begins with 1, the number of queries.
const fn descriptors(eax: u32, ebx: u32, edx: u32) -> CpuidLeaf {
    CpuidLeaf {
        eax,
        ebx,
        ecx: 0,
        edx,
    }
}

/// A cache of leaf 4: type (1 data, 2 code, 3 both), level, ways, sets; lines of 64 bytes.
const fn cache(kind: u32, level: u32, ways: u32, sets: u32) -> CpuidLeaf {
    const SELF_INITIALIZING: u32 = 1 << 8;
    CpuidLeaf {
        eax: kind | level << 5 | SELF_INITIALIZING,
        ebx: (ways - 1) << 22 | 63,
        ecx: sets - 1,
        edx: 0,
    }
}

const fn old(
    name: &'static str,
    description: &'static str,
    generation: super::Generation,
    signature: u32,
    features: Features,
) -> Base {
    Base {
        name,
        description,
        generation,
        signature,
        features,
        cache_descriptors: None,
        caches: &[],
        brand: None,
        brand_index: 0,
    }
}

/// The real processors, oldest first.
static BASES: [Base; 11] = [
    old(
        "386",
        "Intel 386DX, no coprocessor",
        I386,
        0x0308,
        Features::empty(),
    ),
    old(
        "386+387",
        "Intel 386DX with a 387 coprocessor",
        I386,
        0x0308,
        Features::FPU,
    ),
    old(
        "486sx",
        "Intel 486SX, no coprocessor",
        I486,
        0x0422,
        Features::empty(),
    ),
    old("486", "Intel 486DX", I486, 0x0423, Features::FPU),
    old("pentium", "Intel Pentium", P5, 0x0525, PENTIUM),
    old(
        "pentium-mmx",
        "Intel Pentium with MMX",
        P5,
        0x0543,
        PENTIUM.union(Features::MMX),
    ),
    Base {
        // 8 KiB caches, 256 KiB L2, TLBs of 4 KiB and 4 MiB pages.
        cache_descriptors: Some(descriptors(0x0302_0101, 0, 0x0604_0a42)),
        ..old("p6", "Intel Pentium Pro", P6, 0x0617, PENTIUM_PRO)
    },
    Base {
        // 16 KiB caches, 512 KiB L2.
        cache_descriptors: Some(descriptors(0x0302_0101, 0, 0x0c04_0843)),
        ..old("p2", "Intel Pentium II", P6, 0x0633, PENTIUM_2)
    },
    Base {
        // 16 KiB caches, 256 KiB L2.
        cache_descriptors: Some(descriptors(0x0302_0101, 0, 0x0c04_0882)),
        brand_index: 2,
        ..old("p3", "Intel Pentium III", P6, 0x0686, PENTIUM_3)
    },
    Base {
        // 8 KiB data, 12 Kuop trace cache, 512 KiB L2.
        cache_descriptors: Some(descriptors(0x665b_5001, 0, 0x007b_7040)),
        brand_index: 9,
        brand: Some("Intel(R) Pentium(R) 4 CPU"),
        ..old("p4", "Intel Pentium 4", NetBurst, 0x0f29, PENTIUM_4)
    },
    Base {
        // 32 KiB caches, 256 KiB L2, 8 MiB L3.
        cache_descriptors: Some(descriptors(0x5503_5a01, 0x00f0_b2e4, 0x09ca_212c)),
        caches: &[
            cache(1, 1, 8, 64),
            cache(2, 1, 4, 128),
            cache(3, 2, 8, 512),
            cache(3, 3, 16, 8192),
        ],
        brand: Some("Intel(R) Core(TM) CPU"),
        ..old(
            "core",
            "Intel Core with SSE4.2, as far as it has 32 bits",
            Core,
            0x0001_06a5,
            CORE,
        )
    },
];

/// All models, oldest first.
pub static MODELS: [CpuModel; BASES.len()] = {
    let [a, b, c, d, e, f, g, h, i, j, k] = &BASES;
    [
        CpuModel::plain(a),
        CpuModel::plain(b),
        CpuModel::plain(c),
        CpuModel::plain(d),
        CpuModel::plain(e),
        CpuModel::plain(f),
        CpuModel::plain(g),
        CpuModel::plain(h),
        CpuModel::plain(i),
        CpuModel::plain(j),
        CpuModel::plain(k),
    ]
};
