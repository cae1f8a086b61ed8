//! The arguments of `evmc bench`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use evmc_backend::CpuLevel;
use regex::Regex;

use super::{TransactionArgs, parse_cpu};
use crate::bench::table::Sort;

/// Longest time that an option may ask for, in seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// Arguments of `evmc bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Contract or WebAssembly module to measure: file, `-` for standard input, or code as 0x… [default: the bench set]
    pub input: Option<String>,

    /// WebAssembly: the exported function to call, with its arguments behind the input [default: the only one of
    /// _start, run and main that takes no arguments]
    #[arg(long, value_name = "NAME", requires = "input", group = "function")]
    pub invoke: Option<String>,

    /// The transaction
    #[command(flatten)]
    pub transaction: TransactionArgs,

    /// Engines to compare with the interpreter, which always runs; of WebAssembly, with the first one that is named
    /// [default: all that are built in]
    #[arg(long = "engine", value_name = "NAME", value_delimiter = ',')]
    pub engines: Vec<String>,

    /// Optimisation level of the compiler, 0 to 3
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=3))]
    pub level: u8,

    /// Processor that the code is for: x86-64-v3, or x86-64 for any
    #[arg(long, value_name = "CPU", default_value = CpuLevel::V3.name(), value_parser = parse_cpu)]
    pub cpu: CpuLevel,

    /// Configuration of the LLVM backend instead of the built-in llvm.toml
    #[arg(long, value_name = "FILE")]
    pub llvm_config: Option<PathBuf>,

    /// Have compiled code start each transaction without the Keccak-256 hashes that earlier ones computed, as a
    /// transaction does that is not a repetition
    #[arg(long)]
    pub cold: bool,

    /// Time for each row, all engines together, beyond compilation and warm-up
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = parse_seconds)]
    pub time: Duration,

    /// The bench set [default: $EVMC_DATA/bench/bench-inputs.json]
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub set: Option<PathBuf>,

    /// Measure all rows of the set, not the headline alone
    #[arg(long, conflicts_with = "input")]
    pub all: bool,

    /// Only rows whose name matches this regular expression
    #[arg(long, value_name = "RE", conflicts_with = "input")]
    pub filter: Option<Regex>,

    /// Another program to measure as well, started by the shell; may be repeated. It speaks a protocol of
    /// JSON lines: cli/src/bench/external/PROTOCOL.md
    #[arg(long = "external", value_name = "CMD")]
    pub externals: Vec<String>,

    /// How long each answer of another program may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    pub external_timeout: Duration,

    /// Be such a program, with the one engine that --engine names
    #[arg(long, requires = "engines", conflicts_with_all = ["input", "set", "all", "filter", "externals", "json", "html", "svg", "from"])]
    pub serve: bool,

    /// Order of the rows
    #[arg(long, value_enum, default_value_t = Sort::Set)]
    pub sort: Sort,

    /// Write a page that shows and explains the result
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write the page's chart as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Measure nothing: show a result that --json printed (`-` for standard input)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "set", "all", "filter", "engines", "externals", "cold", "llvm_config"])]
    pub from: Option<String>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Parses a time in seconds.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("expected is a number of seconds, at most {MAX_SECONDS}"))
}
