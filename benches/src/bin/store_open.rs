//! How long a node waits for a store: opening it, and the first use of a code.
//!
//! The store has contracts of the corpus, compiled quickly; what counts is their number and length. Each round
//! opens it anew, looks for a code that it does not have (a search in the index), loads an artifact of median length
//! (read, checked and mapped), and asks for that again. Told are medians: with the files in memory, and with the
//! system asked to drop them before each round.

#![forbid(unsafe_code)]

use std::{
    error::Error,
    fs::File,
    num::NonZero,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use clap::Parser;
use evmc::fork::Fork;
use evmc_backend::OptLevel;
use evmc_revm::{CodeSource, StoreCodes};
use evmc_store::{Store, Trust};
use evmc_testsuite::{blocks::stored::Codes, corpus, data_folder};
use revm::{
    bytecode::Bytecode,
    primitives::{B256, Bytes, hardfork::SpecId},
};
use rustix::fs::{Advice, fadvise};

/// Measures opening a store.
#[derive(Debug, Parser)]
struct Args {
    /// Contracts in the store
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    contracts: usize,

    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: usize,

    /// A store that is there, in place of one of the corpus in $EVMC_DATA
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// What is measured, in the order of [`round`].
const STEPS: [&str; 4] = ["open", "look for an absent code", "load a code", "look up a loaded code"];

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let removed = tempfile::tempdir()?;
    let folder = match &args.store {
        Some(folder) => folder.clone(),
        None => build(removed.path(), args.contracts)?,
    };
    let store = Store::open(&folder, &Trust::Anyone)?;
    let mut rows: Vec<_> = store.rows().collect();
    rows.sort_by_key(|row| row.len);
    let row = rows.get(rows.len() / 2).ok_or("the store is empty")?;
    let (hash, spec) = (B256::from(row.key.code_hash), SpecId::try_from_u8(row.key.fork_class as u8));
    let spec = spec.ok_or("a fork that revm does not know")?;
    let index = std::fs::metadata(folder.join("index"))?.len();
    println!("{} artifacts, index of {index} bytes; loaded is one of {} bytes", rows.len(), row.len);
    for is_cold in [false, true] {
        let mut times = [const { Vec::new() }; STEPS.len()];
        for _ in 0..args.rounds {
            if is_cold {
                drop_pages(&folder, &store)?;
            }
            for (times, time) in times.iter_mut().zip(round(&folder, hash, spec)?) {
                times.push(time);
            }
        }
        for (step, times) in STEPS.iter().zip(&mut times) {
            times.sort_unstable_by(f64::total_cmp);
            let files = if is_cold { "not in memory" } else { "in memory" };
            println!("{step:<24} files {files:<14} {:>10.2} µs", times[times.len() / 2] * 1e6);
        }
    }
    Ok(())
}

/// Makes a store of so many contracts.
fn build(folder: &Path, contracts: usize) -> Result<PathBuf, Box<dyn Error>> {
    let mut codes = Codes::default();
    for contract in corpus::read(&data_folder().join("corpus/given.tar.zst"))?.into_iter().take(contracts) {
        codes.add(Fork::Cancun, Bytecode::new_legacy(Bytes::from(contract.code)));
    }
    codes.fill(folder, OptLevel::None, thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN))?;
    Ok(folder.to_owned())
}

/// The times of one round, in seconds.
fn round(folder: &Path, hash: B256, spec: SpecId) -> Result<[f64; STEPS.len()], Box<dyn Error>> {
    let (codes, open) = timed(|| StoreCodes::open(folder, Trust::Anyone));
    let codes = codes?;
    let bytecode = Bytecode::default();
    let lookup = |hash| timed(|| codes.lookup(hash, &bytecode, spec, false).is_some());
    let ((absent, search), (loaded, load), (known, again)) = (lookup(B256::ZERO), lookup(hash), lookup(hash));
    if absent || !loaded || !known {
        return Err("an artifact is refused, or one is there that should not be".into());
    }
    Ok([open, search, load, again])
}

/// Has the system drop what it has in memory of a store's files, as far as it will.
fn drop_pages(folder: &Path, store: &Store) -> Result<(), Box<dyn Error>> {
    for path in store.packs().map(|(path, _)| path).chain([folder.join("index")]) {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

/// What `work` gives, and the seconds that it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}
