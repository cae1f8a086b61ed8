//! Shifts and rotations of words.
//!
//! By a constant: at most two shifts and an `or` a half. By a variable amount: the amount's bits 7
//! and 6 select among the 64-bit limbs (two selections each), its low six bits feed 64-bit funnel
//! shifts. That is shorter and faster than four 128-bit shifts.

use evmc_ir::{Opcode, Type};

use super::emit::Emit;
use super::part::{Part, Word};

const I64: Type = Type::I64;
const I128: Type = Type::I128;

impl Emit<'_> {
    /// A shift by a constant number of bits, of any size.
    pub fn word_shift(&mut self, op: Opcode, a: Word, amount: u32) -> Word {
        let fill = if op == Opcode::Ashr { self.shift(op, I128, a.hi, 127) } else { Part::ZERO };
        match (op, amount) {
            (_, 0) => a,
            (_, 256..) => Word { lo: fill, hi: fill },
            (Opcode::Shl, 128..) => Word { lo: fill, hi: self.shift(Opcode::Shl, I128, a.lo, amount - 128) },
            (_, 128..) => Word { lo: self.shift(op, I128, a.hi, amount - 128), hi: fill },
            (Opcode::Shl, _) => {
                let hi = self.funnel(a.hi, amount, a.lo, 128 - amount);
                Word { lo: self.shift(Opcode::Shl, I128, a.lo, amount), hi }
            }
            _ => {
                let lo = self.funnel(a.hi, 128 - amount, a.lo, amount);
                Word { lo, hi: self.shift(op, I128, a.hi, amount) }
            }
        }
    }

    /// `high << left | low >> right`.
    fn funnel(&mut self, high: Part, left: u32, low: Part, right: u32) -> Part {
        let high = self.shift(Opcode::Shl, I128, high, left);
        let low = self.shift(Opcode::Lshr, I128, low, right);
        self.binary(Opcode::Or, I128, high, low)
    }

    /// A shift by a word.
    pub fn word_shift_by(&mut self, op: Opcode, a: Word, amount: Word) -> Word {
        if let Some(amount) = amount.as_constant() {
            return self.word_shift(op, a, amount.saturating_to::<u32>().min(256));
        }
        let fill = if op == Opcode::Ashr { self.shift(op, I128, a.hi, 127) } else { Part::ZERO };
        let low = self.trunc(I64, I128, amount.lo);
        let inside = self.shift_inside(op, a, low, fill);
        if self.word_bits(amount) <= 8 {
            return inside;
        }
        let rest = self.shift(Opcode::Lshr, I128, amount.lo, 8);
        let rest = self.binary(Opcode::Or, I128, rest, amount.hi);
        let beyond = self.compare(Opcode::Ne, I128, rest, Part::ZERO);
        self.word_select(beyond, Word { lo: fill, hi: fill }, inside)
    }

    /// A shift by the low eight bits of an `i64`.
    fn shift_inside(&mut self, op: Opcode, a: Word, amount: Part, fill: Part) -> Word {
        let left = op == Opcode::Shl;
        let fill_limb = self.half(fill, 0);
        // By 128 bits or not.
        let by_128 = self.test_bit(amount, 7);
        let far = if left { Word { lo: fill, hi: a.lo } } else { Word { lo: a.hi, hi: fill } };
        let a = self.word_select(by_128, far, a);
        // By 64 bits or not.
        let by_64 = self.test_bit(amount, 6);
        let [a0, a1, a2, a3] = self.limbs(a);
        let moved = if left { [Part::ZERO, a0, a1, a2] } else { [a1, a2, a3, fill_limb] };
        let far = self.word_from_limbs(moved);
        let a = self.word_select(by_64, far, a);
        // By fewer than 64 bits.
        let amount = self.binary(Opcode::And, I64, amount, Part::Const(63));
        let limbs = self.limbs(a);
        let shifted = if left { self.limbs_left(limbs, amount) } else { self.limbs_right(op, limbs, amount) };
        self.word_from_limbs(shifted)
    }

    /// Shifts limbs to the left by fewer than 64 bits.
    fn limbs_left(&mut self, limbs: [Part; 4], amount: Part) -> [Part; 4] {
        let back = self.binary(Opcode::Xor, I64, amount, Part::Const(63));
        let mut shifted = [Part::ZERO; 4];
        for (i, result) in shifted.iter_mut().enumerate() {
            let own = self.binary(Opcode::Shl, I64, limbs[i], amount);
            // `x >> (64 − amount)` in two steps, since the amount may be 0.
            let below = if i == 0 { Part::ZERO } else { limbs[i - 1] };
            let below = self.shift(Opcode::Lshr, I64, below, 1);
            let below = self.binary(Opcode::Lshr, I64, below, back);
            *result = self.binary(Opcode::Or, I64, own, below);
        }
        shifted
    }

    /// Shifts limbs to the right by fewer than 64 bits; `op` applies to the highest.
    fn limbs_right(&mut self, op: Opcode, limbs: [Part; 4], amount: Part) -> [Part; 4] {
        let back = self.binary(Opcode::Xor, I64, amount, Part::Const(63));
        let mut shifted = [Part::ZERO; 4];
        for (i, result) in shifted.iter_mut().enumerate() {
            let (own, above) = if i == 3 { (op, Part::ZERO) } else { (Opcode::Lshr, limbs[i + 1]) };
            let own = self.binary(own, I64, limbs[i], amount);
            let above = self.shift(Opcode::Shl, I64, above, 1);
            let above = self.binary(Opcode::Shl, I64, above, back);
            *result = self.binary(Opcode::Or, I64, own, above);
        }
        shifted
    }

    /// A rotation; `left` says which way.
    pub fn word_rotate(&mut self, left: bool, a: Word, amount: Word) -> Word {
        let amount = self.binary(Opcode::And, I128, amount.lo, Part::Const(255));
        let back = self.binary(Opcode::Sub, I128, Part::ZERO, amount);
        let back = self.binary(Opcode::And, I128, back, Part::Const(255));
        let (to, from) = if left { (Opcode::Shl, Opcode::Lshr) } else { (Opcode::Lshr, Opcode::Shl) };
        let near = self.word_shift_by(to, a, Word::low(amount));
        let far = self.word_shift_by(from, a, Word::low(back));
        self.word_bitwise(Opcode::Or, near, far)
    }

    /// Whether a bit of an `i64` is set.
    fn test_bit(&mut self, a: Part, bit: u32) -> Part {
        let bit = self.binary(Opcode::And, I64, a, Part::Const(1 << bit));
        self.compare(Opcode::Ne, I64, bit, Part::ZERO)
    }

    /// The four 64-bit limbs of a word, lowest first.
    pub fn limbs(&mut self, a: Word) -> [Part; 4] {
        [(a.lo, 0), (a.lo, 1), (a.hi, 0), (a.hi, 1)].map(|(part, number)| self.half(part, number))
    }

    /// The word of four limbs.
    pub fn word_from_limbs(&mut self, [a, b, c, d]: [Part; 4]) -> Word {
        Word { lo: self.concat(a, b), hi: self.concat(c, d) }
    }
}
