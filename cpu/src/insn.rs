//! The decoded instruction: a 32-byte record that its handler takes.

use bitflags::bitflags;

use crate::{
    core::{Core, reg},
    dispatch::Handler,
};

bitflags! {
    /// Properties of a decoded instruction that generic code asks for.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct InsnAttr: u16 {
        /// 32-bit operand size.
        const OPERAND32 = 1 << 0;
        /// 32-bit address size.
        const ADDRESS32 = 1 << 1;
        /// The r/m operand is memory.
        const MEMORY = 1 << 2;
        /// F3 prefix on a string instruction.
        const REP = 1 << 3;
        /// F2 prefix on a string instruction.
        const REPNE = 1 << 4;
        /// SS.B was set when it was decoded: implicit stack accesses use ESP.
        const STACK32 = 1 << 5;
        /// Its trace ends with it.
        const ENDS = 1 << 6;
        /// The last instruction of its trace, which ends behind it all the same.
        const LAST = 1 << 7;
    }
}

/// A decoded instruction. Never across two cache lines, and 32 bytes also where pointers are short.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Insn {
    /// What executes it.
    pub(crate) handler: Handler,
    /// First operand: a register number (see [`Core::reg`]), a segment or control register number.
    pub dst: u8,
    /// Second operand, likewise.
    pub src: u8,
    /// Base register of the memory operand, or [`reg::ZERO`].
    pub base: u8,
    /// Index register of the memory operand, or [`reg::ZERO`].
    pub index: u8,
    /// Shift of the index: 0 to 3.
    pub scale: u8,
    /// Segment of the memory operand.
    pub seg: u8,
    /// Length in bytes.
    pub len: u8,
    /// Position in its trace, from 1: instructions retired when it is done.
    pub n: u8,
    /// Immediate; offset of a far pointer; target of a relative branch.
    pub imm: u32,
    /// Displacement of the memory operand; selector of a far pointer.
    pub disp: u32,
    /// Offset of the instruction in CS.
    pub eip: u32,
    /// Properties.
    pub attr: InsnAttr,
    /// Second immediate (ENTER's level).
    pub imm2: u16,
}

impl Insn {
    /// Offset of the next instruction. In 16-bit code the caller truncates it.
    #[inline(always)]
    pub fn next_eip(&self) -> u32 {
        self.eip.wrapping_add(self.len as u32)
    }

    /// Whether the operand size is 32 bits.
    #[inline(always)]
    pub fn operand32(&self) -> bool {
        self.attr.contains(InsnAttr::OPERAND32)
    }

    /// Whether the r/m operand is memory.
    #[inline(always)]
    pub fn is_memory(&self) -> bool {
        self.attr.contains(InsnAttr::MEMORY)
    }

    /// The mask of the address size.
    #[inline(always)]
    pub fn address_mask(&self) -> u32 {
        if self.attr.contains(InsnAttr::ADDRESS32) {
            u32::MAX
        } else {
            0xffff
        }
    }
}

impl Core {
    /// The offset of the memory operand, any addressing form.
    #[inline(always)]
    pub fn effective_address(&self, insn: &Insn) -> u32 {
        if !insn.attr.contains(InsnAttr::ADDRESS32) {
            return self.effective_address16(insn);
        }
        let index = self.reg::<u32>(insn.index) << (insn.scale & 3);
        self.reg::<u32>(insn.base)
            .wrapping_add(index)
            .wrapping_add(insn.disp)
    }

    /// The offset of a memory operand with a 16-bit address, which has no scale.
    #[inline(always)]
    pub fn effective_address16(&self, insn: &Insn) -> u32 {
        self.reg::<u16>(insn.base)
            .wrapping_add(self.reg::<u16>(insn.index))
            .wrapping_add(insn.disp as u16) as u32
    }
}

/// The number that stands for "no register" in an address.
pub const NO_REGISTER: u8 = reg::ZERO as u8;
