//! `evmc bench`: engines against each other, on the bench set or on a contract.

use std::{
    io::{self, Read},
    iter,
    path::Path,
};

use alloy_primitives::{Address, TxKind};
use evmc_backend::{OptLevel, Options};
use evmc_compiler::driver::Config;
use evmc_revm::on_large_stack;

use super::{transaction, warn, wasm};
use crate::{
    args::BenchArgs,
    backend::{self, BackendName, LlvmSettings},
    bench::{
        self,
        entrant::{self, Entrant, INTERPRETER, Making},
        external::{self, child::Child},
        measure, page,
        report::{Report, Row},
        setting::Setting,
        table,
        workload::{Selection, Workload},
    },
    engine::{InterpreterEngine, TxInput},
    error::{CliError, ExitStatus},
    fork::Fork,
    input, output,
    run::Session,
    wasm::source,
};

/// Measures and prints.
pub fn run(args: &BenchArgs) -> Result<ExitStatus, CliError> {
    if args.serve {
        return serve(args);
    }
    let mut report = match &args.from {
        Some(path) => read(path)?,
        None => measured(args)?,
    };
    args.sort.apply(&mut report);
    for (path, render) in [(&args.html, page::html as fn(&Report) -> String), (&args.svg, page::svg)] {
        if let Some(path) = path {
            output::write_file(path, render(&report).as_bytes())?;
        }
    }
    if args.json {
        output::write_json(Path::new("-"), &report)?;
    } else {
        output::print(table::to_text(&report))?;
    }
    Ok(if report.is_complete() { ExitStatus::Success } else { ExitStatus::Failed })
}

/// Reads a report that was written before.
fn read(path: &str) -> Result<Report, CliError> {
    let bytes = if path == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(input::MAX_FILE_BYTES).read_to_end(&mut bytes);
        read.map_err(|source| CliError::Read { path: "standard input".into(), source })?;
        bytes
    } else {
        input::read_file(Path::new(path))?
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let help = "expected is what evmc bench --json printed, of the same version";
        CliError::usage(format!("{path} is not a result: {error}"), help)
    })
}

/// Measures what the arguments say.
fn measured(args: &BenchArgs) -> Result<Report, CliError> {
    if let Some(input) = &args.input {
        if let Some(source) = source::read(input)? {
            let Making { config, llvm, .. } = making(args)?;
            return wasm::bench::measured(args, &source, &bench::wasm::Making { config, llvm });
        }
        if args.invoke.is_some() {
            return Err(CliError::usage(
                format!("{input} is no WebAssembly module, so there is nothing to --invoke"),
                "call a function of a contract with --sig",
            ));
        }
    }
    let names = engine_names(&args.engines)?;
    let workloads = workloads(args)?;
    on_large_stack(|| measure_all(args, &names, &workloads))
        .map_err(|source| CliError::System { action: "start a worker thread", source })?
}

/// Answers a run in another process.
fn serve(args: &BenchArgs) -> Result<ExitStatus, CliError> {
    let [name] = &args.engines[..] else {
        return Err(CliError::usage("--serve is for one engine", "name it: --engine interpreter"));
    };
    let making = making(args)?;
    let engine = || entrant::built_in(name, &making).ok_or_else(|| unknown_engine(name));
    let failed = |source| CliError::System { action: "answer requests", source };
    on_large_stack(|| {
        external::serve::serve(engine()?, io::stdin().lock(), io::stdout().lock()).map_err(failed)
    })
    .map_err(|source| CliError::System { action: "start a worker thread", source })??;
    Ok(ExitStatus::Success)
}

/// An engine that is not built in.
fn unknown_engine(name: &str) -> CliError {
    if name == "llvm"
        && let Err(error) = backend::create(BackendName::Llvm, None)
    {
        return error;
    }
    let help = format!("built in are {}", entrant::names().collect::<Vec<_>>().join(", "));
    CliError::usage(format!("there is no engine {name:?}"), help)
}

/// The engines to run, the interpreter first.
fn engine_names(asked: &[String]) -> Result<Vec<&'static str>, CliError> {
    let known: Vec<_> = entrant::names().collect();
    if let Some(unknown) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown_engine(unknown));
    }
    let is_wanted =
        |name: &&str| asked.is_empty() || *name == INTERPRETER || asked.iter().any(|one| one == name);
    Ok(known.into_iter().filter(is_wanted).collect())
}

/// What is to be measured: the contract that was named, or else the bench set.
fn workloads(args: &BenchArgs) -> Result<Vec<Workload>, CliError> {
    match &args.input {
        Some(input) => Ok(vec![custom(args, input)?]),
        None => Selection { set: args.set.clone(), all: args.all, filter: args.filter.clone() }.read(),
    }
}

/// A contract and a call, or a deployment where nothing is called.
fn custom(args: &BenchArgs, input: &str) -> Result<Workload, CliError> {
    let transaction = &args.transaction;
    let contract = transaction::contract(transaction, input)?;
    let call = transaction::call(transaction, &contract)?;
    let (engine, fork) = (InterpreterEngine::default(), transaction.fork.unwrap_or_default());
    let mut session = transaction::session(transaction, &engine, fork)?;
    let mut address = transaction.address;
    if transaction.create {
        let deployment = session.input(TxKind::Create, transaction::initcode(transaction, &contract)?);
        if call.is_none() {
            return Ok(Workload::new(contract.full_name(), fork, deployment));
        }
        address = deploy(&mut session, &deployment)?;
    } else {
        warn(&contract.warnings);
        session.install(address, contract.runtime()?.to_vec().into());
    }
    let call = call.unwrap_or_default();
    let function = call.function.map_or(String::new(), |function| format!(" {}", function.signature()));
    let input = session.input(TxKind::Call(address), call.data);
    Ok(Workload::new(contract.full_name() + &function, fork, input))
}

/// Runs the initcode, and gives the address of the contract.
fn deploy(session: &mut Session<'_>, input: &TxInput) -> Result<Address, CliError> {
    let result = session.execute(input, 1).result;
    let created =
        result.as_ref().ok().filter(|result| result.is_success()).and_then(|done| done.created_address());
    created.ok_or_else(|| {
        let help = "evmc run --create says more about it";
        CliError::usage(format!("the deployment does not succeed: {result:?}"), help)
    })
}

/// How engines compile and run; the fork does not matter.
fn making(args: &BenchArgs) -> Result<Making, CliError> {
    let level = OptLevel::from_number(args.level).unwrap_or_default();
    let backend = Options { level, cpu: args.cpu, ..Options::default() };
    let config = Config { fork: Fork::default(), backend, ..Config::default() };
    Ok(Making { config, llvm: LlvmSettings::read(args.llvm_config.as_deref())?, cold: args.cold })
}

/// All who take part: the engines with these names, and other programs.
fn entrants(args: &BenchArgs, names: &[&str]) -> Result<Vec<Box<dyn Entrant>>, CliError> {
    let making = making(args)?;
    let mut entrants: Vec<Box<dyn Entrant>> = Vec::new();
    for name in names {
        let engine = entrant::built_in(name, &making).ok_or_else(|| unknown_engine(name))?;
        entrants.push(Box::new(engine));
    }
    for command in &args.externals {
        let mut child = Child::start(command, args.external_timeout)?;
        let name = child.info().name;
        let is_taken = |name: &str| entrants.iter().any(|other| other.info().name == name);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name));
        child.rename(free.unwrap_or(name));
        entrants.push(Box::new(child));
    }
    Ok(entrants)
}

/// Measures all workloads, one after the other.
fn measure_all(args: &BenchArgs, names: &[&str], workloads: &[Workload]) -> Result<Report, CliError> {
    let mut entrants = entrants(args, names)?;
    let bar = output::progress(Some(workloads.len() as u64), false);
    let mut rows: Vec<Row> = Vec::with_capacity(workloads.len());
    for workload in workloads {
        bar.set_message(workload.label().to_owned());
        rows.push(measure::row(workload, &mut entrants, args.time)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let setting =
        Setting { cold: args.cold, ..Setting::here(args.level, args.cpu.name(), args.time.as_secs_f64()) };
    Ok(Report::new(rows, entrants.iter().map(|entrant| entrant.info()).collect(), setting))
}
