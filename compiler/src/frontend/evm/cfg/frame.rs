//! The part of the stack that a function has worked on, as far as it is known.

use super::predict::Copied;
use super::value::{Input, Value, Values};

/// The stack inside a function: its items above the height at entry and those below that it has
/// changed. Everything further down is as it was at entry.
///
/// Positions count from the height at entry: 0 is the first item pushed, −1 the entry's top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Items from position `-below` upwards.
    slots: Vec<Value>,
    below: u32,
    /// What was copied from bytecode to memory last; only guesses depend on it.
    pub copied: Copied,
}

impl Frame {
    /// Items above the height at entry; negative where the function has taken more than it put.
    pub fn height(&self) -> i32 {
        self.slots.len() as i32 - self.below as i32
    }

    /// Number of items below the height at entry that are held.
    pub fn below(&self) -> u32 {
        self.below
    }

    /// The items that are held, lowest first.
    pub fn slots(&self) -> &[Value] {
        &self.slots
    }

    /// Number of items held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// The item `depth` places below the top.
    pub fn get(&self, depth: usize) -> Value {
        match self.slots.len().checked_sub(depth + 1) {
            Some(index) => self.slots[index],
            None => input(self.below as usize + depth - self.slots.len()),
        }
    }

    /// Overwrites the item `depth` places below the top, which must be held.
    pub fn set(&mut self, depth: usize, value: Value) {
        let index = self.slots.len() - 1 - depth;
        self.slots[index] = value;
    }

    /// Replaces the top `taken` items by `put`, lowest first.
    pub fn replace(&mut self, taken: usize, put: impl IntoIterator<Item = Value>) {
        match self.slots.len().checked_sub(taken) {
            Some(rest) => self.slots.truncate(rest),
            None => {
                self.below += (taken - self.slots.len()) as u32;
                self.slots.clear();
            }
        }
        self.slots.extend(put);
    }

    /// Forgets held items at the bottom that are as they were at entry.
    pub fn shrink(&mut self) {
        let unchanged = |(index, &slot): (usize, &Value)| {
            index < self.below as usize && slot == input(self.below as usize - 1 - index)
        };
        let count = self.slots.iter().enumerate().take_while(|&item| unchanged(item)).count();
        self.slots.drain(..count);
        self.below -= count as u32;
    }

    /// Holds at least `below` items below the height at entry.
    fn grow(&mut self, below: u32) {
        if below > self.below {
            let lower = (self.below..below).rev().map(|slot| input(slot as usize));
            self.slots.splice(..0, lower);
            self.below = below;
        }
    }

    /// Joins another frame of the same height into this one; whether this one changed.
    pub fn join(&mut self, other: &Self, values: &mut Values<'_>) -> bool {
        debug_assert_eq!(self.height(), other.height());
        let mut changed = other.below > self.below;
        changed |= self.copied.join(other.copied);
        self.grow(other.below);
        for depth in 0..self.slots.len() {
            let (old, new) = (self.get(depth), other.get(depth));
            if old != new {
                let joined = values.join(old, new);
                changed |= joined != old;
                self.set(depth, joined);
            }
        }
        changed
    }

    /// Whether any held item may be a label.
    pub fn may_hold_label(&self, values: &Values<'_>) -> bool {
        self.slots.iter().any(|&slot| values.may_be_label(slot))
    }

    /// A hash of the labels held and their positions.
    pub fn shape(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (index, slot) in self.slots.iter().enumerate() {
            if let Value::Label(block) = slot {
                let position = (index as i64 - i64::from(self.below)) as u64;
                hash ^= position << 32 | u64::from(block.as_u32());
                hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            }
        }
        hash
    }

    /// The frame behind a call that left `exit` on top of this one, in terms of this frame's
    /// function.
    pub fn resumed(&self, exit: &Self, values: &mut Values<'_>) -> Self {
        let put: Vec<_> = exit.slots.iter().map(|&slot| self.substitute(slot, values)).collect();
        let mut frame = self.clone();
        frame.replace(exit.below as usize, put);
        frame
    }

    /// What a value of a function called from this frame is in terms of this frame's function.
    pub fn substitute(&self, value: Value, values: &mut Values<'_>) -> Value {
        match value {
            Value::In(input) => values.mask(self.get(usize::from(input.slot)), input.bits),
            _ => value,
        }
    }
}

fn input(slot: usize) -> Value {
    Value::In(Input { slot: slot as u16, bits: 0 })
}
