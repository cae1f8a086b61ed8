//! Object code through Cranelift: the fast-compile backend.
//!
//! A module is brought into legal form ([`evmc_backend::legalize`]), each function is translated to
//! Cranelift's IR by one pass over its blocks, and `cranelift-object` collects machine code and
//! relocations in one ELF object, to which `unwind` adds the unwind tables.
//!
//! How state is held:
//!
//! * **Frame**: the pointer is the first parameter of every function. Fields that no host function
//!   changes are loaded as read-only, so Cranelift shares the loads.
//! * **Gas**: an SSA value that enters as a parameter and leaves as a result. It is written to the
//!   frame where a host function may read it and at exits, and read back after a host function that
//!   may change it.
//! * **VM memory**: base and length are loaded from the frame where they are needed; alias regions
//!   let Cranelift drop loads with no call between them.
//! * **`i128`**: one Cranelift value or two 64-bit halves, whatever its producer made.
//!
//! How functions call one another: parameters in order, `i128` as two halves. A function that can
//! exit or touches gas also takes the gas counter and gives a status and the counter before its
//! results; a status other than 0 is the number of the exit code, and the caller returns it at once
//! (`Frame::gas` was written where the exit happened). Results that no register holds go to memory
//! that the caller provides.
//!
//! Files by topic, as in the other backends: `target` settings, `tier` how much
//! effort a function gets, `signature` conventions,
//! `compile` the module, `translate` the walk over a function, `value` representation of
//! values, then one file for each family of instructions.

#![forbid(unsafe_code)]

mod arith;
mod calls;
mod compare;
mod compile;
mod control;
mod convert;
mod division;
mod float;
mod gas;
mod instance;
mod linear;
mod memory;
mod runtime;
mod shift;
mod signature;
mod sites;
mod stack;
mod target;
mod tier;
mod translate;
mod unwind;
mod value;
mod vector;

use evmc_backend::legalize::Outline;
use evmc_backend::{Backend, BackendError, Object, Options};
use evmc_ir::Module;

/// Its name on the command line and in artifacts.
const NAME: &str = "cranelift";

/// The backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cranelift {
    /// Where the expansions of long operations go.
    pub outline: Outline,
}

impl Backend for Cranelift {
    fn name(&self) -> &'static str {
        NAME
    }

    fn compile(&self, module: &Module, options: &Options) -> Result<Object, BackendError> {
        compile::object(module, options, self.outline)
    }

    fn assembly(&self, module: &Module, options: &Options) -> Result<String, BackendError> {
        compile::assembly(module, options, self.outline)
    }
}
