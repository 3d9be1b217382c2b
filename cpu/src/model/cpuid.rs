//! What CPUID says: SDM vol. 2A "CPUID".

use super::{CpuModel, Features, Generation};

/// What CPUID returns for one value of EAX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// The first extended leaf.
const EXTENDED: u32 = 0x8000_0000;
/// Leaf 8000_0001h, EDX.
const EDX_NX: u32 = 1 << 20;
/// Bytes of a brand string.
const BRAND: usize = 48;
/// Leaf 1, EBX: the size of the line that CLFLUSH flushes, in units of 8 bytes.
const FLUSH_LINE: u32 = 8 << 8;
/// Leaf 5: smallest and largest line that MONITOR watches, in bytes.
const MONITOR_LINE: u32 = 64;
/// Leaf 5, EDX: how many sub-states MWAIT has in C0 and C1.
const MONITOR_STATES: u32 = 0x20;
/// Leaf 8000_0008h: bits of linear and physical addresses.
const ADDRESS_BITS: u32 = 32 << 8 | 36;

impl CpuModel {
    /// CPUID with these values of EAX and ECX; `None` where the instruction does not exist. A leaf beyond the last
    /// one shows the last basic one.
    pub fn cpuid(&self, leaf: u32, subleaf: u32) -> Option<CpuidLeaf> {
        let last = match self.base.generation {
            Generation::I386 | Generation::I486 => return None,
            Generation::P5 => 1,
            Generation::P6 | Generation::NetBurst => 2,
            Generation::Core => 5,
        };
        let last_extended = match self.base.generation {
            Generation::NetBurst => EXTENDED + 4,
            Generation::Core => EXTENDED + 8,
            // There are no extended leaves.
            _ => 0,
        };
        if leaf >= EXTENDED && leaf <= last_extended {
            return Some(self.extended(leaf, last_extended));
        }
        Some(self.basic(leaf.min(last), last, subleaf))
    }

    fn basic(&self, leaf: u32, last: u32, subleaf: u32) -> CpuidLeaf {
        match leaf {
            0 => CpuidLeaf {
                eax: last,
                ebx: u32::from_le_bytes(*b"Genu"),
                edx: u32::from_le_bytes(*b"ineI"),
                ecx: u32::from_le_bytes(*b"ntel"),
            },
            1 => {
                let flush = self.has(Features::CLFSH);
                CpuidLeaf {
                    eax: self.reset_edx,
                    ebx: self.base.brand_index | if flush { FLUSH_LINE } else { 0 },
                    ecx: self.features.ecx(),
                    edx: self.features.edx(),
                }
            }
            2 => self.base.cache_descriptors.unwrap_or_default(),
            4 => {
                let caches = self.base.caches;
                caches.get(subleaf as usize).copied().unwrap_or_default()
            }
            5 if self.has(Features::MONITOR) => CpuidLeaf {
                eax: MONITOR_LINE,
                ebx: MONITOR_LINE,
                ecx: 0,
                edx: MONITOR_STATES,
            },
            _ => CpuidLeaf::default(),
        }
    }

    fn extended(&self, leaf: u32, last: u32) -> CpuidLeaf {
        match leaf - EXTENDED {
            0 => CpuidLeaf {
                eax: last,
                ..CpuidLeaf::default()
            },
            1 => CpuidLeaf {
                edx: if self.has(Features::NX) { EDX_NX } else { 0 },
                ..CpuidLeaf::default()
            },
            part @ 2..=4 => self.brand_part(part as usize - 2),
            8 => CpuidLeaf {
                eax: ADDRESS_BITS,
                ..CpuidLeaf::default()
            },
            _ => CpuidLeaf::default(),
        }
    }

    /// A third of the brand string, which is set to the right and ends with a zero.
    fn brand_part(&self, part: usize) -> CpuidLeaf {
        let brand = self.base.brand.unwrap_or_default().as_bytes();
        let mut text = [b' '; BRAND];
        text[BRAND - 1] = 0;
        let first = (BRAND - 1).saturating_sub(brand.len());
        for (place, &byte) in text[first..BRAND - 1].iter_mut().zip(brand) {
            *place = byte;
        }
        let word = |n: usize| {
            let at = part * 16 + n * 4;
            u32::from_le_bytes([0, 1, 2, 3].map(|byte| text.get(at + byte).copied().unwrap_or(0)))
        };
        CpuidLeaf {
            eax: word(0),
            ebx: word(1),
            ecx: word(2),
            edx: word(3),
        }
    }
}
