//! Reading ahead: what a block is going to read, before anybody needs it.
//!
//! Readers are threads that do nothing but wait for the database. They go through what is known beforehand, in the order in which
//! it may be needed, and what they read is in the cache ([`crate::cache`]) when a worker asks for it. Under a schedule by
//! access list that is all that the block accesses. Under the others it is what the transactions say of themselves: sender,
//! recipient with its code, and the entries of their access lists. Nothing depends on it being right or read in time; errors
//! are left to whoever needs the value.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use revm::{
    DatabaseRef,
    context::{Transaction, TxEnv},
    primitives::{Address, AddressMap, AddressSet, U256},
};

use crate::access::AccessList;

/// Something to read.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// An account and its code.
    Account(Address),
    /// A slot.
    Slot(Address, U256),
}

/// What readers read for a block.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    wanted: OnceLock<Vec<Wanted>>,
    /// The first that nobody has begun.
    next: AtomicUsize,
}

impl ReadAhead {
    /// A reader's part: until nothing is left, or nobody works on the block any more.
    pub(crate) fn read<D: DatabaseRef>(
        &self,
        base: &D,
        transactions: &[TxEnv],
        list: Option<&AccessList>,
        is_over: impl Fn() -> bool,
    ) {
        let wanted = self.wanted.get_or_init(|| match list {
            Some(list) => of_list(list, transactions),
            None => of_transactions(transactions),
        });
        while !is_over()
            && let Some(wanted) = wanted.get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            match *wanted {
                Wanted::Account(address) => read_account(base, address),
                Wanted::Slot(address, slot) => drop(base.storage_ref(address, slot)),
            }
        }
    }
}

/// Reads an account and its code, and if that points to another account's (EIP-7702), that as well.
fn read_account<D: DatabaseRef>(base: &D, address: Address) {
    let code_of = |address| {
        let info = base.basic_ref(address).ok()??;
        if info.is_empty_code_hash() {
            return None;
        }
        info.code.map_or_else(|| base.code_by_hash_ref(info.code_hash).ok(), Some)
    };
    if let Some(delegated) = code_of(address).and_then(|code| code.eip7702_address()) {
        code_of(delegated);
    }
}

/// What transactions say that they access, each once.
fn of_transactions(transactions: &[TxEnv]) -> Vec<Wanted> {
    let (mut wanted, mut seen) = (Vec::new(), AddressSet::default());
    for tx in transactions {
        let listed = tx.access_list.iter().map(|item| item.address);
        let accounts = [Some(tx.caller()), tx.kind.to().copied()].into_iter().flatten().chain(listed);
        wanted.extend(accounts.filter(|address| seen.insert(*address)).map(Wanted::Account));
        for item in tx.access_list.iter() {
            wanted.extend(item.storage_keys.iter().map(|key| Wanted::Slot(item.address, (*key).into())));
        }
    }
    wanted
}

/// What a block's list says that it accesses: account by account, those first that are known to be needed first, or of which that
/// is not known.
fn of_list(list: &AccessList, transactions: &[TxEnv]) -> Vec<Wanted> {
    let mut named: AddressMap<u64> = AddressMap::default();
    for (number, tx) in (1..).zip(transactions) {
        for address in [Some(tx.caller()), tx.kind.to().copied()].into_iter().flatten() {
            named.entry(address).or_insert(number);
        }
    }
    let mut accounts: Vec<_> = list.0.iter().collect();
    accounts.sort_by_cached_key(|account| {
        let balance = account.balance_changes.first().map(|change| change.block_access_index.get());
        let slots = account.storage_changes.iter().filter_map(|slot| slot.changes.first());
        let slot = slots.map(|change| change.block_access_index.get()).min();
        let named = named.get(&account.address).copied();
        [balance, slot, named].into_iter().flatten().min().unwrap_or_default()
    });
    let mut wanted = Vec::new();
    for account in accounts {
        wanted.push(Wanted::Account(account.address));
        let changed = account.storage_changes.iter().map(|changes| changes.slot);
        let slots = changed.chain(account.storage_reads.iter().copied());
        wanted.extend(slots.map(|slot| Wanted::Slot(account.address, slot)));
    }
    wanted
}
