//! revm's EVM with compiled code in it.

use std::sync::Arc;

use revm::{
    Database, DatabaseCommit, ExecuteCommitEvm, ExecuteEvm, SystemCallEvm,
    context::{ContextSetters, Evm, result::ResultAndState},
    context_interface::{
        Cfg, ContextTr, FrameStack, JournalTr, LocalContextTr,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    handler::{
        self, EthPrecompiles, EvmTr, FrameInitOrResult, Handler, MainnetHandler, PrecompileProvider,
        SystemCallTx,
        evm::{ContextDbError, FrameInitResult, FrameTr},
        instructions::EthInstructions,
    },
    interpreter::{InterpreterResult, interpreter::EthInterpreter},
    primitives::{Address, AddressSet, Bytes},
    state::EvmState,
};

use crate::{
    cache::CodeCache,
    code::CodeSource,
    exit,
    fault::Recovery,
    hashes::Hashes,
    meter::{FrameCounts, Meter},
    stack,
    tally::Tally,
};

/// revm's frame.
pub(crate) type EthFrame = handler::EthFrame<EthInterpreter>;

/// Address space reserved for the VM memory of all frames of a transaction, in bytes, once per EVM.
/// Growing to that costs far more gas than a block has; see `host::memory` for what if it is not
/// enough.
const MEMORY_RESERVE_BYTES: usize = 64 << 20;

/// revm's EVM, in which a frame runs natively where a [`CodeSource`] has code for it.
///
/// Use it as revm's own: [`ExecuteEvm`], [`ExecuteCommitEvm`], or any handler over [`EvmTr`]. Making
/// one takes longer than many a transaction; keep it, and change its context in between.
pub struct AotEvm<CTX: ContextTr, P = EthPrecompiles> {
    /// revm's EVM.
    pub(crate) inner: Evm<CTX, (), EthInstructions<EthInterpreter, CTX>, P, EthFrame>,
    /// Where code comes from.
    pub(crate) codes: CodeCache,
    /// Hashes of a while ago.
    pub(crate) hashes: Hashes,
    /// Whether hashes are kept from one transaction to the next.
    keeps_hashes: bool,
    /// How frames were run.
    pub(crate) meter: Meter,
    /// Lowest address of the native stack that the running transaction may use.
    pub(crate) stack_limit: usize,
    /// What makes all frames end: on its way from a host function to the caller of the outermost.
    pub(crate) error: Option<ContextDbError<CTX>>,
    /// What is kept for the case that code fails.
    pub(crate) recovery: Recovery,
    /// Gas of interpreted code, if the source counts it.
    pub(crate) tally: Option<Box<Tally>>,
}

impl<CTX: ContextTr> AotEvm<CTX> {
    /// An EVM with the rules, instructions and precompiles of the context's fork on mainnet.
    pub fn new(ctx: CTX, source: Arc<dyn CodeSource>) -> Self {
        let precompiles = EthPrecompiles::new(ctx.cfg().spec().into());
        Self::with_precompiles(ctx, source, precompiles)
    }
}

impl<CTX: ContextTr, P> AotEvm<CTX, P> {
    /// An EVM with these precompiles.
    pub fn with_precompiles(ctx: CTX, source: Arc<dyn CodeSource>, precompiles: P) -> Self {
        // Without the reserve memory may move, which costs time and nothing else.
        let _ = ctx.local().shared_memory_buffer().borrow_mut().try_reserve(MEMORY_RESERVE_BYTES);
        let instruction = EthInstructions::new_mainnet_with_spec(ctx.cfg().spec().into());
        Self {
            inner: Evm::new(ctx, instruction, precompiles),
            tally: Tally::new(&source),
            codes: CodeCache::new(source),
            hashes: Hashes::new(),
            keeps_hashes: true,
            meter: Meter::new(),
            stack_limit: usize::MAX,
            error: None,
            recovery: Recovery::new(),
        }
    }

    /// Whether hashes that a transaction has computed are kept for those after it (they are at first).
    /// To measure the same transaction again and again as if it were a new one, they must not be; the code
    /// that frames run with is kept in any case.
    pub const fn keep_hashes(&mut self, keep: bool) {
        self.keeps_hashes = keep;
    }

    /// How frames were run since the EVM was made or the counts were taken.
    pub const fn counts(&self) -> FrameCounts {
        self.meter.counts
    }

    /// How frames were run since the EVM was made or this was last called.
    pub fn take_counts(&mut self) -> FrameCounts {
        self.flush_tally();
        self.meter.take()
    }

    /// The context.
    pub const fn context(&self) -> &CTX {
        &self.inner.ctx
    }

    /// The context, to change between transactions.
    pub const fn context_mut(&mut self) -> &mut CTX {
        &mut self.inner.ctx
    }

    /// Makes the EVM one as if made anew for the context's fork, after that has changed by what tells the journal too, such
    /// as revm's `Context::modify_cfg`. For transactions that happens by itself; system calls that come first need it.
    pub fn follow_fork(&mut self)
    where
        P: PrecompileProvider<CTX>,
    {
        let spec = self.inner.ctx.cfg().spec();
        self.inner.precompiles.set_spec(spec);
        // The first transaction fills this, and only if it is empty.
        self.inner.ctx.journal_mut().warm_precompiles(&AddressSet::default());
    }

    /// The context, when the EVM is needed no more.
    pub fn into_context(self) -> CTX {
        self.inner.ctx
    }

    /// Prepares for the frames of a transaction: on this thread, and under the context's fork, if
    /// that is another one now. Precompiles and journal follow the fork by themselves.
    pub(crate) fn begin(&mut self) {
        self.meter.report();
        self.flush_tally();
        self.stack_limit = stack::limit();
        self.codes.follow_source();
        self.recovery.begin(self.inner.ctx.journal_mut());
        if !self.keeps_hashes {
            self.hashes.forget();
        }
        let spec = self.inner.ctx.cfg().spec().into();
        if self.inner.instruction.spec != spec {
            self.inner.instruction = EthInstructions::new_mainnet_with_spec(spec);
        }
    }

    /// Tells the source what interpreted code has used in gas.
    fn flush_tally(&mut self) {
        if let Some(tally) = &mut self.tally {
            tally.flush();
        }
    }

    /// Has all frames end and the outermost report `error`; the first error stays.
    pub(crate) fn fail(&mut self, error: ContextDbError<CTX>) {
        self.error.get_or_insert(error);
    }
}

impl<CTX, P> EvmTr for AotEvm<CTX, P>
where
    CTX: ContextTr,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    type Context = CTX;
    type Instructions = EthInstructions<EthInterpreter, CTX>;
    type Precompiles = P;
    type Frame = EthFrame;

    #[inline]
    fn all(&self) -> (&CTX, &Self::Instructions, &P, &FrameStack<EthFrame>) {
        self.inner.all()
    }

    #[inline]
    fn all_mut(&mut self) -> (&mut CTX, &mut Self::Instructions, &mut P, &mut FrameStack<EthFrame>) {
        self.inner.all_mut()
    }

    #[inline]
    fn frame_init(
        &mut self,
        frame_input: <EthFrame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, EthFrame>, ContextDbError<CTX>> {
        if self.inner.frame_stack.index().is_none() {
            self.begin();
        }
        self.inner.frame_init(frame_input)
    }

    #[inline]
    fn frame_run(&mut self) -> Result<FrameInitOrResult<EthFrame>, ContextDbError<CTX>> {
        match self.native_code() {
            Some(code) => self.run_native_or_start_over(&code),
            None => self.interpret(),
        }
    }

    #[inline]
    fn frame_return_result(
        &mut self,
        result: <EthFrame as FrameTr>::FrameResult,
    ) -> Result<Option<<EthFrame as FrameTr>::FrameResult>, ContextDbError<CTX>> {
        let outermost = self.inner.frame_return_result(result)?;
        if let Some(result) = &outermost {
            self.meter.counts.frame_gas += exit::gas_taken(result.interpreter_result());
        }
        Ok(outermost)
    }
}

impl<CTX, P> ExecuteEvm for AotEvm<CTX, P>
where
    CTX: ContextTr<Journal: JournalTr<State = EvmState>> + ContextSetters,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    type ExecutionResult = ExecutionResult<HaltReason>;
    type State = EvmState;
    type Error = EVMError<<CTX::Db as Database>::Error, InvalidTransaction>;
    type Tx = <CTX as ContextTr>::Tx;
    type Block = <CTX as ContextTr>::Block;

    fn set_block(&mut self, block: Self::Block) {
        self.inner.ctx.set_block(block);
    }

    fn transact_one(&mut self, tx: Self::Tx) -> Result<Self::ExecutionResult, Self::Error> {
        self.inner.ctx.set_tx(tx);
        MainnetHandler::<_, Self::Error, _>::default().run(self)
    }

    fn finalize(&mut self) -> Self::State {
        self.inner.ctx.journal_mut().finalize()
    }

    fn replay(&mut self) -> Result<ResultAndState<HaltReason>, Self::Error> {
        let result = MainnetHandler::<_, Self::Error, _>::default().run(self);
        let state = self.finalize();
        result.map(|result| ResultAndState::new(result, state))
    }
}

impl<CTX, P> SystemCallEvm for AotEvm<CTX, P>
where
    CTX: ContextTr<Journal: JournalTr<State = EvmState>, Tx: SystemCallTx> + ContextSetters,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    fn system_call_one_with_caller(
        &mut self,
        caller: Address,
        system_contract_address: Address,
        data: Bytes,
    ) -> Result<Self::ExecutionResult, Self::Error> {
        self.inner.ctx.set_tx(CTX::Tx::new_system_tx_with_caller(caller, system_contract_address, data));
        MainnetHandler::<_, Self::Error, _>::default().run_system_call(self)
    }
}

impl<CTX, P> ExecuteCommitEvm for AotEvm<CTX, P>
where
    CTX: ContextTr<Journal: JournalTr<State = EvmState>, Db: DatabaseCommit> + ContextSetters,
    P: PrecompileProvider<CTX, Output = InterpreterResult>,
{
    fn commit(&mut self, state: Self::State) {
        self.inner.ctx.db_mut().commit(state);
    }
}
