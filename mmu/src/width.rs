//! Operand widths as types: `u8`, `u16`, `u32`, `u64`.

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}

/// An unsigned integer that an instruction or a bus cycle can move.
pub trait Width: Copy + Eq + Default + core::fmt::Debug + sealed::Sealed + 'static {
    /// Size in bytes.
    const BYTES: u32;
    /// Size in bits.
    const BITS: u32 = Self::BYTES * 8;
    /// All ones, zero-extended.
    const MASK: u64 = if Self::BYTES == 8 {
        u64::MAX
    } else {
        (1 << (Self::BITS & 63)) - 1
    };
    /// The sign bit, zero-extended.
    const SIGN: u64 = 1 << (Self::BITS - 1);

    /// The low bits of `value`.
    fn truncate(value: u64) -> Self;
    /// Zero-extends to 64 bits.
    fn zext(self) -> u64;
    /// Sign-extends to 64 bits.
    fn sext(self) -> u64;
    /// Reads from the first `BYTES` bytes of a little-endian slice; missing bytes are zero.
    fn from_le(bytes: &[u8]) -> Self {
        let mut le = [0; 8];
        let n = bytes.len().min(Self::BYTES as usize);
        le[..n].copy_from_slice(&bytes[..n]);
        Self::truncate(u64::from_le_bytes(le))
    }
}

macro_rules! width {
    ($($unsigned:ty, $signed:ty);*) => { $(
        impl Width for $unsigned {
            const BYTES: u32 = <$unsigned>::BITS / 8;
            #[inline(always)]
            fn truncate(value: u64) -> Self { value as $unsigned }
            #[inline(always)]
            fn zext(self) -> u64 { self as u64 }
            #[inline(always)]
            fn sext(self) -> u64 { self as $signed as i64 as u64 }
        }
    )* };
}

width!(u8, i8; u16, i16; u32, i32; u64, i64);
