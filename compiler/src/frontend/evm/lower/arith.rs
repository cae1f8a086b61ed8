//! Arithmetic, comparison and bit operations.

use evmc_ir::{Opcode, Type, Value};
use ruint::aliases::U256;

use super::Lowering;
use crate::frontend::evm::opcode;

impl Lowering<'_> {
    /// `opcode(top, second)`.
    pub(super) fn binary(&mut self, opcode: Opcode) {
        let (a, b) = (self.pop(), self.pop());
        let result = self.b.binary(opcode, a, b);
        self.push(result);
    }

    /// `opcode(top)`.
    pub(super) fn unary(&mut self, opcode: Opcode) {
        let a = self.pop();
        let result = self.b.unary(opcode, a);
        self.push(result);
    }

    /// `opcode(top, second, third)`.
    pub(super) fn ternary(&mut self, opcode: Opcode) {
        let (a, b, c) = (self.pop(), self.pop(), self.pop());
        let result = self.b.value(opcode, Type::I256, &[a, b, c]);
        self.push(result);
    }

    /// `opcode(top, second)` as the word 0 or 1.
    pub(super) fn compare(&mut self, opcode: Opcode) {
        let (a, b) = (self.pop(), self.pop());
        let bit = self.b.binary(opcode, a, b);
        self.push_bit(bit);
    }

    /// `ISZERO`: flips a comparison's bit where the operand is one.
    pub(super) fn is_zero(&mut self) {
        let a = self.pop();
        let bit = match self.as_bit(a) {
            Some(bit) => self.b.unary(Opcode::Not, bit),
            None => {
                let zero = self.b.small(Type::I256, 0);
                self.b.binary(Opcode::Eq, a, zero)
            }
        };
        self.push_bit(bit);
    }

    /// `SHL`, `SHR`, `SAR` (EIP-145): the amount is on top.
    pub(super) fn shift(&mut self, opcode: Opcode) {
        let (amount, value) = (self.pop(), self.pop());
        let result = self.b.binary(opcode, value, amount);
        self.push(result);
    }

    /// `EXP`: pays by the significant bytes of the exponent (EIP-160).
    pub(super) fn exp(&mut self) {
        let (base, exponent) = (self.pop(), self.pop());
        let per_byte = u64::from(opcode::exp_byte_gas(self.fork));
        let cost = match self.b.func.constant(exponent) {
            Some(constant) => {
                let bytes = constant.bit_len().div_ceil(8) as u64;
                self.b.small(Type::I64, bytes * per_byte)
            }
            None => self.exponent_cost(exponent, per_byte),
        };
        self.b.effect(Opcode::GasChargeDyn, &[cost]);
        let result = self.b.binary(Opcode::Exp, base, exponent);
        self.push(result);
    }

    /// Significant bytes of `exponent` times `per_byte`, as an `i64`.
    fn exponent_cost(&mut self, exponent: Value, per_byte: u64) -> Value {
        let leading = self.b.unary(Opcode::Clz, exponent);
        let leading = self.b.convert(Opcode::Trunc, Type::I64, leading);
        let padded = self.b.small(Type::I64, 256 + 7);
        let bits = self.b.binary(Opcode::Sub, padded, leading);
        let three = self.b.small(Type::I64, 3);
        let bytes = self.b.binary(Opcode::Lshr, bits, three);
        let per_byte = self.b.small(Type::I64, per_byte);
        self.b.binary(Opcode::Mul, bytes, per_byte)
    }

    /// Pushes a bit as a word.
    fn push_bit(&mut self, bit: Value) {
        let word = self.b.convert(Opcode::Zext, Type::I256, bit);
        self.push(word);
    }

    /// The bit that `word` is the zero-extension of, if it is one.
    fn as_bit(&self, word: Value) -> Option<Value> {
        let inst = self.b.func.defining_inst(word)?;
        let bit = *inst.args.first()?;
        (inst.opcode == Opcode::Zext && self.b.func.ty(bit) == Type::I1).then_some(bit)
    }

    /// Whether `word` is not zero, as an `i1`.
    pub(super) fn truth(&mut self, word: Value) -> Value {
        if let Some(bit) = self.as_bit(word) {
            return bit;
        }
        let zero = self.b.constant(Type::I256, U256::ZERO);
        self.b.binary(Opcode::Ne, word, zero)
    }
}
