//! Numbers of 128 bits in two halves, the lower first: the proposal wide-arithmetic.

use evmc_ir::{Opcode, Type, Value};

use super::Lowering;

impl Lowering<'_, '_> {
    pub(super) fn wide(&mut self, opcode: Opcode) {
        let b = self.pop_wide();
        let a = self.pop_wide();
        let result = self.b.binary(opcode, a, b);
        self.push_wide(result);
    }

    pub(super) fn wide_product(&mut self, extension: Opcode) {
        let (a, b) = self.pop_pair();
        let a = self.b.convert(extension, Type::I128, a);
        let b = self.b.convert(extension, Type::I128, b);
        let product = self.b.binary(Opcode::Mul, a, b);
        self.push_wide(product);
    }

    fn pop_wide(&mut self) -> Value {
        let (low, high) = self.pop_pair();
        let low = self.b.convert(Opcode::Zext, Type::I128, low);
        let high = self.b.convert(Opcode::Zext, Type::I128, high);
        let half = self.b.small(Type::I128, 64);
        let high = self.b.binary(Opcode::Shl, high, half);
        self.b.binary(Opcode::Or, high, low)
    }

    fn push_wide(&mut self, value: Value) {
        let half = self.b.small(Type::I128, 64);
        let low = self.b.convert(Opcode::Trunc, Type::I64, value);
        let high = self.b.binary(Opcode::Lshr, value, half);
        let high = self.b.convert(Opcode::Trunc, Type::I64, high);
        self.push(low);
        self.push(high);
    }
}
