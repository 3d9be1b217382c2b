//! Registers as rows of elements.
//!
//! An XMM register is sixteen bytes and never an integer on the way: what is copied as bytes and taken apart element
//! by element becomes vector code, but what has once been one integer of 128 bits is shifted apart.

use serde::{Deserialize, Serialize};

/// An element of a packed value.
pub(crate) trait Lane: Copy + Default {
    /// Size in bytes.
    const BYTES: usize;
    /// From the first bytes of a slice, little-endian.
    fn get(bytes: &[u8]) -> Self;
    /// Into the first bytes of a slice.
    fn put(self, bytes: &mut [u8]);
}

macro_rules! lanes {
    ($($t:ty)*) => { $(
        impl Lane for $t {
            const BYTES: usize = size_of::<$t>();
            #[inline(always)]
            fn get(bytes: &[u8]) -> Self {
                let mut le = [0; size_of::<$t>()];
                le.copy_from_slice(&bytes[..size_of::<$t>()]);
                Self::from_le_bytes(le)
            }
            #[inline(always)]
            fn put(self, bytes: &mut [u8]) {
                bytes[..size_of::<$t>()].copy_from_slice(&self.to_le_bytes());
            }
        }
    )* };
}
lanes!(u8 i8 u16 i16 u32 i32 u64 f32 f64);

/// An XMM register: 16 bytes, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u128", into = "u128")]
#[repr(align(16))]
pub struct Xmm([u8; 16]);

impl Xmm {
    /// Of two halves.
    #[inline(always)]
    pub(crate) fn of_halves(low: u64, high: u64) -> Self {
        Self::build(|n| if n == 0 { low } else { high })
    }

    /// With the low element replaced.
    #[inline(always)]
    pub(crate) fn with_low<L: Lane>(self, value: L) -> Self {
        self.with_lane(0, value)
    }

    /// The low element, all else being zero.
    #[inline(always)]
    pub(crate) fn of_low<L: Lane>(value: L) -> Self {
        Self::default().with_lane(0, value)
    }

    /// Its high 64 bits.
    #[inline(always)]
    pub(crate) fn high(self) -> u64 {
        self.lane(1)
    }
}

impl From<u128> for Xmm {
    #[inline(always)]
    fn from(value: u128) -> Self {
        Self(value.to_le_bytes())
    }
}

impl From<Xmm> for u128 {
    #[inline(always)]
    fn from(value: Xmm) -> Self {
        Self::from_le_bytes(value.0)
    }
}

/// An MMX register (`u64`) or an XMM register.
pub(crate) trait Packed: Copy + 'static {
    /// Size in bytes.
    const BYTES: usize;
    /// The same as bytes, lowest first.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default;

    fn bytes(self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
    /// Its low 64 bits.
    fn low(self) -> u64;

    /// The element at `n`.
    #[inline(always)]
    fn lane<L: Lane>(self, n: usize) -> L {
        L::get(&self.bytes().as_ref()[n % (Self::BYTES / L::BYTES) * L::BYTES..])
    }

    /// With the element at `n` replaced.
    #[inline(always)]
    fn with_lane<L: Lane>(self, n: usize, value: L) -> Self {
        let mut bytes = self.bytes();
        value.put(&mut bytes.as_mut()[n % (Self::BYTES / L::BYTES) * L::BYTES..]);
        Self::from_bytes(bytes)
    }

    /// A value of elements by their numbers.
    #[inline(always)]
    fn build<L: Lane>(mut element: impl FnMut(usize) -> L) -> Self {
        let mut bytes = Self::Bytes::default();
        for (n, place) in bytes.as_mut().chunks_exact_mut(L::BYTES).enumerate() {
            element(n).put(place);
        }
        Self::from_bytes(bytes)
    }

    /// `f` of each element.
    #[inline(always)]
    fn map<L: Lane>(self, f: impl Fn(L) -> L) -> Self {
        self.zip(self, |a, _| f(a))
    }

    /// `f` of each pair of elements.
    #[inline(always)]
    fn zip<L: Lane>(self, other: Self, f: impl Fn(L, L) -> L) -> Self {
        let (a, b) = (self.bytes(), other.bytes());
        let mut out = Self::Bytes::default();
        let pairs = a
            .as_ref()
            .chunks_exact(L::BYTES)
            .zip(b.as_ref().chunks_exact(L::BYTES));
        for (place, (a, b)) in out.as_mut().chunks_exact_mut(L::BYTES).zip(pairs) {
            f(L::get(a), L::get(b)).put(place);
        }
        Self::from_bytes(out)
    }
}

impl Packed for u64 {
    const BYTES: usize = 8;
    type Bytes = [u8; 8];
    #[inline(always)]
    fn bytes(self) -> [u8; 8] {
        self.to_le_bytes()
    }
    #[inline(always)]
    fn from_bytes(bytes: [u8; 8]) -> Self {
        Self::from_le_bytes(bytes)
    }
    #[inline(always)]
    fn low(self) -> u64 {
        self
    }
}

impl Packed for Xmm {
    const BYTES: usize = 16;
    type Bytes = [u8; 16];
    #[inline(always)]
    fn bytes(self) -> [u8; 16] {
        self.0
    }
    #[inline(always)]
    fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    #[inline(always)]
    fn low(self) -> u64 {
        self.lane(0)
    }
}
