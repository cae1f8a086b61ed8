//! Transactions under an inspector.
//!
//! An inspector sees every operation of every frame, before and after it. Compiled code has no such moments, so
//! with an inspector all frames are interpreted, by revm's own loop: what the inspector sees, and what it may
//! change, is exactly what it would be without compiled code.

use revm::{
    Database, Inspector,
    context::ContextSetters,
    context_interface::{
        ContextTr, FrameStack, JournalTr,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, ResultAndState},
    },
    handler::{
        EvmTr, FrameInitOrResult, MainnetHandler, PrecompileProvider, SystemCallTx,
        evm::{ContextDbError, FrameInitResult, FrameTr},
        instructions::EthInstructions,
    },
    inspector::{InspectorEvmTr, InspectorHandler, JournalExt},
    interpreter::{InterpreterResult, interpreter::EthInterpreter},
    primitives::{Address, Bytes},
    state::EvmState,
};

use crate::evm::{AotEvm, EthFrame};

/// What executing a transaction may fail with.
type Error<CTX> = EVMError<<<CTX as ContextTr>::Db as Database>::Error, InvalidTransaction>;

/// An EVM with an inspector, for as long as both are borrowed; made by [`AotEvm::inspected`].
///
/// It is an [`InspectorEvmTr`], so any [`InspectorHandler`] can run it.
pub struct Inspected<'a, CTX: ContextTr, P, I> {
    evm: &'a mut AotEvm<CTX, P>,
    inspector: &'a mut I,
}

impl<CTX: ContextTr, P> AotEvm<CTX, P> {
    /// The EVM with an inspector; what is run with it is interpreted.
    pub const fn inspected<'a, I>(&'a mut self, inspector: &'a mut I) -> Inspected<'a, CTX, P, I> {
        Inspected { evm: self, inspector }
    }
}

impl<CTX, P, I> Inspected<'_, CTX, P, I>
where
    CTX: ContextTr<Journal: JournalTr<State = EvmState> + JournalExt> + ContextSetters,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
    I: Inspector<CTX>,
{
    /// Executes a transaction, and leaves what it changed in the journal.
    ///
    /// # Errors
    /// As [`revm::ExecuteEvm::transact_one`].
    pub fn transact_one(
        &mut self,
        tx: <CTX as ContextTr>::Tx,
    ) -> Result<ExecutionResult<HaltReason>, Error<CTX>> {
        self.evm.inner.ctx.set_tx(tx);
        MainnetHandler::<_, Error<CTX>, _>::default().inspect_run(self)
    }

    /// Executes a transaction and takes from the journal what it changed; if it fails, what it left there is
    /// dropped.
    ///
    /// # Errors
    /// As [`revm::ExecuteEvm::transact`].
    pub fn transact(&mut self, tx: <CTX as ContextTr>::Tx) -> Result<ResultAndState<HaltReason>, Error<CTX>> {
        let result = self.transact_one(tx);
        let state = self.evm.inner.ctx.journal_mut().finalize();
        Ok(ResultAndState::new(result?, state))
    }

    /// Makes a system call and leaves what it changed in the journal.
    ///
    /// # Errors
    /// As [`revm::SystemCallEvm::system_call_one_with_caller`].
    pub fn system_call_one_with_caller(
        &mut self,
        caller: Address,
        contract: Address,
        data: Bytes,
    ) -> Result<ExecutionResult<HaltReason>, Error<CTX>>
    where
        <CTX as ContextTr>::Tx: SystemCallTx,
    {
        self.evm.inner.ctx.set_tx(SystemCallTx::new_system_tx_with_caller(caller, contract, data));
        MainnetHandler::<_, Error<CTX>, _>::default().inspect_run_system_call(self)
    }
}

impl<CTX, P, I> EvmTr for Inspected<'_, CTX, P, I>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    type Context = CTX;
    type Instructions = EthInstructions<EthInterpreter, CTX>;
    type Precompiles = P;
    type Frame = EthFrame;

    fn all(&self) -> (&CTX, &Self::Instructions, &P, &FrameStack<EthFrame>) {
        self.evm.inner.all()
    }

    fn all_mut(&mut self) -> (&mut CTX, &mut Self::Instructions, &mut P, &mut FrameStack<EthFrame>) {
        self.evm.inner.all_mut()
    }

    fn frame_init(
        &mut self,
        frame_input: <EthFrame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, EthFrame>, ContextDbError<CTX>> {
        if self.evm.inner.frame_stack.index().is_none() {
            self.evm.begin();
            self.evm.meter.counts.inspected += 1;
        }
        self.evm.inner.frame_init(frame_input)
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<EthFrame>, ContextDbError<CTX>> {
        self.evm.inner.frame_run()
    }

    fn frame_return_result(
        &mut self,
        result: <EthFrame as FrameTr>::FrameResult,
    ) -> Result<Option<<EthFrame as FrameTr>::FrameResult>, ContextDbError<CTX>> {
        self.evm.inner.frame_return_result(result)
    }
}

impl<CTX, P, I> InspectorEvmTr for Inspected<'_, CTX, P, I>
where
    CTX: ContextTr<Journal: JournalExt>,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
    I: Inspector<CTX>,
{
    type Inspector = I;

    fn all_inspector(&self) -> (&CTX, &Self::Instructions, &P, &FrameStack<EthFrame>, &I) {
        let (ctx, instructions, precompiles, frames) = self.evm.inner.all();
        (ctx, instructions, precompiles, frames, self.inspector)
    }

    fn all_mut_inspector(
        &mut self,
    ) -> (&mut CTX, &mut Self::Instructions, &mut P, &mut FrameStack<EthFrame>, &mut I) {
        let (ctx, instructions, precompiles, frames) = self.evm.inner.all_mut();
        (ctx, instructions, precompiles, frames, self.inspector)
    }
}
