//! Shifts, rotations, bit counts and byte order.

use cranelift_codegen::ir::{InstBuilder, Value, condcodes::IntCC, types};
use evmc_ir as ir;
use evmc_ir::{InstData, Opcode, Type};

use crate::translate::{Refusal, Translator};
use crate::value::{Held, machine_type};

impl Translator<'_, '_> {
    /// Shifts, rotations and operations on one value's bits.
    pub fn shift_or_count(&mut self, data: &InstData) -> Result<(), Refusal> {
        let ty = data.ty.unwrap_or(Type::I64);
        match data.opcode {
            Opcode::Shl | Opcode::Lshr | Opcode::Ashr => self.shift(data, ty),
            Opcode::Rotl | Opcode::Rotr => self.rotate(data, ty),
            Opcode::Bswap => self.bswap(data, ty),
            _ => self.count(data, ty),
        }
        Ok(())
    }

    fn shift(&mut self, data: &InstData, ty: Type) {
        if ty == Type::I128 {
            return self.wide_shift(data);
        }
        let (a, amount) = (self.one(data.args[0]), self.one(data.args[1]));
        let value = match (data.opcode, ty) {
            // Shifting a bit by 1 leaves its sign or nothing.
            (Opcode::Ashr, Type::I1) => a,
            (_, Type::I1) => {
                let nothing = self.iconst(types::I8, 0);
                self.b.ins().select(amount, nothing, a)
            }
            (op, _) if self.is_below_width(data.args[1], ty) => self.raw_shift(op, a, amount),
            (Opcode::Ashr, _) => {
                let last = self.iconst(machine_type(ty), i64::from(ty.bits() - 1));
                let amount = self.b.ins().umin(amount, last);
                self.raw_shift(Opcode::Ashr, a, amount)
            }
            (op, _) => {
                let shifted = self.raw_shift(op, a, amount);
                let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, amount, i64::from(ty.bits()));
                let nothing = self.zero(machine_type(ty));
                self.b.ins().select(inside, shifted, nothing)
            }
        };
        self.set_one(data, value);
    }

    /// A shift whose amount Cranelift takes modulo the width.
    fn raw_shift(&mut self, op: Opcode, a: Value, amount: Value) -> Value {
        match op {
            Opcode::Shl => self.b.ins().ishl(a, amount),
            Opcode::Lshr => self.b.ins().ushr(a, amount),
            _ => self.b.ins().sshr(a, amount),
        }
    }

    /// Whether a shift amount is below the width for certain: a constant, a masked value, or such
    /// a value complemented within the mask.
    fn is_below_width(&self, amount: ir::Value, ty: Type) -> bool {
        let small = |value| {
            self.func.constant(value).is_some_and(|constant| constant.as_limbs()[0] < u64::from(ty.bits()))
        };
        let bounded = |value| {
            let def = self.func.defining_inst(value);
            def.is_some_and(|def| def.opcode == Opcode::And && def.args.iter().any(|&arg| small(arg)))
        };
        small(amount)
            || bounded(amount)
            || self.func.defining_inst(amount).is_some_and(|def| {
                def.opcode == Opcode::Xor
                    && small(def.args[1])
                    && bounded(def.args[0])
                    && ty.bits().is_power_of_two()
            })
    }

    /// A shift of an `i128`: in halves by a constant, whole otherwise.
    fn wide_shift(&mut self, data: &InstData) {
        let (low, high) = self.halves(data.args[0]);
        let op = data.opcode;
        if let Some(amount) = self.func.constant(data.args[1]) {
            let amount = amount.saturating_to::<u64>().min(128) as u32;
            let (low, high) = self.shift_halves(op, low, high, amount);
            return self.set(data, Held::Halves(low, high));
        }
        let whole = self.one(data.args[0]);
        let (amount, amount_high) = self.halves(data.args[1]);
        let shifted = self.raw_shift(op, whole, amount);
        if self.is_below_width(data.args[1], Type::I128) {
            return self.set_one(data, shifted);
        }
        // Any bit of the amount from the seventh on shifts everything out.
        let seven = self.i64(7);
        let rest = self.b.ins().ushr(amount, seven);
        let rest = self.bitwise(Opcode::Or, rest, amount_high);
        let beyond = self.b.ins().icmp_imm_s(IntCC::NotEqual, rest, 0);
        let fill = match op {
            Opcode::Ashr => {
                let sign = self.sign_of(high);
                self.b.ins().iconcat(sign, sign)
            }
            _ => self.zero(types::I128),
        };
        let value = self.b.ins().select(beyond, fill, shifted);
        self.set_one(data, value);
    }

    /// All ones where a 64-bit number is negative, else 0.
    pub fn sign_of(&mut self, value: Value) -> Value {
        let last = self.i64(63);
        self.b.ins().sshr(value, last)
    }

    /// Shifts two halves by a constant of at most 128.
    fn shift_halves(&mut self, op: Opcode, low: Value, high: Value, amount: u32) -> (Value, Value) {
        let fill = match op {
            Opcode::Ashr if amount >= 64 => self.sign_of(high),
            _ => self.i64(0),
        };
        match (op, amount) {
            (_, 0) => (low, high),
            (_, 128..) => (fill, fill),
            (Opcode::Shl, 64..) => (fill, self.shift_half(Opcode::Shl, low, amount - 64)),
            (_, 64..) => (self.shift_half(op, high, amount - 64), fill),
            (Opcode::Shl, _) => {
                let own = self.shift_half(Opcode::Shl, high, amount);
                let below = self.shift_half(Opcode::Lshr, low, 64 - amount);
                let high = self.bitwise(Opcode::Or, own, below);
                (self.shift_half(Opcode::Shl, low, amount), high)
            }
            _ => {
                let own = self.shift_half(Opcode::Lshr, low, amount);
                let above = self.shift_half(Opcode::Shl, high, 64 - amount);
                (self.bitwise(Opcode::Or, own, above), self.shift_half(op, high, amount))
            }
        }
    }

    /// Shifts a 64-bit value by a constant below 64.
    fn shift_half(&mut self, op: Opcode, value: Value, amount: u32) -> Value {
        if amount == 0 || self.constant(value) == Some(0) {
            return value;
        }
        let amount = self.i64(amount.into());
        self.raw_shift(op, value, amount)
    }

    fn rotate(&mut self, data: &InstData, ty: Type) {
        let a = self.one(data.args[0]);
        if ty == Type::I1 {
            return self.set_one(data, a);
        }
        let amount = if ty == Type::I128 { self.halves(data.args[1]).0 } else { self.one(data.args[1]) };
        let value = match data.opcode {
            Opcode::Rotl => self.b.ins().rotl(a, amount),
            _ => self.b.ins().rotr(a, amount),
        };
        self.set_one(data, value);
    }

    fn bswap(&mut self, data: &InstData, ty: Type) {
        let held = match ty {
            Type::I128 => {
                let (low, high) = self.halves(data.args[0]);
                Held::Halves(self.b.ins().bswap(high), self.b.ins().bswap(low))
            }
            Type::I8 => Held::One(self.one(data.args[0])),
            _ => {
                let a = self.one(data.args[0]);
                Held::One(self.b.ins().bswap(a))
            }
        };
        self.set(data, held);
    }

    /// Leading zeros, trailing zeros, ones.
    fn count(&mut self, data: &InstData, ty: Type) {
        let a = self.one(data.args[0]);
        let value = match (data.opcode, ty) {
            (Opcode::Popcnt, Type::I1) => a,
            (_, Type::I1) => {
                let one = self.iconst(types::I8, 1);
                self.b.ins().bxor(a, one)
            }
            (Opcode::Clz, _) => self.b.ins().clz(a),
            (Opcode::Ctz, _) => self.b.ins().ctz(a),
            _ => self.b.ins().popcnt(a),
        };
        self.set_one(data, value);
    }
}
