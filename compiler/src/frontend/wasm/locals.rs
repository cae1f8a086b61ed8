//! Locals become SSA values on the fly.
//!
//! The idea is that of Braun et al., "Simple and Efficient Construction of Static Single Assignment Form" (2013): a local
//! that is read in a block whose predecessors disagree becomes a parameter of the block when it is read, and not before. Since
//! blocks of WebAssembly nest, there is no need to walk over predecessors to find that out. Time is the position in
//! the text, and where a value comes from follows from three questions, each answered in logarithmic time:
//!
//! * Which definition comes last before the position?
//! * Is there a loop around the position, but not around that definition, which writes the local? Then it is a parameter of the
//!   innermost such loop. What a loop writes is known from the [`Survey`] before it is lowered.
//! * Has a scope of the definition ended between the two? The outermost such scope decides: behind a block that is branched to,
//!   the local is a parameter; the `else` of an `if` goes on from the state at the `if`.
//!
//! Scopes of a definition are arms of an `if`, and blocks that were branched to before it: what branches to a block later sees the
//! definition, or a later one. So a block whose edges all agree is not even looked at.
//!
//! A new parameter asks the same at each edge that enters its block, with a list of what is still to be asked in the
//! place of recursion; an edge that is added later fills the parameters that are there. So the number of
//! blocks and locals does not matter, only that of parameters times edges, which is the size of the result.
//!
//! Not done: removing parameters of loops that turn out to hold one value; there is a pass for that.

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use cranelift_entity::{PrimaryMap, entity_impl};
use evmc_ir::{Block, Function, Imm, Inst, InstData, Opcode, Type, Value, ValueData, ValueDef, Values};
use ruint::aliases::U256;

use self::tree::Tree;
use super::survey::Survey;

/// A block of the IR that several edges enter: the end of a block or `if`, or a loop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Target(u32);
entity_impl!(Target, "target");

/// A part of the text that ends: a block or `if` that something branches to, or the first arm of an `if`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Scope(u32);
entity_impl!(Scope, "scope");

/// A loop that something branches to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Loop(u32);
entity_impl!(Loop, "loop");

/// A place in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Number of the operator. What it defines is not seen from here.
    pub position: u32,
    /// The innermost loop around it.
    pub inside: Option<Loop>,
}

#[derive(Debug)]
struct ScopeData {
    end: u32,
    kind: ScopeKind,
}

#[derive(Debug)]
enum ScopeKind {
    /// Behind it, edges meet.
    Join(Target),
    /// An arm of an `if`, with the place of the `if`.
    Arm(Place),
}

#[derive(Debug)]
struct LoopData {
    text: Range<u32>,
    target: Target,
}

#[derive(Debug)]
struct TargetData {
    block: Block,
    /// Where its parameters are defined.
    position: u32,
    /// The scope of its parameters, known once the target's own has ended.
    scope: Option<Scope>,
    /// Number of the target's own scope among the open ones; a loop has none.
    open: Option<usize>,
    edges: Vec<Edge>,
    /// Locals that are parameters.
    locals: Vec<u32>,
}

/// A branch into a target.
#[derive(Clone, Copy, Debug)]
struct Edge {
    inst: Inst,
    /// Which target of the instruction it is.
    slot: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
struct Definition {
    value: Value,
    scope: Option<Scope>,
}

/// An argument of an edge that is to be found.
#[derive(Clone, Copy, Debug)]
struct Task {
    edge: Edge,
    argument: usize,
    local: u32,
}

/// The locals of a function.
#[derive(Debug)]
pub(super) struct Locals<'s> {
    survey: &'s Survey,
    /// Types of the locals in runs: the first local behind a run, and its type.
    runs: Vec<(u32, Type)>,
    params: Vec<Value>,
    /// What the other locals hold at first: a zero of each type.
    zeros: Vec<(Inst, Value)>,
    /// Scopes; the one above each is that of a definition where it ends.
    scopes: Tree<Scope, ScopeData>,
    /// Scopes that have not ended.
    open: Vec<Scope>,
    /// The numbers of those among them that definitions are in from now on.
    active: BTreeSet<usize>,
    loops: Tree<Loop, LoopData>,
    targets: PrimaryMap<Target, TargetData>,
    /// By local and position.
    definitions: BTreeMap<(u32, u32), Definition>,
    tasks: Vec<Task>,
    /// Arguments that edges were given.
    arguments: u64,
}

impl<'s> Locals<'s> {
    /// The locals of a function with these parameters.
    pub(super) fn new(survey: &'s Survey, function: &Function, params: &[Value]) -> Self {
        let runs = params.iter().zip(1..).map(|(&param, end)| (end, function.ty(param))).collect();
        Self {
            survey,
            runs,
            params: params.to_vec(),
            zeros: Vec::new(),
            scopes: Tree::new(),
            open: Vec::new(),
            active: BTreeSet::new(),
            loops: Tree::new(),
            targets: PrimaryMap::new(),
            definitions: BTreeMap::new(),
            tasks: Vec::new(),
            arguments: 0,
        }
    }

    /// Declares locals.
    pub(super) fn declare(&mut self, count: u32, ty: Type) {
        let end = self.len() + count;
        self.runs.push((end, ty));
    }

    /// Number of locals, with parameters.
    pub(super) fn len(&self) -> u32 {
        self.runs.last().map_or(0, |(end, _)| *end)
    }

    /// Types of the locals and how many of each follow one another, parameters first.
    pub(super) fn runs(&self) -> impl Iterator<Item = (u32, Type)> + '_ {
        let starts = [0].into_iter().chain(self.runs.iter().map(|(end, _)| *end));
        self.runs.iter().zip(starts).map(|(&(end, ty), start)| (end - start, ty))
    }

    /// A block at whose end edges are to meet. Its scope starts.
    pub(super) fn join(&mut self, block: Block, end: u32) -> Target {
        let target = self.target(block, end, Some(self.open.len()));
        self.open.push(self.scopes.push(ScopeData { end, kind: ScopeKind::Join(target) }));
        target
    }

    /// The first arm of an `if` at a place. Its scope starts.
    pub(super) fn arm(&mut self, place: Place, end: u32) {
        self.active.insert(self.open.len());
        self.open.push(self.scopes.push(ScopeData { end, kind: ScopeKind::Arm(place) }));
    }

    /// The end of the scope that started last.
    pub(super) fn end_scope(&mut self) {
        let Some(scope) = self.open.pop() else { return };
        self.active.remove(&self.open.len());
        let around = self.scope();
        self.scopes.set_parent(scope, around);
        if let ScopeKind::Join(target) = self.scopes.get(scope).kind {
            self.targets[target].scope = around;
        }
    }

    /// The innermost scope of a definition that is made now.
    fn scope(&self) -> Option<Scope> {
        self.active.last().map(|&number| self.open[number])
    }

    /// A loop that starts at a place.
    pub(super) fn header(&mut self, block: Block, place: Place, end: u32) -> (Target, Loop) {
        let target = self.target(block, place.position, None);
        self.targets[target].scope = self.scope();
        let inside = self.loops.push(LoopData { text: place.position..end, target });
        self.loops.set_parent(inside, place.inside);
        (target, inside)
    }

    fn target(&mut self, block: Block, position: u32, open: Option<usize>) -> Target {
        let (edges, locals) = (Vec::new(), Vec::new());
        self.targets.push(TargetData { block, position, scope: None, open, edges, locals })
    }

    /// The block of a target.
    pub(super) fn block(&self, target: Target) -> Block {
        self.targets[target].block
    }

    /// Whether any edge enters a target.
    pub(super) fn is_entered(&self, target: Target) -> bool {
        !self.targets[target].edges.is_empty()
    }

    /// Arguments that edges were given since the last call.
    pub(super) fn take_arguments(&mut self) -> u64 {
        std::mem::take(&mut self.arguments)
    }

    /// Constants that belong at the start of the entry block.
    pub(super) fn zeros(&self) -> impl Iterator<Item = Inst> + '_ {
        self.zeros.iter().map(|(inst, _)| *inst)
    }

    /// Writes a local.
    pub(super) fn set(&mut self, local: u32, place: Place, value: Value) {
        let scope = self.scope();
        self.definitions.insert((local, place.position), Definition { value, scope });
    }

    /// Reads a local.
    pub(super) fn get(&mut self, function: &mut Function, local: u32, place: Place) -> Value {
        let value = self.find(function, local, place);
        self.work(function);
        value
    }

    /// Adds an edge: target number `slot` of an instruction at a place.
    pub(super) fn connect(
        &mut self,
        function: &mut Function,
        target: Target,
        inst: Inst,
        slot: usize,
        place: Place,
    ) {
        let edge = Edge { inst, slot, place };
        self.targets[target].edges.push(edge);
        self.active.extend(self.targets[target].open);
        let block = &function.blocks[self.block(target)];
        let locals = &self.targets[target].locals;
        let first = block.params.len() - locals.len();
        let params = block.params[first..].to_vec();
        for (number, (param, &local)) in params.into_iter().zip(locals).enumerate() {
            edge_arguments(function, edge).push(param);
            self.tasks.push(Task { edge, argument: first + number, local });
        }
        self.arguments += locals.len() as u64;
        self.work(function);
    }

    /// Finds the arguments that are to be found.
    fn work(&mut self, function: &mut Function) {
        while let Some(Task { edge, argument, local }) = self.tasks.pop() {
            let value = self.find(function, local, edge.place);
            edge_arguments(function, edge)[argument] = value;
        }
    }

    /// The value of a local at a place. It may be a new parameter, whose arguments are still to be found.
    fn find(&mut self, function: &mut Function, local: u32, mut place: Place) -> Value {
        loop {
            let before = self.definitions.range((local, 0)..(local, place.position)).next_back();
            let last = before.map(|(&(_, position), &definition)| (position, definition));
            let writing = place.inside.and_then(|inside| self.innermost_writing(local, inside));
            if let Some(writing) = writing
                && last.is_none_or(|(position, _)| position < self.loops.get(writing).text.start)
            {
                return self.add_param(function, self.loops.get(writing).target, local);
            }
            let Some((_, definition)) = last else { return self.initial(function, local) };
            let has_ended = |scope: &ScopeData| scope.end < place.position;
            let ended = definition.scope.and_then(|scope| self.scopes.highest(scope, has_ended));
            let Some(ended) = ended else { return definition.value };
            match self.scopes.get(ended).kind {
                ScopeKind::Arm(start) => place = start,
                ScopeKind::Join(target) => match self.targets[target].edges[..] {
                    [edge] => place = edge.place,
                    _ => return self.add_param(function, target, local),
                },
            }
        }
    }

    /// The innermost loop, from one on to the outside, that writes a local.
    fn innermost_writing(&mut self, local: u32, inside: Loop) -> Option<Loop> {
        let survey = self.survey;
        let is_silent = |data: &LoopData| !survey.writes(local, data.text.start, data.text.end);
        match self.loops.highest(inside, is_silent) {
            None => Some(inside),
            Some(silent) => self.loops.parent(silent),
        }
    }

    /// Makes a local a parameter of a target.
    fn add_param(&mut self, function: &mut Function, target: Target, local: u32) -> Value {
        let ty = self.ty(local);
        let TargetData { block, position, scope, .. } = self.targets[target];
        let number = function.blocks[block].params.len();
        let def = ValueDef::Param(block, number as u32);
        let value = function.values.push(ValueData { ty, def });
        function.blocks[block].params.push(value);
        self.definitions.insert((local, position), Definition { value, scope });
        let data = &mut self.targets[target];
        data.locals.push(local);
        for &edge in &data.edges {
            edge_arguments(function, edge).push(value);
            self.tasks.push(Task { edge, argument: number, local });
        }
        self.arguments += data.edges.len() as u64 + 1;
        value
    }

    /// What a local holds at first.
    fn initial(&mut self, function: &mut Function, local: u32) -> Value {
        if let Some(&param) = self.params.get(local as usize) {
            return param;
        }
        let ty = self.ty(local);
        if let Some((_, zero)) = self.zeros.iter().find(|(_, zero)| function.ty(*zero) == ty) {
            return *zero;
        }
        let imm = Imm::Constant(function.constants.push(U256::ZERO));
        let (opcode, args, results) = (Opcode::Const, Values::new(), smallvec::SmallVec::new());
        let inst = function.insts.push(InstData { opcode, ty: Some(ty), args, imm, results });
        let zero = function.values.push(ValueData { ty, def: ValueDef::Result(inst, 0) });
        function.insts[inst].results.push(zero);
        self.zeros.push((inst, zero));
        zero
    }

    fn ty(&self, local: u32) -> Type {
        let run = self.runs.partition_point(|(end, _)| *end <= local);
        self.runs.get(run).map_or(Type::I32, |(_, ty)| *ty)
    }
}

/// The arguments of an edge.
fn edge_arguments(function: &mut Function, edge: Edge) -> &mut Values {
    match &mut function.insts[edge.inst].imm {
        Imm::Jump(target) => &mut target.args,
        Imm::Branch(targets) => &mut targets[edge.slot].args,
        _ => unreachable!("edges are jumps and branches"),
    }
}
