//! An access list as a worker reads it: what an account or a slot was before a transaction.

use alloy_eip7928::AccountChanges;
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, AddressMap, B256, Bytes, KECCAK_EMPTY, StorageKeyMap, U256, keccak256},
    state::AccountInfo,
};

use super::AccessList;

/// Values with the number of what set them, ascending.
#[derive(Debug)]
struct Timeline<T>(Vec<(u64, T)>);

impl<T> Timeline<T> {
    /// Sorts, since a list need not be as it should.
    fn new(changes: impl Iterator<Item = (u64, T)>) -> Self {
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by_key(|(number, _)| *number);
        Self(changes)
    }

    /// The last value that was set before `number`.
    fn before(&self, number: u64) -> Option<&T> {
        let place = self.0.partition_point(|(at, _)| *at < number);
        place.checked_sub(1).map(|last| &self.0[last].1)
    }
}

/// Changes of an account.
#[derive(Debug)]
struct Listed {
    balances: Timeline<U256>,
    nonces: Timeline<u64>,
    codes: Timeline<(B256, Bytecode)>,
    slots: StorageKeyMap<Timeline<U256>>,
}

impl Listed {
    fn new(changes: &AccountChanges) -> Self {
        let balances = changes.balance_changes.iter();
        let nonces = changes.nonce_changes.iter();
        let codes = changes.code_changes.iter();
        let slots = changes.storage_changes.iter().map(|slot| {
            let changes = slot.changes.iter();
            let changes = changes.map(|change| (change.block_access_index.get(), change.new_value));
            (slot.slot, Timeline::new(changes))
        });
        Self {
            balances: Timeline::new(balances.map(|one| (one.block_access_index.get(), one.post_balance))),
            nonces: Timeline::new(nonces.map(|one| (one.block_access_index.get(), one.new_nonce))),
            codes: Timeline::new(codes.map(|one| (one.block_access_index.get(), bytecode(&one.new_code)))),
            slots: slots.collect(),
        }
    }

    /// Whether there are changes at all.
    fn is_changed(&self) -> bool {
        let has_info = !(self.balances.0.is_empty() && self.nonces.0.is_empty() && self.codes.0.is_empty());
        has_info || !self.slots.is_empty()
    }
}

/// Code with its hash and its jump destinations.
fn bytecode(code: &Bytes) -> (B256, Bytecode) {
    if code.is_empty() {
        return (KECCAK_EMPTY, Bytecode::default());
    }
    let bytecode = Bytecode::new_raw_checked(code.clone());
    (keccak256(code), bytecode.unwrap_or_else(|_| Bytecode::new_legacy(code.clone())))
}

/// The accounts of a list that are changed.
#[derive(Debug)]
pub(crate) struct ListIndex {
    accounts: AddressMap<Listed>,
}

impl ListIndex {
    /// An index of a list. Whether the list is the block's is found out by executing it.
    pub(crate) fn new(list: &AccessList) -> Self {
        let accounts = list.0.iter().map(|changes| (changes.address, Listed::new(changes)));
        Self { accounts: accounts.filter(|(_, account)| account.is_changed()).collect() }
    }

    /// The account as transaction `number` of the block, counted from 0, finds it.
    pub(crate) fn basic<D: DatabaseRef>(
        &self,
        base: &D,
        address: Address,
        number: usize,
    ) -> Result<Option<AccountInfo>, D::Error> {
        let info = base.basic_ref(address)?;
        let Some(listed) = self.accounts.get(&address) else { return Ok(info) };
        let before = number as u64 + 1;
        let (balance, nonce) = (listed.balances.before(before), listed.nonces.before(before));
        let code = listed.codes.before(before);
        if balance.is_none() && nonce.is_none() && code.is_none() {
            return Ok(info);
        }
        let mut info = info.unwrap_or_default();
        info.balance = balance.copied().unwrap_or(info.balance);
        info.nonce = nonce.copied().unwrap_or(info.nonce);
        if let Some((hash, code)) = code {
            info.code_hash = *hash;
            info.code = Some(code.clone());
        }
        Ok((!info.is_empty()).then_some(info))
    }

    /// The slot as transaction `number` of the block, counted from 0, finds it.
    pub(crate) fn storage<D: DatabaseRef>(
        &self,
        base: &D,
        address: Address,
        slot: U256,
        number: usize,
    ) -> Result<U256, D::Error> {
        let listed = self.accounts.get(&address).and_then(|account| account.slots.get(&slot));
        match listed.and_then(|changes| changes.before(number as u64 + 1)) {
            Some(value) => Ok(*value),
            None => base.storage_ref(address, slot),
        }
    }
}
