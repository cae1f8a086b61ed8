//! VM memory, calldata and code access that needs no host function.
//!
//! An access is three steps: bring the offset to 64 bits (a larger one could never be paid for),
//! make sure that the range is there, then load or store. Within a block, a constant range below
//! one that was made sure before needs the last step only: memory never shrinks.

use evmc_abi::Field;
use evmc_ir::{Opcode, Type, Value};

use super::Lowering;
use crate::analysis::check;

impl Lowering<'_> {
    /// `MLOAD`.
    pub(super) fn mload(&mut self) {
        let offset = self.pop();
        let offset = self.ensure(offset, 32);
        let bytes = self.b.mem_load(Type::I256, offset);
        let word = self.b.unary(Opcode::Bswap, bytes);
        self.push(word);
    }

    /// `MSTORE`.
    pub(super) fn mstore(&mut self) {
        let (offset, word) = (self.pop(), self.pop());
        let offset = self.ensure(offset, 32);
        let bytes = self.b.unary(Opcode::Bswap, word);
        self.b.mem_store(offset, bytes);
    }

    /// `MSTORE8`.
    pub(super) fn mstore8(&mut self) {
        let (offset, word) = (self.pop(), self.pop());
        let offset = self.ensure(offset, 1);
        let byte = self.b.convert(Opcode::Trunc, Type::I8, word);
        self.b.mem_store(offset, byte);
    }

    /// Makes sure that memory holds `length` bytes from `offset`; gives the offset as an `i64`.
    fn ensure(&mut self, offset: Value, length: u64) -> Value {
        let constant = self.b.func.constant(offset).and_then(|offset| u64::try_from(offset).ok());
        if let Some(offset) = constant
            && let Some(end) = offset.checked_add(length)
        {
            if end > self.ensured {
                let end = self.b.small(Type::I64, end);
                self.b.effect(Opcode::MemEnsure, &[end]);
            }
            self.ensured = self.ensured.max(end);
            return self.b.small(Type::I64, offset);
        }
        check::write(&mut self.b, offset, length)
    }

    /// `CALLDATALOAD`.
    pub(super) fn calldata_load(&mut self) {
        let offset = self.pop();
        let inst = self.b.op(Opcode::CalldataLoad, None, &[offset], evmc_ir::Imm::None);
        let word = self.b.func.insts[inst].results[0];
        self.push(word);
    }

    /// Pushes a numeric field of the frame.
    pub(super) fn push_number(&mut self, field: Field) {
        let number = self.b.frame_get(Type::I64, field);
        let word = self.b.convert(Opcode::Zext, Type::I256, number);
        self.push(word);
    }

    /// Pushes a word of the frame.
    pub(super) fn push_word(&mut self, field: Field) {
        let word = self.b.frame_get(Type::I256, field);
        self.push(word);
    }

    /// `GAS`: what is left after its own cost.
    pub(super) fn gas(&mut self) {
        let inst = self.b.op(Opcode::GasRemaining, None, &[], evmc_ir::Imm::None);
        let gas = self.b.func.insts[inst].results[0];
        let word = self.b.convert(Opcode::Zext, Type::I256, gas);
        self.push(word);
    }
}
