//! The thread that has codes compiled, and what tells it which.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use evmc_abi::fork;
use evmc_revm::{CodeSource, StoreCodes};
use revm::{
    bytecode::Bytecode,
    primitives::{B256, hardfork::SpecId, hex},
};

use crate::{
    candidates::{Candidates, Key},
    counts::{Counts, Failure, Meter},
    helper::{self, End},
    options::Options,
    queue::Queue,
    source::Watched,
};

/// Compiles in the background what a store lacks and what burns much gas, for as long as this value lives.
///
/// A code is worth compiling when the gas that it burned interpreted, in all EVMs together, exceeds its length times
/// [`Options::gas_per_byte`]. What it burns is its own: without what it called, before refunds, all of the rest where a frame runs out
/// of gas. Codes that create contracts are not counted, unless the store serves them.
///
/// At most [`Options::max_counted`] codes are counted, in 16 parts by hash; a part that is full forgets the one that has
/// burned least for a new one. A code that fails to be compiled is not tried again until the node starts again, or until as many
/// others of its part have failed as half of that part has room for. Where [`Options::max_queued`] wait, further ones stay
/// counted, and are asked for again when they run next.
///
/// When dropped, the thread ends, and a helper that is at work is killed and reaped before that. EVMs over the source
/// go on with what the store has.
pub struct BackgroundCompiler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl BackgroundCompiler {
    /// Starts the thread over the store that `codes` has open, to which the helper is going to write. Nothing else is started until
    /// a code is worth it.
    ///
    /// # Errors
    /// There is no such helper, or the system refuses the thread.
    pub fn start(codes: Arc<StoreCodes>, options: Options) -> io::Result<Self> {
        let absolute = |path: &Path| {
            fs::canonicalize(path)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        };
        let folder = absolute(codes.store().folder())?;
        let helper = absolute(&options.helper)?;
        let sign = options.sign.as_deref().map(absolute).transpose()?;
        let options = Options { helper, sign, ..options };
        let candidates = Candidates::new(options.max_counted);
        let queue = Queue::new(options.max_queued);
        let shared = Arc::new(Shared { codes, folder, candidates, queue, meter: Meter::default(), options });
        let worker = Arc::clone(&shared);
        let thread =
            thread::Builder::new().name("evmc-background".to_owned()).spawn(move || worker.work())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The store as a source of code for EVMs, in the place of the [`StoreCodes`]; these have their interpreted gas counted.
    pub fn source(&self) -> Arc<dyn CodeSource> {
        Arc::new(Watched(Arc::clone(&self.shared)))
    }

    /// What was compiled so far, and what was not.
    pub fn counts(&self) -> Counts {
        self.shared.meter.counts()
    }

    /// Waits until nothing waits or is being compiled; `false` if that takes longer than `time`.
    pub fn wait_idle(&self, time: Duration) -> bool {
        self.shared.queue.wait_idle(time)
    }
}

impl Drop for BackgroundCompiler {
    fn drop(&mut self) {
        self.shared.queue.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by then, and takes nothing with it.
            let _ = thread.join();
        }
        Meter::queue_is(0);
    }
}

/// A code that waits.
struct Job {
    key: Key,
    spec: SpecId,
    code: Bytecode,
}

/// What the thread, the EVMs and the owner share.
pub(crate) struct Shared {
    pub(crate) codes: Arc<StoreCodes>,
    /// The store, as an absolute path.
    folder: PathBuf,
    candidates: Candidates,
    queue: Queue<Job>,
    meter: Meter,
    options: Options,
}

impl Shared {
    /// Counts gas that a code has burned, and puts it in the queue if it is worth it.
    pub(crate) fn interpreted(&self, code_hash: B256, code: &Bytecode, spec: SpecId, gas: u64) {
        let Some(rules) = fork::rules(spec as u16) else { return };
        let key = (code_hash, rules.class);
        let cost = (code.len() as u64).saturating_mul(self.options.gas_per_byte);
        if !self.candidates.burn(key, gas, cost) {
            return;
        }
        if !self.codes.lacks(&code_hash, spec) {
            return self.candidates.forget(&key);
        }
        match self.queue.push(Job { key, spec, code: code.clone() }) {
            Some(length) => self.meter.queued(length),
            None => self.candidates.put_back(&key),
        }
    }

    /// Has codes compiled, one after the other, until the queue is stopped.
    fn work(&self) {
        while let Some((job, length)) = self.queue.next() {
            Meter::queue_is(length);
            match self.compile(&job) {
                _ if self.queue.is_stopped() => {}
                Ok(()) => {
                    self.candidates.forget(&job.key);
                    self.meter.compiled();
                }
                Err(failure) => {
                    self.candidates.fail(job.key);
                    self.meter.failed(failure);
                }
            }
        }
    }

    /// Has a code compiled, and looks at what came of it.
    fn compile(&self, job: &Job) -> Result<(), Failure> {
        let code_hash = &job.key.0;
        if !self.codes.lacks(code_hash, job.spec) {
            return Ok(());
        }
        let input = hex::encode_prefixed(job.code.original_byte_slice());
        let pause = |time| self.queue.pause(time);
        match helper::run(&mut self.command(job.spec), input.as_bytes(), &self.options.limits, pause) {
            Err(_) => return Err(Failure::Start),
            Ok(End::TooLong) => return Err(Failure::WallTime),
            Ok(End::Stopped) => return Ok(()),
            Ok(End::Ended(status)) => Failure::of(status).map_or(Ok(()), Err)?,
        }
        // A store that cannot be opened again stays in use as it was, so it still lacks the code.
        let _ = self.codes.refresh();
        if self.codes.lacks(code_hash, job.spec) { Err(Failure::Unusable) } else { Ok(()) }
    }

    /// The helper's command line. Nothing in it comes from the code.
    fn command(&self, spec: SpecId) -> Command {
        let mut command = Command::new(&self.options.helper);
        command.args(["build", "-", "--jobs", "1", "--end-with-parent", "--evm-version", spec.into()]);
        command.arg("--store").arg(&self.folder);
        if let Some(key) = &self.options.sign {
            command.arg("--sign").arg(key);
        }
        command.args(&self.options.arguments);
        command
    }
}
