//! What a program can see of the processor, plainly: no caches, no lazy flags, no hidden ends.

/// Segment registers by number.
pub mod sreg {
    pub const ES: usize = 0;
    pub const CS: usize = 1;
    pub const SS: usize = 2;
    pub const DS: usize = 3;
    pub const FS: usize = 4;
    pub const GS: usize = 5;
}

/// General registers by number.
pub mod gpr {
    pub const EAX: usize = 0;
    pub const EDX: usize = 2;
    pub const EBX: usize = 3;
    pub const ESP: usize = 4;
}

/// Bits of EFLAGS (SDM vol. 1 §3.4.3).
pub mod flag {
    pub const ONE: u32 = 1 << 1;
    pub const STATUS: u32 = 0x8d5;
    pub const TF: u32 = 1 << 8;
    pub const IF: u32 = 1 << 9;
    pub const DF: u32 = 1 << 10;
    pub const IOPL: u32 = 3 << 12;
    pub const NT: u32 = 1 << 14;
    pub const RF: u32 = 1 << 16;
    pub const VM: u32 = 1 << 17;
    pub const AC: u32 = 1 << 18;
    pub const VIF: u32 = 1 << 19;
    pub const VIP: u32 = 1 << 20;
    pub const ID: u32 = 1 << 21;
    pub const ALL: u32 = 0x3f_7fd7;
}

/// Bits of CR0 and CR4 (SDM vol. 3A §2.5).
pub mod control {
    pub const PE: u32 = 1 << 0;
    pub const MP: u32 = 1 << 1;
    pub const EM: u32 = 1 << 2;
    pub const TS: u32 = 1 << 3;
    pub const ET: u32 = 1 << 4;
    pub const NE: u32 = 1 << 5;
    pub const WP: u32 = 1 << 16;
    pub const NW: u32 = 1 << 29;
    pub const CD: u32 = 1 << 30;
    pub const PG: u32 = 1 << 31;
    pub const DE: u32 = 1 << 3;
    pub const VME: u32 = 1 << 0;
    pub const PVI: u32 = 1 << 1;
    pub const PSE: u32 = 1 << 4;
    pub const PAE: u32 = 1 << 5;
    pub const NXE: u64 = 1 << 11;
}

/// Exception vectors (SDM vol. 3A table 6-1).
pub mod vector {
    pub const DB: u8 = 1;
    pub const NMI: u8 = 2;
    pub const BP: u8 = 3;
    pub const OF: u8 = 4;
    pub const UD: u8 = 6;
    pub const DF: u8 = 8;
    pub const TS: u8 = 10;
    pub const NP: u8 = 11;
    pub const SS: u8 = 12;
    pub const GP: u8 = 13;
    pub const PF: u8 = 14;
}

/// A segment register, LDTR or TR, with its hidden part. All zero but the selector: unusable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reg {
    pub selector: u16,
    /// Bits 8–15 of the descriptor's second doubleword in bits 0–7, its bits 20–23 in bits 12–15.
    pub attr: u16,
    pub base: u32,
    /// In bytes.
    pub limit: u32,
}

impl Reg {
    /// After loading a null selector, or before a new task's segment is loaded.
    pub fn unusable(selector: u16) -> Self {
        Self {
            selector,
            ..Self::default()
        }
    }

    /// As real mode (`dpl` 0) and virtual-8086 mode (`dpl` 3) load it (SDM vol. 3A §20.1.1, §20.2).
    pub fn real(selector: u16, dpl: u16) -> Self {
        Self {
            selector,
            attr: 0x93 | dpl << 5,
            base: (selector as u32) << 4,
            limit: 0xffff,
        }
    }

    pub fn is_usable(self) -> bool {
        self.attr & 0x80 != 0
    }

    /// D/B.
    pub fn is_big(self) -> bool {
        self.attr & 0x4000 != 0
    }

    pub fn dpl(self) -> u8 {
        self.attr as u8 >> 5 & 3
    }

    pub fn is_conforming(self) -> bool {
        self.attr & 0x1c == 0x1c
    }

    pub fn is_writable(self) -> bool {
        self.is_usable() && self.attr & 0x1a == 0x12
    }

    /// Whether `len` bytes from `offset` are within the limit (SDM vol. 3A §5.3).
    pub fn contains(self, offset: u32, len: u32) -> bool {
        let last = offset as u64 + len as u64 - 1;
        if self.attr & 0x1c == 0x14 {
            let top = if self.is_big() { 0xffff_ffff } else { 0xffff };
            offset > self.limit && last <= top
        } else {
            last <= self.limit as u64
        }
    }

    /// A TSS of the 32-bit format.
    pub fn is_tss32(self) -> bool {
        self.attr & 8 != 0
    }
}

/// GDTR or IDTR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub base: u32,
    pub limit: u16,
}

/// The registers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub gpr: [u32; 8],
    pub eip: u32,
    pub eflags: u32,
    pub seg: [Reg; 6],
    pub ldtr: Reg,
    pub tr: Reg,
    pub gdtr: Table,
    pub idtr: Table,
    pub cpl: u8,
    pub cr0: u32,
    pub cr2: u32,
    pub cr3: u32,
    pub cr4: u32,
    pub efer: u64,
    pub dr: [u32; 8],
    /// A triple fault happened.
    pub shutdown: bool,
    /// After HLT.
    pub halted: bool,
}

impl State {
    pub fn has(&self, flags: u32) -> bool {
        self.eflags & flags == flags
    }

    pub fn iopl(&self) -> u8 {
        (self.eflags >> 12) as u8 & 3
    }

    pub fn is_real(&self) -> bool {
        self.cr0 & control::PE == 0
    }

    pub fn is_v86(&self) -> bool {
        !self.is_real() && self.has(flag::VM)
    }

    pub fn is_protected(&self) -> bool {
        !self.is_real() && !self.has(flag::VM)
    }

    /// Writes the bits of EFLAGS in `mask`.
    pub fn set_flags(&mut self, value: u32, mask: u32) {
        self.eflags = (self.eflags & !mask | value & mask) & flag::ALL | flag::ONE;
    }
}
