//! WebAssembly kernels: how fast compiled code computes, against other compilers and native code.
//!
//! * [`set`]: what is measured. [`entrant`]: who takes part; [`native`], `wasmtime`: those there are.
//! * [`measure`]: how times are taken. [`report`]: what was found; [`table`]: that for the terminal.
//!
//! A kernel exports `run(n: i32) -> i64`, imports nothing and computes the same number on every machine, which each call
//! is compared with. Everything runs in turns on one thread, and what is told are ratios of times that were taken
//! one after the other: so it hardly matters what else the machine does, or how fast it is just then.
//!
//! Only the run counts: neither compilation nor instantiation, and no call of a host function.

pub mod entrant;
mod evmc;
pub mod measure;
pub mod native;
pub mod report;
pub mod set;
pub mod table;
#[cfg(feature = "oracle")]
pub mod wasmtime;
