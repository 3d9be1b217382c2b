//! The x87 floating-point unit: registers, environment, and what its instructions do to them.
//!
//! Follows SDM vol. 1 chapter 8. All results come of integers of 64 and 128 bits (quotients and roots begin with an
//! estimate in the host's doubles, which integers correct); nothing here knows memory, control registers or the
//! decoder, which are in [`crate::exec::fpu`].
//! [`Fpu::register_form`], [`Fpu::load`] and [`Fpu::store`] are complete; [`quick`] has shortcuts for the usual case
//! of the commonest instructions.

mod arith;
mod compare;
mod constants;
mod convert;
mod elementary;
pub(crate) mod float;
mod fx_image;
mod image;
mod ops;
#[cfg(all(test, target_arch = "x86_64"))]
mod oracle;
mod partial;
pub(crate) mod quick;
pub(crate) mod register;
mod round;
mod usual;

use serde::{Deserialize, Serialize};

pub(crate) use arith::Operation;
pub use float::F80;
pub(crate) use image::{IMAGE_MAX, ImageForm, PointerForm};
pub(crate) use ops::{Effect, MoveFlags, Operand, Stored};
pub(crate) use register::{Place, Register};

use compare::cc;
use register::{EMPTY, Slot};
use round::flag;

/// Status word: an unmasked exception waits.
pub(crate) const SW_ES: u16 = 1 << 7;
/// Status word: busy, a copy of ES since the 387.
pub(crate) const SW_B: u16 = 1 << 15;
/// The status word's bits of TOP, which live in [`Fpu::top`].
const SW_TOP: u16 = 7 << 11;
/// Control word: bits that can be written, and the one that is always set.
const CW_BITS: u16 = 0x1f3f;
const CW_ONE: u16 = 0x40;
/// Control word after FNINIT.
const CW_INIT: u16 = 0x37f;

/// Why an instruction may not begin, one bit for each reason: the one thing that handlers test first. Bits that
/// registers do not use, so that one look is enough for all of them, see [`register::UNUSUAL`].
pub(crate) mod trap {
    /// CR0.EM, or there is no FPU.
    pub(crate) const EM: u32 = 1 << 16;
    /// CR0.TS.
    pub(crate) const TS: u32 = 1 << 17;
    /// An unmasked exception waits.
    pub(crate) const PENDING: u32 = 1 << 18;
    /// Not a trap: results are not rounded to nearest, or inexact ones are not masked. Quick arithmetic is
    /// for the usual case alone.
    pub(crate) const UNUSUAL: u32 = 1 << 19;
    /// Not a trap: the registers are in use by MMX, all full and TOP 0. Only a hint: instructions of MMX that find it
    /// need not see to that, those of the x87 drop it.
    pub(crate) const MMX: u32 = 1 << 20;
    /// Not a trap: results have less than 64 bits. The quickest arithmetic is for full precision alone.
    pub(crate) const SHORT: u32 = 1 << 21;
    /// What bars every instruction.
    pub(crate) const BARS: u32 = EM | TS | PENDING;
}

/// Where the last instruction was, and its operand: kept as it comes, put together when it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub(crate) struct LastInstruction {
    /// Offset of the instruction.
    pub(crate) eip: u32,
    /// Means nothing: with it three fields lie as in [`crate::insn::Insn`], and one move copies them.
    #[serde(skip)]
    pub(crate) attributes: u16,
    /// The low three bits of the first opcode byte, and the second.
    pub(crate) opcode: u16,
    /// Offset of its memory operand.
    pub(crate) operand: u32,
    /// Selector of the code segment.
    pub(crate) cs: u16,
    /// Selector of the operand's segment.
    pub(crate) segment: u16,
}

/// The unit's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fpu {
    pub(crate) registers: [Slot; 8],
    /// Which register is ST(0).
    pub(crate) top: Place,
    /// See [`trap`]. Derived from CR0, control and status word.
    #[serde(skip)]
    pub(crate) trap: u32,
    pub(crate) control: u16,
    /// Without TOP and C1; PE may be missing, see [`Fpu::lost`].
    pub(crate) status: u16,
    /// Condition code 1.
    pub(crate) c1: bool,
    /// Bits that quick arithmetic has rounded off since PE was last looked at: if any is set, so is PE.
    #[serde(skip)]
    pub(crate) lost: u64,
    /// Bits that quick arithmetic drops from a significand: those beyond the precision. Derived.
    #[serde(skip)]
    pub(crate) dropped: u64,
    pub(crate) last: LastInstruction,
    /// FERR# is driven: an exception waits, and CR0.NE is clear.
    pub(crate) ferr: bool,
    /// The present instruction waits for an interrupt (FERR# without IGNNE#): it is started again.
    #[serde(skip)]
    pub(crate) frozen: bool,
}

impl Default for Fpu {
    fn default() -> Self {
        let mut fpu = Self {
            registers: [Slot(Register::zero(0)); 8],
            top: Place::default(),
            trap: 0,
            control: CW_INIT,
            status: 0,
            c1: false,
            lost: 0,
            dropped: 0,
            last: LastInstruction::default(),
            ferr: false,
            frozen: false,
        };
        fpu.initialise();
        fpu
    }
}

impl Fpu {
    /// FNINIT. Registers keep their bits, but are empty.
    pub(crate) fn initialise(&mut self) {
        self.trap &= !trap::MMX;
        self.status = 0;
        self.c1 = false;
        self.lost = 0;
        self.top = Place::default();
        self.last = LastInstruction::default();
        for register in &mut self.registers {
            register.se |= EMPTY;
        }
        self.set_control(CW_INIT);
    }

    // ---- control and status ----

    /// The control word.
    #[inline(always)]
    pub fn control_word(&self) -> u16 {
        self.control
    }

    /// Loads the control word.
    #[inline(always)]
    pub(crate) fn set_control(&mut self, value: u16) {
        self.control = value & CW_BITS | CW_ONE;
        self.dropped = match value >> 8 & 3 {
            0 => (1 << 40) - 1,
            2 => (1 << 11) - 1,
            _ => 0,
        };
        let short = if self.dropped != 0 { trap::SHORT } else { 0 };
        let usual = value & (3 << 10 | flag::PE) == flag::PE;
        let unusual = if usual { 0 } else { trap::UNUSUAL };
        self.trap = self.trap & !(trap::UNUSUAL | trap::SHORT) | unusual | short;
        self.summarise();
    }

    /// The status word.
    #[inline(always)]
    pub fn status_word(&self) -> u16 {
        let noted = ((self.lost != 0) as u16 * flag::PE) | (self.c1 as u16 * cc::C1);
        self.status | noted | (self.top.index() as u16) << 11
    }

    /// Loads the status word.
    pub(crate) fn set_status(&mut self, value: u16) {
        self.top = Place::number((value >> 11) as u8);
        self.status = value & !(SW_TOP | cc::C1);
        self.c1 = value & cc::C1 != 0;
        self.lost = 0;
        self.summarise();
    }

    /// ES, B and the trap bit from flags and masks.
    #[inline(always)]
    fn summarise(&mut self) {
        self.status |= (self.lost != 0) as u16 * flag::PE;
        self.lost = 0;
        let waits = self.status & !self.control & flag::ALL != 0;
        self.status = self.status & !(SW_ES | SW_B) | if waits { SW_ES | SW_B } else { 0 };
        self.trap = self.trap & !trap::PENDING | if waits { trap::PENDING } else { 0 };
    }

    /// What CR0 says.
    pub(crate) fn set_barred(&mut self, emulate: bool, task_switched: bool) {
        let bars = if emulate { trap::EM } else { 0 } | if task_switched { trap::TS } else { 0 };
        self.trap = self.trap & !(trap::EM | trap::TS) | bars;
    }

    /// Whether an unmasked exception waits.
    pub(crate) fn is_pending(&self) -> bool {
        self.trap & trap::PENDING != 0
    }

    /// What FNSTENV does after it has stored.
    pub(crate) fn mask_all(&mut self) {
        self.set_control(self.control | flag::ALL);
    }

    /// The same state with what is derived made anew: for states from files.
    pub(crate) fn settled(mut self) -> Self {
        self.set_control(self.control);
        self.set_status(self.status_word());
        self
    }

    /// The same state with nothing outstanding: for files.
    pub(crate) fn saved(&self) -> Self {
        let mut fpu = self.clone();
        fpu.summarise();
        fpu.last.attributes = 0;
        fpu
    }

    /// FNCLEX.
    pub(crate) fn clear_exceptions(&mut self) {
        self.lost = 0;
        self.status &= !(flag::ALL | flag::SF | SW_ES | SW_B);
        self.summarise();
    }

    /// Takes over what an operation raised: flags stick, C1 is as it says.
    fn raise(&mut self, flags: u16) {
        self.c1 = flags & cc::C1 != 0;
        self.status |= flags & !cc::C1;
        self.summarise();
    }

    /// Writes condition codes.
    fn set_codes(&mut self, mask: u16, codes: u16) {
        if mask & cc::C1 != 0 {
            self.c1 = codes & cc::C1 != 0;
        }
        self.status = self.status & !mask | codes & !cc::C1;
    }

    // ---- the stack ----

    /// Number of the register that is ST(i).
    #[inline(always)]
    fn index(&self, i: u8) -> usize {
        self.top.index_of(Place::number(i))
    }

    fn slot(&self, i: u8) -> Register {
        *self.registers[self.index(i)]
    }

    fn is_empty(&self, i: u8) -> bool {
        self.slot(i).is_empty()
    }

    fn st(&self, i: u8) -> F80 {
        self.slot(i).value()
    }

    fn set_st(&mut self, i: u8, value: F80) {
        *self.registers[self.index(i)] = Register::full(value);
    }

    fn pop(&mut self) {
        let index = self.index(0);
        self.registers[index].se |= EMPTY;
        self.top = self.top.plus(Place::number(1));
    }

    /// Makes room and writes; the caller has seen that the place is empty.
    fn push(&mut self, value: F80) {
        self.top = self.top.plus(Place::number(7));
        self.set_st(0, value);
    }

    /// A stack fault. Whether it is masked.
    fn stack_fault(&mut self, overflow: bool) -> bool {
        self.raise(flag::IE | flag::SF | if overflow { flag::C1 } else { 0 });
        self.control & flag::IE != 0
    }

    // ---- MMX ----

    /// MMX register `n`, which is the significand of physical register `n`.
    #[inline(always)]
    pub(crate) fn mmx(&self, n: u8) -> u64 {
        self.registers[(n & 7) as usize].sig
    }

    /// Writes MMX register `n`, and does what MMX instructions do to the rest.
    #[inline(always)]
    pub(crate) fn set_mmx(&mut self, n: u8, value: u64) {
        self.enter_mmx();
        *self.registers[(n & 7) as usize] = Register::full(F80 {
            sig: value,
            se: 0xffff,
        });
    }

    /// Marks all registers full and sets TOP to 0.
    #[inline(always)]
    pub(crate) fn enter_mmx(&mut self) {
        if self.trap & trap::MMX != 0 {
            return;
        }
        self.trap |= trap::MMX;
        self.top = Place::default();
        for register in &mut self.registers {
            register.se &= !EMPTY;
        }
    }

    /// EMMS.
    #[inline(always)]
    pub(crate) fn leave_mmx(&mut self) {
        self.trap &= !trap::MMX;
        self.top = Place::default();
        for register in &mut self.registers {
            register.se |= EMPTY;
        }
    }

    // ---- tags ----

    /// One bit for each register by its number, set if it is not empty (FXSAVE's form).
    pub fn full_mask(&self) -> u8 {
        (0..8).fold(0, |mask, n| mask | (!self.registers[n].is_empty() as u8) << n)
    }

    /// Marks registers as empty or not, by number.
    pub fn set_full_mask(&mut self, mask: u8) {
        self.trap &= !trap::MMX;
        for (n, register) in self.registers.iter_mut().enumerate() {
            register.se = register.se & !EMPTY | if mask >> n & 1 != 0 { 0 } else { EMPTY };
        }
    }

    /// ST(i), empty or not.
    pub fn stack_register(&self, i: u8) -> F80 {
        self.st(i)
    }

    /// Sets everything that FXSAVE shows: for those who set up a state. Registers are in stack order, tags by
    /// number.
    pub fn set_state(&mut self, control: u16, status: u16, full: u8, registers: [F80; 8]) {
        self.top = Place::number((status >> 11) as u8);
        for (i, value) in (0..).zip(registers) {
            self.set_st(i, value);
        }
        self.set_full_mask(full);
        self.set_control(control);
        self.set_status(status);
    }
}
