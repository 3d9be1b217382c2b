//! Descriptors (SDM vol. 3A §3.4.5, §3.5).

use super::{Check, Exception, Model, selector_error};
use crate::{
    state::{Reg, sreg},
    world::loaded,
};

/// Types of system descriptors (SDM vol. 3A table 3-2).
pub mod kind {
    pub const TSS16: u8 = 1;
    pub const LDT: u8 = 2;
    pub const TSS16_BUSY: u8 = 3;
    pub const CALL16: u8 = 4;
    pub const TASK: u8 = 5;
    pub const INT16: u8 = 6;
    pub const TRAP16: u8 = 7;
    pub const TSS32: u8 = 9;
    pub const TSS32_BUSY: u8 = 11;
    pub const CALL32: u8 = 12;
    pub const INT32: u8 = 14;
    pub const TRAP32: u8 = 15;
}

pub fn is_null(selector: u16) -> bool {
    selector < 4
}

pub fn rpl(selector: u16) -> u8 {
    selector as u8 & 3
}

pub fn is_local(selector: u16) -> bool {
    selector & 4 != 0
}

#[derive(Clone, Copy)]
pub struct Descriptor {
    pub selector: u16,
    pub addr: u32,
    pub raw: u64,
}

impl Descriptor {
    pub fn access(self) -> u8 {
        (self.raw >> 40) as u8
    }

    pub fn dpl(self) -> u8 {
        self.access() >> 5 & 3
    }

    pub fn present(self) -> bool {
        self.access() & 0x80 != 0
    }

    /// The type of a system descriptor.
    pub fn system(self) -> Option<u8> {
        (self.access() & 0x10 == 0).then_some(self.access() & 15)
    }

    pub fn is_code(self) -> bool {
        self.access() & 0x18 == 0x18
    }

    pub fn is_conforming(self) -> bool {
        self.access() & 0x1c == 0x1c
    }

    pub fn is_writable_data(self) -> bool {
        self.access() & 0x1a == 0x12
    }

    /// Any data, or code that may be read.
    pub fn is_readable(self) -> bool {
        self.access() & 0x18 == 0x10 || self.access() & 0x1a == 0x1a
    }

    pub fn reg(self) -> Reg {
        loaded(self.selector, self.raw)
    }

    pub fn gate_selector(self) -> u16 {
        (self.raw >> 16) as u16
    }

    pub fn gate_offset(self) -> u32 {
        let low = self.raw as u32 & 0xffff;
        if self.access() & 8 != 0 {
            low | (self.raw >> 32) as u32 & 0xffff_0000
        } else {
            low
        }
    }

    pub fn error(self, vector: u8, ext: u32) -> Exception {
        selector_error(vector, self.selector, ext)
    }
}

impl Model {
    /// The descriptor that a selector names; beyond its table: `vector`(selector).
    pub fn fetch(&self, selector: u16, vector: u8, ext: u32) -> Check<Descriptor> {
        let s = &self.w.s;
        let (base, limit) = if is_local(selector) {
            (s.ldtr.base, s.ldtr.limit)
        } else {
            (s.gdtr.base, s.gdtr.limit as u32)
        };
        let index = (selector & !7) as u32;
        if (is_local(selector) && !s.ldtr.is_usable()) || index + 7 > limit {
            return Err(selector_error(vector, selector, ext));
        }
        let addr = base + index;
        Ok(Descriptor {
            selector,
            addr,
            raw: self.w.get64(addr),
        })
    }

    /// Loads a segment register, which sets the descriptor's accessed bit (SDM vol. 3A §3.4.5.1).
    pub fn load(&mut self, register: usize, descriptor: Descriptor) {
        let segment = self.accessed(descriptor);
        self.w.s.seg[register] = segment;
    }

    pub fn accessed(&mut self, descriptor: Descriptor) -> Reg {
        if descriptor.access() & 1 == 0 {
            self.write(descriptor.addr + 5, &[descriptor.access() | 1]);
        }
        let mut segment = descriptor.reg();
        segment.attr |= 1;
        segment
    }

    /// CS and the privilege level that comes with it.
    pub fn enter(&mut self, descriptor: Descriptor, cpl: u8, eip: u32) {
        self.load(sreg::CS, descriptor);
        self.w.s.seg[sreg::CS].selector = descriptor.selector & !3 | cpl as u16;
        self.w.s.cpl = cpl;
        self.w.s.eip = eip;
    }
}
