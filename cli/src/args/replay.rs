//! The arguments of `evmc replay`.

use std::path::PathBuf;

use clap::Args;

use super::{CompileArgs, EngineName};
use crate::replay::ScheduleName;

/// Arguments of `evmc replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Blocks in the format evmc-mainnet-block/1: files, folders, .tar.gz or .tar.zst archives
    #[arg(value_name = "BLOCK", required = true)]
    pub paths: Vec<PathBuf>,

    /// In which order transactions are executed; the result is the same
    #[arg(long, value_enum, default_value_t = ScheduleName::Sequential)]
    pub schedule: ScheduleName,

    /// Worker threads
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: u16,

    /// How to run the code
    #[arg(long, value_enum, default_value_t = EngineName::Native)]
    pub engine: EngineName,

    /// Run the code that the store in this folder has, and interpret the rest, instead of compiling
    #[arg(long, value_name = "DIR", conflicts_with = "engine")]
    pub store: Option<PathBuf>,

    /// Refuse the store unless this public key (PEM) has signed it; may be repeated
    #[arg(long, value_name = "FILE", requires = "store")]
    pub trust: Vec<PathBuf>,

    /// Compile in the background what the store lacks and what burns much gas, and put it there; blocks that
    /// come later, and repetitions, run it natively
    #[arg(long, requires = "store")]
    pub background: bool,

    /// Compile a code when it has burned this much gas interpreted for each of its bytes
    #[arg(long, value_name = "GAS", requires = "background", default_value_t = evmc_background::Options::GAS_PER_BYTE)]
    pub gas_per_byte: u64,

    /// Sign the index of the store with this secret key (PEM) when something is put there
    #[arg(long, value_name = "FILE", requires = "background")]
    pub sign: Option<PathBuf>,

    /// How to compile it; that is done before the clock runs
    #[command(flatten)]
    pub compile: CompileArgs,

    /// Execute each block this many times, and report the median time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Folder with access lists, NUMBER.rlp, for --schedule bal [default: made by a run beforehand]
    #[arg(long, value_name = "DIR")]
    pub bal: Option<PathBuf>,

    /// Write each block's access list (EIP-7928) to DIR/NUMBER.rlp
    #[arg(long, value_name = "DIR")]
    pub emit_bal: Option<PathBuf>,

    /// Keep each worker on a processor of its own
    #[arg(long)]
    pub pin: bool,

    /// For tests: let workers yield at random places, by this seed
    #[arg(long, value_name = "SEED")]
    pub yields: Option<u64>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
