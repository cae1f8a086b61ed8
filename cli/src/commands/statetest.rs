//! `evmc statetest`: runs Ethereum state tests and tells how many pass.

use std::path::Path;

use super::{default_jobs, engine};
use crate::{
    args::StatetestArgs,
    error::{CliError, ExitStatus},
    output,
    statetest::{self, Options},
};

/// Runs the tests.
pub fn run(args: StatetestArgs) -> Result<ExitStatus, CliError> {
    let engine = engine(args.engine, &args.compile, !args.no_initcode)?;
    let options = Options {
        forks: args.forks,
        filter: args.filter,
        sample: args.sample,
        slow: args.slow,
        compare: !args.no_compare,
        trace: args.json,
        outcome_lines: args.json || args.json_outcome,
        jobs: args.jobs.map_or_else(default_jobs, usize::from),
    };
    let summary = statetest::run(&args.paths, engine.as_ref(), &options)?;
    if let Some(path) = &args.summary {
        output::write_json(path, &summary)?;
    }
    if args.summary.as_deref() != Some(Path::new("-")) {
        output::print(summary.to_text())?;
    }
    Ok(if summary.failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}
