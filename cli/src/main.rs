//! The `evmc` binary: parses arguments, runs the command, turns its result into an exit code.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

use clap::Parser;
use evmc::{
    args::{self, Cli},
    commands,
    error::{ExitStatus, print_error},
};

fn main() -> ExitCode {
    let cli = Cli::parse_from(args::mark(env::args_os()));
    match commands::run(cli.command) {
        Ok(status) => status.into(),
        Err(error) => {
            print_error(error);
            ExitStatus::Unusable.into()
        }
    }
}
