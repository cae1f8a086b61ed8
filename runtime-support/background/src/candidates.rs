//! What codes have burned interpreted, and which of them are compiled or have failed to be.
//!
//! A table in [`SHARDS`] parts, each under a lock of its own. A part that is full makes room for a new code by forgetting the
//! counted one that has burned least: looking for it takes time linear in the part, some hundreds of nanoseconds. So codes that were
//! called once displace each other and never what is worth compiling. Codes that wait or are being compiled are never
//! forgotten; codes that failed only by others that fail: they may take half of a part, and beyond it the oldest goes.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use revm::primitives::B256;

/// What code is known by: its hash and the class of its fork.
pub(crate) type Key = (B256, u16);

/// Parts of the table.
const SHARDS: usize = 16;

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Candidate {
    /// It has burned so much gas.
    Counted(u64),
    /// It was worth compiling. If that fails to be asked for, it has burned so much.
    Chosen(u64),
    /// It is not to be compiled.
    Failed,
}

/// A part of the table.
#[derive(Default)]
struct Shard {
    codes: HashMap<Key, Candidate>,
    /// Those that failed, the oldest first.
    failed: VecDeque<Key>,
}

/// The table.
pub(crate) struct Candidates {
    shards: [Mutex<Shard>; SHARDS],
    /// Codes that a part has room for.
    most: usize,
}

impl Candidates {
    /// A table with room for `most` codes, rounded up to a multiple of the number of parts.
    pub(crate) fn new(most: usize) -> Self {
        Self { shards: Default::default(), most: most.div_ceil(SHARDS) }
    }

    /// Adds gas that a code has burned. Says whether that is more than `cost` for the first time; the code is chosen then, until
    /// [`Self::put_back`], [`Self::forget`] or [`Self::fail`] says otherwise.
    pub(crate) fn burn(&self, key: Key, gas: u64, cost: u64) -> bool {
        let mut shard = self.shard(&key);
        let Some(candidate) = shard.place(key, self.most) else { return false };
        let Candidate::Counted(burned) = candidate else { return false };
        *burned = burned.saturating_add(gas);
        let burned = *burned;
        if burned > cost {
            *candidate = Candidate::Chosen(burned);
        }
        burned > cost
    }

    /// A chosen code is counted again, with what it had burned.
    pub(crate) fn put_back(&self, key: &Key) {
        if let Some(candidate) = self.shard(key).codes.get_mut(key)
            && let Candidate::Chosen(burned) = *candidate
        {
            *candidate = Candidate::Counted(burned);
        }
    }

    /// A chosen code is needed no more.
    pub(crate) fn forget(&self, key: &Key) {
        self.shard(key).codes.remove(key);
    }

    /// A chosen code is not to be chosen again.
    pub(crate) fn fail(&self, key: Key) {
        let mut shard = self.shard(&key);
        shard.codes.insert(key, Candidate::Failed);
        shard.failed.push_back(key);
        if shard.failed.len() > (self.most / 2).max(1)
            && let Some(oldest) = shard.failed.pop_front()
        {
            shard.codes.remove(&oldest);
        }
    }

    fn shard(&self, (code_hash, _): &Key) -> MutexGuard<'_, Shard> {
        self.shards[usize::from(code_hash[1]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// What is known of a code, which becomes known if there is room.
    fn place(&mut self, key: Key, most: usize) -> Option<&mut Candidate> {
        if self.codes.len() >= most && !self.codes.contains_key(&key) {
            let burned = |(key, candidate): (&Key, &Candidate)| match candidate {
                Candidate::Counted(burned) => Some((*burned, *key)),
                Candidate::Chosen(_) | Candidate::Failed => None,
            };
            let (_, coldest) = self.codes.iter().filter_map(burned).min()?;
            self.codes.remove(&coldest);
        }
        Some(self.codes.entry(key).or_insert(Candidate::Counted(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of the first part.
    fn key(number: u8) -> Key {
        (B256::with_last_byte(number), 13)
    }

    #[test]
    fn a_code_is_chosen_once_it_has_burned_more_than_it_costs() {
        let codes = Candidates::new(64);
        assert!(!codes.burn(key(1), 60, 100) && !codes.burn(key(2), 60, 100));
        assert!(!codes.burn(key(1), 40, 100), "as much as it costs");
        assert!(codes.burn(key(1), 1, 100) && !codes.burn(key(1), 1000, 100), "once");
        codes.put_back(&key(1));
        assert!(codes.burn(key(1), 0, 100), "it kept what it had burned");
        codes.forget(&key(1));
        assert!(!codes.burn(key(1), 60, 100) && codes.burn(key(1), u64::MAX, 100));
        codes.fail(key(1));
        codes.put_back(&key(1));
        assert!(!codes.burn(key(1), u64::MAX, 100), "it has failed");
        assert!(codes.burn((key(1).0, 14), 101, 100), "under other forks it has not");
    }

    #[test]
    fn a_full_table_forgets_what_has_burned_least() {
        let codes = Candidates::new(3 * SHARDS);
        for (number, gas) in [(1, 50), (2, 20), (3, 30), (4, 1)] {
            assert!(!codes.burn(key(number), gas, 100));
        }
        assert!(!codes.burn(key(2), 90, 100), "it was forgotten and displaces the fourth");
        assert!(codes.burn(key(1), 51, 100) && codes.burn(key(3), 71, 100), "these were not");
        assert_eq!(codes.shard(&key(1)).codes.len(), 3);
        assert!(!codes.burn(key(5), 99, 100), "it displaces the second");
        assert!(codes.burn(key(5), 2, 100));
        assert!(!codes.burn(key(6), 1000, 100), "there is no room where all are chosen");
        assert_eq!(codes.shard(&key(1)).codes.len(), 3);
    }

    #[test]
    fn failures_are_forgotten_only_by_others() {
        let codes = Candidates::new(4 * SHARDS);
        for number in 1..=3 {
            assert!(codes.burn(key(number), 101, 100));
            codes.fail(key(number));
        }
        for number in 10..20 {
            assert!(!codes.burn(key(number), 99, 100));
        }
        assert!(!codes.burn(key(2), 1000, 100) && !codes.burn(key(3), 1000, 100));
        assert!(codes.burn(key(1), 1000, 100), "the oldest of three, where two have room");
    }
}
