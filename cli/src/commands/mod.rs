//! One module for each command: from its arguments to what it prints.

mod bench;
mod build;
mod completions;
mod inspect;
mod passes;
mod profile;
mod replay;
mod run;
mod statetest;
mod store;
mod transaction;
mod wasm;
mod wast;

use std::sync::Arc;

use evmc_backend::{Backend, OptLevel, Options};
use evmc_compiler::driver::Config;
use evmc_revm::{CodeSource, NoCode};

use crate::{
    args::{Command, CompileArgs, EngineName},
    backend,
    engine::{Codes, CompiledEngine, Engine, InterpreterEngine, IrMaker, NativeMaker},
    error::{CliError, ExitStatus, print_error},
    fork::Fork,
    input::{self, Contract, InputError, Warning},
};

/// Runs a command.
pub fn run(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Bench(args) => bench::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Passes(args) => passes::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Statetest(args) => statetest::run(args),
        Command::Wast(args) => wast::run(&args),
        Command::Store(command) => store::run(&command),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The engine with this name; `initcode` tells whether code that creates contracts is compiled too.
fn engine(name: EngineName, compile: &CompileArgs, initcode: bool) -> Result<Box<dyn Engine>, CliError> {
    let config = config(compile, Fork::default());
    Ok(match name {
        EngineName::Interpreter => Box::new(InterpreterEngine::default()),
        EngineName::Ir => Box::new(CompiledEngine::new("ir", IrMaker::new(config), initcode)),
        EngineName::Native => {
            let maker = NativeMaker::new(backend(compile)?, config);
            Box::new(CompiledEngine::new("native", maker, initcode))
        }
    })
}

/// Where frames of blocks get their code, and what that is called. Initcode runs once and is interpreted.
fn code_source(
    name: EngineName,
    compile: &CompileArgs,
) -> Result<(Arc<dyn CodeSource>, &'static str), CliError> {
    let config = config(compile, Fork::default());
    Ok(match name {
        EngineName::Interpreter => (Arc::new(NoCode), "interpreter"),
        EngineName::Ir => (Arc::new(Codes::new(IrMaker::new(config), false)), "ir"),
        EngineName::Native => {
            let maker = NativeMaker::new(backend(compile)?, config);
            (Arc::new(Codes::new(maker, false)), "native")
        }
    })
}

/// The code generator that the arguments name.
fn backend(compile: &CompileArgs) -> Result<Box<dyn Backend + Send>, CliError> {
    backend::create(compile.backend, compile.llvm_config.as_deref())
}

/// The compiler's configuration for `fork`.
fn config(compile: &CompileArgs, fork: Fork) -> Config {
    let level = OptLevel::from_number(compile.level).unwrap_or_default();
    let (cpu, triple) = (compile.cpu, compile.target.clone());
    let backend = Options { level, cpu, triple, ..Options::default() };
    let verify = compile.verify_ir || Config::default().verify;
    Config { fork, backend, specialise: !compile.no_specialise, verify }
}

/// The contracts of all inputs: those that are called `wanted`, or else all that have code.
fn select(inputs: &[String], wanted: Option<&str>) -> Result<Vec<Contract>, InputError> {
    let mut all = Vec::new();
    for input in inputs {
        let mut contracts = input::load(input)?;
        if contracts.len() > 1 && wanted.is_none() {
            contracts.retain(|contract| !contract.is_abstract());
        }
        all.extend(contracts);
    }
    let Some(wanted) = wanted else { return Ok(all) };
    let (chosen, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.is_called(wanted));
    if chosen.is_empty() {
        let names = others.iter().map(Contract::full_name).collect::<Vec<_>>().join(", ");
        let (origin, wanted) = (inputs.join(", "), wanted.to_owned());
        return Err(InputError::NoSuchContract { origin, wanted, names });
    }
    Ok(chosen)
}

/// Prints warnings to standard error.
fn warn(warnings: &[Warning]) {
    for warning in warnings {
        print_error(warning.clone());
    }
}

/// Threads where the user names no number: one for each processor.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
