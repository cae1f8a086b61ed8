//! What a block came to.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use evmc_revm::FrameCounts;
use revm::{DatabaseRef, primitives::KECCAK_EMPTY};

use crate::{
    access::{AccessList, ListRecord},
    committed::CommittedState,
    receipt::{self, Receipt},
};

/// How the result was reached; differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions that were executed when their turn had come, with all before them committed.
    pub in_turn: u64,
    /// Transactions whose execution ahead of their turn did not hold.
    pub conflicts: u64,
    /// Transactions that were executed a second time.
    pub re_executions: u64,
    /// How the frames of the executions that count were run.
    pub frames: FrameCounts,
    /// Why the schedule was another one than was asked for.
    pub fallback: Option<Fallback>,
}

/// Why a block was executed sequentially in place of by its access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Before EIP-161 a list does not say which accounts exist.
    Fork,
    /// The list is not that of the block: here is where they differ.
    WrongList(String),
}

/// An account after the block, where it differs from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountDiff {
    /// In wei.
    pub balance: U256,
    /// Number of transactions sent or contracts created.
    pub nonce: u64,
    /// Keccak-256 of the code.
    pub code_hash: B256,
    /// Slots whose value differs; of an account that was created in the block, all that are not zero.
    pub storage: BTreeMap<U256, U256>,
}

/// What a block came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Gas used by all transactions.
    pub gas_used: u64,
    /// One receipt for each transaction.
    pub receipts: Vec<Receipt>,
    /// Requests by the system contracts (EIP-7685): type and data. Those that deposits make are in the logs.
    pub requests: Vec<(u8, Bytes)>,
    /// The accounts that were changed, as they are now.
    pub state: CommittedState,
    /// Where the block's access list comes from.
    pub(crate) list: ListSource,
    /// How the result was reached.
    pub stats: Stats,
    /// Which execution of the process this is the outcome of.
    pub(crate) serial: u64,
}

/// Where an access list comes from.
#[derive(Clone, Debug, Default)]
pub(crate) enum ListSource {
    /// Nowhere: it was not asked for.
    #[default]
    None,
    /// What was executed.
    Record(ListRecord),
    /// It was given, and is right.
    Given(Arc<AccessList>),
}

impl Outcome {
    /// The block's access list, where it was asked for. It is made here and now.
    ///
    /// # Errors
    /// Those of `base`, which must be what the block was executed on.
    pub fn access_list<D: DatabaseRef>(&self, base: &D) -> Result<Option<AccessList>, D::Error> {
        match &self.list {
            ListSource::None => Ok(None),
            ListSource::Record(record) => record.list(base).map(Some),
            ListSource::Given(list) => Ok(Some(AccessList::clone(list))),
        }
    }

    /// The root of the trie over the receipts, from Byzantium on.
    pub fn receipts_root(&self) -> B256 {
        receipt::receipts_root(&self.receipts)
    }

    /// The filter over all logs.
    pub fn logs_bloom(&self) -> Bloom {
        receipt::logs_bloom(&self.receipts)
    }

    /// The accounts that differ from those before, `None` for one that is gone.
    ///
    /// # Errors
    /// Those of `base`, which must be what the block was executed on.
    pub fn post_state<D: DatabaseRef>(
        &self,
        base: &D,
    ) -> Result<BTreeMap<Address, Option<AccountDiff>>, D::Error> {
        let mut differing = BTreeMap::new();
        for address in self.state.addresses() {
            if let Some(diff) = difference(*address, &self.state, base)? {
                differing.insert(*address, diff);
            }
        }
        Ok(differing)
    }
}

/// How an account differs from before, if it does.
fn difference<D: DatabaseRef>(
    address: Address,
    state: &CommittedState,
    base: &D,
) -> Result<Option<Option<AccountDiff>>, D::Error> {
    let before = base.basic_ref(address)?;
    let info = state.info_of(&address).map_or_else(|| before.clone(), |info| info.cloned());
    let Some(info) = info else { return Ok(before.is_some().then_some(None)) };
    let mut storage = BTreeMap::new();
    if let Some(written) = state.storage_of(&address) {
        for (slot, value) in &written.slots {
            let before = if written.is_reset { U256::ZERO } else { base.storage_ref(address, *slot)? };
            if before != *value {
                storage.insert(*slot, *value);
            }
        }
    }
    let is_same = before.as_ref().is_some_and(|before| *before == info) && storage.is_empty();
    let code_hash = if info.is_empty_code_hash() { KECCAK_EMPTY } else { info.code_hash };
    let diff = AccountDiff { balance: info.balance, nonce: info.nonce, code_hash, storage };
    Ok((!is_same).then_some(Some(diff)))
}
