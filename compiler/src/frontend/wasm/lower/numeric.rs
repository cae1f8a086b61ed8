//! Operators on numbers: integers, and what floats have in common with them. Each is a row; rows are few.

use evmc_abi::ExitCode;
use evmc_ir::{Opcode, Type, Value};
use ruint::aliases::U256;
use wasmparser::Operator as Op;

use super::Lowering;

/// What an operator does with its operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row {
    /// One operation on one operand.
    Unary(Opcode),
    /// One operation on two operands.
    Binary(Opcode),
    /// A comparison.
    Compare(Opcode),
    /// A comparison with its operands exchanged.
    Swapped(Opcode),
    /// Whether the operand is zero.
    IsZero,
    /// A shift: the amount counts modulo the width.
    Shift(Opcode),
    /// A division that traps where the divisor is zero; the flag: and where the quotient does not fit.
    Divide(Opcode, bool),
    /// A conversion to a type.
    Convert(Opcode, Type),
    /// The sign extension of the low bits, which have this type.
    ExtendLow(Type),
    /// Arithmetic of floats on one operand.
    Float(Opcode),
    /// Arithmetic of floats on two operands.
    FloatPair(Opcode),
    /// A float as one of another width.
    Resize(Opcode, Type),
    /// A float truncated to an integer; traps where it does not fit.
    Truncate(Opcode, Type),
    /// A sum or difference of 128 bits in halves.
    Wide(Opcode),
    /// A product of 128 bits in halves, of operands extended by an operation.
    WideProduct(Opcode),
}

/// The row of an operator, if it is one on numbers.
pub(super) fn row(operator: &Op<'_>) -> Option<Row> {
    integer(operator).or_else(|| float(operator)).or_else(|| conversion(operator))
}

fn integer(operator: &Op<'_>) -> Option<Row> {
    use Row::{Binary, Compare, Divide, IsZero, Shift, Unary, Wide, WideProduct};
    Some(match operator {
        Op::I32Eqz | Op::I64Eqz => IsZero,
        Op::I32Eq | Op::I64Eq => Compare(Opcode::Eq),
        Op::I32Ne | Op::I64Ne => Compare(Opcode::Ne),
        Op::I32LtS | Op::I64LtS => Compare(Opcode::Slt),
        Op::I32LtU | Op::I64LtU => Compare(Opcode::Ult),
        Op::I32GtS | Op::I64GtS => Compare(Opcode::Sgt),
        Op::I32GtU | Op::I64GtU => Compare(Opcode::Ugt),
        Op::I32LeS | Op::I64LeS => Compare(Opcode::Sle),
        Op::I32LeU | Op::I64LeU => Compare(Opcode::Ule),
        Op::I32GeS | Op::I64GeS => Compare(Opcode::Sge),
        Op::I32GeU | Op::I64GeU => Compare(Opcode::Uge),
        Op::I32Clz | Op::I64Clz => Unary(Opcode::Clz),
        Op::I32Ctz | Op::I64Ctz => Unary(Opcode::Ctz),
        Op::I32Popcnt | Op::I64Popcnt => Unary(Opcode::Popcnt),
        Op::I32Add | Op::I64Add => Binary(Opcode::Add),
        Op::I32Sub | Op::I64Sub => Binary(Opcode::Sub),
        Op::I32Mul | Op::I64Mul => Binary(Opcode::Mul),
        Op::I32DivS | Op::I64DivS => Divide(Opcode::Sdiv, true),
        Op::I32DivU | Op::I64DivU => Divide(Opcode::Udiv, false),
        Op::I32RemS | Op::I64RemS => Divide(Opcode::Srem, false),
        Op::I32RemU | Op::I64RemU => Divide(Opcode::Urem, false),
        Op::I32And | Op::I64And => Binary(Opcode::And),
        Op::I32Or | Op::I64Or => Binary(Opcode::Or),
        Op::I32Xor | Op::I64Xor => Binary(Opcode::Xor),
        Op::I32Shl | Op::I64Shl => Shift(Opcode::Shl),
        Op::I32ShrS | Op::I64ShrS => Shift(Opcode::Ashr),
        Op::I32ShrU | Op::I64ShrU => Shift(Opcode::Lshr),
        Op::I32Rotl | Op::I64Rotl => Binary(Opcode::Rotl),
        Op::I32Rotr | Op::I64Rotr => Binary(Opcode::Rotr),
        Op::I64Add128 => Wide(Opcode::Add),
        Op::I64Sub128 => Wide(Opcode::Sub),
        Op::I64MulWideS => WideProduct(Opcode::Sext),
        Op::I64MulWideU => WideProduct(Opcode::Zext),
        _ => return None,
    })
}

fn float(operator: &Op<'_>) -> Option<Row> {
    use Row::{Binary, Compare, Float, FloatPair, Swapped, Unary};
    Some(match operator {
        Op::F32Eq | Op::F64Eq => Compare(Opcode::Feq),
        Op::F32Ne | Op::F64Ne => Compare(Opcode::Fne),
        Op::F32Lt | Op::F64Lt => Compare(Opcode::Flt),
        Op::F32Le | Op::F64Le => Compare(Opcode::Fle),
        Op::F32Gt | Op::F64Gt => Swapped(Opcode::Flt),
        Op::F32Ge | Op::F64Ge => Swapped(Opcode::Fle),
        Op::F32Abs | Op::F64Abs => Unary(Opcode::Fabs),
        Op::F32Neg | Op::F64Neg => Unary(Opcode::Fneg),
        Op::F32Copysign | Op::F64Copysign => Binary(Opcode::Fcopysign),
        Op::F32Ceil | Op::F64Ceil => Float(Opcode::Fceil),
        Op::F32Floor | Op::F64Floor => Float(Opcode::Ffloor),
        Op::F32Trunc | Op::F64Trunc => Float(Opcode::Ftrunc),
        Op::F32Nearest | Op::F64Nearest => Float(Opcode::Fnearest),
        Op::F32Sqrt | Op::F64Sqrt => Float(Opcode::Fsqrt),
        Op::F32Add | Op::F64Add => FloatPair(Opcode::Fadd),
        Op::F32Sub | Op::F64Sub => FloatPair(Opcode::Fsub),
        Op::F32Mul | Op::F64Mul => FloatPair(Opcode::Fmul),
        Op::F32Div | Op::F64Div => FloatPair(Opcode::Fdiv),
        Op::F32Min | Op::F64Min => FloatPair(Opcode::Fmin),
        Op::F32Max | Op::F64Max => FloatPair(Opcode::Fmax),
        _ => return None,
    })
}

fn conversion(operator: &Op<'_>) -> Option<Row> {
    use Opcode::{Bitcast, FtoSint, FtoUint, Sext, SintToF, Trunc, UintToF, Zext};
    use Row::{Convert, ExtendLow, Resize, Truncate};
    Some(match operator {
        Op::I32WrapI64 => Convert(Trunc, Type::I32),
        Op::I64ExtendI32S => Convert(Sext, Type::I64),
        Op::I64ExtendI32U => Convert(Zext, Type::I64),
        Op::I32Extend8S | Op::I64Extend8S => ExtendLow(Type::I8),
        Op::I32Extend16S | Op::I64Extend16S => ExtendLow(Type::I16),
        Op::I64Extend32S => ExtendLow(Type::I32),
        Op::I32ReinterpretF32 => Convert(Bitcast, Type::I32),
        Op::I64ReinterpretF64 => Convert(Bitcast, Type::I64),
        Op::F32ReinterpretI32 => Convert(Bitcast, Type::F32),
        Op::F64ReinterpretI64 => Convert(Bitcast, Type::F64),
        Op::F32ConvertI32S | Op::F32ConvertI64S => Convert(SintToF, Type::F32),
        Op::F32ConvertI32U | Op::F32ConvertI64U => Convert(UintToF, Type::F32),
        Op::F64ConvertI32S | Op::F64ConvertI64S => Convert(SintToF, Type::F64),
        Op::F64ConvertI32U | Op::F64ConvertI64U => Convert(UintToF, Type::F64),
        Op::F32DemoteF64 => Resize(Opcode::Fdemote, Type::F32),
        Op::F64PromoteF32 => Resize(Opcode::Fpromote, Type::F64),
        Op::I32TruncF32S | Op::I32TruncF64S => Truncate(FtoSint, Type::I32),
        Op::I32TruncF32U | Op::I32TruncF64U => Truncate(FtoUint, Type::I32),
        Op::I64TruncF32S | Op::I64TruncF64S => Truncate(FtoSint, Type::I64),
        Op::I64TruncF32U | Op::I64TruncF64U => Truncate(FtoUint, Type::I64),
        Op::I32TruncSatF32S | Op::I32TruncSatF64S => Convert(FtoSint, Type::I32),
        Op::I32TruncSatF32U | Op::I32TruncSatF64U => Convert(FtoUint, Type::I32),
        Op::I64TruncSatF32S | Op::I64TruncSatF64S => Convert(FtoSint, Type::I64),
        Op::I64TruncSatF32U | Op::I64TruncSatF64U => Convert(FtoUint, Type::I64),
        _ => return None,
    })
}

impl Lowering<'_, '_> {
    /// Lowers a row.
    pub(super) fn numeric(&mut self, row: Row) {
        match row {
            Row::Unary(opcode) => self.unary(|this, a| this.b.unary(opcode, a)),
            Row::Binary(opcode) => self.binary(|this, a, b| this.b.binary(opcode, a, b)),
            Row::Compare(opcode) => self.binary(|this, a, b| this.compare(opcode, a, b)),
            Row::Swapped(opcode) => self.binary(|this, a, b| this.compare(opcode, b, a)),
            Row::IsZero => self.unary(Self::is_zero),
            Row::Shift(opcode) => self.binary(|this, a, b| this.shift(opcode, a, b)),
            Row::Divide(opcode, overflows) => self.binary(|this, a, b| this.divide(opcode, overflows, a, b)),
            Row::Convert(opcode, ty) => self.unary(|this, a| this.b.convert(opcode, ty, a)),
            Row::ExtendLow(ty) => self.unary(|this, a| this.extend_low(ty, a)),
            Row::Float(opcode) => self.unary(|this, a| this.float(opcode, a)),
            Row::FloatPair(opcode) => self.binary(|this, a, b| this.float_pair(opcode, a, b)),
            Row::Resize(opcode, ty) => self.unary(|this, a| this.resize(opcode, ty, a)),
            Row::Truncate(opcode, ty) => self.unary(|this, a| this.truncate_float(opcode, ty, a)),
            Row::Wide(opcode) => self.wide(opcode),
            Row::WideProduct(extension) => self.wide_product(extension),
        }
    }

    pub(super) fn unary(&mut self, operation: impl FnOnce(&mut Self, Value) -> Value) {
        let operand = self.pop();
        let result = operation(self, operand);
        self.push(result);
    }

    pub(super) fn binary(&mut self, operation: impl FnOnce(&mut Self, Value, Value) -> Value) {
        let (a, b) = self.pop_pair();
        let result = operation(self, a, b);
        self.push(result);
    }

    /// A condition as a number.
    pub(super) fn flag(&mut self, condition: Value) -> Value {
        self.b.convert(Opcode::Zext, Type::I32, condition)
    }

    /// The result of a comparison.
    fn compare(&mut self, opcode: Opcode, a: Value, b: Value) -> Value {
        let condition = self.b.binary(opcode, a, b);
        self.flag(condition)
    }

    fn is_zero(&mut self, value: Value) -> Value {
        match self.as_condition(value) {
            Some(condition) => {
                let condition = self.b.unary(Opcode::Not, condition);
                self.flag(condition)
            }
            None => {
                let zero = self.b.small(self.b.func.ty(value), 0);
                self.compare(Opcode::Eq, value, zero)
            }
        }
    }

    fn shift(&mut self, opcode: Opcode, value: Value, amount: Value) -> Value {
        let ty = self.b.func.ty(value);
        let mask = self.b.small(ty, u64::from(ty.bits()) - 1);
        let amount = self.b.binary(Opcode::And, amount, mask);
        self.b.binary(opcode, value, amount)
    }

    fn divide(&mut self, opcode: Opcode, overflows: bool, a: Value, b: Value) -> Value {
        let ty = self.b.func.ty(a);
        let zero = self.b.small(ty, 0);
        let by_zero = self.b.binary(Opcode::Eq, b, zero);
        self.trap_if(ExitCode::IntegerDivideByZero, by_zero);
        if overflows {
            let lowest = self.b.constant(ty, U256::ONE << (ty.bits() as usize - 1));
            let minus_one = self.b.constant(ty, evmc_ir::eval::mask(ty));
            let is_lowest = self.b.binary(Opcode::Eq, a, lowest);
            let by_minus_one = self.b.binary(Opcode::Eq, b, minus_one);
            let both = self.b.binary(Opcode::And, is_lowest, by_minus_one);
            self.trap_if(ExitCode::IntegerOverflow, both);
        }
        self.b.binary(opcode, a, b)
    }

    /// Traps where a condition holds.
    pub(super) fn trap_if(&mut self, code: ExitCode, condition: Value) {
        self.b.exit_if(code, condition);
        self.trap_site();
    }

    fn extend_low(&mut self, ty: Type, value: Value) -> Value {
        let low = self.b.convert(Opcode::Trunc, ty, value);
        self.b.convert(Opcode::Sext, self.b.func.ty(value), low)
    }
}
