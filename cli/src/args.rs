//! The command line: its commands, arguments and their meaning.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use regex::Regex;

use crate::fork::{Fork, parse_fork};

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
    /// Run Ethereum state tests
    Statetest(StatetestArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Ways of running code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// revm's interpreter
    Interpreter,
}

/// Arguments of `evmc statetest`.
#[derive(Debug, Args)]
pub struct StatetestArgs {
    /// Files, folders, .tar.gz or .tar.zst archives; without any, file names are read from standard
    /// input, one a line, and each is answered before the next is read
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// How to run the code
    #[arg(long, value_enum, default_value_t = EngineName::Interpreter)]
    pub engine: EngineName,

    /// Only this fork; may be repeated
    #[arg(long = "fork", value_name = "FORK", value_parser = parse_fork)]
    pub forks: Vec<Fork>,

    /// Only subtests whose name, `FILE::TEST [FORK dN gN vN]`, matches this regular expression
    #[arg(long, value_name = "RE")]
    pub filter: Option<Regex>,

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
