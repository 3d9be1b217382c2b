//! The transcendental instructions: F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FSINCOS, FPTAN.
//!
//! Follows SDM vol. 1 §8.3.6 to §8.3.10 (arguments, reduction by a pi of 66 bits) and vol. 2A for special operands.
//! Every function reduces its argument with tables of 32 to 48 entries and sums a Taylor series, in fixed point of
//! 128 bits. What comes out is good to more than 100 bits and rounded once, so that results are within half a unit
//! of the last place but for a hair; silicon promises one.

mod arctangent;
mod exponential;
mod logarithm;
mod tables;
mod trigonometry;
mod wide;
