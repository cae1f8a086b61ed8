//! `evmc replay`: executes blocks and tells whether they come to what they should.

use std::{path::Path, sync::Arc};

use evmc_revm::{CodeSource, StoreCodes};

use super::code_source;
use crate::{
    args::ReplayArgs,
    error::{CliError, ExitStatus},
    output,
    replay::{self, EngineOptions, Options, Source},
    store,
};

/// Executes the blocks.
pub fn run(args: &ReplayArgs) -> Result<ExitStatus, CliError> {
    let stored = match &args.store {
        Some(folder) => Some(Arc::new(StoreCodes::open(folder, store::trust(&args.trust)?)?)),
        None => None,
    };
    let (codes, name) = match &stored {
        Some(codes) => (Arc::clone(codes) as Arc<dyn CodeSource>, "store"),
        None => code_source(args.engine, &args.compile)?,
    };
    let source = Source { codes, stored, name };
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
    let report = replay::run(&args.paths, &source, &options)?;
    if let Some(codes) = &source.stored {
        tell_refused(codes);
    }
    if args.json {
        output::write_json(Path::new("-"), &report)?;
    } else {
        output::print(report.to_text())?;
    }
    Ok(if report.differing == 0 { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Says on standard error which artifacts of a store were not run, and were interpreted instead.
fn tell_refused(codes: &StoreCodes) {
    let folder = codes.store().folder().display().to_string();
    for (reason, count) in codes.counters().refused {
        eprintln!("{count} artifacts refused ({reason}); `evmc store verify {folder}` tells which");
    }
}
