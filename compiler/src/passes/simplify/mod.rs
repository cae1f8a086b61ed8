//! Rewrites operations by algebraic rules and by what is known of their operands.
//!
//! One walk over the blocks, operands before users. Each pure operation is evaluated where its
//! operands are constants, replaced by a constant where [`crate::analysis::known`] leaves it one
//! value, and else rewritten by the first rule of [`crate::rules`] that applies, again until none
//! does. Sound because a rule is an identity (proved by `compiler/tests/rules.rs`) and a fact holds
//! wherever the instruction is reached; operations with effects stay where they are, except that
//! `exit_if` on a condition that is never true goes.
//!
//! What is replaced loses its uses and falls to `dead_code`. Every instruction has [`STEPS`] steps,
//! those that it makes included, so the pass is linear.

mod canonical;
mod matcher;
mod rewrite;

use evmc_ir::cursor::Replacements;
use evmc_ir::{Block, Function, Imm, Inst, Module, Opcode, Type};
use ruint::aliases::U256;

use crate::analysis::known::{Known, Scope};

pub(super) use canonical::is_commutative;
use rewrite::Outcome;

use super::tractable;

/// Rules that one instruction may apply, those of what they make included.
const STEPS: u32 = 24;

/// Runs the pass on every function; gives how many instructions it changed.
pub fn run(module: &mut Module) -> usize {
    tractable(module).map(run_on_function).sum()
}

fn run_on_function(function: &mut Function) -> usize {
    let known = Known::new(function);
    let order = known.order.clone();
    let mut simplify = Simplify {
        func: function,
        known,
        scope: Scope::default(),
        replaced: Replacements::default(),
        out: Vec::new(),
        steps: 0,
        changes: 0,
    };
    for (block, depth) in order {
        simplify.block(block, depth);
    }
    let Simplify { mut replaced, changes, .. } = simplify;
    replaced.apply(function);
    changes
}

/// The walk.
struct Simplify<'f> {
    func: &'f mut Function,
    known: Known,
    scope: Scope,
    replaced: Replacements,
    /// The instructions of the block so far.
    out: Vec<Inst>,
    /// Steps left to the current instruction.
    steps: u32,
    changes: usize,
}

impl Simplify<'_> {
    fn block(&mut self, block: Block, depth: u32) {
        self.scope.enter(&self.known, self.func, block, depth);
        let insts = std::mem::take(&mut self.func.blocks[block].insts);
        self.out = Vec::with_capacity(insts.len());
        for inst in insts {
            self.resolve(inst);
            if self.inst(inst) {
                self.out.push(inst);
                self.scope.pass(&self.known, self.func, &self.func.insts[inst]);
            }
        }
        self.func.blocks[block].insts = std::mem::take(&mut self.out);
    }

    /// Puts what replaces the operands in their place.
    fn resolve(&mut self, inst: Inst) {
        let data = &mut self.func.insts[inst];
        data.args.iter_mut().for_each(|arg| *arg = self.replaced.resolve(*arg));
        for target in data.targets_mut() {
            target.args.iter_mut().for_each(|arg| *arg = self.replaced.resolve(*arg));
        }
    }

    /// Simplifies an instruction; gives whether it stays.
    fn inst(&mut self, inst: Inst) -> bool {
        let data = &self.func.insts[inst];
        if data.opcode == Opcode::ExitIf {
            return !self.never(inst);
        }
        if data.opcode == Opcode::Branch {
            self.branch(inst);
            return true;
        }
        if data.opcode == Opcode::AddCarry {
            return !self.add_carry(inst);
        }
        let is_candidate = data.opcode.row().effects.is_pure() && data.imm == Imm::None;
        let (&[result], Some(ty), true) = (&data.results[..], data.ty, is_candidate) else { return true };
        self.steps = STEPS;
        let (op, args) = (data.opcode, data.args.clone());
        match self.simplified(op, ty, args.clone()) {
            Outcome::Value(value) => {
                self.replaced.insert(result, value);
                self.changes += 1;
                false
            }
            Outcome::Constant(bits) => {
                self.make_constant(inst, bits);
                true
            }
            Outcome::Op(new, ty, new_args) => {
                self.changes += usize::from(new != op || new_args != args);
                let data = &mut self.func.insts[inst];
                (data.opcode, data.ty, data.args) = (new, Some(ty), new_args);
                true
            }
        }
    }

    fn make_constant(&mut self, inst: Inst, bits: U256) {
        let constant = self.func.constants.push(bits);
        let data = &mut self.func.insts[inst];
        let ty = self.func.values[data.results[0]].ty;
        (data.opcode, data.ty, data.imm) = (Opcode::Const, Some(ty), Imm::Constant(constant));
        data.args.clear();
        self.changes += 1;
    }

    /// Replaces both results of an `add_carry` that never carries; gives whether it did.
    fn add_carry(&mut self, inst: Inst) -> bool {
        let data = self.func.insts[inst].clone();
        self.steps = STEPS;
        let Some(values) = self.sum_without_carry(self.func.ty(data.results[0]), &data.args) else {
            return false;
        };
        for (&result, value) in data.results.iter().zip(values) {
            self.replaced.insert(result, value);
        }
        self.changes += 1;
        true
    }

    /// Whether an `exit_if` never exits.
    fn never(&mut self, inst: Inst) -> bool {
        let condition = self.func.insts[inst].args[0];
        let never = self.scope.fact(&self.known, self.func, condition).known() == Some(U256::ZERO);
        self.changes += usize::from(never);
        never
    }

    /// Takes a complement out of a condition, and puts a constant in where it is known.
    fn branch(&mut self, inst: Inst) {
        let condition = self.func.insts[inst].args[0];
        if let Some(bits) = self.scope.fact(&self.known, self.func, condition).known()
            && self.func.constant(condition).is_none()
        {
            let value = self.emit_constant(Type::I1, bits);
            self.func.insts[inst].args[0] = value;
            self.changes += 1;
        }
        let complement = self.func.defining_inst(condition).filter(|data| data.opcode == Opcode::Not);
        if let Some(inner) = complement.map(|data| data.args[0]) {
            let data = &mut self.func.insts[inst];
            data.args[0] = inner;
            if let Imm::Branch(targets) = &mut data.imm {
                targets.reverse();
            }
            self.changes += 1;
        }
    }
}
