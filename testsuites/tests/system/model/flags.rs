//! EFLAGS by privilege, and ports by privilege (SDM vol. 2A "CLI", vol. 2B "POPF", "PUSHF", "STI"; vol. 1
//! §19.5; vol. 3B §20.3, §20.4).

use super::{Check, Model, gp};
use crate::state::{control, flag, gpr};

impl Model {
    /// Virtual-8086 mode with IOPL below 3: what acts on IF is not the program's to execute.
    fn is_sensitive(&self) -> bool {
        self.w.s.is_v86() && self.w.s.iopl() < 3
    }

    fn has_vme(&self) -> bool {
        self.w.s.cr4 & control::VME != 0
    }

    pub fn pushf(&mut self, wide: bool) -> Check {
        let mut image = self.w.s.eflags & !(flag::VM | flag::RF);
        if self.is_sensitive() {
            if wide || !self.has_vme() {
                return Err(gp(0));
            }
            let virtual_if = if self.w.s.has(flag::VIF) { flag::IF } else { 0 };
            image = image & !flag::IF | flag::IOPL | virtual_if;
        }
        let mut stack = self.current_stack();
        self.push(&mut stack, wide, image)?;
        self.w.s.gpr[gpr::ESP] = stack.pointer;
        Ok(())
    }

    pub fn popf(&mut self, wide: bool) -> Check {
        let size = if wide { 4 } else { 2 };
        let s = &self.w.s;
        let mut mask = flag::STATUS | flag::TF | flag::DF | flag::NT;
        if self.is_sensitive() {
            if wide || !self.has_vme() {
                return Err(gp(0));
            }
            let image = self.peek(0, false)?;
            let enables = image & flag::IF != 0;
            if image & flag::TF != 0 || enables && self.w.s.has(flag::VIP) {
                return Err(gp(0));
            }
            let vif = if enables { flag::VIF } else { 0 };
            self.s()
                .set_flags(image & !flag::VIF | vif, mask | flag::VIF | flag::RF);
        } else {
            if wide {
                mask |= flag::AC | flag::ID;
            }
            if s.cpl <= s.iopl() {
                mask |= flag::IF;
            }
            if s.cpl == 0 {
                mask |= flag::IOPL;
            }
            let image = self.peek(0, wide)?;
            self.s().set_flags(image & !flag::RF, mask | flag::RF);
        }
        self.release(size);
        Ok(())
    }

    /// CLI and STI.
    pub fn change_if(&mut self, set: bool) -> Check {
        let s = &self.w.s;
        let virtual_if = if s.is_v86() {
            self.has_vme()
        } else {
            s.cpl == 3 && s.cr4 & control::PVI != 0
        };
        let which = if s.is_real() || s.cpl <= s.iopl() {
            flag::IF
        } else if virtual_if {
            flag::VIF
        } else {
            return Err(gp(0));
        };
        if set && which == flag::VIF && s.has(flag::VIP) {
            return Err(gp(0));
        }
        self.s().set_flags(if set { which } else { 0 }, which);
        Ok(())
    }

    /// By IOPL in protected mode, by the bitmap in the TSS otherwise (SDM vol. 1 §19.5.2).
    pub fn io_allowed(&mut self, port: u16, width: u32) -> Check {
        let s = &self.w.s;
        if s.is_real() || s.is_protected() && s.cpl <= s.iopl() {
            return Ok(());
        }
        if !s.tr.is_tss32() || s.tr.limit < 0x67 {
            return Err(gp(0));
        }
        let map = self.w.get16(s.tr.base + 0x66) as u32;
        for bit in port as u32..port as u32 + width {
            let byte = map + bit / 8;
            // Two bytes are always read, whatever the width.
            if map + port as u32 / 8 + 1 > s.tr.limit {
                return Err(gp(0));
            }
            if self.w.mem[(s.tr.base + byte) as usize] >> (bit % 8) & 1 != 0 {
                return Err(gp(0));
            }
        }
        Ok(())
    }

    /// Ports read as ones.
    pub fn input(&mut self, port: u16, width: u32) -> Check {
        self.io_allowed(port, width)?;
        let ones = u32::MAX >> (32 - 8 * width);
        self.w.s.gpr[gpr::EAX] |= ones;
        Ok(())
    }
}
