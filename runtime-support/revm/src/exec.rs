//! One frame from entry to result, and the frames that it calls.

use std::rc::Rc;

use evmc_abi::{ExitCode, Frame};
use revm::{
    context_interface::{ContextTr, context::ContextError},
    handler::{
        EvmTr, FrameInitOrResult, ItemOrResult, PrecompileProvider,
        evm::{ContextDbError, FrameTr},
        instructions::InstructionProvider,
    },
    interpreter::{
        FrameInput, InstructionResult, Interpreter, InterpreterAction, InterpreterResult,
        interpreter_action::FrameInit,
        interpreter_types::{InputsTr, Jumps, LegacyBytecode, LoopControl},
    },
    primitives::Bytes,
};

use crate::{
    arena::MemoryStack,
    cache::Runnable,
    code::FrameCode,
    evm::{AotEvm, EthFrame},
    exit,
    fault::FaultKind,
    host::{memory, to_word},
    stack,
    view::HostView,
};

/// What frames give when they run: a result, or a further frame to run first.
type Step = FrameInitOrResult<EthFrame>;

impl<CTX, P> AotEvm<CTX, P>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    /// The code with which the top frame runs, or `None` where it is to be interpreted.
    ///
    /// A frame that has been interpreted up to a call goes on being interpreted: its program
    /// counter has left the start.
    #[inline]
    pub(crate) fn native_code(&mut self) -> Option<Rc<Runnable>> {
        let frame = self.inner.frame_stack.get();
        let bytecode = &mut frame.interpreter.bytecode;
        if bytecode.pc() != 0 {
            return None;
        }
        if self.recovery.interprets {
            self.meter.counts.after_fault += 1;
            return None;
        }
        let spec = frame.interpreter.runtime_flag.spec_id;
        let is_initcode = matches!(frame.input, FrameInput::Create(_));
        if is_initcode && !self.codes.serves_initcode() {
            self.meter.counts.without_code += 1;
            return None;
        }
        let hash = bytecode.get_or_calculate_hash();
        let Some(code) = self.codes.lookup(hash, bytecode, spec, is_initcode) else {
            self.meter.counts.without_code += 1;
            return None;
        };
        if !self.has_stack_for(&code) {
            self.meter.counts.without_stack += 1;
            return None;
        }
        self.meter.counts.native += 1;
        Some(code)
    }

    /// Runs the top frame, which native code has asked for: natively where there is code, else by the interpreter.
    fn run_top(&mut self) -> Result<Step, ContextDbError<CTX>> {
        match self.native_code() {
            Some(code) => self.run_native(&code),
            None => self.interpret(),
        }
    }

    /// Whether enough of the native stack is left for a frame with `code`.
    #[inline(always)]
    pub(crate) fn has_stack_for(&self, code: &Runnable) -> bool {
        stack::position().saturating_sub(self.stack_limit) >= code.native_stack_bytes
    }

    /// Runs the top frame on revm's interpreter, up to a call or its end: revm's [`EvmTr::frame_run`], with its
    /// result of some hundred bytes written once.
    #[inline(always)]
    pub(crate) fn interpret(&mut self) -> Result<Step, ContextDbError<CTX>> {
        if self.tally.is_some() { self.interpret_counted() } else { self.interpret_piece::<false>() }
    }

    /// [`Self::interpret`], where the source is told what that burns.
    #[cold]
    #[inline(never)]
    fn interpret_counted(&mut self) -> Result<Step, ContextDbError<CTX>> {
        self.interpret_piece::<true>()
    }

    /// [`Self::interpret`]; with `COUNTS`, the gas goes into the tally.
    #[inline(always)]
    fn interpret_piece<const COUNTS: bool>(&mut self) -> Result<Step, ContextDbError<CTX>> {
        let (ctx, instructions, _, frames) = self.inner.all_mut();
        let frame = frames.get();
        let before = frame.interpreter.gas.remaining();
        let action =
            frame.interpreter.run_plain(instructions.instruction_table(), instructions.gas_table(), ctx);
        if COUNTS && let Some(tally) = &mut self.tally {
            tally.add(&frame.interpreter, before, &action);
        }
        let step = frame.process_next_action(ctx, action);
        if let Ok(ItemOrResult::Result(_)) = step {
            frame.set_finished(true);
        }
        step
    }

    /// Runs the top frame, which no native code waits for, with `code`, and all that it calls. If code fails, the
    /// transaction begins again.
    #[inline(never)]
    pub(crate) fn run_native_or_start_over(&mut self, code: &Runnable) -> Result<Step, ContextDbError<CTX>> {
        let step = self.run_native(code);
        if self.recovery.is_due() { self.start_over() } else { step }
    }

    /// Runs the top frame with `code`, and all that it calls.
    #[inline(never)]
    fn run_native(&mut self, runnable: &Runnable) -> Result<Step, ContextDbError<CTX>> {
        let outside = std::mem::take(&mut self.meter.others_gas);
        let result = self.execute(runnable).inspect_err(|_| self.meter.forget_gas())?;
        self.meter.add_gas(exit::gas_taken(&result), outside);
        let frame = self.inner.frame_stack.get();
        let action = InterpreterAction::Return(result);
        let step: Step = frame.process_next_action::<_, ContextDbError<CTX>>(&mut self.inner.ctx, action)?;
        frame.set_finished(true);
        Ok(step)
    }

    /// Runs the top frame with `code`, and all that it calls, up to its result; what it changed in the
    /// journal is neither kept nor taken back yet.
    #[inline(always)]
    pub(crate) fn execute(&mut self, runnable: &Runnable) -> Result<InterpreterResult, ContextDbError<CTX>> {
        let code = &*runnable.code;
        let mut memory_stack = runnable.uses_memory_stack.then(MemoryStack::take);
        let mut abi_frame = open(&mut self.inner.frame_stack.get().interpreter);
        abi_frame.host = Self::HOST;
        abi_frame.context = std::ptr::from_mut(self).cast();
        if let Some(stack) = &mut memory_stack {
            abi_frame.stack = stack.as_mut_ptr();
        }
        // SAFETY: `open` took every pointer from this frame's interpreter, the memory stack lives
        // to the end of this function, and until the code ends `self` is used by the host
        // functions alone, which get it through `context`.
        let mut view = unsafe { HostView::new(&mut abi_frame) };
        let exit = code.run(&mut view);
        if let Some(fault) = view.take_fault() {
            self.fault(fault.kind.into(), fault.to_string());
        }
        if self.error.is_some() {
            return Err(self.blame(runnable));
        }
        let interpreter = &mut self.inner.frame_stack.get().interpreter;
        settle(interpreter, code, exit, &abi_frame).ok_or_else(|| {
            let text = format!("compiled code left in an impossible way: {}", exit.name());
            self.fault(FaultKind::Exit, text);
            self.blame(runnable)
        })
    }

    /// Runs the frame that the top frame has just asked for, with all frames that it calls, and
    /// gives its result to the top frame, which is the top frame again then.
    #[inline(never)]
    pub(crate) fn run_nested(&mut self) -> Result<(), ContextDbError<CTX>> {
        match self.inner.frame_stack.get().interpreter.take_next_action() {
            InterpreterAction::NewFrame(FrameInput::Call(inputs)) => self.call(*inputs),
            InterpreterAction::NewFrame(input) => self.run_frames(input),
            InterpreterAction::Return(_) => Err(ContextError::Custom("a call that has returned".to_owned())),
        }
    }

    /// Runs a frame of the top frame's as revm's own loop does, and gives its result to the top frame.
    #[inline(never)]
    pub(crate) fn run_frames(&mut self, frame_input: FrameInput) -> Result<(), ContextDbError<CTX>> {
        let base = self.inner.frame_stack.index();
        let frame = self.inner.frame_stack.get();
        let memory = frame.interpreter.memory.new_child_context();
        let mut step: Step = ItemOrResult::Item(FrameInit { frame_input, depth: frame.depth + 1, memory });
        loop {
            let result = match step {
                ItemOrResult::Result(result) => Some(result),
                ItemOrResult::Item(init) => self.start(init)?,
            };
            if let Some(result) = result {
                let spent = exit::gas_taken(result.interpreter_result());
                self.frame_return_result(result)?;
                if self.inner.frame_stack.index() == base {
                    self.meter.others_gas = self.meter.others_gas.saturating_add(spent);
                    return Ok(());
                }
            }
            step = self.run_top()?;
        }
    }

    /// Starts a frame; gives the result where there is nothing to run.
    fn start(
        &mut self,
        init: <EthFrame as FrameTr>::FrameInit,
    ) -> Result<Option<<EthFrame as FrameTr>::FrameResult>, ContextDbError<CTX>> {
        Ok(match self.frame_init(init)? {
            ItemOrResult::Item(_) => None,
            ItemOrResult::Result(result) => Some(result),
        })
    }
}

/// A frame of the ABI over revm's: everything but the host and the memory stack.
fn open(interpreter: &mut Interpreter) -> Frame {
    let mut frame = Frame::empty();
    memory::refresh(&mut frame, interpreter);
    frame.gas = interpreter.gas.remaining();
    let code = interpreter.bytecode.bytecode_slice();
    frame.code = code.as_ptr();
    frame.code_len = code.len() as u64;
    frame.returndata_len = interpreter.return_data.0.len() as u64;
    frame.address = to_word(interpreter.input.target_address().into_word().into());
    frame.caller = to_word(interpreter.input.caller_address().into_word().into());
    frame.callvalue = to_word(interpreter.input.call_value());
    frame
}

/// What the frame comes to, by the way in which compiled code ended: as if the interpreter had run.
/// `None` when the exit code makes no sense: a defect of the compiler.
#[inline(always)]
fn settle(
    interpreter: &mut Interpreter,
    code: &dyn FrameCode,
    exit: ExitCode,
    frame: &Frame,
) -> Option<InterpreterResult> {
    let is_static = interpreter.runtime_flag.is_static;
    let bytecode = interpreter.bytecode.bytecode_slice();
    let resolved = exit::resolve(exit, code, bytecode, frame, is_static);
    let reason = resolved.and_then(exit::instruction_result);
    match (reason, interpreter.bytecode.action().take()) {
        (None, Some(InterpreterAction::Return(result))) if exit == ExitCode::Host => Some(result),
        (Some(reason), None) => {
            interpreter.gas.set_remaining(frame.gas);
            if reason == InstructionResult::OutOfGas {
                interpreter.gas.spend_all();
            }
            Some(InterpreterResult::new(reason, Bytes::new(), interpreter.gas))
        }
        _ => None,
    }
}
