//! Far JMP and CALL (SDM vol. 2A "JMP", "CALL"; vol. 3A §5.8).

use super::{
    Check, Model, Stack,
    descriptor::{Descriptor, is_null, kind, rpl},
    gp, selector_error,
    task::Reason,
};
use crate::state::{Reg, gpr, sreg, vector};

impl Model {
    pub fn jump(&mut self, selector: u16, offset: u32, next: u32) -> Check {
        if !self.w.s.is_protected() {
            return self.real_target(selector, offset);
        }
        let target = self.fetch_target(selector)?;
        match target.system() {
            None => {
                self.direct(target)?;
                self.in_limit(target, offset)?;
                let cpl = self.w.s.cpl;
                self.enter(target, cpl, offset);
                Ok(())
            }
            Some(kind::CALL16 | kind::CALL32) => {
                let code = self.gate_target(target)?;
                if !code.is_conforming() && code.dpl() != self.w.s.cpl {
                    return Err(code.error(vector::GP, 0));
                }
                present(code)?;
                self.in_limit(code, target.gate_offset())?;
                let cpl = self.w.s.cpl;
                self.enter(code, cpl, target.gate_offset());
                Ok(())
            }
            Some(kind::TASK | kind::TSS16 | kind::TSS32) => self.enter_task_of(target, Reason::Jump, next),
            Some(_) => Err(target.error(vector::GP, 0)),
        }
    }

    pub fn call(&mut self, selector: u16, offset: u32, wide: bool, next: u32) -> Check {
        if !self.w.s.is_protected() {
            let pointer = self.push_return(wide, next)?;
            self.real_target(selector, offset)?;
            self.w.s.gpr[gpr::ESP] = pointer;
            return Ok(());
        }
        let target = self.fetch_target(selector)?;
        match target.system() {
            None => {
                self.direct(target)?;
                self.call_same(target, offset, wide, next)
            }
            Some(kind @ (kind::CALL16 | kind::CALL32)) => {
                let code = self.gate_target(target)?;
                present(code)?;
                let wide = kind == kind::CALL32;
                if !code.is_conforming() && code.dpl() < self.w.s.cpl {
                    self.call_inner(target, code, wide, next)
                } else {
                    self.call_same(code, target.gate_offset(), wide, next)
                }
            }
            Some(kind::TASK | kind::TSS16 | kind::TSS32) => self.enter_task_of(target, Reason::Call, next),
            Some(_) => Err(target.error(vector::GP, 0)),
        }
    }

    fn fetch_target(&self, selector: u16) -> Check<Descriptor> {
        if is_null(selector) {
            return Err(gp(0));
        }
        self.fetch(selector, vector::GP, 0)
    }

    fn real_target(&mut self, selector: u16, offset: u32) -> Check {
        if offset > 0xffff {
            return Err(gp(0));
        }
        let dpl = if self.w.s.is_v86() { 3 } else { 0 };
        self.w.s.seg[sreg::CS] = Reg::real(selector, dpl);
        self.w.s.eip = offset;
        Ok(())
    }

    /// A code segment without a gate: the privilege level stays (SDM vol. 3A §5.8.1).
    fn direct(&self, target: Descriptor) -> Check {
        let cpl = self.w.s.cpl;
        let allowed = if target.is_conforming() {
            target.dpl() <= cpl
        } else {
            target.dpl() == cpl && rpl(target.selector) <= cpl
        };
        if !target.is_code() || !allowed {
            return Err(target.error(vector::GP, 0));
        }
        present(target)
    }

    /// A gate or TSS may be used by programs and selectors of at most its DPL.
    fn usable(&self, gate: Descriptor) -> Check {
        if gate.dpl() < self.w.s.cpl || gate.dpl() < rpl(gate.selector) {
            return Err(gate.error(vector::GP, 0));
        }
        Ok(())
    }

    fn gate_target(&self, gate: Descriptor) -> Check<Descriptor> {
        self.usable(gate)?;
        present(gate)?;
        let code = self.fetch_target(gate.gate_selector())?;
        if !code.is_code() || code.dpl() > self.w.s.cpl {
            return Err(code.error(vector::GP, 0));
        }
        Ok(code)
    }

    fn enter_task_of(&mut self, target: Descriptor, reason: Reason, next: u32) -> Check {
        self.usable(target)?;
        let selector = if target.system() == Some(kind::TASK) {
            present(target)?;
            target.gate_selector()
        } else {
            target.selector
        };
        let tss = self.available_tss(selector, 0)?;
        let flags = self.w.s.eflags;
        self.switch(tss, reason, next, flags, 0)
    }

    pub fn in_limit(&self, code: Descriptor, offset: u32) -> Check {
        if offset > code.reg().limit {
            return Err(gp(0));
        }
        Ok(())
    }

    /// CS and the return address go onto the stack at once, and stay there if the target's offset is
    /// then found to be beyond its limit (silicon: vectors family `seg`).
    fn push_return(&mut self, wide: bool, next: u32) -> Check<u32> {
        let mut stack = self.current_stack();
        let selector = self.w.s.seg[sreg::CS].selector as u32;
        self.push(&mut stack, wide, selector)?;
        self.commit();
        self.push(&mut stack, wide, next)?;
        self.commit();
        Ok(stack.pointer)
    }

    fn call_same(&mut self, code: Descriptor, offset: u32, wide: bool, next: u32) -> Check {
        let pointer = self.push_return(wide, next)?;
        self.in_limit(code, offset)?;
        self.w.s.gpr[gpr::ESP] = pointer;
        let cpl = self.w.s.cpl;
        self.enter(code, cpl, offset);
        Ok(())
    }

    /// MORE-PRIVILEGE of SDM vol. 2A "CALL"; the stack is vol. 3A §5.8.5.
    fn call_inner(&mut self, gate: Descriptor, code: Descriptor, wide: bool, next: u32) -> Check {
        let (descriptor, pointer) = self.inner_stack(code.dpl(), 0)?;
        let segment = self.accessed(descriptor);
        let mut stack = Stack {
            segment,
            pointer,
            error: (descriptor.selector & !3) as u32,
        };
        let s = self.w.s.clone();
        self.push(&mut stack, wide, s.seg[sreg::SS].selector as u32)?;
        self.push(&mut stack, wide, s.gpr[gpr::ESP])?;
        let size = if wide { 4 } else { 2 };
        for n in (0..(gate.raw >> 32) as u32 & 31).rev() {
            let parameter = self.peek(n * size, wide)?;
            self.push(&mut stack, wide, parameter)?;
        }
        self.push(&mut stack, wide, s.seg[sreg::CS].selector as u32)?;
        self.push(&mut stack, wide, next)?;
        self.in_limit(code, gate.gate_offset())?;
        self.w.s.seg[sreg::SS] = segment;
        self.w.s.gpr[gpr::ESP] = stack.pointer;
        self.enter(code, code.dpl(), gate.gate_offset());
        Ok(())
    }

    /// SS:ESP of an inner ring from the TSS, checked (SDM vol. 2A "CALL": #TS but for a stack that is
    /// not present).
    pub fn inner_stack(&self, level: u8, ext: u32) -> Check<(Descriptor, u32)> {
        let tr = self.w.s.tr;
        // Stacks are pairs of pointer and selector behind the link field.
        let (at, last) = if tr.is_tss32() {
            (4 + 8 * level as u32, 5)
        } else {
            (2 + 4 * level as u32, 3)
        };
        if at + last > tr.limit {
            return Err(selector_error(vector::TS, tr.selector, ext));
        }
        let at = tr.base + at;
        let (pointer, selector) = if tr.is_tss32() {
            (self.w.get32(at), self.w.get16(at + 4))
        } else {
            (self.w.get16(at) as u32, self.w.get16(at + 2))
        };
        let stack = self.stack_for(selector, level, vector::TS, ext)?;
        Ok((stack, pointer))
    }

    /// The checks of a stack segment for privilege level `level`.
    pub fn stack_for(&self, selector: u16, level: u8, vector: u8, ext: u32) -> Check<Descriptor> {
        if is_null(selector) {
            return Err(selector_error(vector, 0, ext));
        }
        let stack = self.fetch(selector, vector, ext)?;
        if rpl(selector) != level || stack.dpl() != level || !stack.is_writable_data() {
            return Err(stack.error(vector, ext));
        }
        if !stack.present() {
            return Err(stack.error(vector::SS, ext));
        }
        Ok(stack)
    }
}

pub fn present(descriptor: Descriptor) -> Check {
    if descriptor.present() {
        Ok(())
    } else {
        Err(descriptor.error(vector::NP, 0))
    }
}
