//! One module for each command: from its arguments to what it prints.

mod completions;
mod run;
mod statetest;

use evmc_backend::{Backend, OptLevel, Options};
use evmc_backend_cranelift::Cranelift;
use evmc_compiler::driver::Config;

use crate::{
    args::{BackendName, Command, CompileArgs, EngineName},
    engine::{CompiledEngine, Engine, InterpreterEngine, IrMaker, NativeMaker},
    error::{CliError, ExitStatus},
    fork::Fork,
    input::Warning,
};

/// Runs a command.
pub fn run(command: Command) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Statetest(args) => statetest::run(args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The engine with this name; `initcode` tells whether code that creates contracts is compiled too.
fn engine(name: EngineName, compile: &CompileArgs, initcode: bool) -> Box<dyn Engine> {
    let config = config(compile, Fork::default());
    match name {
        EngineName::Interpreter => Box::new(InterpreterEngine::default()),
        EngineName::Ir => Box::new(CompiledEngine::new("ir", IrMaker::new(config), initcode)),
        EngineName::Native => {
            let maker = NativeMaker::new(backend(compile.backend), config);
            Box::new(CompiledEngine::new("native", maker, initcode))
        }
    }
}

/// The code generator with this name.
fn backend(name: BackendName) -> Box<dyn Backend + Send> {
    match name {
        BackendName::Cranelift => Box::new(Cranelift::default()),
    }
}

/// The compiler's configuration for `fork`.
fn config(compile: &CompileArgs, fork: Fork) -> Config {
    let level = OptLevel::from_number(compile.level).unwrap_or_default();
    let backend = Options { level, cpu: compile.cpu, ..Options::default() };
    let verify = compile.verify_ir || Config::default().verify;
    Config { fork, backend, specialise: !compile.no_specialise, verify }
}

/// Prints warnings to standard error.
fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("{:?}", miette::Report::new(warning.clone()));
    }
}

/// Threads where the user names no number: one for each processor.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
