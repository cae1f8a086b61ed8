//! `evmc replay`: executes blocks and tells whether they come to what they should.

use std::{path::Path, sync::Arc};

use evmc_background::BackgroundCompiler;
use evmc_revm::{CodeSource, StoreCodes};
use serde::Serialize;

use super::code_source;
use crate::{
    args::ReplayArgs,
    background,
    error::{CliError, ExitStatus},
    output,
    replay::{self, EngineOptions, Options, Report, Source},
    store,
};

/// Executes the blocks.
pub fn run(args: &ReplayArgs) -> Result<ExitStatus, CliError> {
    let (source, compiler) = source(args)?;
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
            ..EngineOptions::default()
        },
        repeat: args.repeat,
        lists: args.bal.clone(),
        emit_lists: args.emit_bal.clone(),
    };
    let report = replay::run(&args.paths, &source, &options)?;
    if let Some(codes) = &source.stored {
        tell_refused(codes);
    }
    let status = if report.differing == 0 { ExitStatus::Success } else { ExitStatus::Failed };
    let background = compiler.as_ref().map(background::Report::at_the_end);
    if args.json {
        output::write_json(Path::new("-"), &Answer { report, background })?;
    } else {
        let background = background.as_ref().map(background::Report::to_text);
        output::print(report.to_text() + &background.unwrap_or_default())?;
    }
    Ok(status)
}

/// Where code comes from, and what fills the store meanwhile.
fn source(args: &ReplayArgs) -> Result<(Source, Option<BackgroundCompiler>), CliError> {
    let Some(folder) = &args.store else {
        let (codes, name) = code_source(args.engine, &args.compile)?;
        return Ok((Source { codes, stored: None, name }, None));
    };
    if args.background {
        background::make_folder(folder)?;
    }
    let stored = Arc::new(StoreCodes::open(folder, store::trust(&args.trust)?)?);
    let compiler = args.background.then(|| background::start(&stored, args)).transpose()?;
    let plain = || Arc::clone(&stored) as Arc<dyn CodeSource>;
    let codes = compiler.as_ref().map_or_else(plain, BackgroundCompiler::source);
    Ok((Source { codes, stored: Some(stored), name: "store" }, compiler))
}

/// A replay as JSON.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<background::Report>,
}

/// Says on standard error which artifacts of a store were not run, and were interpreted instead.
fn tell_refused(codes: &StoreCodes) {
    let folder = codes.store().folder().display().to_string();
    for (reason, count) in codes.counters().refused {
        eprintln!("{count} artifacts refused ({reason}); `evmc store verify {folder}` tells which");
    }
}
