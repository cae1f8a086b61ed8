//! Comparisons and selection.

use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Value, condcodes::IntCC, types};
use evmc_ir::{InstData, Opcode, Type};

use crate::translate::Translator;
use crate::value::Held;

/// Cranelift's condition for an integer comparison.
const fn condition(op: Opcode) -> IntCC {
    match op {
        Opcode::Eq => IntCC::Equal,
        Opcode::Ne => IntCC::NotEqual,
        Opcode::Ult => IntCC::UnsignedLessThan,
        Opcode::Ule => IntCC::UnsignedLessThanOrEqual,
        Opcode::Ugt => IntCC::UnsignedGreaterThan,
        Opcode::Uge => IntCC::UnsignedGreaterThanOrEqual,
        Opcode::Slt => IntCC::SignedLessThan,
        Opcode::Sle => IntCC::SignedLessThanOrEqual,
        Opcode::Sgt => IntCC::SignedGreaterThan,
        _ => IntCC::SignedGreaterThanOrEqual,
    }
}

impl Translator<'_, '_> {
    /// Comparisons, and `select`.
    pub fn comparison(&mut self, data: &InstData) {
        if data.opcode == Opcode::Select {
            return self.select(data);
        }
        let op = data.opcode;
        let value = match data.ty.unwrap_or(Type::I64) {
            Type::I128 | Type::V128 if matches!(op, Opcode::Eq | Opcode::Ne) => self.wide_equal(data),
            Type::F32 | Type::F64 => {
                let [a, b] = [0, 1].map(|n| self.bits_of(data, n));
                self.b.ins().icmp(condition(op), a, b)
            }
            // As signed numbers the values are 0 and −1, so the order is reversed.
            Type::I1 if matches!(op, Opcode::Slt | Opcode::Sle | Opcode::Sgt | Opcode::Sge) => {
                let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
                self.b.ins().icmp(condition(op).unsigned(), b, a)
            }
            _ => {
                let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
                self.b.ins().icmp(condition(op), a, b)
            }
        };
        self.set_one(data, value);
    }

    /// The bits of a float operand.
    fn bits_of(&mut self, data: &InstData, number: usize) -> Value {
        let value = self.one(data.args[number]);
        let ty = if data.ty == Some(Type::F32) { types::I32 } else { types::I64 };
        self.b.ins().bitcast(ty, MemFlagsData::new(), value)
    }

    /// Equality of 128 bits: no bit of the difference is set.
    fn wide_equal(&mut self, data: &InstData) -> Value {
        let [(a, b), (c, d)] = [0, 1].map(|n| {
            if data.ty != Some(Type::V128) {
                return self.halves(data.args[n]);
            }
            let vector = self.one(data.args[n]);
            let flags = MemFlagsData::new().with_endianness(Endianness::Little);
            let whole = self.b.ins().bitcast(types::I128, flags, vector);
            self.b.ins().isplit(whole)
        });
        if self.constant(b) == Some(0) && self.constant(d) == Some(0) {
            return self.b.ins().icmp(condition(data.opcode), a, c);
        }
        let low = self.bitwise(Opcode::Xor, a, c);
        let high = self.bitwise(Opcode::Xor, b, d);
        let any = self.bitwise(Opcode::Or, low, high);
        let zero = self.i64(0);
        self.b.ins().icmp(condition(data.opcode), any, zero)
    }

    /// `select`. Words of 128 bits are selected in halves: Cranelift would make a minimum or maximum
    /// of a selection by a comparison of the same two values, and has none of that width.
    fn select(&mut self, data: &InstData) {
        let condition = self.one(data.args[0]);
        let (x, y) = (data.args[1], data.args[2]);
        if self.func.ty(x) != Type::I128 {
            let (a, b) = (self.one(x), self.one(y));
            let value = self.b.ins().select(condition, a, b);
            return self.set_one(data, value);
        }
        let ((a, b), (c, d)) = (self.halves(x), self.halves(y));
        let same = |translator: &Self, x, y| {
            x == y || translator.constant(x).is_some() && translator.constant(x) == translator.constant(y)
        };
        let low = if same(self, a, c) { a } else { self.b.ins().select(condition, a, c) };
        let high = if same(self, b, d) { b } else { self.b.ins().select(condition, b, d) };
        self.set(data, Held::Halves(low, high));
    }
}
