//! What MMX and SSE instructions compute, as functions of values: no registers, no memory.
//!
//! Following SDM vol. 1 chapters 9 to 12 and the instructions' pages in vol. 2. Integer operations are
//! written once for both register sizes; loops over elements are what compilers turn into the host's own
//! vector instructions. Floating point is exact in [`float`], and fast in [`host`] where that is proven equal.
//! Left out: what came after SSE4.2.

pub(crate) mod float;
pub(crate) mod host;
pub(crate) mod integer;
pub(crate) mod mxcsr;
pub(crate) mod packed;
pub(crate) mod packed_float;
pub(crate) mod shuffle;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub use mxcsr::Mxcsr;
pub(crate) use packed::Packed;
pub use packed::Xmm;
