//! What commands do with WebAssembly.

pub mod bench;
pub mod build;
mod call;
pub mod inspect;
pub mod run;

use evmc_compiler::frontend::wasm::{CostTable, WasmConfig};

use super::{backend, config};
use crate::{
    args::{CompileArgs, MeterArgs, WasmEngineName},
    error::CliError,
    fork::Fork,
    input,
    wasm::{Engine, RefusalError},
};

/// The engine with this name.
pub fn engine(name: WasmEngineName, compile: &CompileArgs, meter: &MeterArgs) -> Result<Engine, CliError> {
    let (config, wasm) = (config(compile, Fork::default()), wasm_config(meter)?);
    Ok(match name {
        WasmEngineName::Native => Engine::native(backend(compile)?, config, wasm),
        WasmEngineName::Ir => Engine::ir(config, wasm),
    })
}

/// The frontend's configuration.
fn wasm_config(meter: &MeterArgs) -> Result<WasmConfig, CliError> {
    let mut wasm = WasmConfig { metered: !meter.no_meter, ..WasmConfig::default() };
    wasm.limits.work = meter.max_work;
    if let Some(path) = &meter.costs {
        let text = input::read_file(path)?;
        wasm.costs = CostTable::parse(&String::from_utf8_lossy(&text))
            .map_err(|error| CliError::Costs { path: path.clone(), reason: error.to_string() })?;
    }
    Ok(wasm)
}

/// A refusal of the module in `origin`.
fn refused(origin: &str, error: RefusalError) -> CliError {
    CliError::WasmRefused { origin: origin.to_owned(), source: Box::new(error) }
}
