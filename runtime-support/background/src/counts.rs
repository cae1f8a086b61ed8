//! What became of the codes that were worth compiling.
//!
//! | metric | label | is |
//! |---|---|---|
//! | [`QUEUED`] | | codes that were put in the queue |
//! | [`COMPILED`] | | codes that were compiled and are used |
//! | [`FAILED`] | `reason` = [`Failure::name`] | codes that were not compiled |
//! | [`QUEUE_LENGTH`] | | codes that wait (a gauge) |

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    sync::{Mutex, PoisonError},
};

use metrics::{counter, gauge};
use rustix::process::Signal;

/// Name of the metric that counts codes that were put in the queue.
pub const QUEUED: &str = "evmc_background_queued_total";

/// Name of the metric that counts codes that were compiled.
pub const COMPILED: &str = "evmc_background_compiled_total";

/// Name of the metric that counts codes that were not compiled, by reason.
pub const FAILED: &str = "evmc_background_failed_total";

/// Name of the metric that tells how many codes wait.
pub const QUEUE_LENGTH: &str = "evmc_background_queue_length";

/// Why a code was not compiled. It is not tried again before the next start of the node, or until it
/// is forgotten ([`BackgroundCompiler`](crate::BackgroundCompiler)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The helper could not be started, or not be limited.
    Start,
    /// The compiler refuses the code.
    Refused,
    /// The helper failed for another reason: an argument, the store, memory.
    Error,
    /// The helper was ended by `SIGABRT`, as processes end themselves that get no more memory.
    Aborted,
    /// The helper used up its processor time.
    CpuTime,
    /// The helper took too long by the clock.
    WallTime,
    /// The helper was ended by another signal.
    Killed,
    /// The helper was content, but the store has nothing now that this node can use: another version, or another processor.
    Unusable,
}

impl Failure {
    /// A name for counting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Refused => "refused",
            Self::Error => "error",
            Self::Aborted => "aborted",
            Self::CpuTime => "cpu-time",
            Self::WallTime => "wall-time",
            Self::Killed => "killed",
            Self::Unusable => "unusable",
        }
    }

    /// The failure that an exit status of the helper tells, if any.
    pub(crate) fn of(status: ExitStatus) -> Option<Self> {
        match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(1), _) => Some(Self::Refused),
            (_, Some(signal)) if signal == Signal::XCPU.as_raw() => Some(Self::CpuTime),
            (_, Some(signal)) if signal == Signal::ABORT.as_raw() => Some(Self::Aborted),
            (_, Some(_)) => Some(Self::Killed),
            _ => Some(Self::Error),
        }
    }
}

/// What became of the codes that were worth compiling, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Codes that were put in the queue.
    pub queued: u64,
    /// Codes that were compiled and are used.
    pub compiled: u64,
    /// Codes that were not compiled.
    pub failed: BTreeMap<Failure, u64>,
}

/// [`Counts`] that threads share, and the metrics.
#[derive(Default)]
pub(crate) struct Meter(Mutex<Counts>);

impl Meter {
    pub(crate) fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    /// A code has been put in the queue, which has `length` now.
    pub(crate) fn queued(&self, length: usize) {
        self.with(|counts| counts.queued += 1);
        counter!(QUEUED).increment(1);
        Self::queue_is(length);
    }

    /// The queue has `length` now.
    pub(crate) fn queue_is(length: usize) {
        gauge!(QUEUE_LENGTH).set(length as f64);
    }

    pub(crate) fn compiled(&self) {
        self.with(|counts| counts.compiled += 1);
        counter!(COMPILED).increment(1);
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.with(|counts| *counts.failed.entry(failure).or_default() += 1);
        counter!(FAILED, "reason" => failure.name()).increment(1);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
