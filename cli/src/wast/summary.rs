//! Counting what became of assertions, and telling it to people and programs.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

/// What became of an assertion, or of a module that must be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Passed,
    /// As expected, but with another message than the script gives.
    PassedDifferently(String),
    /// Not as expected.
    Failed(String),
    /// A module that is not part of what is supported, for this reason.
    Skipped(String),
    /// Something that needs a module that was skipped.
    Dependent,
}

/// A place in a script and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What there is to say.
    pub reason: String,
}

impl Remark {
    /// As compilers write it.
    fn to_line(&self, kind: &str) -> String {
        format!("{}:{}: {kind}: {}\n", self.file, self.line, self.reason)
    }
}

/// Results of a file, or of several.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    passed: u64,
    dependent: u64,
    failures: Vec<Remark>,
    skips: Vec<Remark>,
    notes: Vec<Remark>,
}

impl Tally {
    /// Counts one verdict.
    pub fn count(&mut self, file: &str, line: usize, verdict: Verdict) {
        let remark = |reason| Remark { file: file.to_owned(), line, reason };
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::PassedDifferently(reason) => {
                self.passed += 1;
                self.notes.push(remark(reason));
            }
            Verdict::Failed(reason) => self.failures.push(remark(reason)),
            Verdict::Skipped(reason) => self.skips.push(remark(reason)),
            Verdict::Dependent => self.dependent += 1,
        }
    }

    /// Adds other results.
    pub fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.dependent += other.dependent;
        self.failures.extend(other.failures);
        self.skips.extend(other.skips);
        self.notes.extend(other.notes);
    }
}

/// The summary of a run, as `--json` gives it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the engine.
    pub engine: String,
    /// Scripts.
    pub files: usize,
    /// What passed.
    pub passed: u64,
    /// What failed.
    pub failed: u64,
    /// What was not run.
    pub skipped: u64,
    /// What was not run, by reason.
    pub skipped_by_reason: BTreeMap<String, u64>,
    /// Duration of the run, in seconds.
    pub wall_s: f64,
    /// The failures.
    pub failures: Vec<Remark>,
    /// The modules that were skipped.
    pub skips: Vec<Remark>,
    /// Refusals with other messages than the scripts give.
    pub notes: Vec<Remark>,
}

/// Why something was skipped that is not to blame itself.
const DEPENDENT: &str = "needs a module that was skipped";

impl Summary {
    /// Puts results together; remarks are in the order of files and lines.
    pub fn new(engine: String, files: usize, mut tally: Tally, wall_s: f64) -> Self {
        tally.failures.sort();
        tally.skips.sort();
        tally.notes.sort();
        let mut reasons = BTreeMap::new();
        for skip in &tally.skips {
            *reasons.entry(skip.reason.clone()).or_default() += 1;
        }
        if tally.dependent > 0 {
            reasons.insert(DEPENDENT.to_owned(), tally.dependent);
        }
        Self {
            engine,
            files,
            passed: tally.passed,
            failed: tally.failures.len() as u64,
            skipped: tally.skips.len() as u64 + tally.dependent,
            skipped_by_reason: reasons,
            wall_s,
            failures: tally.failures,
            skips: tally.skips,
            notes: tally.notes,
        }
    }

    /// The summary for people: failures and skips with their places, reasons, and the sum as the last line.
    /// `verbose` adds what passed with another message.
    pub fn to_text(&self, verbose: bool) -> String {
        let mut text: String = self.failures.iter().map(|failure| failure.to_line("failed")).collect();
        text.extend(self.skips.iter().map(|skip| skip.to_line("skipped")));
        if verbose {
            text.extend(self.notes.iter().map(|note| note.to_line("note")));
        }
        for (reason, count) in &self.skipped_by_reason {
            writeln!(text, "  {count} skipped: {reason}").unwrap_or_default();
        }
        writeln!(text, "engine {}, {} files, {:.1} s", self.engine, self.files, self.wall_s)
            .unwrap_or_default();
        text + &self.sum_line()
    }

    /// The last line.
    pub fn sum_line(&self) -> String {
        format!("{} passed, {} failed, {} skipped\n", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_once_and_told_with_its_place() {
        let mut tally = Tally::default();
        tally.count("b.wast", 2, Verdict::Failed("3 expected, got 4".to_owned()));
        tally.count("a.wast", 1, Verdict::Skipped("no gc".to_owned()));
        tally.count("a.wast", 2, Verdict::Dependent);
        tally.count("a.wast", 3, Verdict::Passed);
        tally.count("a.wast", 4, Verdict::PassedDifferently("another message".to_owned()));
        let summary = Summary::new("ir".to_owned(), 2, tally, 0.0);
        let text = summary.to_text(false);
        assert!(text.contains("b.wast:2: failed: 3 expected, got 4\n"), "{text}");
        assert!(text.contains("a.wast:1: skipped: no gc\n"), "{text}");
        assert!(text.contains("  1 skipped: needs a module that was skipped\n"), "{text}");
        assert!(text.ends_with("\n2 passed, 1 failed, 2 skipped\n"), "{text}");
        assert!(!text.contains("another message"), "{text}");
        assert!(summary.to_text(true).contains("a.wast:4: note: another message"));
    }
}
