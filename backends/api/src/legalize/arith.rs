//! Sums, differences, products and bitwise operations of words.

use evmc_ir::{Opcode, Type};

use super::emit::Emit;
use super::part::{Part, Word};

const I64: Type = Type::I64;
const I128: Type = Type::I128;

impl Emit<'_> {
    /// `a + b`, and the carry.
    pub fn word_add_carry(&mut self, a: Word, b: Word) -> (Word, Part) {
        let (lo, carry) = self.add_carry(I128, a.lo, b.lo);
        let (partial, first) = self.add_carry(I128, a.hi, b.hi);
        let carry = self.zext(I128, Type::I1, carry);
        let (hi, second) = self.add_carry(I128, partial, carry);
        (Word { lo, hi }, self.binary(Opcode::Or, Type::I1, first, second))
    }

    /// `a − b`, and the borrow.
    pub fn word_sub_borrow(&mut self, a: Word, b: Word) -> (Word, Part) {
        let (lo, borrow) = self.sub_borrow(I128, a.lo, b.lo);
        let (partial, first) = self.sub_borrow(I128, a.hi, b.hi);
        let borrow = self.zext(I128, Type::I1, borrow);
        let (hi, second) = self.sub_borrow(I128, partial, borrow);
        (Word { lo, hi }, self.binary(Opcode::Or, Type::I1, first, second))
    }

    /// `a + b`.
    pub fn word_add(&mut self, a: Word, b: Word) -> Word {
        let (lo, carry) = self.add_carry(I128, a.lo, b.lo);
        let carry = self.zext(I128, Type::I1, carry);
        let hi = self.binary(Opcode::Add, I128, a.hi, b.hi);
        Word { lo, hi: self.binary(Opcode::Add, I128, hi, carry) }
    }

    /// `a − b`.
    pub fn word_sub(&mut self, a: Word, b: Word) -> Word {
        let (lo, borrow) = self.sub_borrow(I128, a.lo, b.lo);
        let borrow = self.zext(I128, Type::I1, borrow);
        let hi = self.binary(Opcode::Sub, I128, a.hi, b.hi);
        Word { lo, hi: self.binary(Opcode::Sub, I128, hi, borrow) }
    }

    /// A bitwise operation, half by half.
    pub fn word_bitwise(&mut self, op: Opcode, a: Word, b: Word) -> Word {
        Word { lo: self.binary(op, I128, a.lo, b.lo), hi: self.binary(op, I128, a.hi, b.hi) }
    }

    /// The complement.
    pub fn word_not(&mut self, a: Word) -> Word {
        Word { lo: self.not(I128, a.lo), hi: self.not(I128, a.hi) }
    }

    /// `a · b`, wrapping. A power of two becomes a shift.
    pub fn word_mul(&mut self, a: Word, b: Word) -> Word {
        for (value, factor) in [(a, b), (b, a)] {
            if let Some(factor) = factor.as_constant()
                && factor.is_power_of_two()
            {
                return self.word_shift(Opcode::Shl, value, factor.trailing_zeros() as u32);
            }
        }
        let low = self.wide_mul(a.lo, b.lo);
        let cross = [(a.lo, b.hi), (a.hi, b.lo)].map(|(x, y)| self.binary(Opcode::Mul, I128, x, y));
        let hi = self.binary(Opcode::Add, I128, low.hi, cross[0]);
        Word { lo: low.lo, hi: self.binary(Opcode::Add, I128, hi, cross[1]) }
    }

    /// The 256-bit product of two `i128`, by 64-bit limbs. No partial sum can overflow:
    /// `(2^64 − 1)² + 2 (2^64 − 1) = 2^128 − 1`.
    fn wide_mul(&mut self, a: Part, b: Part) -> Word {
        let (a, b) = ([self.half(a, 0), self.half(a, 1)], [self.half(b, 0), self.half(b, 1)]);
        let low = self.limb_mul(a[0], b[0]);
        let cross = self.limb_mul(a[0], b[1]);
        let carry = self.half(low, 1);
        let t = self.add_limb(cross, carry);
        let cross = self.limb_mul(a[1], b[0]);
        let middle = self.half(t, 0);
        let u = self.add_limb(cross, middle);
        let top = self.limb_mul(a[1], b[1]);
        let (t_high, u_high) = (self.half(t, 1), self.half(u, 1));
        let top = self.add_limb(top, t_high);
        let hi = self.add_limb(top, u_high);
        let (limb0, limb1) = (self.half(low, 0), self.half(u, 0));
        Word { lo: self.concat(limb0, limb1), hi }
    }

    /// The full product of two limbs.
    fn limb_mul(&mut self, a: Part, b: Part) -> Part {
        let (a, b) = (self.zext(I128, I64, a), self.zext(I128, I64, b));
        self.binary(Opcode::Mul, I128, a, b)
    }

    /// An `i128` plus a limb.
    fn add_limb(&mut self, a: Part, limb: Part) -> Part {
        let limb = self.zext(I128, I64, limb);
        self.binary(Opcode::Add, I128, a, limb)
    }
}
