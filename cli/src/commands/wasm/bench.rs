//! `evmc bench` of WebAssembly: a call of an exported function in several engines.

use std::thread;

use evmc_compiler::frontend::wasm as frontend;
use evmc_wasm_module::{Item, ModuleInfo};

use super::call;
use crate::{
    args::BenchArgs,
    backend::{self, BackendName},
    bench::{
        report::Report,
        setting::Setting,
        wasm::{self, Absent, Call, Engine, Making},
    },
    error::CliError,
    output,
    wasm::{RefusalError, Source},
};

/// Native stack of the thread that measures, in bytes: 16 KiB for each unit of depth, so that no call has to go to another
/// thread, whose time would not count.
const STACK_BYTES: usize = 1 << 30;

/// Functions that are called where none is named.
const STARTS: [&str; 3] = ["_start", "run", "main"];

/// Measures a module in the engines that were asked for.
pub fn measured(args: &BenchArgs, source: &Source, making: &Making) -> Result<Report, CliError> {
    let transaction = &args.transaction;
    if args.cold || !args.externals.is_empty() {
        return Err(CliError::usage(
            "--cold and --external are about transactions of the EVM",
            "name engines for WebAssembly with --engine",
        ));
    }
    if transaction.sig.is_some() || transaction.calldata.is_some() || transaction.create {
        return Err(CliError::usage(
            "--sig, --calldata and --create are about contracts of the EVM",
            "name the function to call with --invoke",
        ));
    }
    let call = read(args, source)?;
    with_stack(|| measure(args, &call, making))
}

/// Measures on this thread.
fn measure(args: &BenchArgs, call: &Call, making: &Making) -> Result<Report, CliError> {
    let engines = engines(args, making)?;
    let bar = output::progress(Some(1), false);
    bar.set_message(call.function.clone());
    let row = wasm::row(call, &engines, args.time)?;
    bar.finish_and_clear();
    let setting = Setting::here(args.level, args.cpu.name(), args.time.as_secs_f64());
    Ok(Report::of_wasm(vec![row], engines.iter().map(|engine| engine.info()).collect(), setting))
}

/// Does something on a thread with [`STACK_BYTES`].
fn with_stack<T: Send>(f: impl FnOnce() -> Result<T, CliError> + Send) -> Result<T, CliError> {
    thread::scope(|scope| {
        let handle = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, f);
        let handle = handle.map_err(|source| CliError::System { action: "start a worker thread", source })?;
        handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The engines in the order in which they were named, or all.
fn engines(args: &BenchArgs, making: &Making) -> Result<Vec<Box<dyn Engine>>, CliError> {
    let mut names: Vec<&str> = Vec::new();
    for name in &args.engines {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names = wasm::default_names().collect();
    }
    let engine = |name: &str| wasm::engine(name, making).map_err(|absent| explain(name, absent));
    names.into_iter().map(engine).collect()
}

/// Why there is no engine of this name.
fn explain(name: &str, absent: Absent) -> CliError {
    let names = || wasm::names().collect::<Vec<_>>().join(", ");
    match absent {
        Absent::Llvm if let Err(error) = backend::create(BackendName::Llvm, None) => error,
        Absent::Wasmtime => CliError::usage(
            "this evmc was built without wasmtime",
            format!("build it with `cargo build --release --features oracle`; built in are {}", names()),
        ),
        Absent::Llvm | Absent::Unknown => CliError::usage(
            format!("there is no engine {name:?} for WebAssembly"),
            format!("built in are {}", names()),
        ),
    }
}

/// The call that the arguments describe.
fn read(args: &BenchArgs, source: &Source) -> Result<Call, CliError> {
    let (_, info) = frontend::lower(&source.bytes, &frontend::WasmConfig::default())
        .map_err(|error| super::refused(&source.origin, RefusalError::Module(error)))?;
    if let Some(import) = info.imports.first() {
        let reason = format!("unknown import: {}.{}", import.module, import.name);
        return Err(CliError::Wasm { origin: source.origin.clone(), reason });
    }
    let function = function(args, source, &info)?;
    let ty = call::exported(&info, function).ok_or_else(|| call::unknown(&source.origin, &info, function))?;
    let memories = info.exports.iter().filter(|export| matches!(export.item, Item::Memory(_)));
    Ok(Call {
        origin: source.origin.clone(),
        module: source.bytes.clone(),
        function: function.to_owned(),
        arguments: call::arguments(function, ty, &args.transaction.arguments)?,
        memories: memories.map(|export| export.name.clone()).collect(),
        gas: call::gas(&args.transaction),
    })
}

/// The function that --invoke names, or the only one that can be meant.
fn function<'a>(args: &'a BenchArgs, source: &Source, info: &ModuleInfo) -> Result<&'a str, CliError> {
    if let Some(name) = &args.invoke {
        return Ok(name);
    }
    let is_start = |name: &&str| call::exported(info, name).is_some_and(|ty| ty.params.is_empty());
    let starts: Vec<&str> = STARTS.into_iter().filter(is_start).collect();
    match starts[..] {
        [name] => Ok(name),
        _ => Err(CliError::usage(
            format!("it is not said which function of {} to call", source.origin),
            format!("name one of these with --invoke: {}", call::functions(info)),
        )),
    }
}
