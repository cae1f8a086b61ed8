//! Benchmarks and adversarial inputs.
//!
//! * [`bombs`]: contracts and modules of WebAssembly that are dear to compile.
//! * [`workloads`]: what the benchmarks of `cargo bench` run.
//! * [`wasm_kernels`]: WebAssembly against other compilers and native code.

#![forbid(unsafe_code)]

pub mod bombs;
pub mod wasm_kernels;
pub mod workloads;
