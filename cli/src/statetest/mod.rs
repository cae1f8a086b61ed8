//! Running Ethereum state tests.
//!
//! Each subtest is one transaction on a small world. It passes if the state root and the hash of the logs
//! are the expected ones, or if the transaction is rejected where that is expected. With an engine other
//! than the interpreter, every subtest is run on the interpreter as well and the two outcomes are compared
//! field by field: a state root hides differences in gas refunds, halt reasons and output that matter to
//! a receipt or a caller.
//!
//! Files are spread over worker threads. The order of results does not depend on the number of workers,
//! and standard error carries nothing but JSON lines where a fuzzer reads it.

mod case;
mod fixture;
mod lane;
mod outcome;
mod sample;
mod skip;
pub(crate) mod source;
mod summary;
mod verdict;

use std::{
    io::{self, BufRead},
    ops::ControlFlow,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use indicatif::ProgressBar;
use regex::Regex;

pub use sample::Sample;
pub use summary::{FailedTest, ForkTally, Summary};

use crate::{
    engine::{Engine, InterpreterEngine},
    error::CliError,
    fork::Fork,
    output::progress,
};
use lane::Lane;
use source::{Fixture, each_fixture};
use summary::Tally;

/// Fixtures that wait for a worker, at most.
const QUEUE_LENGTH: usize = 16;

/// What to run and how to look at it.
#[derive(Debug)]
pub struct Options {
    /// Only these forks; all if empty.
    pub forks: Vec<Fork>,
    /// Only subtests whose name matches.
    pub filter: Option<Regex>,
    /// Only this part of the subtests.
    pub sample: Option<Sample>,
    /// Also what takes minutes in an interpreter.
    pub slow: bool,
    /// Compare each outcome with the interpreter's.
    pub compare: bool,
    /// Write an EIP-3155 trace to standard error.
    pub trace: bool,
    /// Write an outcome line to standard error.
    pub outcome_lines: bool,
    /// Worker threads.
    pub jobs: usize,
}

impl Options {
    /// Whether subtests of `fork` are to run.
    fn wants(&self, fork: Fork) -> bool {
        self.forks.is_empty() || self.forks.contains(&fork)
    }

    /// Whether the subtest with this name is to run.
    fn wants_test(&self, id: impl FnOnce() -> String) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.is_match(&id()))
    }

    /// Whether subtest `number` of a test under a fork is to run.
    fn samples(&self, file: &str, test: &str, fork: &str, number: usize) -> bool {
        self.sample.is_none_or(|sample| sample.takes(&format!("{file}::{test} [{fork}]"), number))
    }

    /// Worker threads: one where the order of lines on standard error matters.
    fn workers(&self) -> usize {
        if self.trace || self.outcome_lines { 1 } else { self.jobs.max(1) }
    }
}

/// Runs the tests under `paths`; without any, runs the files named on standard input, one a line, and
/// answers each before it reads on.
pub fn run(paths: &[PathBuf], engine: &dyn Engine, options: &Options) -> Result<Summary, CliError> {
    let start = Instant::now();
    let reference = InterpreterEngine::default();
    let tally = if paths.is_empty() {
        on_worker_stack(engine, || run_batch(engine, &reference, options))?
    } else {
        check_paths(paths)?;
        run_parallel(paths, engine, &reference, options)?
    };
    Ok(Summary::new(engine.name(), tally, engine.counters(), start.elapsed().as_secs_f64()))
}

/// Fails on a path that does not exist before any test has run.
fn check_paths(paths: &[PathBuf]) -> Result<(), CliError> {
    paths.iter().try_for_each(|path| match path.metadata() {
        Ok(_) => Ok(()),
        Err(source) => Err(CliError::Read { path: path.clone(), source }),
    })
}

/// Runs the files that standard input names, one after the other. A file that cannot be read does not
/// end the batch.
fn run_batch(engine: &dyn Engine, reference: &dyn Engine, options: &Options) -> Tally {
    let mut lane = Lane::new(options, engine, reference);
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let path = line.trim();
        if !path.is_empty() {
            lane.run_file(Fixture::named(Path::new(path)));
        }
    }
    lane.into_tally()
}

/// Spreads the fixtures under `paths` over worker threads.
fn run_parallel(
    paths: &[PathBuf],
    engine: &dyn Engine,
    reference: &dyn Engine,
    options: &Options,
) -> Result<Tally, CliError> {
    let bar = progress(None, options.trace || options.outcome_lines);
    let (sender, receiver) = sync_channel(QUEUE_LENGTH);
    let queue = Arc::new(Mutex::new(receiver));
    let tally = thread::scope(|scope| {
        let mut workers = Vec::new();
        for number in 0..options.workers() {
            let (queue, bar) = (Arc::clone(&queue), &bar);
            let work =
                move || on_worker_stack(engine, || drain(&queue, Lane::new(options, engine, reference), bar));
            workers.push(
                thread::Builder::new()
                    .name(format!("worker-{number}"))
                    .spawn_scoped(scope, work)
                    .map_err(no_thread)?,
            );
        }
        // From here on the queue lives as long as there are workers to take from it.
        drop(queue);
        let fed = feed(paths, &sender);
        drop(sender);
        let mut total = Tally::default();
        for worker in workers {
            total.merge(worker.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        fed.map(|()| total)
    })?;
    bar.finish_and_clear();
    Ok(tally)
}

/// Runs `work` on the stack that the engine needs.
fn on_worker_stack(engine: &dyn Engine, work: impl FnOnce() -> Tally + Send) -> Result<Tally, CliError> {
    let mut tally = Tally::default();
    engine.on_worker_stack(Box::new(|| tally = work())).map_err(no_thread)?;
    Ok(tally)
}

/// The system has no thread for us.
fn no_thread(source: io::Error) -> CliError {
    CliError::System { action: "start a worker thread", source }
}

/// Puts fixtures into the queue until there are no more, or no worker is left to take them.
fn feed(paths: &[PathBuf], queue: &SyncSender<Fixture>) -> Result<(), CliError> {
    each_fixture(paths, &mut |fixture| match queue.send(fixture) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })
}

/// A worker's life: fixtures from the queue until it is closed.
fn drain(queue: &Mutex<Receiver<Fixture>>, mut lane: Lane<'_>, bar: &ProgressBar) -> Tally {
    while let Some(fixture) = next(queue) {
        lane.run_file(fixture);
        bar.inc(1);
    }
    lane.into_tally()
}

/// The next fixture, `None` at the end.
fn next(queue: &Mutex<Receiver<Fixture>>) -> Option<Fixture> {
    queue.lock().ok()?.recv().ok()
}
