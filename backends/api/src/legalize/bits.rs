//! Bit counts, byte order, `byte` and `sign_extend`.

use evmc_ir::{Imm, Opcode, Type};

use super::emit::Emit;
use super::part::{Part, Word};

const I64: Type = Type::I64;
const I128: Type = Type::I128;

impl Emit<'_> {
    /// Leading zeros, trailing zeros or ones of a word.
    pub fn word_count(&mut self, op: Opcode, a: Word) -> Word {
        let [lo, hi] = [a.lo, a.hi].map(|half| {
            let half = self.value(I128, half);
            self.one(op, I128, &[half], Imm::None)
        });
        // The half where the count starts, and the other one that goes on where the first is 0.
        let (first, start, rest) = match op {
            Opcode::Clz => (a.hi, hi, lo),
            Opcode::Ctz => (a.lo, lo, hi),
            _ => return Word::low(self.binary(Opcode::Add, I128, lo, hi)),
        };
        let empty = self.compare(Opcode::Eq, I128, first, Part::ZERO);
        let beyond = self.binary(Opcode::Add, I128, rest, Part::Const(128));
        Word::low(self.select(I128, empty, beyond, start))
    }

    /// The bytes of a word in reverse order.
    pub fn word_bswap(&mut self, a: Word) -> Word {
        Word { lo: self.half_bswap(a.hi), hi: self.half_bswap(a.lo) }
    }

    /// The bytes of a half in reverse order.
    fn half_bswap(&mut self, a: Part) -> Part {
        match a {
            Part::Const(constant) => Part::Const(constant.swap_bytes()),
            Part::Value(value) => self.one(Opcode::Bswap, I128, &[value], Imm::None),
        }
    }

    /// The byte at `index` from the most significant one; 0 beyond the last.
    pub fn word_byte(&mut self, index: Word, a: Word) -> Word {
        if let Some(index) = index.as_constant() {
            let Some(below) = 31u32.checked_sub(index.saturating_to()) else { return Word::ZERO };
            let shifted = self.word_shift(Opcode::Lshr, a, 8 * below);
            return Word::low(self.binary(Opcode::And, I128, shifted.lo, Part::Const(0xff)));
        }
        let beyond = self.word_compare(Opcode::Ugt, index, Word::low(Part::Const(31)));
        let index = self.trunc(I64, I128, index.lo);
        let [a0, a1, a2, a3] = self.limbs(a);
        let lower = self.bit_select(index, 8, a0, a1);
        let upper = self.bit_select(index, 8, a2, a3);
        let limb = self.bit_select(index, 16, lower, upper);
        // Byte 0 of a limb is its highest: shift by (7 − index mod 8) · 8.
        let shift = self.shift(Opcode::Shl, I64, index, 3);
        let shift = self.binary(Opcode::And, I64, shift, Part::Const(56));
        let shift = self.binary(Opcode::Xor, I64, shift, Part::Const(56));
        let byte = self.binary(Opcode::Lshr, I64, limb, shift);
        let byte = self.binary(Opcode::And, I64, byte, Part::Const(0xff));
        let byte = self.select(I64, beyond, Part::ZERO, byte);
        Word::low(self.zext(I128, I64, byte))
    }

    /// `a` where the masked bit of `index` is set, else `b`.
    fn bit_select(&mut self, index: Part, mask: u128, a: Part, b: Part) -> Part {
        let bit = self.binary(Opcode::And, I64, index, Part::Const(mask));
        let set = self.compare(Opcode::Ne, I64, bit, Part::ZERO);
        self.select(I64, set, a, b)
    }

    /// Extends from the byte at `index` from the least significant one.
    pub fn word_sign_extend(&mut self, index: Word, a: Word) -> Word {
        if let Some(index) = index.as_constant() {
            return self.sign_extend_by(index.saturating_to::<u32>().min(31), a);
        }
        // Shift up and back by 8 · (31 − index), and by nothing from byte 31 on.
        let beyond = self.word_compare(Opcode::Ugt, index, Word::low(Part::Const(31)));
        let index = self.select(I128, beyond, Part::Const(31), index.lo);
        let unused = self.binary(Opcode::Sub, I128, Part::Const(31), index);
        let unused = self.shift(Opcode::Shl, I128, unused, 3);
        let unused = Word::low(self.binary(Opcode::And, I128, unused, Part::Const(0xf8)));
        let up = self.word_shift_by(Opcode::Shl, a, unused);
        self.word_shift_by(Opcode::Ashr, up, unused)
    }

    /// Extends from the byte at the constant `index`, at most 31.
    fn sign_extend_by(&mut self, index: u32, a: Word) -> Word {
        let width = 8 * (index + 1);
        let (narrow, half) = match width {
            8 => (Type::I8, a.lo),
            16 => (Type::I16, a.lo),
            32 => (Type::I32, a.lo),
            64 => (I64, a.lo),
            ..=128 => (I128, a.lo),
            _ => (I128, a.hi),
        };
        let value = self.trunc(narrow, I128, half);
        let value = self.sext(I128, narrow, value);
        let unused = if narrow == I128 { (256 - width) % 128 } else { 0 };
        let up = self.shift(Opcode::Shl, I128, value, unused);
        let extended = self.shift(Opcode::Ashr, I128, up, unused);
        if width > 128 {
            return Word { lo: a.lo, hi: extended };
        }
        Word { lo: extended, hi: self.shift(Opcode::Ashr, I128, extended, 127) }
    }

    /// `byte` of a type of at most 128 bits.
    pub fn narrow_byte(&mut self, ty: Type, index: Part, a: Part) -> Part {
        let last = u128::from(ty.bytes() - 1);
        let below = self.binary(Opcode::Sub, ty, Part::Const(last), index);
        let shift = self.shift(Opcode::Shl, ty, below, 3);
        let byte = self.binary(Opcode::Lshr, ty, a, shift);
        let byte = self.binary(Opcode::And, ty, byte, Part::Const(0xff));
        let inside = self.compare(Opcode::Ule, ty, index, Part::Const(last));
        self.select(ty, inside, byte, Part::ZERO)
    }

    /// `sign_extend` of a type of at most 128 bits.
    pub fn narrow_sign_extend(&mut self, ty: Type, index: Part, a: Part) -> Part {
        let last = u128::from(ty.bytes() - 1);
        let unused = self.binary(Opcode::Sub, ty, Part::Const(last), index);
        let unused = self.shift(Opcode::Shl, ty, unused, 3);
        let up = self.binary(Opcode::Shl, ty, a, unused);
        let extended = self.binary(Opcode::Ashr, ty, up, unused);
        let inside = self.compare(Opcode::Ult, ty, index, Part::Const(last));
        self.select(ty, inside, extended, a)
    }
}
