//! The metered copy of a module in wasmtime.

use wasmtime::{Config, Engine, ExternType, Instance, Module, Store, Trap, Val, ValType};

use super::compare::{Ending, Machine, State, Value};
use super::meter::{DEPTH, GAS, REASON};

/// Native stack of wasmtime, in bytes: the logical depth runs out long before.
pub const STACK_BYTES: usize = 512 << 20;

/// An engine that makes NaNs canonical, without limits of its own.
///
/// # Errors
/// wasmtime refuses its options.
pub fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(true);
    config.async_stack_size(2 * STACK_BYTES);
    config.max_wasm_stack(STACK_BYTES);
    config.wasm_multi_memory(true);
    config.wasm_tail_call(true);
    config.wasm_extended_const(true);
    config.wasm_wide_arithmetic(true);
    Engine::new(&config)
}

/// A module in wasmtime.
pub struct Oracle {
    store: Store<()>,
    instance: Instance,
    /// Logical depth of each call.
    depth: u64,
}

impl Oracle {
    /// Makes an instance of a metered copy; how its start function ended where it did not come back.
    ///
    /// # Errors
    /// wasmtime refuses the module.
    pub fn new(engine: &Engine, metered: &[u8], depth: u64) -> wasmtime::Result<Result<Self, Ending>> {
        let module = Module::new(engine, metered)?;
        let mut store = Store::new(engine, ());
        match Instance::new(&mut store, &module, &[]) {
            Ok(instance) => Ok(Ok(Self { store, instance, depth })),
            // The instance is gone, and with it the reason of a trap that is not the module's own.
            Err(error) => Ok(Err(Ending::Trapped(message(&error)))),
        }
    }

    fn counter(&mut self, name: &str) -> u64 {
        let global = self.instance.get_global(&mut self.store, name);
        match global.map(|global| global.get(&mut self.store)) {
            Some(Val::I64(number)) => number as u64,
            Some(Val::I32(number)) => number as u64,
            _ => 0,
        }
    }

    fn set_counter(&mut self, name: &str, value: Val) {
        if let Some(global) = self.instance.get_global(&mut self.store, name) {
            // The counters are mutable and of these types.
            let _ = global.set(&mut self.store, value);
        }
    }
}

/// Whether a name is one of those that metering adds.
fn is_own(name: &str) -> bool {
    [GAS, DEPTH, REASON].contains(&name)
}

/// The trap of the specification.
fn message(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => words(*trap).into(),
        None => error.to_string(),
    }
}

/// A trap in the words of the specification's tests.
fn words(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds => "out of bounds memory access",
        Trap::TableOutOfBounds => "undefined element",
        Trap::IndirectCallToNull => "uninitialized element",
        Trap::BadSignature => "indirect call type mismatch",
        Trap::IntegerOverflow => "integer overflow",
        Trap::IntegerDivisionByZero => "integer divide by zero",
        Trap::BadConversionToInteger => "invalid conversion to integer",
        Trap::StackOverflow => "native stack of the reference",
        _ => "another trap",
    }
}

/// A value as far as machines must agree on it.
fn value(value: &Val) -> Value {
    match value {
        Val::I32(number) => Value::Bits((*number as u32).into()),
        Val::I64(number) => Value::Bits((*number as u64).into()),
        Val::F32(bits) => Value::Bits((*bits).into()),
        Val::F64(bits) => Value::Bits((*bits).into()),
        Val::V128(bits) => Value::Bits(bits.as_u128()),
        reference => Value::Null(reference.ref_().is_none_or(|reference| reference.is_null())),
    }
}

/// An argument of a type from its bits; references are null.
fn argument(ty: &ValType, bits: u128) -> Val {
    match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits as u64),
        ValType::V128 => Val::V128(bits.into()),
        ValType::Ref(ty) => Val::null_ref(ty.heap_type()),
    }
}

impl Machine for Oracle {
    fn functions(&mut self) -> Vec<String> {
        let exports = self.instance.module(&self.store).exports();
        let functions = exports.filter(|export| matches!(export.ty(), ExternType::Func(_)));
        functions.map(|export| export.name().to_owned()).collect()
    }

    fn call(&mut self, name: &str, arguments: &mut dyn FnMut() -> u128, gas: u64) -> (Ending, u64) {
        self.set_counter(GAS, Val::I64(gas as i64));
        self.set_counter(DEPTH, Val::I64(self.depth as i64));
        self.set_counter(REASON, Val::I32(0));
        let Some(function) = self.instance.get_func(&mut self.store, name) else {
            return (Ending::Trapped("no such function".into()), gas);
        };
        let ty = function.ty(&self.store);
        let arguments: Vec<Val> = ty.params().map(|ty| argument(&ty, arguments())).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let outcome = function.call(&mut self.store, &arguments, &mut results);
        match (outcome, self.counter(REASON)) {
            (Ok(()), _) => (Ending::Returned(results.iter().map(value).collect()), self.counter(GAS)),
            (Err(_), 1) => (Ending::OutOfGas, 0),
            (Err(_), 2) => (Ending::OutOfDepth, 0),
            (Err(error), _) => (Ending::Trapped(message(&error)), 0),
        }
    }

    fn state(&mut self) -> State {
        let mut state = State { globals: Vec::new(), memories: Vec::new(), tables: Vec::new() };
        let exports: Vec<_> = self
            .instance
            .exports(&mut self.store)
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .collect();
        for (name, item) in exports.into_iter().filter(|(name, _)| !is_own(name)) {
            if let Some(global) = item.clone().into_global() {
                let bits = value(&global.get(&mut self.store));
                state.globals.push((name, bits));
            } else if let Some(memory) = item.clone().into_memory() {
                let hash = blake3::hash(memory.data(&self.store)).to_string();
                state.memories.push((name, memory.size(&self.store), hash));
            } else if let Some(table) = item.into_table() {
                state.tables.push((name, table.size(&self.store)));
            }
        }
        state
    }
}
