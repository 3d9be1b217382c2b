//! The rules of the manuals, written down a second time: what each instruction or event does to a
//! [`World`], as slowly and plainly as the pseudo-code has it. No paging: linear addresses are physical.
//!
//! Follows SDM vol. 2 (the pseudo-code of the instructions), vol. 3A §3.4, §5.8, chapters 6 and 7, and §20.
//! Nothing is shared with the processor under test but the numbers of bits.

mod descriptor;
mod far;
mod flags;
mod interrupt;
mod returns;
mod segments;
mod task;

use crate::{
    op::Op,
    state::{State, gpr, sreg, vector},
    world::World,
};

/// An exception with its error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    pub vector: u8,
    pub error: Option<u32>,
}

pub type Check<T = ()> = Result<T, Exception>;

/// An exception that names a selector; `ext` is bit 0.
pub fn selector_error(vector: u8, selector: u16, ext: u32) -> Exception {
    Exception {
        vector,
        error: Some((selector & !3) as u32 | ext),
    }
}

pub fn gp(selector: u16) -> Exception {
    selector_error(vector::GP, selector, 0)
}

pub fn plain(vector: u8) -> Exception {
    Exception { vector, error: None }
}

/// A world while something happens to it, which may yet fail and undo what was written.
pub struct Model {
    pub w: World,
    /// Where a failure leads back to.
    saved: State,
    undo: Vec<(u32, u8)>,
}

impl Model {
    /// What becomes of `world` when `op` is executed or happens.
    pub fn run(world: &World, op: &Op) -> World {
        let mut model = Self::new(world);
        if let Err(exception) = model.execute(op) {
            model.roll_back();
            model.raise(exception, interrupt::Source::Exception);
        }
        model.w
    }

    /// What becomes of `world` when the instruction at EIP raises an exception.
    pub fn fault(world: &World, exception: Exception) -> World {
        let mut model = Self::new(world);
        model.raise(exception, interrupt::Source::Exception);
        model.w
    }

    /// The same for #DB, whose image has RF set only where it is a fault other than an instruction
    /// breakpoint (SDM vol. 3B §17.3.1.1).
    pub fn debug(world: &World, resume: bool) -> World {
        let mut model = Self::new(world);
        let eip = world.s.eip;
        let entered = model.interrupt(vector::DB, interrupt::Source::Exception, None, eip, resume);
        assert_eq!(entered, Ok(()), "these programs leave the gate of #DB in order");
        model.w
    }

    fn new(world: &World) -> Self {
        Self {
            w: world.clone(),
            saved: world.s.clone(),
            undo: Vec::new(),
        }
    }

    fn s(&mut self) -> &mut State {
        &mut self.w.s
    }

    /// What has happened so far stays, whatever goes wrong later.
    fn commit(&mut self) {
        self.saved = self.w.s.clone();
        self.undo.clear();
    }

    fn roll_back(&mut self) {
        while let Some((addr, old)) = self.undo.pop() {
            self.w.mem[addr as usize] = old;
        }
        self.w.s = self.saved.clone();
    }

    fn write(&mut self, addr: u32, bytes: &[u8]) {
        for (at, &byte) in (addr..).zip(bytes) {
            if let Some(slot) = self.w.mem.get_mut(at as usize) {
                self.undo.push((at, *slot));
                *slot = byte;
            }
        }
    }

    fn execute(&mut self, op: &Op) -> Check {
        let next = self.w.s.eip + op.bytes(&self.w.s).len() as u32;
        match *op {
            Op::Int(n) => self.int_n(n, next),
            Op::Int3 => self.interrupt(vector::BP, interrupt::Source::Software, None, next, false),
            Op::Into => self.into(next),
            Op::Int1 => self.interrupt(vector::DB, interrupt::Source::Int1, None, next, false),
            Op::External(n) => {
                self.raise(plain(n), interrupt::Source::External);
                Ok(())
            }
            Op::Undefined => Err(plain(vector::UD)),
            Op::Jump { selector, offset, .. } => self.jump(selector, offset, next),
            Op::Call {
                selector,
                offset,
                wide,
            } => self.call(selector, offset, wide, next),
            Op::Retf { wide, release } => self.retf(wide, release),
            Op::Iret { wide } => self.iret(wide, next),
            Op::LoadSegment { register, selector } => {
                self.ordinary(next, |m| m.load_segment(register, selector))
            }
            Op::Lldt(selector) => self.ordinary(next, |m| m.lldt(selector)),
            Op::Ltr(selector) => self.ordinary(next, |m| m.ltr(selector)),
            Op::Look { what, selector } => self.ordinary(next, |m| m.look(what, selector)),
            Op::Pushf { wide } => self.ordinary(next, |m| m.pushf(wide)),
            Op::Popf { wide } => self.ordinary(next, |m| m.popf(wide)),
            Op::Cli => self.ordinary(next, |m| m.change_if(false)),
            Op::Sti => self.ordinary(next, |m| m.change_if(true)),
            Op::In { port, width } => self.ordinary(next, |m| m.input(port, width)),
            Op::Out { port, width } => self.ordinary(next, |m| m.io_allowed(port, width)),
        }
    }

    /// An instruction after which the next one follows.
    fn ordinary(&mut self, next: u32, run: impl FnOnce(&mut Self) -> Check) -> Check {
        run(self)?;
        self.w.s.eip = next;
        Ok(())
    }

    // ---- stacks ----

    /// The current stack.
    fn current_stack(&self) -> Stack {
        Stack {
            segment: self.w.s.seg[sreg::SS],
            pointer: self.w.s.gpr[gpr::ESP],
            error: 0,
        }
    }

    /// Pushes 16 or 32 bits. No room is #SS with the stack's error code.
    fn push(&mut self, stack: &mut Stack, wide: bool, value: u32) -> Check {
        let size = if wide { 4 } else { 2 };
        let moved = stack.pointer.wrapping_sub(size);
        let offset = if stack.segment.is_big() {
            moved
        } else {
            moved & 0xffff
        };
        if !stack.segment.is_writable() || !stack.segment.contains(offset, size) {
            return Err(Exception {
                vector: vector::SS,
                error: Some(stack.error),
            });
        }
        let at = stack.segment.base.wrapping_add(offset);
        self.write(at, &value.to_le_bytes()[..size as usize]);
        stack.pointer = if stack.segment.is_big() {
            moved
        } else {
            stack.pointer & 0xffff_0000 | offset
        };
        Ok(())
    }

    /// Reads the stack `skip` bytes above its pointer.
    fn peek(&self, skip: u32, wide: bool) -> Check<u32> {
        let stack = self.current_stack();
        let size = if wide { 4 } else { 2 };
        let sum = stack.pointer.wrapping_add(skip);
        let offset = if stack.segment.is_big() { sum } else { sum & 0xffff };
        if !stack.segment.is_usable() || !stack.segment.contains(offset, size) {
            return Err(selector_error(vector::SS, 0, 0));
        }
        let at = stack.segment.base.wrapping_add(offset);
        Ok(if wide {
            self.w.get32(at)
        } else {
            self.w.get16(at) as u32
        })
    }

    /// Writes ESP, or SP alone if SS.B is clear.
    fn set_stack_pointer(&mut self, value: u32) {
        let big = self.w.s.seg[sreg::SS].is_big();
        let esp = &mut self.w.s.gpr[gpr::ESP];
        *esp = if big {
            value
        } else {
            *esp & 0xffff_0000 | value & 0xffff
        };
    }

    fn release(&mut self, bytes: u32) {
        let value = self.w.s.gpr[gpr::ESP].wrapping_add(bytes);
        self.set_stack_pointer(value);
    }
}

/// A stack that is being pushed onto.
struct Stack {
    segment: crate::state::Reg,
    pointer: u32,
    /// The error code of #SS.
    error: u32,
}
