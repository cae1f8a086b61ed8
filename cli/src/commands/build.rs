//! `evmc build`: compiles contracts to files.

use std::{fs, path::Path};

use serde::Serialize;

use super::{backend, config, default_jobs, select, warn};
use crate::{
    args::BuildArgs,
    build::{self, Built, Part, Refusal},
    error::{CliError, ExitStatus, print_error},
    fork::Fork,
    output,
};

/// A build as JSON.
#[derive(Serialize)]
struct Answer {
    fork: &'static str,
    backend: &'static str,
    opt_level: u8,
    built: Vec<Built>,
    refused: Vec<RefusedContract>,
}

/// A contract that was not compiled, as JSON.
#[derive(Serialize)]
struct RefusedContract {
    reason: String,
}

/// Compiles and writes.
pub fn run(args: &BuildArgs) -> Result<ExitStatus, CliError> {
    let contracts = select(&args.inputs, args.contract.as_deref())?;
    let part = if args.initcode { Part::Initcode } else { Part::Runtime };
    if part == Part::Runtime {
        contracts.iter().for_each(|contract| warn(&contract.warnings));
    }
    let jobs = build::plan(&contracts, part, args.output.as_deref(), args.emit);
    make_folder(args, jobs.len())?;
    let bar = output::progress(Some(jobs.len() as u64), jobs.len() < 2);
    let threads = args.jobs.map_or_else(default_jobs, usize::from);
    let config = config(&args.compile, args.fork);
    let backend = backend(&args.compile)?;
    let results = build::build(&jobs, part, args.emit, &config, &*backend, threads, || bar.inc(1))?;
    bar.finish_and_clear();
    report(args, backend.name(), args.fork, results)
}

/// Makes the folder that outputs go to, where one is named.
fn make_folder(args: &BuildArgs, outputs: usize) -> Result<(), CliError> {
    let Some(target) = &args.output else { return Ok(()) };
    let is_folder = outputs > 1 || target.as_os_str().as_encoded_bytes().ends_with(b"/");
    let folder = if is_folder { Some(target.as_path()) } else { target.parent() };
    let Some(folder) = folder.filter(|folder| *folder != Path::new("")) else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|source| CliError::Write { path: folder.to_owned(), source })
}

/// Tells what was built and what was not.
fn report(
    args: &BuildArgs,
    backend: &'static str,
    fork: Fork,
    results: Vec<Result<Built, Refusal>>,
) -> Result<ExitStatus, CliError> {
    let mut status = ExitStatus::Success;
    let mut answer =
        Answer { fork: fork.name(), backend, opt_level: args.compile.level, built: vec![], refused: vec![] };
    for result in results {
        match result {
            Ok(built) => answer.built.push(built),
            Err(refusal) => {
                let (error, code) = explain(refusal);
                answer.refused.push(RefusedContract { reason: error.to_string() });
                print_error(error);
                if status != ExitStatus::Unusable {
                    status = code;
                }
            }
        }
    }
    if args.json {
        output::write_json(Path::new("-"), &answer)?;
    } else {
        output::print(text(&answer))?;
    }
    Ok(status)
}

/// A refusal as an error, and the exit status that it leads to.
fn explain(refusal: Refusal) -> (CliError, ExitStatus) {
    match refusal {
        Refusal::Input(error) => (error.into(), ExitStatus::Unusable),
        Refusal::Output(error) => (error, ExitStatus::Unusable),
        Refusal::Compiler { contract, error } => {
            (CliError::Refused { contract, source: Box::new(error) }, ExitStatus::Failed)
        }
    }
}

/// What was built, one line for each contract.
fn text(answer: &Answer) -> String {
    let line = |built: &Built| {
        let Built { contract, code_bytes, output, output_bytes, cpu_s, frontend, .. } = built;
        format!(
            "{contract}: {code_bytes} bytes of code -> {} ({output_bytes} bytes, {:.1} ms, {} of {} jumps \
             resolved)\n",
            output.display(),
            cpu_s * 1e3,
            frontend.jumps - frontend.open_jumps,
            frontend.jumps,
        )
    };
    let mut text: String = answer.built.iter().map(line).collect();
    if answer.built.len() + answer.refused.len() > 1 {
        let (built, refused) = (answer.built.len(), answer.refused.len());
        text += &format!("{built} built, {refused} refused\n");
    }
    text
}
