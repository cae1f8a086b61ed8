//! revm's interpreter: the reference, and the only engine that traces.

use std::{
    io::Write,
    mem,
    sync::atomic::{AtomicU64, Ordering},
};

use revm::{
    ExecuteEvm, InspectEvm, MainBuilder, MainnetEvm,
    context::{FrameStack, result::ResultAndState},
    handler::{
        EthFrame, EthPrecompiles, EvmTr, FrameInitOrResult, FrameResult, FrameTr, Handler, ItemOrResult,
        MainnetHandler,
        evm::{ContextDbError, FrameInitResult},
        instructions::EthInstructions,
    },
    inspector::inspectors::TracerEip3155,
    interpreter::{interpreter::EthInterpreter, interpreter_action::FrameInit},
};

use super::{Counters, Engine, EvmContext, TxError, TxInput, TxResult, Worker};

/// The reason under which the frames of this engine are counted.
const REASON: &str = "the engine is the interpreter";

/// Runs every frame in revm's interpreter.
#[derive(Debug, Default)]
pub struct InterpreterEngine {
    frames: AtomicU64,
}

impl Engine for InterpreterEngine {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn worker(&self) -> Box<dyn Worker + '_> {
        Box::new(InterpreterWorker { engine: self, evm: None })
    }

    fn counters(&self) -> Counters {
        let frames = self.frames.load(Ordering::Relaxed);
        let by_reason = (frames > 0).then(|| (REASON.to_owned(), frames));
        Counters { frames_interpreted: by_reason.into_iter().collect(), ..Counters::default() }
    }

    fn is_reference(&self) -> bool {
        true
    }
}

/// A worker of [`InterpreterEngine`].
struct InterpreterWorker<'a> {
    engine: &'a InterpreterEngine,
    /// The EVM, from the first transaction on.
    evm: Option<FrameCounter>,
}

impl Worker for InterpreterWorker<'_> {
    fn transact(&mut self, input: &TxInput) -> TxResult {
        drop(self.evm.take_if(|evm| !input.renew(&mut evm.inner.ctx)));
        let evm = self.evm.get_or_insert_with(|| FrameCounter::new(input));
        let result = MainnetHandler::<_, TxError, _>::default().run(evm);
        self.engine.frames.fetch_add(mem::take(&mut evm.frames), Ordering::Relaxed);
        let state = evm.inner.finalize();
        Ok(ResultAndState::new(result?, state))
    }
}

/// Runs one transaction in the interpreter and writes its EIP-3155 trace, one JSON object per operation,
/// to `output`. There is no summary line.
pub fn trace(input: &TxInput, output: impl Write + 'static) -> TxResult {
    let tracer = TracerEip3155::buffered(output).without_summary();
    input.context().build_mainnet_with_inspector(tracer).inspect_tx(input.tx.clone())
}

/// revm's mainnet EVM that counts the frames which it interprets.
struct FrameCounter {
    inner: MainnetEvm<EvmContext>,
    frames: u64,
}

impl FrameCounter {
    /// An EVM with a transaction in its context.
    fn new(input: &TxInput) -> Self {
        Self { inner: input.context().build_mainnet(), frames: 0 }
    }
}

impl EvmTr for FrameCounter {
    type Context = EvmContext;
    type Instructions = EthInstructions<EthInterpreter, EvmContext>;
    type Precompiles = EthPrecompiles;
    type Frame = EthFrame<EthInterpreter>;

    fn all(&self) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &FrameStack<Self::Frame>) {
        self.inner.all()
    }

    fn all_mut(
        &mut self,
    ) -> (&mut Self::Context, &mut Self::Instructions, &mut Self::Precompiles, &mut FrameStack<Self::Frame>)
    {
        self.inner.all_mut()
    }

    fn frame_init(
        &mut self,
        input: FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, ContextDbError<Self::Context>> {
        let made = self.inner.frame_init(input)?;
        self.frames += u64::from(matches!(made, ItemOrResult::Item(_)));
        Ok(made)
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Self::Frame>, ContextDbError<Self::Context>> {
        self.inner.frame_run()
    }

    fn frame_return_result(
        &mut self,
        result: <Self::Frame as FrameTr>::FrameResult,
    ) -> Result<Option<FrameResult>, ContextDbError<Self::Context>> {
        self.inner.frame_return_result(result)
    }
}
