//! Calls in the place of their callers whose arguments lie in memory.
//!
//! While LLVM's passes run, such calls are `musttail`, which keeps each of them right in front of its return. LLVM 22's code
//! generator for x86-64 then takes a `musttail` call of `tailcc` for one that needs no memory changed: it stores none of
//! the arguments that lie in memory, and leaves the return address where the caller's arguments end instead of the callee's. The same
//! call marked `tail` is translated as it should be, and in `tailcc` as surely by a jump. So behind the passes those calls get that mark where
//! caller or callee has arguments in memory. Where neither has, the jump is all that there is to do.
//!
//! The function that ends the runtime's entry never comes back and takes its arguments in registers: it needs no change.

use inkwell::module::Module;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{CallSiteValue, FunctionValue, LLVMTailCallKind};

use crate::traps::LEAVE;

/// Integer registers for arguments of `tailcc` on x86-64.
const INTEGERS: u32 = 6;

/// Vector registers for arguments of `tailcc` on x86-64.
const VECTORS: u32 = 8;

/// Marks the calls of a module that is ready for the code generator.
pub(crate) fn settle(module: &Module<'_>) {
    for function in module.get_functions() {
        let blocks = function.get_basic_blocks();
        for call in blocks.iter().flat_map(|block| block.get_instructions()).filter_map(must_tail) {
            let callee = call.get_called_fn_value();
            let leaves =
                callee.is_some_and(|callee| callee.get_name().to_bytes().starts_with(LEAVE.as_bytes()));
            let params = call.get_called_fn_type().get_param_types();
            let callee_types = params.into_iter().filter_map(|ty| BasicTypeEnum::try_from(ty).ok());
            if !(leaves || fit(callee_types) && fit(types_of(function))) {
                call.set_tail_call_kind(LLVMTailCallKind::LLVMTailCallKindTail);
            }
        }
    }
}

/// A call that must be one in the place of its caller.
fn must_tail(instruction: inkwell::values::InstructionValue<'_>) -> Option<CallSiteValue<'_>> {
    let call = CallSiteValue::try_from(instruction).ok()?;
    (call.get_tail_call_kind() == LLVMTailCallKind::LLVMTailCallKindMustTail).then_some(call)
}

fn types_of(function: FunctionValue<'_>) -> impl Iterator<Item = BasicTypeEnum<'_>> {
    use inkwell::values::BasicValue;
    function.get_param_iter().map(|param| param.as_basic_value_enum().get_type())
}

/// Whether all arguments of these types are in registers.
fn fit<'c>(types: impl Iterator<Item = BasicTypeEnum<'c>>) -> bool {
    let (mut integers, mut vectors) = (0, 0);
    for ty in types {
        match ty {
            BasicTypeEnum::IntType(ty) => integers += ty.get_bit_width().div_ceil(64),
            BasicTypeEnum::PointerType(_) => integers += 1,
            _ => vectors += 1,
        }
    }
    integers <= INTEGERS && vectors <= VECTORS
}
