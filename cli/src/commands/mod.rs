//! One module for each command: from its arguments to what it prints.

mod completions;
mod statetest;

use crate::{
    args::Command,
    error::{CliError, ExitStatus},
};

/// Runs a command.
pub fn run(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Statetest(args) => statetest::run(args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Threads where the user names no number: one for each processor.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
