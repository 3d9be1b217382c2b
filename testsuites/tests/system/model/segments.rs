//! Segment registers, LDTR, TR, and the instructions that look at selectors (SDM vol. 2A "LAR", "LLDT",
//! "LSL", "LTR", vol. 2B "MOV", vol. 2B "VERR"; vol. 3A §5.6, §5.7, §5.10).

use super::{
    Check, Model,
    descriptor::{is_local, is_null, kind, rpl},
    far::present,
    gp, plain,
};
use crate::{
    op::Look,
    state::{Reg, gpr, sreg, vector},
};

/// ZF.
const ZF: u32 = 1 << 6;

impl Model {
    pub fn load_segment(&mut self, register: usize, selector: u16) -> Check {
        if !self.w.s.is_protected() {
            let dpl = if self.w.s.is_v86() { 3 } else { 0 };
            self.w.s.seg[register] = Reg::real(selector, dpl);
            return Ok(());
        }
        let cpl = self.w.s.cpl;
        if register == sreg::SS {
            let stack = self.stack_for(selector, cpl, vector::GP, 0)?;
            self.load(sreg::SS, stack);
            return Ok(());
        }
        if is_null(selector) {
            self.w.s.seg[register] = Reg::unusable(selector);
            return Ok(());
        }
        let data = self.fetch(selector, vector::GP, 0)?;
        let allowed = data.is_conforming() || cpl.max(rpl(selector)) <= data.dpl();
        if !data.is_readable() || !allowed {
            return Err(data.error(vector::GP, 0));
        }
        present(data)?;
        self.load(register, data);
        Ok(())
    }

    /// #UD outside protected mode, then #GP(0) outside ring 0.
    fn ring0(&self) -> Check {
        if !self.w.s.is_protected() {
            return Err(plain(vector::UD));
        }
        if self.w.s.cpl != 0 {
            return Err(gp(0));
        }
        Ok(())
    }

    pub fn lldt(&mut self, selector: u16) -> Check {
        self.ring0()?;
        if is_null(selector) {
            self.w.s.ldtr = Reg::unusable(selector);
            return Ok(());
        }
        if is_local(selector) {
            return Err(gp(selector));
        }
        let ldt = self.fetch(selector, vector::GP, 0)?;
        if ldt.system() != Some(kind::LDT) {
            return Err(gp(selector));
        }
        present(ldt)?;
        self.w.s.ldtr = ldt.reg();
        Ok(())
    }

    pub fn ltr(&mut self, selector: u16) -> Check {
        self.ring0()?;
        if is_null(selector) {
            return Err(gp(0));
        }
        let tss = self.available_tss(selector, 0)?;
        self.write(tss.addr + 5, &[tss.access() | 2]);
        let reg = tss.reg();
        self.w.s.tr = Reg {
            attr: reg.attr | 2,
            ..reg
        };
        Ok(())
    }

    /// LAR, LSL, VERR, VERW. The result of LAR and LSL goes to EDX.
    pub fn look(&mut self, what: Look, selector: u16) -> Check {
        if !self.w.s.is_protected() {
            return Err(plain(vector::UD));
        }
        let found = match (is_null(selector), self.fetch(selector, vector::GP, 0)) {
            (false, Ok(descriptor)) => Some(descriptor),
            _ => None,
        };
        let cpl = self.w.s.cpl;
        let found = found.filter(|d| d.is_conforming() || cpl.max(rpl(selector)) <= d.dpl());
        let found = found.filter(|d| match (what, d.system()) {
            (Look::Rights, Some(system)) => {
                use kind::*;
                let types = [TSS16, LDT, TSS16_BUSY, CALL16, TASK, TSS32, TSS32_BUSY, CALL32];
                types.contains(&system)
            }
            (Look::Limit, Some(system)) => {
                use kind::*;
                [TSS16, LDT, TSS16_BUSY, TSS32, TSS32_BUSY].contains(&system)
            }
            (Look::Rights | Look::Limit, None) => true,
            (Look::Readable, _) => d.is_readable(),
            (Look::Writable, _) => d.is_writable_data(),
        });
        if let Some(descriptor) = found {
            match what {
                // Bits 16–19 are undefined by the manual; silicon shows the limit's.
                Look::Rights => self.w.s.gpr[gpr::EDX] = (descriptor.raw >> 32) as u32 & 0x00ff_ff00,
                Look::Limit => self.w.s.gpr[gpr::EDX] = descriptor.reg().limit,
                Look::Readable | Look::Writable => {}
            }
        }
        let zf = if found.is_some() { ZF } else { 0 };
        self.w.s.set_flags(zf, ZF);
        Ok(())
    }
}
