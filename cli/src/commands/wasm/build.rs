//! `evmc build` of WebAssembly.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::{
    args::{BuildArgs, WasmEngineName},
    build::{on_threads, outputs},
    commands::{build::make_folder, default_jobs},
    cpu_time,
    error::{CliError, ExitStatus, print_error},
    output,
    wasm::{Engine, Source},
};

/// A build as JSON.
#[derive(Serialize)]
struct Answer {
    engine: String,
    metered: bool,
    built: Vec<Built>,
    refused: Vec<Refused>,
}

/// A compiled module.
#[derive(Serialize)]
struct Built {
    module: String,
    module_bytes: usize,
    output: PathBuf,
    output_bytes: usize,
    cpu_s: f64,
}

/// A module that was not compiled.
#[derive(Serialize)]
struct Refused {
    module: String,
    reason: String,
}

/// Compiles modules and writes the files.
pub fn run(args: &BuildArgs, sources: &[Source]) -> Result<ExitStatus, CliError> {
    if args.store.is_some() {
        return Err(CliError::usage(
            "stores are keyed by the code hash and fork of contracts, which modules of WebAssembly do not have",
            "build WebAssembly into files, with -o",
        ));
    }
    if args.contract.is_some() || args.initcode {
        return Err(CliError::usage(
            "--contract and --initcode are about contracts of the EVM",
            "leave them away",
        ));
    }
    let engine = super::engine(WasmEngineName::Native, &args.compile, &args.meter)?;
    let named: Vec<_> = sources.iter().map(|source| (source.name.as_str(), &source.bytes[..])).collect();
    let outputs = outputs(&named, args.output.as_deref(), args.emit);
    make_folder(args, outputs.len())?;
    let bar = output::progress(Some(sources.len() as u64), sources.len() < 2);
    let threads = args.jobs.map_or_else(default_jobs, usize::from);
    let one = |(source, output): (&Source, PathBuf)| {
        let built = build(args, &engine, source, output);
        bar.inc(1);
        built
    };
    let results: Vec<_> = on_threads(threads, || sources.par_iter().zip(outputs).map(one).collect())?;
    bar.finish_and_clear();
    report(args, &engine, sources, results)
}

/// Compiles one module as far as was asked for, and writes the file.
fn build(args: &BuildArgs, engine: &Engine, source: &Source, output: PathBuf) -> Result<Built, CliError> {
    let (bytes, took) = cpu_time::measure(|| engine.emit(&source.bytes, args.emit));
    let bytes = bytes.map_err(|error| super::refused(&source.origin, error))?;
    output::write_file(&output, &bytes)?;
    Ok(Built {
        module: source.origin.clone(),
        module_bytes: source.bytes.len(),
        output,
        output_bytes: bytes.len(),
        cpu_s: took.as_secs_f64(),
    })
}

/// Tells what was built and what was not.
fn report(
    args: &BuildArgs,
    engine: &Engine,
    sources: &[Source],
    results: Vec<Result<Built, CliError>>,
) -> Result<ExitStatus, CliError> {
    let (mut built, mut refused) = (Vec::new(), Vec::new());
    let mut status = ExitStatus::Success;
    for (source, result) in sources.iter().zip(results) {
        match result {
            Ok(one) => built.push(one),
            Err(error) => {
                refused.push(Refused { module: source.origin.clone(), reason: error.to_string() });
                if !matches!(error, CliError::WasmRefused { .. }) {
                    status = ExitStatus::Unusable;
                } else if status == ExitStatus::Success {
                    status = ExitStatus::Failed;
                }
                print_error(error);
            }
        }
    }
    let answer = Answer { engine: engine.name(), metered: engine.is_metered(), built, refused };
    if args.json {
        output::write_json(Path::new("-"), &answer)?;
    } else {
        output::print(text(&answer))?;
    }
    Ok(status)
}

/// What was built, one line for each module.
fn text(answer: &Answer) -> String {
    let line = |built: &Built| {
        let Built { module, module_bytes, output, output_bytes, cpu_s } = built;
        let (output, ms) = (output.display(), cpu_s * 1e3);
        format!("{module}: {module_bytes} bytes -> {output} ({output_bytes} bytes, {ms:.1} ms)\n")
    };
    let mut text: String = answer.built.iter().map(line).collect();
    if answer.built.len() + answer.refused.len() > 1 {
        text += &format!("{} built, {} refused\n", answer.built.len(), answer.refused.len());
    }
    text
}
