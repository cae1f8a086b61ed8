//! The code generators of this build.
//!
//! Cranelift is always there. LLVM needs a library of the system, so it is built in by the feature `llvm` only.

use std::path::Path;

use evmc_backend::Backend;
use evmc_backend_cranelift::Cranelift;

use crate::error::CliError;

/// Code generators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BackendName {
    /// Compiles fast
    Cranelift,
    /// Makes the fastest code; needs a build with LLVM
    Llvm,
}

/// Whether LLVM is built in.
pub const HAS_LLVM: bool = cfg!(feature = "llvm");

/// The code generator with this name. `llvm_config` replaces what is built in of `llvm.toml`.
///
/// # Errors
/// LLVM is not built in, the file cannot be read, or it is not such a configuration.
pub fn create(name: BackendName, llvm_config: Option<&Path>) -> Result<Box<dyn Backend + Send>, CliError> {
    match name {
        BackendName::Cranelift if llvm_config.is_some() => {
            Err(CliError::usage("--llvm-config says nothing to Cranelift", "add --backend llvm"))
        }
        BackendName::Cranelift => Ok(Box::new(Cranelift::default())),
        BackendName::Llvm => llvm(llvm_config),
    }
}

/// What the LLVM backend is told; nothing where LLVM is not built in.
#[derive(Clone, Default)]
pub struct LlvmSettings {
    #[cfg(feature = "llvm")]
    config: evmc_backend_llvm::Config,
}

#[cfg(feature = "llvm")]
impl LlvmSettings {
    /// The built-in configuration, or that of a file.
    ///
    /// # Errors
    /// The file cannot be read, or it is not such a configuration.
    pub fn read(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let bytes = crate::input::read_file(path)?;
        let parsed = evmc_backend_llvm::Config::parse(&String::from_utf8_lossy(&bytes));
        let failed = |error: evmc_backend_llvm::ConfigError| CliError::LlvmConfig {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        Ok(Self { config: parsed.map_err(failed)? })
    }

    /// The same, where it may not be built in.
    ///
    /// # Errors
    /// LLVM is not built in.
    pub fn create(&self) -> Result<Box<dyn Backend + Send>, CliError> {
        Ok(self.backend())
    }

    /// LLVM, with Cranelift for what it would take too long over.
    pub fn backend(&self) -> Box<dyn Backend + Send> {
        let fallback: Option<Box<dyn Backend + Send>> = Some(Box::new(Cranelift::default()));
        Box::new(evmc_backend_llvm::Llvm { config: self.config.clone(), fallback })
    }
}

#[cfg(not(feature = "llvm"))]
impl LlvmSettings {
    /// Nothing, of no file.
    ///
    /// # Errors
    /// There is a file, but LLVM is not built in.
    pub fn read(path: Option<&Path>) -> Result<Self, CliError> {
        path.map_or(Ok(Self::default()), |_| Err(no_llvm()))
    }

    /// LLVM, which is not built in.
    ///
    /// # Errors
    /// Always.
    pub fn create(&self) -> Result<Box<dyn Backend + Send>, CliError> {
        Err(no_llvm())
    }
}

/// LLVM with its own configuration or that of a file.
#[cfg(feature = "llvm")]
fn llvm(config: Option<&Path>) -> Result<Box<dyn Backend + Send>, CliError> {
    Ok(LlvmSettings::read(config)?.backend())
}

/// LLVM is not built in.
#[cfg(not(feature = "llvm"))]
fn llvm(_: Option<&Path>) -> Result<Box<dyn Backend + Send>, CliError> {
    Err(no_llvm())
}

/// Says that LLVM is not built in.
#[cfg(not(feature = "llvm"))]
fn no_llvm() -> CliError {
    CliError::usage(
        "this evmc was built without LLVM",
        "install LLVM 22 (Debian and Ubuntu: apt-get install llvm-22-dev) and build with `make`, or with \
         `cargo build --release --features llvm`; or use --backend cranelift",
    )
}
