//! Filetests, fixtures and differential fuzzing.

#![forbid(unsafe_code)]

pub mod asm;
pub mod assembly;
pub mod bench_set;
pub mod corpus;
pub mod filetest;
pub mod kernel;
pub mod native;
pub mod objects;

/// The folder of test data that is not part of the project: `EVMC_DATA`, by default `../shared/data`
/// beside it.
pub fn data_folder() -> std::path::PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    std::env::var_os("EVMC_DATA").map_or_else(|| beside.into(), Into::into)
}
