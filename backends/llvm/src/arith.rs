//! Integer arithmetic and bitwise operations, at every width as LLVM has them.

use evmc_ir::{InstData, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::values::IntMathValue;

use crate::translate::{Done, Translator};

impl<'c> Translator<'_, 'c> {
    /// Sums, differences, products and bitwise operations.
    pub fn arithmetic(&mut self, data: &InstData) -> Done {
        if data.ty == Some(Type::V128) {
            return self.vector_arithmetic(data);
        }
        let (a, b) = self.ints(data);
        let value = match data.opcode {
            Opcode::Sub | Opcode::SubBorrow => self.b.build_int_sub(a, b, "")?,
            Opcode::Mul => self.b.build_int_mul(a, b, "")?,
            Opcode::And | Opcode::Or | Opcode::Xor | Opcode::Not => self.bitwise(data.opcode, a, b)?,
            _ => self.b.build_int_add(a, b, "")?,
        };
        self.set(data, value);
        let carry = match data.opcode {
            Opcode::AddCarry => self.b.build_int_compare(IntPredicate::ULT, value, a, "")?,
            Opcode::SubBorrow => self.b.build_int_compare(IntPredicate::ULT, a, b, "")?,
            _ => return Ok(()),
        };
        self.set_second(data, carry);
        Ok(())
    }

    /// A bitwise operation; `b` is ignored by `not`.
    fn bitwise<T: IntMathValue<'c>>(&mut self, op: Opcode, a: T, b: T) -> Done<T> {
        Ok(match op {
            Opcode::And => self.b.build_and(a, b, "")?,
            Opcode::Or => self.b.build_or(a, b, "")?,
            Opcode::Xor => self.b.build_xor(a, b, "")?,
            _ => self.b.build_not(a, "")?,
        })
    }

    /// A bitwise operation on vectors.
    fn vector_arithmetic(&mut self, data: &InstData) -> Done {
        let a = self.value(data.args[0]).into_vector_value();
        let b = self.value(*data.args.last().unwrap_or(&data.args[0])).into_vector_value();
        let value = self.bitwise(data.opcode, a, b)?;
        self.set(data, value);
        Ok(())
    }
}
