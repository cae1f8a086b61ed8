//! Quotients and remainders.
//!
//! Ours are total; the processor's fault where the divisor is zero or the quotient does not fit. Those cases are put aside
//! with selections, except where a constant divisor or an exit before the operation excludes them.

use std::collections::HashSet;

use cranelift_codegen::ir::{InstBuilder, condcodes::IntCC};
use evmc_ir as ir;
use evmc_ir::{InstData, Opcode, Type};
use ruint::aliases::U256;

use crate::translate::Translator;
use crate::value::machine_type;

/// What exits in a block exclude behind them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    /// Values that are not zero.
    nonzero: HashSet<ir::Value>,
    /// Dividends and divisors of which not both are the least number and −1.
    fitting: HashSet<(ir::Value, ir::Value)>,
}

impl Translator<'_, '_> {
    /// Notes what does not hold behind an exit.
    pub fn learn(&mut self, excluded: ir::Value) {
        let Some(def) = self.func.defining_inst(excluded) else { return };
        match def.opcode {
            Opcode::Eq => self.checks.nonzero.extend(self.equal_to(excluded, |_| 0)),
            Opcode::And => {
                for (x, y) in [(def.args[0], def.args[1]), (def.args[1], def.args[0])] {
                    let dividend = self.equal_to(x, |ty| 1 << (ty.bits() - 1));
                    let divisor = self.equal_to(y, ones);
                    self.checks.fitting.extend(dividend.zip(divisor));
                }
            }
            _ => {}
        }
    }

    /// What a condition compares with a constant of at most 64 bits.
    fn equal_to(&self, condition: ir::Value, constant: impl Fn(Type) -> u64) -> Option<ir::Value> {
        let def = self.func.defining_inst(condition).filter(|def| def.opcode == Opcode::Eq)?;
        let ty = def.ty.filter(|ty| ty.is_int() && ty.bits() <= 64)?;
        let is_constant =
            |value| self.func.constant(value).is_some_and(|found| found == U256::from(constant(ty)));
        match (is_constant(def.args[0]), is_constant(def.args[1])) {
            (_, true) => Some(def.args[0]),
            (true, _) => Some(def.args[1]),
            _ => None,
        }
    }

    /// Quotient or remainder.
    pub fn division(&mut self, data: &InstData, ty: Type) {
        if matches!(data.opcode, Opcode::Udiv | Opcode::Urem) {
            self.unsigned_division(data, ty);
        } else {
            self.signed_division(data, ty);
        }
    }

    /// Whether exits exclude what Cranelift's signed division does not take. Its remainder takes −1.
    fn is_checked(&self, data: &InstData) -> bool {
        let (a, b) = (data.args[0], data.args[1]);
        let fits = data.opcode == Opcode::Srem || self.checks.fitting.contains(&(a, b));
        fits && self.checks.nonzero.contains(&b)
    }

    /// A zero divisor gives 0.
    fn unsigned_division(&mut self, data: &InstData, ty: Type) {
        let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
        let known = self.constant(b);
        let one = self.iconst(machine_type(ty), 1);
        let open = known.is_none_or(|b| b == 0) && !self.checks.nonzero.contains(&data.args[1]);
        let is_zero = open.then(|| self.b.ins().icmp_imm_s(IntCC::Equal, b, 0));
        let divisor = is_zero.map_or(b, |zero| self.b.ins().select(zero, one, b));
        let quotient = data.opcode == Opcode::Udiv;
        // The remainder of a division by 1 is 0 already.
        let value = if quotient { self.b.ins().udiv(a, divisor) } else { self.b.ins().urem(a, divisor) };
        let value = match is_zero {
            Some(zero) if quotient => {
                let nothing = self.zero(machine_type(ty));
                self.b.ins().select(zero, nothing, value)
            }
            _ => value,
        };
        self.set_one(data, value);
    }

    /// Divisors 0 and −1 are put aside, where `a / b = a · b`.
    fn signed_division(&mut self, data: &InstData, ty: Type) {
        let (a, b) = (self.one(data.args[0]), self.one(data.args[1]));
        let minus_one = ones(ty);
        let safe = self.constant(b).is_some_and(|b| b != 0 && b != minus_one) || self.is_checked(data);
        let special = (!safe).then(|| {
            let next = self.b.ins().iadd_imm_s(b, 1);
            self.b.ins().icmp_imm_s(IntCC::UnsignedLessThanOrEqual, next, 1)
        });
        let one = self.iconst(machine_type(ty), 1);
        let divisor = special.map_or(b, |special| self.b.ins().select(special, one, b));
        let value = match (data.opcode, special) {
            (Opcode::Srem, _) => self.b.ins().srem(a, divisor),
            (_, None) => self.b.ins().sdiv(a, divisor),
            (_, Some(special)) => {
                let quotient = self.b.ins().sdiv(a, divisor);
                let product = self.b.ins().imul(a, b);
                self.b.ins().select(special, product, quotient)
            }
        };
        self.set_one(data, value);
    }
}

/// All bits set.
fn ones(ty: Type) -> u64 {
    u64::MAX >> (64 - ty.bits())
}
