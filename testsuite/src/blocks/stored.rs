//! Stores of all code that blocks have in their state.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io,
    num::NonZero,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use alloy_primitives::B256;
use evmc::{
    backend::{self, BackendName},
    fork::Fork,
    replay::ReplayBlock,
};
use evmc_abi::fork::rules;
use evmc_backend::OptLevel;
use evmc_compiler::driver::{self, Config};
use evmc_store::{Row, Store, StoreError, StoreWriter, Trust};
use revm::bytecode::Bytecode;

/// Artifacts that are written at once: what a build that is stopped may lose.
const BATCH: usize = 256;

/// Codes, each once for all forks that cost the same.
#[derive(Debug, Default)]
pub struct Codes(BTreeMap<(B256, u16), (Fork, Bytecode)>);

impl Codes {
    /// Adds a code under the rules of a fork.
    pub fn add(&mut self, fork: Fork, code: Bytecode) {
        if let Some(rules) = rules(fork as u16) {
            self.0.entry((code.hash_slow(), rules.class)).or_insert((fork, code));
        }
    }

    /// Adds the codes of all accounts in a block's state.
    pub fn add_all(&mut self, block: &ReplayBlock) {
        block.state.codes().for_each(|(_, code)| self.add(block.fork, code.clone()));
    }

    /// Number of codes, counted once for each class of forks.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compiles with Cranelift what a store does not have, on so many threads; gives how many that were.
    ///
    /// # Errors
    /// Those of [`StoreWriter::insert`]; the store is not one that this compiler made.
    pub fn fill(&self, folder: &Path, level: OptLevel, threads: NonZero<usize>) -> Result<usize, StoreError> {
        let writer = StoreWriter::open(folder, None)?;
        let store = Store::open(folder, &Trust::Anyone)?;
        let is_ours = |row: &Row| {
            row.key.compiler_build == driver::compiler_build() && row.key.opt_level == level as u8
        };
        let there =
            store.rows().filter(is_ours).map(|row| (B256::from(row.key.code_hash), row.key.fork_class));
        let there: HashSet<_> = there.collect();
        let missing: Vec<_> =
            self.0.iter().filter(|(key, _)| !there.contains(*key)).map(|(_, code)| code).collect();
        for batch in missing.chunks(BATCH) {
            writer.insert(&compile(batch, level, threads))?;
        }
        Ok(missing.len())
    }
}

/// Compiles codes, in no order.
fn compile(codes: &[&(Fork, Bytecode)], level: OptLevel, threads: NonZero<usize>) -> Vec<Vec<u8>> {
    let (next, artifacts) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(codes.len())));
    let work = || {
        let backend = backend::create(BackendName::Cranelift, None).expect("the backend is built in");
        while let Some((fork, code)) = codes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut config = Config { fork: *fork, ..Config::default() };
            config.backend.level = level;
            let compiled = driver::compile(code.original_byte_slice(), &config, &*backend);
            let artifact = compiled.expect("any code compiles").artifact;
            artifacts.lock().unwrap_or_else(PoisonError::into_inner).push(artifact);
        }
    };
    thread::scope(|scope| (0..threads.get()).for_each(|_| drop(scope.spawn(work))));
    artifacts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Copies those artifacts of a store whose code has an even hash: half of them, and the same half every time.
///
/// # Errors
/// When a store cannot be read or written.
pub fn copy_half(from: &Path, to: &Path) -> Result<usize, StoreError> {
    let store = Store::open(from, &Trust::Anyone)?;
    let writer = StoreWriter::open(to, None)?;
    let chosen: Vec<_> = store.rows().filter(|row| row.key.code_hash[31].is_multiple_of(2)).collect();
    for rows in chosen.chunks(BATCH) {
        let artifacts: io::Result<Vec<Vec<u8>>> = rows.iter().map(read).collect();
        writer.insert(&artifacts.map_err(|source| StoreError::Io { path: from.to_owned(), source })?)?;
    }
    Ok(chosen.len())
}

fn read(row: &Row) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; row.len as usize];
    File::open(&row.pack)?.read_exact_at(&mut bytes, row.offset)?;
    Ok(bytes)
}
