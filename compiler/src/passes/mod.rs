//! Passes over the IR, one file each, named by what they do.

pub mod clamp;
pub mod dead_code;
pub mod dead_store;
pub mod ensure;
pub mod fold;
pub mod forward;
pub mod gvn;
pub mod inline;
pub mod merge_blocks;
pub mod merge_checks;
pub mod narrow;
pub mod simplify;
pub mod stretches;
pub mod trivial_params;

use evmc_ir::{Function, Module};

/// Instructions of a module up to which passes run that keep facts of every value. The largest of real
/// contracts have half as many; only code made to cost memory has more.
const SIZE_LIMIT: usize = 250_000;

/// Whether a module is too large for passes that keep facts of every value.
fn is_large(module: &Module) -> bool {
    module.functions.values().map(Function::size).sum::<usize>() > SIZE_LIMIT
}
