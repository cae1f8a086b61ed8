//! Conversions between types.

use evmc_ir::{InstData, Opcode, Type};

use crate::translate::{Done, Translator};

impl Translator<'_, '_> {
    /// `zext`, `sext`, `trunc` and `bitcast`.
    pub fn conversion(&mut self, data: &InstData) -> Done {
        let arg = data.args[0];
        let (from, to) = (self.func.ty(arg), data.ty.unwrap_or(Type::I64));
        let held = self.value(arg);
        if from == to {
            self.set(data, held);
            return Ok(());
        }
        let ty = self.unit.types.of(to);
        let value = match data.opcode {
            Opcode::Bitcast => self.b.build_bit_cast(held, ty, "")?,
            Opcode::Zext => self.b.build_int_z_extend(self.int(arg), ty.into_int_type(), "")?.into(),
            Opcode::Sext => self.b.build_int_s_extend(self.int(arg), ty.into_int_type(), "")?.into(),
            _ => self.b.build_int_truncate(self.int(arg), ty.into_int_type(), "")?.into(),
        };
        self.set(data, value);
        Ok(())
    }
}
