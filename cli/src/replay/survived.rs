//! What went wrong with compiled code while a block was executed, and did not change the result.

use std::{collections::BTreeMap, fmt};

use evmc_revm::{FaultKind, StoreCounters};
use serde::Serialize;

use super::Played;

/// Failures of native code, and artifacts that were not used.
///
/// They are those of all executions of a block, also of the one before the clock runs: what fails once is in
/// quarantine from then on. Executions ahead of their turn that did not hold are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Survived {
    /// Failures of native code, by [`FaultKind::name`]; each transaction was executed again, interpreted.
    pub faults: BTreeMap<&'static str, u64>,
    /// Artifacts that the store has and that were not run, by reason, when they were first asked for.
    pub artifacts_refused: BTreeMap<&'static str, u64>,
    /// Artifacts put in quarantine since they failed.
    pub artifacts_quarantined: u64,
}

impl Survived {
    /// Adds the failures in one execution.
    pub(super) fn add_faults(&mut self, played: &Played) {
        let Ok(outcome) = played else { return };
        let faults = &outcome.stats.frames.faults;
        let met = FaultKind::ALL.iter().map(|kind| (kind.name(), faults.of(*kind)));
        add(&mut self.faults, met.filter(|(_, count)| *count > 0));
    }

    /// Adds what a store has counted between two moments.
    pub(super) fn add_artifacts(&mut self, before: &StoreCounters, after: &StoreCounters) {
        let earlier = |reason: &str| before.refused.get(reason).copied().unwrap_or_default();
        let new = after.refused.iter().map(|(reason, count)| (*reason, count - earlier(reason)));
        add(&mut self.artifacts_refused, new.filter(|(_, count)| *count > 0));
        self.artifacts_quarantined += after.quarantined - before.quarantined;
    }

    /// Adds those of another block.
    pub(super) fn add(&mut self, other: &Self) {
        add(&mut self.faults, other.faults.iter().map(|(name, count)| (*name, *count)));
        let refused = other.artifacts_refused.iter().map(|(name, count)| (*name, *count));
        add(&mut self.artifacts_refused, refused);
        self.artifacts_quarantined += other.artifacts_quarantined;
    }

    /// Whether nothing went wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Survived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        let quarantined = self.artifacts_quarantined;
        write!(f, "{} faults survived{}", sum(&self.faults), in_brackets(&self.faults))?;
        write!(f, ", {} artifacts refused", sum(&self.artifacts_refused))?;
        write!(f, "{}, {quarantined} put in quarantine", in_brackets(&self.artifacts_refused))
    }
}

fn add(counts: &mut BTreeMap<&'static str, u64>, more: impl Iterator<Item = (&'static str, u64)>) {
    more.for_each(|(name, count)| *counts.entry(name).or_default() += count);
}

/// Counts by name, for people; nothing where there are none.
fn in_brackets(counts: &BTreeMap<&str, u64>) -> String {
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_those_since_the_block_began() {
        let counters = |check, quarantined| StoreCounters {
            refused: [("check", check), ("unreadable", 1)].into(),
            quarantined,
            ..StoreCounters::default()
        };
        let mut survived = Survived::default();
        survived.add_artifacts(&counters(2, 1), &counters(2, 1));
        assert!(survived.is_empty());
        survived.add_artifacts(&counters(2, 1), &counters(5, 2));
        let mut twice = survived.clone();
        twice.add(&survived);
        assert_eq!(
            [survived.to_string(), twice.to_string()],
            [
                "0 faults survived, 3 artifacts refused (check 3), 1 put in quarantine",
                "0 faults survived, 6 artifacts refused (check 6), 2 put in quarantine"
            ]
        );
    }
}
