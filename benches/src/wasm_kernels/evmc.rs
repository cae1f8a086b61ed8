//! Our own code, by each generator, metered and unmetered.

use evmc::backend::{self, BackendName};
use evmc::wasm::Engine;
use evmc_compiler::driver::Config;
use evmc_compiler::frontend::wasm::WasmConfig;
use evmc_wasm::{Limits, Objects, Store};

use crate::wasm_kernels::{
    entrant::{Entrant, Run},
    set::Kernel,
};

/// A generator in one of its settings.
struct Evmc {
    name: &'static str,
    backend: BackendName,
    is_metered: bool,
}

/// All settings of this build.
pub fn all() -> impl Iterator<Item = Box<dyn Entrant>> {
    let settings = [
        ("llvm", BackendName::Llvm, true),
        ("llvm-unmetered", BackendName::Llvm, false),
        ("cranelift", BackendName::Cranelift, true),
        ("cranelift-unmetered", BackendName::Cranelift, false),
    ];
    let settings =
        settings.into_iter().filter(|&(_, name, _)| backend::HAS_LLVM || name != BackendName::Llvm);
    settings
        .map(|(name, backend, is_metered)| Box::new(Evmc { name, backend, is_metered }) as Box<dyn Entrant>)
}

impl Entrant for Evmc {
    fn name(&self) -> &str {
        self.name
    }

    fn load(&self, kernel: &Kernel) -> Result<Run, String> {
        let backend = backend::create(self.backend, None).map_err(|error| error.to_string())?;
        let settings = WasmConfig { metered: self.is_metered, ..WasmConfig::default() };
        let engine = Engine::native(backend, Config::default(), settings);
        let module = engine.compile(&kernel.wasm).map_err(|error| error.to_string())?;
        let mut store = Store::new(Limits::default());
        let instance = store.instantiate(&module, &[]).map_err(|error| error.to_string())?;
        let run = store.exported_func(instance, "run").ok_or("no function `run`")?;
        let run = store.typed::<i32, i64>(run).map_err(|error| error.to_string())?;
        Ok(Box::new(move |n| {
            let (result, _) = run.call(&mut store, n, i64::MAX as u64).map_err(|error| error.to_string())?;
            Ok(result)
        }))
    }
}
