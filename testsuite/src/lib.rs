//! Filetests, fixtures and differential fuzzing.
//!
//! * [`asm`]: a small EVM assembler; [`assembly`]: its text form.
//! * [`filetest`]: tests that are files.
//! * [`backends`]: the code generators of this build. [`blocks`]: whole blocks, made up.
//! * [`objects`], [`native`], [`kernel`]: object files made by hand, and code run without a frontend.
//! * [`bench_set`], [`corpus`]: the given benchmark transactions and real contracts.
//! * [`faults`]: native code that fails on purpose.
//! * [`fuzz`]: random programs, every engine against the reference.
//! * `wasm_fuzz`, with the feature `oracle`: random modules of WebAssembly, every engine against wasmtime.
//! * [`wasm_suite`]: the WebAssembly specification's tests.
//! * [`measure`]: what this process has used. [`workspace`]: what cargo knows of this workspace.

#![forbid(unsafe_code)]

pub mod asm;
pub mod assembly;
pub mod backends;
pub mod blocks;
pub mod corpus;
pub mod faults;
pub mod filetest;
pub mod fuzz;
pub mod kernel;
pub mod measure;
pub mod native;
pub mod objects;
#[cfg(feature = "oracle")]
pub mod wasm_fuzz;
pub mod wasm_suite;
pub mod workspace;

pub use evmc::bench::set as bench_set;

/// The folder of test data that is not part of the project: `EVMC_DATA`, by default `../shared/data`
/// beside it.
pub fn data_folder() -> std::path::PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    std::env::var_os("EVMC_DATA").map_or_else(|| beside.into(), Into::into)
}
