//! Host functions that run a nested frame: the calls and the creations.
//!
//! revm's instruction does everything up to the new frame: operands, memory, gas, access lists. The
//! frame then runs to its end by recursion on the native stack, and revm's own code hands its
//! result to the caller's interpreter: the flag or address on the stack, returndata, memory, gas.

use evmc_abi::{ExitCode, Frame, Word};
use revm::{
    context_interface::ContextTr,
    handler::PrecompileProvider,
    interpreter::{InstructionResult, InterpreterResult},
};

use super::{Outcome, state};
use crate::evm::AotEvm;

/// Runs host function number `F`, a call or a creation, with all that it calls.
pub(super) fn run<CTX, P, const F: u16>(
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
        Ok(()) => {}
        Err(InstructionResult::Suspend) => {
            if let Err(error) = evm.run_nested() {
                evm.fail(error);
                return Err(ExitCode::Host);
            }
        }
        Err(reason) => {
            return Err(state::end(&mut evm.inner.frame_stack.get().interpreter, reason));
        }
    }
    let interpreter = &mut evm.inner.frame_stack.get().interpreter;
    state::resume::<F>(interpreter, frame, words);
    frame.returndata_len = interpreter.return_data.0.len() as u64;
    Ok(())
}
