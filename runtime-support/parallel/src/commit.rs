//! The one place where transactions take effect: in the order of the block, whatever order they were executed in.

use std::{fmt, mem};

use evmc_revm::FrameCounts;
use revm::{
    DatabaseRef,
    context::{TxEnv, result::ExecutionResult},
    primitives::{Address, U256, hardfork::SpecId},
    state::EvmState,
};

use crate::{
    access::ListRecord,
    block::Block,
    committed::{Changes, CommittedState},
    error::BlockError,
    lane::Executed,
    outcome::{ListSource, Outcome, Stats},
    receipt::Receipt,
};

/// What is kept for the block's access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// Nothing.
    Nothing,
    /// What surrounds the transactions.
    Surroundings,
    /// Everything.
    All,
}

/// The result of a block so far: the state, the gas, the receipts and the access list.
///
/// Transactions are handed in one after the other, each with the changes that it makes to the state as it is here.
#[derive(Debug)]
pub struct Committer {
    /// The accounts as the transactions so far left them.
    pub(crate) state: CommittedState,
    /// How it was done.
    pub(crate) stats: Stats,
    /// Requests of system contracts.
    pub(crate) requests: Vec<(u8, revm::primitives::Bytes)>,
    receipts: Vec<Receipt>,
    gas_used: u64,
    records: Records,
    record: Option<ListRecord>,
    /// Changes of a given access list that were met.
    pub(crate) met: usize,
    beneficiary: Address,
    gas_limit: u64,
    spec: SpecId,
}

impl Committer {
    /// A committer for a block of which nothing has been executed.
    pub(crate) fn new(block: &Block, records: Records) -> Self {
        Self {
            state: CommittedState::with_capacity(2 * block.transactions.len()),
            stats: Stats::default(),
            requests: Vec::new(),
            receipts: Vec::with_capacity(block.transactions.len()),
            gas_used: 0,
            records,
            record: (records != Records::Nothing).then(ListRecord::default),
            met: 0,
            beneficiary: block.env.beneficiary,
            gas_limit: block.env.gas_limit,
            spec: block.spec(),
        }
    }

    /// Number of the transaction whose turn it is, from 0.
    pub(crate) const fn turn(&self) -> usize {
        self.receipts.len()
    }

    /// Whether the block has the gas that the transaction may use.
    pub(crate) fn admit<E: fmt::Debug + fmt::Display>(&self, tx: &TxEnv) -> Result<(), BlockError<E>> {
        let (limit, left) = (tx.gas_limit, self.gas_limit.saturating_sub(self.gas_used));
        if limit > left {
            return Err(BlockError::GasLimit { index: self.turn(), limit, left });
        }
        Ok(())
    }

    /// Takes the transaction whose turn it is. Gives the account that it only paid.
    ///
    /// `changes` is what it changed, if that was put together before; else it is in the state.
    pub(crate) fn commit<D: DatabaseRef>(
        &mut self,
        tx: &TxEnv,
        executed: &mut Executed,
        changes: Option<&Changes>,
        base: &D,
    ) -> Result<Option<Address>, D::Error> {
        let number = self.turn() as u64 + 1;
        match changes {
            Some(changes) => self.state.apply_all(changes),
            None => self.apply(&executed.state),
        }
        if self.records == Records::All {
            self.keep(number, mem::take(&mut executed.state));
        }
        let (fee, payment) = (executed.fee, executed.payment);
        if let Some((recipient, amount)) = payment {
            self.credit(number, recipient, amount, self.records == Records::All, base)?;
        }
        if let Some(fee) = fee {
            self.credit(number, self.beneficiary, fee, self.records == Records::All, base)?;
        }
        let (is_success, result) = (executed.is_success(), executed.result.take());
        self.gas_used += result.as_ref().map_or(0, ExecutionResult::tx_gas_used);
        self.count(executed.frames);
        self.receipts.push(Receipt {
            tx_type: tx.tx_type,
            is_success,
            cumulative_gas_used: self.gas_used,
            logs: result.map(logs).unwrap_or_default(),
        });
        Ok(payment.map(|(recipient, _)| recipient))
    }

    /// Takes the changes of a system call, before or after the transactions.
    pub(crate) fn commit_system(&mut self, number: u64, executed: Executed) {
        self.count(executed.frames);
        self.apply(&executed.state);
        self.keep(number, executed.state);
    }

    /// Takes a withdrawal.
    pub(crate) fn withdraw<D: DatabaseRef>(
        &mut self,
        address: Address,
        amount: U256,
        base: &D,
    ) -> Result<(), D::Error> {
        self.credit(self.turn() as u64 + 1, address, amount, true, base)
    }

    /// Applies the changes of an execution.
    fn apply(&mut self, state: &EvmState) {
        for (address, account) in state {
            self.state.apply(*address, account);
        }
    }

    /// Keeps what an execution accessed.
    fn keep(&mut self, number: u64, state: EvmState) {
        if let Some(record) = &mut self.record {
            record.add(number, state);
        }
    }

    /// Pays an account.
    fn credit<D: DatabaseRef>(
        &mut self,
        number: u64,
        address: Address,
        amount: U256,
        is_kept: bool,
        base: &D,
    ) -> Result<(), D::Error> {
        let credited = self.state.credit(base, address, amount, self.spec)?;
        if let Some(record) = self.record.as_mut().filter(|_| is_kept) {
            record.add_credit(number, address, credited);
        }
        Ok(())
    }

    fn count(&mut self, frames: FrameCounts) {
        self.stats.frames += frames;
    }

    /// The block's result.
    pub(crate) fn finish(self) -> Outcome {
        Outcome {
            gas_used: self.gas_used,
            receipts: self.receipts,
            requests: self.requests,
            state: self.state,
            list: self.record.map_or(ListSource::None, ListSource::Record),
            stats: self.stats,
            serial: 0,
        }
    }
}

/// The logs that count: none where the transaction did not succeed.
fn logs(result: ExecutionResult) -> Vec<revm::primitives::Log> {
    match result {
        ExecutionResult::Success { logs, .. } => logs,
        ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => Vec::new(),
    }
}
