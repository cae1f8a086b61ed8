//! Counting results, and telling them to people and programs.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use super::verdict::Failure;
use crate::engine::Counters;

/// Failures that are kept with their message; the rest is only counted.
const MAX_LISTED_FAILURES: usize = 10_000;

/// Failures that the summary for people lists.
const MAX_PRINTED_FAILURES: usize = 50;

/// What happened to one subtest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected.
    Failed(Failure),
    /// Not run, for this reason.
    Skipped(&'static str),
}

/// Results of a fork.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ForkTally {
    /// Subtests that passed.
    pub passed: u64,
    /// Subtests that failed.
    pub failed: u64,
    /// Subtests that were not run.
    pub skipped: u64,
}

/// A failure with the subtest that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FailedTest {
    /// File, test, fork and indexes.
    pub test: String,
    /// What went wrong.
    pub reason: String,
}

/// Results of a worker, or of all of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Files with tests.
    pub files: u64,
    /// JSON files that hold no state tests.
    pub files_ignored: u64,
    /// Per fork, by the name that the fixtures use.
    pub forks: BTreeMap<String, ForkTally>,
    /// Skipped subtests by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Failures, at most [`MAX_LISTED_FAILURES`].
    pub failures: Vec<FailedTest>,
}

impl Tally {
    /// Counts one subtest of a fork; `test` names it.
    pub fn count(&mut self, fork: &str, test: impl FnOnce() -> String, verdict: &Verdict) {
        if !self.forks.contains_key(fork) {
            self.forks.insert(fork.to_owned(), ForkTally::default());
        }
        let Some(tally) = self.forks.get_mut(fork) else { return };
        match verdict {
            Verdict::Passed => tally.passed += 1,
            Verdict::Skipped(reason) => {
                tally.skipped += 1;
                *self.skipped.entry(reason).or_default() += 1;
            }
            Verdict::Failed(failure) => {
                tally.failed += 1;
                let failed = FailedTest { test: test(), reason: failure.to_string() };
                self.list(failed);
            }
        }
    }

    /// Keeps a failure's message while there is room.
    fn list(&mut self, failed: FailedTest) {
        if self.failures.len() < MAX_LISTED_FAILURES {
            self.failures.push(failed);
        }
    }

    /// Adds another worker's results.
    pub fn merge(&mut self, other: Self) {
        self.files += other.files;
        self.files_ignored += other.files_ignored;
        for (fork, theirs) in other.forks {
            let ours = self.forks.entry(fork).or_default();
            ours.passed += theirs.passed;
            ours.failed += theirs.failed;
            ours.skipped += theirs.skipped;
        }
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
        other.failures.into_iter().for_each(|failed| self.list(failed));
    }

    /// Results of all forks together.
    pub fn total(&self) -> ForkTally {
        self.forks.values().fold(ForkTally::default(), |sum, fork| ForkTally {
            passed: sum.passed + fork.passed,
            failed: sum.failed + fork.failed,
            skipped: sum.skipped + fork.skipped,
        })
    }
}

/// Frames by the way in which they ran.
#[derive(Clone, Debug, Serialize)]
pub struct Frames {
    /// As native code.
    pub native: u64,
    /// Interpreted.
    pub interpreted: u64,
    /// Interpreted, by reason.
    pub interpreted_by_reason: BTreeMap<String, u64>,
}

/// Codes by what the compiler made of them.
#[derive(Clone, Debug, Serialize)]
pub struct Codes {
    /// Compiled.
    pub compiled: u64,
    /// Refused.
    pub refused: u64,
    /// Refused, by reason.
    pub refused_by_reason: BTreeMap<String, u64>,
}

/// The summary of a run; its JSON form is what `--summary` writes.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the engine.
    pub engine: &'static str,
    /// Files with tests.
    pub files: u64,
    /// JSON files that hold no state tests.
    pub files_ignored: u64,
    /// Subtests that passed.
    pub passed: u64,
    /// Subtests that failed.
    pub failed: u64,
    /// Subtests that were not run.
    pub skipped: u64,
    /// Skipped subtests by reason.
    pub skipped_by_reason: BTreeMap<&'static str, u64>,
    /// Results per fork.
    pub forks: BTreeMap<String, ForkTally>,
    /// Frames of the engine; those of the comparison do not count.
    pub frames: Frames,
    /// Codes of the engine.
    pub codes: Codes,
    /// CPU time of compilation, in seconds.
    pub compile_cpu_s: f64,
    /// Duration of the run, in seconds.
    pub wall_s: f64,
    /// The failures, in the order of their names.
    pub failures: Vec<FailedTest>,
}

impl Summary {
    /// Puts the workers' results and the engine's counters together.
    pub fn new(engine: &'static str, mut tally: Tally, counters: Counters, wall_s: f64) -> Self {
        let total = tally.total();
        tally.failures.sort();
        Self {
            engine,
            files: tally.files,
            files_ignored: tally.files_ignored,
            passed: total.passed,
            failed: total.failed,
            skipped: total.skipped,
            skipped_by_reason: tally.skipped,
            forks: tally.forks,
            frames: Frames {
                native: counters.frames_native,
                interpreted: counters.frames_interpreted.values().sum(),
                interpreted_by_reason: counters.frames_interpreted,
            },
            codes: Codes {
                compiled: counters.codes_compiled,
                refused: counters.codes_refused.values().sum(),
                refused_by_reason: counters.codes_refused,
            },
            compile_cpu_s: counters.compile_cpu_s,
            wall_s,
            failures: tally.failures,
        }
    }

    /// The summary as text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text).unwrap_or_default();
        text
    }

    /// Writes the summary for people.
    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        for failed in self.failures.iter().take(MAX_PRINTED_FAILURES) {
            writeln!(out, "FAILED {}\n       {}", failed.test, failed.reason)?;
        }
        if self.failures.len() > MAX_PRINTED_FAILURES {
            let more = self.failures.len() - MAX_PRINTED_FAILURES;
            writeln!(out, "... and {more} more failures; --summary FILE lists them")?;
        }
        writeln!(
            out,
            "{} passed, {} failed, {} skipped in {} files ({:.1} s, engine {})",
            self.passed, self.failed, self.skipped, self.files, self.wall_s, self.engine
        )?;
        write_reasons(out, "skipped", &self.skipped_by_reason)?;
        let (native, interpreted) = (self.frames.native, self.frames.interpreted);
        writeln!(out, "frames: {native} native, {interpreted} interpreted")?;
        write_reasons(out, "interpreted", &self.frames.interpreted_by_reason)?;
        if self.codes.compiled + self.codes.refused > 0 {
            writeln!(
                out,
                "codes: {} compiled, {} refused ({:.1} s of CPU time for compilation)",
                self.codes.compiled, self.codes.refused, self.compile_cpu_s
            )?;
        }
        write_reasons(out, "refused", &self.codes.refused_by_reason)
    }
}

/// Writes counts by reason, one a line.
fn write_reasons<K: AsRef<str>>(
    out: &mut String,
    what: &str,
    reasons: &BTreeMap<K, u64>,
) -> std::fmt::Result {
    reasons.iter().try_for_each(|(reason, count)| writeln!(out, "  {count} {what}: {}", reason.as_ref()))
}
