//! Floating point: arithmetic as LLVM has it, rounded to nearest and never contracted. Which NaN it gives is open,
//! until `fcanon` makes it the canonical one.

use evmc_backend::CpuLevel;
use evmc_ir::{InstData, Opcode, Type};
use inkwell::FloatPredicate;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValueEnum, FloatValue};

use crate::translate::{Done, Refusal, Translator};

impl<'c> Translator<'_, 'c> {
    /// Any operation of floating point.
    pub fn float(&mut self, data: &InstData) -> Done {
        if matches!(
            data.opcode,
            Opcode::Fpromote
                | Opcode::Fdemote
                | Opcode::FtoSint
                | Opcode::FtoUint
                | Opcode::SintToF
                | Opcode::UintToF
        ) {
            return self.convert_float(data);
        }
        let a = self.float_value(data.args[0]);
        let b = self.float_value(*data.args.last().unwrap_or(&data.args[0]));
        let predicate = match data.opcode {
            Opcode::Feq => FloatPredicate::OEQ,
            Opcode::Fne => FloatPredicate::UNE,
            Opcode::Flt => FloatPredicate::OLT,
            Opcode::Fle => FloatPredicate::OLE,
            op => {
                let value = self.float_operation(op, data.ty.unwrap_or(Type::F64), a, b)?;
                self.set(data, value);
                return Ok(());
            }
        };
        let value = self.b.build_float_compare(predicate, a, b, "")?;
        self.set(data, value);
        Ok(())
    }

    fn float_operation(
        &mut self,
        op: Opcode,
        ty: Type,
        a: FloatValue<'c>,
        b: FloatValue<'c>,
    ) -> Done<FloatValue<'c>> {
        let rounds = matches!(op, Opcode::Fceil | Opcode::Ffloor | Opcode::Ftrunc | Opcode::Fnearest);
        if rounds && self.unit.is_x86 && self.unit.cpu == CpuLevel::Baseline {
            return Err(Refusal::Unavailable("below SSE4.1"));
        }
        match op {
            Opcode::Fcanon => self.canonical(ty, a),
            Opcode::Fneg => Ok(self.b.build_float_neg(a, "")?),
            Opcode::Fabs => self.float_intrinsic("llvm.fabs", &[a]),
            Opcode::Fcopysign => self.float_intrinsic("llvm.copysign", &[a, b]),
            Opcode::Fadd => Ok(self.b.build_float_add(a, b, "")?),
            Opcode::Fsub => Ok(self.b.build_float_sub(a, b, "")?),
            Opcode::Fmul => Ok(self.b.build_float_mul(a, b, "")?),
            Opcode::Fdiv => Ok(self.b.build_float_div(a, b, "")?),
            Opcode::Fmin => self.float_intrinsic("llvm.minimum", &[a, b]),
            Opcode::Fmax => self.float_intrinsic("llvm.maximum", &[a, b]),
            Opcode::Fsqrt => self.float_intrinsic("llvm.sqrt", &[a]),
            Opcode::Fceil => self.float_intrinsic("llvm.ceil", &[a]),
            Opcode::Ffloor => self.float_intrinsic("llvm.floor", &[a]),
            Opcode::Ftrunc => self.float_intrinsic("llvm.trunc", &[a]),
            _ => self.float_intrinsic("llvm.roundeven", &[a]),
        }
    }

    /// Conversions that have floating point on one side or on both.
    fn convert_float(&mut self, data: &InstData) -> Done {
        let (arg, ty) = (data.args[0], self.unit.types.of(data.ty.unwrap_or(Type::F64)));
        let value: BasicValueEnum<'c> = match data.opcode {
            Opcode::Fpromote => {
                self.b.build_float_ext(self.float_value(arg), ty.into_float_type(), "")?.into()
            }
            Opcode::Fdemote => {
                self.b.build_float_trunc(self.float_value(arg), ty.into_float_type(), "")?.into()
            }
            Opcode::SintToF => {
                self.b.build_signed_int_to_float(self.int(arg), ty.into_float_type(), "")?.into()
            }
            Opcode::UintToF => {
                self.b.build_unsigned_int_to_float(self.int(arg), ty.into_float_type(), "")?.into()
            }
            Opcode::FtoSint => self.saturated("llvm.fptosi.sat", ty, self.float_value(arg))?,
            _ => self.saturated("llvm.fptoui.sat", ty, self.float_value(arg))?,
        };
        self.set(data, value);
        Ok(())
    }

    /// A float as an integer, by an intrinsic that saturates.
    fn saturated(
        &mut self,
        name: &'static str,
        to: BasicTypeEnum<'c>,
        value: FloatValue<'c>,
    ) -> Done<BasicValueEnum<'c>> {
        let function = self.unit.intrinsic(name, &[to, value.get_type().into()])?;
        Ok(self.b.build_call(function, &[value.into()], "")?.try_as_basic_value().unwrap_basic())
    }

    fn float_intrinsic(&mut self, name: &'static str, args: &[FloatValue<'c>]) -> Done<FloatValue<'c>> {
        let ty = args[0].get_type();
        let args: Vec<_> = args.iter().map(|&arg| arg.into()).collect();
        Ok(self.intrinsic(name, ty.into(), &args)?.into_float_value())
    }

    /// The value, or the canonical quiet NaN where it is a NaN, which is rare.
    fn canonical(&mut self, ty: Type, value: FloatValue<'c>) -> Done<FloatValue<'c>> {
        let quiet = match ty {
            Type::F32 => 0x7fc0_0000,
            _ => 0x7ff8_0000_0000_0000,
        };
        let quiet = self.unit.types.int(ty.bits()).const_int(quiet, false);
        let quiet = self.b.build_bit_cast(quiet, value.get_type(), "")?.into_float_value();
        let is_nan = self.b.build_float_compare(FloatPredicate::UNO, value, value, "")?;
        Ok(self.rarely(is_nan, |_| Ok(quiet), |_| Ok(value))?.into_float_value())
    }
}
