//! The arguments of `evmc profile`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `evmc profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Blocks in the format evmc-mainnet-block/1: files, folders, .tar.gz or .tar.zst archives
    #[arg(value_name = "BLOCK", required = true)]
    pub paths: Vec<PathBuf>,

    /// List the busiest codes that make up this share of all operations, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0, value_parser = parse_percent)]
    pub share: f64,

    /// Write the profile to this file, for evmc build --profile
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Print the profile as JSON
    #[arg(long)]
    pub json: bool,
}

/// Parses a share in per cent.
fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "expected is a number from 0 to 100".to_owned())
}
