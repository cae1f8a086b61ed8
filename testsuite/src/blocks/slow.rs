//! A state whose reads are counted and take time, as those of a database on disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use evmc_parallel::{PreState, committed::CommittedState, state::StateError};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, B256, U256},
    state::AccountInfo,
};

/// A state in memory that is slow to read.
#[derive(Debug)]
pub struct SlowState {
    state: Arc<PreState>,
    /// What blocks have made of it.
    changed: CommittedState,
    latency: Duration,
    reads: AtomicU64,
}

impl SlowState {
    /// A state of which each read takes so long, for the thread that reads alone.
    pub fn new(state: Arc<PreState>, latency: Duration) -> Self {
        Self { state, changed: CommittedState::default(), latency, reads: AtomicU64::new(0) }
    }

    /// The same after a block.
    pub fn after(&self, changed: CommittedState) -> Self {
        Self { state: Arc::clone(&self.state), changed, latency: self.latency, reads: AtomicU64::new(0) }
    }

    /// Reads so far.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn wait(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if !self.latency.is_zero() {
            thread::sleep(self.latency);
        }
    }
}

impl DatabaseRef for SlowState {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        self.wait();
        // As databases do, which have codes by their hash.
        let info = self.changed.basic(&*self.state, address)?;
        Ok(info.map(
            |info| if self.changed.info_of(&address).is_some() { info } else { info.copy_without_code() },
        ))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.wait();
        self.state.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.wait();
        self.changed.storage(&*self.state, address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        self.wait();
        self.state.block_hash_ref(number)
    }
}
