//! What transactions wrote that are not committed yet, for those after them to read ahead of their turn.
//!
//! For each account and slot there is a list of values with the number of the transaction that wrote each; a
//! transaction reads the last one before its own number. Nothing here need be right: whatever was read from here is
//! compared with the committed state before it counts. So writers replace and retract their entries as they
//! like, and a reader who comes in between is executed again at worst.
//!
//! A transaction that creates or removes an account resets its storage: slots written before count no more. That is an
//! entry of its own, since nobody knows all slots of an account.
//!
//! Accounts are spread over shards with a lock each. Most of what a block reads nobody has written, so a filter of
//! bits comes first, which is read without a lock.

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering},
};

use revm::{
    primitives::{Address, AddressMap, StorageKeyMap, U256},
    state::{AccountInfo, EvmState},
};

use smallvec::SmallVec;

use crate::committed::{Changes, Sink, write};

/// Parts with a lock each; a power of two.
const SHARDS: usize = 64;

/// Bits of the filter; a power of two.
const FILTER_BITS: usize = 1 << 16;

/// An odd number with no pattern, to mix bits by multiplication.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Values by the number of the transaction that wrote them, ascending. Most have one writer.
#[derive(Debug)]
struct History<T>(SmallVec<[(usize, T); 1]>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<T> History<T> {
    /// The last value before transaction `number`, with who wrote it.
    fn before(&self, number: usize) -> Option<&(usize, T)> {
        self.0.iter().rev().find(|(writer, _)| *writer < number)
    }

    fn put(&mut self, number: usize, value: T) {
        match self.0.binary_search_by_key(&number, |(writer, _)| *writer) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (number, value)),
        }
    }

    fn retract(&mut self, number: usize) {
        self.0.retain(|(writer, _)| *writer != number);
    }
}

/// What was written of an account.
#[derive(Debug, Default)]
struct Versioned {
    infos: History<Option<AccountInfo>>,
    resets: History<()>,
    slots: StorageKeyMap<History<U256>>,
}

type Shard = RwLock<AddressMap<Versioned>>;

/// The writes of a block's transactions.
#[derive(Debug)]
pub(crate) struct Versions {
    shards: Box<[Shard]>,
    filter: Box<[AtomicU64]>,
}

impl Versions {
    /// No writes.
    pub(crate) fn new() -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(SHARDS).collect();
        let filter = std::iter::repeat_with(AtomicU64::default).take(FILTER_BITS / 64).collect();
        Self { shards, filter }
    }

    /// What the last transaction before `number` made of an account; `None` if none has written it.
    pub(crate) fn basic(&self, address: &Address, number: usize) -> Option<Option<AccountInfo>> {
        let hash = account_hash(address);
        if !self.may_have(hash) {
            return None;
        }
        self.read(hash).get(address)?.infos.before(number).map(|(_, info)| info.clone())
    }

    /// What the last transaction before `number` made of a slot; `None` if none has written it.
    pub(crate) fn storage(&self, address: &Address, slot: &U256, number: usize) -> Option<U256> {
        let hash = account_hash(address);
        let may_be_written = self.may_have(slot_hash(hash, slot)) || self.may_have(reset_hash(hash));
        if !may_be_written {
            return None;
        }
        let shard = self.read(hash);
        let account = shard.get(address)?;
        let written = account.slots.get(slot).and_then(|slot| slot.before(number));
        let reset = account.resets.before(number);
        match (written, reset) {
            (Some((writer, _)), Some((resetter, ()))) if writer < resetter => Some(U256::ZERO),
            (Some((_, value)), _) => Some(*value),
            (None, reset) => reset.map(|_| U256::ZERO),
        }
    }

    /// Makes known what transaction `number` changed.
    pub(crate) fn publish(&self, number: usize, state: &EvmState) {
        let mut writer = Writer { versions: self, number };
        state.iter().for_each(|(address, account)| write(*address, account, &mut writer));
    }

    /// Makes known what transaction `number` left of an account that it only paid.
    pub(crate) fn publish_info(&self, number: usize, address: Address, info: Option<AccountInfo>) {
        let hash = account_hash(&address);
        self.write(hash).entry(address).or_default().infos.put(number, info);
        self.note(hash);
    }

    /// Takes back what transaction `number` made known.
    pub(crate) fn retract(&self, number: usize, changes: &Changes) {
        let accounts = changes.infos.iter().map(|(address, _)| address).chain(&changes.resets);
        for address in accounts {
            if let Some(account) = self.write(account_hash(address)).get_mut(address) {
                account.infos.retract(number);
                account.resets.retract(number);
            }
        }
        for (address, slot, _) in &changes.slots {
            let mut shard = self.write(account_hash(address));
            if let Some(slot) = shard.get_mut(address).and_then(|account| account.slots.get_mut(slot)) {
                slot.retract(number);
            }
        }
    }

    fn read(&self, hash: u64) -> RwLockReadGuard<'_, AddressMap<Versioned>> {
        self.shards[shard_of(hash)].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, AddressMap<Versioned>> {
        self.shards[shard_of(hash)].write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something with this hash may have been written.
    fn may_have(&self, hash: u64) -> bool {
        let (word, bit) = filter_place(hash);
        self.filter[word].load(Ordering::Acquire) & bit != 0
    }

    /// Notes that something with this hash was written.
    fn note(&self, hash: u64) {
        let (word, bit) = filter_place(hash);
        if self.filter[word].load(Ordering::Relaxed) & bit == 0 {
            self.filter[word].fetch_or(bit, Ordering::Release);
        }
    }
}

/// A transaction that makes its changes known.
struct Writer<'a> {
    versions: &'a Versions,
    number: usize,
}

impl Sink for Writer<'_> {
    fn reset(&mut self, address: Address) {
        let hash = account_hash(&address);
        self.versions.write(hash).entry(address).or_default().resets.put(self.number, ());
        self.versions.note(reset_hash(hash));
    }

    fn info(&mut self, address: Address, info: Option<&AccountInfo>) {
        self.versions.publish_info(self.number, address, info.cloned());
    }

    fn slots<'a>(&mut self, address: Address, slots: impl Iterator<Item = (&'a U256, U256)>) {
        let hash = account_hash(&address);
        let mut shard = self.versions.write(hash);
        let account = shard.entry(address).or_default();
        for (slot, value) in slots {
            account.slots.entry(*slot).or_default().put(self.number, value);
            self.versions.note(slot_hash(hash, slot));
        }
    }
}

/// Mixed bits of an address.
fn account_hash(address: &Address) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = address.0.0;
    mix(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// Mixed bits of a slot of the account with this hash.
fn slot_hash(account: u64, slot: &U256) -> u64 {
    slot.as_limbs().iter().fold(account, |hash, limb| mix(hash ^ limb))
}

/// Mixed bits of the reset of the account with this hash.
const fn reset_hash(account: u64) -> u64 {
    mix(!account)
}

const fn mix(bits: u64) -> u64 {
    let product = bits.wrapping_mul(MIX);
    product ^ (product >> 32)
}

/// The shard for an account's hash; by other bits than the filter's place.
const fn shard_of(hash: u64) -> usize {
    (hash >> 40) as usize % SHARDS
}

/// The word and the bit of the filter for a hash.
const fn filter_place(hash: u64) -> (usize, u64) {
    let place = hash as usize % FILTER_BITS;
    (place / 64, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use revm::state::{Account, EvmStorageSlot, TransactionId};

    use super::*;

    const ADDRESS: Address = Address::repeat_byte(7);

    /// An account that was touched, with a slot that was changed from 1 to `value`.
    fn account(slot: u64, value: u64) -> Account {
        let changed = EvmStorageSlot::new_changed(U256::ONE, U256::from(value), TransactionId::default());
        Account::default()
            .with_info(AccountInfo::default().with_nonce(1))
            .with_touched_mark()
            .with_storage([(U256::from(slot), changed)].into_iter())
    }

    fn publish(versions: &Versions, number: usize, account: Account) {
        versions.publish(number, &[(ADDRESS, account)].into_iter().collect());
    }

    #[test]
    fn a_reader_sees_the_last_writer_before_it() {
        let versions = Versions::new();
        let slot = U256::from(5);
        let nonce = |nonce| Account::default().with_info(AccountInfo::default().with_nonce(nonce));
        publish(&versions, 3, account(5, 30).with_created_mark());
        publish(&versions, 1, account(5, 10).with_created_mark());
        versions.publish_info(2, ADDRESS, Some(nonce(9).info));
        assert_eq!(versions.storage(&ADDRESS, &slot, 1), None);
        assert_eq!(versions.storage(&ADDRESS, &slot, 2), Some(U256::from(10)));
        assert_eq!(versions.storage(&ADDRESS, &slot, 4), Some(U256::from(30)));
        assert_eq!(versions.basic(&ADDRESS, 3), Some(Some(nonce(9).info)));
        assert_eq!(versions.basic(&ADDRESS, 1), None);
    }

    #[test]
    fn a_reset_hides_what_was_written_before() {
        let versions = Versions::new();
        publish(&versions, 1, account(5, 10));
        publish(&versions, 2, account(6, 20).with_selfdestruct_mark());
        for slot in [5, 6, 7] {
            assert_eq!(versions.storage(&ADDRESS, &U256::from(slot), 3), Some(U256::ZERO), "slot {slot}");
        }
        assert_eq!(versions.basic(&ADDRESS, 3), Some(None));
        assert_eq!(versions.storage(&ADDRESS, &U256::from(5), 2), Some(U256::from(10)));
    }

    #[test]
    fn slots_with_one_hash_are_two() {
        let mut address = Address::repeat_byte(0xac);
        address.0[12..].copy_from_slice(&70_u64.to_be_bytes());
        let slots = [U256::from_limbs([1, 0, 0, 0]), U256::from_limbs([2, 0, 0, 0x10c5_6c2a_13c4_c2bd])];
        let hashes = slots.map(|slot| slot_hash(account_hash(&address), &slot));
        assert_eq!(hashes[0], hashes[1], "the block that the tests make up rests on it");
        let versions = Versions::new();
        let slot = EvmStorageSlot::new_changed(U256::ZERO, U256::ONE, TransactionId::default());
        let account = account(5, 1).with_storage([(slots[0], slot)].into_iter());
        versions.publish(1, &[(address, account)].into_iter().collect());
        assert_eq!(versions.storage(&address, &slots[0], 2), Some(U256::ONE));
        assert_eq!(versions.storage(&address, &slots[1], 2), None);
    }

    #[test]
    fn what_is_retracted_is_gone() {
        let versions = Versions::new();
        let state: EvmState = [(ADDRESS, account(5, 10).with_created_mark())].into_iter().collect();
        versions.publish(1, &state);
        versions.retract(1, &Changes::of(&state));
        assert_eq!(versions.storage(&ADDRESS, &U256::from(5), 2), None);
        assert_eq!(versions.basic(&ADDRESS, 2), None);
    }
}
