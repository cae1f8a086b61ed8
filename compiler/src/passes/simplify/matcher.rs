//! Finds the left side of a rule in a function.

use evmc_ir::{Function, Opcode, Type, Value, eval};
use ruint::aliases::U256;

use crate::analysis::fact::Fact;
use crate::rules::term::{FLAG, Term, is_comparison};
use crate::rules::{Env, Query, Rule};

use super::canonical::is_commutative;

/// What the names of a rule stand for.
pub(super) struct Binding<'a> {
    pub func: &'a Function,
    pub fact: &'a dyn Fn(Value) -> Fact,
    pub values: [Option<Value>; 4],
    pub constants: [Option<(U256, Type)>; 2],
}

impl Env for Binding<'_> {
    fn constant(&self, name: usize) -> Option<(U256, Type)> {
        self.constants[name]
    }

    fn value(&self, name: usize) -> Option<(U256, Type)> {
        let value = self.values[name]?;
        Some((self.func.constant(value)?, self.func.ty(value)))
    }

    fn type_of(&self, name: usize) -> Option<Type> {
        self.values[name].map(|value| self.func.ty(value))
    }

    fn known(&self, query: Query, name: usize) -> Option<U256> {
        let fact = (self.fact)(self.values[name]?);
        Some(match query {
            Query::Max => fact.max,
            Query::Min => fact.ones,
            Query::Zeros => fact.zeros & eval::mask(self.type_of(name)?),
        })
    }
}

impl<'a> Binding<'a> {
    /// Matches an operation against a rule and checks its conditions; `ty` is the controlling type.
    pub fn find(
        func: &'a Function,
        fact: &'a dyn Fn(Value) -> Fact,
        rule: &Rule,
        ty: Type,
        args: &[Value],
    ) -> Option<Self> {
        let mut binding = Self { func, fact, values: [None; 4], constants: [None; 2] };
        let Term::Op(op, terms) = &rule.left else { return None };
        let found = binding.operands(*op, terms, args);
        (found && rule.conditions.iter().all(|condition| condition.holds(&binding, ty))).then_some(binding)
    }

    fn operands(&mut self, op: Opcode, terms: &[Term], args: &[Value]) -> bool {
        let (values, constants) = (self.values, self.constants);
        if terms.iter().zip(args).all(|(term, &arg)| self.term(term, arg)) {
            return true;
        }
        (self.values, self.constants) = (values, constants);
        if !is_commutative(op) {
            return false;
        }
        self.term(&terms[0], args[1])
            && self.term(&terms[1], args[0])
            && terms[2..].iter().zip(&args[2..]).all(|(term, &arg)| self.term(term, arg))
    }

    fn term(&mut self, term: &Term, value: Value) -> bool {
        let ty = self.func.ty(value);
        match term {
            Term::Value(name) => {
                let bound = *self.values[*name].get_or_insert(value);
                bound == value && (*name != FLAG || ty == Type::I1)
            }
            Term::Constant(name) => match self.func.constant(value) {
                Some(bits) => *self.constants[*name].get_or_insert((bits, ty)) == (bits, ty),
                None => false,
            },
            Term::Op(op, terms) => self.operation(*op, terms, value),
            _ => match (self.func.constant(value), term.evaluate(self, ty)) {
                (Some(bits), Some(wanted)) => bits == wanted,
                _ => false,
            },
        }
    }

    fn operation(&mut self, op: Opcode, terms: &[Term], value: Value) -> bool {
        let func = self.func;
        let Some(data) = func.defining_inst(value).filter(|data| data.opcode == op) else { return false };
        debug_assert!(is_comparison(op) || func.ty(value) == data.ty.unwrap_or(Type::I1));
        self.operands(op, terms, &data.args)
    }
}
