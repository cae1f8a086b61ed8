//! Floating point. Arithmetic gives some NaN; `fcanon` makes it the canonical one, out of line.

use cranelift_codegen::ir::{InstBuilder, Value, condcodes::FloatCC, types};
use evmc_backend::CpuLevel;
use evmc_ir::{InstData, Opcode, Type};

use crate::translate::{Refusal, Translator};
use crate::value::machine_type;

impl Translator<'_, '_> {
    /// Any operation of floating point.
    pub fn float(&mut self, data: &InstData) -> Result<(), Refusal> {
        let a = self.one(data.args[0]);
        let b = self.one(*data.args.last().unwrap_or(&data.args[0]));
        let ty = machine_type(data.ty.unwrap_or(Type::F64));
        let value = match data.opcode {
            Opcode::Fabs => self.b.ins().fabs(a),
            Opcode::Fneg => self.b.ins().fneg(a),
            Opcode::Fcopysign => self.b.ins().fcopysign(a, b),
            Opcode::Feq => self.b.ins().fcmp(FloatCC::Equal, a, b),
            Opcode::Fne => self.b.ins().fcmp(FloatCC::NotEqual, a, b),
            Opcode::Flt => self.b.ins().fcmp(FloatCC::LessThan, a, b),
            Opcode::Fle => self.b.ins().fcmp(FloatCC::LessThanOrEqual, a, b),
            Opcode::Fcanon => self.canonical(ty, a),
            Opcode::Fpromote => self.b.ins().fpromote(ty, a),
            Opcode::Fdemote => self.b.ins().fdemote(ty, a),
            Opcode::FtoSint => self.b.ins().fcvt_to_sint_sat(ty, a),
            Opcode::FtoUint => self.b.ins().fcvt_to_uint_sat(ty, a),
            Opcode::SintToF => self.b.ins().fcvt_from_sint(ty, a),
            Opcode::UintToF => self.b.ins().fcvt_from_uint(ty, a),
            _ => self.float_arithmetic(data.opcode, a, b)?,
        };
        self.set_one(data, value);
        Ok(())
    }

    fn float_arithmetic(&mut self, op: Opcode, a: Value, b: Value) -> Result<Value, Refusal> {
        let rounds = matches!(op, Opcode::Fceil | Opcode::Ffloor | Opcode::Ftrunc | Opcode::Fnearest);
        if rounds && self.around.cpu == CpuLevel::Baseline {
            return Err("below SSE4.1");
        }
        let ins = self.b.ins();
        Ok(match op {
            Opcode::Fadd => ins.fadd(a, b),
            Opcode::Fsub => ins.fsub(a, b),
            Opcode::Fmul => ins.fmul(a, b),
            Opcode::Fdiv => ins.fdiv(a, b),
            Opcode::Fmin => ins.fmin(a, b),
            Opcode::Fmax => ins.fmax(a, b),
            Opcode::Fsqrt => ins.sqrt(a),
            Opcode::Fceil => ins.ceil(a),
            Opcode::Ffloor => ins.floor(a),
            Opcode::Ftrunc => ins.trunc(a),
            _ => ins.nearest(a),
        })
    }

    /// The value, or the canonical quiet NaN where it is a NaN.
    fn canonical(&mut self, ty: types::Type, value: Value) -> Value {
        let unordered = self.b.ins().fcmp(FloatCC::Unordered, value, value);
        let (cold, next) = (self.cold_block(&[]), self.next_block(&[ty]));
        self.b.ins().brif(unordered, cold, &[], next, &[value.into()]);
        self.enter_sealed(cold);
        let nan = match ty {
            types::F32 => self.b.ins().f32const(f32::from_bits(0x7fc0_0000)),
            _ => self.b.ins().f64const(f64::from_bits(0x7ff8_0000_0000_0000)),
        };
        self.b.ins().jump(next, &[nan.into()]);
        self.enter_sealed(next);
        self.b.block_params(next)[0]
    }
}
