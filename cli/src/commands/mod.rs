//! One module for each command: from its arguments to what it prints.

mod completions;
mod run;
mod statetest;

use crate::{
    args::{Command, EngineName},
    engine::{Engine, InterpreterEngine},
    error::{CliError, ExitStatus},
    input::Warning,
};

/// Runs a command.
pub fn run(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Statetest(args) => statetest::run(args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The engine with this name.
fn engine(name: EngineName) -> Box<dyn Engine> {
    match name {
        EngineName::Interpreter => Box::new(InterpreterEngine::default()),
    }
}

/// Prints warnings to standard error.
fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("{:?}", miette::Report::new(warning.clone()));
    }
}

/// Threads where the user names no number: one for each processor.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
