//! Integer arithmetic and bitwise operations.

use cranelift_codegen::ir::{InstBuilder, Value, types};
use evmc_ir::{InstData, Opcode, Type};

use crate::translate::{Refusal, Translator};
use crate::value::Held;

impl Translator<'_, '_> {
    /// Sums, products and bitwise operations; quotients through `division`.
    pub fn arithmetic(&mut self, data: &InstData) -> Result<(), Refusal> {
        let ty = data.ty.unwrap_or(Type::I64);
        match ty {
            Type::I128 => return self.wide_arithmetic(data),
            Type::I1 => self.bit_arithmetic(data),
            _ => match data.opcode {
                Opcode::AddCarry | Opcode::SubBorrow => self.carrying(data),
                Opcode::Udiv | Opcode::Urem | Opcode::Sdiv | Opcode::Srem => self.division(data, ty),
                _ => {
                    let a = self.one(data.args[0]);
                    let b = self.one(*data.args.last().unwrap_or(&data.args[0]));
                    let value = self.simple(data.opcode, a, b);
                    self.set_one(data, value);
                }
            },
        }
        Ok(())
    }

    /// Operations that Cranelift has at every width; `b` is ignored by `not`.
    fn simple(&mut self, op: Opcode, a: Value, b: Value) -> Value {
        let ins = self.b.ins();
        match op {
            Opcode::Add => ins.iadd(a, b),
            Opcode::Sub => ins.isub(a, b),
            Opcode::Mul => ins.imul(a, b),
            Opcode::And => ins.band(a, b),
            Opcode::Or => ins.bor(a, b),
            Opcode::Xor => ins.bxor(a, b),
            _ => ins.bnot(a),
        }
    }

    /// `add_carry` and `sub_borrow`.
    fn carrying(&mut self, data: &InstData) {
        let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
        let (value, carry) = match data.opcode {
            Opcode::AddCarry => self.b.ins().uadd_overflow(a, b),
            _ => self.b.ins().usub_overflow(a, b),
        };
        self.held[data.results[0]] = Held::One(value);
        self.held[data.results[1]] = Held::One(carry);
    }

    /// Keeps only the lowest bit of an `i8`.
    pub fn mask_bit(&mut self, value: Value) -> Value {
        let one = self.iconst(types::I8, 1);
        self.b.ins().band(value, one)
    }

    /// Arithmetic modulo 2 on an `i8` that is 0 or 1. As signed numbers the values are 0 and −1.
    fn bit_arithmetic(&mut self, data: &InstData) {
        let a = self.one(data.args[0]);
        let b = self.one(*data.args.last().unwrap_or(&data.args[0]));
        let value = match data.opcode {
            Opcode::Add | Opcode::Sub | Opcode::Xor | Opcode::AddCarry | Opcode::SubBorrow => {
                self.b.ins().bxor(a, b)
            }
            Opcode::Mul | Opcode::And | Opcode::Udiv | Opcode::Sdiv => self.b.ins().band(a, b),
            Opcode::Or => self.b.ins().bor(a, b),
            Opcode::Not => {
                let one = self.iconst(types::I8, 1);
                self.b.ins().bxor(a, one)
            }
            _ => self.iconst(types::I8, 0),
        };
        self.set_one(data, value);
        if let Some(&carry) = data.results.get(1) {
            let a = if data.opcode == Opcode::SubBorrow { self.b.ins().bxor(a, value) } else { a };
            // a ⊕ (a ⊕ b) = b: the borrow is b where a is 0, that is b ∧ (a ⊕ b).
            let other = if data.opcode == Opcode::SubBorrow { value } else { b };
            let both = self.b.ins().band(a, other);
            self.held[carry] = Held::One(both);
        }
    }

    /// Arithmetic on `i128`.
    fn wide_arithmetic(&mut self, data: &InstData) -> Result<(), Refusal> {
        match data.opcode {
            Opcode::AddCarry | Opcode::SubBorrow => self.carrying(data),
            Opcode::And | Opcode::Or | Opcode::Xor => self.wide_bitwise(data),
            Opcode::Not => {
                let (low, high) = self.halves(data.args[0]);
                let held = Held::Halves(self.b.ins().bnot(low), self.b.ins().bnot(high));
                self.set(data, held);
            }
            Opcode::Mul => self.wide_mul(data),
            Opcode::Add | Opcode::Sub => {
                let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
                let value = self.simple(data.opcode, a, b);
                self.set_one(data, value);
            }
            _ => return Err("after legalisation"),
        }
        Ok(())
    }

    /// Bitwise operations, in halves where an operand is in halves.
    fn wide_bitwise(&mut self, data: &InstData) {
        let (x, y) = (data.args[0], data.args[1]);
        if !self.is_split(x) && !self.is_split(y) {
            let (a, b) = (self.one(x), self.one(y));
            let value = self.simple(data.opcode, a, b);
            return self.set_one(data, value);
        }
        let ((a, b), (c, d)) = (self.halves(x), self.halves(y));
        let held = Held::Halves(self.bitwise(data.opcode, a, c), self.bitwise(data.opcode, b, d));
        self.set(data, held);
    }

    /// A 64-bit bitwise operation, without an instruction where an operand is 0 or all ones.
    pub fn bitwise(&mut self, op: Opcode, a: Value, b: Value) -> Value {
        const ONES: Option<u64> = Some(u64::MAX);
        match (op, self.constant(a), self.constant(b)) {
            (Opcode::And, _, ONES) | (Opcode::Or | Opcode::Xor, _, Some(0)) => a,
            (Opcode::And, ONES, _) | (Opcode::Or | Opcode::Xor, Some(0), _) => b,
            (Opcode::And, Some(0), _) | (Opcode::And, _, Some(0)) => self.i64(0),
            _ => self.simple(op, a, b),
        }
    }

    /// Whether an `i128` is a number of at most 64 bits with its sign.
    fn is_sign_extended(&self, value: evmc_ir::Value) -> bool {
        self.func.defining_inst(value).is_some_and(|def| def.opcode == Opcode::Sext)
    }

    /// A product: only the partial products that can be other than 0.
    fn wide_mul(&mut self, data: &InstData) {
        let ((a, a_high), (b, b_high)) = (self.halves(data.args[0]), self.halves(data.args[1]));
        if data.args.iter().all(|&arg| self.is_sign_extended(arg)) {
            let [a, b] = [a, b].map(|low| self.b.ins().sextend(types::I128, low));
            let product = self.b.ins().imul(a, b);
            return self.set_one(data, product);
        }
        let (wide_a, wide_b) = (self.b.ins().uextend(types::I128, a), self.b.ins().uextend(types::I128, b));
        let product = self.b.ins().imul(wide_a, wide_b);
        let crosses = [(a, b_high), (a_high, b)];
        if crosses.iter().all(|&(_, high)| self.constant(high) == Some(0)) && self.constant(a_high) == Some(0)
        {
            return self.set_one(data, product);
        }
        let (low, mut high) = self.b.ins().isplit(product);
        for (x, y) in crosses {
            if self.constant(x) != Some(0) && self.constant(y) != Some(0) {
                let cross = self.b.ins().imul(x, y);
                high = self.b.ins().iadd(high, cross);
            }
        }
        self.set(data, Held::Halves(low, high));
    }
}
