//! Guesses where a jump goes whose target the analysis does not know.
//!
//! Programs jump through tables: into their own bytecode, read with `CODECOPY` and `MLOAD`
//! (hand-written dispatchers, Vyper's selector tables), into memory that they filled with labels
//! (function pointers), or into an unrolled loop by arithmetic. The tables are found here by what
//! blocks compute without knowing the stack: `base + stride * x`, with `x` below a constant where it
//! is a remainder. Entries are all pairs of bytes, since labels have two, that are a jump destination;
//! where the place of the table is computed from another one (Vyper's dense tables), those pairs of
//! the whole code whose destination no `PUSH` names and nothing falls into.
//!
//! **A guess is never relied upon**: a [`super::Transfer::Predicted`] checks the target when it runs,
//! and what is none of the guesses goes on in generic code. So memory that is overwritten in between,
//! copies of which only the last is remembered, and pairs that are labels by chance cost time, not
//! correctness. Their number is bounded by [`MOST_TARGETS`], the reading by the length of the code.

use std::collections::BTreeSet;

use ruint::aliases::U256;

use super::super::decode::{BlockId, Code, Exit};
use super::super::opcode::Op;
use super::value::{Value, Values};

/// Destinations guessed for one jump.
const MOST_TARGETS: usize = 128;

/// Entries of a table whose number is not known.
const MOST_ENTRIES: u64 = 256;

/// Bytes read from tables for one guess.
const MOST_BYTES: usize = 4_096;

/// Numbers up to this length in bits are no tables.
const LEAST_TABLE_BITS: usize = 64;

/// Copies of bytecode to memory that are told apart.
const MOST_COPIES: usize = 1_024;

/// `base + stride * x`, where `x` is below `count`, or anything where that is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progression {
    base: u64,
    stride: u64,
    count: u64,
}

/// What is known of a jump's target within its block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// It comes from memory, or from before the block.
    #[default]
    Loaded,
    /// It is computed like this.
    Computed(Progression),
    /// It comes from elsewhere.
    Other,
}

/// What was copied from bytecode to memory last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copied {
    /// Nothing.
    #[default]
    Nothing,
    /// This copy.
    One(u32),
    /// One or another, on different ways.
    Several,
}

impl Copied {
    /// What covers both; whether that is not the first.
    pub fn join(&mut self, other: Self) -> bool {
        let joined = match (*self, other) {
            (a, b) if a == b => a,
            (Self::Nothing, known) | (known, Self::Nothing) => known,
            _ => Self::Several,
        };
        std::mem::replace(self, joined) != joined
    }
}

/// A `CODECOPY`.
#[derive(Clone, Copy, Debug)]
struct Copy {
    /// Where in the code, if that is known.
    from: Option<Progression>,
    /// Bytes copied.
    length: u64,
}

/// What a code's blocks say about tables.
#[derive(Debug, Default)]
pub struct Tables {
    copies: Vec<Copy>,
    /// Destinations among what is stored in memory.
    stored: BTreeSet<BlockId>,
    /// Destinations that a `PUSH` names.
    pushed: BTreeSet<BlockId>,
}

impl Progression {
    /// This number alone.
    pub fn constant(base: U256) -> Option<Self> {
        let base = u64::try_from(base).ok().filter(|&base| base <= u32::MAX.into())?;
        Some(Self { base, stride: 0, count: 1 })
    }

    /// What an operation on a known number and something unknown gives, if that is one; `this` is
    /// what is known of the latter. `known_first` says that the number is the first operand.
    pub fn apply(op: Op, number: U256, this: Option<Self>, known_first: bool) -> Option<Self> {
        let number = u64::try_from(number).ok().filter(|&number| number <= u32::MAX.into())?;
        let any = Self { base: 0, stride: 1, count: 0 };
        match op {
            Op::Mod if !known_first && number > 0 => Some(Self { count: number, ..any }),
            Op::Mul => this.unwrap_or(any).scaled(number),
            Op::Shl if known_first && number < 32 => this.unwrap_or(any).scaled(1 << number),
            Op::Add => {
                let this = this?;
                Some(Self { base: this.base.checked_add(number)?, ..this })
            }
            _ => None,
        }
    }

    fn scaled(self, factor: u64) -> Option<Self> {
        let (base, stride) = (self.base.checked_mul(factor)?, self.stride.checked_mul(factor)?);
        Some(Self { base, stride, ..self })
    }

    /// Its numbers below `end`.
    fn numbers(self, end: u64) -> impl Iterator<Item = u64> {
        let count = if self.stride == 0 { 1 } else { self.count };
        let count = if count == 0 { MOST_ENTRIES } else { count.min(MOST_ENTRIES) };
        let number = move |index: u64| index.checked_mul(self.stride)?.checked_add(self.base);
        (0..count).map_while(number).take_while(move |&number| number < end)
    }
}

impl Tables {
    /// Notes a `CODECOPY`; gives what it is known by.
    pub fn copy(&mut self, from: Option<Progression>, length: U256) -> Copied {
        let number = self.copies.len();
        if number == MOST_COPIES {
            return Copied::Several;
        }
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.copies.push(Copy { from, length });
        Copied::One(number as u32)
    }

    /// Notes that a known value is stored in memory: a label, or a number that is long enough to be a
    /// table.
    pub fn store(&mut self, code: &Code<'_>, value: Value, values: &Values<'_>) {
        match (value, values.number(value)) {
            (Value::Label(block), _) => drop(self.stored.insert(block)),
            (_, Some(number)) if number.bit_len() > LEAST_TABLE_BITS => {
                self.stored.extend(destinations(code, &number.to_be_bytes::<32>()));
            }
            _ => {}
        }
    }

    /// Notes that a destination is pushed.
    pub fn push(&mut self, block: BlockId) {
        self.pushed.insert(block);
    }

    /// Where a jump may go.
    pub fn targets(&self, code: &Code<'_>, hint: Hint, copied: Copied) -> Vec<BlockId> {
        let found: BTreeSet<BlockId> = match (hint, copied) {
            (Hint::Other, _) => BTreeSet::new(),
            (Hint::Computed(progression), _) => computed(code, progression),
            (Hint::Loaded, Copied::One(number)) => self.copied(code, self.copies[number as usize]),
            (Hint::Loaded, _) => self.stored.clone(),
        };
        let is_one_of_many = found.len() <= MOST_TARGETS;
        if is_one_of_many { found.into_iter().collect() } else { Vec::new() }
    }

    /// The destinations in what is copied.
    fn copied(&self, code: &Code<'_>, copy: Copy) -> BTreeSet<BlockId> {
        let bytes = code.bytes();
        let Some(from) = copy.from else { return self.entered_by_nothing_else(code) };
        let mut left = MOST_BYTES;
        let mut found = BTreeSet::new();
        for start in from.numbers(bytes.len() as u64) {
            let start = start as usize;
            let length = usize::try_from(copy.length).unwrap_or(usize::MAX).min(bytes.len() - start);
            if length > left {
                break;
            }
            left -= length;
            found.extend(destinations(code, &bytes[start..start + length]));
        }
        found
    }

    /// The destinations that stand in the code somewhere, but are neither pushed nor fallen into.
    fn entered_by_nothing_else(&self, code: &Code<'_>) -> BTreeSet<BlockId> {
        let fallen_into: BTreeSet<BlockId> = code.blocks().values().filter_map(falls_into).collect();
        let is_entered = |block: &BlockId| self.pushed.contains(block) || fallen_into.contains(block);
        destinations(code, code.bytes()).filter(|block| !is_entered(block)).collect()
    }
}

fn falls_into(block: &super::super::decode::Block) -> Option<BlockId> {
    match block.exit {
        Exit::Fall(next) | Exit::JumpIf(Some(next)) => Some(next),
        _ => None,
    }
}

/// The destinations among the pairs of bytes.
fn destinations<'a>(code: &'a Code<'_>, bytes: &'a [u8]) -> impl Iterator<Item = BlockId> + 'a {
    let pairs = bytes.windows(2).map(|pair| U256::from(u16::from_be_bytes([pair[0], pair[1]])));
    pairs.filter_map(|target| code.jump_target(target))
}

/// The destinations that arithmetic gives; one of them is no choice.
fn computed(code: &Code<'_>, progression: Progression) -> BTreeSet<BlockId> {
    let numbers = progression.numbers(code.bytes().len() as u64);
    let found: BTreeSet<_> = numbers.filter_map(|number| code.jump_target(U256::from(number))).collect();
    if found.len() < 2 { BTreeSet::new() } else { found }
}
