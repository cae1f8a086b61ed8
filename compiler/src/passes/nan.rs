//! Settles which NaN a result is only where somebody can tell.
//!
//! Arithmetic gives some NaN; behind each operation the frontend has put an `fcanon` (or `v.fcanon`), which makes it the
//! canonical one. Most uses cannot tell NaNs apart. For each `fcanon` there are three ways on:
//!
//! * nobody sees which NaN its result is: it goes;
//! * it is seen outside of loops that the `fcanon` is in, as the end of a sum is: it goes, and the value is settled where it is
//!   seen;
//! * else it stays.
//!
//! # Why this is sound
//!
//! Each use of a value has a [`Role`]. One that is *blind* gives the same for all NaNs: comparisons, conversions to integers,
//! `fcanon` itself; and arithmetic, of which nothing is known but that it gives some NaN where an operand is one, before as after.
//! One that *moves* the value gives bits of it as its result: a selection, an absolute value, a branch that passes it as an
//! argument. Whether anybody can tell is then the question of the result. All other uses *see* it: stores, calls,
//! returns, the sign that `fcopysign` takes.
//!
//! A value is *canonical* if it is in the program as given never a NaN but the canonical one: results of `fcanon` and conversions
//! from integers, constants, and what moves only such values ([`facts`]; the greatest solution, so that a loop may prove itself).
//! An `fcanon` that goes leaves its operand in its place, which differs from its result only where both are NaNs. By
//! induction over the run, all values then are what they were, except that those that a way of moves leads to from there may be
//! another NaN than before: *unsettled* ones. Where an unsettled value is seen, or moved to a result that is not canonical and is
//! seen, it was canonical in the program as given, for it was followed along canonical values only; so an `fcanon` of it there
//! gives exactly what was there before. Where nobody sees it, which NaN it is changes blind uses only, and those give the same.
//!
//! Vectors have a format for each use: an operation on lanes of the other width, or on bits, sees them. So the pass runs once for
//! each format.
//!
//! Not done: over calls. Cost: near-linear.

mod facts;
mod role;

use std::collections::HashMap;

use cranelift_entity::SecondaryMap;
use evmc_ir::cursor::Replacements;
use evmc_ir::shape::LaneShape;
use evmc_ir::{
    Block, Dominators, Function, Imm, Inst, InstData, Module, Opcode, Type, Value, ValueData, ValueDef,
};
use smallvec::{SmallVec, smallvec};

use self::facts::Facts;
use self::role::{Format, Role};
use crate::analysis::loops;

/// Runs the pass on every function; gives how many `fcanon` it removed or moved.
pub fn run(module: &mut Module) -> usize {
    module.functions.values_mut().map(run_on_function).sum()
}

fn run_on_function(func: &mut Function) -> usize {
    Format::ALL.iter().map(|&format| run_on_format(func, format)).sum()
}

fn run_on_format(func: &mut Function, format: Format) -> usize {
    let settles = |func: &Function, inst: &Inst| format.is_settled_by(&func.insts[*inst]);
    let all =
        func.layout.iter().flat_map(|&block| func.blocks[block].insts.iter().map(move |&inst| (block, inst)));
    let canons: Vec<(Block, Inst)> = all.filter(|(_, inst)| settles(func, inst)).collect();
    if canons.is_empty() {
        return 0;
    }
    let depths = loops::depths(func, &Dominators::new(func));
    let facts = Facts::find(func, format, &depths);
    let goes = |&(block, inst): &(Block, Inst)| {
        let seen = facts.seen_at(func.insts[inst].results[0]);
        seen.is_none_or(|depth| depth < depths[block])
    };
    let going: Vec<Inst> = canons.iter().filter(|canon| goes(canon)).map(|(_, inst)| *inst).collect();
    let mut settle = Settle::new(func, format, &facts, &going);
    for index in 0..settle.func.layout.len() {
        let block = settle.func.layout[index];
        settle.block(block);
    }
    settle.replaced.apply(func);
    going.len()
}

/// Takes `fcanon` away and puts others where values are seen.
struct Settle<'f> {
    func: &'f mut Function,
    format: Format,
    facts: &'f Facts,
    going: SecondaryMap<Inst, bool>,
    unsettled: SecondaryMap<Value, bool>,
    replaced: Replacements,
    /// What was settled in this block.
    settled: HashMap<Value, Value>,
    /// The block so far.
    insts: Vec<Inst>,
}

impl<'f> Settle<'f> {
    fn new(func: &'f mut Function, format: Format, facts: &'f Facts, going: &[Inst]) -> Self {
        let mut settle = Self {
            func,
            format,
            facts,
            going: SecondaryMap::new(),
            unsettled: SecondaryMap::new(),
            replaced: Replacements::default(),
            settled: HashMap::new(),
            insts: Vec::new(),
        };
        let mut work = Vec::new();
        for &inst in going {
            let data = &settle.func.insts[inst];
            settle.going[inst] = true;
            settle.replaced.insert(data.results[0], data.args[0]);
            work.push(data.results[0]);
        }
        while let Some(value) = work.pop() {
            if !std::mem::replace(&mut settle.unsettled[value], true) {
                work.extend(facts.canonical_moves(value));
            }
        }
        settle
    }

    fn block(&mut self, block: Block) {
        self.settled.clear();
        for inst in std::mem::take(&mut self.func.blocks[block].insts) {
            if !self.going[inst] {
                self.operands(inst);
                self.insts.push(inst);
            }
        }
        self.func.blocks[block].insts = std::mem::take(&mut self.insts);
    }

    /// Settles operands and arguments of branches that are seen.
    fn operands(&mut self, inst: Inst) {
        for operand in 0..self.func.insts[inst].args.len() {
            let data = &self.func.insts[inst];
            let value = data.args[operand];
            if self.unsettled[value] && self.is_seen(self.format.role(data, operand), data) {
                let settled = self.settle(value);
                self.func.insts[inst].args[operand] = settled;
            }
        }
        self.arguments(inst);
    }

    fn arguments(&mut self, inst: Inst) {
        let mut seen = Vec::new();
        for (target, call) in self.func.insts[inst].targets().iter().enumerate() {
            let params = &self.func.blocks[call.block].params;
            for (number, (&value, &param)) in call.args.iter().zip(params).enumerate() {
                if self.unsettled[value] && self.facts.is_seen_as(param) {
                    seen.push((target, number, value));
                }
            }
        }
        let settled: Vec<_> = seen.iter().map(|&(_, _, value)| self.settle(value)).collect();
        let mut targets = self.func.insts[inst].targets_mut();
        for ((target, number, _), settled) in seen.into_iter().zip(settled) {
            targets[target].args[number] = settled;
        }
    }

    /// Whether an operand must be settled for an instruction.
    fn is_seen(&self, role: Role, data: &InstData) -> bool {
        match role {
            Role::Blind => false,
            Role::Sees => true,
            Role::Moves => data.results.first().is_some_and(|&result| self.facts.is_seen_as(result)),
        }
    }

    /// The value, settled in this block.
    fn settle(&mut self, value: Value) -> Value {
        if let Some(&settled) = self.settled.get(&value) {
            return settled;
        }
        let ty = self.func.ty(value);
        let (opcode, controlling, imm) = match ty {
            Type::V128 => (Opcode::Vfcanon, None, Imm::Shape(self.format.shape())),
            _ => (Opcode::Fcanon, Some(ty), Imm::None),
        };
        let results = SmallVec::new();
        let inst =
            self.func.insts.push(InstData { opcode, ty: controlling, args: smallvec![value], imm, results });
        let settled = self.func.values.push(ValueData { ty, def: ValueDef::Result(inst, 0) });
        self.func.insts[inst].results.push(settled);
        self.insts.push(inst);
        self.settled.insert(value, settled);
        settled
    }
}
