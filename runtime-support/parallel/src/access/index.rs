//! An access list as workers use it: what an account or a slot was before a transaction, and whether what a
//! transaction did is what the list says.
//!
//! **Why a list that passes is right.** Each transaction is executed on what the list says that the ones before left behind, and
//! all that it changed must stand in the list at its number, and nothing else may. So what the first one changed
//! is right, for it started from the state before the block; hence the second one started from the right state; and so
//! on. That nothing else stands in the list is found by counting. Accesses are compared as well, by marks.
//!
//! The list itself is the index: it is sorted, as EIP-7928 prescribes, and so searched in halves; one that is not is refused.
//! Only the place of an account is looked up in a table.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use alloy_eip7928::{AccountChanges, BlockAccessIndex};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, AddressMap, B256, Bytes, HashMap, KECCAK_EMPTY, U256, keccak256},
    state::{Account, AccountInfo, EvmState},
};

use super::AccessList;
use crate::committed::is_removed;

/// Marks of what was accessed.
#[derive(Debug)]
struct Marks {
    account: AtomicBool,
    /// For each slot that is only read.
    reads: Box<[AtomicBool]>,
}

/// A list with what is needed to use it.
#[derive(Debug)]
pub(crate) struct ListIndex {
    list: Arc<AccessList>,
    places: AddressMap<u32>,
    marks: Box<[Marks]>,
    /// Codes that the list sets, by their place in it: account and change.
    codes: HashMap<(u32, usize), (B256, Bytecode)>,
}

/// How what was executed differs from the list, in words; or how many of its changes were met.
pub(crate) type Checked = Result<usize, String>;

impl ListIndex {
    /// An index of a list.
    ///
    /// # Errors
    /// Where the list is not in order, in words.
    pub(crate) fn new(list: Arc<AccessList>) -> Result<Self, String> {
        let mut places = AddressMap::with_capacity_and_hasher(list.0.len(), Default::default());
        let mut codes = HashMap::default();
        let mut marks = Vec::with_capacity(list.0.len());
        for (place, account) in (0_u32..).zip(&list.0) {
            check_order(account)?;
            if places.insert(account.address, place).is_some() {
                return Err(format!("account {} stands twice", account.address));
            }
            for (nth, change) in account.code_changes.iter().enumerate() {
                codes.insert((place, nth), bytecode(&change.new_code));
            }
            let reads = account.storage_reads.iter().map(|_| AtomicBool::new(false)).collect();
            marks.push(Marks { account: AtomicBool::new(false), reads });
        }
        if !list.0.is_sorted_by(|a, b| a.address < b.address) {
            return Err("the accounts are not in order".to_owned());
        }
        Ok(Self { places, marks: marks.into(), codes, list })
    }

    /// The list.
    pub(crate) fn list(&self) -> &AccessList {
        &self.list
    }

    fn place(&self, address: &Address) -> Option<(u32, &AccountChanges)> {
        let place = *self.places.get(address)?;
        Some((place, &self.list.0[place as usize]))
    }

    /// The account as transaction `number` of the block, counted from 0, finds it.
    pub(crate) fn basic<D: DatabaseRef>(
        &self,
        base: &D,
        address: Address,
        number: usize,
    ) -> Result<Option<AccountInfo>, D::Error> {
        let info = base.basic_ref(address)?;
        let Some((place, listed)) = self.place(&address) else { return Ok(info) };
        let at = index_of(number);
        let balance = last_before(&listed.balance_changes, |change| change.block_access_index, at);
        let nonce = last_before(&listed.nonce_changes, |change| change.block_access_index, at);
        let code = last_before(&listed.code_changes, |change| change.block_access_index, at);
        if balance.is_none() && nonce.is_none() && code.is_none() {
            return Ok(info);
        }
        let mut info = info.unwrap_or_default();
        info.balance = balance.map_or(info.balance, |nth| listed.balance_changes[nth].post_balance);
        info.nonce = nonce.map_or(info.nonce, |nth| listed.nonce_changes[nth].new_nonce);
        if let Some((hash, code)) = code.and_then(|nth| self.codes.get(&(place, nth))) {
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
        let listed =
            self.place(&address).and_then(|(_, listed)| slot_before(listed, &slot, index_of(number)));
        match listed {
            Some(value) => Ok(value),
            None => base.storage_ref(address, slot),
        }
    }

    /// Compares what transaction `number`, counted from 0, did with what the list says.
    pub(crate) fn check<D: DatabaseRef>(&self, number: usize, state: &EvmState, base: &D) -> Checked {
        let at = index_of(number);
        let mut met = 0;
        for (address, account) in state {
            let Some((place, listed)) = self.place(address) else {
                return Err(format!("account {address} is not listed"));
            };
            let marks = &self.marks[place as usize];
            mark(&marks.account);
            let checked = check_info(listed, account, at)
                .and_then(|infos| Some(infos + check_slots(listed, marks, account, at, base)?));
            met += checked.ok_or_else(|| format!("what transaction {number} made of account {address}"))?;
        }
        Ok(met)
    }

    /// Compares the whole, when all transactions are through, with what `others` (the list of what surrounds the
    /// transactions) and the transactions themselves, which met so many changes, have done.
    pub(crate) fn check_whole(&self, met: usize, others: &AccessList) -> Result<(), String> {
        let mut met = met;
        for other in &others.0 {
            let found = self.place(&other.address).and_then(|(place, listed)| {
                let marks = &self.marks[place as usize];
                mark(&marks.account);
                includes(listed, marks, other)
            });
            met += found.ok_or_else(|| format!("what system calls made of account {}", other.address))?;
        }
        let all: usize = self.list.0.iter().map(count).sum();
        if met != all {
            return Err(format!("{all} changes instead of {met}"));
        }
        let is_marked = |mark: &AtomicBool| mark.load(Ordering::Relaxed);
        let unmarked = self
            .marks
            .iter()
            .position(|marks| !is_marked(&marks.account) || !marks.reads.iter().all(is_marked));
        unmarked.map_or(Ok(()), |place| Err(format!("accesses of account {}", self.list.0[place].address)))
    }
}

/// The number that a list gives to a transaction.
const fn index_of(number: usize) -> BlockAccessIndex {
    BlockAccessIndex::new(number as u64 + 1)
}

/// Marks something as accessed; most of it is already.
fn mark(mark: &AtomicBool) {
    if !mark.load(Ordering::Relaxed) {
        mark.store(true, Ordering::Relaxed);
    }
}

/// The last change before `at`.
fn last_before<T>(
    changes: &[T],
    key: impl Fn(&T) -> BlockAccessIndex,
    at: BlockAccessIndex,
) -> Option<usize> {
    changes.partition_point(|change| key(change) < at).checked_sub(1)
}

/// The change at `at`.
fn change_at<T>(changes: &[T], key: impl Fn(&T) -> BlockAccessIndex, at: BlockAccessIndex) -> Option<&T> {
    changes.binary_search_by_key(&at, key).ok().map(|place| &changes[place])
}

/// The value of a slot before `at`, if the list has changed it by then.
fn slot_before(listed: &AccountChanges, slot: &U256, at: BlockAccessIndex) -> Option<U256> {
    let changes = &slot_changes(listed, slot)?.changes;
    last_before(changes, |change| change.block_access_index, at).map(|nth| changes[nth].new_value)
}

/// The changes of a slot.
fn slot_changes<'a>(listed: &'a AccountChanges, slot: &U256) -> Option<&'a alloy_eip7928::SlotChanges> {
    let place = listed.storage_changes.binary_search_by_key(slot, |changes| changes.slot).ok()?;
    Some(&listed.storage_changes[place])
}

/// Compares balance, nonce and code with the list; `None` where they differ.
fn check_info(listed: &AccountChanges, account: &Account, at: BlockAccessIndex) -> Option<usize> {
    let balance = change_at(&listed.balance_changes, |change| change.block_access_index, at);
    let nonce = change_at(&listed.nonce_changes, |change| change.block_access_index, at);
    let code = change_at(&listed.code_changes, |change| change.block_access_index, at);
    let removed = account.is_touched() && is_removed(account);
    let has_changed = account.is_touched() && (removed || account.is_changed());
    if !has_changed {
        return (balance.is_none() && nonce.is_none() && code.is_none()).then_some(0);
    }
    let (before, none) = (account.original_info(), AccountInfo::default());
    let after = if removed { &none } else { &account.info };
    let new_balance = (before.balance != after.balance).then_some(after.balance);
    let new_nonce = (before.nonce != after.nonce).then_some(after.nonce);
    let code_of = |info: &AccountInfo| info.code.as_ref().map(Bytecode::original_bytes).unwrap_or_default();
    let new_code = (before.code_hash != after.code_hash).then(|| code_of(after));
    let is_equal = balance.map(|change| change.post_balance) == new_balance
        && nonce.map(|change| change.new_nonce) == new_nonce
        && code.map(|change| &change.new_code) == new_code.as_ref();
    let count = [balance.is_some(), nonce.is_some(), code.is_some()];
    is_equal.then(|| count.into_iter().map(usize::from).sum())
}

/// Compares the slots with the list; `None` where they differ.
fn check_slots<D: DatabaseRef>(
    listed: &AccountChanges,
    marks: &Marks,
    account: &Account,
    at: BlockAccessIndex,
    base: &D,
) -> Option<usize> {
    let removed = account.is_touched() && is_removed(account);
    let resets = account.is_touched() && (removed || account.is_created());
    let mut met = 0;
    for (key, slot) in &account.storage {
        let is_changed = account.is_touched() && !removed && slot.is_changed();
        match slot_changes(listed, key) {
            Some(changes) => {
                let change = change_at(&changes.changes, |change| change.block_access_index, at);
                // What a reset did is compared below.
                let is_equal = match change {
                    Some(change) if is_changed => change.new_value == slot.present_value,
                    Some(_) => resets,
                    None => !is_changed,
                };
                met += usize::from(is_changed);
                is_equal.then_some(())?;
            }
            None if is_changed => return None,
            None => mark(&marks.reads[listed.storage_reads.binary_search(key).ok()?]),
        }
    }
    if resets {
        met += check_reset(listed, account, removed, at, base)?;
    }
    Some(met)
}

/// Compares the zeros that a creation or removal brings with the list; `None` where they differ.
fn check_reset<D: DatabaseRef>(
    listed: &AccountChanges,
    account: &Account,
    removed: bool,
    at: BlockAccessIndex,
    base: &D,
) -> Option<usize> {
    let mut met = 0;
    let is_written =
        |slot: &U256| !removed && account.storage.get(slot).is_some_and(|slot| slot.is_changed());
    for changes in listed.storage_changes.iter().filter(|changes| !is_written(&changes.slot)) {
        let before = match slot_before(listed, &changes.slot, at) {
            Some(value) => value,
            None => base.storage_ref(listed.address, changes.slot).ok()?,
        };
        let change = change_at(&changes.changes, |change| change.block_access_index, at);
        let expected = (!before.is_zero()).then_some(U256::ZERO);
        (change.map(|change| change.new_value) == expected).then_some(())?;
        met += usize::from(change.is_some());
    }
    let is_zero = |slot: &U256| base.storage_ref(listed.address, *slot).is_ok_and(|value| value.is_zero());
    listed.storage_reads.iter().all(is_zero).then_some(met)
}

/// Finds all that `part` has of an account in the list; `None` if something is not there.
fn includes(listed: &AccountChanges, marks: &Marks, part: &AccountChanges) -> Option<usize> {
    let has_all = part.balance_changes.iter().all(|one| listed.balance_changes.contains(one))
        && part.nonce_changes.iter().all(|one| listed.nonce_changes.contains(one))
        && part.code_changes.iter().all(|one| listed.code_changes.contains(one));
    for changes in &part.storage_changes {
        let ours = &slot_changes(listed, &changes.slot)?.changes;
        changes.changes.iter().all(|change| ours.contains(change)).then_some(())?;
    }
    for slot in &part.storage_reads {
        if slot_changes(listed, slot).is_none() {
            mark(&marks.reads[listed.storage_reads.binary_search(slot).ok()?]);
        }
    }
    has_all.then(|| count(part))
}

/// Number of changes of an account.
fn count(account: &AccountChanges) -> usize {
    let slots: usize = account.storage_changes.iter().map(|slot| slot.changes.len()).sum();
    account.balance_changes.len() + account.nonce_changes.len() + account.code_changes.len() + slots
}

/// Whether an account's entries are in the order that EIP-7928 prescribes, each once.
fn check_order(account: &AccountChanges) -> Result<(), String> {
    let slots = &account.storage_changes;
    let is_sorted = account.balance_changes.is_sorted_by(|a, b| a.block_access_index < b.block_access_index)
        && account.nonce_changes.is_sorted_by(|a, b| a.block_access_index < b.block_access_index)
        && account.code_changes.is_sorted_by(|a, b| a.block_access_index < b.block_access_index)
        && account.storage_reads.is_sorted_by(|a, b| a < b)
        && slots.is_sorted_by(|a, b| a.slot < b.slot)
        && slots.iter().all(|slot| {
            slot.changes.is_sorted_by(|a, b| a.block_access_index < b.block_access_index)
                && account.storage_reads.binary_search(&slot.slot).is_err()
        });
    is_sorted.then_some(()).ok_or_else(|| format!("account {} is not in order", account.address))
}

/// Code with its hash and its jump destinations.
fn bytecode(code: &Bytes) -> (B256, Bytecode) {
    if code.is_empty() {
        return (KECCAK_EMPTY, Bytecode::default());
    }
    let bytecode = Bytecode::new_raw_checked(code.clone());
    (keccak256(code), bytecode.unwrap_or_else(|_| Bytecode::new_legacy(code.clone())))
}
