//! The state before the block, with what was read of it kept for all workers.
//!
//! Workers of a block read the same accounts and slots again and again: the senders' tokens, the pools that everybody
//! trades with. Where a read takes microseconds, as from a disk, one of them should do it, and none again. In memory a read is as
//! fast as looking here, so the cache is an option ([`crate::Options::caches_reads`]); without it a read costs one
//! comparison more.
//!
//! **Why what is here is right.** Within a block the state before it does not change. From one block to the next the
//! cache is emptied, unless it was brought up to date with the outcome ([`ReadCache::apply`]): then it has everything that the
//! block changed. Errors are not kept.
//!
//! Accounts are spread over shards with a lock each. A shard that is full is emptied, and so is the table of codes: what they
//! hold is bounded, and what is needed comes back. Two that miss the same thing at once both read it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, RwLock},
};

use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, AddressMap, B256, B256Map, HashMap, StorageKeyMap, U256},
    state::AccountInfo,
};

use crate::committed::CommittedState;

/// Parts with a lock each.
const SHARDS: usize = 64;

/// Most accounts and slots of a shard, together: some 130 bytes each.
const MOST_OF_SHARD: usize = 1 << 14;

/// Most codes: of 24 KiB at most, on most chains.
const MOST_CODES: usize = 1 << 12;

/// What was read of an account.
#[derive(Debug, Default)]
struct Known {
    /// Balance, nonce and hash of the code, which is kept elsewhere; the inner `None` for one that does not exist.
    info: Option<Option<AccountInfo>>,
    slots: StorageKeyMap<U256>,
}

/// Some of the accounts.
#[derive(Debug, Default)]
struct Shard {
    accounts: AddressMap<Known>,
    /// Accounts and slots that were put here.
    entries: usize,
}

impl Shard {
    /// The account, to put something there.
    fn account(&mut self, address: Address) -> &mut Known {
        if self.entries >= MOST_OF_SHARD {
            *self = Self::default();
        }
        self.entries += 1;
        self.accounts.entry(address).or_default()
    }
}

/// What was read of a state.
#[derive(Debug)]
pub(crate) struct ReadCache {
    shards: Box<[RwLock<Shard>]>,
    codes: RwLock<B256Map<Bytecode>>,
    block_hashes: RwLock<HashMap<u64, B256>>,
    /// Chooses shards; with a seed, so that nobody can have all accounts of a block in one.
    hasher: RandomState,
}

impl ReadCache {
    /// Nothing.
    pub(crate) fn new() -> Self {
        let shards = std::iter::repeat_with(RwLock::default).take(SHARDS).collect();
        let (codes, block_hashes) = (RwLock::default(), RwLock::default());
        Self { shards, codes, block_hashes, hasher: RandomState::new() }
    }

    /// Forgets what another block may have changed; codes have their hash for a name.
    pub(crate) fn clear(&self) {
        self.shards.iter().for_each(|shard| *write(shard) = Shard::default());
        *write(&self.block_hashes) = HashMap::default();
    }

    /// Takes over what a block has changed.
    pub(crate) fn apply(&self, changed: &CommittedState) {
        // The window of blocks that can be asked for has moved on.
        *write(&self.block_hashes) = HashMap::default();
        for address in changed.addresses() {
            let mut shard = write(self.shard(address));
            if let Some(info) = changed.info_of(address) {
                shard.account(*address).info = Some(info.map(|info| self.without_code(info)));
            }
            let Some(storage) = changed.storage_of(address) else { continue };
            if storage.is_reset {
                shard.account(*address).slots.clear();
            }
            for (slot, value) in &storage.slots {
                shard.account(*address).slots.insert(*slot, *value);
            }
        }
    }

    #[cold]
    fn basic<D: DatabaseRef>(&self, database: &D, address: Address) -> Result<Option<AccountInfo>, D::Error> {
        let shard = self.shard(&address);
        let known = read(shard).accounts.get(&address).and_then(|known| known.info.clone());
        if let Some(info) = known {
            return Ok(info);
        }
        let info = database.basic_ref(address)?;
        let kept = info.as_ref().map(|info| self.without_code(info));
        write(shard).account(address).info = Some(kept);
        Ok(info)
    }

    #[cold]
    fn storage<D: DatabaseRef>(&self, database: &D, address: Address, slot: U256) -> Result<U256, D::Error> {
        let shard = self.shard(&address);
        let known = read(shard).accounts.get(&address).and_then(|known| known.slots.get(&slot).copied());
        if let Some(value) = known {
            return Ok(value);
        }
        let value = database.storage_ref(address, slot)?;
        write(shard).account(address).slots.insert(slot, value);
        Ok(value)
    }

    #[cold]
    fn code<D: DatabaseRef>(&self, database: &D, code_hash: B256) -> Result<Bytecode, D::Error> {
        let known = read(&self.codes).get(&code_hash).cloned();
        if let Some(code) = known {
            return Ok(code);
        }
        let code = database.code_by_hash_ref(code_hash)?;
        self.keep_code(code_hash, &code);
        Ok(code)
    }

    #[cold]
    fn block_hash<D: DatabaseRef>(&self, database: &D, number: u64) -> Result<B256, D::Error> {
        let known = read(&self.block_hashes).get(&number).copied();
        if let Some(hash) = known {
            return Ok(hash);
        }
        let hash = database.block_hash_ref(number)?;
        // Operations see the last 256 alone.
        write(&self.block_hashes).insert(number, hash);
        Ok(hash)
    }

    fn shard(&self, address: &Address) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(address) as usize % SHARDS]
    }

    /// An account without its code, which is kept by its hash.
    fn without_code(&self, info: &AccountInfo) -> AccountInfo {
        if let Some(code) = &info.code
            && !info.is_empty_code_hash()
        {
            self.keep_code(info.code_hash, code);
        }
        info.copy_without_code()
    }

    fn keep_code(&self, hash: B256, code: &Bytecode) {
        if read(&self.codes).contains_key(&hash) {
            return;
        }
        let mut codes = write(&self.codes);
        if codes.len() >= MOST_CODES {
            codes.clear();
        }
        codes.insert(hash, code.clone());
    }
}

/// The state before a block, as a worker reads it.
#[derive(Debug)]
pub(crate) struct Base<D> {
    /// It.
    database: Arc<D>,
    /// What was read of it, where that is kept.
    cache: Option<Arc<ReadCache>>,
}

impl<D> Clone for Base<D> {
    fn clone(&self) -> Self {
        Self { database: Arc::clone(&self.database), cache: self.cache.clone() }
    }
}

impl<D> Base<D> {
    /// A state, with what is known of it.
    pub(crate) const fn new(database: Arc<D>, cache: Option<Arc<ReadCache>>) -> Self {
        Self { database, cache }
    }
}

impl<D: DatabaseRef> DatabaseRef for Base<D> {
    type Error = D::Error;

    #[inline]
    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, D::Error> {
        match &self.cache {
            None => self.database.basic_ref(address),
            Some(cache) => cache.basic(&*self.database, address),
        }
    }

    #[inline]
    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, D::Error> {
        match &self.cache {
            None => self.database.code_by_hash_ref(code_hash),
            Some(cache) => cache.code(&*self.database, code_hash),
        }
    }

    #[inline]
    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, D::Error> {
        match &self.cache {
            None => self.database.storage_ref(address, slot),
            Some(cache) => cache.storage(&*self.database, address, slot),
        }
    }

    #[inline]
    fn block_hash_ref(&self, number: u64) -> Result<B256, D::Error> {
        match &self.cache {
            None => self.database.block_hash_ref(number),
            Some(cache) => cache.block_hash(&*self.database, number),
        }
    }
}

/// Locks; whatever a panic left behind, every entry is whole.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// As [`read`].
fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
