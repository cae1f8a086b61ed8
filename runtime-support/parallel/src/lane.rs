//! A worker's EVM, which it keeps from one block to the next.

use std::{fmt, mem, sync::Arc};

use evmc_revm::{AotEvm, CodeSource, FrameCounts};
use revm::{
    Context, DatabaseRef, ExecuteEvm, Journal, MainContext,
    context::{
        BlockEnv, CfgEnv, JournalTr, TransactionType, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason},
    },
    handler::{Handler, MainnetHandler, system_call::SystemCallTx},
    primitives::{Address, Bytes, TxKind, U256, hardfork::SpecId},
    state::EvmState,
};

use crate::{
    access::ListIndex,
    block::Block,
    cache::Base,
    committed::{Changes, CommittedState},
    error::BlockError,
    handler::{BlockHandler, LaneError},
    reads::Reads,
    versions::Versions,
    view::{Ahead, LaneDb, View, ViewError},
    yields::Yields,
};

/// The context of a worker's EVM.
pub(crate) type LaneContext<D> = Context<BlockEnv, TxEnv, CfgEnv, LaneDb<D>, Journal<LaneDb<D>>, ()>;

/// A worker's EVM.
pub(crate) type LaneEvm<D> = AotEvm<LaneContext<D>>;

/// What an execution came to.
#[derive(Debug)]
pub(crate) struct Executed {
    /// Status, gas, logs and output, until they are taken.
    pub(crate) result: Option<ExecutionResult<HaltReason>>,
    /// The accounts that it loaded, with what it changed.
    pub(crate) state: EvmState,
    /// What the block's beneficiary is still to get, in wei.
    pub(crate) fee: Option<U256>,
    /// A payment to an account that is not in `state`, in wei.
    pub(crate) payment: Option<(Address, U256)>,
    /// How its frames were run.
    pub(crate) frames: FrameCounts,
}

/// An execution ahead of its turn.
#[derive(Debug)]
pub(crate) struct Speculated {
    /// What it came to. The state is kept only where the access list is made of it.
    pub(crate) executed: Executed,
    /// What it changed.
    pub(crate) changes: Changes,
    /// What that rests on.
    pub(crate) basis: Basis,
}

/// What an execution ahead of its turn rests on.
#[derive(Debug)]
pub(crate) enum Basis {
    /// These reads, which have to hold.
    Reads(Reads),
    /// The block's access list, of which so many changes were met.
    List(usize),
}

/// A worker's EVM with what it works on.
pub(crate) struct Lane<D: DatabaseRef> {
    evm: LaneEvm<D>,
    /// The block is executed by its access list.
    pub(crate) goes_by_list: bool,
}

impl<D: DatabaseRef> Lane<D> {
    /// An EVM for the blocks that [`Self::attach`] takes.
    pub(crate) fn new(block: &Block, base: &Base<D>, codes: Arc<dyn CodeSource>, yields: Yields) -> Self {
        let mut context = Context::mainnet()
            .with_db(LaneDb::new(base.clone(), yields))
            .with_cfg(block.cfg.clone())
            .with_block(block.env.clone());
        // System calls come before the first transaction, which would set it.
        context.journaled_state.set_spec_id(block.spec());
        Self { evm: AotEvm::new(context, codes), goes_by_list: false }
    }

    /// Goes over to another block.
    pub(crate) fn attach(&mut self, block: &Block, base: &Base<D>) {
        let context = self.evm.context_mut();
        context.block.clone_from(&block.env);
        if context.cfg != block.cfg {
            context.modify_cfg(|cfg| cfg.clone_from(&block.cfg));
            self.evm.follow_fork();
        }
        self.database().base = base.clone();
    }

    /// Where to yield.
    pub(crate) fn yields(&mut self) -> &mut Yields {
        &mut self.database().yields
    }

    fn database(&mut self) -> &mut LaneDb<D> {
        &mut self.evm.context_mut().journaled_state.database
    }

    /// Executes a transaction whose turn it is.
    pub(crate) fn execute(
        &mut self,
        tx: &TxEnv,
        state: &mut CommittedState,
    ) -> Result<Executed, LaneError<D::Error>> {
        self.on_committed(state, |lane| lane.transact(tx))
    }

    /// Executes a transaction on what the access list says of those before it, and compares what it does with the list.
    ///
    /// # Errors
    /// How they differ, in words.
    pub(crate) fn execute_listed(
        &mut self,
        tx: &TxEnv,
        number: usize,
        list: &Arc<ListIndex>,
    ) -> Result<Speculated, String> {
        self.database().view = View::Listed { list: Arc::clone(list), number };
        let executed = self.transact(tx);
        let executed = executed.map_err(|error| block_error(number, error).to_string())?;
        let met = list.check(number, &executed.state, &self.database().base)?;
        Ok(Speculated::new(executed, Basis::List(met)))
    }

    /// Executes a transaction ahead of its turn. `None` if there is no use in that.
    pub(crate) fn speculate(
        &mut self,
        tx: &TxEnv,
        number: usize,
        versions: &Arc<Versions>,
    ) -> Option<Speculated> {
        let context = self.evm.context();
        let beneficiary = context.block.beneficiary;
        let recipient = recipient(tx, context.cfg.spec);
        let (versions, reads) = (Arc::clone(versions), Reads::default());
        let ahead = Ahead { versions, number, beneficiary, recipient, paid_from: None, reads };
        self.database().view = View::Ahead(Box::new(ahead));
        let executed = self.transact(tx);
        let idle = View::Committed(CommittedState::default());
        let View::Ahead(ahead) = mem::replace(&mut self.database().view, idle) else { return None };
        let mut executed = executed.ok()?;
        if let (Some(recipient), Some(before)) = (recipient, ahead.paid_from) {
            executed.pay(recipient, before)?;
        }
        Some(Speculated::new(executed, Basis::Reads(ahead.reads)))
    }

    /// Calls a system contract; `None` if there is no code.
    pub(crate) fn call_system(
        &mut self,
        contract: Address,
        data: Bytes,
        state: &mut CommittedState,
    ) -> Result<Option<Executed>, LaneError<D::Error>> {
        let info = state.basic(&self.database().base, contract);
        let info = info.map_err(|error| EVMError::Database(ViewError::Base(error)))?;
        if info.is_none_or(|info| info.is_empty_code_hash()) {
            return Ok(None);
        }
        let call = |lane: &mut Self| {
            lane.evm.context_mut().tx = TxEnv::new_system_tx(contract, data.clone());
            let result =
                MainnetHandler::<_, LaneError<D::Error>, _>::default().run_system_call(&mut lane.evm);
            lane.finish(result, None)
        };
        self.on_committed(state, |lane| lane.without_faults(call).map(Some))
    }

    /// Does `work` on the committed state, which the database holds meanwhile.
    fn on_committed<T>(&mut self, state: &mut CommittedState, work: impl FnOnce(&mut Self) -> T) -> T {
        self.database().view = View::Committed(mem::take(state));
        let done = work(self);
        if let View::Committed(held) = &mut self.database().view {
            *state = mem::take(held);
        }
        done
    }

    /// Executes a transaction on the view that is set.
    fn transact(&mut self, tx: &TxEnv) -> Result<Executed, LaneError<D::Error>> {
        // By a list everything is known beforehand, the beneficiary's balance too.
        let defers_fee = !self.goes_by_list;
        self.without_faults(|lane| {
            lane.evm.context_mut().tx.clone_from(tx);
            let mut handler = BlockHandler::new(defers_fee);
            let result = handler.run(&mut lane.evm);
            lane.finish(result, handler.fee.get())
        })
    }

    /// Executes, and if native code has failed, once more without any: what the failed code has loaded is no part of
    /// what the transaction accesses.
    fn without_faults(
        &mut self,
        execute: impl Fn(&mut Self) -> Result<Executed, LaneError<D::Error>>,
    ) -> Result<Executed, LaneError<D::Error>> {
        let executed = execute(self)?;
        if executed.frames.faults.total() == 0 {
            return Ok(executed);
        }
        self.evm.interpret_next();
        let mut again = execute(self)?;
        // Of the attempt that failed, nothing else counts.
        again.frames += FrameCounts { faults: executed.frames.faults, ..FrameCounts::default() };
        Ok(again)
    }

    /// Empties the journal, also after an error.
    fn finish(
        &mut self,
        result: Result<ExecutionResult<HaltReason>, LaneError<D::Error>>,
        fee: Option<U256>,
    ) -> Result<Executed, LaneError<D::Error>> {
        let state = self.evm.finalize();
        let frames = self.evm.take_counts();
        Ok(Executed { result: Some(result?), state, fee, payment: None, frames })
    }
}

impl Speculated {
    fn new(executed: Executed, basis: Basis) -> Self {
        Self { changes: Changes::of(&executed.state), executed, basis }
    }
}

impl Executed {
    /// Whether it succeeded.
    pub(crate) fn is_success(&self) -> bool {
        self.result.as_ref().is_some_and(ExecutionResult::is_success)
    }

    /// Makes the change of an account that was only paid a payment. `before` is the balance that the
    /// transaction was shown. `None` if that is not all that happened there.
    fn pay(&mut self, recipient: Address, before: U256) -> Option<()> {
        let account = self.state.remove(&recipient)?;
        let is_paid = account.is_touched() && account.storage.is_empty() && self.is_success();
        let amount = account.info.balance.checked_sub(before)?;
        self.payment = Some((recipient, amount));
        is_paid.then_some(())
    }
}

/// The account that a transaction does nothing with but pay it, provided that there is no code.
///
/// Precompiled contracts and whatever else has a small address are left out, and so is Amsterdam, under which the price
/// depends on the recipient (EIP-2780).
fn recipient(tx: &TxEnv, spec: SpecId) -> Option<Address> {
    let TxKind::Call(to) = tx.kind else { return None };
    let is_small = to.0[..16].iter().all(|byte| *byte == 0);
    let changes_code = tx.tx_type == TransactionType::Eip7702 as u8;
    let is_plain = !is_small && !changes_code && to != tx.caller && !spec.is_enabled_in(SpecId::AMSTERDAM);
    is_plain.then_some(to)
}

/// A failure of the transaction at `index` in the engine's terms.
pub(crate) fn block_error<E: fmt::Debug + fmt::Display>(index: usize, error: LaneError<E>) -> BlockError<E> {
    match error {
        EVMError::Transaction(reason) => BlockError::Transaction { index, reason },
        EVMError::Header(reason) => BlockError::Header(reason),
        EVMError::Database(ViewError::Base(error)) => BlockError::State(error),
        error => BlockError::Execution(error.to_string()),
    }
}
