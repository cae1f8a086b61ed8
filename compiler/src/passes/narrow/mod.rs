//! Computes in 32, 64 or 128 bits what is a word of 256 in the source.
//!
//! Two reasons allow it. *What is needed*: sums, products and masks of which only the low bits are
//! looked at ([`crate::analysis::demand`]) are computed in as many. *What is there*: values that fit
//! fewer bits, as unsigned or as signed numbers ([`crate::analysis::known`]), are the zero or sign
//! extension of a narrow computation; divisions, shifts to the right and comparisons need this of
//! their operands. Either way the old value stays, as an extension of the narrow one, for whoever
//! needs it whole; narrow users look through it, and `dead_code` removes it where all do.
//!
//! Sound because the bits of the old value that are looked at do not change: low bits of wrapping
//! operations depend on low bits alone, and a value that fits is its own extension. Block parameters
//! are narrowed the same way, with the arguments on every edge, and so are parameters and results of
//! functions, where all calls are known ([`signature`]).
//!
//! Of a word that is loaded and reversed (`bswap` behind `mem.load`, as `MLOAD` is lowered), the low bits
//! are a narrow load from its end, where the load stands right in front. One walk that plans and one
//! that carries it out, linear.

mod plan;
mod signature;

use cranelift_entity::SecondaryMap;
use evmc_ir::{
    Block, Func, Function, Imm, Inst, InstData, Module, Opcode, Type, Value, ValueData, ValueDef, Values,
    eval,
};
use ruint::aliases::U256;
use smallvec::{SmallVec, smallvec};

use crate::analysis::call_graph::CallGraph;
use crate::analysis::fact::Fact;
use crate::rules::term::is_comparison;

use super::is_large;

use plan::{Plan, Plans};
use signature::Signatures;

/// Runs the pass on every function; gives how many values it narrowed.
pub fn run(module: &mut Module) -> usize {
    if is_large(module) {
        return 0;
    }
    let graph = CallGraph::of(module);
    let mut signatures = Signatures::new(module, &graph);
    let mut all: SecondaryMap<Func, Plans> = SecondaryMap::new();
    for &name in graph.callees_first.iter().rev() {
        all[name] = Plans::new(&module.functions[name], name, &mut signatures);
    }
    let mut boundaries: SecondaryMap<Func, Boundary> = SecondaryMap::new();
    for (name, func) in &module.functions {
        boundaries[name] = Boundary::new(func, &all[name], signatures.results(name));
    }
    let mut changes = 0;
    for (name, func) in module.functions.iter_mut() {
        let plans = std::mem::take(&mut all[name]);
        changes += narrow(func, plans, &boundaries[name].results, &boundaries);
    }
    changes
}

/// What becomes of the parameters and results of a function.
#[derive(Clone, Debug, Default)]
struct Boundary {
    params: Vec<Option<Plan>>,
    results: Vec<Option<Plan>>,
}

impl Boundary {
    fn new(func: &Function, plans: &Plans, results: Option<&[Fact]>) -> Self {
        let params = func.entry().map_or(Vec::new(), |entry| plans.params[entry].clone());
        let results = results.unwrap_or_default().iter().zip(&func.results);
        Self { params, results: results.map(|(fact, &ty)| plan::fitting(fact, ty)).collect() }
    }
}

/// Carries out the plans for a function.
fn narrow(
    func: &mut Function,
    plans: Plans,
    results: &[Option<Plan>],
    boundaries: &SecondaryMap<Func, Boundary>,
) -> usize {
    for (ty, plan) in func.results.iter_mut().zip(results) {
        *ty = plan.map_or(*ty, |plan| plan.ty);
    }
    let mut narrow =
        Narrow { func, plans, results, boundaries, cut: SecondaryMap::new(), out: Vec::new(), changes: 0 };
    for index in 0..narrow.plans.order.len() {
        let block = narrow.plans.order[index];
        narrow.block(block);
    }
    narrow.changes
}

/// The walk that carries plans out.
struct Narrow<'f> {
    func: &'f mut Function,
    plans: Plans,
    /// Plans for the function's results.
    results: &'f [Option<Plan>],
    /// Plans for the parameters and results of all functions.
    boundaries: &'f SecondaryMap<Func, Boundary>,
    /// Truncations that exist, with the block in which they stand.
    cut: SecondaryMap<Value, Option<(Block, Value)>>,
    /// The instructions of the block so far.
    out: Vec<Inst>,
    changes: usize,
}

impl Narrow<'_> {
    fn block(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.func.blocks[block].insts);
        self.out = Vec::with_capacity(insts.len() + insts.len() / 4);
        for index in 0..self.func.blocks[block].params.len() {
            if let Some(plan) = self.plans.params[block].get(index).copied().flatten() {
                self.param(block, index, plan);
            }
        }
        for inst in insts {
            let data = &self.func.insts[inst];
            match (data.opcode, &data.imm) {
                (Opcode::Ret, _) => self.operands(block, inst, self.results),
                (_, &Imm::Function(callee)) => {
                    self.call(block, inst, callee);
                    continue;
                }
                (op, _) if op.is_terminator() => self.arguments(block, inst),
                _ => {
                    if let Some(plan) = self.plans.insts[inst] {
                        self.apply(block, inst, plan);
                    }
                }
            }
            self.out.push(inst);
        }
        self.func.blocks[block].insts = std::mem::take(&mut self.out);
    }

    /// Makes a parameter narrow and its old value an extension of it.
    fn param(&mut self, block: Block, index: usize, plan: Plan) {
        let old = self.func.blocks[block].params[index];
        let def = ValueDef::Param(block, index as u32);
        let narrow = self.func.values.push(ValueData { ty: plan.ty, def });
        self.func.blocks[block].params[index] = narrow;
        self.define(old, narrow, plan);
    }

    /// Gives an instruction operands of the types that are planned for them.
    fn operands(&mut self, block: Block, inst: Inst, plans: &[Option<Plan>]) {
        for (number, plan) in plans.iter().enumerate() {
            if let Some(plan) = plan {
                let arg = self.func.insts[inst].args[number];
                self.func.insts[inst].args[number] = self.narrowed(block, arg, plan.ty);
            }
        }
    }

    /// Gives a call narrow arguments, and makes its old results extensions of narrow ones.
    fn call(&mut self, block: Block, inst: Inst, callee: Func) {
        let boundary = &self.boundaries[callee];
        self.operands(block, inst, &boundary.params);
        self.out.push(inst);
        for (number, plan) in boundary.results.iter().enumerate() {
            let Some(plan) = plan else { continue };
            let old = self.func.insts[inst].results[number];
            let def = ValueDef::Result(inst, number as u32);
            let narrow = self.func.values.push(ValueData { ty: plan.ty, def });
            self.func.insts[inst].results[number] = narrow;
            self.define(old, narrow, *plan);
        }
    }

    /// Makes `old` an extension of `narrow`.
    fn define(&mut self, old: Value, narrow: Value, plan: Plan) {
        let data = InstData {
            opcode: plan.extend,
            ty: Some(self.func.ty(old)),
            args: smallvec![narrow],
            imm: Imm::None,
            results: smallvec![old],
        };
        let inst = self.func.insts.push(data);
        self.func.values[old].def = ValueDef::Result(inst, 0);
        self.out.push(inst);
        self.changes += 1;
    }

    /// Computes an instruction narrow; it becomes the extension of the result.
    fn apply(&mut self, block: Block, inst: Inst, plan: Plan) {
        self.changes += 1;
        let data = self.func.insts[inst].clone();
        if data.opcode == Opcode::Bswap {
            let value = self.reversed(block, &data, plan.ty);
            return self.extend(inst, plan, value);
        }
        let args: Values = data.args.iter().map(|&arg| self.narrowed(block, arg, plan.ty)).collect();
        if is_comparison(data.opcode) {
            let data = &mut self.func.insts[inst];
            (data.ty, data.args) = (Some(plan.ty), args);
            return;
        }
        let value = self.add(data.opcode, plan.ty, args, Imm::None);
        self.extend(inst, plan, value);
    }

    fn extend(&mut self, inst: Inst, plan: Plan, value: Value) {
        let data = &mut self.func.insts[inst];
        (data.opcode, data.args) = (plan.extend, smallvec![value]);
    }

    /// The low bits of a number with its bytes reversed: its upper bits, reversed. Of a word that was
    /// loaded right in front these are the last bytes in memory.
    fn reversed(&mut self, block: Block, data: &InstData, ty: Type) -> Value {
        let (arg, width) = (data.args[0], data.ty.unwrap_or(Type::I256));
        let last = self.out.last().map(|&inst| &self.func.insts[inst]);
        let load = last.filter(|load| load.opcode == Opcode::MemLoad && load.results[0] == arg);
        let above = U256::from(width.bits() - ty.bits());
        let upper = if let Some(offset) = load.map(|load| load.args[0]) {
            let above = self.constant(Type::I64, above >> 3);
            let offset = self.add(Opcode::Add, Type::I64, smallvec![offset, above], Imm::None);
            self.add(Opcode::MemLoad, ty, smallvec![offset], Imm::None)
        } else {
            let above = self.constant(width, above);
            let upper = self.add(Opcode::Lshr, width, smallvec![arg, above], Imm::None);
            self.narrowed(block, upper, ty)
        };
        self.add(Opcode::Bswap, ty, smallvec![upper], Imm::None)
    }

    /// Gives the targets of a terminator arguments of the types of their parameters.
    fn arguments(&mut self, block: Block, inst: Inst) {
        let places: SmallVec<[(Block, usize); 2]> =
            self.func.insts[inst].targets().iter().map(|target| (target.block, target.args.len())).collect();
        for (number, (target, args)) in places.into_iter().enumerate() {
            for index in 0..args {
                if let Some(plan) = self.plans.params[target].get(index).copied().flatten() {
                    let arg = self.func.insts[inst].targets()[number].args[index];
                    let arg = self.narrowed(block, arg, plan.ty);
                    self.func.insts[inst].targets_mut()[number].args[index] = arg;
                }
            }
        }
    }

    /// The low bits of a value as a value of type `ty`, found behind an extension where there is one.
    fn narrowed(&mut self, block: Block, value: Value, ty: Type) -> Value {
        let from = self.func.ty(value);
        if from.bits() <= ty.bits() {
            return value;
        }
        if let Some(bits) = self.func.constant(value) {
            return self.constant(ty, eval::truncate(ty, bits));
        }
        if let Some(data) = self.func.defining_inst(value)
            && let (op @ (Opcode::Zext | Opcode::Sext), &[inner]) = (data.opcode, &data.args[..])
        {
            return match self.func.ty(inner) {
                inner_ty if inner_ty == ty => inner,
                inner_ty if inner_ty.bits() > ty.bits() => self.narrowed(block, inner, ty),
                _ => self.add(op, ty, smallvec![inner], Imm::None),
            };
        }
        if let Some((at, cut)) = self.cut[value]
            && at == block
            && self.func.ty(cut) == ty
        {
            return cut;
        }
        let cut = self.add(Opcode::Trunc, ty, smallvec![value], Imm::None);
        self.cut[value] = Some((block, cut));
        cut
    }

    fn constant(&mut self, ty: Type, bits: U256) -> Value {
        let constant = self.func.constants.push(bits);
        self.add(Opcode::Const, ty, Values::new(), Imm::Constant(constant))
    }

    fn add(&mut self, opcode: Opcode, ty: Type, args: Values, imm: Imm) -> Value {
        let inst =
            self.func.insts.push(InstData { opcode, ty: Some(ty), args, imm, results: SmallVec::new() });
        let value = self.func.values.push(ValueData { ty, def: ValueDef::Result(inst, 0) });
        self.func.insts[inst].results.push(value);
        self.out.push(inst);
        value
    }
}
