//! Compiled code by code hash and fork, shared by all workers.
//!
//! Code is compiled when a frame first asks for it, on the thread that asks; others that ask for the same
//! code meanwhile wait for it. What lies here is bounded: entries live in two generations, and when the
//! younger one is full the older one is dropped, save for what was used since. Code that a frame is
//! running stays in memory as long as the frame does.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::B256;
use evmc_revm::{CodeSource, FrameCode};
use revm::{bytecode::Bytecode, primitives::hardfork::SpecId};

use crate::{cpu_time, fork::Fork};

/// Codes in a generation. Each takes two entries of the kernel's table of mappings, which has room for
/// 65,530 in a process.
const GENERATION_CODES: usize = 8_192;

/// Bytes of code in a generation.
const GENERATION_BYTES: usize = 256 << 20;

/// Reason under which frames of initcode are counted where that is not compiled.
const NO_INITCODE: &str = "initcode is not compiled";

/// Makes code runnable: compiles it for a fork.
pub trait CodeMaker: Send + Sync {
    /// Runnable code with the bytes that it takes in memory.
    ///
    /// # Errors
    /// Why there is none, in words; reasons are counted, so they should not name the code.
    fn make(&self, code: &[u8], fork: Fork) -> Result<(Arc<dyn FrameCode>, usize), String>;
}

/// Runnable code, or why there is none.
type Made = Result<Arc<dyn FrameCode>, Arc<str>>;

/// A place for code that one thread fills.
type Slot = Arc<OnceLock<Made>>;

/// What code is known by.
type Key = (B256, SpecId);

/// Two generations of code.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Slot>,
    old: HashMap<Key, Slot>,
    /// Bytes of the code that was made since the younger generation began.
    young_bytes: usize,
    /// How often code was let go of: a generation, or one that had failed.
    dropped: u64,
}

impl Generations {
    /// The slot for a code, in the younger generation from now on.
    fn slot(&mut self, key: Key) -> Slot {
        if let Some(slot) = self.young.get(&key) {
            return Arc::clone(slot);
        }
        if self.young.len() >= GENERATION_CODES || self.young_bytes >= GENERATION_BYTES {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
            self.dropped += 1;
        }
        let slot = self.old.remove(&key).unwrap_or_default();
        self.young.insert(key, Arc::clone(&slot));
        slot
    }

    /// Puts `made` in place of what there was for a code.
    fn replace(&mut self, key: Key, made: Made) {
        self.old.remove(&key);
        self.young.insert(key, Arc::new(OnceLock::from(made)));
        self.dropped += 1;
    }
}

/// What was done so far.
#[derive(Clone, Debug, Default)]
pub struct CodeCounters {
    /// Codes that were compiled.
    pub compiled: u64,
    /// Codes that were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Frames that got no code, by reason.
    pub frames_without: BTreeMap<String, u64>,
    /// CPU time of compilation.
    pub compile_cpu: Duration,
    /// Bytes of what was compiled.
    pub code_bytes: u64,
}

/// A bounded store of code that makes what it does not have.
pub struct Codes<M> {
    maker: M,
    initcode: bool,
    generations: Mutex<Generations>,
    counters: Mutex<CodeCounters>,
    /// [`Generations::dropped`], to be read without the lock.
    epoch: AtomicU64,
}

impl<M: CodeMaker> Codes<M> {
    /// An empty store; `initcode` tells whether code that creates contracts is compiled too.
    pub fn new(maker: M, initcode: bool) -> Self {
        let (generations, counters) = (Mutex::default(), Mutex::default());
        Self { maker, initcode, generations, counters, epoch: AtomicU64::new(0) }
    }

    /// What was done so far.
    pub fn counters(&self) -> CodeCounters {
        lock(&self.counters).clone()
    }

    /// The slot for a code.
    fn slot(&self, key: Key) -> Slot {
        let mut generations = lock(&self.generations);
        let slot = generations.slot(key);
        self.epoch.store(generations.dropped, Ordering::Relaxed);
        slot
    }

    /// Makes code runnable and counts it.
    fn make(&self, code: &[u8], fork: Fork) -> Made {
        let (made, took) = cpu_time::measure(|| self.maker.make(code, fork));
        let bytes = made.as_ref().map_or(0, |(_, bytes)| *bytes);
        lock(&self.generations).young_bytes += bytes;
        let made = made.map(|(code, _)| code).map_err(Arc::from);
        let mut counters = lock(&self.counters);
        counters.compile_cpu += took;
        counters.code_bytes += bytes as u64;
        match &made {
            Ok(_) => counters.compiled += 1,
            Err(reason) => count(&mut counters.refused, reason),
        }
        made
    }
}

impl<M: CodeMaker> CodeSource for Codes<M> {
    fn lookup(
        &self,
        code_hash: B256,
        code: &Bytecode,
        spec: SpecId,
        is_initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        if is_initcode && !self.initcode {
            count(&mut lock(&self.counters).frames_without, NO_INITCODE);
            return None;
        }
        let fork = Fork::from_number(spec as u8)?;
        let slot = self.slot((code_hash, spec));
        match slot.get_or_init(|| self.make(code.original_byte_slice(), fork)) {
            Ok(code) => Some(Arc::clone(code)),
            Err(reason) => {
                count(&mut lock(&self.counters).frames_without, reason);
                None
            }
        }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    fn quarantine(&self, code_hash: B256, spec: SpecId, reason: &str) {
        let mut generations = lock(&self.generations);
        generations.replace((code_hash, spec), Err(Arc::from(format!("failed: {reason}"))));
        self.epoch.store(generations.dropped, Ordering::Relaxed);
    }
}

/// Counts one under `reason`.
fn count(counts: &mut BTreeMap<String, u64>, reason: &str) {
    match counts.get_mut(reason) {
        Some(count) => *count += 1,
        None => drop(counts.insert(reason.to_owned(), 1)),
    }
}

/// Locks; what a panic left behind is still a set of whole entries.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_bounded_and_keep_what_is_used() {
        let mut generations = Generations::default();
        let key = |number: usize| (B256::from(alloy_primitives::U256::from(number)), SpecId::OSAKA);
        let first = generations.slot(key(0));
        for number in 1..3 * GENERATION_CODES {
            generations.slot(key(number));
            if number % 1000 == 0 {
                assert!(Arc::ptr_eq(&first, &generations.slot(key(0))));
            }
        }
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION_CODES);
        assert!(!generations.old.contains_key(&key(1)));
        assert_eq!(generations.dropped, 3);
    }
}
