//! `evmc completions`: a script that teaches a shell the command line.

use clap::CommandFactory;

use crate::{
    args::{Cli, CompletionsArgs},
    error::{CliError, ExitStatus},
    output,
};

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Result<ExitStatus, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "evmc", &mut script);
    output::print(script)?;
    Ok(ExitStatus::Success)
}
