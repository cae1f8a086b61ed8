//! The `evmc` binary: parses arguments, runs the command, turns its result into an exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use evmc::{
    args::Cli,
    commands,
    error::{ExitStatus, print_error},
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli.command) {
        Ok(status) => status.into(),
        Err(error) => {
            print_error(error);
            ExitStatus::Unusable.into()
        }
    }
}
