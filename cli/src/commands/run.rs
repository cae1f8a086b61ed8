//! `evmc run`: one transaction on a contract, or a deployment and a call; of WebAssembly, one call of a function.

use std::{io, path::Path};

use alloy_primitives::{Address, TxKind};
use evmc_compiler::driver::code_hash;
use serde::Serialize;

use super::{backend, config, engine, transaction, warn, wasm};
use crate::{
    args::{EngineName, RunArgs},
    engine::{self as engines, ArtifactMaker, CompiledEngine, Engine, NativeMaker},
    error::{CliError, ExitStatus},
    fork::Fork,
    input::Contract,
    inspect::artifact,
    output,
    run::{Call, Decoder, Report, Session},
    wasm::source,
};

/// The result as JSON: the last transaction, and the deployment before it.
#[derive(Debug, Serialize)]
struct Answer {
    contract: String,
    engine: &'static str,
    fork: &'static str,
    #[serde(flatten)]
    last: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<Report>,
}

/// Runs the transaction and prints what it came to.
pub fn run(args: &RunArgs) -> Result<ExitStatus, CliError> {
    if let Some(source) = source::read(&args.input)? {
        return wasm::run::run_source(args, &source);
    }
    if let Some(bytes) = artifact::read(Path::new(&args.input))?
        && artifact::is_wasm(&bytes)
    {
        return wasm::run::run_artifact(args, &bytes);
    }
    if args.invoke.is_some() {
        return Err(CliError::usage(
            format!("{} is no WebAssembly module, so there is nothing to --invoke", args.input),
            "call a function of a contract with --sig",
        ));
    }
    let Start { contract, engine, fork } = start(args)?;
    if !args.transaction.create {
        warn(&contract.warnings);
    }
    let call = transaction::call(&args.transaction, &contract)?;
    let session = transaction::session(&args.transaction, &*engine, fork)?;
    let mut answer = Ok(None);
    engine
        .on_worker_stack(Box::new(|| answer = transact(args, &contract, call, session).map(Some)))
        .map_err(|source| CliError::System { action: "start a worker thread", source })?;
    match answer? {
        Some(answer) => print(args, &answer),
        None => Ok(ExitStatus::Unusable),
    }
}

/// What a run starts with.
struct Start {
    contract: Contract,
    engine: Box<dyn Engine>,
    fork: Fork,
}

/// Reads the input; an artifact runs on the native engine, with the code that `--code` gives.
fn start(args: &RunArgs) -> Result<Start, CliError> {
    let Some(bytes) = artifact::read(Path::new(&args.input))? else {
        let contract = transaction::contract(&args.transaction, &args.input)?;
        let engine = engine(args.engine, &args.compile, true)?;
        return Ok(Start { contract, engine, fork: args.transaction.fork.unwrap_or_default() });
    };
    let path = Path::new(&args.input);
    let found = artifact::check(path, &bytes)?;
    let refused = |reason: String| CliError::BadArtifact { path: path.to_owned(), reason };
    let fork = artifact::fork_of(&found).ok_or_else(|| refused("it is not EVM code".to_owned()))?;
    if args.transaction.fork.is_some_and(|asked| asked != fork) || args.engine != EngineName::Native {
        return Err(CliError::usage(
            format!("the artifact runs natively under the rules of {}", fork.name()),
            "leave --fork and --engine away, or run the contract itself",
        ));
    }
    let Some(code) = &args.code else {
        return Err(CliError::usage(
            "an artifact does not hold the bytecode, which the contract may read while it runs",
            "pass the contract that it was built from as well: --code INPUT",
        ));
    };
    let contract = transaction::contract(&args.transaction, code)?;
    let found = found
        .expect(&code_hash(contract.runtime()?), fork as u16)
        .map_err(|error| refused(error.to_string()))?;
    let others = NativeMaker::new(backend(&args.compile)?, config(&args.compile, fork));
    let maker = ArtifactMaker::new(&found, fork, others).map_err(refused)?;
    Ok(Start { contract, engine: Box::new(CompiledEngine::new("native", maker, true)), fork })
}

/// Deploys, calls, or both.
fn transact(
    args: &RunArgs,
    contract: &Contract,
    call: Option<Call>,
    mut session: Session<'_>,
) -> Result<Answer, CliError> {
    let (engine, fork) = (session.engine().name(), session.fork().name());
    let answer = |last, deployment| Answer { contract: contract.full_name(), engine, fork, last, deployment };
    let (address, deployment) = if args.transaction.create {
        let report = deploy(args, contract, &mut session)?;
        match (report.created, call.is_some()) {
            (Some(address), true) if report.is_success() => (address, Some(report)),
            _ => return Ok(answer(report, None)),
        }
    } else {
        let address = args.transaction.address;
        session.install(address, contract.runtime()?.to_vec().into());
        (address, None)
    };
    let report = run_call(args, contract, &mut session, address, call.unwrap_or_default());
    Ok(answer(report, deployment))
}

/// Runs the initcode.
fn deploy(args: &RunArgs, contract: &Contract, session: &mut Session<'_>) -> Result<Report, CliError> {
    let initcode = transaction::initcode(&args.transaction, contract)?;
    let input = session.input(TxKind::Create, initcode);
    if args.trace {
        let _ = engines::trace(&input, io::stderr());
    }
    let executed = session.execute(&input, args.repeat);
    Ok(Report::new(&executed, &Decoder { abi: contract.abi.as_ref(), function: None }))
}

/// Calls a contract.
fn run_call(
    args: &RunArgs,
    contract: &Contract,
    session: &mut Session<'_>,
    address: Address,
    call: Call,
) -> Report {
    let input = session.input(TxKind::Call(address), call.data);
    if args.trace {
        let _ = engines::trace(&input, io::stderr());
    }
    let executed = session.execute(&input, args.repeat);
    let decoder = Decoder { abi: contract.abi.as_ref(), function: call.function.as_ref() };
    Report::new(&executed, &decoder)
}

/// Prints the answer in the form that was asked for.
fn print(args: &RunArgs, answer: &Answer) -> Result<ExitStatus, CliError> {
    if args.json {
        output::write_json(Path::new("-"), answer)?;
    } else {
        let mut text =
            format!("contract  {}\nengine    {}, fork {}\n", answer.contract, answer.engine, answer.fork);
        if let Some(deployment) = &answer.deployment {
            text += &format!("\ndeployment\n{}\ncall\n", deployment.to_text());
        }
        output::print(text + &answer.last.to_text())?;
    }
    Ok(if answer.last.is_success() { ExitStatus::Success } else { ExitStatus::Failed })
}
