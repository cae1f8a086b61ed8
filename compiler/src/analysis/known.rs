//! What is known of every value of a function: known bits, unsigned bounds, signed widths.
//!
//! An optimistic forward analysis over SSA values. Block parameters start with nothing and take in
//! what arrives over each edge; a walk over the blocks in a preorder of the dominator tree settles
//! everything but what retreating edges carry, so the walk is repeated until those bring nothing
//! new. Facts of parameters only grow weaker. Those that change often are widened to a few sizes
//! ([`Fact::widened`]), and after [`ROUNDS`] rounds the parameters behind retreating edges are taken
//! as unknown, which ends it. Linear in the size of the function, times a constant.
//!
//! Counters of loops are bounded by what gas allows ([`Climbs`]), also where nothing else bounds them.
//!
//! Conditions sharpen facts where they are known to hold: in blocks that only one edge of a branch
//! or switch enters and in what they dominate, behind `exit_if`, and in the arguments that an edge
//! carries. These sharper facts live in a scope that follows the dominator tree ([`Scope`]); a pass
//! that wants them walks the blocks in the same order.
//!
//! Facts hold on every execution that reaches the value. They are not kept up to date when a pass
//! changes the function: whoever adds an instruction asks for its fact itself.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, BlockCall, Dominators, Function, Imm, InstData, Opcode, Type, Value};
use ruint::aliases::U256;

use super::climb::Climbs;
use super::edges::{Edges, dominator_preorder};
use super::fact::{Fact, ones};
use super::{refine, transfer};

/// Walks over the function before what is not settled is given up.
const ROUNDS: u32 = 8;

/// Changes of a parameter's fact that are taken exactly; later ones are widened.
const EXACT_CHANGES: u8 = 1;

/// The facts of a function's values.
#[derive(Clone, Debug)]
pub struct Known {
    facts: SecondaryMap<Value, Option<Fact>>,
    edges: Edges,
    /// Reachable blocks in the order of the walk, with their depths in the dominator tree.
    pub order: Vec<(Block, u32)>,
}

/// Sharper facts that hold at a place of the walk.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    now: SecondaryMap<Value, Option<Fact>>,
    /// Values with what held of them before, by the depth at which that changed.
    undo: Vec<(u32, Value, Option<Fact>)>,
    depth: u32,
}

/// The state of the iteration.
struct Iteration<'f> {
    func: &'f Function,
    known: Known,
    scope: Scope,
    changes: SecondaryMap<Value, u8>,
    climbs: Climbs,
    /// The most that parameters of loop headers are entered with from outside of the loop.
    starts: SecondaryMap<Value, U256>,
    /// Place of each block in the order, from 1.
    place: SecondaryMap<Block, u32>,
    /// Whether a parameter behind a retreating edge changed in this round.
    again: bool,
    last_round: bool,
}

impl Known {
    /// Analyses a function of which nothing is known at the entry.
    pub fn new(func: &Function) -> Self {
        let params = func.entry().map_or(&[][..], |entry| &func.blocks[entry].params);
        let facts: Vec<Fact> = params.iter().map(|&param| Fact::any(func.ty(param))).collect();
        Self::with_params(func, &facts)
    }

    /// Analyses a function whose parameters have these facts.
    pub fn with_params(func: &Function, params: &[Fact]) -> Self {
        let dominators = Dominators::new(func);
        let order = dominator_preorder(&dominators);
        let mut place = SecondaryMap::new();
        for (number, &(block, _)) in order.iter().enumerate() {
            place[block] = number as u32 + 1;
        }
        let facts = SecondaryMap::with_capacity(func.values.len());
        let known = Self { facts, edges: Edges::new(func), order };
        let mut iteration = Iteration {
            func,
            known,
            scope: Scope::default(),
            changes: SecondaryMap::new(),
            climbs: Climbs::new(func, &dominators),
            starts: SecondaryMap::new(),
            place,
            again: false,
            last_round: false,
        };
        let entry = func.entry().map_or(&[][..], |entry| &func.blocks[entry].params);
        for (&param, &fact) in entry.iter().zip(params) {
            iteration.known.facts[param] = Some(fact);
        }
        iteration.run();
        iteration.known
    }

    /// What is known of a value wherever it is defined.
    pub fn fact(&self, func: &Function, value: Value) -> Fact {
        self.facts[value].unwrap_or_else(|| Fact::any(func.ty(value)))
    }

    /// Notes the fact of a value that a pass has added.
    pub fn add(&mut self, value: Value, fact: Fact) {
        self.facts[value] = Some(fact);
    }

    /// The fact of the result, of type `ty`, of a pure operation whose first operand has type `from`.
    pub fn operation(&self, op: Opcode, ty: Type, from: Type, operand: impl Fn(usize) -> Fact) -> Fact {
        transfer::pure_result(op, ty, from, operand).settled(ty)
    }

    /// The fact of a result of an instruction, from those of its operands at a place of the walk.
    pub fn result(&self, func: &Function, scope: &Scope, data: &InstData, number: usize) -> Fact {
        transfer::result(func, data, number, |n| scope.fact(self, func, data.args[n]))
    }
}

impl Scope {
    /// What is known of a value at the current place.
    pub fn fact(&self, known: &Known, func: &Function, value: Value) -> Fact {
        self.now[value].unwrap_or_else(|| known.fact(func, value))
    }

    /// Goes to the next block of the walk.
    pub fn enter(&mut self, known: &Known, func: &Function, block: Block, depth: u32) {
        while self.undo.last().is_some_and(|&(at, ..)| at >= depth) {
            if let Some((_, value, before)) = self.undo.pop() {
                self.now[value] = before;
            }
        }
        self.depth = depth;
        let Some(source) = known.edges.only_source(block) else { return };
        let Some(data) = func.terminator(source) else { return };
        if let Some(target) = data.targets().into_iter().position(|target| target.block == block) {
            self.learn_edge(known, func, data, target);
        }
    }

    /// Takes in what an instruction that has been passed says.
    pub fn pass(&mut self, known: &Known, func: &Function, data: &InstData) {
        if data.opcode == Opcode::ExitIf {
            self.learn(known, func, data.args[0], false);
        }
    }

    /// Takes in what holds on an edge.
    fn learn_edge(&mut self, known: &Known, func: &Function, data: &InstData, target: usize) {
        match &data.imm {
            Imm::Branch(_) => self.learn(known, func, data.args[0], target == 0),
            Imm::Switch(table) => {
                if let Some((case, _)) = table.cases.get(target) {
                    let ty = func.ty(data.args[0]);
                    self.set(known, func, data.args[0], Fact::constant(ty, *case));
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, known: &Known, func: &Function, condition: Value, holds: bool) {
        let mut learned = Vec::new();
        refine::condition(
            func,
            condition,
            holds,
            &|value| self.fact(known, func, value),
            &mut |value, fact| {
                learned.push((value, fact));
            },
        );
        for (value, fact) in learned {
            self.set(known, func, value, fact);
        }
    }

    fn set(&mut self, known: &Known, func: &Function, value: Value, fact: Fact) {
        let before = self.fact(known, func, value);
        let after = before.meet(&fact, func.ty(value));
        if after != before {
            self.undo.push((self.depth, value, self.now[value]));
            self.now[value] = Some(after);
        }
    }
}

impl Iteration<'_> {
    fn run(&mut self) {
        for round in 0..=ROUNDS {
            self.again = false;
            self.last_round = round == ROUNDS;
            self.scope = Scope::default();
            for index in 0..self.known.order.len() {
                let (block, depth) = self.known.order[index];
                self.block(block, depth);
            }
            if !self.again {
                break;
            }
            if round + 1 == ROUNDS {
                self.give_up();
            }
        }
    }

    /// Takes the parameters behind retreating edges as unknown.
    fn give_up(&mut self) {
        let func = self.func;
        for &(block, _) in &self.known.order {
            for target in func.terminator(block).iter().flat_map(|data| data.targets()) {
                if self.place[target.block] <= self.place[block] {
                    for &param in &func.blocks[target.block].params {
                        self.known.facts[param] = Some(Fact::any(func.ty(param)));
                    }
                }
            }
        }
    }

    fn block(&mut self, block: Block, depth: u32) {
        let func = self.func;
        self.scope.enter(&self.known, func, block, depth);
        for (_, data) in func.block_insts(block) {
            for (number, &result) in data.results.iter().enumerate() {
                self.known.facts[result] = Some(self.known.result(func, &self.scope, data, number));
            }
            self.scope.pass(&self.known, func, data);
        }
        let Some(data) = func.terminator(block) else { return };
        for (number, target) in data.targets().into_iter().enumerate() {
            self.edge(block, data, number, target);
        }
    }

    /// Joins the arguments of an edge into the parameters of its target.
    fn edge(&mut self, block: Block, data: &InstData, number: usize, target: &BlockCall) {
        let func = self.func;
        if target.args.is_empty() {
            return;
        }
        // What the edge itself says is wanted for its arguments alone.
        let (depth, mark) = (self.scope.depth, self.scope.undo.len());
        self.scope.depth = u32::MAX;
        self.scope.learn_edge(&self.known, func, data, number);
        let retreats = self.place[target.block] <= self.place[block];
        for (&param, &arg) in func.blocks[target.block].params.iter().zip(&target.args) {
            let fact = self.scope.fact(&self.known, func, arg);
            if !retreats {
                self.starts[param] = self.starts[param].max(fact.max);
            }
            let changed = self.join(param, fact);
            self.again |= changed && retreats && !self.last_round;
        }
        while self.scope.undo.len() > mark {
            if let Some((_, value, before)) = self.scope.undo.pop() {
                self.scope.now[value] = before;
            }
        }
        self.scope.depth = depth;
    }

    /// The most that gas lets a parameter of a loop's header be.
    fn ceiling(&self, param: Value, ty: Type) -> Option<U256> {
        let most = self.starts[param].checked_add(self.climbs.of(param)?)?;
        (most <= ones(ty.bits() as usize)).then_some(most)
    }

    /// Weakens the fact of a parameter; gives whether that changed it.
    fn join(&mut self, param: Value, fact: Fact) -> bool {
        let ty = self.func.ty(param);
        let Some(before) = self.known.facts[param] else {
            self.known.facts[param] = Some(fact);
            return true;
        };
        let mut after = before.join(&fact).settled(ty);
        if after == before {
            return false;
        }
        self.changes[param] = self.changes[param].saturating_add(1);
        if self.changes[param] > EXACT_CHANGES {
            after = after.widened(ty).join(&before);
        }
        if let Some(most) = self.ceiling(param, ty) {
            after = after.meet(&Fact::at_most(ty, most), ty);
        }
        if after == before {
            return false;
        }
        self.known.facts[param] = Some(after);
        true
    }
}
