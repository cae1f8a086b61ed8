//! From the bytes of a module to one that the runtime can make instances of.

use std::sync::Arc;

use evmc_backend::Backend;
use evmc_compiler::{
    driver::{self, CompileError, Config},
    frontend::wasm::{self, WasmConfig, WasmError},
    pipeline,
};
use evmc_ir::text::print;
use evmc_wasm::{Module, ModuleError};
use thiserror::Error;

use super::interp::IrCode;
use crate::build::Emit;

/// How modules are compiled, and what then runs them.
pub struct Engine {
    config: Config,
    wasm: WasmConfig,
    runner: Runner,
}

/// What runs modules.
enum Runner {
    /// Machine code by this generator.
    Native(Box<dyn Backend + Send>),
    /// The interpreter of the IR.
    Ir,
}

/// Why there is no module.
#[derive(Debug, Error)]
pub enum RefusalError {
    /// The bytes are no module that is supported.
    #[error(transparent)]
    Module(WasmError),
    /// The compiler cannot make code of it.
    #[error(transparent)]
    Compiler(CompileError),
    /// The runtime cannot use what the compiler made.
    #[error(transparent)]
    Runtime(#[from] ModuleError),
}

impl RefusalError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Module(WasmError::TooLarge { .. }) => {
                "a module that you trust is compiled with a larger --max-work; some 10,000,000 units take a second"
            }
            _ => {
                "supported are WebAssembly 2.0, tail calls, several memories, extended constants and wide arithmetic"
            }
        }
    }
}

impl From<CompileError> for RefusalError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Wasm(error) => Self::Module(error),
            other => Self::Compiler(other),
        }
    }
}

impl Engine {
    /// Machine code by a generator.
    pub fn native(backend: Box<dyn Backend + Send>, config: Config, wasm: WasmConfig) -> Self {
        Self { config, wasm, runner: Runner::Native(backend) }
    }

    /// The interpreter of the IR.
    pub const fn ir(config: Config, wasm: WasmConfig) -> Self {
        Self { config, wasm, runner: Runner::Ir }
    }

    /// What results are reported under: the engine, for machine code with its generator and level.
    pub fn name(&self) -> String {
        let level = self.config.backend.level as u8;
        match &self.runner {
            Runner::Native(backend) => format!("native ({} -O{level})", backend.name()),
            Runner::Ir => format!("ir (-O{level})"),
        }
    }

    /// Whether gas is counted.
    pub const fn is_metered(&self) -> bool {
        self.wasm.metered
    }

    /// Compiles a module for the runtime.
    ///
    /// # Errors
    /// It is not a module that is supported, or the compiler fails.
    pub fn compile(&self, wasm: &[u8]) -> Result<Module, RefusalError> {
        match &self.runner {
            Runner::Native(_) => Ok(Module::from_artifact(&self.emit(wasm, Emit::So)?)?),
            Runner::Ir => {
                let lowered = driver::lower_wasm(wasm, &self.config, &self.wasm)?;
                Ok(Module::with_code(lowered.info, Arc::new(IrCode::new(lowered.module)))?)
            }
        }
    }

    /// Compiles a module as far as `emit` says. The interpreter's code is its IR.
    ///
    /// # Errors
    /// As [`Engine::compile`].
    pub fn emit(&self, wasm: &[u8], emit: Emit) -> Result<Vec<u8>, RefusalError> {
        let backend = match &self.runner {
            Runner::Native(backend) if emit != Emit::Ir => backend,
            _ => {
                let lowered = driver::lower_wasm(wasm, &self.config, &self.wasm)?;
                return Ok(print(&lowered.module).into_bytes());
            }
        };
        if emit == Emit::So {
            let compiled = driver::compile_wasm(wasm, &self.config, &self.wasm, &**backend)?;
            return Ok(compiled.artifact);
        }
        let lowered = driver::lower_wasm(wasm, &self.config, &self.wasm)?;
        let options = pipeline::with_legal_passes(&self.config.backend);
        let bytes = match emit {
            Emit::Asm => backend.assembly(&lowered.module, &options).map(String::into_bytes),
            _ => backend.compile(&lowered.module, &options).map(|object| object.bytes),
        };
        Ok(bytes.map_err(CompileError::from)?)
    }

    /// Validates a module, and compiles it no further than is needed for that.
    ///
    /// # Errors
    /// It is not a module that is supported.
    pub fn validate(&self, bytes: &[u8]) -> Result<(), WasmError> {
        wasm::lower(bytes, &self.wasm).map(drop)
    }
}
