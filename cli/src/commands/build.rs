//! `evmc build`: compiles contracts and modules to files.

use std::{collections::BTreeMap, fs, path::Path};

use evmc_store::StoreWriter;
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::Serialize;

use super::{backend, config, default_jobs, select, warn, wasm};
use crate::{
    args::BuildArgs,
    build::{self, Built, Part, Refusal},
    error::{CliError, ExitStatus, print_error},
    fork::Fork,
    input::Contract,
    output,
    profile::Profile,
    store::{
        self, Location,
        build::{Outcome, StoreBuild},
        remote::Remote,
    },
    wasm::source,
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
    if args.end_with_parent {
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| CliError::System { action: "watch the parent process", source: error.into() })?;
    }
    if let Some(modules) = source::read_all(&args.inputs)? {
        return wasm::build::run(args, &modules);
    }
    if let (Some(profile), Some(location)) = (&args.profile, &args.store) {
        let contracts = Profile::read(profile)?.contracts(profile);
        return into_store(args, location, &contracts, Part::Runtime);
    }
    let contracts = select(&args.inputs, args.contract.as_deref())?;
    let part = if args.initcode { Part::Initcode } else { Part::Runtime };
    if part == Part::Runtime {
        contracts.iter().for_each(|contract| warn(&contract.warnings));
    }
    if let Some(location) = &args.store {
        return into_store(args, location, &BTreeMap::from([(args.fork, contracts)]), part);
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

/// A build into a store as JSON.
#[derive(Serialize)]
struct StoreAnswer {
    forks: Vec<&'static str>,
    backend: &'static str,
    opt_level: u8,
    new: u64,
    replaced: u64,
    unchanged: u64,
    skipped: usize,
    same_code: usize,
    other_shards: usize,
    refused: Vec<RefusedContract>,
}

/// Compiles contracts for forks into a store; what goes to object storage is built in a folder that goes away.
fn into_store(
    args: &BuildArgs,
    location: &Location,
    contracts: &BTreeMap<Fork, Vec<Contract>>,
    part: Part,
) -> Result<ExitStatus, CliError> {
    let signer = || Ok(store::signer(args.sign.as_deref())?);
    let scratch = tempfile::tempdir()
        .map_err(|source| CliError::System { action: "make a temporary folder", source })?;
    let folder = match location {
        Location::Folder(folder) => folder,
        Location::Remote(_) => scratch.path(),
    };
    let writer = StoreWriter::open(folder, signer()?)?;
    let backend = backend(&args.compile)?;
    let total: usize = contracts.values().map(Vec::len).sum();
    let bar = output::progress(Some(total as u64), total < 2);
    let mut outcome = Outcome::default();
    for (&fork, contracts) in contracts {
        let build = StoreBuild {
            writer: &writer,
            store: &store::open(folder, &[])?,
            config: &config(&args.compile, fork),
            backend: &*backend,
            part,
            shard: args.shard,
            force: args.force,
        };
        let threads = args.jobs.map_or_else(default_jobs, usize::from);
        outcome += build.run(contracts, threads, |n| bar.inc(n))?;
    }
    bar.finish_and_clear();
    if let Location::Remote(url) = location {
        Remote::open(url)?.push(&store::open(folder, &[])?, signer)?;
    }
    report_store(args, contracts.keys().map(|fork| fork.name()).collect(), backend.name(), outcome)
}

/// Tells what was put into a store and what was not.
fn report_store(
    args: &BuildArgs,
    forks: Vec<&'static str>,
    backend: &'static str,
    outcome: Outcome,
) -> Result<ExitStatus, CliError> {
    let Outcome { inserted, skipped, same, elsewhere, refused } = outcome;
    let (refused, status) = tell_refusals(refused);
    let answer = StoreAnswer {
        forks,
        backend,
        opt_level: args.compile.level,
        new: inserted.new,
        replaced: inserted.replaced,
        unchanged: inserted.unchanged,
        skipped,
        same_code: same,
        other_shards: elsewhere,
        refused,
    };
    if args.json {
        output::write_json(Path::new("-"), &answer)?;
    } else {
        let built = inserted.new + inserted.replaced + inserted.unchanged;
        let refused = answer.refused.len();
        output::print(format!(
            "{built} built ({} new), {skipped} were in the store, {same} with the code of another, \
             {elsewhere} of other shards, {refused} refused\n",
            inserted.new,
        ))?;
    }
    Ok(status)
}

/// Prints refusals; gives them for the answer, and the exit status.
fn tell_refusals(refusals: Vec<Refusal>) -> (Vec<RefusedContract>, ExitStatus) {
    let mut status = ExitStatus::Success;
    let mut told = Vec::new();
    for refusal in refusals {
        let (error, code) = explain(refusal);
        told.push(RefusedContract { reason: error.to_string() });
        print_error(error);
        if status != ExitStatus::Unusable {
            status = code;
        }
    }
    (told, status)
}

/// Makes the folder that outputs go to, where one is named.
pub fn make_folder(args: &BuildArgs, outputs: usize) -> Result<(), CliError> {
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
    let mut built = Vec::new();
    let mut refusals = Vec::new();
    for result in results {
        match result {
            Ok(one) => built.push(one),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let (refused, status) = tell_refusals(refusals);
    let answer = Answer { fork: fork.name(), backend, opt_level: args.compile.level, built, refused };
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
