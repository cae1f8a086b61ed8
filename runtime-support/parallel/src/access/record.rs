//! The access list of an execution.
//!
//! While the block is executed, what each transaction came to is only kept; the list is made of it when it is asked for.

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges, StorageChange,
};
use revm::{
    DatabaseRef,
    primitives::{Address, AddressMap, Bytes, StorageKeyMap, U256},
    state::{Account, AccountInfo, EvmState},
};

use super::AccessList;
use crate::committed::{Credited, is_removed};

/// Values with the number of what set them, ascending.
type Changes<T> = Vec<(u64, T)>;

/// What was accessed of an account.
#[derive(Debug, Default)]
struct AccountRecord {
    /// Slots; those without changes were read.
    slots: StorageKeyMap<Changes<U256>>,
    balances: Changes<U256>,
    nonces: Changes<u64>,
    codes: Changes<Bytes>,
    /// When the account was created or removed, so that slots became zero.
    resets: Vec<u64>,
}

/// Something that accesses accounts, with its number.
#[derive(Clone, Debug)]
enum Step {
    /// An execution.
    Executed(u64, EvmState),
    /// A payment.
    Paid(u64, Address, Credited),
}

/// What was executed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListRecord {
    steps: Vec<Step>,
}

/// What was accessed so far.
#[derive(Debug, Default)]
struct Accesses {
    accounts: AddressMap<AccountRecord>,
}

impl ListRecord {
    /// Keeps what number `number` accessed and changed.
    pub(crate) fn add(&mut self, number: u64, state: EvmState) {
        self.steps.push(Step::Executed(number, state));
    }

    /// Keeps a payment by number `number`.
    pub(crate) fn add_credit(&mut self, number: u64, address: Address, credited: Credited) {
        self.steps.push(Step::Paid(number, address, credited));
    }

    /// The list; `base` is the state before the block.
    pub(crate) fn list<D: DatabaseRef>(&self, base: &D) -> Result<AccessList, D::Error> {
        let mut accesses = Accesses::default();
        for step in &self.steps {
            match step {
                Step::Executed(number, state) => accesses.add(*number, state),
                Step::Paid(number, address, credited) => accesses.add_credit(*number, *address, credited),
            }
        }
        accesses.finish(base)
    }
}

impl Accesses {
    /// Takes what number `number` accessed and changed.
    fn add(&mut self, number: u64, state: &EvmState) {
        for (address, account) in state {
            let record = self.accounts.entry(*address).or_default();
            record.add_slots(number, account);
            if !account.is_touched() {
                continue;
            }
            let removed = is_removed(account);
            if removed || account.is_created() {
                record.resets.push(number);
            }
            if removed || account.is_changed() {
                record.add_info(number, &account.original_info(), (!removed).then_some(&account.info));
            }
        }
    }

    /// Takes a payment by number `number`.
    fn add_credit(&mut self, number: u64, address: Address, credited: &Credited) {
        let record = self.accounts.entry(address).or_default();
        if credited.before != credited.after {
            put(&mut record.balances, number, credited.after);
        }
    }

    /// The list.
    fn finish<D: DatabaseRef>(self, base: &D) -> Result<AccessList, D::Error> {
        let accounts = self.accounts.into_iter().map(|(address, record)| record.finish(address, base));
        let mut accounts = accounts.collect::<Result<Vec<_>, _>>()?;
        accounts.sort_unstable_by_key(|account| account.address);
        Ok(AccessList(accounts))
    }
}

/// Appends a change, in place of an earlier one of the same number.
fn put<T>(changes: &mut Changes<T>, number: u64, value: T) {
    match changes.last_mut() {
        Some(last) if last.0 == number => last.1 = value,
        _ => changes.push((number, value)),
    }
}

impl AccountRecord {
    fn add_slots(&mut self, number: u64, account: &Account) {
        let keeps_changes = account.is_touched() && !is_removed(account);
        for (key, slot) in &account.storage {
            let changes = self.slots.entry(*key).or_default();
            if keeps_changes && slot.is_changed() {
                put(changes, number, slot.present_value);
            }
        }
    }

    fn add_info(&mut self, number: u64, before: &AccountInfo, after: Option<&AccountInfo>) {
        let none = AccountInfo::default();
        let after = after.unwrap_or(&none);
        if before.balance != after.balance {
            put(&mut self.balances, number, after.balance);
        }
        if before.nonce != after.nonce {
            put(&mut self.nonces, number, after.nonce);
        }
        if before.code_hash != after.code_hash {
            let code = after.code.as_ref().map(revm::bytecode::Bytecode::original_bytes);
            put(&mut self.codes, number, code.unwrap_or_default());
        }
    }

    /// Adds the zeros that resets brought.
    fn clear_slots<D: DatabaseRef>(&mut self, address: Address, base: &D) -> Result<(), D::Error> {
        for (slot, changes) in &mut self.slots {
            for (nth, reset) in self.resets.iter().enumerate() {
                let place = changes.partition_point(|(number, _)| number < reset);
                let before = match place.checked_sub(1) {
                    Some(last) => changes[last].1,
                    None if nth == 0 => base.storage_ref(address, *slot)?,
                    None => U256::ZERO,
                };
                let is_set_anew = changes.get(place).is_some_and(|(number, _)| number == reset);
                if !before.is_zero() && !is_set_anew {
                    changes.insert(place, (*reset, U256::ZERO));
                }
            }
        }
        Ok(())
    }

    fn finish<D: DatabaseRef>(mut self, address: Address, base: &D) -> Result<AccountChanges, D::Error> {
        if !self.resets.is_empty() {
            self.clear_slots(address, base)?;
        }
        let at = BlockAccessIndex::new;
        let mut list = AccountChanges::new(address);
        for (slot, changes) in self.slots {
            if changes.is_empty() {
                list.storage_reads.push(slot);
            } else {
                let changes =
                    changes.into_iter().map(|(number, value)| StorageChange::new(at(number), value));
                list.storage_changes.push(SlotChanges::new(slot, changes.collect()));
            }
        }
        list.storage_reads.sort_unstable();
        list.storage_changes.sort_unstable_by_key(|changes| changes.slot);
        list.balance_changes =
            self.balances.into_iter().map(|(number, value)| BalanceChange::new(at(number), value)).collect();
        list.nonce_changes =
            self.nonces.into_iter().map(|(number, value)| NonceChange::new(at(number), value)).collect();
        list.code_changes =
            self.codes.into_iter().map(|(number, value)| CodeChange::new(at(number), value)).collect();
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use revm::{
        primitives::Bytes,
        state::{EvmStorageSlot, TransactionId},
    };

    use super::*;
    use crate::state::PreState;

    const ADDRESS: Address = Address::repeat_byte(7);

    /// An account that existed, touched, with slots that were changed.
    fn touched(slots: &[(u64, u64, u64)]) -> Account {
        let slot = |before, after| {
            EvmStorageSlot::new_changed(U256::from(before), U256::from(after), TransactionId::default())
        };
        let slots = slots.iter().map(|&(key, before, after)| (U256::from(key), slot(before, after)));
        let info = AccountInfo::default().with_nonce(1);
        Account::from(info).with_touched_mark().with_storage(slots)
    }

    /// The changes of each slot in a list of one account.
    fn slots(record: &ListRecord, base: &PreState) -> Vec<(u64, Vec<(u64, u64)>)> {
        let list = record.list(base).expect("the state is in memory");
        let change = |change: &StorageChange| (change.block_access_index.get(), change.new_value.to());
        let slots = list.0[0].storage_changes.iter();
        slots.map(|slot| (slot.slot.to(), slot.changes.iter().map(change).collect())).collect()
    }

    #[test]
    fn a_removal_is_written_down_for_each_slot_that_was_accessed() {
        let mut base = PreState::default();
        let stored = [(U256::from(1), U256::from(11)), (U256::from(2), U256::from(22))];
        base.insert(ADDRESS, U256::ZERO, 1, &Bytes::from_static(&[0]), stored);
        let mut record = ListRecord::default();
        let mut add = |number, account| record.add(number, [(ADDRESS, account)].into_iter().collect());
        add(1, touched(&[(3, 0, 33)]));
        add(2, touched(&[]).with_selfdestruct_mark());
        add(4, touched(&[(1, 0, 0), (3, 0, 34)]).with_created_mark());
        assert_eq!(slots(&record, &base), [(1, vec![(2, 0)]), (3, vec![(1, 33), (2, 0), (4, 34)])]);
    }

    #[test]
    fn what_is_not_changed_is_read() {
        let mut record = ListRecord::default();
        let state = [(ADDRESS, touched(&[(1, 5, 5), (2, 5, 6)]))].into_iter().collect();
        let base = PreState::default();
        record.add(3, state);
        let list = record.list(&base).expect("the state is in memory");
        assert_eq!(list.0[0].storage_reads, [U256::from(1)]);
        assert_eq!(list.0[0].storage_changes.len(), 1);
        assert!(list.0[0].balance_changes.is_empty() && list.0[0].nonce_changes.is_empty());
        assert_eq!(AccessList::from_rlp(&list.to_rlp()).expect("it is RLP"), list);
    }
}
