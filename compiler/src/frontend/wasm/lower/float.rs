//! Arithmetic of floating point.
//!
//! The operations of the IR leave open which NaN they give. The language does, too, but programs must give the same results
//! everywhere, so each of them is followed by `fcanon`; a pass removes what nobody can tell. Negation, absolute value,
//! sign copies, selections and loads only move bits and keep those of a NaN.

use evmc_abi::ExitCode;
use evmc_ir::{Opcode, Type, Value};
use ruint::aliases::U256;

use super::Lowering;

/// Between what numbers, themselves excluded, a float must be for its truncation to fit a type. Where the format does not
/// hold the integer below the smallest that fits, it is the next float below.
fn bounds(opcode: Opcode, from: Type, to: Type) -> (f64, f64) {
    let (two_to_31, two_to_63) = (2_147_483_648.0, 9_223_372_036_854_775_808.0);
    match (opcode, from, to) {
        (Opcode::FtoUint, _, Type::I32) => (-1.0, 2.0 * two_to_31),
        (Opcode::FtoUint, _, _) => (-1.0, 2.0 * two_to_63),
        (_, Type::F64, Type::I32) => (-two_to_31 - 1.0, two_to_31),
        (_, _, Type::I32) => (-two_to_31 - 256.0, two_to_31),
        (_, Type::F64, _) => (-two_to_63 - 2_048.0, two_to_63),
        _ => (-two_to_63 - 1_099_511_627_776.0, two_to_63),
    }
}

impl Lowering<'_, '_> {
    pub(super) fn float(&mut self, opcode: Opcode, a: Value) -> Value {
        let result = self.b.unary(opcode, a);
        self.b.unary(Opcode::Fcanon, result)
    }

    pub(super) fn float_pair(&mut self, opcode: Opcode, a: Value, b: Value) -> Value {
        let result = self.b.binary(opcode, a, b);
        self.b.unary(Opcode::Fcanon, result)
    }

    pub(super) fn resize(&mut self, opcode: Opcode, ty: Type, a: Value) -> Value {
        let result = self.b.convert(opcode, ty, a);
        self.b.unary(Opcode::Fcanon, result)
    }

    /// A truncation that traps where the result does not fit.
    pub(super) fn truncate_float(&mut self, opcode: Opcode, to: Type, value: Value) -> Value {
        let from = self.b.func.ty(value);
        let is_nan = self.b.binary(Opcode::Fne, value, value);
        self.trap_if(ExitCode::InvalidConversionToInteger, is_nan);
        let (low, high) = bounds(opcode, from, to);
        let (low, high) = (self.float_constant(from, low), self.float_constant(from, high));
        let too_low = self.b.binary(Opcode::Fle, value, low);
        let too_high = self.b.binary(Opcode::Fle, high, value);
        let outside = self.b.binary(Opcode::Or, too_low, too_high);
        self.trap_if(ExitCode::IntegerOverflow, outside);
        self.b.convert(opcode, to, value)
    }

    fn float_constant(&mut self, ty: Type, value: f64) -> Value {
        let bits = if ty == Type::F32 { u64::from((value as f32).to_bits()) } else { value.to_bits() };
        self.b.constant(ty, U256::from(bits))
    }
}
