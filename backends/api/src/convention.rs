//! How functions of a module are entered and left, whatever registers a backend uses for it.

use evmc_abi::Effects;
use evmc_ir::{Func, Module};

/// How a function is entered and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// Takes frame and parameters, gives its results.
    #[default]
    Light,
    /// Takes frame, gas and parameters, gives status, gas and its results.
    Metered,
    /// The contract's entry point: the C convention, takes the frame, gives the exit code.
    Entry,
    /// A function of WebAssembly in a module that is metered: takes frame, gas and parameters, gives gas and its results.
    /// Ends of the frame do not come back through it.
    Counted,
    /// A function of WebAssembly in a module that is not metered: takes frame and parameters, gives its results.
    Uncounted,
}

impl Convention {
    /// The convention of a function with these effects ([`crate::call_graph::effects`]).
    pub fn of(module: &Module, function: Func, effects: Effects) -> Self {
        if let Some(instance) = &module.instance {
            // Every other function takes the depth at least.
            let enters = module.functions[function].param_types().next().is_none();
            return match instance.metered {
                _ if enters => Self::Entry,
                true => Self::Counted,
                false => Self::Uncounted,
            };
        }
        match effects.intersects(Effects::METERED) {
            _ if module.entry == Some(function) => Self::Entry,
            true => Self::Metered,
            false => Self::Light,
        }
    }
}
