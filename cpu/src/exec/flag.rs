//! CLC, STC, CMC, CLD, STD. SDM vol. 2, the instructions of these names.

use crate::{
    exec::{Flow, op},
    flags::Eflags,
};

op! { /// `clc`
Clc, Register, Other, |x: X, _i| {
    let mut flags = x.flags();
    flags.set_cf(false);
    x.put_flags(flags);
    Ok(Flow::Next)
}}

op! { /// `stc`
Stc, Register, Other, |x: X, _i| {
    let mut flags = x.flags();
    flags.set_cf(true);
    x.put_flags(flags);
    Ok(Flow::Next)
}}

op! { /// `cmc`
Cmc, Register, Other, |x: X, _i| {
    let mut flags = x.flags();
    flags.set_cf(!flags.cf());
    x.put_flags(flags);
    Ok(Flow::Next)
}}

op! { /// `cld`
Cld, Register, None, |x: X, _i| {
    x.core().eflags.remove(Eflags::DF);
    Ok(Flow::Next)
}}

op! { /// `std`
Std, Register, None, |x: X, _i| {
    x.core().eflags.insert(Eflags::DF);
    Ok(Flow::Next)
}}
