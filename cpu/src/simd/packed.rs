//! Registers as rows of elements.

/// An element of a packed value.
pub(crate) trait Lane: Copy {
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
lanes!(u8 i8 u16 i16 u32 i32 u64);

/// An MMX register (`u64`) or an XMM register (`u128`).
pub(crate) trait Packed: Copy + 'static {
    /// Size in bytes.
    const BYTES: usize;
    /// The same as bytes, lowest first.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default;

    fn bytes(self) -> Self::Bytes;
    fn from_bytes(bytes: Self::Bytes) -> Self;
    /// Its low 64 bits.
    fn low(self) -> u64;
    /// Shifted right by whole bytes, zeros coming in.
    fn shift_bytes(self, count: u8) -> Self;

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

macro_rules! packed {
    ($($t:ty)*) => { $(
        impl Packed for $t {
            const BYTES: usize = size_of::<$t>();
            type Bytes = [u8; size_of::<$t>()];
            #[inline(always)]
            fn bytes(self) -> Self::Bytes {
                self.to_le_bytes()
            }
            #[inline(always)]
            fn from_bytes(bytes: Self::Bytes) -> Self {
                Self::from_le_bytes(bytes)
            }
            #[inline(always)]
            fn low(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn shift_bytes(self, count: u8) -> Self {
                self.checked_shr(count as u32 * 8).unwrap_or(0)
            }
        }
    )* };
}
packed!(u64 u128);
