//! The fixed point: states, their frames, and the summaries of functions.

use std::collections::{HashMap, HashSet, VecDeque};

use cranelift_entity::{EntityRef, PrimaryMap};

use super::super::decode::{BlockId, Code, Exit};
use super::block::{Effect, Outcome};
use super::frame::Frame;
use super::predict::Tables;
use super::value::{Input, Value, Values};
use super::{Call, Edges, FunctionId, MAX_CLONES, MAX_EXITS, MAX_SHAPES, NodeId, STACK_LIMIT, Transfer};

/// Work allowed for any code, in stack items.
const BASE_BUDGET: u64 = 1_000_000;

/// Work allowed for each byte of code, in stack items.
const BUDGET_PER_BYTE: u64 = 32;

/// What processing a state costs besides its stack items.
const STATE_COST: u64 = 24;

/// A block in a function, with what is known of the stack there.
#[derive(Debug)]
pub struct State {
    pub function: FunctionId,
    pub block: BlockId,
    pub frame: Frame,
    /// What followed when it was last looked at; nodes are numbered over all functions.
    pub edges: Edges,
    queued: bool,
}

/// A way out of a function.
#[derive(Clone, Debug)]
pub struct Summary {
    pub via: Input,
    pub height: i32,
    pub frame: Frame,
}

impl Summary {
    /// How many items below the height at entry the exit speaks of.
    fn reach(&self) -> usize {
        let inputs = self.frame.slots().iter().map(|slot| match slot {
            Value::In(input) => usize::from(input.slot) + 1,
            _ => 0,
        });
        inputs.max().unwrap_or(0).max(usize::from(self.via.slot) + 1).max(self.frame.below() as usize)
    }
}

/// A function and its summaries.
#[derive(Debug)]
pub struct Function {
    pub entry: BlockId,
    pub start: NodeId,
    pub exits: Vec<Summary>,
    /// States that call it, in the order in which they were found.
    callers: Vec<NodeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    function: FunctionId,
    block: BlockId,
    height: i32,
    /// `None` for the state in which frames of different labels are merged.
    shape: Option<u64>,
}

/// The state of the analysis.
#[derive(Debug)]
pub struct Solver<'c> {
    pub code: &'c Code<'c>,
    pub values: Values<'c>,
    pub effects: PrimaryMap<BlockId, Effect>,
    pub functions: PrimaryMap<FunctionId, Function>,
    pub states: PrimaryMap<NodeId, State>,
    by_entry: HashMap<BlockId, FunctionId>,
    by_key: HashMap<Key, NodeId>,
    /// Number of states of each block in each function.
    counts: HashMap<(FunctionId, BlockId), u32>,
    calls: HashSet<(FunctionId, NodeId)>,
    /// Blocks that no jump calls as functions.
    loops: HashSet<BlockId>,
    /// What open jumps may go to; `None` where nothing is guessed.
    tables: Option<Tables>,
    queue: VecDeque<NodeId>,
    work: u64,
}

impl<'c> Solver<'c> {
    /// The start of the analysis, in which no jump to one of `loops` is a call, and targets are guessed
    /// where `guesses`.
    pub fn new(code: &'c Code<'c>, loops: HashSet<BlockId>, guesses: bool) -> Self {
        let mut values = Values::new(code);
        let mut tables = Tables::default();
        let mut effects = PrimaryMap::with_capacity(code.blocks().len());
        for block in code.blocks().keys() {
            effects.push(Effect::of(code, block, &mut values, &mut tables));
        }
        let mut solver = Self {
            code,
            values,
            effects,
            functions: PrimaryMap::new(),
            states: PrimaryMap::new(),
            by_entry: HashMap::new(),
            by_key: HashMap::new(),
            counts: HashMap::new(),
            calls: HashSet::new(),
            loops,
            tables: guesses.then_some(tables),
            queue: VecDeque::new(),
            work: 0,
        };
        solver.add_function(BlockId::new(0));
        solver
    }

    /// Work done so far, in stack items.
    pub fn work(&self) -> u64 {
        self.work + self.values.work()
    }

    /// Runs to the fixed point; `false` where that is over the bound.
    pub fn run(&mut self) -> bool {
        let budget = budget(self.code);
        while let Some(id) = self.queue.pop_front() {
            self.states[id].queued = false;
            self.states[id].edges = self.process(id);
            if self.work() > budget {
                return false;
            }
        }
        true
    }

    /// Whether this is the function entered at offset 0, with nothing below its stack.
    pub fn is_root(function: FunctionId) -> bool {
        function.index() == 0
    }

    fn add_function(&mut self, entry: BlockId) -> FunctionId {
        let start = NodeId::new(0);
        let id = self.functions.push(Function { entry, start, exits: Vec::new(), callers: Vec::new() });
        self.functions[id].start = NodeId::new(self.states.len());
        self.enter(id, entry, Frame::default());
        id
    }

    fn enqueue(&mut self, id: NodeId) {
        if !std::mem::replace(&mut self.states[id].queued, true) {
            self.queue.push_back(id);
        }
    }

    /// Goes on at `block` inside `function`.
    fn flow(&mut self, function: FunctionId, block: BlockId, frame: Frame) -> Transfer {
        match self.enter(function, block, frame) {
            Some(id) => Transfer::Flow(id),
            None => Transfer::Generic(block),
        }
    }

    /// Joins `frame` into the state that it belongs to; `None` where there are too many.
    fn enter(&mut self, function: FunctionId, block: BlockId, mut frame: Frame) -> Option<NodeId> {
        frame.shrink();
        self.work += frame.len() as u64 + 1;
        let key = self.key(function, block, &frame);
        let Some(&id) = self.by_key.get(&key) else {
            let count = self.counts.entry((function, block)).or_default();
            if *count == MAX_CLONES {
                return None;
            }
            *count += 1;
            let state = State { function, block, frame, edges: Edges::Halt, queued: false };
            let id = self.states.push(state);
            self.by_key.insert(key, id);
            self.enqueue(id);
            return Some(id);
        };
        if self.states[id].frame.join(&frame, &mut self.values) {
            self.enqueue(id);
        }
        Some(id)
    }

    fn key(&self, function: FunctionId, block: BlockId, frame: &Frame) -> Key {
        let key = Key { function, block, height: frame.height(), shape: Some(frame.shape()) };
        let count = self.counts.get(&(function, block)).copied().unwrap_or_default();
        if count >= MAX_SHAPES && !self.by_key.contains_key(&key) {
            return Key { shape: None, ..key };
        }
        key
    }

    /// Applies a state's block to its frame.
    fn process(&mut self, id: NodeId) -> Edges {
        let State { function, block, ref frame, .. } = self.states[id];
        let effect = &self.effects[block];
        self.work += STATE_COST + frame.len() as u64 + effect.cost();
        if stack_error(function, effect, frame) {
            return Edges::StackError;
        }
        let Outcome { frame, target, condition } = effect.apply(frame, &mut self.values);
        match self.code.blocks()[block].exit {
            Exit::Halt | Exit::End => Edges::Halt,
            Exit::Fall(next) => Edges::Next(self.flow(function, next, frame)),
            Exit::Jump => Edges::Next(self.jump(id, target, frame, true)),
            Exit::JumpIf(next) => self.branch(id, target, condition, frame, next),
        }
    }

    fn branch(
        &mut self,
        id: NodeId,
        target: Value,
        condition: Value,
        frame: Frame,
        next: Option<BlockId>,
    ) -> Edges {
        let State { function, block, .. } = self.states[id];
        let truth = self.values.truth(condition);
        let mut edge = [None, None];
        for taken in [true, false] {
            if truth == Some(!taken) {
                continue;
            }
            let mut frame = frame.clone();
            self.effects[block].assume(&mut frame, taken, &mut self.values);
            edge[usize::from(taken)] = Some(match next {
                _ if taken && matches!(target, Value::Top | Value::NonZero) => self.guess(id, frame, false),
                _ if taken => self.jump(id, target, frame, false),
                Some(next) => self.flow(function, next, frame),
                None => Transfer::Stop,
            });
        }
        let [not_taken, taken] = edge;
        Edges::Branch { taken, not_taken }
    }

    /// A jump out of state `id`, or a resumption there, with what is left of the stack.
    fn jump(&mut self, id: NodeId, target: Value, frame: Frame, may_call: bool) -> Transfer {
        let Some(numbers) = self.values.elements(target) else {
            return match target {
                Value::In(input) => self.exit(self.states[id].function, input, frame),
                _ if may_call => self.guess(id, frame, true),
                _ => Transfer::Open,
            };
        };
        let mut blocks: Vec<_> = numbers.iter().filter_map(|&n| self.values.destination(n)).collect();
        let all_valid = blocks.len() == numbers.len();
        blocks.sort_unstable();
        blocks.dedup();
        match blocks[..] {
            [] => Transfer::InvalidJump,
            [block] if all_valid => self.go_to(id, block, frame, may_call),
            _ => Transfer::Switch(
                blocks.iter().map(|&block| (block, self.go_to(id, block, frame.clone(), may_call))).collect(),
            ),
        }
    }

    /// A jump to what is not known, by what may be guessed. Only calls and the root go on at guesses:
    /// in another function a wrong one could fail for want of stack items, and take it out of the
    /// specialised tier.
    fn guess(&mut self, id: NodeId, frame: Frame, may_call: bool) -> Transfer {
        let State { function, block, .. } = self.states[id];
        let calls = may_call && frame.may_hold_label(&self.values);
        let blocks = match &self.tables {
            Some(tables) if calls || Self::is_root(function) => {
                self.effects[block].guess(self.code, frame.copied, tables)
            }
            _ => Vec::new(),
        };
        let blocks = self.taking_all(blocks, frame.height());
        if blocks.is_empty() {
            return Transfer::Open;
        }
        self.work += (blocks.len() * (1 + frame.len())) as u64;
        let go_to = |block| (block, self.go_to(id, block, frame.clone(), may_call));
        Transfer::Predicted(blocks.into_iter().map(go_to).collect())
    }

    /// An unrolled loop that takes operands from the stack is entered where it takes all that are there:
    /// of guesses that fall into one another, those that leave the least and do not fail.
    fn taking_all(&self, mut blocks: Vec<BlockId>, height: i32) -> Vec<BlockId> {
        let mut left: HashMap<BlockId, i32> = HashMap::new();
        let mut chained = false;
        for &block in blocks.iter().rev() {
            let Effect { needs, .. } = self.effects[block];
            let change = self.effects[block].change();
            let mut least = change.min(-(needs as i32));
            if let Exit::Fall(next) = self.code.blocks()[block].exit
                && let Some(below) = left.get(&next)
            {
                chained = true;
                least = least.min(change + below);
            }
            left.insert(block, least);
        }
        if !chained {
            return blocks;
        }
        blocks.retain(|block| height + left[block] >= 0);
        let least = blocks.iter().map(|block| left[block]).min();
        blocks.retain(|block| Some(left[block]) == least);
        blocks
    }

    fn go_to(&mut self, id: NodeId, block: BlockId, frame: Frame, may_call: bool) -> Transfer {
        if may_call && !self.loops.contains(&block) && frame.may_hold_label(&self.values) {
            return self.call(id, block, &frame);
        }
        self.flow(self.states[id].function, block, frame)
    }

    fn call(&mut self, id: NodeId, entry: BlockId, frame: &Frame) -> Transfer {
        let callee = match self.by_entry.get(&entry) {
            Some(&callee) => callee,
            None => {
                let callee = self.add_function(entry);
                self.by_entry.insert(entry, callee);
                callee
            }
        };
        if self.calls.insert((callee, id)) {
            self.functions[callee].callers.push(id);
        }
        let mut resumes = Vec::new();
        while let Some(exit) = self.functions[callee].exits.get(resumes.len()).cloned() {
            resumes.push(self.resume(id, frame, &exit));
        }
        Transfer::Call(Box::new(Call { callee, resumes }))
    }

    /// Where the caller in state `id` goes on behind an exit of its callee.
    fn resume(&mut self, id: NodeId, frame: &Frame, exit: &Summary) -> Transfer {
        if Self::is_root(self.states[id].function) && exit.reach() > frame.len() {
            // The callee has underflowed; the call itself will become generic.
            return Transfer::Open;
        }
        self.work += (frame.len() + exit.frame.len()) as u64;
        let target = frame.substitute(Value::In(exit.via), &mut self.values);
        let resumed = frame.resumed(&exit.frame, &mut self.values);
        self.jump(id, target, resumed, false)
    }

    fn exit(&mut self, function: FunctionId, via: Input, mut frame: Frame) -> Transfer {
        frame.shrink();
        self.work += frame.len() as u64 + 1;
        let height = frame.height();
        let exits = &mut self.functions[function].exits;
        let found = exits.iter().position(|exit| exit.via == via && exit.height == height);
        let changed = match found {
            Some(index) => exits[index].frame.join(&frame, &mut self.values),
            None if exits.len() == MAX_EXITS => return Transfer::Open,
            None => {
                exits.push(Summary { via, height, frame });
                true
            }
        };
        let index = found.unwrap_or(self.functions[function].exits.len() - 1);
        if changed {
            self.work += self.functions[function].callers.len() as u64;
            for caller in self.functions[function].callers.clone() {
                self.enqueue(caller);
            }
        }
        Transfer::Exit(index)
    }
}

/// Work allowed for a code, in stack items.
pub fn budget(code: &Code<'_>) -> u64 {
    BASE_BUDGET + BUDGET_PER_BYTE * code.bytes().len() as u64
}

/// Whether a block certainly fails on this frame for want or excess of stack items.
fn stack_error(function: FunctionId, effect: &Effect, frame: &Frame) -> bool {
    let missing = i64::from(effect.needs) - i64::from(frame.height());
    let available = if Solver::is_root(function) { 0 } else { i64::from(STACK_LIMIT) };
    let highest = i64::from(frame.height()) + i64::from(effect.grows);
    effect.fails || missing > available || highest > i64::from(STACK_LIMIT)
}
