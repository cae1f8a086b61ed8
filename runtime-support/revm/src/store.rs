//! A store of artifacts as a source of code.
//!
//! An artifact is read, checked and mapped when a frame first asks for its code, and stays in memory from then
//! on. What fails a check is refused once and for all, told to whoever asks for [`StoreCodes::counters`], and
//! interpreted. Looking for a code that the store does not have is a binary search, without a lock on the
//! index.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use evmc_abi::{CpuFeatures, fork};
use evmc_artifact::cpu;
use evmc_loader::LoadedCode;
use evmc_store::{Store, StoreError, Trust, Wanted};
use metrics::counter;
use revm::{
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId},
};

use crate::{
    code::{CodeSource, FrameCode},
    native::NativeCode,
};

/// Codes that are kept in memory. Each takes two entries of the kernel's table of mappings, which has room for
/// 65,530 in a process; behind that all are let go of, and those in use are loaded again.
const MOST_CODES: usize = 16_384;

/// Name of the metric that counts artifacts that were loaded.
pub const LOADED: &str = "evmc_artifacts_loaded_total";

/// Name of the metric that counts artifacts that were refused, by reason.
pub const REFUSED: &str = "evmc_artifacts_refused_total";

/// What a code is known by here: its hash and the class of its fork.
type Key = (B256, u16);

/// A code that was asked for and that the store names.
enum Known {
    /// It runs.
    Loaded { code: Arc<NativeCode>, checksum: [u8; 32] },
    /// No artifact of it passes the checks.
    Refused,
}

/// What may change while frames run.
struct State {
    store: Arc<Store>,
    known: HashMap<Key, Known>,
}

/// What became of the artifacts that frames asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Artifacts loaded.
    pub loaded: u64,
    /// Artifacts refused, by [`evmc_store::Refusal::name`], and as `load` where the system gave no memory.
    pub refused: BTreeMap<&'static str, u64>,
    /// Artifacts put in quarantine, since they did harm here.
    pub quarantined: u64,
}

/// Code from the store in a folder.
pub struct StoreCodes {
    folder: PathBuf,
    trust: Trust,
    features: CpuFeatures,
    serves_initcode: bool,
    state: RwLock<State>,
    counters: RwLock<StoreCounters>,
    /// How often code was let go of, or came new.
    epoch: AtomicU64,
}

impl StoreCodes {
    /// Opens the store in a folder.
    ///
    /// The checks find damage, and a signature tells who made the index; machine code itself is not verified.
    /// Opening a store means to trust whoever can write to it, or holds a key in `trust`.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open(folder: &Path, trust: Trust) -> Result<Self, StoreError> {
        let store = Arc::new(Store::open(folder, &trust)?);
        Ok(Self {
            folder: folder.to_owned(),
            trust,
            features: cpu::detect(),
            serves_initcode: false,
            state: RwLock::new(State { store, known: HashMap::new() }),
            counters: RwLock::default(),
            epoch: AtomicU64::new(0),
        })
    }

    /// Looks also for code that creates contracts, which takes hashing it first. It seldom runs twice, so
    /// that is worth it where artifacts of such code were built on purpose.
    pub const fn serving_initcode(mut self) -> Self {
        self.serves_initcode = true;
        self
    }

    /// Opens the store again, if it has changed since; says whether it has. Transactions that run go on with
    /// what they have. Code that is loaded stays so, unless the store has better, or has it in quarantine.
    ///
    /// # Errors
    /// See [`Store::open`]; the store as it was stays in use.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let new = Store::open(&self.folder, &self.trust)?;
        let mut state = write(&self.state);
        if new.generation() == state.store.generation() {
            return Ok(false);
        }
        let mut known = std::mem::take(&mut state.known);
        known.retain(|key, known| self.still_holds(&new, key, known));
        *state = State { store: Arc::new(new), known };
        self.epoch.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Whether code that is loaded is what the store would give now. What was refused is looked at anew.
    fn still_holds(&self, store: &Store, (code_hash, class): &Key, known: &Known) -> bool {
        let Known::Loaded { checksum, .. } = known else { return false };
        let best = store.best(&self.wanted(code_hash, *class));
        best == Some(*checksum) && !store.is_quarantined(checksum)
    }

    /// Whether the store names no artifact at all that could run this code. One that is damaged or in quarantine counts as one:
    /// to compile the same again would not help.
    pub fn lacks(&self, code_hash: &B256, spec: SpecId) -> bool {
        self.store().best(&self.wanted(code_hash, spec as u16)).is_none()
    }

    /// What is looked for when a frame asks for its code.
    const fn wanted<'a>(&self, code_hash: &'a B256, fork: u16) -> Wanted<'a> {
        Wanted { code_hash: &code_hash.0, fork, features: self.features }
    }

    /// The store as it is in use.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&read(&self.state).store)
    }

    /// What became of the artifacts that frames asked for.
    pub fn counters(&self) -> StoreCounters {
        read(&self.counters).clone()
    }

    /// Has a code interpreted from now on, here and by whoever opens the store later; says whether it was in use.
    ///
    /// # Errors
    /// The folder cannot be written to: then here alone.
    pub fn put_in_quarantine(&self, code_hash: B256, spec: SpecId, reason: &str) -> Result<bool, StoreError> {
        let Some(rules) = fork::rules(spec as u16) else { return Ok(false) };
        let mut state = write(&self.state);
        let Some(Known::Loaded { checksum, .. }) =
            state.known.insert((code_hash, rules.class), Known::Refused)
        else {
            return Ok(false);
        };
        self.epoch.fetch_add(1, Ordering::Relaxed);
        write(&self.counters).quarantined += 1;
        state.store.quarantine(&checksum, reason)?;
        Ok(true)
    }

    /// Loads the artifact for a code; `None` where the store names none.
    fn load(&self, store: &Store, code_hash: &B256, fork: u16) -> Option<Known> {
        let wanted = self.wanted(code_hash, fork);
        let mut was_refused = false;
        let refused = |reason: &'static str| {
            *write(&self.counters).refused.entry(reason).or_default() += 1;
            counter!(REFUSED, "reason" => reason).increment(1);
        };
        let loaded = store.with_artifact(
            &wanted,
            |_, refusal| {
                was_refused = true;
                refused(refusal.name());
            },
            |row, artifact| {
                let code = LoadedCode::load(artifact).ok().and_then(NativeCode::trust);
                code.map(|code| Known::Loaded { code: Arc::new(code), checksum: row.checksum })
            },
        );
        match loaded {
            Some(Some(known)) => {
                write(&self.counters).loaded += 1;
                counter!(LOADED).increment(1);
                Some(known)
            }
            Some(None) => {
                refused("load");
                Some(Known::Refused)
            }
            None => was_refused.then_some(Known::Refused),
        }
    }

    /// Keeps what was loaded, unless another thread was faster or the store is another one by now.
    fn keep(&self, store: &Arc<Store>, key: Key, known: Known) -> Option<Arc<dyn FrameCode>> {
        let mut state = write(&self.state);
        if !Arc::ptr_eq(store, &state.store) {
            return known.code();
        }
        if state.known.len() >= MOST_CODES {
            state.known.clear();
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
        state.known.entry(key).or_insert(known).code()
    }
}

impl Known {
    fn code(&self) -> Option<Arc<dyn FrameCode>> {
        match self {
            Self::Loaded { code, .. } => Some(Arc::clone(code) as _),
            Self::Refused => None,
        }
    }
}

impl CodeSource for StoreCodes {
    fn lookup(&self, code_hash: B256, _: &Bytecode, spec: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        let rules = fork::rules(spec as u16)?;
        let key = (code_hash, rules.class);
        let store = {
            let state = read(&self.state);
            if let Some(known) = state.known.get(&key) {
                return known.code();
            }
            Arc::clone(&state.store)
        };
        let known = self.load(&store, &code_hash, spec as u16)?;
        self.keep(&store, key, known)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    fn quarantine(&self, code_hash: B256, spec: SpecId, reason: &str) {
        // Where the folder cannot be written to, the code is still given out no more by this process.
        let _ = self.put_in_quarantine(code_hash, spec, reason);
    }

    fn absence_lasts(&self) -> bool {
        true
    }

    fn serves_initcode(&self) -> bool {
        self.serves_initcode
    }
}

/// Locks; what a panic left behind is still a set of whole entries.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// As [`read`].
fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
