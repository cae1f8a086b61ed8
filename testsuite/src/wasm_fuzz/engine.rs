//! A module in one of our engines.

use evmc::backend::{self, BackendName};
use evmc::wasm::engine::Engine;
use evmc_abi::ExitCode;
use evmc_backend::{OptLevel, Options};
use evmc_compiler::driver::Config;
use evmc_compiler::frontend::wasm::WasmConfig;
use evmc_wasm::module_info::Item;
use evmc_wasm::{Cause, Extern, InstanceId, InstantiateError, Limits, Module, Objects, Store, Trap, Val};

use super::compare::{Ending, Machine, State, Value};

/// A way to run modules.
pub struct Tested {
    /// Its name: `native`, `llvm` with the level, or `ir`.
    pub name: String,
    engine: Engine,
}

impl Tested {
    /// The engine of this name.
    ///
    /// # Errors
    /// There is none, or not in this build.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let unknown = || format!("there is no engine `{name}`");
        let digits = name.trim_start_matches(|character: char| !character.is_ascii_digit());
        let level = if digits.is_empty() { Some(2) } else { digits.parse().ok() };
        let level = level.and_then(OptLevel::from_number).ok_or_else(unknown)?;
        let config =
            Config { backend: Options { level, ..Options::default() }, verify: true, ..Config::default() };
        let wasm = WasmConfig::default();
        let native = |backend: BackendName| {
            let backend = backend::create(backend, None).map_err(|error| error.to_string())?;
            Ok::<_, String>(Engine::native(backend, config.clone(), wasm.clone()))
        };
        let engine = match name.trim_end_matches(|character: char| character.is_ascii_digit()) {
            "native" => native(BackendName::Cranelift)?,
            "llvm" => native(BackendName::Llvm)?,
            "ir" => Engine::ir(config.clone(), wasm.clone()),
            _ => return Err(unknown()),
        };
        Ok(Self { name: name.to_owned(), engine })
    }

    /// Makes an instance; how its start function ended where it did not come back.
    ///
    /// # Errors
    /// The module is not compiled, or not made an instance of for another reason than a trap.
    pub fn instantiate(&self, wasm: &[u8], gas: u64) -> Result<Result<Ours, Ending>, String> {
        let module = self.engine.compile(wasm).map_err(|error| error.to_string())?;
        let mut store = Store::new(Limits::default());
        match store.instantiate_with_gas(&module, &[], &mut gas.clone()) {
            Ok(instance) => Ok(Ok(Ours { store, instance, module })),
            Err(InstantiateError::Trap(trap)) => Ok(Err(ending(&trap))),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// An instance in one of our engines.
pub struct Ours {
    store: Store,
    instance: InstanceId,
    module: Module,
}

/// How a trap counts.
fn ending(trap: &Trap) -> Ending {
    match trap.cause {
        Cause::Program(ExitCode::OutOfGas) => Ending::OutOfGas,
        Cause::Program(ExitCode::CallStackExhausted) => Ending::OutOfDepth,
        // Wasmtime has one name for these.
        Cause::Program(ExitCode::TableOutOfBounds) => Ending::Trapped("undefined element".into()),
        _ => Ending::Trapped(trap.message().into_owned()),
    }
}

fn value(value: &Val) -> Value {
    match *value {
        Val::I32(number) => Value::Bits((number as u32).into()),
        Val::I64(number) => Value::Bits((number as u64).into()),
        Val::F32(bits) => Value::Bits(bits.into()),
        Val::F64(bits) => Value::Bits(bits.into()),
        Val::V128(bits) => Value::Bits(bits),
        Val::FuncRef(func) => Value::Null(func.is_none()),
        Val::ExternRef(number) => Value::Null(number.is_none()),
    }
}

/// An argument like `like` from its bits; references are null.
fn argument(like: Val, bits: u128) -> Val {
    match like {
        Val::I32(_) => Val::I32(bits as i32),
        Val::I64(_) => Val::I64(bits as i64),
        Val::F32(_) => Val::F32(bits as u32),
        Val::F64(_) => Val::F64(bits as u64),
        Val::V128(_) => Val::V128(bits),
        reference => reference,
    }
}

impl Machine for Ours {
    fn functions(&mut self) -> Vec<String> {
        let exports = self.module.info().exports.iter();
        let functions = exports.filter(|export| matches!(export.item, Item::Function(_)));
        functions.map(|export| export.name.clone()).collect()
    }

    fn call(&mut self, name: &str, arguments: &mut dyn FnMut() -> u128, gas: u64) -> (Ending, u64) {
        let Some(func) = self.store.exported_func(self.instance, name) else {
            return (Ending::Trapped("no such function".into()), gas);
        };
        let params = self.store.func_type(func).params.clone();
        let arguments: Vec<Val> = params.into_iter().map(|ty| argument(Val::zero(ty), arguments())).collect();
        match self.store.call(func, &arguments, Some(gas)) {
            Ok(outcome) => (Ending::Returned(outcome.results.iter().map(value).collect()), outcome.gas_left),
            Err(trap) => (ending(&trap), 0),
        }
    }

    fn state(&mut self) -> State {
        let mut state = State { globals: Vec::new(), memories: Vec::new(), tables: Vec::new() };
        for export in &self.module.info().exports {
            let name = export.name.clone();
            match self.store.export(self.instance, &name) {
                Some(Extern::Global(global)) => state.globals.push((name, value(&self.store.global(global)))),
                Some(Extern::Memory(memory)) => {
                    let bytes = self.store.bytes(memory);
                    let pages = bytes.len() as u64 / evmc_abi::wasm::PAGE_BYTES;
                    state.memories.push((name, pages, blake3::hash(bytes).to_string()));
                }
                Some(Extern::Table(table)) => state.tables.push((name, self.store.table_len(table))),
                _ => {}
            }
        }
        state
    }
}
