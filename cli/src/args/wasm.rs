//! The arguments that are about WebAssembly.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evmc_compiler::frontend::wasm::WORK;

use super::CompileArgs;
use crate::wast;

/// Ways of running WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WasmEngineName {
    /// Machine code
    Native,
    /// The interpreter of the compiler's IR
    Ir,
}

/// What is counted in compiled WebAssembly, and when compiling it.
#[derive(Clone, Debug, Args)]
pub struct MeterArgs {
    /// WebAssembly: do not count gas
    #[arg(long)]
    pub no_meter: bool,

    /// WebAssembly: prices of operators instead of the built-in ones
    #[arg(long, value_name = "FILE", conflicts_with = "no_meter")]
    pub costs: Option<PathBuf>,

    /// WebAssembly: refuse modules that are more work to compile, in units of about 0.1 µs
    #[arg(long, value_name = "UNITS", default_value_t = WORK)]
    pub max_work: u64,
}

const WAST_EXAMPLES: &str = "\
Examples:
  evmc wast i32.wast                         one script, natively, by Cranelift
  evmc wast spec/test/core --engine ir       a folder, in the interpreter of the IR
  evmc wast spec/test/core --backend llvm    a folder, natively, by LLVM";

/// Arguments of `evmc wast`.
#[derive(Debug, Args)]
#[command(after_help = WAST_EXAMPLES)]
pub struct WastArgs {
    /// Scripts (.wast), or folders of them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How to run the code
    #[arg(long, value_enum, default_value_t = WasmEngineName::Native)]
    pub engine: WasmEngineName,

    /// How to compile it
    #[command(flatten)]
    pub compile: CompileArgs,

    /// What to count in it
    #[command(flatten)]
    pub meter: MeterArgs,

    /// Gas that each call may use, so that it ends
    #[arg(long, value_name = "GAS", default_value_t = wast::GAS, conflicts_with = "no_meter")]
    pub gas: u64,

    /// Worker threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Tell also which modules were refused with another message than the script gives
    #[arg(short, long)]
    pub verbose: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
