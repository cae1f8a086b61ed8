//! Benchmarks and adversarial inputs.
//!
//! * [`bombs`]: contracts that are dear to compile.

#![forbid(unsafe_code)]

pub mod bombs;
