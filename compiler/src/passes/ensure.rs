//! Removes checks of memory accesses that an earlier check makes superfluous.
//!
//! Memory never shrinks while a frame runs. So once `mem.ensure` has passed for a range, every range
//! inside it holds from there on, whatever is called or stored between: no fact is ever killed, and a
//! fact holds in all that the block dominates. Facts are kept by root ([`crate::analysis::place`]):
//!
//! * *ensured from `lo` to `hi`*: the low 64 bits of root + `lo` are an address and memory reaches to
//!   `hi` − `lo` bytes behind it. Memory that gas of 64 bits can pay for is below 2^48 bytes, so sums
//!   with the short offsets of places do not wrap, and whatever begins and ends between is there.
//! * *fits from `c`*: the word root + `c` fits in 64 bits. Together with an ensured range that begins at
//!   or before `c`, root + `c` is below 2^48, so root + `d` fits too for every `d` above `c`.
//!
//! Constant ranges are also followed through joins, calls and returns: the length that memory certainly
//! has is the least over all ways to get there. That part goes over the functions from callees to callers
//! for what a call ensures, and back for what holds at entry; recursion counts as knowing nothing. Inside
//! a function it goes round at most [`MOST_ROUNDS`] times, and then knows nothing at joins.
//!
//! Removing a check that always passes changes neither gas nor the length of memory. Cost: linear but
//! for the rounds.

mod constant;
mod facts;

use evmc_ir::{Block, Dominators, Function, Inst, Module};

use crate::analysis::check::Check;
use crate::analysis::place::Places;

use constant::Lengths;
use facts::Facts;

/// Runs the pass; gives how many checks it removed.
pub fn run(module: &mut Module) -> usize {
    let lengths = Lengths::of_module(module);
    let ids: Vec<_> = module.functions.keys().collect();
    let mut removed = 0;
    for id in ids {
        let at_entry = lengths.at_entry(id);
        let blocks = constant::in_function(&module.functions[id], at_entry, &lengths);
        let superfluous = find(&module.functions[id], &blocks, &lengths);
        removed += superfluous.len();
        remove(&mut module.functions[id], &superfluous);
    }
    removed
}

/// The checks that always pass.
fn find(function: &Function, at_start: &constant::AtStart, lengths: &Lengths) -> Vec<Inst> {
    let dominators = Dominators::new(function);
    let places = Places::new(function, dominators.rpo());
    let mut superfluous = Vec::new();
    let mut facts = Facts::default();
    walk_dominator_tree(&dominators, |step| match step {
        Step::Leave => facts.leave(),
        Step::Enter(block) => {
            facts.enter(at_start[block]);
            for (inst, data) in function.block_insts(block) {
                if let Some(check) = Check::of(function, &places, data) {
                    if facts.covers(check) {
                        superfluous.push(inst);
                    } else {
                        facts.learn(check);
                    }
                } else if let Some(length) = lengths.behind(data) {
                    facts.learn_length(length);
                }
            }
        }
    });
    superfluous
}

fn remove(function: &mut Function, superfluous: &[Inst]) {
    if superfluous.is_empty() {
        return;
    }
    let mut gone = cranelift_entity::EntitySet::new();
    for &inst in superfluous {
        gone.insert(inst);
    }
    for &block in &function.layout {
        function.blocks[block].insts.retain(|&inst| !gone.contains(inst));
    }
}

/// A step of a walk over the dominator tree.
enum Step {
    Enter(Block),
    Leave,
}

/// Visits every block between what it dominates and what dominates it.
fn walk_dominator_tree(dominators: &Dominators, mut visit: impl FnMut(Step)) {
    let mut children: cranelift_entity::SecondaryMap<Block, Vec<Block>> = Default::default();
    for &block in dominators.rpo() {
        if let Some(parent) = dominators.idom(block) {
            children[parent].push(block);
        }
    }
    let mut work: Vec<Option<Block>> =
        dominators.rpo().first().map(|&entry| Some(entry)).into_iter().collect();
    while let Some(next) = work.pop() {
        let Some(block) = next else {
            visit(Step::Leave);
            continue;
        };
        visit(Step::Enter(block));
        work.push(None);
        work.extend(children[block].iter().rev().map(|&child| Some(child)));
    }
}
