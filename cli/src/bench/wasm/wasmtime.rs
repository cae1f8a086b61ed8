//! Wasmtime with Cranelift.

use std::hint::black_box;

use evmc_wasm::Val;
use wasmtime::{Config, Func, Instance, Module, OptLevel, Ref, Store, V128, Val as Value};

use super::{Answer, Call, Engine, compile, hash, refused};
use crate::{
    bench::{
        entrant::{Batch, Lane, Loaded, Problem},
        measure::Ready,
        report::{Compilation, EngineInfo},
    },
    cpu_time,
    wasm::value::Shown,
};

/// Fuel of a call; it is another measure than gas, and no limit on gas is one on fuel.
const FUEL: u64 = u64::MAX / 2;

/// Wasmtime in one of its settings.
pub struct Wasmtime {
    info: EngineInfo,
    has_fuel: bool,
    has_canonical_nans: bool,
}

impl Wasmtime {
    /// Wasmtime with these settings.
    pub const fn new(info: EngineInfo, has_fuel: bool, has_canonical_nans: bool) -> Self {
        Self { info, has_fuel, has_canonical_nans }
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .cranelift_nan_canonicalization(self.has_canonical_nans)
            .consume_fuel(self.has_fuel)
            .wasm_multi_memory(true)
            .wasm_extended_const(true)
            .wasm_tail_call(true)
            .wasm_wide_arithmetic(true);
        config
    }
}

impl Engine for Wasmtime {
    fn info(&self) -> EngineInfo {
        self.info.clone()
    }

    fn load(&self, call: &Call) -> Result<Ready<'static, Answer>, Problem> {
        let engine = wasmtime::Engine::new(&self.config()).map_err(problem)?;
        let (module, cpu_ns) = compile(|| Module::new(&engine, &call.module).map_err(problem))?;
        let artifact_bytes = Some(module.serialize().map_err(problem)?.len() as u64);
        let mut store = Store::new(&engine, ());
        refuel(&mut store, self.has_fuel)?;
        let instance = Instance::new(&mut store, &module, &[]).map_err(problem)?;
        let found = instance.get_func(&mut store, &call.function);
        let function = found.ok_or_else(|| refused(format!("no function {:?}", call.function)))?;
        let results = vec![Value::I32(0); function.ty(&store).results().len()];
        let arguments = call.arguments.iter().copied().map(to_value).collect();
        let mut lane = WasmtimeLane { store, function, arguments, results, has_fuel: self.has_fuel };
        lane.call()?;
        // Which NaN was stored is not determined.
        let memory = self.has_canonical_nans.then(|| memories(&mut lane.store, &instance, &call.memories));
        let answer = Answer { memory, ..lane.answer() };
        let compilation = Some(Compilation { cpu_ns, codes: Some(1), artifact_bytes });
        Ok(Ready { loaded: Loaded { answer, compilation, frames_interpreted: 0 }, lane: Box::new(lane) })
    }
}

/// An instance and its function.
struct WasmtimeLane {
    store: Store<()>,
    function: Func,
    arguments: Vec<Value>,
    results: Vec<Value>,
    has_fuel: bool,
}

impl WasmtimeLane {
    fn call(&mut self) -> Result<(), Problem> {
        refuel(&mut self.store, self.has_fuel)?;
        let called = self.function.call(&mut self.store, black_box(&self.arguments), &mut self.results);
        called.map_err(|error| Problem::Refused(format!("trap: {}", error.root_cause())))
    }

    fn answer(&self) -> Answer {
        Answer { results: self.results.iter().map(shown).collect(), gas_used: None, memory: None }
    }
}

impl Lane<Answer> for WasmtimeLane {
    fn run(&mut self, count: u32) -> Result<Batch<Answer>, Problem> {
        let (done, cpu) = cpu_time::measure(|| (0..count).try_for_each(|_| self.call()));
        done?;
        Ok(Batch { cpu, answer: self.answer() })
    }
}

/// Gives the next call enough fuel.
fn refuel(store: &mut Store<()>, has_fuel: bool) -> Result<(), Problem> {
    if has_fuel { store.set_fuel(FUEL).map_err(problem) } else { Ok(()) }
}

/// The hash of the memories of an instance.
fn memories(store: &mut Store<()>, instance: &Instance, names: &[String]) -> [u8; 32] {
    let memories: Vec<_> = names.iter().filter_map(|name| instance.get_memory(&mut *store, name)).collect();
    hash(memories.iter().map(|memory| memory.data(&*store)))
}

/// An argument as wasmtime takes it; references that somebody writes on a command line are null.
fn to_value(value: Val) -> Value {
    match value {
        Val::I32(value) => Value::I32(value),
        Val::I64(value) => Value::I64(value),
        Val::F32(bits) => Value::F32(bits),
        Val::F64(bits) => Value::F64(bits),
        Val::V128(bits) => Value::V128(V128::from(bits)),
        Val::FuncRef(_) => Value::FuncRef(None),
        Val::ExternRef(_) => Value::ExternRef(None),
    }
}

/// A result as text, in the words for our own values.
fn shown(value: &Value) -> String {
    match value {
        Value::I32(value) => Shown(Val::I32(*value)).to_string(),
        Value::I64(value) => Shown(Val::I64(*value)).to_string(),
        Value::F32(bits) => Shown(Val::F32(*bits)).to_string(),
        Value::F64(bits) => Shown(Val::F64(*bits)).to_string(),
        Value::V128(bits) => Shown(Val::V128(bits.as_u128())).to_string(),
        Value::FuncRef(None) => Shown(Val::FuncRef(None)).to_string(),
        Value::FuncRef(Some(_)) => "<funcref>".to_owned(),
        Value::ExternRef(None) => Shown(Val::ExternRef(None)).to_string(),
        Value::ExternRef(Some(_)) => Shown(Val::ExternRef(Some(0))).to_string(),
        other => format!("<{:?}>", other.ref_().map(|reference: Ref| reference.is_null())),
    }
}

/// What wasmtime says in one line.
fn problem(error: wasmtime::Error) -> Problem {
    Problem::Refused(format!("{error:#}"))
}
