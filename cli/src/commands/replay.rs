//! `evmc replay`: executes blocks and tells whether they come to what they should.

use std::path::Path;

use super::code_source;
use crate::{
    args::ReplayArgs,
    error::{CliError, ExitStatus},
    output,
    replay::{self, EngineOptions, Options},
};

/// Executes the blocks.
pub fn run(args: &ReplayArgs) -> Result<ExitStatus, CliError> {
    let (codes, name) = code_source(args.engine, &args.compile)?;
    if let Some(folder) = &args.emit_bal {
        let failed = |source| CliError::Write { path: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let options = Options {
        schedule: args.schedule,
        engine: EngineOptions {
            threads: usize::from(args.threads),
            pins: args.pin,
            records_list: args.emit_bal.is_some(),
            // What is expected of a block is its state before them.
            applies_withdrawals: false,
            yield_seed: args.yields,
        },
        repeat: args.repeat,
        lists: args.bal.clone(),
        emit_lists: args.emit_bal.clone(),
    };
    let report = replay::run(&args.paths, &codes, name, &options)?;
    if args.json {
        output::write_json(Path::new("-"), &report)?;
    } else {
        output::print(report.to_text())?;
    }
    Ok(if report.differing == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}
