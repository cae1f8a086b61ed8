//! What is known about a stack item: the lattice of the jump analysis.
//!
//! `Const` and `Label` are exact 256-bit numbers. A label is a number pushed as a jump destination
//! usually is; it differs from a constant only in that the analysis keeps frames with different
//! labels apart. Joins go up: a number, then a small set of numbers (or "not zero"), then anything.
//! An item that the function was entered with stays itself through copies and masks.

use std::collections::HashMap;

use cranelift_entity::{PrimaryMap, entity_impl};
use ruint::aliases::U256;

use super::super::decode::{BlockId, Code};
use super::super::opcode::Op;

/// An interned 256-bit constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConstId(u32);
entity_impl!(ConstId, "const");

/// An interned set of numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetId(u32);
entity_impl!(SetId, "set");

/// A stack item as it was when the function was entered, with all but its low bits cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Input {
    /// Place below the stack's top at entry; 0 is the top.
    pub slot: u16,
    /// Number of low bits kept; 0 means all 256.
    pub bits: u8,
}

/// What is known about a stack item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// This number.
    Const(ConstId),
    /// The offset of this block, pushed as a jump destination.
    Label(BlockId),
    /// What the function was entered with.
    In(Input),
    /// One of these numbers.
    Set(SetId),
    /// Any number but 0.
    NonZero,
    /// Any number.
    Top,
}

/// Sets of jump destinations grow up to this size before they become [`Value::Top`].
const MAX_LABELS: usize = 64;

/// Sets with other numbers grow up to this size: loop counters must not be counted out.
const MAX_NUMBERS: usize = 4;

/// The interner of constants and sets, and the operations of the lattice.
#[derive(Debug)]
pub struct Values<'c> {
    code: &'c Code<'c>,
    consts: PrimaryMap<ConstId, U256>,
    const_ids: HashMap<U256, ConstId>,
    sets: PrimaryMap<SetId, Box<[Value]>>,
    set_ids: HashMap<Box<[Value]>, SetId>,
    /// Elements of sets that were looked at.
    work: u64,
}

impl<'c> Values<'c> {
    /// An empty interner for the labels of `code`.
    pub fn new(code: &'c Code<'c>) -> Self {
        Self {
            code,
            consts: PrimaryMap::new(),
            const_ids: HashMap::new(),
            sets: PrimaryMap::new(),
            set_ids: HashMap::new(),
            work: 0,
        }
    }

    /// Work done on sets so far, in elements.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// The value that is this number.
    pub fn constant(&mut self, number: U256) -> Value {
        let consts = &mut self.consts;
        Value::Const(*self.const_ids.entry(number).or_insert_with(|| consts.push(number)))
    }

    /// The number that the value is, if it is only one.
    pub fn number(&self, value: Value) -> Option<U256> {
        match value {
            Value::Const(id) => Some(self.consts[id]),
            Value::Label(block) => Some(U256::from(self.code.blocks()[block].start)),
            _ => None,
        }
    }

    /// The numbers, each a constant or label, that the value may be, or `None` where they are not
    /// known.
    pub fn elements(&self, value: Value) -> Option<Vec<Value>> {
        match value {
            Value::Const(_) | Value::Label(_) => Some(vec![value]),
            Value::Set(id) => Some(self.sets[id].to_vec()),
            Value::In(_) | Value::NonZero | Value::Top => None,
        }
    }

    /// The block that a jump to this number enters.
    pub fn destination(&self, number: Value) -> Option<BlockId> {
        match number {
            Value::Label(block) => Some(block),
            _ => self.code.jump_target(self.number(number)?),
        }
    }

    /// Whether the value may be a label.
    pub fn may_be_label(&self, value: Value) -> bool {
        match value {
            Value::Label(_) => true,
            Value::Set(id) => self.sets[id].iter().any(|element| matches!(element, Value::Label(_))),
            _ => false,
        }
    }

    /// Whether the value is known to be 0 (`Some(false)`) or known not to be (`Some(true)`).
    pub fn truth(&self, value: Value) -> Option<bool> {
        match value {
            Value::Const(_) | Value::Label(_) => self.number(value).map(|number| !number.is_zero()),
            Value::NonZero => Some(true),
            Value::Set(id) => {
                let mut truths = self.sets[id].iter().map(|&element| self.truth(element));
                let first = truths.next()?;
                truths.all(|truth| truth == first).then_some(first)?
            }
            Value::In(_) | Value::Top => None,
        }
    }

    /// The value given that it is not 0.
    pub fn without_zero(&mut self, value: Value) -> Value {
        match value {
            Value::Top => Value::NonZero,
            Value::Set(id) => {
                let all = self.sets[id].to_vec();
                let rest: Vec<_> = all.into_iter().filter(|&e| self.truth(e) == Some(true)).collect();
                if rest.is_empty() { value } else { self.set(rest) }
            }
            _ => value,
        }
    }

    /// The least value that covers both.
    pub fn join(&mut self, a: Value, b: Value) -> Value {
        if a == b {
            return a;
        }
        if let (Some(mut all), Some(others)) = (self.elements(a), self.elements(b)) {
            all.extend(others);
            return self.set(all);
        }
        if self.truth(a) == Some(true) && self.truth(b) == Some(true) { Value::NonZero } else { Value::Top }
    }

    /// The value that may be any of these numbers.
    fn set(&mut self, mut elements: Vec<Value>) -> Value {
        self.work += elements.len() as u64;
        elements.sort_unstable();
        elements.dedup();
        if let [only] = elements[..] {
            return only;
        }
        let limit = match elements.iter().all(|&element| self.destination(element).is_some()) {
            true => MAX_LABELS,
            false => MAX_NUMBERS,
        };
        if elements.len() > limit {
            let nonzero = elements.iter().all(|&element| self.truth(element) == Some(true));
            return if nonzero { Value::NonZero } else { Value::Top };
        }
        let elements = elements.into_boxed_slice();
        if let Some(&id) = self.set_ids.get(&elements) {
            return Value::Set(id);
        }
        let id = self.sets.push(elements.clone());
        self.set_ids.insert(elements, id);
        Value::Set(id)
    }

    /// The value with all but its low `bits` bits cleared; 0 keeps all.
    pub fn mask(&mut self, value: Value, bits: u8) -> Value {
        match value {
            _ if bits == 0 => value,
            Value::In(input) if input.bits == 0 => Value::In(Input { bits, ..input }),
            Value::In(input) => Value::In(Input { bits: bits.min(input.bits), ..input }),
            Value::NonZero | Value::Top => Value::Top,
            _ => {
                let mask = self.constant(low_bits(bits));
                self.apply(Op::And, value, mask)
            }
        }
    }

    /// What the operation gives for its operands, first operand on top of the stack; unary
    /// operations ignore the second one.
    pub fn apply(&mut self, op: Op, a: Value, b: Value) -> Value {
        if op == Op::IsZero
            && let Some(truth) = self.truth(a)
        {
            return self.constant(U256::from(!truth));
        }
        if self.number(a).is_some() && self.number(b).is_some() {
            return self.apply_numbers(op, a, b);
        }
        let (Some(left), Some(mut right)) = (self.elements(a), self.elements(b)) else {
            return self.apply_mask(op, a, b);
        };
        if matches!(op, Op::IsZero | Op::Not) {
            right.truncate(1);
        }
        if left.len() * right.len() > MAX_LABELS {
            return Value::Top;
        }
        let mut results = Vec::with_capacity(left.len() * right.len());
        for &x in &left {
            for &y in &right {
                results.push(self.apply_numbers(op, x, y));
            }
        }
        if results.contains(&Value::Top) { Value::Top } else { self.set(results) }
    }

    /// `AND` of something unknown with a mask of low bits; otherwise nothing is known.
    fn apply_mask(&mut self, op: Op, a: Value, b: Value) -> Value {
        if op != Op::And {
            return Value::Top;
        }
        for (value, mask) in [(a, b), (b, a)] {
            if let (Value::In(_), Some(bits)) = (value, self.number(mask).and_then(mask_width)) {
                return self.mask(value, bits);
            }
        }
        Value::Top
    }

    /// The operation on two numbers. A label that a mask leaves as it is stays a label.
    fn apply_numbers(&mut self, op: Op, a: Value, b: Value) -> Value {
        let (Some(x), Some(y)) = (self.number(a), self.number(b)) else {
            return Value::Top;
        };
        match fold(op, x, y) {
            Some(result) if op == Op::And && result == x && matches!(a, Value::Label(_)) => a,
            Some(result) if op == Op::And && result == y && matches!(b, Value::Label(_)) => b,
            Some(result) => self.constant(result),
            None => Value::Top,
        }
    }
}

/// The number whose low `bits` bits are set, `bits` from 1 to 255.
fn low_bits(bits: u8) -> U256 {
    (U256::ONE << usize::from(bits)) - U256::ONE
}

/// The number of bits of a mask of low bits, 1 to 255.
fn mask_width(mask: U256) -> Option<u8> {
    let bits = u8::try_from(mask.bit_len()).ok()?;
    (bits > 0 && mask == low_bits(bits)).then_some(bits)
}

/// The operations that jump targets and conditions are computed with; `None` for all others.
pub fn fold(op: Op, a: U256, b: U256) -> Option<U256> {
    Some(match op {
        Op::Add => a.wrapping_add(b),
        Op::Mul => a.wrapping_mul(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Div => a.checked_div(b).unwrap_or_default(),
        Op::Mod => a.checked_rem(b).unwrap_or_default(),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Not => !a,
        Op::IsZero => U256::from(a.is_zero()),
        Op::Eq => U256::from(a == b),
        Op::Lt => U256::from(a < b),
        Op::Gt => U256::from(a > b),
        Op::Shl => shift(a).map_or(U256::ZERO, |by| b << by),
        Op::Shr => shift(a).map_or(U256::ZERO, |by| b >> by),
        _ => return None,
    })
}

/// A shift amount below 256, in bits.
fn shift(amount: U256) -> Option<usize> {
    usize::try_from(amount).ok().filter(|&by| by < 256)
}
