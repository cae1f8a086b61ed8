//! What a transaction read ahead of its turn, and whether that still holds.
//!
//! Everything that an execution depends on passes through its database, once per account and slot: revm's journal keeps
//! the rest. So an execution whose reads all have the same values in the committed state is the one that would
//! have taken place there.
//!
//! There is one exception to "everything": a transaction that only moves value to an account without code never looks at
//! the balance there. Only that there is no code counts, and the payment is applied to whatever the balance is.

use revm::{
    DatabaseRef,
    primitives::{Address, B256, U256},
    state::AccountInfo,
};

use crate::committed::CommittedState;

/// What of an account may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    balance: U256,
    nonce: u64,
    code_hash: B256,
}

impl Seen {
    fn new(info: &AccountInfo) -> Self {
        Self { balance: info.balance, nonce: info.nonce, code_hash: info.code_hash }
    }
}

/// An account that was read.
#[derive(Debug)]
struct AccountRead {
    address: Address,
    seen: Option<Seen>,
    /// Only that there is no code matters.
    is_paid: bool,
    /// The value is that of before the block.
    is_old: bool,
}

/// A slot that was read.
#[derive(Debug)]
struct SlotRead {
    address: Address,
    slot: U256,
    seen: U256,
    is_old: bool,
}

/// The reads of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    accounts: Vec<AccountRead>,
    slots: Vec<SlotRead>,
}

impl Reads {
    /// Notes that an account was read. `is_paid`: it has no code, and nothing but that matters. `is_old`: this is what
    /// it was before the block.
    pub(crate) fn account(
        &mut self,
        address: Address,
        info: Option<&AccountInfo>,
        is_paid: bool,
        is_old: bool,
    ) {
        let seen = info.map(Seen::new);
        self.accounts.push(AccountRead { address, seen, is_paid, is_old });
    }

    /// Notes that a slot was read. `is_old`: this is what it was before the block.
    pub(crate) fn slot(&mut self, address: Address, slot: U256, seen: U256, is_old: bool) {
        self.slots.push(SlotRead { address, slot, seen, is_old });
    }

    /// Whether all of it is so in the committed state.
    ///
    /// # Errors
    /// Those of `base`.
    pub(crate) fn hold<D: DatabaseRef>(&self, state: &CommittedState, base: &D) -> Result<bool, D::Error> {
        for read in &self.accounts {
            if !read.holds(state, base)? {
                return Ok(false);
            }
        }
        for read in &self.slots {
            if !read.holds(state, base)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl AccountRead {
    fn holds<D: DatabaseRef>(&self, state: &CommittedState, base: &D) -> Result<bool, D::Error> {
        let matches = |now: Option<&AccountInfo>| match self.is_paid {
            true => now.is_none_or(AccountInfo::is_empty_code_hash),
            false => now.map(Seen::new) == self.seen,
        };
        Ok(match state.info_of(&self.address) {
            Some(info) => matches(info),
            None if self.is_old => true,
            None => matches(base.basic_ref(self.address)?.as_ref()),
        })
    }
}

impl SlotRead {
    fn holds<D: DatabaseRef>(&self, state: &CommittedState, base: &D) -> Result<bool, D::Error> {
        Ok(match state.slot(&self.address, &self.slot) {
            Some(now) => now == self.seen,
            None if self.is_old => true,
            None => base.storage_ref(self.address, self.slot)? == self.seen,
        })
    }
}
