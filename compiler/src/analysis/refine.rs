//! What a condition that is known to hold, or not to, says of the values in it.

use evmc_ir::{Function, Imm, InstData, Opcode, Type, Value};
use ruint::aliases::U256;

use super::fact::{Fact, ones};

/// Conditions within conditions that are looked at.
const DEPTH: u32 = 4;

/// Calls `learn` with every fact that follows from `condition` being `holds`; `fact` gives what is
/// known of the values before.
pub(super) fn condition(
    func: &Function,
    condition: Value,
    holds: bool,
    fact: &dyn Fn(Value) -> Fact,
    learn: &mut dyn FnMut(Value, Fact),
) {
    Learner { func, fact, learn }.boolean(condition, holds, DEPTH);
}

/// A walk into a condition.
struct Learner<'a> {
    func: &'a Function,
    fact: &'a dyn Fn(Value) -> Fact,
    learn: &'a mut dyn FnMut(Value, Fact),
}

impl Learner<'_> {
    fn boolean(&mut self, condition: Value, holds: bool, depth: u32) {
        (self.learn)(condition, Fact::constant(Type::I1, U256::from(holds)));
        let Some(data) = self.func.defining_inst(condition).filter(|_| depth > 0) else { return };
        let &[a, ref rest @ ..] = &data.args[..] else { return };
        match (data.opcode, rest) {
            (Opcode::Not, []) => self.boolean(a, !holds, depth - 1),
            (Opcode::And, &[b]) if holds => {
                [a, b].into_iter().for_each(|part| self.boolean(part, true, depth - 1))
            }
            (Opcode::Or, &[b]) if !holds => {
                [a, b].into_iter().for_each(|part| self.boolean(part, false, depth - 1))
            }
            (_, &[b]) => self.comparison(data, a, b, holds, depth),
            _ => {}
        }
    }

    fn comparison(&mut self, data: &InstData, a: Value, b: Value, holds: bool, depth: u32) {
        use Opcode as Op;
        match (data.opcode, holds) {
            (Op::Eq, true) | (Op::Ne, false) => self.equal(a, b),
            (Op::Eq, false) | (Op::Ne, true) => self.differ(a, b, depth),
            (Op::Ult, true) | (Op::Uge, false) => self.below(a, b, true),
            (Op::Ule, true) | (Op::Ugt, false) => self.below(a, b, false),
            (Op::Ugt, true) | (Op::Ule, false) => self.below(b, a, true),
            (Op::Uge, true) | (Op::Ult, false) => self.below(b, a, false),
            (Op::Slt, true) | (Op::Sge, false) => self.signed_below(a, b, true),
            (Op::Sle, true) | (Op::Sgt, false) => self.signed_below(a, b, false),
            (Op::Sgt, true) | (Op::Sle, false) => self.signed_below(b, a, true),
            (Op::Sge, true) | (Op::Slt, false) => self.signed_below(b, a, false),
            _ => {}
        }
    }

    /// A fact of a value, and of the narrower value that it extends.
    fn note(&mut self, value: Value, fact: Fact) {
        (self.learn)(value, fact);
        if let Some(data) = self.func.defining_inst(value)
            && data.opcode == Opcode::Zext
            && let Imm::None = data.imm
        {
            let ty = self.func.ty(data.args[0]);
            (self.learn)(data.args[0], Fact::at_most(ty, fact.max));
        }
    }

    fn equal(&mut self, a: Value, b: Value) {
        let both = (self.fact)(a).meet(&(self.fact)(b), self.func.ty(a));
        self.note(a, both);
        self.note(b, both);
    }

    /// `a ≠ b`: of a flag that is not 0 it says that the flag is set.
    fn differ(&mut self, a: Value, b: Value, depth: u32) {
        for (value, other) in [(a, b), (b, a)] {
            let (fact, other) = ((self.fact)(value), (self.fact)(other).known());
            if fact.bits() > 1 {
                continue;
            }
            let Some(flag) = other.filter(|&bits| bits <= U256::ONE) else { continue };
            (self.learn)(value, Fact::constant(self.func.ty(value), U256::ONE - flag));
            if let Some(data) = self.func.defining_inst(value)
                && data.opcode == Opcode::Zext
                && self.func.ty(data.args[0]) == Type::I1
            {
                self.boolean(data.args[0], flag.is_zero(), depth - 1);
            }
        }
    }

    /// `a < b` where `strict`, else `a ≤ b`.
    fn below(&mut self, a: Value, b: Value, strict: bool) {
        let ty = self.func.ty(a);
        let most = (self.fact)(b).max.saturating_sub(U256::from(strict));
        self.note(a, Fact::at_most(ty, most));
    }

    /// The signed comparisons. Of numbers that are not negative they are the unsigned ones.
    fn signed_below(&mut self, a: Value, b: Value, strict: bool) {
        let ty = self.func.ty(a);
        let [of_a, of_b] = [a, b].map(|value| (self.fact)(value));
        if of_a.is_non_negative(ty) {
            let largest = ones(ty.bits() as usize - 1);
            // A number above one that is not negative is not negative.
            self.note(b, Fact::at_most(ty, largest));
            if of_b.max <= largest {
                self.below(a, b, strict);
            } else {
                self.note(a, Fact::at_most(ty, largest - U256::from(strict)));
            }
        }
    }
}
