//! Decimal adjustment: DAA, DAS, AAA, AAS, AAM, AAD; and SALC. SDM vol. 2, the instructions of these
//! names. Flags that the SDM leaves undefined follow the result.

use crate::{
    core::{HIGH_BYTE, reg},
    exec::{Exec, Flow, op},
    fault::{Fault, FaultRule, vector},
    flags::LazyFlags,
};

const AL: u8 = reg::EAX as u8;
const AH: u8 = reg::EAX as u8 | HIGH_BYTE;

/// DAA adds, DAS subtracts the correction.
#[inline(always)]
fn adjust_packed<X: Exec>(x: &mut X, subtract: bool) {
    let (al, old) = (x.reg::<u8>(AL), x.flags());
    let low = al & 0x0f > 9 || old.af();
    let high = al > 0x99 || old.cf();
    let correction = if low { 6 } else { 0 } + if high { 0x60 } else { 0 };
    let result = if subtract {
        al.wrapping_sub(correction)
    } else {
        al.wrapping_add(correction)
    };
    // DAS also sets CF if subtracting 6 alone borrowed.
    let cf = high || (subtract && low && al < 6);
    let of = (if subtract {
        (al ^ correction) & (al ^ result)
    } else {
        !(al ^ correction) & (al ^ result)
    }) & 0x80;
    x.set_reg(AL, result);
    x.put_flags(LazyFlags::explicit(result, cf, of != 0).with_af(low));
}

op! { /// `daa`
Daa, Register, Other, |x: X, _i| { adjust_packed(x, false); Ok(Flow::Next) }}
op! { /// `das`
Das, Register, Other, |x: X, _i| { adjust_packed(x, true); Ok(Flow::Next) }}

#[inline(always)]
fn adjust_unpacked<X: Exec>(x: &mut X, subtract: bool) {
    let (ax, old) = (x.reg::<u16>(AL), x.flags());
    let adjust = ax & 0x0f > 9 || old.af();
    // AX is corrected as a whole: the carry out of AL goes into AH.
    let sum = match (adjust, subtract) {
        (true, false) => ax.wrapping_add(0x106),
        (true, true) => ax.wrapping_sub(0x106),
        (false, _) => ax,
    };
    let result = sum & 0xff0f;
    x.set_reg(AL, result);
    x.put_flags(LazyFlags::explicit(result as u8, adjust, false).with_af(adjust));
}

op! { /// `aaa`
Aaa, Register, Other, |x: X, _i| { adjust_unpacked(x, false); Ok(Flow::Next) }}
op! { /// `aas`
Aas, Register, Other, |x: X, _i| { adjust_unpacked(x, true); Ok(Flow::Next) }}

op! { /// `aam imm8`: #DE for 0
Aam, Register, Other, |x: X, i| {
    let (al, base) = (x.reg::<u8>(AL), i.imm as u8);
    if base == 0 {
        return Err(x.fault(Fault::plain(vector::DE, FaultRule::DivideByZeroOrOverflow)));
    }
    x.set_reg(AH, al / base);
    x.set_reg(AL, al % base);
    x.put_flags(LazyFlags::logic(al % base));
    Ok(Flow::Next)
}}

op! { /// `aad imm8`
Aad, Register, Other, |x: X, i| {
    let (al, ah) = (x.reg::<u8>(AL), x.reg::<u8>(AH));
    let result = al.wrapping_add(ah.wrapping_mul(i.imm as u8));
    x.set_reg(AL, result as u16);
    x.put_flags(LazyFlags::logic(result));
    Ok(Flow::Next)
}}

op! { /// `salc`, undocumented: AL = CF ? FFh : 0
Salc, Register, Other, |x: X, _i| {
    let value = if x.flags().cf() { 0xffu8 } else { 0 };
    x.set_reg(AL, value);
    Ok(Flow::Next)
}}
