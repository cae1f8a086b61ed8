//! A call from compiled code to compiled code.
//!
//! revm runs frames in a loop, so whatever a frame asks for, starts with and comes to is handed around as a
//! value of some hundred bytes, several times, and a part of it is put on the heap. Here the callee's frame is
//! set up, run and ended in place, with the journal's operations in revm's order: checkpoint, transfer
//! of value, precompile, code; then commit or revert, and revm's own code gives the result to the caller.
//!
//! Calls that this is not for are revm's: to code that the EVM does not have ready (none, code to be
//! interpreted, code that was not asked for yet), beyond the depth limit, or where the native stack gets short.

use std::rc::Rc;

use revm::{
    context_interface::{Cfg, ContextTr, JournalTr, journaled_state::JournalCheckpoint},
    handler::{CallFrame, FrameData, FrameResult, PrecompileProvider, evm::ContextDbError},
    interpreter::{
        CallInputs, CallOutcome, CallValue, FrameInput, Gas, InputsImpl, InstructionResult,
        InterpreterResult, interpreter::ExtBytecode,
    },
    primitives::{Bytes, constants::CALL_STACK_LIMIT},
};

use crate::{
    cache::Runnable,
    evm::{AotEvm, EthFrame},
};

impl<CTX, P> AotEvm<CTX, P>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    /// Runs a call by the top frame, with all that it calls, and gives its result to the top frame.
    #[inline(always)]
    pub(crate) fn call(&mut self, inputs: CallInputs) -> Result<(), ContextDbError<CTX>> {
        match self.callee(&inputs) {
            Some(code) => self.call_native(inputs, &code),
            None => self.run_frames(FrameInput::Call(Box::new(inputs))),
        }
    }

    /// The code of a call's target, where the call can go there without revm's loop.
    #[inline(always)]
    fn callee(&mut self, inputs: &CallInputs) -> Option<Rc<Runnable>> {
        let (hash, bytecode) = &inputs.known_bytecode;
        let code = self.codes.known(hash, self.inner.ctx.cfg().spec().into())?;
        let is_direct = !bytecode.is_empty()
            && self.inner.frame_stack.get().depth < CALL_STACK_LIMIT as usize
            && self.has_stack_for(&code);
        is_direct.then_some(code)
    }

    /// Runs a call to `code`.
    #[inline(never)]
    fn call_native(&mut self, inputs: CallInputs, code: &Runnable) -> Result<(), ContextDbError<CTX>> {
        let memory_offset = inputs.return_memory_offset.clone();
        let charged_new_account_state_gas = inputs.charged_new_account_state_gas;
        let checkpoint = self.inner.ctx.journal_mut().checkpoint();
        let result = self.result_of(inputs, code, checkpoint)?;
        let journal = self.inner.ctx.journal_mut();
        if result.result.is_ok() {
            journal.checkpoint_commit();
        } else {
            journal.checkpoint_revert(checkpoint);
        }
        let outcome =
            CallOutcome { charged_new_account_state_gas, ..CallOutcome::new(result, memory_offset) };
        let caller = self.inner.frame_stack.get();
        caller.return_result::<_, ContextDbError<CTX>>(&mut self.inner.ctx, FrameResult::Call(outcome))
    }

    /// What a call comes to: by failing to transfer the value, by a precompile, or by `code`.
    #[inline(always)]
    fn result_of(
        &mut self,
        inputs: CallInputs,
        code: &Runnable,
        checkpoint: JournalCheckpoint,
    ) -> Result<InterpreterResult, ContextDbError<CTX>> {
        let ctx = &mut self.inner.ctx;
        if let CallValue::Transfer(value) = inputs.value
            && let Some(error) =
                ctx.journal_mut().transfer_loaded(inputs.caller, inputs.target_address, value)
        {
            let gas = Gas::new_with_regular_gas_and_reservoir(inputs.gas_limit, inputs.reservoir);
            return Ok(InterpreterResult::new(InstructionResult::from(error), Bytes::new(), gas));
        }
        let precompiled = self.inner.precompiles.run(ctx, &inputs).map_err(ContextDbError::<CTX>::Custom)?;
        if let Some(result) = precompiled {
            return Ok(result);
        }
        self.enter(inputs, checkpoint);
        self.meter.counts.native += 1;
        let result = self.execute(code)?;
        self.inner.frame_stack.pop();
        Ok(result)
    }

    /// Makes the frame of a call the top frame. It lacks what only revm's loop asks for: its inputs, and where
    /// its output goes.
    #[inline(always)]
    fn enter(&mut self, inputs: CallInputs, checkpoint: JournalCheckpoint) {
        let frames = &mut self.inner.frame_stack;
        let caller = frames.get();
        let depth = caller.depth + 1;
        let memory = caller.interpreter.memory.new_child_context();
        let (hash, bytecode) = inputs.known_bytecode;
        let mut slot = frames.get_next();
        slot.get(EthFrame::invalid).clear(
            FrameData::Call(CallFrame { return_memory_range: 0..0 }),
            FrameInput::Empty,
            depth,
            memory,
            ExtBytecode::new_with_hash(bytecode, hash),
            InputsImpl {
                target_address: inputs.target_address,
                caller_address: inputs.caller,
                bytecode_address: Some(inputs.bytecode_address),
                input: inputs.input,
                call_value: inputs.value.get(),
                depth,
            },
            inputs.is_static,
            self.inner.ctx.cfg().spec().into(),
            inputs.gas_limit,
            inputs.reservoir,
            checkpoint,
        );
        let token = slot.consume();
        // SAFETY: the token is of this stack's next place, which `get` has filled.
        unsafe { frames.push(token) };
    }
}
