//! The verifier: what every module must be. This is the specification of the IR's form.
//!
//! Invariants, each a [`Rule`] under whose name its violations are reported:
//!
//! * [`Rule::Module`]: function names are unique and printable; a stretch does not end before its
//!   start; the entry exists, takes and gives nothing, never returns (it ends with an exit), and is
//!   called by nobody; signatures take the depth first; entries of an instance have the type that their kind asks for
//!   and are numbered once.
//! * [`Rule::Layout`]: a function has an entry block; each block is in the layout at most once and
//!   each instruction in at most one place; the entry block is nobody's target.
//! * [`Rule::Terminator`]: a block's last instruction, and no other, ends it.
//! * [`Rule::Reference`]: every block, value, constant, function, signature, stretch, lane and part of the instance
//!   named exists, and a block that is a target is in the layout.
//! * [`Rule::Definition`]: block parameters and results are defined where their values say.
//! * [`Rule::Arity`]: operands, results and immediate are as many and of the kind that the table's
//!   row says, for `host` and `runtime` the function's row, for `call` the callee, for `call_ref` the signature,
//!   for `ret` the function.
//! * [`Rule::Types`]: the controlling type is in the row's set; operands and results have the types
//!   that row, callee or function say; `zext` and `sext` widen, `trunc` narrows, `bitcast` keeps the
//!   width; `sint_to_f` and `uint_to_f` take 32 or 64 bits; `frame.get` reads a field at a type that holds it;
//!   what is called in the place of a function has its results; a lane shape is in the row's set.
//! * [`Rule::Target`]: a target's arguments match the block's parameters; a `switch` names each
//!   value once.
//! * [`Rule::Constant`]: constants and `switch` values fit their types.
//! * [`Rule::Dominance`]: in reachable blocks, definitions dominate uses.
//! * [`Rule::MemoryStack`]: only a module that says so uses the memory stack.
//!
//! Not checked: that memory and stack accesses are in range (`mem.ensure` and `stack.check` came
//! before), that stretches match a bytecode, that gas is charged at all, whether entities outside
//! the layout make sense. Unreachable blocks are allowed; of dominance they are only held to what is
//! within one block.
//!
//! Errors are collected, not only the first. The cost is near-linear: it runs after every pass in
//! tests, also on hostile input. Nothing panics, whatever the module holds.

mod dominance;
mod instruction;
mod structure;

use core::fmt;

use crate::entities::{Block, Func, Inst};
use crate::function::{Function, Module};
use crate::text::print_inst;

/// The invariants, by topic. See the head of [`crate::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Names, stretches, the module's entry.
    Module,
    /// Blocks in the layout, instructions in blocks.
    Layout,
    /// Blocks end where they must.
    Terminator,
    /// What is named exists.
    Reference,
    /// Values are defined where they say.
    Definition,
    /// Counts and kinds.
    Arity,
    /// Types.
    Types,
    /// Branch arguments and `switch` values.
    Target,
    /// Constants fit.
    Constant,
    /// Definitions dominate uses.
    Dominance,
    /// The memory stack is declared.
    MemoryStack,
}

/// A violation and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The invariant.
    pub rule: Rule,
    /// The function, for anything within one.
    pub func: Option<Func>,
    /// The block, where one is to blame.
    pub block: Option<Block>,
    /// The instruction, where one is to blame.
    pub inst: Option<Inst>,
    /// What is wrong, with names.
    pub message: String,
    /// The place as text: function, block, the instruction's text.
    place: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.message)
    }
}

impl std::error::Error for VerifyError {}

/// Checks a module.
///
/// # Errors
/// Every violation that was found, those of one function in layout order.
pub fn verify(module: &Module) -> Result<(), Vec<VerifyError>> {
    let mut errors = Vec::new();
    structure::check_module(module, &mut errors);
    for func in module.functions.keys() {
        check_function(module, func, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Checks one function of a module.
///
/// # Errors
/// Every violation that was found in it.
pub fn verify_function(module: &Module, func: Func) -> Result<(), Vec<VerifyError>> {
    let mut errors = Vec::new();
    check_function(module, func, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Checks the parts of a function; each part relies on the ones before it.
fn check_function(module: &Module, func: Func, errors: &mut Vec<VerifyError>) {
    let before = errors.len();
    let mut report = Report { module, function: &module.functions[func], func, errors };
    structure::check(&mut report);
    if report.errors.len() == before {
        instruction::check(&mut report);
        dominance::check(&mut report);
    }
}

/// Where a part of the verifier puts what it finds.
struct Report<'a> {
    module: &'a Module,
    function: &'a Function,
    func: Func,
    errors: &'a mut Vec<VerifyError>,
}

impl Report<'_> {
    /// Reports a violation in a block, at an instruction where one is to blame.
    fn add(&mut self, rule: Rule, block: Option<Block>, inst: Option<Inst>, message: String) {
        let mut place = format!("%{}", self.function.name);
        if let Some(block) = block {
            place += &format!(", {block}");
        }
        if let Some(inst) = inst {
            place += &format!(", `{}`", print_inst(self.module, self.function, inst));
        }
        place += ": ";
        let func = Some(self.func);
        self.errors.push(VerifyError { rule, func, block, inst, message, place });
    }
}
