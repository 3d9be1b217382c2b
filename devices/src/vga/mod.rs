//! The video graphics array.

mod frame;

pub use frame::Frame;
