//! Comparisons and selection.

use evmc_ir::{InstData, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValue, IntValue};

use crate::alias::attach;
use crate::translate::{Done, Translator};

/// LLVM's predicate for an integer comparison.
const fn predicate(op: Opcode) -> IntPredicate {
    match op {
        Opcode::Eq => IntPredicate::EQ,
        Opcode::Ne => IntPredicate::NE,
        Opcode::Ult => IntPredicate::ULT,
        Opcode::Ule => IntPredicate::ULE,
        Opcode::Ugt => IntPredicate::UGT,
        Opcode::Uge => IntPredicate::UGE,
        Opcode::Slt => IntPredicate::SLT,
        Opcode::Sle => IntPredicate::SLE,
        Opcode::Sgt => IntPredicate::SGT,
        _ => IntPredicate::SGE,
    }
}

impl<'c> Translator<'_, 'c> {
    /// Comparisons, and `select`. A `select` of WebAssembly stays one: whoever compiled to it has chosen between it and a
    /// branch, and knew more. LLVM's code generator makes branches of those that it finds on the critical path.
    pub fn comparison(&mut self, data: &InstData) -> Done {
        if data.opcode == Opcode::Select {
            let condition = self.int(data.args[0]);
            let (yes, no) = (self.value(data.args[1]), self.value(data.args[2]));
            let value = self.b.build_select(condition, yes, no, "")?;
            if let Some(select) = value.as_instruction_value().filter(|_| self.unit.instance.is_some()) {
                attach(select, self.unit.weights.unforeseeable, self.unit.weights.unforeseeable_kind);
            }
            self.set(data, value);
            return Ok(());
        }
        let (a, b) = (self.bits_of(data, 0)?, self.bits_of(data, 1)?);
        let value = self.b.build_int_compare(predicate(data.opcode), a, b, "")?;
        self.set(data, value);
        Ok(())
    }

    /// An operand as an integer of its bits.
    fn bits_of(&mut self, data: &InstData, number: usize) -> Done<IntValue<'c>> {
        let ty = data.ty.unwrap_or(Type::I64);
        let value = self.value(data.args[number]);
        let bits: BasicTypeEnum<'c> = self.unit.types.int(ty.bits()).into();
        Ok(self.b.build_bit_cast(value, bits, "")?.into_int_value())
    }
}
