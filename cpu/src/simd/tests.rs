//! Floating point against the host's, and the two ways of computing against each other.

use super::{
    float::{self, Double, Format, Single},
    host::{Add, Arithmetic, Div, HostFloat, HostFormat, Max, Min, Mul, Sqrt, Sub},
    integer::XmmOp,
    mxcsr::{Env, Mxcsr},
    packed::{Packed, Xmm},
    packed_float::{Float, FloatOp, Reciprocal, number, quick},
    text::{Text, compare},
};
use crate::flags::Eflags;

/// Numbers from a generator (splitmix64), with special ones weighted in.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number of a format: anything, something near one, or something special.
    fn number<F: Format>(&mut self) -> u64 {
        let (kind, bits) = (self.next() % 8, self.next());
        let all = F::SIGN | (F::SIGN - 1);
        let near_one = (F::BIAS as u64 + bits % 9 - 4) << F::FRACTION;
        match kind {
            0 => {
                bits & F::SIGN
                    | [0, 1, F::FRACTION_MASK, 1 << F::FRACTION, F::INFINITY - 1][bits as usize % 5]
            }
            1 => bits & F::SIGN | F::INFINITY,
            2 => bits & all & !F::INFINITY,
            3..6 => bits & (F::SIGN | F::FRACTION_MASK) | near_one,
            _ => bits & all,
        }
    }
}

fn nearest() -> Env {
    Env::new(Mxcsr::RESET)
}

fn agrees_with_host<A: Arithmetic, F: HostFormat>(seed: u64)
where
    F::Float: HostFloat,
{
    let mut numbers = Numbers(seed);
    for _ in 0..20_000 {
        let (a, b) = (numbers.number::<F>(), numbers.number::<F>());
        let row = |bits| Xmm::of_low(F::element(bits));
        let host = A::host::<F::Float>(row(a).lane(0), row(b).lane(0));
        let host = number::<F>(Xmm::of_low(host), 0);
        let exact = A::exact::<F>(a, b, &mut nearest());
        if !float::is_nan::<F>(host) {
            assert_eq!(exact, host, "{a:x} {b:x}");
        } else {
            assert!(float::is_nan::<F>(exact), "{a:x} {b:x}");
        }
    }
}

#[test]
fn results_to_nearest_are_the_hosts() {
    agrees_with_host::<Add, Single>(1);
    agrees_with_host::<Sub, Single>(2);
    agrees_with_host::<Mul, Single>(3);
    agrees_with_host::<Div, Single>(4);
    agrees_with_host::<Sqrt, Single>(5);
    agrees_with_host::<Add, Double>(6);
    agrees_with_host::<Sub, Double>(7);
    agrees_with_host::<Mul, Double>(8);
    agrees_with_host::<Div, Double>(9);
    agrees_with_host::<Sqrt, Double>(10);
}

fn quick_is_exact<A: Arithmetic, F: HostFormat>(seed: u64)
where
    F::Float: HostFloat,
{
    quick_form_is_exact::<A, F, false>(seed);
    quick_form_is_exact::<A, F, true>(seed);
}

fn quick_form_is_exact<A: Arithmetic, F: HostFormat, const PACKED: bool>(seed: u64)
where
    F::Float: HostFloat,
{
    let control = Mxcsr::RESET | Mxcsr::PE;
    let mut numbers = Numbers(seed);
    let mut used = 0;
    for _ in 0..20_000 {
        let mut row = || Xmm::build(|_| F::element(numbers.number::<F>()));
        let (a, b) = (row(), row());
        if let Some(result) = quick::<Float<A, F, PACKED>>(a, b, 0, control) {
            let mut env = Env::new(control);
            assert_eq!(
                result,
                Float::<A, F, PACKED>::exact(a, b, 0, &mut env),
                "{a:?} {b:?}"
            );
            assert_eq!(env.finish(), (control, false), "{a:?} {b:?}");
            used += 1;
        }
    }
    assert!(used > if PACKED { 300 } else { 1000 }, "only {used}");
}

#[test]
fn the_quick_way_gives_the_same_bits_and_no_new_flag() {
    quick_is_exact::<Add, Single>(11);
    quick_is_exact::<Sub, Double>(12);
    quick_is_exact::<Mul, Single>(13);
    quick_is_exact::<Div, Double>(14);
    quick_is_exact::<Sqrt, Single>(15);
    quick_is_exact::<Min, Double>(16);
    quick_is_exact::<Max, Single>(17);
}

#[test]
fn the_quick_way_is_closed_where_a_flag_could_be_new() {
    let one = Xmm::of_low(1.0f64);
    type Sum = Float<Add, Double, false>;
    assert!(quick::<Sum>(one, one, 0, Mxcsr::RESET | Mxcsr::PE).is_some());
    assert!(quick::<Sum>(one, one, 0, Mxcsr::RESET).is_none(), "PE is clear");
    assert!(
        quick::<Sum>(one, one, 0, Mxcsr::PE).is_none(),
        "nothing is masked"
    );
    assert!(quick::<Sum>(one, one, 0, Mxcsr::RESET | Mxcsr::PE | Mxcsr::RC).is_none());
    assert!(
        quick::<Sum>(one, Xmm::of_low(1u64), 0, Mxcsr::RESET | Mxcsr::PE).is_none(),
        "a denormal"
    );
    let (infinity, most) = (Xmm::of_low(f64::INFINITY), Xmm::of_low(f64::MAX));
    let sum = |a, b| quick::<Sum>(a, b, 0, Mxcsr::RESET | Mxcsr::PE);
    assert_eq!(sum(one, infinity), Some(infinity));
    assert!(sum(infinity, Xmm::of_low(f64::NEG_INFINITY)).is_none(), "invalid");
    assert!(sum(most, most).is_none(), "overflow");
    assert!(sum(one, Xmm::of_low(f64::NAN)).is_none(), "a NaN");
}

#[test]
fn conversions_to_nearest_are_the_hosts() {
    let mut numbers = Numbers(21);
    for _ in 0..20_000 {
        let (a, b) = (numbers.number::<Double>(), numbers.number::<Single>());
        let (x, y) = (f64::from_bits(a), f32::from_bits(b as u32));
        if !x.is_nan() {
            let narrow = float::convert::<Double, Single>(a, &mut nearest());
            assert_eq!(narrow, (x as f32).to_bits() as u64, "{a:x}");
        }
        if !y.is_nan() {
            let wide = float::convert::<Single, Double>(b, &mut nearest());
            assert_eq!(wide, (y as f64).to_bits(), "{b:x}");
        }
        let integer = a as i32;
        let single = float::from_int::<Single>(integer as i64, &mut nearest());
        assert_eq!(single, (integer as f32).to_bits() as u64, "{integer}");
    }
}

#[test]
fn reciprocals_are_within_one_and_a_half_of_2_to_the_minus_12() {
    let mut numbers = Numbers(31);
    for _ in 0..50_000 {
        let bits = numbers.number::<Single>() & 0x7fff_ffff;
        let x = f32::from_bits(bits as u32) as f64;
        let reciprocal =
            Reciprocal::<false, false>::apply(Xmm::default(), Xmm::of_low(bits), 0).lane::<u32>(0);
        let root = Reciprocal::<true, false>::apply(Xmm::default(), Xmm::of_low(bits), 0).lane::<u32>(0);
        for (got, want) in [(reciprocal, 1.0 / x), (root, 1.0 / x.sqrt())] {
            if (want as f32).is_normal() && (x as f32).is_normal() {
                let error = (f32::from_bits(got) as f64 - want).abs() / want;
                assert!(error <= 1.5 / 4096.0, "{x:e}: {error:e}");
            }
        }
    }
}

#[test]
fn an_unmasked_exception_before_the_result_hides_those_after_it() {
    let mut env = Env::new(Mxcsr::MASKS - Mxcsr::ZM);
    env.raise(Mxcsr::PE | Mxcsr::ZE);
    assert_eq!(env.finish(), ((Mxcsr::MASKS - Mxcsr::ZM) | Mxcsr::ZE, true));
    let mut env = Env::new(Mxcsr::MASKS - Mxcsr::PM);
    env.raise(Mxcsr::PE | Mxcsr::OE);
    assert_eq!(
        env.finish(),
        ((Mxcsr::MASKS - Mxcsr::PM) | Mxcsr::PE | Mxcsr::OE, true)
    );
}

#[test]
fn texts_are_compared_as_the_immediate_says() {
    let text = |s: &str| {
        let mut bytes = [0; 16];
        bytes[..s.len()].copy_from_slice(s.as_bytes());
        Text {
            value: Xmm::from_bytes(bytes),
            length: None,
        }
    };
    // Equal any: the first vowel.
    let found = compare(text("aeiou"), text("xyzzy, hello"), 0x00);
    assert_eq!(found.index(0x00), 8);
    assert_eq!(found.flags, Eflags::CF | Eflags::ZF | Eflags::SF);
    // Ranges, the last match.
    assert_eq!(compare(text("09az"), text("AB7cD"), 0x44).index(0x44), 3);
    // Equal ordered: a substring, and a prefix at the end of the register.
    assert_eq!(compare(text("lo"), text("hello"), 0x0c).index(0x0c), 3);
    assert_eq!(
        compare(text("pq"), text("0123456789abcdep"), 0x0c).index(0x0c),
        15
    );
    // Equal each, negated: where they first differ.
    assert_eq!(compare(text("same"), text("sane"), 0x18).index(0x18), 2);
    let none = compare(text("q"), text("hello"), 0x00);
    assert_eq!((none.index(0x00), none.flags.contains(Eflags::CF)), (16, false));
}
