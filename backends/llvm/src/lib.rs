//! Object code through LLVM: the optimising backend.
//!
//! A module is translated as it is, words of 256 bits included, to one LLVM module; the passes that `llvm.toml`
//! names for the level run over it, and LLVM's code generator writes the ELF object.
//!
//! How state is held:
//!
//! * **Frame**: the pointer is the first parameter of every function. Fields that no host function
//!   changes are loaded as invariant.
//! * **Gas**: a value that enters as a parameter and leaves as a result. It is written to the frame where a
//!   host function may read it and at exits, and read back after a host function that may change it.
//! * **VM memory**: base and length are values, read at the start of a function and after what may grow memory.
//! * **Alias information**: [`alias`] divides all memory into regions that never overlap.
//!
//! How functions call one another: a function that can exit or touches gas also takes the gas counter and gives a
//! status and the counter before its results; a status other than 0 is the number of the exit code, and the
//! caller returns it at once (`Frame::gas` was written where the exit happened). Results that no register holds
//! go to memory that the caller provides.
//!
//! Modules of WebAssembly differ in this: an exit never comes back through the callers, since the runtime ends its
//! innermost entry at once, so functions give no status (`traps`); gas is paid without a check and checked where it
//! is seen; accesses to linear memory are volatile, so that those which trap stay what and where they are (`instance`).
//!
//! What LLVM does badly or not at all with words is done here: division (`division`), variable shifts (`shift`),
//! the alignment of words (8 bytes, where LLVM assumes 16), words in C calls (always in memory).
//!
//! Files by topic, as in the other backends: `config` is `llvm.toml`, `target` machines, `signature`
//! conventions, `tier` what is too large for LLVM, `attributes` and `alias` what LLVM is told, `locations` where code comes from, `compile` the module, `translate` the walk over a
//! function, `value` representation of values, `outlined` functions of the backend's own, `stack_use` the size of
//! native frames, then one file for each family of instructions.

#![cfg(feature = "llvm")]
#![deny(unsafe_code)]

mod alias;
mod arith;
mod attributes;
mod calls;
mod compare;
mod compile;
mod config;
mod control;
mod convert;
mod division;
mod float;
mod gas;
mod instance;
mod locations;
mod memory;
mod outlined;
mod shift;
mod signature;
mod stack_use;
mod tail_calls;
mod target;
mod tier;
mod translate;
mod traps;
mod value;
mod vector;
mod vector_float;
mod vector_integer;

use evmc_backend::{Backend, BackendError, Object, Options};
use evmc_ir::Module;

pub use config::{Config, ConfigError};

/// Its name on the command line and in artifacts.
const NAME: &str = "llvm";

/// The backend.
#[derive(Default)]
pub struct Llvm {
    /// What it asks of LLVM.
    pub config: Config,
    /// What compiles modules that are too large for LLVM; without it, LLVM compiles everything.
    pub fallback: Option<Box<dyn Backend + Send>>,
}

impl Llvm {
    /// What compiles a module instead of LLVM, if anything does. The other backend may not know the target.
    fn instead(&self, module: &Module, options: &Options) -> Option<&(dyn Backend + Send)> {
        let fallback = self.fallback.as_deref().filter(|_| target::is_x86(options));
        fallback.filter(|_| !tier::is_affordable(module, options.level))
    }
}

impl Backend for Llvm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn compile(&self, module: &Module, options: &Options) -> Result<Object, BackendError> {
        match self.instead(module, options) {
            Some(other) => other.compile(module, options),
            None => compile::object(module, options, &self.config),
        }
    }

    fn assembly(&self, module: &Module, options: &Options) -> Result<String, BackendError> {
        match self.instead(module, options) {
            Some(other) => other.assembly(module, options),
            None => compile::assembly(module, options, &self.config),
        }
    }
}
