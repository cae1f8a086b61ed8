//! Sets of facts that have numbers, as bits: for analyses that solve equations over them.

/// A set of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BitSet(Vec<u64>);

impl BitSet {
    /// No fact, of so many.
    pub fn empty(facts: usize) -> Self {
        Self(vec![0; facts.div_ceil(64)])
    }

    /// Every fact, of so many.
    pub fn full(facts: usize) -> Self {
        Self(vec![u64::MAX; facts.div_ceil(64)])
    }

    /// Whether a fact is in the set.
    pub fn contains(&self, fact: u32) -> bool {
        self.0[fact as usize / 64] >> (fact % 64) & 1 != 0
    }

    /// Adds a fact.
    pub fn insert(&mut self, fact: u32) {
        self.0[fact as usize / 64] |= 1 << (fact % 64);
    }

    /// Takes a fact out.
    pub fn remove(&mut self, fact: u32) {
        self.0[fact as usize / 64] &= !(1 << (fact % 64));
    }

    /// Takes the facts of another set out.
    pub fn remove_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    /// Takes the facts of `other` out that are not in `spared`.
    pub fn remove_all_but(&mut self, other: &Self, spared: &Self) {
        for ((a, b), c) in self.0.iter_mut().zip(&other.0).zip(&spared.0) {
            *a &= !b | c;
        }
    }

    /// Adds the facts of another set.
    pub fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// Keeps what is also in another set; whether that was not all.
    pub fn intersect(&mut self, other: &Self) -> bool {
        let mut has_changed = false;
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            has_changed |= *a & !b != 0;
            *a &= b;
        }
        has_changed
    }
}
