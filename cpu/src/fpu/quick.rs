//! Shortcuts for the quick case of the commonest instructions: registers that hold normal numbers or zero, results
//! that are normal numbers or zero, rounding to nearest with the inexact exception masked. Arithmetic on normal
//! numbers at full precision is quicker still, see [`usual`].
//!
//! Each either does exactly what [`Fpu::register_form`], [`Fpu::load`] or [`Fpu::store`] does and returns `Some`, or
//! changes nothing and returns `None`. They call nothing: chained handlers are made of them. The caller has tested
//! [`Fpu::trap`].

use super::{
    Fpu, Operation, Place, Register, arith,
    compare::cc,
    float::{BIAS, INTEGER},
    register::{EMPTY, EXPONENT, SIGN, SPECIAL, UNUSUAL},
    round::flag,
    usual,
};

const HALF: u64 = INTEGER;
/// The top of the stack, seen from there.
const ST0: Place = Place::number(0);

/// A number that was computed, with the flags it raised and C1.
#[derive(Clone, Copy)]
pub(crate) struct Computed {
    pub(crate) register: Register,
    /// Bits that were rounded off; not zero if the result is inexact.
    pub(crate) lost: u64,
    /// It was rounded up.
    pub(crate) up: bool,
}

impl Computed {
    /// Zero, exactly.
    const fn zero(sign: u32) -> Self {
        Self {
            register: Register::zero(sign),
            lost: 0,
            up: false,
        }
    }
}

/// An arithmetic operation as a type.
pub(crate) trait Arithmetic: 'static {
    /// Which it is.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "only x86-64 hosts have such forms")
    )]
    const OPERATION: Operation;
    /// `destination op source`; both are full and normal, and the precision is full.
    fn usual(destination: Register, source: Register) -> Option<Computed>;
    /// `destination op source`.
    fn compute(destination: Register, source: Register, dropped: u64) -> Option<Computed>;
}

/// Destination plus source.
pub(crate) struct Add;
/// Destination minus source.
pub(crate) struct Sub;
/// Source minus destination.
pub(crate) struct SubR;
/// Destination times source.
pub(crate) struct Mul;
/// Destination divided by source.
pub(crate) struct Div;
/// Source divided by destination.
pub(crate) struct DivR;

impl Register {
    /// Whether it is full and holds a normal number.
    #[inline(always)]
    fn is_normal(self) -> bool {
        self.se & (EMPTY | SPECIAL) == 0
    }

    /// Whether it is full and holds zero.
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.sig == 0 && self.se & (EMPTY | EXPONENT) == 0
    }

    #[inline(always)]
    fn exp(self) -> i32 {
        (self.se & EXPONENT) as i32
    }
}

/// Rounds `hi.lo` to nearest; the exponent must stay in range.
#[inline(always)]
fn finish(sign: u32, exp: i32, hi: u64, lo: u64, dropped: u64) -> Option<Computed> {
    let (sum, up, inexact) = if dropped == 0 {
        // More than half, or half and odd: what carries out of the sum.
        let (_, up) = lo.overflowing_add((HALF - 1) + (hi & 1));
        (hi.wrapping_add(up as u64), up, lo != 0)
    } else {
        let unit = dropped + 1;
        let rest = hi & dropped;
        let odd_or_more = (hi & unit != 0 || lo != 0) as u64;
        let up = 2 * rest + odd_or_more > unit;
        let kept = hi & !dropped;
        (kept.wrapping_add(if up { unit } else { 0 }), up, rest | lo != 0)
    };
    // All ones rounded up: the carry is the integer bit of twice the number.
    let carry = sum >> 63 == 0;
    let exp = exp + carry as i32;
    if (exp as u32).wrapping_sub(1) >= EXPONENT - 1 {
        return None;
    }
    Some(Computed {
        register: Register {
            sig: sum | INTEGER,
            se: sign | exp as u32,
        },
        lost: inexact as u64,
        up,
    })
}

impl Arithmetic for Add {
    const OPERATION: Operation = Operation::Add;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::add(a, b)
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        add(a, b, dropped)
    }
}

impl Arithmetic for Sub {
    const OPERATION: Operation = Operation::Sub;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::add(a, Register { se: b.se ^ SIGN, ..b })
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        add(a, Register { se: b.se ^ SIGN, ..b }, dropped)
    }
}

impl Arithmetic for SubR {
    const OPERATION: Operation = Operation::SubR;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::add(b, Register { se: a.se ^ SIGN, ..a })
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        add(b, Register { se: a.se ^ SIGN, ..a }, dropped)
    }
}

/// Whether both are full and hold normal numbers.
#[inline(always)]
fn are_normal(a: Register, b: Register) -> bool {
    (a.se | b.se) & (EMPTY | SPECIAL) == 0
}

#[inline(always)]
fn add(a: Register, b: Register, dropped: u64) -> Option<Computed> {
    if !are_normal(a, b) {
        // The exponents' fields of zeros are zero, so that the other operand is the sum.
        return match (a.is_zero(), b.is_zero()) {
            (true, false) if b.is_normal() => finish(b.se & SIGN, b.exp(), b.sig, 0, dropped),
            (false, true) if a.is_normal() => finish(a.se & SIGN, a.exp(), a.sig, 0, dropped),
            (true, true) => Some(Computed::zero(a.se & b.se & SIGN)),
            _ => None,
        };
    }
    let (mut big, mut small) = if a.exp() < b.exp() { (b, a) } else { (a, b) };
    let distance = big.exp().abs_diff(small.exp());
    if distance > 63 {
        return None;
    }
    if (a.se ^ b.se) & SIGN == 0 {
        let high = small.sig >> (distance & 63);
        let low = (small.sig << 1) << ((63 - distance) & 63);
        let sign = big.se & SIGN;
        let (sum, carry) = big.sig.overflowing_add(high);
        if carry {
            let low = low >> 1 | low & 1 | sum << 63;
            return finish(sign, big.exp() + 1, sum >> 1 | INTEGER, low, dropped);
        }
        return finish(sign, big.exp(), sum, low, dropped);
    }
    if distance == 0 && big.sig < small.sig {
        (big, small) = (small, big);
    }
    let high = small.sig >> (distance & 63);
    let low = (small.sig << 1) << ((63 - distance) & 63);
    let sign = big.se & SIGN;
    let borrow = (low != 0) as u64;
    let (hi, lo) = (big.sig - high - borrow, low.wrapping_neg());
    if hi == 0 {
        return (lo == 0).then_some(Computed::zero(0));
    }
    let shift = hi.leading_zeros();
    let hi = hi << (shift & 63) | (lo >> 1) >> ((63 - shift) & 63);
    finish(sign, big.exp() - shift as i32, hi, lo << (shift & 63), dropped)
}

impl Arithmetic for Mul {
    const OPERATION: Operation = Operation::Mul;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::multiply(a, b)
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        let sign = (a.se ^ b.se) & SIGN;
        if !are_normal(a, b) {
            let zero = a.is_zero() && (b.is_normal() || b.is_zero()) || b.is_zero() && a.is_normal();
            return zero.then_some(Computed::zero(sign));
        }
        let product = a.sig as u128 * b.sig as u128;
        let (hi, lo) = ((product >> 64) as u64, product as u64);
        let exp = a.exp() + b.exp() - BIAS + 1;
        if hi >> 63 != 0 {
            finish(sign, exp, hi, lo, dropped)
        } else {
            finish(sign, exp - 1, hi << 1 | lo >> 63, lo << 1, dropped)
        }
    }
}

impl Arithmetic for Div {
    const OPERATION: Operation = Operation::Div;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::divide(a, b)
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        if !are_normal(a, b) {
            return None;
        }
        let (quotient, rest) = arith::divide(a.sig, b.sig);
        // Half or more of a unit is left if twice the rest reaches the divisor.
        let lo = if rest > b.sig - rest {
            HALF | 1
        } else if rest == b.sig - rest {
            HALF
        } else {
            (rest != 0) as u64
        };
        let smaller = (a.sig < b.sig) as i32;
        finish(
            (a.se ^ b.se) & SIGN,
            a.exp() - b.exp() + BIAS - smaller,
            quotient,
            lo,
            dropped,
        )
    }
}

impl Arithmetic for DivR {
    const OPERATION: Operation = Operation::DivR;
    #[inline(always)]
    fn usual(a: Register, b: Register) -> Option<Computed> {
        usual::divide(b, a)
    }
    #[inline(always)]
    fn compute(a: Register, b: Register, dropped: u64) -> Option<Computed> {
        Div::compute(b, a, dropped)
    }
}

/// A double in extended format, if it is normal or zero.
#[inline(always)]
pub(crate) fn widen_double(raw: u64) -> Option<Register> {
    let (exp, sign) = ((raw >> 52) as u32 & 0x7ff, (raw >> 32) as u32 & SIGN);
    if exp.wrapping_sub(1) < 0x7fe {
        return Some(Register {
            sig: raw << 11 | INTEGER,
            se: sign | (exp + (BIAS as u32 - 0x3ff)),
        });
    }
    (raw << 1 == 0).then_some(Register::zero(sign))
}

/// A single in extended format, if it is normal or zero.
#[inline(always)]
pub(crate) fn widen_single(raw: u32) -> Option<Register> {
    let (exp, sign) = (raw >> 23 & 0xff, raw & SIGN);
    if exp.wrapping_sub(1) < 0xfe {
        return Some(Register {
            sig: (raw as u64) << 40 | INTEGER,
            se: sign | (exp + (BIAS as u32 - 0x7f)),
        });
    }
    (raw << 1 == 0).then_some(Register::zero(sign))
}

/// An integer in extended format.
#[inline(always)]
pub(crate) fn widen_integer(value: i64) -> Register {
    let magnitude = value.unsigned_abs();
    let shift = magnitude.leading_zeros();
    if shift == 64 {
        return Register::zero(0);
    }
    let sign = (value >> 63) as u32 & SIGN;
    Register {
        sig: magnitude << (shift & 63),
        se: sign | (BIAS as u32 + 63 - shift),
    }
}

/// A format that is stored, as a type: how many bits of the significand fall off, and its exponents.
pub(crate) trait Narrow: 'static {
    const BITS: u32;
    const DROP: u32;
    const BIAS: i32;
    const EXP_MAX: i32;
    const FRACTION: u32;
}

/// Single precision.
pub(crate) struct Single;
/// Double precision.
pub(crate) struct Double;

impl Narrow for Single {
    const BITS: u32 = 32;
    const DROP: u32 = 40;
    const BIAS: i32 = 0x7f;
    const EXP_MAX: i32 = 0xff;
    const FRACTION: u32 = 23;
}

impl Narrow for Double {
    const BITS: u32 = 64;
    const DROP: u32 = 11;
    const BIAS: i32 = 0x3ff;
    const EXP_MAX: i32 = 0x7ff;
    const FRACTION: u32 = 52;
}

impl Fpu {
    #[inline(always)]
    fn register(&self, i: Place) -> Register {
        *self.registers[self.top.index_of(i)]
    }

    #[inline(always)]
    fn put(&mut self, i: Place, register: Register) {
        *self.registers[self.top.index_of(i)] = register;
    }

    #[inline(always)]
    fn drop_top(&mut self) {
        self.registers[self.top.index()].se |= EMPTY;
        self.top = self.top.plus(Place::number(1));
    }

    /// Clears C1, as everything does that does not round.
    #[inline(always)]
    fn clear_c1(&mut self) {
        self.c1 = false;
    }

    /// Takes over the outcome of a rounding.
    #[inline(always)]
    fn note(&mut self, computed: &Computed) {
        self.c1 = computed.up;
        self.lost |= computed.lost;
    }

    /// `ST(destination) op= source`; `usual` if only normal numbers at full precision are to be tried.
    #[inline(always)]
    pub(crate) fn quick_arithmetic<O: Arithmetic>(
        &mut self,
        destination: Place,
        source: Register,
        pop: bool,
        usual: bool,
    ) -> Option<()> {
        let a = self.register(destination);
        let computed = if !usual {
            O::compute(a, source, self.dropped)?
        } else if (a.se | source.se | self.trap) & UNUSUAL == 0 {
            O::usual(a, source)?
        } else {
            return None;
        };
        self.note(&computed);
        self.put(destination, computed.register);
        if pop {
            self.drop_top();
        }
        Some(())
    }

    /// The same with ST(i) as the source.
    #[inline(always)]
    pub(crate) fn quick_arithmetic_st<O: Arithmetic>(
        &mut self,
        destination: Place,
        source: Place,
        pop: bool,
        usual: bool,
    ) -> Option<()> {
        self.quick_arithmetic::<O>(destination, self.register(source), pop, usual)
    }

    /// FSQRT; `usual` as for [`Fpu::quick_arithmetic`].
    #[inline(always)]
    pub(crate) fn quick_sqrt(&mut self, usual: bool) -> Option<()> {
        let a = self.register(ST0);
        let computed = if !usual {
            if !a.is_normal() || a.se & SIGN != 0 {
                return None;
            }
            let power = a.exp() - BIAS;
            let (root, lo) = arith::square_root(a.sig, power & 1 != 0);
            finish(0, (power >> 1) + BIAS, root, lo, self.dropped)?
        } else if (a.se | self.trap) & (UNUSUAL | SIGN) == 0 {
            usual::square_root(a)?
        } else {
            return None;
        };
        self.note(&computed);
        self.put(ST0, computed.register);
        Some(())
    }

    /// Pushes.
    #[inline(always)]
    pub(crate) fn quick_push(&mut self, register: Register) -> Option<()> {
        if self.register(Place::number(7)).se & EMPTY == 0 {
            return None;
        }
        self.clear_c1();
        self.top = self.top.plus(Place::number(7));
        self.put(ST0, register);
        Some(())
    }

    /// FLD ST(i).
    #[inline(always)]
    pub(crate) fn quick_load(&mut self, i: Place) -> Option<()> {
        let register = self.register(i);
        if register.se & EMPTY != 0 {
            return None;
        }
        self.quick_push(register)
    }

    /// FST ST(i), FSTP ST(i).
    #[inline(always)]
    pub(crate) fn quick_store(&mut self, i: Place, pop: bool) -> Option<()> {
        let register = self.register(ST0);
        if register.se & EMPTY != 0 {
            return None;
        }
        self.clear_c1();
        self.put(i, register);
        if pop {
            self.drop_top();
        }
        Some(())
    }

    /// FXCH.
    #[inline(always)]
    pub(crate) fn quick_exchange(&mut self, i: Place) -> Option<()> {
        let (a, b) = (self.register(ST0), self.register(i));
        if (a.se | b.se) & EMPTY != 0 {
            return None;
        }
        self.clear_c1();
        self.put(ST0, b);
        self.put(i, a);
        Some(())
    }

    /// FCHS (`flip`) and FABS.
    #[inline(always)]
    pub(crate) fn quick_sign(&mut self, flip: bool) -> Option<()> {
        let a = self.register(ST0);
        if a.se & EMPTY != 0 {
            return None;
        }
        self.clear_c1();
        let se = if flip { a.se ^ SIGN } else { a.se & !SIGN };
        self.put(ST0, Register { se, ..a });
        Some(())
    }

    /// The condition codes of a comparison with ST(0), as for FCOM.
    #[inline(always)]
    fn quick_codes(&self, b: Register) -> Option<u16> {
        let a = self.register(ST0);
        let (zero_a, zero_b) = (a.is_zero(), b.is_zero());
        if !(zero_a || a.is_normal()) || !(zero_b || b.is_normal()) {
            return None;
        }
        let negative = a.se & SIGN != 0;
        if (a.se ^ b.se) & SIGN != 0 {
            let less = if negative { cc::C0 } else { 0 };
            return Some(if zero_a && zero_b { cc::C3 } else { less });
        }
        if a.se == b.se && a.sig == b.sig {
            return Some(cc::C3);
        }
        let less = a.exp() < b.exp() || a.se == b.se && a.sig < b.sig;
        Some(if less != negative { cc::C0 } else { 0 })
    }

    /// FCOM, FUCOM and their popping forms, and those with memory.
    #[inline(always)]
    pub(crate) fn quick_compare(&mut self, b: Register, pops: u32) -> Option<()> {
        let codes = self.quick_codes(b)?;
        self.clear_c1();
        self.status = self.status & !cc::ALL | codes;
        for _ in 0..pops {
            self.drop_top();
        }
        Some(())
    }

    /// The same with ST(i).
    #[inline(always)]
    pub(crate) fn quick_compare_st(&mut self, i: Place, pops: u32) -> Option<()> {
        self.quick_compare(self.register(i), pops)
    }

    /// FCOMI and its kin: the condition codes that go to EFLAGS.
    #[inline(always)]
    pub(crate) fn quick_compare_flags(&mut self, i: Place, pop: bool) -> Option<u16> {
        let codes = self.quick_codes(self.register(i))?;
        if pop {
            self.drop_top();
        }
        Some(codes)
    }

    /// ST(0) as a number to be stored, and the flags to note when it has been.
    #[inline(always)]
    pub(crate) fn quick_narrow<N: Narrow>(&self) -> Option<(u64, u16)> {
        let a = self.register(ST0);
        let sign = ((a.se & SIGN) as u64) << (N::BITS - 32);
        if !a.is_normal() {
            return a.is_zero().then_some((sign, 0));
        }
        let exp = a.exp() - BIAS + N::BIAS;
        if (exp as u32).wrapping_sub(1) >= N::EXP_MAX as u32 - 2 {
            return None;
        }
        let (kept, rest) = (a.sig >> N::DROP, a.sig << (64 - N::DROP));
        let up = (rest | kept & 1) > HALF;
        // The integer bit adds one to the exponent, as does a carry.
        let raw = ((exp as u64 - 1) << N::FRACTION) + kept + up as u64;
        Some((
            sign | raw,
            ((rest != 0) as u16 * flag::PE) | (up as u16 * flag::C1),
        ))
    }

    /// ST(0) as an integer that fits `bits`, and the flags to note when it has been stored. Rounds as RC says, or
    /// towards zero.
    #[inline(always)]
    pub(crate) fn quick_integer(&self, bits: u32, truncate: bool) -> Option<(u64, u16)> {
        let a = self.register(ST0);
        if !a.is_normal() {
            return a.is_zero().then_some((0, 0));
        }
        let power = a.exp() - BIAS;
        if self.control & flag::PE == 0 || power < -60 || power > bits as i32 - 2 {
            return None;
        }
        let (whole, rest) = if power >= 0 {
            let shift = 63 - power as u32;
            (a.sig >> (shift & 63), (a.sig << 1) << ((63 - shift) & 63))
        } else {
            // Below 1: what falls out at the end does not matter but for being there.
            (0, a.sig >> (-1 - power) as u32 | (power < -1) as u64)
        };
        let negative = a.se & SIGN != 0;
        let mode = if truncate { 3 } else { self.control >> 10 & 3 };
        let up = match mode {
            0 => (rest | whole & 1) > HALF,
            1 => negative && rest != 0,
            2 => !negative && rest != 0,
            _ => false,
        };
        let magnitude = whole + up as u64;
        if magnitude >> (bits - 1) != 0 {
            return None;
        }
        let value = if negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        };
        Some((value, ((rest != 0) as u16 * flag::PE) | (up as u16 * flag::C1)))
    }

    /// ST(0) as ten bytes: significand, then sign and exponent.
    #[inline(always)]
    pub(crate) fn quick_extended(&self) -> Option<(u64, u16)> {
        let a = self.register(ST0);
        (a.se & EMPTY == 0).then_some((a.sig, a.value().se))
    }

    /// Notes what a store that is done raised, and pops.
    #[inline(always)]
    pub(crate) fn quick_stored(&mut self, flags: u16, pop: bool) {
        self.c1 = flags & flag::C1 != 0;
        self.status |= flags & flag::PE;
        if pop {
            self.drop_top();
        }
    }
}
