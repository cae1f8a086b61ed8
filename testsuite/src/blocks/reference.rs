//! A block executed by plain revm: one transaction after the other, on revm's own cache.

use std::sync::Arc;

use alloy_primitives::Address;
use evmc_parallel::{Block, Outcome, PreState, Receipt};
use revm::{
    Context, DatabaseRef, ExecuteCommitEvm, MainBuilder, MainContext, MainnetEvm, SystemCallCommitEvm,
    context::{BlockEnv, CfgEnv, Journal, TxEnv, result::ExecutionResult},
    database::CacheDB,
    primitives::hardfork::SpecId,
    state::AccountInfo,
};

/// revm's cache over the state before the block.
type Cache = CacheDB<Arc<PreState>>;

/// Plain revm with a block to execute.
pub struct PlainRevm {
    evm: MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, Cache, Journal<Cache>, ()>>,
}

/// What plain revm makes of a block.
pub struct Reference {
    /// Status, gas, logs of each transaction.
    pub results: Vec<ExecutionResult>,
    plain: PlainRevm,
}

impl PlainRevm {
    /// An EVM for a block, of which nothing has been executed.
    pub fn new(block: &Block, state: &Arc<PreState>) -> Self {
        let context = Context::mainnet()
            .with_db(CacheDB::new(Arc::clone(state)))
            .with_cfg(block.cfg.clone())
            .with_block(block.env.clone());
        Self { evm: context.build_mainnet() }
    }

    /// Executes all transactions.
    ///
    /// # Errors
    /// What revm says about the first transaction that is invalid.
    pub fn execute(&mut self, block: &Block) -> Result<Vec<ExecutionResult>, String> {
        let all = block.transactions.iter();
        all.map(|tx| self.evm.transact_commit(tx.clone()).map_err(|error| error.to_string())).collect()
    }
}

impl Reference {
    /// Executes a block, with calls of these system contracts before the transactions.
    ///
    /// # Errors
    /// What revm says about the first transaction that is invalid.
    pub fn new(
        block: &Block,
        state: &Arc<PreState>,
        system_calls: &[(Address, Vec<u8>)],
    ) -> Result<Self, String> {
        let mut plain = PlainRevm::new(block, state);
        for (contract, data) in system_calls {
            let called = plain.evm.system_call_commit(*contract, data.clone().into());
            called.map_err(|error| error.to_string())?;
        }
        let results = plain.execute(block)?;
        Ok(Self { results, plain })
    }

    /// How an outcome differs, in words; `None` where it does not.
    pub fn difference(&self, outcome: &Outcome, base: &PreState, spec: SpecId) -> Option<String> {
        let gas: u64 = self.results.iter().map(ExecutionResult::tx_gas_used).sum();
        if outcome.gas_used != gas {
            return Some(format!("gas used: {} instead of {gas}", outcome.gas_used));
        }
        let pairs = outcome.receipts.iter().zip(&self.results);
        let is_equal = |(receipt, result): (&Receipt, &ExecutionResult)| {
            let logs = if result.is_success() { result.logs() } else { &[] };
            receipt.is_success == result.is_success() && receipt.logs == logs
        };
        if outcome.receipts.len() != self.results.len() || !pairs.clone().all(is_equal) {
            let place = pairs.clone().position(|pair| !is_equal(pair));
            return Some(format!("receipts, at {place:?}"));
        }
        self.state_difference(outcome, base, spec)
    }

    fn state_difference(&self, outcome: &Outcome, base: &PreState, spec: SpecId) -> Option<String> {
        let theirs = &self.plain.evm.ctx.journaled_state.database;
        let changed = outcome.state.addresses();
        let addresses = theirs.cache.accounts.keys().chain(changed);
        addresses.filter_map(|address| account_difference(*address, outcome, theirs, base, spec)).next()
    }
}

/// How an account differs.
fn account_difference(
    address: Address,
    outcome: &Outcome,
    theirs: &Cache,
    base: &PreState,
    spec: SpecId,
) -> Option<String> {
    let ours = outcome.state.basic(base, address).expect("the state is in memory");
    let info = theirs.basic_ref(address).expect("the state is in memory");
    // revm's cache keeps accounts that EIP-161 removes, as empty ones.
    let is_eip161 = spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
    let exists = |info: &AccountInfo| !is_eip161 || !info.is_empty();
    let (ours, info) = (ours.filter(exists), info.filter(exists));
    if ours != info {
        return Some(format!("account {address}: {ours:?} instead of {info:?}"));
    }
    info.as_ref()?;
    let changed = outcome.state.storage_of(&address).map(|storage| storage.slots.keys().copied());
    let cached = theirs.cache.accounts.get(&address).map(|account| account.storage.keys().copied());
    changed.into_iter().flatten().chain(cached.into_iter().flatten()).find_map(|slot| {
        let ours = outcome.state.storage(base, address, slot).expect("the state is in memory");
        let theirs = theirs.storage_ref(address, slot).expect("the state is in memory");
        (ours != theirs).then(|| format!("slot {slot:#x} of {address}: {ours:#x} instead of {theirs:#x}"))
    })
}
