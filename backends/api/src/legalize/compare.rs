//! Comparisons and selection of words.

use evmc_ir::{Opcode, Type};

use super::emit::Emit;
use super::part::{Part, Word};

const I1: Type = Type::I1;
const I128: Type = Type::I128;

impl Emit<'_> {
    /// Any of the integer comparisons.
    pub fn word_compare(&mut self, op: Opcode, a: Word, b: Word) -> Part {
        match op {
            Opcode::Eq => self.word_eq(a, b),
            Opcode::Ne => {
                let equal = self.word_eq(a, b);
                self.not(I1, equal)
            }
            Opcode::Ult => self.word_less(Opcode::Ult, Opcode::Ult, a, b),
            Opcode::Ule => self.word_less(Opcode::Ult, Opcode::Ule, a, b),
            Opcode::Ugt => self.word_less(Opcode::Ult, Opcode::Ult, b, a),
            Opcode::Uge => self.word_less(Opcode::Ult, Opcode::Ule, b, a),
            Opcode::Slt => self.word_less(Opcode::Slt, Opcode::Ult, a, b),
            Opcode::Sle => self.word_less(Opcode::Slt, Opcode::Ule, a, b),
            Opcode::Sgt => self.word_less(Opcode::Slt, Opcode::Ult, b, a),
            _ => self.word_less(Opcode::Slt, Opcode::Ule, b, a),
        }
    }

    /// `a = b`: no bit of `a ⊕ b` is set.
    fn word_eq(&mut self, a: Word, b: Word) -> Part {
        if a.hi == b.hi {
            return self.half_eq(a.lo, b.lo);
        }
        if a.lo == b.lo {
            return self.half_eq(a.hi, b.hi);
        }
        let lo = self.binary(Opcode::Xor, I128, a.lo, b.lo);
        let hi = self.binary(Opcode::Xor, I128, a.hi, b.hi);
        let any = self.binary(Opcode::Or, I128, lo, hi);
        self.half_eq(any, Part::ZERO)
    }

    /// `a = b` for halves, in 64 bits or one bit where that is enough.
    fn half_eq(&mut self, a: Part, b: Part) -> Part {
        let bits = self.bits(I128, a).max(self.bits(I128, b));
        let ty = match bits {
            0..=1 => I1,
            2..=64 => Type::I64,
            _ => I128,
        };
        let (a, b) = (self.trunc(ty, I128, a), self.trunc(ty, I128, b));
        match (ty, a, b) {
            (I1, Part::Const(known), other) | (I1, other, Part::Const(known)) => {
                if known == 0 {
                    self.not(I1, other)
                } else {
                    other
                }
            }
            _ => self.compare(Opcode::Eq, ty, a, b),
        }
    }

    /// `a < b` or `a ≤ b`: the high halves decide unless they are equal. `high` is the strict
    /// comparison of the high halves, `low` the unsigned one of the low halves.
    fn word_less(&mut self, high: Opcode, low: Opcode, a: Word, b: Word) -> Part {
        if a.hi == b.hi {
            return self.half_less(low, a.lo, b.lo);
        }
        // Offsets are tested against 2^64 − 1 and against limits of the same form below it.
        if let (Opcode::Ult, Opcode::Ult, Some(bits)) = (high, low, limb_mask(a)) {
            return self.exceeds_limb(b, bits);
        }
        // `x < 0` and `x < c · 2^128` in general: the low half of `a` cannot decide.
        if low == Opcode::Ult && b.lo.is_zero() {
            return self.compare(high, I128, a.hi, b.hi);
        }
        let decided = self.compare(high, I128, a.hi, b.hi);
        let equal = self.compare(Opcode::Eq, I128, a.hi, b.hi);
        let lower = self.half_less(low, a.lo, b.lo);
        let lower = self.binary(Opcode::And, I1, equal, lower);
        self.binary(Opcode::Or, I1, decided, lower)
    }

    /// Whether a word is above 2^`bits` − 1; 1 to 64 bits.
    fn exceeds_limb(&mut self, a: Word, bits: u32) -> Part {
        let mut upper = self.half(a.lo, 1);
        if bits < 64 {
            let lowest = self.half(a.lo, 0);
            let rest = self.shift(Opcode::Lshr, Type::I64, lowest, bits);
            upper = self.binary(Opcode::Or, Type::I64, upper, rest);
        }
        let upper = self.zext(I128, Type::I64, upper);
        let upper = self.binary(Opcode::Or, I128, upper, a.hi);
        let zero = self.half_eq(upper, Part::ZERO);
        self.not(I1, zero)
    }

    /// An unsigned comparison of halves, in 64 bits where that is enough.
    fn half_less(&mut self, op: Opcode, a: Part, b: Part) -> Part {
        let small = self.bits(I128, a).max(self.bits(I128, b)) <= 64;
        let ty = if small { Type::I64 } else { I128 };
        let (a, b) = (self.trunc(ty, I128, a), self.trunc(ty, I128, b));
        self.compare(op, ty, a, b)
    }

    /// Upper bound of the significant bits of a word.
    pub fn word_bits(&self, a: Word) -> u32 {
        match self.bits(I128, a.hi) {
            0 => self.bits(I128, a.lo),
            bits => 128 + bits,
        }
    }

    /// `condition ? a : b`.
    pub fn word_select(&mut self, condition: Part, a: Word, b: Word) -> Word {
        Word { lo: self.select(I128, condition, a.lo, b.lo), hi: self.select(I128, condition, a.hi, b.hi) }
    }
}

/// The number of bits, where a word is that many ones, from 1 to 64.
fn limb_mask(word: Word) -> Option<u32> {
    let mask = u64::try_from(word.as_constant()?).ok()?;
    (mask > 0 && mask & mask.wrapping_add(1) == 0).then(|| mask.count_ones())
}
