//! Running the scripts of the WebAssembly specification's tests.
//!
//! A script (`.wast`) makes modules, calls their functions and says what must come of it. Each script has a
//! store of its own, so scripts are spread over threads; what is told does not depend on their number.
//!
//! What does not belong to the supported profile is skipped by module, never by file: [`profile`] tells how.

mod expect;
mod judge;
mod profile;
mod script;
mod source;
mod spectest;
mod summary;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

pub use source::Source;
pub use summary::{Remark, Summary};

use crate::{error::CliError, output, wasm::Engine};
use summary::{Tally, Verdict};

/// Gas that a call may use where nothing else is said: enough to ask for 2^32 pages of memory, which scripts do, and
/// little enough that every call ends.
pub const GAS: u64 = 100_000_000_000_000;

/// Native stack of a thread that runs scripts, in bytes.
const STACK_BYTES: usize = 64 << 20;

/// Runs all scripts under `paths` on `jobs` threads. Each call may use so much gas.
///
/// # Errors
/// A path does not exist, or there are no threads. A file that cannot be read is a failure of that file.
pub fn run(paths: &[PathBuf], engine: &Engine, gas: u64, jobs: usize) -> Result<Summary, CliError> {
    let files = source::files(paths)?;
    let one = |path: &PathBuf| match source::read(path) {
        Ok(source) => run_one(&source, engine, gas),
        Err(error) => unreadable(path, error.to_string()),
    };
    run_each(&files, one, engine, jobs)
}

/// Runs scripts that are in memory.
///
/// # Errors
/// There are no threads.
pub fn run_sources(sources: &[Source], engine: &Engine, gas: u64, jobs: usize) -> Result<Summary, CliError> {
    run_each(sources, |source| run_one(source, engine, gas), engine, jobs)
}

/// Does `one` to each item, on `jobs` threads.
fn run_each<T: Sync>(
    items: &[T],
    one: impl Fn(&T) -> Tally + Sync,
    engine: &Engine,
    jobs: usize,
) -> Result<Summary, CliError> {
    let start = Instant::now();
    let bar = output::progress(Some(items.len() as u64), items.len() < 2);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut tally = Tally::default();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            tally.merge(one(item));
            bar.inc(1);
        }
        tally
    };
    let tally = thread::scope(|scope| {
        let mut workers = Vec::new();
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
            workers.push(thread.map_err(no_thread)?);
        }
        let mut total = Tally::default();
        for worker in workers {
            total.merge(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        Ok::<_, CliError>(total)
    })?;
    bar.finish_and_clear();
    Ok(Summary::new(engine.name(), items.len(), tally, start.elapsed().as_secs_f64()))
}

/// The system has no thread for us.
fn no_thread(source: io::Error) -> CliError {
    CliError::System { action: "start a worker thread", source }
}

/// Runs a script. A panic of the engine is a failure of the script.
fn run_one(source: &Source, engine: &Engine, gas: u64) -> Tally {
    catch_unwind(AssertUnwindSafe(|| script::run(&source.name, &source.text, engine, gas)))
        .unwrap_or_else(|_| unreadable(Path::new(&source.name), "the engine panicked".to_owned()))
}

/// One failure that stands for a whole file.
fn unreadable(path: &Path, reason: String) -> Tally {
    let mut tally = Tally::default();
    tally.count(&path.display().to_string(), 1, Verdict::Failed(reason));
    tally
}
