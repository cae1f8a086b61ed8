//! What a user may set.

use std::{ffi::OsString, path::PathBuf, time::Duration};

/// When to compile in the background, with what, and how much of the machine it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `evmc` binary.
    pub helper: PathBuf,
    /// Further arguments of its `build`, such as `--backend llvm` or `--cpu x86-64`.
    pub arguments: Vec<OsString>,
    /// The file with the secret key, where the store is signed (`evmc build --sign`).
    pub sign: Option<PathBuf>,
    /// What compiling is estimated to cost: gas for each byte of code. A code is compiled when it has burned
    /// more than that interpreted.
    ///
    /// Gas stands for time: the estimate is the time that compiling a byte takes, times the gas that the interpreter burns in
    /// that time. See [`Self::GAS_PER_BYTE`] for how the default comes about. Less compiles sooner and more.
    pub gas_per_byte: u64,
    /// Codes that are counted at most, and that are remembered to have failed. Beyond that those that burned
    /// least are forgotten, see [`BackgroundCompiler`](crate::BackgroundCompiler).
    pub max_counted: usize,
    /// Codes that wait to be compiled at most. While so many wait, others go on being counted.
    pub max_queued: usize,
    /// Limits of one run of the helper.
    pub limits: Limits,
}

impl Options {
    /// Default of [`Self::gas_per_byte`]: Cranelift takes 7.5 µs for a byte of the contracts that mainnet blocks call (150 of
    /// them, one core), and revm's interpreter burns about 1,000 gas in a microsecond in such blocks.
    pub const GAS_PER_BYTE: u64 = 7_500;

    /// Default of [`Self::max_counted`].
    pub const MAX_COUNTED: usize = 4_096;

    /// Default of [`Self::max_queued`].
    pub const MAX_QUEUED: usize = 64;

    /// The defaults, with this `evmc` binary.
    pub fn new(helper: impl Into<PathBuf>) -> Self {
        Self {
            helper: helper.into(),
            arguments: Vec::new(),
            sign: None,
            gas_per_byte: Self::GAS_PER_BYTE,
            max_counted: Self::MAX_COUNTED,
            max_queued: Self::MAX_QUEUED,
            limits: Limits::default(),
        }
    }
}

/// What one run of the helper may take. Where the node itself has stricter limits, those hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space, in bytes (`RLIMIT_AS`).
    pub memory_bytes: u64,
    /// Processor time, in seconds (`RLIMIT_CPU`).
    pub cpu_seconds: u64,
    /// Time by the clock, after which it is killed.
    pub wall_time: Duration,
}

impl Default for Limits {
    /// 2 GiB, 30 seconds of processor time, two minutes by the clock.
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, cpu_seconds: 30, wall_time: Duration::from_secs(120) }
    }
}
