//! How frames were run, counted for each EVM and as metrics of the process.
//!
//! An EVM counts in fields of its own. What has been counted goes to the recorder of the `metrics` crate
//! when the next transaction begins, when the counts are taken, and when the EVM is dropped: never per frame.
//! The recorder is the one that is installed when the EVM is made; without one there is nothing but a few
//! comparisons per transaction.
//!
//! | metric | label | counts |
//! |---|---|---|
//! | [`FRAMES`] | `run` = `native`, `without-code`, `without-stack`, `after-fault` | frames, by [`FrameCounts`]' fields |
//! | [`FRAME_GAS`] | | [`FrameCounts::frame_gas`] |
//! | [`NATIVE_GAS`] | | [`FrameCounts::native_gas`] |
//! | [`FAULTS`] | | [`FrameCounts::faults`] |
//! | [`INSPECTED`] | | transactions that were interpreted for an inspector |
//!
//! Loaded and refused artifacts are the source's to count ([`crate::store::LOADED`], [`crate::store::REFUSED`]).

use std::ops::AddAssign;

use metrics::{Counter, counter};

use crate::fault::FaultCounts;

/// Name of the metric that counts frames.
pub const FRAMES: &str = "evmc_frames_total";

/// Name of the metric that counts gas that frames have used.
pub const FRAME_GAS: &str = "evmc_frame_gas_total";

/// Name of the metric that counts gas that native frames have used.
pub const NATIVE_GAS: &str = "evmc_native_gas_total";

/// Name of the metric that counts failures of native code.
pub const FAULTS: &str = "evmc_faults_total";

/// Name of the metric that counts inspected transactions.
pub const INSPECTED: &str = "evmc_inspected_transactions_total";

/// How frames were run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames run with code from the source.
    pub native: u64,
    /// Frames interpreted because the source had no code.
    pub without_code: u64,
    /// Frames interpreted because the native stack was too short for their code.
    pub without_stack: u64,
    /// Frames interpreted because native code of their transaction had failed.
    pub after_fault: u64,
    /// Failures of native code, by kind.
    pub faults: FaultCounts,
    /// Gas that all frames have used, with the precompiles that they called, before refunds: what transactions have
    /// used less what they pay before their first frame.
    pub frame_gas: u64,
    /// Gas that native frames have used by themselves: without the interpreted frames and precompiles that they
    /// called, before refunds. Of a transaction that the database ends with an error nothing is counted.
    pub native_gas: u64,
    /// Transactions that were interpreted for an inspector; their frames are not counted.
    pub inspected: u64,
}

impl FrameCounts {
    /// Frames interpreted, for whatever reason.
    pub const fn interpreted(&self) -> u64 {
        self.without_code + self.without_stack + self.after_fault
    }

    /// What was counted since the counts were `earlier`.
    fn since(&self, earlier: &Self) -> Self {
        Self {
            native: self.native - earlier.native,
            without_code: self.without_code - earlier.without_code,
            without_stack: self.without_stack - earlier.without_stack,
            after_fault: self.after_fault - earlier.after_fault,
            faults: self.faults.since(&earlier.faults),
            frame_gas: self.frame_gas - earlier.frame_gas,
            native_gas: self.native_gas - earlier.native_gas,
            inspected: self.inspected - earlier.inspected,
        }
    }
}

impl AddAssign for FrameCounts {
    fn add_assign(&mut self, more: Self) {
        self.native += more.native;
        self.without_code += more.without_code;
        self.without_stack += more.without_stack;
        self.after_fault += more.after_fault;
        self.faults += more.faults;
        self.frame_gas += more.frame_gas;
        self.native_gas += more.native_gas;
        self.inspected += more.inspected;
    }
}

/// The metrics, as the recorder knows them.
struct Counters {
    native: Counter,
    without_code: Counter,
    without_stack: Counter,
    after_fault: Counter,
    faults: Counter,
    frame_gas: Counter,
    native_gas: Counter,
    inspected: Counter,
}

impl Counters {
    fn register() -> Self {
        Self {
            native: counter!(FRAMES, "run" => "native"),
            without_code: counter!(FRAMES, "run" => "without-code"),
            without_stack: counter!(FRAMES, "run" => "without-stack"),
            after_fault: counter!(FRAMES, "run" => "after-fault"),
            faults: counter!(FAULTS),
            frame_gas: counter!(FRAME_GAS),
            native_gas: counter!(NATIVE_GAS),
            inspected: counter!(INSPECTED),
        }
    }
}

/// Counts of an EVM, and what of them has been reported.
pub(crate) struct Meter {
    /// The counts since the EVM was made or they were taken.
    pub(crate) counts: FrameCounts,
    /// Gas that interpreted frames and precompiles have used which the running native frame, or one that it
    /// called natively, has called.
    pub(crate) others_gas: u64,
    reported: FrameCounts,
    counters: Counters,
}

impl Meter {
    /// No frames.
    pub(crate) fn new() -> Self {
        Self {
            counts: FrameCounts::default(),
            others_gas: 0,
            reported: FrameCounts::default(),
            counters: Counters::register(),
        }
    }

    /// Counts the gas of a native frame that has taken `taken` with all that it called; before it, others had
    /// used `outside`.
    pub(crate) const fn add_gas(&mut self, taken: u64, outside: u64) {
        self.counts.native_gas += taken.saturating_sub(self.others_gas);
        self.others_gas = outside;
    }

    /// Takes back what gas was counted in this transaction.
    pub(crate) const fn forget_gas(&mut self) {
        self.counts.native_gas = self.reported.native_gas;
    }

    /// The counts, which begin anew.
    pub(crate) fn take(&mut self) -> FrameCounts {
        self.report();
        self.reported = FrameCounts::default();
        std::mem::take(&mut self.counts)
    }

    /// Hands on what is not reported yet; to be called between transactions.
    pub(crate) fn report(&mut self) {
        self.others_gas = 0;
        if self.counts == self.reported {
            return;
        }
        let new = self.counts.since(&self.reported);
        self.reported = self.counts;
        self.counters.native.increment(new.native);
        self.counters.without_code.increment(new.without_code);
        self.counters.without_stack.increment(new.without_stack);
        self.counters.after_fault.increment(new.after_fault);
        self.counters.faults.increment(new.faults.total());
        self.counters.frame_gas.increment(new.frame_gas);
        self.counters.native_gas.increment(new.native_gas);
        self.counters.inspected.increment(new.inspected);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.report();
    }
}
