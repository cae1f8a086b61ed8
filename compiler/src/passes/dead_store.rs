//! Removes stores to VM memory that nothing reads.
//!
//! A store is dead where on every way from it, before a read of any of its bytes, all of them are written
//! again or the frame ends. Memory dies with the frame, and what a frame leaves behind of it is what
//! `RETURN` and `REVERT` read. So the end of a frame reads nothing else, and no exceptional halt reads
//! anything: an instruction that may run out of gas is no obstacle.
//!
//! That is a backward analysis over the sets of spans that are *dead*, with intersection where ways part
//! ([`flow`]), at its greatest solution: a loop that is never left reads no memory either.
//!
//! * A read takes from the dead spans those that it may overlap ([`crate::analysis::memory`]): of its own
//!   root those that do, of all other roots each. Host functions read where their operands say.
//! * A store, or a copy of constant length, makes the spans inside it dead. The output of a call does
//!   not: it may be shorter than its room. A nested frame has a memory of its own, also that of a call of
//!   this contract by itself, and sees of ours only the input of its call.
//! * A function of the module may read anything if it, or one that it calls, reads at all. What is behind
//!   the return of a function is not known, so nothing is dead there.
//!
//! * A value in a loop is another one each time round, and with it the spans whose root it is. So where a value
//!   is defined, the spans with it as their root are not dead: whatever is known of them is about the next one.
//!
//! `mem.ensure` stays, so gas and the length of memory (`MSIZE`) are what they were. Functions beyond the
//! limits of [`flow`] are left alone; else the cost is linear in instructions times spans.

mod flow;
mod spans;

use cranelift_entity::{EntitySet, SecondaryMap};
use evmc_abi::Effects;
use evmc_ir::{Dominators, Func, Function, Imm, Inst, Module};

use crate::analysis::call_graph::CallGraph;
use crate::analysis::place::Places;

use super::is_large;
use spans::Spans;

/// Runs the pass on every function; gives how many stores it removed.
pub fn run(module: &mut Module) -> usize {
    if is_large(module) {
        return 0;
    }
    let readers = readers(module);
    module.functions.values_mut().map(|function| run_on_function(function, &readers)).sum()
}

/// The functions that may read bytes of memory before they return, themselves or by what they call.
fn readers(module: &Module) -> EntitySet<Func> {
    let graph = CallGraph::of(module);
    let mut readers = EntitySet::new();
    for &id in &graph.callees_first {
        let function = &module.functions[id];
        let mut insts = function.layout.iter().flat_map(|&block| function.block_insts(block));
        let reads = graph.recursive[id]
            || insts.any(|(_, data)| match data.imm {
                Imm::Function(callee) => readers.contains(callee),
                Imm::Field(_) => false,
                _ => data.effects().contains(Effects::READS_MEMORY),
            });
        if reads {
            readers.insert(id);
        }
    }
    readers
}

fn run_on_function(function: &mut Function, readers: &EntitySet<Func>) -> usize {
    let dominators = Dominators::new(function);
    let blocks = dominators.rpo();
    let places = Places::new(function, blocks);
    let spans = Spans::of(function, &places, blocks, readers);
    let Some(mut at_end) = flow::solve(function, blocks, &spans) else { return 0 };
    let mut dead: SecondaryMap<Inst, bool> = SecondaryMap::new();
    let mut removed = 0;
    for &block in blocks {
        let behind = &mut at_end[block];
        for &inst in function.blocks[block].insts.iter().rev() {
            if spans.is_stored(inst, behind) {
                dead[inst] = true;
                removed += 1;
            }
            spans.pass(inst, behind);
        }
    }
    if removed > 0 {
        for &block in blocks {
            function.blocks[block].insts.retain(|&inst| !dead[inst]);
        }
    }
    removed
}
