//! Task switches (SDM vol. 3A §7.2, §7.3 and table 7-1, §7.4).

use super::{
    Check, Model,
    descriptor::{Descriptor, is_local, is_null, kind, rpl},
    far::present,
    selector_error,
};
use crate::state::{Reg, control, flag, sreg, vector};

/// The four routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Jump,
    Call,
    Interrupt,
    Return,
}

/// A TSS of the 16- or the 32-bit format: where things are.
struct Format {
    size: u32,
    last: u32,
    eip: u32,
    flags: u32,
    registers: u32,
    segments: u32,
    segment_count: u32,
    ldt: u32,
}

fn format(wide: bool) -> Format {
    if wide {
        Format {
            size: 4,
            last: 0x67,
            eip: 0x20,
            flags: 0x24,
            registers: 0x28,
            segments: 0x48,
            segment_count: 6,
            ldt: 0x60,
        }
    } else {
        Format {
            size: 2,
            last: 0x2b,
            eip: 0x0e,
            flags: 0x10,
            registers: 0x12,
            segments: 0x22,
            segment_count: 4,
            ldt: 0x2a,
        }
    }
}

impl Model {
    /// What a task gate or a far pointer may name.
    pub fn available_tss(&self, selector: u16, ext: u32) -> Check<Descriptor> {
        if is_local(selector) {
            return Err(selector_error(vector::GP, selector, ext));
        }
        let tss = self.fetch(selector, vector::GP, ext)?;
        if !matches!(tss.system(), Some(kind::TSS16 | kind::TSS32)) {
            return Err(tss.error(vector::GP, ext));
        }
        if !tss.present() {
            return Err(tss.error(vector::NP, ext));
        }
        Ok(tss)
    }

    /// SDM vol. 3A §7.3, steps 4 to 14.
    pub fn switch(
        &mut self,
        tss: Descriptor,
        reason: Reason,
        return_eip: u32,
        flags: u32,
        ext: u32,
    ) -> Check {
        let new = tss.reg();
        let (from, to) = (format(self.w.s.tr.is_tss32()), format(new.is_tss32()));
        if new.limit < to.last {
            return Err(tss.error(vector::TS, ext));
        }
        let old = self.w.s.tr;
        if matches!(reason, Reason::Jump | Reason::Return) {
            let at = self.w.s.gdtr.base + (old.selector & !7) as u32 + 5;
            let access = self.w.mem[at as usize] & !2;
            self.write(at, &[access]);
        }
        let saved = if reason == Reason::Return {
            flags & !flag::NT
        } else {
            flags
        };
        self.save(&from, old.base, return_eip, saved);
        let nests = matches!(reason, Reason::Call | Reason::Interrupt);
        if nests {
            self.write(new.base, &old.selector.to_le_bytes());
        }
        if reason != Reason::Return {
            self.write(tss.addr + 5, &[tss.access() | 2]);
        }
        self.w.s.tr = Reg {
            attr: new.attr | 2,
            ..new
        };
        self.enter_task(&to, new.base, nests);
        self.commit();
        let ldt = self.get(&to, new.base + to.ldt) as u16;
        self.load_task_segments(ldt, ext)?;
        if self.w.s.eip > self.w.s.seg[sreg::CS].limit {
            return Err(selector_error(vector::GP, 0, ext));
        }
        self.commit();
        self.virtual_interrupt()
    }

    fn get(&self, format: &Format, addr: u32) -> u32 {
        if format.size == 4 {
            self.w.get32(addr)
        } else {
            self.w.get16(addr) as u32
        }
    }

    fn save(&mut self, format: &Format, tss: u32, eip: u32, flags: u32) {
        let s = self.w.s.clone();
        let size = format.size as usize;
        self.write(tss + format.eip, &eip.to_le_bytes()[..size]);
        self.write(tss + format.flags, &flags.to_le_bytes()[..size]);
        for (n, value) in (0..).zip(s.gpr) {
            let at = tss + format.registers + n * format.size;
            self.write(at, &value.to_le_bytes()[..size]);
        }
        for n in 0..format.segment_count {
            let at = tss + format.segments + n * format.size;
            self.write(at, &s.seg[n as usize].selector.to_le_bytes());
        }
    }

    /// What cannot go wrong: from here on the new task is the one that faults.
    fn enter_task(&mut self, format: &Format, tss: u32, nests: bool) {
        let mut s = self.w.s.clone();
        for (n, register) in (0..).zip(&mut s.gpr) {
            *register = self.get(format, tss + format.registers + n * format.size);
            if format.size == 2 {
                *register |= 0xffff_0000;
            }
        }
        s.seg = [Reg::default(); 6];
        for n in 0..format.segment_count {
            let at = tss + format.segments + n * format.size;
            s.seg[n as usize] = Reg::unusable(self.w.get16(at));
        }
        s.ldtr = Reg::unusable(self.get(format, tss + format.ldt) as u16);
        s.eip = self.get(format, tss + format.eip);
        let nested = if nests { flag::NT } else { 0 };
        s.set_flags(self.get(format, tss + format.flags) | nested, flag::ALL);
        s.cpl = if s.has(flag::VM) {
            3
        } else {
            rpl(s.seg[sreg::CS].selector)
        };
        s.cr0 |= control::TS;
        s.dr[7] &= !0x155;
        self.w.s = s;
    }

    /// The later rows of table 7-1.
    fn load_task_segments(&mut self, ldt: u16, ext: u32) -> Check {
        if !is_null(ldt) {
            let invalid = selector_error(vector::TS, ldt, ext);
            if is_local(ldt) {
                return Err(invalid);
            }
            let descriptor = self.fetch(ldt, vector::TS, ext)?;
            if descriptor.system() != Some(kind::LDT) || !descriptor.present() {
                return Err(invalid);
            }
            self.w.s.ldtr = descriptor.reg();
        }
        if self.w.s.is_v86() {
            self.w.s.seg = self.w.s.seg.map(|segment| Reg::real(segment.selector, 3));
            return Ok(());
        }
        self.commit();
        let cpl = self.w.s.cpl;
        let selector = self.w.s.seg[sreg::CS].selector;
        if is_null(selector) {
            return Err(selector_error(vector::TS, selector, ext));
        }
        let code = self.fetch(selector, vector::TS, ext)?;
        let allowed = if code.is_conforming() {
            code.dpl() <= cpl
        } else {
            code.dpl() == cpl
        };
        if !code.is_code() || !allowed {
            return Err(code.error(vector::TS, ext));
        }
        let stack = self.stack_for(self.w.s.seg[sreg::SS].selector, cpl, vector::TS, ext)?;
        present(code).map_err(|_| code.error(vector::NP, ext))?;
        self.load(sreg::SS, stack);
        self.load(sreg::CS, code);
        self.commit();
        for register in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
            let selector = self.w.s.seg[register].selector;
            if is_null(selector) {
                continue;
            }
            let data = self.fetch(selector, vector::TS, ext)?;
            let allowed = data.is_conforming() || cpl.max(rpl(selector)) <= data.dpl();
            if !data.is_readable() || !allowed {
                return Err(data.error(vector::TS, ext));
            }
            present(data).map_err(|_| data.error(vector::NP, ext))?;
            self.load(register, data);
            self.commit();
        }
        Ok(())
    }
}
