//! Threads that are started once and execute many blocks.
//!
//! Each has a stack for 1,024 nested native frames and keeps its EVM. Where it is asked for, each stays on a processor
//! of its own.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, JoinHandle},
};

use evmc_revm::{CodeSource, spawn_worker};
use revm::DatabaseRef;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::{engine::Options, lane::Lane, run::Run, yields::Yields};

/// How one worker's part in a block ended: well, or with the words of a panic.
type Done = Result<(), String>;

/// A thread with its queue.
struct Worker<D: DatabaseRef> {
    /// `None` when the thread is to end.
    jobs: Option<Sender<Arc<Run<D>>>>,
    thread: Option<JoinHandle<()>>,
}

/// Threads that execute blocks, and that read ahead for them.
pub(crate) struct Pool<D: DatabaseRef> {
    workers: Vec<Worker<D>>,
    readers: Vec<Worker<D>>,
    done: Receiver<Done>,
}

/// What a worker needs to know of itself.
struct Profile {
    number: usize,
    is_pinned: bool,
    yield_seed: Option<u64>,
    codes: Arc<dyn CodeSource>,
}

impl<D: DatabaseRef + Send + Sync + 'static> Pool<D> {
    /// Starts the threads that are asked for, and at least one to execute.
    pub(crate) fn start(options: &Options, codes: &Arc<dyn CodeSource>) -> io::Result<Self> {
        let &Options { threads, readers, pins: is_pinned, yield_seed, .. } = options;
        let (report, done) = channel();
        let start = |number| {
            let yield_seed = yield_seed.map(|seed| seed.wrapping_add(number as u64));
            let profile = Profile { number, is_pinned, yield_seed, codes: Arc::clone(codes) };
            let (jobs, queue) = channel();
            let report = report.clone();
            let thread = spawn_worker(&format!("block-{number}"), move || profile.live(&queue, &report))?;
            Ok(Worker { jobs: Some(jobs), thread: Some(thread) })
        };
        let workers = (0..threads.max(1)).map(start).collect::<io::Result<_>>()?;
        let read = |number| {
            let (jobs, queue) = channel();
            let report = report.clone();
            let thread = Builder::new().name(format!("reader-{number}"));
            let thread = thread.spawn(move || read_ahead(&queue, &report))?;
            Ok(Worker { jobs: Some(jobs), thread: Some(thread) })
        };
        let readers = (0..readers).map(read).collect::<io::Result<_>>()?;
        Ok(Self { workers, readers, done })
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Has so many of the workers, and all readers, take part in a block, and waits until they are through.
    pub(crate) fn run(&mut self, run: &Arc<Run<D>>, workers: usize) -> Done {
        let mut outcome = Ok(());
        let mut waiting = 0;
        for worker in self.workers.iter().take(workers).chain(&self.readers) {
            let sent = worker.jobs.as_ref().is_some_and(|jobs| jobs.send(Arc::clone(run)).is_ok());
            waiting += usize::from(sent);
            if !sent {
                outcome = Err("the worker has ended".to_owned());
            }
        }
        for _ in 0..waiting {
            match self.done.recv() {
                Ok(done) => outcome = outcome.and(done),
                Err(_) => return Err("all workers have ended".to_owned()),
            }
        }
        outcome
    }
}

impl<D: DatabaseRef> Drop for Pool<D> {
    fn drop(&mut self) {
        let mut all: Vec<_> = self.workers.iter_mut().chain(&mut self.readers).collect();
        all.iter_mut().for_each(|worker| worker.jobs = None);
        for worker in all {
            if let Some(thread) = worker.thread.take() {
                // What a worker has panicked with was reported.
                let _ = thread.join();
            }
        }
    }
}

impl Profile {
    /// A worker's life: blocks from the queue until it is closed.
    fn live<D: DatabaseRef>(self, queue: &Receiver<Arc<Run<D>>>, report: &Sender<Done>) {
        if self.is_pinned {
            pin(self.number);
        }
        let mut lane = None;
        while let Ok(run) = queue.recv() {
            let done = catch_unwind(AssertUnwindSafe(|| self.take_part(&run, &mut lane)));
            drop(run);
            if done.is_err() {
                // Whatever state it was in, it is not used again.
                lane = None;
            }
            if report.send(done.map_err(|panic| words(&*panic))).is_err() {
                return;
            }
        }
    }

    fn take_part<D: DatabaseRef>(&self, run: &Run<D>, lane: &mut Option<Lane<D>>) {
        if let Some(lane) = lane {
            lane.attach(&run.block, &run.base);
        }
        let new = || {
            let yields = Yields::new(self.yield_seed);
            Lane::new(&run.block, &run.base, Arc::clone(&self.codes), yields)
        };
        run.work(lane.get_or_insert_with(new));
    }
}

/// A reader's life: blocks from the queue until it is closed.
fn read_ahead<D: DatabaseRef>(queue: &Receiver<Arc<Run<D>>>, report: &Sender<Done>) {
    while let Ok(run) = queue.recv() {
        let done = catch_unwind(AssertUnwindSafe(|| run.read_ahead()));
        drop(run);
        if report.send(done.map_err(|panic| words(&*panic))).is_err() {
            return;
        }
    }
}

/// What a panic says.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// Keeps the calling thread on one of the processors that it may use. Where the system refuses, it stays free.
fn pin(number: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).collect();
    if usable.is_empty() {
        return;
    }
    let mut one = CpuSet::new();
    one.set(usable[number % usable.len()]);
    let _ = sched_setaffinity(None, &one);
}
