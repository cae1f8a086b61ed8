//! Wasmtime with Cranelift, metered and unmetered, with NaNs as they come and canonical.

use wasmtime::{Config, Engine, Instance, Module, OptLevel, Store};

use crate::wasm_kernels::{
    entrant::{Entrant, Run},
    set::Kernel,
};

/// Fuel that no kernel uses up.
const MUCH_FUEL: u64 = u64::MAX / 2;

/// Wasmtime in one of its settings.
struct Wasmtime {
    name: &'static str,
    engine: Engine,
    is_metered: bool,
    has_canonical_nans: bool,
}

/// All settings.
pub fn all() -> impl Iterator<Item = Box<dyn Entrant>> {
    let settings = [
        ("wasmtime", false, false),
        ("wasmtime-fuel", true, false),
        ("wasmtime-nan", false, true),
        ("wasmtime-fuel-nan", true, true),
    ];
    settings.into_iter().map(|(name, is_metered, has_canonical_nans)| {
        Box::new(Wasmtime::new(name, is_metered, has_canonical_nans)) as Box<dyn Entrant>
    })
}

impl Wasmtime {
    fn new(name: &'static str, is_metered: bool, has_canonical_nans: bool) -> Self {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .cranelift_nan_canonicalization(has_canonical_nans)
            .consume_fuel(is_metered)
            .wasm_wide_arithmetic(true);
        let engine = Engine::new(&config).expect("the settings go together");
        Self { name, engine, is_metered, has_canonical_nans }
    }
}

impl Entrant for Wasmtime {
    fn name(&self) -> &str {
        self.name
    }

    fn load(&self, kernel: &Kernel) -> Result<Run, String> {
        if self.has_canonical_nans && !kernel.has_floats() {
            return Err("no floats".to_owned());
        }
        let module = Module::new(&self.engine, &kernel.wasm).map_err(|error| format!("{error:#}"))?;
        let mut store = Store::new(&self.engine, ());
        let is_metered = self.is_metered;
        refuel(&mut store, is_metered)?;
        let instance = Instance::new(&mut store, &module, &[]).map_err(|error| format!("{error:#}"))?;
        let run =
            instance.get_typed_func::<i32, i64>(&mut store, "run").map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(move |n| {
            refuel(&mut store, is_metered)?;
            run.call(&mut store, n).map_err(|error| format!("{error:#}"))
        }))
    }
}

/// Gives the next call enough.
fn refuel(store: &mut Store<()>, is_metered: bool) -> Result<(), String> {
    if is_metered { store.set_fuel(MUCH_FUEL).map_err(|error| error.to_string()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_kernels::set;

    #[test]
    fn kernels_give_what_is_expected() {
        let entrant = Wasmtime::new("wasmtime", false, false);
        for kernel in set::own().expect("readable") {
            let mut run = entrant.load(&kernel).expect("it can be loaded");
            assert_eq!(run(kernel.argument), Ok(kernel.expected), "{}", kernel.name);
        }
    }
}
