//! How much native stack code may use.
//!
//! Functions of WebAssembly count a logical depth, so the answer is how many bytes one unit of it stands for at most.

use cranelift_entity::SecondaryMap;
use evmc_backend::native_stack::native_stack_bytes;
use evmc_ir::{Func, Function, Imm, Module, Opcode};

/// The bound that [`evmc_backend::Object::native_stack_bytes`] is, given the frame of each function in bytes.
pub(crate) fn bytes(module: &Module, frames: &SecondaryMap<Func, u64>) -> u64 {
    if module.instance.is_none() {
        return native_stack_bytes(module, frames);
    }
    let bounds = module.functions.iter().filter_map(|(id, func)| {
        let arguments = arguments(module, func);
        Some((frames[id] + arguments).div_ceil(depth(func)?))
    });
    bounds.max().unwrap_or(0)
}

/// Bytes of arguments on the stack that callers make room for, or the function itself for what it calls in its place:
/// no less than they are.
fn arguments(module: &Module, func: &Function) -> u64 {
    let insts = func.layout.iter().flat_map(|&block| func.block_insts(block));
    let last = insts.filter_map(|(_, data)| match (data.opcode, &data.imm) {
        (Opcode::RetCall, &Imm::Function(callee)) => Some(module.functions[callee].param_types().count()),
        (Opcode::RetCallRef, &Imm::Signature(sig)) => Some(module.signatures[sig].params.len()),
        _ => None,
    });
    16 * last.max().unwrap_or(0).max(func.param_types().count()) as u64
}

/// The depth that a function pays for at its start, or `None` where it pays for none.
fn depth(func: &Function) -> Option<u64> {
    let entry = func.entry()?;
    let check = func.block_insts(entry).find(|(_, data)| data.opcode == Opcode::DepthCheck)?.1;
    let left = func.defining_inst(check.args[0]).filter(|left| left.opcode == Opcode::Sub)?;
    let cost = func.constant(left.args[1])?;
    Some(cost.saturating_to::<u64>()).filter(|&cost| cost > 0)
}
