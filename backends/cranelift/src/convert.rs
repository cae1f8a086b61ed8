//! Conversions between types.

use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Value, types};
use evmc_ir::{InstData, Opcode, Type};

use crate::translate::Translator;
use crate::value::{Held, machine_type};

impl Translator<'_, '_> {
    /// `zext`, `sext`, `trunc` and `bitcast`.
    pub fn conversion(&mut self, data: &InstData) {
        let arg = data.args[0];
        if data.results.iter().any(|&result| !matches!(self.held[result], Held::Nothing)) {
            // A load has done it.
            return;
        }
        let (from, to) = (self.func.ty(arg), data.ty.unwrap_or(Type::I64));
        if from == to {
            let held = self.held[arg];
            return self.set(data, held);
        }
        let held = match data.opcode {
            Opcode::Zext if to == Type::I128 => {
                let low = self.one(arg);
                let low = self.resize(low, types::I64);
                Held::Halves(low, self.i64(0))
            }
            Opcode::Zext => {
                let value = self.one(arg);
                Held::One(self.resize(value, machine_type(to)))
            }
            Opcode::Sext if to == Type::I128 => {
                let value = self.one(arg);
                let low = self.sign_extend(value, from, types::I64);
                Held::Halves(low, self.sign_of(low))
            }
            Opcode::Sext => {
                let value = self.one(arg);
                Held::One(self.sign_extend(value, from, machine_type(to)))
            }
            Opcode::Trunc => Held::One(self.truncate(arg, from, to)),
            _ => Held::One(self.bitcast(arg, to)),
        };
        self.set(data, held);
    }

    /// Extends the sign; an `i1` that is true is −1.
    fn sign_extend(&mut self, value: Value, from: Type, to: types::Type) -> Value {
        if from == Type::I1 {
            let value = self.resize(value, to);
            return self.b.ins().ineg(value);
        }
        if machine_type(from) == to { value } else { self.b.ins().sextend(to, value) }
    }

    fn truncate(&mut self, arg: evmc_ir::Value, from: Type, to: Type) -> Value {
        let value = if from == Type::I128 { self.halves(arg).0 } else { self.one(arg) };
        let value = self.resize(value, machine_type(to));
        if to == Type::I1 { self.mask_bit(value) } else { value }
    }

    fn bitcast(&mut self, arg: evmc_ir::Value, to: Type) -> Value {
        let value = self.one(arg);
        let to = machine_type(to);
        if self.b.func.dfg.value_type(value) == to {
            return value;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(to, flags, value)
    }
}
