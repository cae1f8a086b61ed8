//! What is known of roots, along one way down the dominator tree.

use std::collections::HashMap;

use evmc_ir::Value;

use crate::analysis::check::Check;
use crate::analysis::place::Place;

/// More bytes than memory can ever have.
const MOST_LENGTH: u64 = 1 << 62;

/// What is known of a root.
#[derive(Clone, Copy, Debug, Default)]
struct Fact {
    /// Offsets between which memory is there.
    ensured: Option<(i64, i64)>,
    /// Least offset at which the word is known to fit in 64 bits.
    fits: Option<i64>,
}

/// The facts of the blocks between the entry and here.
#[derive(Debug, Default)]
pub(super) struct Facts {
    of: HashMap<Value, Fact>,
    /// Bytes that memory certainly has.
    length: u64,
    /// What facts were before, to be put back.
    before: Vec<(Value, Fact)>,
    /// For each block entered: length of `before`, and `length`, at its start.
    marks: Vec<(usize, u64)>,
}

impl Facts {
    /// Enters a block at whose start memory certainly has `length` bytes.
    pub fn enter(&mut self, length: u64) {
        self.marks.push((self.before.len(), self.length));
        self.learn_length(length);
    }

    /// Forgets what was learnt since the block was entered.
    pub fn leave(&mut self) {
        let Some((mark, length)) = self.marks.pop() else { return };
        for (root, fact) in self.before.drain(mark..).rev() {
            self.of.insert(root, fact);
        }
        self.length = length;
    }

    /// Whether the check passes for certain.
    pub fn covers(&self, check: Check) -> bool {
        let fact = |root| self.of.get(&root).copied().unwrap_or_default();
        match check {
            Check::Fits { place: Place { root, offset } } => {
                let fact = root.map(fact).unwrap_or_default();
                fact.fits.is_some_and(|from| {
                    offset == from || (offset > from && fact.ensured.is_some_and(|(lo, _)| lo <= from))
                })
            }
            Check::Ensure { place: Place { root: None, offset }, length } => {
                end(offset, length) <= self.length as i64
            }
            Check::Ensure { place: Place { root: Some(root), offset }, length } => {
                fact(root).ensured.is_some_and(|(lo, hi)| lo <= offset && end(offset, length) <= hi)
            }
        }
    }

    /// Notes that a check has passed.
    pub fn learn(&mut self, check: Check) {
        let Place { root, offset } = check.place();
        let Some(root) = root else {
            if let Check::Ensure { length, .. } = check {
                self.learn_length(end(offset, length) as u64);
            }
            return;
        };
        let fact = self.of.entry(root).or_default();
        self.before.push((root, *fact));
        match check {
            Check::Fits { .. } => fact.fits = Some(fact.fits.map_or(offset, |from| from.min(offset))),
            Check::Ensure { length, .. } => {
                let end = end(offset, length);
                fact.ensured =
                    Some(fact.ensured.map_or((offset, end), |(lo, hi)| (lo.min(offset), hi.max(end))));
            }
        }
    }

    /// Notes that memory has at least so many bytes.
    pub fn learn_length(&mut self, length: u64) {
        self.length = self.length.max(length.min(MOST_LENGTH));
    }
}

/// Where a range ends; offsets and lengths are short.
fn end(offset: i64, length: u64) -> i64 {
    offset.saturating_add_unsigned(length)
}
