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
}

impl Convention {
    /// The convention of a function with these effects ([`crate::call_graph::effects`]).
    pub fn of(module: &Module, function: Func, effects: Effects) -> Self {
        match effects.intersects(Effects::METERED) {
            _ if module.entry == Some(function) => Self::Entry,
            true => Self::Metered,
            false => Self::Light,
        }
    }
}
