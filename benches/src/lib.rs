//! Benchmarks and adversarial inputs.
//!
//! * [`bombs`]: contracts that are dear to compile.
//! * [`workloads`]: what the benchmarks of `cargo bench` run.

#![forbid(unsafe_code)]

pub mod bombs;
pub mod workloads;
