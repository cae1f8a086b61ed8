//! Gives loops of one block whose turns can be counted a copy without checks.
//!
//! In front of such a loop of WebAssembly it is known how many turns it will make at most, unless it ends early, from where
//! its exit condition compares a counter with a bound by `ne`. So three things can be told at once that the loop tests in every turn:
//! whether gas is enough for all turns, and whether every access of every turn is inside its memory. Where both
//! hold, and the turns are enough to be worth the question, a copy of the loop runs: it pays for all turns before the first, checks no
//! gas, and accesses memory by `lin.read` and `lin.write` at addresses that are counters of 64 bits. Else the loop runs as it is.
//!
//! Sound because
//!
//! * the counter and the bound differ by `d + k·s` modulo 2³² in turn `k`, and the loop goes on while that is not 0: where `s` divides
//!   `-d`, as a number without sign (for a negative `s`, `|s|` divides `d`), the quotient is the first such `k`;
//! * the copy is entered only where the counter of gas, as a signed number, is at least what all turns cost, so no check of the loop
//!   would find it below zero, and paying first is not seen: the loop calls nothing, and a trap takes all gas;
//! * an address is `a + k·t` modulo 2³² with constant `t`. Where this sum without the modulus stays inside the memory from the first
//!   turn to the last, it never wraps, and what the loop computes is the sum itself. The sum is monotonous in `k`, so the
//!   two ends tell. Nothing in the loop changes the length of a memory;
//! * where one access cannot be told, none becomes `lin.read` or `lin.write`: accesses that can trap keep their order among all.
//!
//! What a loop defines and others use passes a block of its own behind both copies. Cost: linear; each loop is copied once.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, BlockCall, Function, Imm, InstData, Module, Opcode, Type, Value, ValueData, ValueDef};
use smallvec::SmallVec;

use self::recognise::Loop;

mod affine;
mod copy;
mod guard;
mod recognise;

/// Turns of a loop from which on it is worth the questions in front of it.
const LEAST_TURNS: u64 = 8;

/// Runs the pass on every function; gives how many loops it copied.
pub fn run(module: &mut Module) -> usize {
    let metered = module.instance.as_ref().is_some_and(|instance| instance.metered);
    super::tractable(module).map(|function| run_on_function(function, metered)).sum()
}

fn run_on_function(function: &mut Function, metered: bool) -> usize {
    let blocks = function.layout.clone();
    let found: Vec<Loop> =
        blocks.iter().filter_map(|&block| recognise::recognise(function, block, metered)).collect();
    if found.is_empty() {
        return 0;
    }
    let mut scopes = Scopes::new(function);
    found.iter().for_each(|a_loop| scopes.note(a_loop));
    let mut around: SecondaryMap<Block, Option<Blocks>> = SecondaryMap::new();
    for a_loop in &found {
        around[a_loop.block] = Some(version(function, a_loop, &mut scopes));
    }
    function.layout = blocks.iter().flat_map(|&block| with_copies(block, around[block])).collect();
    redirect(function, &around);
    scopes.rename(function);
    found.len()
}

/// The blocks around the two copies of a loop.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    /// Counts the turns.
    count: Block,
    /// Asks whether gas and memory suffice.
    ask: Block,
    /// Pays.
    pay: Block,
    /// The copy without checks.
    fast: Block,
    /// Behind the copy without checks.
    fence: Block,
    /// Behind both.
    join: Block,
}

/// A block in the layout, with what is put around it.
fn with_copies(block: Block, around: Option<Blocks>) -> SmallVec<[Block; 7]> {
    match around {
        None => SmallVec::from_slice(&[block]),
        Some(Blocks { count, ask, pay, fast, fence, join }) => {
            SmallVec::from_slice(&[count, ask, pay, fast, fence, block, join])
        }
    }
}

/// Makes the copy and the questions in front of a loop, outside the layout.
fn version(function: &mut Function, a_loop: &Loop, scopes: &mut Scopes) -> Blocks {
    let mut new = || function.blocks.push(evmc_ir::BlockData::default());
    let blocks = Blocks { count: new(), ask: new(), pay: new(), fast: new(), fence: new(), join: new() };
    let outside = leave_by_join(function, a_loop, blocks.join, scopes);
    guard::emit(function, a_loop, blocks);
    copy::emit(function, a_loop, blocks, &outside);
    blocks
}

/// Lets every edge from outside into a loop go to the block that counts.
fn redirect(function: &mut Function, around: &SecondaryMap<Block, Option<Blocks>>) {
    let Function { layout, blocks, insts, .. } = function;
    let is_own =
        |from: Block, target: Block, own: Blocks| from == target || from == own.count || from == own.ask;
    for &from in layout.iter() {
        let Some(&last) = blocks[from].insts.last() else { continue };
        for target in insts[last].targets_mut() {
            if let Some(own) = around[target.block].filter(|&own| !is_own(from, target.block, own)) {
                target.block = own.count;
            }
        }
    }
}

/// Lets the loop leave by a block of its own, whose parameters stand outside for what the loop defines; gives that.
fn leave_by_join(function: &mut Function, a_loop: &Loop, join: Block, scopes: &mut Scopes) -> Vec<Value> {
    let exit = a_loop.exit(function);
    let results = function.block_insts(a_loop.block).flat_map(|(_, data)| data.results.iter());
    let inside: Vec<Value> = function.blocks[a_loop.block].params.iter().chain(results).copied().collect();
    let outside: Vec<Value> =
        inside.into_iter().filter(|value| scopes.leaves[*value] || exit.args.contains(value)).collect();
    for &value in &outside {
        let param = add_param(function, join, function.ty(value));
        scopes.stands_for[value] = Some(param);
        scopes.home[param] = Some(join);
    }
    push(function, join, Opcode::Jump, &[], Imm::Jump(exit));
    let last = a_loop.last(function);
    for target in function.insts[last].targets_mut() {
        if target.block != a_loop.block {
            *target = BlockCall::new(join, &outside);
        }
    }
    outside
}

/// Where values are defined and used.
struct Scopes {
    /// The block that defines a value.
    home: SecondaryMap<Value, Option<Block>>,
    /// Whether another block uses a value.
    leaves: SecondaryMap<Value, bool>,
    /// What stands for a value in all blocks but its own.
    stands_for: SecondaryMap<Value, Option<Value>>,
}

impl Scopes {
    fn new(function: &Function) -> Self {
        let mut scopes =
            Self { home: SecondaryMap::new(), leaves: SecondaryMap::new(), stands_for: SecondaryMap::new() };
        for &block in &function.layout {
            let results = function.block_insts(block).flat_map(|(_, data)| data.results.iter());
            for &value in function.blocks[block].params.iter().chain(results) {
                scopes.home[value] = Some(block);
            }
        }
        for &block in &function.layout {
            for (_, data) in function.block_insts(block) {
                let passed = data.targets().into_iter().flat_map(|target| target.args.iter());
                for &value in data.args.iter().chain(passed) {
                    scopes.leaves[value] |= scopes.home[value] != Some(block);
                }
            }
        }
        scopes
    }

    /// Notes what the questions in front of a loop are about: a leaf may be an operand of what another block defines.
    fn note(&mut self, a_loop: &Loop) {
        let sums = a_loop.groups.iter().map(|group| &group.anchor).chain([&a_loop.difference]);
        for &(leaf, _) in sums.flat_map(|sum| &sum.terms) {
            self.leaves[leaf] |= self.home[leaf] != Some(a_loop.block);
        }
    }

    /// Lets all blocks use what stands for values of other blocks.
    fn rename(&self, function: &mut Function) {
        let Function { layout, blocks, insts, .. } = function;
        for &block in layout.iter() {
            let rename = |value: &mut Value| {
                if let Some(other) = self.stands_for[*value].filter(|_| self.home[*value] != Some(block)) {
                    *value = other;
                }
            };
            for &inst in &blocks[block].insts {
                insts[inst].args.iter_mut().for_each(rename);
                for target in insts[inst].targets_mut() {
                    target.args.iter_mut().for_each(rename);
                }
            }
        }
    }
}

/// A new parameter of a block.
fn add_param(function: &mut Function, block: Block, ty: Type) -> Value {
    let number = function.blocks[block].params.len() as u32;
    let value = function.values.push(ValueData { ty, def: ValueDef::Param(block, number) });
    function.blocks[block].params.push(value);
    value
}

/// Puts an instruction with one result at the end of a block; gives the result.
fn push_value(function: &mut Function, block: Block, data: InstData, ty: Type) -> Value {
    let inst = function.insts.push(data);
    let value = function.values.push(ValueData { ty, def: ValueDef::Result(inst, 0) });
    function.insts[inst].results.push(value);
    function.blocks[block].insts.push(inst);
    value
}

/// Puts an instruction without results at the end of a block.
fn push(function: &mut Function, block: Block, opcode: Opcode, args: &[Value], imm: Imm) {
    let data = InstData { opcode, ty: None, args: args.into(), imm, results: SmallVec::new() };
    let inst = function.insts.push(data);
    function.blocks[block].insts.push(inst);
}
