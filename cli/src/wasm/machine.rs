//! A store with names for what is in it: what scripts and single calls work on.

use evmc_wasm::{
    Extern, Func, InstanceId, InstantiateError, Limits, Linker, Module, Objects, Store, Trap, Val,
};
use thiserror::Error;

use super::engine::RefusalError;

/// Why something could not be done.
#[derive(Debug, Error)]
pub enum MachineError {
    /// There is no module.
    #[error(transparent)]
    Refused(#[from] RefusalError),
    /// There is no instance.
    #[error(transparent)]
    Instantiate(InstantiateError),
    /// A call, or the start of an instance, ended without results.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// The instance exports nothing of this kind under this name.
    #[error("there is no exported {kind} {name:?}")]
    NoExport {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl From<InstantiateError> for MachineError {
    fn from(error: InstantiateError) -> Self {
        match error {
            InstantiateError::Trap(trap) => Self::Trap(trap),
            other => Self::Instantiate(other),
        }
    }
}

/// A store with names.
pub struct Machine {
    store: Store,
    linker: Linker,
    /// Gas of each call, and of each start of an instance.
    gas: u64,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// The results.
    pub values: Vec<Val>,
    /// Gas that it used, where it is counted.
    pub gas_used: u64,
}

impl Machine {
    /// An empty store.
    pub fn new(limits: Limits, gas: u64) -> Self {
        Self { store: Store::new(limits), linker: Linker::new(), gas }
    }

    /// The store.
    pub const fn store(&mut self) -> &mut Store {
        &mut self.store
    }

    /// Names something that modules may import.
    pub fn define(&mut self, module: &str, name: &str, thing: Extern) {
        self.linker.define(module, name, thing);
    }

    /// Names all that an instance exports.
    pub fn register(&mut self, module: &str, instance: InstanceId) {
        self.linker.define_instance(module, &self.store, instance);
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// What it imports is not there or something else, or its start traps.
    pub fn instantiate(&mut self, module: &Module) -> Result<InstanceId, MachineError> {
        let imports = self.linker.resolve(module)?;
        Ok(self.store.instantiate_with_gas(module, &imports, &mut self.gas.clone())?)
    }

    /// The function that an instance exports.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn function(&self, instance: InstanceId, name: &str) -> Result<Func, MachineError> {
        let found = self.store.exported_func(instance, name);
        found.ok_or_else(|| MachineError::NoExport { kind: "function", name: name.to_owned() })
    }

    /// Calls a function.
    ///
    /// # Errors
    /// It does not take these arguments, or traps.
    pub fn call(&mut self, func: Func, args: &[Val]) -> Result<Results, MachineError> {
        let outcome = self.store.call(func, args, Some(self.gas))?;
        Ok(Results { values: outcome.results, gas_used: self.gas.saturating_sub(outcome.gas_left) })
    }

    /// The value of a global that an instance exports.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn global(&self, instance: InstanceId, name: &str) -> Result<Val, MachineError> {
        match self.store.export(instance, name) {
            Some(Extern::Global(global)) => Ok(self.store.global(global)),
            _ => Err(MachineError::NoExport { kind: "global", name: name.to_owned() }),
        }
    }
}
