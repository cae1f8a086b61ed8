//! `evmc run`: one transaction on a contract, or a deployment and a call.

use std::{io, path::Path};

use alloy_primitives::{Address, TxKind};
use serde::Serialize;

use super::{engine, warn};
use crate::{
    alloc::{self, Alloc},
    args::RunArgs,
    engine::{self as engines, Engine},
    error::{CliError, ExitStatus},
    input::{self, Contract},
    output,
    run::{Call, Decoder, Report, Sender, Session, constructor_arguments},
    world::World,
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
    let contracts = input::load(&args.input)?;
    let contract = input::select_one(contracts, args.contract.as_deref(), &args.input)?;
    if !args.create {
        warn(&contract.warnings);
    }
    let call = call(args, &contract)?;
    let world = world(args.state.as_deref())?;
    let engine = engine(args.engine, &args.compile, true);
    let mut answer = Ok(None);
    engine
        .on_worker_stack(Box::new(|| answer = transact(args, &contract, call, world, &*engine).map(Some)))
        .map_err(|source| CliError::System { action: "start a worker thread", source })?;
    match answer? {
        Some(answer) => print(args, &answer),
        None => Ok(ExitStatus::Unusable),
    }
}

/// The call that the arguments describe; without any, one without data unless a deployment is all.
fn call(args: &RunArgs, contract: &Contract) -> Result<Option<Call>, CliError> {
    let abi = contract.abi.as_ref();
    if let Some(signature) = &args.sig {
        return Ok(Some(Call::new(signature, &args.arguments, abi)?));
    }
    if let Some(text) = &args.calldata {
        let data = input::decode_hex(text)
            .map_err(|error| CliError::usage(format!("--calldata: {error}"), "pass bytes as 0x…"))?;
        return Ok(Some(Call::raw(data.into(), abi)));
    }
    Ok((!args.create).then(Call::default))
}

/// The accounts to start with.
fn world(path: Option<&Path>) -> Result<World, CliError> {
    let Some(path) = path else { return Ok(World::default()) };
    let bytes = input::read_file(path)?;
    let accounts: Alloc =
        serde_json::from_slice(&bytes).map_err(|source| CliError::State { path: path.to_owned(), source })?;
    Ok(alloc::world(&accounts))
}

/// Deploys, calls, or both.
fn transact(
    args: &RunArgs,
    contract: &Contract,
    call: Option<Call>,
    world: World,
    engine: &dyn Engine,
) -> Result<Answer, CliError> {
    let sender = Sender { address: args.caller, value: args.value, gas: args.gas };
    let mut session = Session::new(engine, args.fork, sender, world);
    let answer = |last, deployment| Answer {
        contract: contract.full_name(),
        engine: engine.name(),
        fork: args.fork.name(),
        last,
        deployment,
    };
    let (address, deployment) = if args.create {
        let report = deploy(args, contract, &mut session)?;
        match (report.created, call.is_some()) {
            (Some(address), true) if report.is_success() => (address, Some(report)),
            _ => return Ok(answer(report, None)),
        }
    } else {
        session.install(args.address, contract.runtime()?.to_vec().into());
        (args.address, None)
    };
    let report = run_call(args, contract, &mut session, address, call.unwrap_or_default());
    Ok(answer(report, deployment))
}

/// Runs the initcode.
fn deploy(args: &RunArgs, contract: &Contract, session: &mut Session<'_>) -> Result<Report, CliError> {
    let mut initcode = contract.initcode()?.to_vec();
    initcode.extend(constructor_arguments(&args.constructor_arg, contract.abi.as_ref())?);
    let input = session.input(TxKind::Create, initcode.into());
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
