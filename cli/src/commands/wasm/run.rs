//! `evmc run` of WebAssembly: one call of an exported function.

use std::path::Path;

use evmc_wasm::{Cause, Limits, Module, Trap, Val};
use evmc_wasm_module::FuncType;
use serde::Serialize;

use super::call;
use crate::{
    args::{EngineName, RunArgs, WasmEngineName},
    error::{CliError, ExitStatus},
    output,
    wasm::{Machine, MachineError, Results, Source, value},
};

/// A call as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    module: &'a str,
    function: &'a str,
    engine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<Value>>,
    /// Gas used, where it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    gas_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trap: Option<TrapReport>,
}

/// A value as JSON.
#[derive(Serialize)]
struct Value {
    #[serde(rename = "type")]
    ty: &'static str,
    value: String,
}

/// A trap as JSON.
#[derive(Serialize)]
struct TrapReport {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
}

/// A module that is about to run.
struct Subject<'a> {
    origin: &'a str,
    module: Module,
    engine: String,
}

/// Compiles a module and calls the function.
pub fn run_source(args: &RunArgs, source: &Source) -> Result<ExitStatus, CliError> {
    let name = match args.engine {
        EngineName::Native => WasmEngineName::Native,
        EngineName::Ir => WasmEngineName::Ir,
        EngineName::Interpreter => {
            return Err(CliError::usage(
                "the interpreter runs EVM code only",
                "run WebAssembly with --engine native or --engine ir",
            ));
        }
    };
    let engine = super::engine(name, &args.compile, &args.meter)?;
    let module = engine.compile(&source.bytes).map_err(|error| super::refused(&source.origin, error))?;
    run(args, &Subject { origin: &source.origin, module, engine: engine.name() })
}

/// Loads an artifact of WebAssembly and calls the function.
pub fn run_artifact(args: &RunArgs, bytes: &[u8]) -> Result<ExitStatus, CliError> {
    if args.engine != EngineName::Native || args.meter.no_meter || args.meter.costs.is_some() {
        return Err(CliError::usage(
            "the artifact runs natively, and counts gas as it was compiled to",
            "leave --engine, --no-meter and --costs away, or run the module itself",
        ));
    }
    let module = Module::from_artifact(bytes).map_err(|error| CliError::BadArtifact {
        path: args.input.clone().into(),
        reason: error.to_string(),
    })?;
    run(args, &Subject { origin: &args.input, module, engine: "native".to_owned() })
}

/// Calls the function and tells what it gave.
fn run(args: &RunArgs, subject: &Subject<'_>) -> Result<ExitStatus, CliError> {
    if args.trace || args.code.is_some() || args.transaction.sig.is_some() {
        return Err(CliError::usage(
            "--trace, --code and --sig are about contracts of the EVM",
            "name the function to call with --invoke",
        ));
    }
    let (name, ty) = function(args, subject)?;
    let values = call::arguments(name, ty, &args.transaction.arguments)?;
    let mut limits = Limits::default();
    limits.pages = args.max_pages.map_or(limits.pages, |pages| limits.pages.min(pages));
    let mut machine = Machine::new(limits, gas(args));
    let outcome = machine.instantiate(&subject.module).and_then(|instance| {
        let func = machine.function(instance, name)?;
        machine.call(func, &values)
    });
    match outcome {
        Ok(results) => tell(args, subject, name, Ok(results)),
        Err(MachineError::Trap(trap)) => tell(args, subject, name, Err(trap)),
        Err(error) => Err(CliError::Wasm { origin: subject.origin.to_owned(), reason: error.to_string() }),
    }
}

/// The function to call, and its type: the one that --invoke names, or `_start`.
fn function<'a>(args: &'a RunArgs, subject: &'a Subject<'_>) -> Result<(&'a str, &'a FuncType), CliError> {
    let (info, name) = (subject.module.info(), args.invoke.as_deref().unwrap_or("_start"));
    call::exported(info, name).map(|ty| (name, ty)).ok_or_else(|| call::unknown(subject.origin, info, name))
}

/// Prints results or a trap in the form that was asked for.
fn tell(
    args: &RunArgs,
    subject: &Subject<'_>,
    function: &str,
    outcome: Result<Results, Trap>,
) -> Result<ExitStatus, CliError> {
    let status = if outcome.is_ok() { ExitStatus::Success } else { ExitStatus::Failed };
    // A trap takes all gas.
    let used = outcome.as_ref().map_or(gas(args), |results| results.gas_used);
    let used = subject.module.info().metered.then_some(used);
    if args.json {
        let (results, trap) = match outcome {
            Ok(results) => (Some(results.values.iter().map(Value::new).collect()), None),
            Err(trap) => (None, Some(TrapReport::new(&trap))),
        };
        let (module, engine) = (subject.origin, subject.engine.clone());
        let answer = Answer { module, function, engine, results, gas_used: used, trap };
        output::write_json(Path::new("-"), &answer)?;
        return Ok(status);
    }
    match outcome {
        Ok(results) => {
            let line = |&value| format!("{}\n", value::Shown(value));
            output::print(results.values.iter().map(line).collect::<String>())?;
        }
        Err(trap) => eprintln!("{}: {}: {trap}", subject.origin, ending(&trap)),
    }
    if let (true, Some(gas)) = (args.print_gas, used) {
        eprintln!("gas used: {gas}");
    }
    Ok(status)
}

/// What kind of end that was.
const fn ending(trap: &Trap) -> &'static str {
    match trap.cause {
        Cause::Program(_) => "trap",
        _ => "error",
    }
}

impl Value {
    fn new(value: &Val) -> Self {
        Self { ty: value.ty().name(), value: value::Shown(*value).to_string() }
    }
}

impl TrapReport {
    fn new(trap: &Trap) -> Self {
        let place = trap.place.as_ref();
        Self {
            reason: trap.message().into_owned(),
            function: place.and_then(|place| place.function),
            name: place.and_then(|place| place.name.clone()),
            offset: place.map(|place| place.offset),
        }
    }
}

/// Gas limit of the call.
fn gas(args: &RunArgs) -> u64 {
    call::gas(&args.transaction)
}
