//! From what happened to a verdict: absences, refusals and their messages.

use super::summary::Verdict;

/// Why there is no module or instance where one is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It was skipped, or needs what was.
    Skipped,
    /// It should be there but is not.
    Failed,
}

/// A module or instance, or why there is none.
pub type Known<T> = Result<T, Absence>;

/// A skip for a reason.
pub fn skipped(reason: &str) -> Verdict {
    Verdict::Skipped(reason.to_owned())
}

/// Why a module is absent after such a verdict.
pub fn absence(verdict: &Verdict) -> Absence {
    match verdict {
        Verdict::Skipped(_) | Verdict::Dependent => Absence::Skipped,
        Verdict::Passed | Verdict::PassedDifferently(_) | Verdict::Failed(_) => Absence::Failed,
    }
}

/// The verdict on what needs a module that is absent.
pub fn missing(absence: Absence) -> Verdict {
    match absence {
        Absence::Skipped => Verdict::Dependent,
        Absence::Failed => Verdict::Failed("its module could not be made".to_owned()),
    }
}

/// A refusal, as expected; perhaps with another message.
pub fn refused_with(told: &str, expected: &str) -> Verdict {
    if agrees(told, expected) {
        Verdict::Passed
    } else {
        Verdict::PassedDifferently(format!("{expected:?} expected, got {told:?}"))
    }
}

/// Whether the reason of a refusal is the one that is expected; ours may say more.
pub fn agrees(told: &str, expected: &str) -> bool {
    told.contains(expected) || expected.starts_with(told)
}

/// Whether one message is the beginning of the other: scripts may say less, or which of several.
pub fn same_beginning(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
