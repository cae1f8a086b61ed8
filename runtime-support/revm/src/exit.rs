//! Exit codes in revm's terms.

use evmc_abi::{ExitCode, Frame, stretch};
use revm::interpreter::{InstructionResult, InterpreterResult};

use crate::code::FrameCode;

/// revm's name for the end of a frame, or `None` for the codes that say nothing by themselves:
/// [`ExitCode::Host`], [`ExitCode::Stretch`] and [`ExitCode::Unreachable`], and for traps of WebAssembly.
pub(crate) const fn instruction_result(exit: ExitCode) -> Option<InstructionResult> {
    Some(match exit {
        ExitCode::Stop => InstructionResult::Stop,
        ExitCode::OutOfGas => InstructionResult::OutOfGas,
        ExitCode::InvalidOperand => InstructionResult::InvalidOperandOOG,
        ExitCode::InvalidJump => InstructionResult::InvalidJump,
        ExitCode::OpcodeNotFound => InstructionResult::OpcodeNotFound,
        ExitCode::InvalidOpcode => InstructionResult::InvalidFEOpcode,
        ExitCode::NotActivated => InstructionResult::NotActivated,
        ExitCode::StackUnderflow => InstructionResult::StackUnderflow,
        ExitCode::StackOverflow => InstructionResult::StackOverflow,
        ExitCode::InvalidImmediate => InstructionResult::InvalidImmediateEncoding,
        ExitCode::StaticViolation => InstructionResult::StateChangeDuringStaticCall,
        ExitCode::Host | ExitCode::Stretch | ExitCode::Unreachable => return None,
        ExitCode::CallStackExhausted
        | ExitCode::UnreachableExecuted
        | ExitCode::MemoryOutOfBounds
        | ExitCode::TableOutOfBounds
        | ExitCode::UndefinedElement
        | ExitCode::UninitializedElement
        | ExitCode::IndirectCallTypeMismatch
        | ExitCode::IntegerDivideByZero
        | ExitCode::IntegerOverflow
        | ExitCode::InvalidConversionToInteger => return None,
    })
}

/// The code that stands for `exit`: itself, or for a failed merged check the reason of the
/// operation that fails first. `None` where the check cannot have failed: a compiler defect.
pub(crate) fn resolve(
    exit: ExitCode,
    code: &dyn FrameCode,
    bytecode: &[u8],
    frame: &Frame,
    is_static: bool,
) -> Option<ExitCode> {
    if exit != ExitCode::Stretch {
        return Some(exit);
    }
    let range = code.stretch(frame.exit_stretch)?;
    let (rows, gas, height) = (code.op_rows(), frame.gas, frame.exit_height);
    let failure = stretch::first_failure(rows, bytecode, range, gas, height, is_static)?;
    Some(failure.reason)
}

/// Gas that a frame has cost its caller, before refunds: what it spent, or all if it failed.
pub(crate) const fn gas_taken(result: &InterpreterResult) -> u64 {
    if result.result.is_halt() { result.gas.limit() } else { result.gas.total_gas_spent() }
}
