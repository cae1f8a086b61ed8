//! Passes over the IR, one file each, named by what they do.

pub mod clamp;
pub mod counted_loop;
pub mod dead_code;
pub mod dead_store;
pub mod ensure;
pub mod fold;
pub mod forward;
pub mod gvn;
pub mod inline;
pub mod merge_blocks;
pub mod merge_checks;
pub mod nan;
pub mod narrow;
pub mod simplify;
pub mod stretches;
pub mod trivial_params;

use evmc_ir::{Function, Module};

/// Instructions of a contract, or of a function of WebAssembly, up to which passes run that keep facts of every value. The
/// largest of real contracts have half as many; only code made to cost memory has more.
const SIZE_LIMIT: usize = 250_000;

/// The functions of a module for a pass that keeps facts of every value of a function: of a contract all, or none where
/// it is too large; of WebAssembly, where modules are large and their functions not, those that are not too large.
fn tractable(module: &mut Module) -> impl Iterator<Item = &mut Function> {
    let is_contract = module.instance.is_none();
    let skipped = is_contract && is_large(module);
    let fits = move |function: &Function| !skipped && (is_contract || function.size() <= SIZE_LIMIT);
    module.functions.values_mut().filter(move |function| fits(function))
}

/// Whether a module is too large for passes that keep facts of every value.
fn is_large(module: &Module) -> bool {
    module.functions.values().map(Function::size).sum::<usize>() > SIZE_LIMIT
}
