//! Applies evaluation, facts and rules to one operation, and makes what they ask for.

use evmc_ir::{Imm, InstData, Opcode, Type, Value, ValueData, ValueDef, Values, eval};
use ruint::aliases::U256;
use smallvec::SmallVec;

use crate::analysis::fact::Fact;
use crate::rules::convert::{self, Made, Operand, View};
use crate::rules::rules_for;
use crate::rules::term::Term;

use super::Simplify;
use super::canonical::canonical;
use super::matcher::Binding;

/// What becomes of an operation.
pub(super) enum Outcome {
    /// A value that exists.
    Value(Value),
    /// A constant.
    Constant(U256),
    /// An operation of this controlling type.
    Op(Opcode, Type, Values),
}

/// The right side of a rule with its names filled in.
enum Built {
    Value(Value),
    Constant(U256),
    Op(Opcode, Type, Vec<(Built, Type)>),
}

impl View for Simplify<'_> {
    fn ty(&self, value: Value) -> Type {
        self.func.ty(value)
    }

    fn operation(&self, value: Value) -> Option<(Opcode, &[Value])> {
        let data = self.func.defining_inst(value).filter(|data| data.imm == Imm::None)?;
        Some((data.opcode, &data.args))
    }

    fn constant(&self, value: Value) -> Option<U256> {
        self.func.constant(value)
    }

    fn fact(&self, value: Value) -> Fact {
        self.scope.fact(&self.known, self.func, value)
    }
}

impl Simplify<'_> {
    /// The simplest form of an operation that the rules reach within the steps left.
    pub fn simplified(&mut self, op: Opcode, ty: Type, args: Values) -> Outcome {
        let (mut op, mut ty, mut args) = (op, ty, args);
        loop {
            (op, args) = canonical(self.func, op, args);
            if let Some(bits) = self.evaluated(op, ty, &args) {
                return Outcome::Constant(bits);
            }
            if self.steps == 0 {
                return Outcome::Op(op, ty, args);
            }
            let built = match self.by_rule(op, ty, &args) {
                Some(built) => built,
                None => match convert::rewrite(self, op, ty, &args) {
                    Some(operand) => built(operand),
                    None => return Outcome::Op(op, ty, args),
                },
            };
            self.steps -= 1;
            match built {
                Built::Value(value) => return Outcome::Value(value),
                Built::Constant(bits) => return Outcome::Constant(bits),
                Built::Op(new, new_ty, operands) => {
                    args = operands.into_iter().map(|(operand, ty)| self.make(operand, ty)).collect();
                    (op, ty) = (new, new_ty);
                }
            }
        }
    }

    /// The only result that an operation can have, if there is only one.
    fn evaluated(&self, op: Opcode, ty: Type, args: &[Value]) -> Option<U256> {
        let constants: Option<SmallVec<[U256; 3]>> =
            args.iter().map(|&arg| self.func.constant(arg)).collect();
        if let Some(constants) = constants {
            return Some(eval::eval(op, ty, self.func.ty(args[0]), &constants)?[0]);
        }
        self.fact_of(op, ty, args).known()
    }

    /// What is known of the result of an operation.
    fn fact_of(&self, op: Opcode, ty: Type, args: &[Value]) -> Fact {
        let result = result_type(op, ty);
        let from = args.first().map_or(ty, |&arg| self.func.ty(arg));
        self.known.operation(op, result, from, |n| self.fact(args[n]))
    }

    fn by_rule(&self, op: Opcode, ty: Type, args: &[Value]) -> Option<Built> {
        let fact = |value| self.fact(value);
        rules_for(op).iter().find_map(|rule| {
            let binding = Binding::find(self.func, &fact, rule, ty, args)?;
            fill(&rule.right, &binding, result_type(op, ty))
        })
    }

    /// Makes an operand of type `ty`.
    fn make(&mut self, operand: Built, ty: Type) -> Value {
        match operand {
            Built::Value(value) => value,
            Built::Constant(bits) => self.emit_constant(ty, bits),
            Built::Op(op, controlling, operands) => {
                let args = operands.into_iter().map(|(operand, ty)| self.make(operand, ty)).collect();
                match self.simplified(op, controlling, args) {
                    Outcome::Value(value) => value,
                    Outcome::Constant(bits) => self.emit_constant(result_type(op, controlling), bits),
                    Outcome::Op(op, controlling, args) => self.emit(op, controlling, args),
                }
            }
        }
    }

    /// A sum without its carry, where what is known of the operands leaves no carry.
    pub fn sum_without_carry(&mut self, ty: Type, args: &[Value]) -> Option<[Value; 2]> {
        let [a, b] = [0, 1].map(|n| self.fact(args[n]).max);
        a.checked_add(b).filter(|&most| most <= eval::mask(ty))?;
        let sum = self
            .make(Built::Op(Opcode::Add, ty, args.iter().map(|&arg| (Built::Value(arg), ty)).collect()), ty);
        Some([sum, self.emit_constant(Type::I1, U256::ZERO)])
    }

    /// Adds a constant in front of the current instruction.
    pub fn emit_constant(&mut self, ty: Type, bits: U256) -> Value {
        let constant = self.func.constants.push(bits);
        let value = self.push(Opcode::Const, ty, Values::new(), Imm::Constant(constant), ty);
        self.known.add(value, Fact::constant(ty, bits));
        value
    }

    /// Adds an operation in front of the current instruction.
    fn emit(&mut self, op: Opcode, ty: Type, args: Values) -> Value {
        let fact = self.fact_of(op, ty, &args);
        let value = self.push(op, ty, args, Imm::None, result_type(op, ty));
        self.known.add(value, fact);
        value
    }

    fn push(&mut self, opcode: Opcode, ty: Type, args: Values, imm: Imm, result: Type) -> Value {
        let inst =
            self.func.insts.push(InstData { opcode, ty: Some(ty), args, imm, results: SmallVec::new() });
        let value = self.func.values.push(ValueData { ty: result, def: ValueDef::Result(inst, 0) });
        self.func.insts[inst].results.push(value);
        self.out.push(inst);
        value
    }
}

/// The type of the result of an operation of controlling type `ty`.
fn result_type(op: Opcode, ty: Type) -> Type {
    match op.row().results[0] {
        evmc_ir::Slot::Is(result) => result,
        _ => ty,
    }
}

/// Fills in the names of the right side of a rule; `ty` is the type that it is to have.
fn fill(term: &Term, binding: &Binding<'_>, ty: Type) -> Option<Built> {
    if let Term::Value(name) = term {
        return binding.values[*name].map(Built::Value);
    }
    if let Some(bits) = term.evaluate(binding, ty) {
        return Some(Built::Constant(bits));
    }
    let Term::Op(op, terms) = term else { return None };
    let inner = Term::operand_type(*op, terms, binding, ty);
    let operands = terms.iter().enumerate().map(|(number, term)| {
        let ty = if *op == Opcode::Select && number == 0 { Type::I1 } else { inner };
        Some((fill(term, binding, ty)?, ty))
    });
    Some(Built::Op(*op, inner, operands.collect::<Option<_>>()?))
}

/// What a conversion rule makes, in the same form.
fn built(operand: Operand) -> Built {
    match operand {
        Operand::Value(value) => Built::Value(value),
        Operand::Constant(bits) => Built::Constant(bits),
        Operand::Op(made) => {
            let Made { op, ty, args } = *made;
            // Constants of conversion rules have the controlling type of their operation.
            Built::Op(op, ty, args.into_iter().map(|arg| (built(arg), ty)).collect())
        }
    }
}
