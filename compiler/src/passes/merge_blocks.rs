//! Threads jumps through empty blocks and merges a block into its only predecessor.
//!
//! * An *empty* block has no parameters and only a `jump`. An edge into it may go to where the jump
//!   leads: what the jump passes on is defined in blocks that dominate the empty block, hence also
//!   every predecessor of it. An edge stays where the terminator would then reach one block with
//!   parameters twice: such edges could not be told apart by the values that they bring.
//! * A block whose only incoming edge is a `jump` becomes the rest of the block that jumps. Its
//!   parameters are the jump's arguments.
//!
//! Neither moves an operation over another, so gas, memory and exits keep their order. Chains are
//! followed from their head, so each instruction moves once; a path of empty blocks is followed for
//! at most [`MOST_HOPS`]. Linear.

use std::collections::HashSet;

use cranelift_entity::SecondaryMap;
use evmc_ir::cursor::Replacements;
use evmc_ir::{Block, BlockCall, Function, Imm, Module};

/// Empty blocks in a row that a jump is threaded through.
const MOST_HOPS: usize = 8;

/// Runs the pass on every function; gives how many edges and blocks it removed.
pub fn run(module: &mut Module) -> usize {
    module.functions.values_mut().map(run_on_function).sum()
}

/// Runs the pass on one function; gives how many edges and blocks it removed.
pub fn run_on_function(function: &mut Function) -> usize {
    let threaded = thread_jumps(function);
    if threaded > 0 {
        remove_empty_blocks(function);
    }
    threaded + merge_chains(function)
}

/// Lets edges into empty blocks go to where those lead.
fn thread_jumps(function: &mut Function) -> usize {
    let mut threaded = 0;
    for index in 0..function.layout.len() {
        let block = function.layout[index];
        let Some(&last) = function.blocks[block].insts.last() else { continue };
        let targets = function.insts[last].targets();
        let mut reached: HashSet<Block> = targets.iter().map(|target| target.block).collect();
        let ends: Vec<_> = targets.iter().map(|target| destination(function, target)).collect();
        drop(targets);
        let mut may_go =
            |end: &BlockCall| reached.insert(end.block) || function.blocks[end.block].params.is_empty();
        let ends: Vec<_> = ends.into_iter().map(|end| end.filter(&mut may_go)).collect();
        for (target, end) in function.insts[last].targets_mut().into_iter().zip(ends) {
            if let Some(end) = end {
                *target = end;
                threaded += 1;
            }
        }
    }
    threaded
}

/// Removes the empty blocks that no edge enters any more.
fn remove_empty_blocks(function: &mut Function) {
    let edges = edges(function);
    let entry = function.entry();
    let stays = |function: &Function, block: Block| {
        edges[block] > 0 || Some(block) == entry || empty_block_target(function, block).is_none()
    };
    let mut layout = std::mem::take(&mut function.layout);
    layout.retain(|&block| stays(function, block));
    function.layout = layout;
}

/// Number of edges into each block.
fn edges(function: &Function) -> SecondaryMap<Block, u32> {
    let mut edges = SecondaryMap::new();
    for terminator in function.layout.iter().filter_map(|&block| function.terminator(block)) {
        terminator.targets().iter().for_each(|target| edges[target.block] += 1);
    }
    edges
}

/// Where an edge into an empty block ends up; `None` where its block is not empty.
fn destination(function: &Function, edge: &BlockCall) -> Option<BlockCall> {
    let mut found = None;
    let mut block = edge.block;
    for _ in 0..MOST_HOPS {
        let Some(next) = empty_block_target(function, block) else { break };
        block = next.block;
        found = Some(next);
    }
    found.cloned()
}

/// Where an empty block jumps.
fn empty_block_target(function: &Function, block: Block) -> Option<&BlockCall> {
    let data = &function.blocks[block];
    let &[only] = &data.insts[..] else { return None };
    match &function.insts[only].imm {
        Imm::Jump(target) if data.params.is_empty() && target.block != block => Some(target),
        _ => None,
    }
}

/// Appends blocks to the block that alone jumps to them.
fn merge_chains(function: &mut Function) -> usize {
    let follows = mergeable(function);
    let mut replacements = Replacements::default();
    let mut gone: SecondaryMap<Block, bool> = SecondaryMap::new();
    let mut merged = 0;
    for index in 0..function.layout.len() {
        let head = function.layout[index];
        if follows[head] {
            continue;
        }
        while let Some(next) = jump_target(function, head).filter(|&next| follows[next]) {
            append(function, head, next, &mut replacements);
            gone[next] = true;
            merged += 1;
        }
    }
    if merged > 0 {
        function.layout.retain(|&block| !gone[block]);
        replacements.apply(function);
    }
    merged
}

/// The blocks whose only incoming edge is a jump from another block.
fn mergeable(function: &Function) -> SecondaryMap<Block, bool> {
    let edges = edges(function);
    let mut mergeable = SecondaryMap::new();
    for &block in &function.layout {
        if let Some(target) = jump_target(function, block) {
            mergeable[target] = target != block;
        }
    }
    for &block in &function.layout {
        mergeable[block] &= edges[block] == 1 && Some(block) != function.entry();
    }
    mergeable
}

fn jump_target(function: &Function, block: Block) -> Option<Block> {
    match &function.terminator(block)?.imm {
        Imm::Jump(target) => Some(target.block),
        _ => None,
    }
}

/// Moves the instructions of `next` to the end of `head`, which jumps to it.
fn append(function: &mut Function, head: Block, next: Block, replacements: &mut Replacements) {
    let Some(jump) = function.blocks[head].insts.pop() else { return };
    let params = std::mem::take(&mut function.blocks[next].params);
    if let Imm::Jump(target) = &function.insts[jump].imm {
        for (&param, &arg) in params.iter().zip(&target.args) {
            // They are the same only in code that is not reached.
            if replacements.resolve(arg) != param {
                replacements.insert(param, arg);
            }
        }
    }
    let moved = std::mem::take(&mut function.blocks[next].insts);
    function.blocks[head].insts.extend(moved);
}
