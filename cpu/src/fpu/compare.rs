//! Comparison and examination.
//!
//! Follows SDM vol. 1 §8.1.3.3 and §8.3.6, and vol. 2A "FCOM", "FUCOM", "FTST", "FXAM".

use super::{
    float::{Class, F80},
    round::{Env, flag},
};

/// Condition codes of the status word.
pub(crate) mod cc {
    pub(crate) const C0: u16 = 1 << 8;
    pub(crate) const C1: u16 = 1 << 9;
    pub(crate) const C2: u16 = 1 << 10;
    pub(crate) const C3: u16 = 1 << 14;
    pub(crate) const ALL: u16 = C0 | C1 | C2 | C3;
    /// What FCOM leaves for operands of which one is no number.
    pub(crate) const UNORDERED: u16 = C0 | C2 | C3;
}

impl Env {
    /// Compares; the answer is condition codes. An ordered comparison takes any NaN for invalid, an unordered
    /// one only what no instruction takes.
    pub(crate) fn compare(&mut self, a: F80, b: F80, ordered: bool) -> u16 {
        let classes = [a.class(), b.class()];
        let [ca, cb] = classes;
        if ca.is_nan() || cb.is_nan() || classes.contains(&Class::Unsupported) {
            if ordered
                || classes
                    .iter()
                    .any(|c| matches!(c, Class::Signalling | Class::Unsupported))
            {
                self.raise(flag::IE);
            }
            return cc::UNORDERED;
        }
        self.denormal(&classes);
        if ca == Class::Zero && cb == Class::Zero {
            return cc::C3;
        }
        let less = if a.is_negative() != b.is_negative() {
            a.is_negative()
        } else {
            let (key_a, key_b) = (magnitude_key(a), magnitude_key(b));
            if key_a == key_b {
                return cc::C3;
            }
            (key_a < key_b) != a.is_negative()
        };
        if less { cc::C0 } else { 0 }
    }
}

/// Orders magnitudes. A pseudo-denormal equals the normal number that it is.
fn magnitude_key(a: F80) -> (u16, u64) {
    let pseudo = a.exp() == 0 && a.sig >> 63 != 0;
    (a.exp() + pseudo as u16, a.sig)
}

/// What FXAM says of a register's contents.
pub(crate) fn examine(a: F80, empty: bool) -> u16 {
    let class = if empty {
        cc::C3 | cc::C0
    } else {
        match a.class() {
            Class::Unsupported => 0,
            Class::Quiet | Class::Signalling => cc::C0,
            Class::Normal => cc::C2,
            Class::Infinity => cc::C2 | cc::C0,
            Class::Zero => cc::C3,
            Class::Denormal => cc::C3 | cc::C2,
        }
    };
    class | if a.is_negative() { cc::C1 } else { 0 }
}
