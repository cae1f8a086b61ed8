//! Rewrites a module so that no value is wider than 128 bits.
//!
//! For backends whose machine has no `i256`. Every word becomes two `i128` halves, low first: in
//! block parameters and their arguments, in parameters and results of functions, in the operands
//! and results of `host` and `call`. Two halves measured better than four limbs, since code
//! generators have carry chains for twice the register width.
//!
//! The **legal form** differs from the IR proper in one point: operations that move words between
//! registers and memory keep `i256` as their controlling type and have two values in place of each
//! word. These are `mem.load`, `mem.store`, `stack.load`, `stack.store`, `frame.get` of word fields
//! and `calldata.load` (which has no controlling type in the IR and gets `i256` here); `host` has
//! two values for each argument and result word.
//!
//! Division and modular arithmetic leave for the host table behind an inline test for small
//! operands. Narrow operations that few machines have (`byte`, `sign_extend`, 128-bit division,
//! modular arithmetic) are expanded as well, so a backend needs none of them. `mem.ensure` becomes
//! a comparison with the memory's length and a call of a helper in a cold block. What nobody uses
//! is dropped.
//!
//! The size of the result is bounded by a constant times that of the input: [`Outline`] decides
//! where long expansions go. Everything is linear in the size of the module; the result depends on
//! nothing but the input.
//!
//! Files by topic: `arith`, `shift`, `compare`, `bits`, `division`, `memory`; `emit`
//! appends and folds; `function` walks a function; `outline` holds the helpers; `live` finds
//! dead code.

mod arith;
mod bits;
mod compare;
mod convert;
mod division;
mod emit;
mod fold;
mod function;
mod live;
mod memory;
mod outline;
mod part;
mod shift;
mod terminate;

use evmc_ir::Module;

pub use outline::{INLINE_LIMIT, Outline};

use function::Context;
use outline::Helpers;

/// The module in legal form. Functions keep their numbers; helpers follow them.
///
/// The module must be verified. Names that begin with `evmc.` belong to the helpers.
pub fn legalize(module: &Module, outline: Outline) -> Module {
    let mut helpers = Helpers::new(module.functions.len(), outline);
    let mut legal = Module {
        entry: module.entry,
        stretches: module.stretches.clone(),
        uses_memory_stack: module.uses_memory_stack,
        ..Module::default()
    };
    for func in module.functions.values() {
        let context = Context { helpers: &mut helpers, inside: None };
        legal.functions.push(function::legalize(func, context));
    }
    // Helpers may ask for further helpers.
    let mut next = 0;
    while let Some((helper, func)) = helpers.functions.get(next).cloned() {
        let context = Context { helpers: &mut helpers, inside: Some(helper) };
        legal.functions.push(function::legalize(&func, context));
        next += 1;
    }
    legal
}
