//! Interrupts and exceptions (SDM vol. 2A "INT n", vol. 3A chapter 6, §20.1.4, §20.2, vol. 3B §20.3.3).

use super::{
    Check, Exception, Model, Stack,
    descriptor::{Descriptor, is_null, kind},
    selector_error,
    task::Reason,
};
use crate::state::{Reg, control, flag, gpr, sreg, vector};

/// What interrupts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Exception,
    /// INT n, INT3 and INTO: EXT is clear, and the gate's DPL counts.
    Software,
    /// INT1: the gate's DPL does not count (SDM vol. 2A "INT n").
    Int1,
    External,
}

/// SDM vol. 3A table 6-4.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Benign,
    Contributory,
    PageFault,
    Double,
}

fn class(number: u8) -> Class {
    match number {
        0 | 10..=13 => Class::Contributory,
        14 => Class::PageFault,
        8 => Class::Double,
        _ => Class::Benign,
    }
}

/// SDM vol. 3B §17.3.1.1: the image of EFLAGS that a fault pushes has RF set.
fn is_fault(number: u8) -> bool {
    !matches!(number, 1..=4 | 8)
}

impl Model {
    /// Delivers an event, and what goes wrong meanwhile (SDM vol. 3A §6.15 "Interrupt 8", table 6-5).
    pub fn raise(&mut self, event: Exception, source: Source) {
        let (mut event, mut source) = (event, source);
        loop {
            self.commit();
            let fault = source == Source::Exception && is_fault(event.vector);
            let eip = self.w.s.eip;
            let Err(second) = self.interrupt(event.vector, source, event.error, eip, fault) else {
                return;
            };
            self.roll_back();
            let first = if source == Source::Exception {
                class(event.vector)
            } else {
                Class::Benign
            };
            event = match (first, class(second.vector)) {
                (Class::Double, _) => {
                    self.w.s.shutdown = true;
                    return;
                }
                (Class::Contributory, Class::Contributory)
                | (Class::PageFault, Class::Contributory | Class::PageFault) => Exception {
                    vector: vector::DF,
                    error: Some(0),
                },
                _ => second,
            };
            source = Source::Exception;
        }
    }

    pub fn int_n(&mut self, number: u8, next: u32) -> Check {
        if self.w.s.is_v86() {
            if self.w.s.cr4 & control::VME != 0 && self.is_redirected(number)? {
                return self.redirect(number, next);
            }
            if self.w.s.iopl() < 3 {
                return Err(selector_error(vector::GP, 0, 0));
            }
        }
        self.interrupt(number, Source::Software, None, next, false)
    }

    pub fn into(&mut self, next: u32) -> Check {
        if self.w.s.has(1 << 11) {
            return self.interrupt(vector::OF, Source::Software, None, next, false);
        }
        self.w.s.eip = next;
        Ok(())
    }

    pub fn interrupt(
        &mut self,
        number: u8,
        source: Source,
        error: Option<u32>,
        return_eip: u32,
        resume: bool,
    ) -> Check {
        if self.w.s.is_real() {
            return self.real_interrupt(number, return_eip, source);
        }
        let ext = (source != Source::Software) as u32;
        let idt_error = |vector| Exception {
            vector,
            error: Some((number as u32 * 8) | 2 | ext),
        };
        let idtr = self.w.s.idtr;
        if number as u32 * 8 + 7 > idtr.limit as u32 {
            return Err(idt_error(vector::GP));
        }
        let addr = idtr.base + number as u32 * 8;
        let gate = Descriptor {
            selector: 0,
            addr,
            raw: self.w.get64(addr),
        };
        let Some(kind @ (kind::TASK | kind::INT16 | kind::TRAP16 | kind::INT32 | kind::TRAP32)) =
            gate.system()
        else {
            return Err(idt_error(vector::GP));
        };
        if source == Source::Software && gate.dpl() < self.w.s.cpl {
            return Err(idt_error(vector::GP));
        }
        if !gate.present() {
            return Err(idt_error(vector::NP));
        }
        let mut flags = self.w.s.eflags;
        if resume {
            flags |= flag::RF;
        }
        if kind == kind::TASK {
            let tss = self.available_tss(gate.gate_selector(), ext)?;
            self.switch(tss, Reason::Interrupt, return_eip, flags, ext)?;
            if let Some(code) = error {
                let wide = self.w.s.tr.is_tss32();
                let mut stack = self.current_stack();
                stack.error = ext;
                self.push(&mut stack, wide, code)?;
                self.w.s.gpr[gpr::ESP] = stack.pointer;
            }
            return Ok(());
        }
        let wide = matches!(kind, kind::INT32 | kind::TRAP32);
        let code = self.handler(gate, ext)?;
        let frame = Frame {
            flags,
            return_eip,
            error,
        };
        if !code.is_conforming() && code.dpl() < self.w.s.cpl {
            self.enter_inner(gate, code, wide, &frame, ext)?;
        } else {
            if self.w.s.is_v86() {
                return Err(code.error(vector::GP, ext));
            }
            let mut stack = self.current_stack();
            stack.error = ext;
            self.push_frame(&mut stack, wide, &frame)?;
            self.handler_limit(gate, code, ext)?;
            self.w.s.gpr[gpr::ESP] = stack.pointer;
            let cpl = self.w.s.cpl;
            self.enter(code, cpl, gate.gate_offset());
        }
        let masks_interrupts = matches!(kind, kind::INT16 | kind::INT32);
        let cleared = flag::TF | flag::NT | flag::RF | flag::VM;
        let masked = if masks_interrupts { flag::IF } else { 0 };
        self.w.s.set_flags(0, cleared | masked);
        Ok(())
    }

    /// The code segment of an interrupt or trap gate.
    fn handler(&self, gate: Descriptor, ext: u32) -> Check<Descriptor> {
        let selector = gate.gate_selector();
        if is_null(selector) {
            return Err(selector_error(vector::GP, 0, ext));
        }
        let code = self.fetch(selector, vector::GP, ext)?;
        if !code.is_code() || code.dpl() > self.w.s.cpl {
            return Err(code.error(vector::GP, ext));
        }
        if !code.present() {
            return Err(code.error(vector::NP, ext));
        }
        Ok(code)
    }

    fn handler_limit(&self, gate: Descriptor, code: Descriptor, ext: u32) -> Check {
        if gate.gate_offset() > code.reg().limit {
            return Err(selector_error(vector::GP, 0, ext));
        }
        Ok(())
    }

    /// INTER-PRIVILEGE-LEVEL-INTERRUPT and INTERRUPT-FROM-VIRTUAL-8086-MODE.
    fn enter_inner(
        &mut self,
        gate: Descriptor,
        code: Descriptor,
        wide: bool,
        frame: &Frame,
        ext: u32,
    ) -> Check {
        let s = self.w.s.clone();
        if s.is_v86() && code.dpl() != 0 {
            return Err(code.error(vector::GP, ext));
        }
        let (descriptor, pointer) = self.inner_stack(code.dpl(), ext)?;
        let segment = self.accessed(descriptor);
        let mut stack = Stack {
            segment,
            pointer,
            error: (descriptor.selector & !3) as u32 | ext,
        };
        if s.is_v86() {
            for register in [sreg::GS, sreg::FS, sreg::DS, sreg::ES] {
                self.push(&mut stack, wide, s.seg[register].selector as u32)?;
                self.w.s.seg[register] = Reg::unusable(0);
            }
        }
        self.push(&mut stack, wide, s.seg[sreg::SS].selector as u32)?;
        self.push(&mut stack, wide, s.gpr[gpr::ESP])?;
        self.push_frame(&mut stack, wide, frame)?;
        self.handler_limit(gate, code, ext)?;
        self.w.s.seg[sreg::SS] = segment;
        self.w.s.gpr[gpr::ESP] = stack.pointer;
        self.enter(code, code.dpl(), gate.gate_offset());
        Ok(())
    }

    fn push_frame(&mut self, stack: &mut Stack, wide: bool, frame: &Frame) -> Check {
        let selector = self.w.s.seg[sreg::CS].selector as u32;
        for value in [frame.flags, selector, frame.return_eip]
            .into_iter()
            .chain(frame.error)
        {
            self.push(stack, wide, value)?;
        }
        Ok(())
    }

    // ---- real mode, and virtual-8086 mode under VME ----

    /// SDM vol. 3A §20.1.4.
    fn real_interrupt(&mut self, number: u8, return_eip: u32, source: Source) -> Check {
        let idtr = self.w.s.idtr;
        if number as u32 * 4 + 3 > idtr.limit as u32 {
            let ext = (source != Source::Software) as u32;
            return Err(Exception {
                vector: vector::GP,
                error: Some((number as u32 * 8) | 2 | ext),
            });
        }
        let entry = self.w.get32(idtr.base + number as u32 * 4);
        let mut stack = self.current_stack();
        let flags = self.w.s.eflags;
        self.push_frame(
            &mut stack,
            false,
            &Frame {
                flags,
                return_eip,
                error: None,
            },
        )?;
        self.w.s.gpr[gpr::ESP] = stack.pointer;
        self.w.s.set_flags(0, flag::IF | flag::TF | flag::AC | flag::RF);
        self.w.s.seg[sreg::CS] = Reg::real((entry >> 16) as u16, 0);
        self.w.s.eip = entry & 0xffff;
        Ok(())
    }

    /// The bit of the redirection bitmap in the TSS is clear (SDM vol. 3B §20.3.3).
    fn is_redirected(&self, number: u8) -> Check<bool> {
        let tr = self.w.s.tr;
        if !tr.is_tss32() || tr.limit < 0x67 {
            return Err(selector_error(vector::GP, 0, 0));
        }
        let at = self.w.get16(tr.base + 0x66) as u32 - 32 + number as u32 / 8;
        if at > tr.limit {
            return Err(selector_error(vector::GP, 0, 0));
        }
        Ok(self.w.get32(tr.base + at) >> (number % 8) & 1 == 0)
    }

    /// INT n by the program's own table at 0, as a 8086 does it: methods 5 and 6 of SDM vol. 3B table 20-2.
    fn redirect(&mut self, number: u8, next: u32) -> Check {
        let entry = self.w.get32(number as u32 * 4);
        let virtual_if = self.w.s.iopl() < 3;
        let mut flags = self.w.s.eflags;
        if virtual_if {
            let interrupts = self.w.s.has(flag::VIF);
            flags = flags & !flag::IF | flag::IOPL | if interrupts { flag::IF } else { 0 };
        }
        let mut stack = self.current_stack();
        let frame = Frame {
            flags,
            return_eip: next,
            error: None,
        };
        self.push_frame(&mut stack, false, &frame)?;
        self.w.s.gpr[gpr::ESP] = stack.pointer;
        let masked = if virtual_if { flag::VIF } else { flag::IF };
        self.w.s.set_flags(0, masked | flag::TF | flag::RF);
        self.w.s.seg[sreg::CS] = Reg::real((entry >> 16) as u16, 3);
        self.w.s.eip = entry & 0xffff;
        Ok(())
    }
}

/// What is pushed besides the outer stack.
struct Frame {
    flags: u32,
    return_eip: u32,
    error: Option<u32>,
}
