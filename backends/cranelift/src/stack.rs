//! Arguments on the native stack.

use evmc_ir::{Function, Imm, Module, Opcode};

/// Bytes of arguments on the stack for which callers make room, or the function itself for what it calls in its place:
/// no less than they are.
pub(crate) fn argument_bytes(module: &Module, func: &Function) -> u64 {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let last = insts.filter_map(|(_, data)| match (data.opcode, &data.imm) {
        (Opcode::RetCall, &Imm::Function(callee)) => Some(module.functions[callee].param_types().count()),
        (Opcode::RetCallRef, &Imm::Signature(sig)) => Some(module.signatures[sig].params.len()),
        _ => None,
    });
    16 * last.max().unwrap_or(0).max(func.param_types().count()) as u64
}
