//! Host functions that run a nested frame: the calls and the creations.
//!
//! revm's instruction does everything up to the new frame: operands, memory, gas, access lists. The usual call
//! is made without it: as of Berlin, of no value, with ranges in memory that is there already. The
//! frame then runs to its end by recursion on the native stack, and revm's own code hands its
//! result to the caller's interpreter: the flag or address on the stack, returndata, memory, gas.

use std::ops::Range;

use evmc_abi::{ExitCode, Frame, HostFn, Word};
use revm::{
    bytecode::Bytecode,
    context::Evm,
    context_interface::{Cfg, ContextTr},
    handler::{PrecompileProvider, evm::ContextDbError},
    interpreter::{
        CallInput, CallInputs, CallScheme, CallValue, InstructionResult, Interpreter, InterpreterResult,
        instructions::contract::load_account_delegated,
        interpreter_types::{InputsTr, MemoryTr},
    },
    primitives::{Address, B256, U256, hardfork::SpecId},
};

use super::{Outcome, direct::is_inside, function, state, to_u256};
use crate::evm::AotEvm;

/// Runs host function number `F`, a call or a creation, with all that it calls.
#[inline(always)]
pub(super) fn run<CTX, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    match usual::<CTX, P, F>(evm, frame, words) {
        Some(outcome) => outcome?,
        None => instruction::<CTX, P, F>(evm, frame, words)?,
    }
    let interpreter = &mut evm.inner.frame_stack.get().interpreter;
    state::resume::<F>(interpreter, frame, words);
    frame.returndata_len = interpreter.return_data.0.len() as u64;
    Ok(())
}

/// Ends all frames if the call could not be made.
#[inline(always)]
fn done<CTX: ContextTr, P>(evm: &mut AotEvm<CTX, P>, outcome: Result<(), ContextDbError<CTX>>) -> Outcome {
    outcome.map_err(|error| {
        evm.fail(error);
        ExitCode::Host
    })
}

/// Runs revm's instruction, and the frame that it asks for.
#[inline(never)]
fn instruction<CTX, P, const F: u16>(
    evm: &mut AotEvm<CTX, P>,
    frame: &mut Frame,
    words: &mut [Word],
) -> Outcome
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    match state::execute::<CTX, P, F>(evm, frame, words) {
        // A creation that cannot even start (EIP-8037) leaves its 0 on the stack.
        Ok(()) => Ok(()),
        Err(InstructionResult::Suspend) => {
            let outcome = evm.run_nested();
            done(evm, outcome)
        }
        Err(reason) => Err(state::end(&mut evm.inner.frame_stack.get().interpreter, reason)),
    }
}

/// Makes the usual call; `None` where revm's instruction is needed, before anything was done.
#[inline(always)]
fn usual<CTX, P, const F: u16>(evm: &mut AotEvm<CTX, P>, frame: &Frame, words: &[Word]) -> Option<Outcome>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    let (scheme, ranges) = match const { function(F) } {
        HostFn::Call if words[2] == Word::default() => (CallScheme::Call, &words[3..]),
        HostFn::Delegatecall => (CallScheme::DelegateCall, &words[2..]),
        HostFn::Staticcall => (CallScheme::StaticCall, &words[2..]),
        _ => return None,
    };
    let input = range(frame, ranges[0], ranges[1])?;
    let output = range(frame, ranges[2], ranges[3])?;
    let Evm { ctx, frame_stack, .. } = &mut evm.inner;
    let interpreter = &mut frame_stack.get().interpreter;
    if !interpreter.runtime_flag.spec_id.is_enabled_in(SpecId::BERLIN) {
        return None;
    }
    interpreter.stack.data_mut().clear();
    interpreter.gas.set_remaining(frame.gas);
    let to = Address::from_word(to_u256(words[1]).into());
    Some(match load(ctx, interpreter, to, scheme == CallScheme::Call, words[0]) {
        Ok(target) => {
            let inputs = inputs(interpreter, scheme, to, target, input, output);
            let outcome = evm.call(inputs);
            done(evm, outcome)
        }
        Err(reason) => Err(state::end(interpreter, reason)),
    })
}

/// A range of memory that is there already, as revm writes it: one of no bytes begins at the last address.
#[inline(always)]
fn range(frame: &Frame, offset: Word, len: Word) -> Option<Range<usize>> {
    if len == Word::default() {
        return Some(usize::MAX..usize::MAX);
    }
    let start = offset.0[0] as usize;
    is_inside(frame, offset, len).then(|| start..start + len.0[0] as usize)
}

/// What a call runs.
struct Target {
    gas_limit: u64,
    code_hash: B256,
    bytecode: Bytecode,
}

/// Loads the code of a call of no value, pays for that, and hands on the gas that was asked for, or what
/// EIP-150 leaves of it. Such a call pays for no account, so none of this is state gas (EIP-8037).
#[inline(always)]
fn load<CTX: ContextTr>(
    ctx: &mut CTX,
    interpreter: &mut Interpreter,
    to: Address,
    may_create: bool,
    asked: Word,
) -> Result<Target, InstructionResult> {
    let (spec, gas) = (interpreter.runtime_flag.spec_id, &mut interpreter.gas);
    let (cost, _, bytecode, code_hash) =
        load_account_delegated(ctx, spec, gas.remaining(), to, false, may_create)?;
    let left = gas.remaining().checked_sub(cost).ok_or(InstructionResult::OutOfGas)?;
    let asked = if asked.0[1..] == [0; 3] { asked.0[0] } else { u64::MAX };
    let gas_limit = ctx.cfg().gas_params().call_stipend_reduction(left).min(asked);
    gas.set_remaining(left - gas_limit);
    Ok(Target { gas_limit, code_hash, bytecode })
}

/// What a call of no value says.
#[inline(always)]
fn inputs(
    interpreter: &Interpreter,
    scheme: CallScheme,
    to: Address,
    target: Target,
    input: Range<usize>,
    return_memory_offset: Range<usize>,
) -> CallInputs {
    let own = &interpreter.input;
    let base = if input.is_empty() { 0 } else { interpreter.memory.local_memory_offset() };
    let (target_address, caller, value) = if scheme == CallScheme::DelegateCall {
        (own.target_address(), own.caller_address(), CallValue::Apparent(own.call_value()))
    } else {
        (to, own.target_address(), CallValue::Transfer(U256::ZERO))
    };
    CallInputs {
        input: CallInput::SharedBuffer(input.start + base..input.end + base),
        return_memory_offset,
        gas_limit: target.gas_limit,
        reservoir: interpreter.gas.reservoir(),
        bytecode_address: to,
        known_bytecode: (target.code_hash, target.bytecode),
        target_address,
        caller,
        value,
        scheme,
        is_static: interpreter.runtime_flag.is_static || scheme == CallScheme::StaticCall,
        charged_new_account_state_gas: false,
    }
}
