//! The command line: its commands, arguments and their meaning.

mod bench;
mod negative;
mod profile;
mod replay;
mod run;
mod store;
mod wasm;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use evmc_backend::CpuLevel;
use regex::Regex;

pub use bench::BenchArgs;
pub use negative::mark;
pub use profile::ProfileArgs;
pub use replay::ReplayArgs;
pub use run::{RunArgs, TransactionArgs};
pub use store::{StoreCommand, StoreGcArgs, StorePullArgs, StorePushArgs, StoreReadArgs, StoreVerifyArgs};
pub use wasm::{MeterArgs, WasmEngineName, WastArgs};

use crate::{
    backend::BackendName,
    build::Emit,
    fork::{Fork, parse_fork},
    statetest,
    store::{Location, Shard},
};

/// Exit codes, as the help text gives them.
const EXIT_CODES: &str = "\
Exit codes:
  0  done, and what was checked holds
  1  done, but what was checked does not hold: a test failed, a transaction did not succeed
  2  not done: the arguments, an input or the system stood in the way";

/// Ahead-of-time compiler from EVM bytecode to native code.
#[derive(Debug, Parser)]
#[command(name = "evmc", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure engines against each other
    Bench(BenchArgs),
    /// Compile contracts and WebAssembly modules to native code
    Build(BuildArgs),
    /// Look into contracts, WebAssembly modules and artifacts
    Inspect(InspectArgs),
    /// List the passes of the compiler
    Passes(PassesArgs),
    /// Find the codes in which blocks spend their operations
    Profile(ProfileArgs),
    /// Execute blocks again and compare what they come to
    Replay(ReplayArgs),
    /// Run one transaction on a contract, or call a function of a WebAssembly module
    Run(RunArgs),
    /// Run Ethereum state tests
    Statetest(StatetestArgs),
    /// Run scripts of the WebAssembly specification's tests
    Wast(WastArgs),
    /// Look after stores of artifacts
    #[command(subcommand)]
    Store(StoreCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Ways of running code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// Machine code
    Native,
    /// revm's interpreter
    Interpreter,
    /// The interpreter of the compiler's IR
    Ir,
}

/// How code is compiled.
#[derive(Clone, Debug, Args)]
pub struct CompileArgs {
    /// Code generator
    #[arg(long, value_enum, default_value_t = BackendName::Cranelift)]
    pub backend: BackendName,

    /// Configuration of the LLVM backend instead of the built-in llvm.toml
    #[arg(long, value_name = "FILE")]
    pub llvm_config: Option<PathBuf>,

    /// Target triple; others than this machine's give objects, not artifacts that run here
    #[arg(long, value_name = "TRIPLE", default_value = evmc_backend::backend::DEFAULT_TRIPLE)]
    pub target: String,

    /// Optimisation level, 0 to 3
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=3))]
    pub level: u8,

    /// Processor that the code is for: x86-64-v3, or x86-64 for any
    #[arg(long, value_name = "CPU", default_value = CpuLevel::V3.name(), value_parser = parse_cpu)]
    pub cpu: CpuLevel,

    /// Keep the EVM stack in memory everywhere
    #[arg(long)]
    pub no_specialise: bool,

    /// Verify the IR after each step of the compiler
    #[arg(long)]
    pub verify_ir: bool,
}

/// Parses a processor level.
fn parse_cpu(text: &str) -> Result<CpuLevel, String> {
    CpuLevel::from_name(text).ok_or_else(|| "known are x86-64 and x86-64-v3".to_owned())
}

const BUILD_EXAMPLES: &str = "\
Examples:
  evmc build Token.json --contract Token -o token.so
  evmc build kernel.wasm --backend llvm -O3
  evmc build kernel.wat --no-meter --emit asm";

/// Arguments of `evmc build`.
#[derive(Debug, Args)]
#[command(after_help = BUILD_EXAMPLES)]
pub struct BuildArgs {
    /// Files, folders, archives, `-` for standard input, or code as 0x…
    #[arg(value_name = "INPUT", required_unless_present = "profile")]
    pub inputs: Vec<String>,

    /// The codes in this file, which evmc profile wrote, for the forks that it names
    #[arg(long, value_name = "FILE", requires = "store")]
    #[arg(conflicts_with_all = ["inputs", "contract", "fork", "initcode"])]
    pub profile: Option<PathBuf>,

    /// File for the result, or folder for several [default: named after the contract]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Only this contract: NAME or FILE:NAME
    #[arg(long, value_name = "NAME")]
    pub contract: Option<String>,

    /// Fork whose rules the code runs under
    #[arg(long = "evm-version", value_name = "FORK", default_value = "Osaka", value_parser = parse_fork)]
    pub fork: Fork,

    /// How to compile
    #[command(flatten)]
    pub compile: CompileArgs,

    /// What to count in WebAssembly
    #[command(flatten)]
    pub meter: MeterArgs,

    /// What to write
    #[arg(long, value_enum, default_value_t = Emit::So)]
    pub emit: Emit,

    /// Put artifacts into the store in this folder, or at this file:// or s3:// address, and leave out
    /// codes that it has
    #[arg(long, value_name = "DIR|URL", conflicts_with_all = ["output", "emit"])]
    pub store: Option<Location>,

    /// Sign the index of the store with this secret key (PEM, Ed25519)
    #[arg(long, value_name = "FILE", requires = "store")]
    pub sign: Option<PathBuf>,

    /// Only the I-th of N parts of the codes, always the same ones
    #[arg(long, value_name = "I/N", requires = "store")]
    pub shard: Option<Shard>,

    /// Compile also what the store has
    #[arg(long, requires = "store")]
    pub force: bool,

    /// Compile the code that deploys the contract instead of the deployed code
    #[arg(long)]
    pub initcode: bool,

    /// Threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Do not outlive the thread that has started this process
    #[arg(long, hide = true)]
    pub end_with_parent: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Files, folders, archives, artifacts, `-` for standard input, or code as 0x…
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<String>,

    /// Only this contract: NAME or FILE:NAME
    #[arg(long, value_name = "NAME")]
    pub contract: Option<String>,

    /// Fork whose rules the code runs under
    #[arg(long = "evm-version", value_name = "FORK", default_value = "Osaka", value_parser = parse_fork)]
    pub fork: Fork,

    /// Print figures over all contracts only
    #[arg(long)]
    pub stats: bool,

    /// Compile each contract as well, and tell sizes and times
    #[arg(long)]
    pub measure: bool,

    /// How to compile
    #[command(flatten)]
    pub compile: CompileArgs,

    /// What to count in WebAssembly
    #[command(flatten)]
    pub meter: MeterArgs,

    /// Draw the control flow graph of the one contract to this file, as .svg or .dot
    #[arg(long, value_name = "FILE")]
    pub cfg: Option<PathBuf>,

    /// Threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc passes`.
#[derive(Debug, Args)]
pub struct PassesArgs {
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `evmc statetest`.
#[derive(Debug, Args)]
pub struct StatetestArgs {
    /// Files, folders, .tar.gz or .tar.zst archives; without any, file names are read from standard
    /// input, one a line, and each is answered before the next is read
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// How to run the code
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    pub engine: EngineName,

    /// How to compile it
    #[command(flatten)]
    pub compile: CompileArgs,

    /// Interpret initcode, compile deployed code only
    #[arg(long)]
    pub no_initcode: bool,

    /// Only this fork; may be repeated
    #[arg(long = "fork", value_name = "FORK", value_parser = parse_fork)]
    pub forks: Vec<Fork>,

    /// Only subtests whose name, `FILE::TEST [FORK dN gN vN]`, matches this regular expression
    #[arg(long, value_name = "RE")]
    pub filter: Option<Regex>,

    /// Only N of M subtests of each test under each fork, always the same ones
    #[arg(long, value_name = "N/M")]
    pub sample: Option<statetest::Sample>,

    /// Also run the published tests that take minutes in an interpreter
    #[arg(long)]
    pub slow: bool,

    /// Do not compare outcomes with the interpreter's
    #[arg(long)]
    pub no_compare: bool,

    /// Worker threads [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Write a summary as JSON to this file (`-` for standard output)
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,

    /// Write an EIP-3155 trace by the interpreter and an outcome line per subtest to standard error
    #[arg(long)]
    pub json: bool,

    /// Write an outcome line per subtest to standard error
    #[arg(long)]
    pub json_outcome: bool,
}

/// Arguments of `evmc completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}
