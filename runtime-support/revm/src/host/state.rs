//! Host functions that are one of revm's instructions.
//!
//! Compiled code has charged the static gas; the instruction charges the dynamic gas and does the
//! rest. The interpreter's stack holds nothing but the operands of the one instruction.

use evmc_abi::host::two_step_operands;
use evmc_abi::{Effects, ExitCode, Frame, HostFn, Word};
use revm::{
    bytecode::opcode,
    context::Evm,
    context_interface::ContextTr,
    interpreter::{
        InstructionContext, InstructionExecResult, InstructionResult, Interpreter, Stack,
        interpreter_types::LoopControl,
    },
};

use super::{Outcome, function, memory, to_u256, to_word};
use crate::evm::AotEvm;

/// The opcode whose instruction the function runs.
///
/// # Panics
/// For functions that are no instruction.
const fn opcode(function: HostFn) -> u8 {
    match function {
        HostFn::Keccak256 => opcode::KECCAK256,
        HostFn::CalldataCopy => opcode::CALLDATACOPY,
        HostFn::CodeCopy => opcode::CODECOPY,
        HostFn::ReturndataCopy => opcode::RETURNDATACOPY,
        HostFn::MemoryCopy => opcode::MCOPY,
        HostFn::ExtcodeCopy => opcode::EXTCODECOPY,
        HostFn::Balance => opcode::BALANCE,
        HostFn::Selfbalance => opcode::SELFBALANCE,
        HostFn::ExtcodeSize => opcode::EXTCODESIZE,
        HostFn::ExtcodeHash => opcode::EXTCODEHASH,
        HostFn::Blockhash => opcode::BLOCKHASH,
        HostFn::Sload => opcode::SLOAD,
        HostFn::Sstore => opcode::SSTORE,
        HostFn::Tload => opcode::TLOAD,
        HostFn::Tstore => opcode::TSTORE,
        HostFn::Log0 => opcode::LOG0,
        HostFn::Log1 => opcode::LOG1,
        HostFn::Log2 => opcode::LOG2,
        HostFn::Log3 => opcode::LOG3,
        HostFn::Log4 => opcode::LOG4,
        HostFn::Create => opcode::CREATE,
        HostFn::Create2 => opcode::CREATE2,
        HostFn::Call => opcode::CALL,
        HostFn::Callcode => opcode::CALLCODE,
        HostFn::Delegatecall => opcode::DELEGATECALL,
        HostFn::Staticcall => opcode::STATICCALL,
        HostFn::Return => opcode::RETURN,
        HostFn::Revert => opcode::REVERT,
        HostFn::Selfdestruct => opcode::SELFDESTRUCT,
        other => environment_opcode(other),
    }
}

/// The opcode of a function that tells of block and transaction.
///
/// # Panics
/// For other functions.
const fn environment_opcode(function: HostFn) -> u8 {
    match function {
        HostFn::Origin => opcode::ORIGIN,
        HostFn::Gasprice => opcode::GASPRICE,
        HostFn::Coinbase => opcode::COINBASE,
        HostFn::Timestamp => opcode::TIMESTAMP,
        HostFn::Number => opcode::NUMBER,
        HostFn::Prevrandao => opcode::DIFFICULTY,
        HostFn::Gaslimit => opcode::GASLIMIT,
        HostFn::Chainid => opcode::CHAINID,
        HostFn::Basefee => opcode::BASEFEE,
        HostFn::Blobhash => opcode::BLOBHASH,
        HostFn::Blobbasefee => opcode::BLOBBASEFEE,
        HostFn::Slotnum => opcode::SLOTNUM,
        _ => panic!("no instruction of revm"),
    }
}

/// Runs the instruction of host function number `F` on the frame's interpreter, up to where it leaves its results
/// on the interpreter's stack or asks for something.
#[inline(always)]
pub(super) fn execute<CTX: ContextTr, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &Frame,
    words: &[Word],
) -> InstructionExecResult {
    let Evm { ctx, instruction, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    interpreter.gas.set_remaining(frame.gas);
    push(&mut interpreter.stack, &words[..const { function(F).args() }]);
    let instruction = instruction.instruction_table()[const { opcode(function(F)) as usize }];
    instruction.execute(InstructionContext { interpreter, host: ctx })
}

/// Brings the results of host function number `F` to compiled code: words, gas, and where memory is now.
#[inline(always)]
pub(super) fn resume<const F: u16>(interpreter: &mut Interpreter, frame: &mut Frame, words: &mut [Word]) {
    frame.gas = interpreter.gas.remaining();
    pop(&mut interpreter.stack, &mut words[..const { function(F).results() }]);
    if const { function(F).effects().contains(Effects::GROWS_MEMORY) } {
        memory::refresh(frame, interpreter);
    }
}

/// Ends the frame for `reason`, unless the instruction has already said how it ends.
#[cold]
pub(super) fn end(interpreter: &mut Interpreter, reason: InstructionResult) -> ExitCode {
    if interpreter.bytecode.action().is_none() {
        interpreter.halt(reason);
    }
    ExitCode::Host
}

/// Runs host function number `F`, which is an instruction and no more.
#[inline(always)]
pub(super) fn run<CTX: ContextTr, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome {
    let outcome = execute::<CTX, P, F>(evm, frame, words);
    let interpreter = &mut evm.inner.frame_stack.get().interpreter;
    outcome.map_err(|reason| end(interpreter, reason))?;
    resume::<F>(interpreter, frame, words);
    Ok(())
}

/// Runs the first step of an instruction whose second lacks operands, which ends the frame.
pub(super) fn underflow<CTX: ContextTr, P>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome {
    let opcode = words[0].0[0] as u8;
    let Evm { ctx, instruction, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    interpreter.gas.set_remaining(frame.gas);
    let items = two_step_operands(opcode).unwrap_or_default();
    push(&mut interpreter.stack, &words[1..1 + usize::from(items)]);
    let instruction = instruction.instruction_table()[usize::from(opcode)];
    let outcome = instruction.execute(InstructionContext { interpreter, host: ctx });
    Err(end(interpreter, outcome.err().unwrap_or(InstructionResult::StackUnderflow)))
}

/// Puts the arguments on the empty stack, the first on top.
#[inline(always)]
fn push(stack: &mut Stack, args: &[Word]) {
    let items = stack.data_mut();
    items.clear();
    items.extend(args.iter().rev().copied().map(to_u256));
}

/// Takes the results from the stack, the first from its top.
#[inline(always)]
fn pop(stack: &mut Stack, results: &mut [Word]) {
    for (word, item) in results.iter_mut().zip(stack.data().iter().rev()) {
        *word = to_word(*item);
    }
}
