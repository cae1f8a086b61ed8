//! `evmc wast`: runs scripts of the WebAssembly specification's tests and tells how many assertions hold.

use std::path::Path;

use super::{default_jobs, wasm};
use crate::{
    args::WastArgs,
    error::{CliError, ExitStatus},
    output, wast,
};

/// Runs the scripts.
pub fn run(args: &WastArgs) -> Result<ExitStatus, CliError> {
    let engine = wasm::engine(args.engine, &args.compile, &args.meter)?;
    let jobs = args.jobs.map_or_else(default_jobs, usize::from);
    let summary = wast::run(&args.paths, &engine, args.gas, jobs)?;
    if args.json {
        output::write_json(Path::new("-"), &summary)?;
    } else {
        output::print(summary.to_text(args.verbose))?;
    }
    Ok(if summary.failed == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}
