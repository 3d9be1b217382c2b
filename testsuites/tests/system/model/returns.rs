//! Far RET and IRET (SDM vol. 2B "RET", vol. 2A "IRET"; vol. 3A §5.8.6, §20.2.2, vol. 3B §20.3).

use super::{
    Check, Model,
    descriptor::{Descriptor, is_local, is_null, kind, rpl},
    far::present,
    gp, selector_error,
    task::Reason,
};
use crate::state::{Reg, control, flag, gpr, sreg, vector};

/// Bits that every IRET loads.
const ORDINARY: u32 = flag::STATUS | flag::TF | flag::DF | flag::NT;

impl Model {
    pub fn retf(&mut self, wide: bool, release: u32) -> Check {
        let size = if wide { 4 } else { 2 };
        let offset = self.peek(0, wide)?;
        let selector = self.peek(size, wide)? as u16;
        if !self.w.s.is_protected() {
            self.real_return_to(selector, offset)?;
            self.release(2 * size + release);
            return Ok(());
        }
        let code = self.return_code(selector)?;
        if rpl(selector) == self.w.s.cpl {
            self.in_limit(code, offset)?;
            self.release(2 * size + release);
            self.enter(code, rpl(selector), offset);
            return Ok(());
        }
        self.return_outer(code, offset, 2 * size + release, wide, release)
    }

    fn real_return_to(&mut self, selector: u16, offset: u32) -> Check {
        if offset > 0xffff {
            return Err(gp(0));
        }
        let dpl = if self.w.s.is_v86() { 3 } else { 0 };
        self.w.s.seg[sreg::CS] = Reg::real(selector, dpl);
        self.w.s.eip = offset;
        Ok(())
    }

    fn return_code(&self, selector: u16) -> Check<Descriptor> {
        if is_null(selector) {
            return Err(gp(0));
        }
        let code = self.fetch(selector, vector::GP, 0)?;
        let allowed = if code.is_conforming() {
            code.dpl() <= rpl(selector)
        } else {
            code.dpl() == rpl(selector)
        };
        if !code.is_code() || rpl(selector) < self.w.s.cpl || !allowed {
            return Err(gp(selector));
        }
        present(code)?;
        Ok(code)
    }

    /// To an outer ring, whose SS:ESP lies `skip` bytes up the stack.
    fn return_outer(&mut self, code: Descriptor, offset: u32, skip: u32, wide: bool, release: u32) -> Check {
        let level = rpl(code.selector);
        let pointer = self.peek(skip, wide)?;
        let selector = self.peek(skip + if wide { 4 } else { 2 }, wide)? as u16;
        let stack = self.stack_for(selector, level, vector::GP, 0)?;
        self.in_limit(code, offset)?;
        self.load(sreg::SS, stack);
        self.set_stack_pointer(pointer.wrapping_add(release));
        self.enter(code, level, offset);
        for register in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
            let segment = &mut self.w.s.seg[register];
            if segment.is_usable() && !segment.is_conforming() && segment.dpl() < level {
                *segment = Reg::unusable(0);
            }
        }
        Ok(())
    }

    pub fn iret(&mut self, wide: bool, next: u32) -> Check {
        if self.w.s.is_protected() && self.w.s.has(flag::NT) {
            return self.return_to_task(next);
        }
        let s = &self.w.s;
        let virtual_if = s.is_v86() && s.iopl() < 3;
        if virtual_if && (wide || s.cr4 & control::VME == 0) {
            return Err(gp(0));
        }
        let size = if wide { 4 } else { 2 };
        let offset = self.peek(0, wide)?;
        let selector = self.peek(size, wide)? as u16;
        let image = self.peek(2 * size, wide)?;
        if self.w.s.is_protected() {
            return self.protected_iret(wide, offset, selector, image);
        }
        if virtual_if {
            let enables = image & flag::IF != 0;
            if image & flag::TF != 0 || enables && self.w.s.has(flag::VIP) {
                return Err(gp(0));
            }
            self.real_return_to(selector, offset)?;
            let vif = if enables { flag::VIF } else { 0 };
            self.s()
                .set_flags(image & !flag::VIF | vif, ORDINARY | flag::VIF | flag::RF);
        } else {
            self.real_return_to(selector, offset)?;
            let mask = self.iret_mask(wide);
            self.s().set_flags(resume(wide, image), mask);
        }
        self.release(3 * size);
        Ok(())
    }

    /// What IRET may change at this privilege level (SDM vol. 2A "IRET", vol. 1 §3.4.3.3).
    fn iret_mask(&self, wide: bool) -> u32 {
        let s = &self.w.s;
        let mut mask = ORDINARY | flag::RF;
        if wide {
            mask |= flag::AC | flag::ID;
        }
        if s.cpl <= s.iopl() {
            mask |= flag::IF;
        }
        if s.cpl == 0 {
            mask |= flag::IOPL;
            if wide && !s.is_real() {
                mask |= flag::VIF | flag::VIP;
            }
        }
        mask
    }

    fn protected_iret(&mut self, wide: bool, offset: u32, selector: u16, image: u32) -> Check {
        let size = if wide { 4 } else { 2 };
        if wide && image & flag::VM != 0 && self.w.s.cpl == 0 {
            return self.enter_virtual8086(offset, selector, image);
        }
        let code = self.return_code(selector)?;
        let mask = self.iret_mask(wide);
        if rpl(selector) == self.w.s.cpl {
            self.in_limit(code, offset)?;
            self.release(3 * size);
            self.enter(code, rpl(selector), offset);
        } else {
            self.return_outer(code, offset, 3 * size, wide, 0)?;
        }
        self.s().set_flags(resume(wide, image), mask);
        Ok(())
    }

    /// SDM vol. 3A §20.2.2.
    fn enter_virtual8086(&mut self, offset: u32, selector: u16, image: u32) -> Check {
        let esp = self.peek(12, true)?;
        let mut selectors = [selector; 6];
        let order = [sreg::SS, sreg::ES, sreg::DS, sreg::FS, sreg::GS];
        for (n, register) in (0..).zip(order) {
            selectors[register] = self.peek(16 + 4 * n, true)? as u16;
        }
        if offset > 0xffff {
            return Err(gp(0));
        }
        let s = self.s();
        s.seg = selectors.map(|selector| Reg::real(selector, 3));
        s.gpr[gpr::ESP] = esp;
        s.eip = offset;
        s.cpl = 3;
        s.set_flags(image, flag::ALL);
        self.commit();
        self.virtual_interrupt()
    }

    /// SDM vol. 3B §20.3.2: a virtual interrupt that is pending and enabled is #GP(0) before the next instruction.
    pub fn virtual_interrupt(&self) -> Check {
        let s = &self.w.s;
        if s.is_v86() && s.cr4 & control::VME != 0 && s.iopl() < 3 && s.has(flag::VIF | flag::VIP) {
            return Err(gp(0));
        }
        Ok(())
    }

    /// TASK-RETURN of SDM vol. 2A "IRET".
    fn return_to_task(&mut self, next: u32) -> Check {
        let link = self.w.get16(self.w.s.tr.base);
        if is_local(link) {
            return Err(selector_error(vector::TS, link, 0));
        }
        let tss = self.fetch(link, vector::TS, 0)?;
        if !matches!(tss.system(), Some(kind::TSS16_BUSY | kind::TSS32_BUSY)) {
            return Err(tss.error(vector::TS, 0));
        }
        present(tss)?;
        let flags = self.w.s.eflags;
        self.switch(tss, Reason::Return, next, flags, 0)
    }
}

/// A 16-bit image has no RF: it is cleared.
fn resume(wide: bool, image: u32) -> u32 {
    if wide { image } else { image & !flag::RF }
}
