//! The EVM frontend.
//!
//! * [`opcode`]: the table of operations per fork.
//! * [`decode`]: bytecode to operations and basic blocks.
//! * [`gas`]: where static gas is charged.
//! * [`cfg`]: where jumps go, and the functions that this reveals.
//! * [`lower`]: operations to IR.

pub mod cfg;
pub mod decode;
pub mod gas;
pub mod lower;
pub mod opcode;

use evmc_ir::{Builder, Func, Function, Module, Type};

use self::decode::Code;
use self::lower::generic;

/// Builds the entry function of code that is generic from its first operation on.
fn generic_entry(module: &mut Module, dispatcher: Func) -> Func {
    let mut function = Function::new("entry", &[]);
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    b.switch_to(entry);
    let height = b.small(Type::I64, 0);
    let target = b.small(Type::I64, generic::FALL);
    b.call(dispatcher, &[height, target], &[]);
    b.unreachable();
    module.functions.push(function)
}

/// Lowers all of `code` to the generic tier alone.
pub fn lower_generic(code: &Code<'_>) -> Module {
    let mut module = Module::default();
    let dispatcher = generic::lower(code, &mut module);
    module.entry = Some(generic_entry(&mut module, dispatcher));
    module
}
