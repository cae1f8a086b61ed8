//! Replaces loads and hashes of what is known to be there: words of memory, storage and transient storage.
//!
//! What was stored or loaded is known at every point where it was on all ways there and nothing since may
//! have changed it. That is a forward analysis over sets of *facts*, one for each load and store, with
//! intersection where ways meet ([`flow`]). As a fact holds on all ways, its load or store dominates the
//! point, and its value can be used there.
//!
//! * **Memory.** Two ranges of one root with known distance ([`crate::analysis::place`]) overlap or do not;
//!   ranges of two roots may. Host functions change the range that their operands say. Memory that grows
//!   keeps what it holds. Only whole words are forwarded, and the store stays: others may read it.
//! * **Storage.** Two keys are the same if they are one value or one constant, and differ if they are two
//!   constants. Other frames change the storage of this one only by calls, creation included; a static call
//!   cannot (EIP-214). A load whose value is known goes for good, and its gas stays exact: its static charge
//!   is an instruction of its own, and dynamic gas, since EIP-2929, is that of the first access in the
//!   transaction, which the one before was. It adds nothing to what was accessed (EIP-7928).
//! * **Transient storage** (EIP-1153) as storage.
//! * **Hashes** of words of memory that are known become hashes of values ([`hash`]).
//!
//! Values go in as bytes and come out as bytes, so a reversal of a reversal is dropped on the way; else the
//! pointers in memory would not be seen as the sums that they are. What that brings to light is forwarded in
//! up to [`ROUNDS`] rounds. Functions beyond the limits of [`flow`] are left alone.

mod facts;
mod flow;
mod hash;

use cranelift_entity::EntitySet;
use evmc_ir::cursor::Replacements;
use evmc_ir::{Block, Dominators, Function, Inst, Module, Opcode, Value, ValueDef};

use crate::analysis::place::Places;

use facts::{Facts, Summaries};
use hash::Hashes;

/// Rounds over a function at most.
const ROUNDS: usize = 3;

/// Runs the pass; gives how many loads and hashes it replaced.
pub fn run(module: &mut Module) -> usize {
    let summaries = Summaries::of(module);
    let mut replaced = 0;
    for function in module.functions.values_mut() {
        for _ in 0..ROUNDS {
            let changes = round(function, &summaries);
            replaced += changes;
            if changes == 0 {
                break;
            }
        }
    }
    replaced
}

/// One round; gives how many loads and hashes it replaced.
fn round(function: &mut Function, summaries: &Summaries) -> usize {
    let dominators = Dominators::new(function);
    let places = Places::new(function, dominators.rpo());
    let facts = Facts::of(function, &places, dominators.rpo(), summaries);
    let Some(mut at_start) = flow::solve(function, dominators.rpo(), &facts) else { return 0 };
    let mut known = Known::default();
    for &block in dominators.rpo() {
        let mut live = std::mem::take(&mut at_start[block]);
        for index in 0..function.blocks[block].insts.len() {
            let inst = function.blocks[block].insts[index];
            if let Some(value) = facts.known(inst, &live) {
                known.replace(function, inst, value);
            } else if function.insts[inst].opcode == Opcode::Bswap {
                known.cancel(function, inst);
            } else if let Some(words) = facts.hashed(inst, &live) {
                known.hashes.push(block, inst, words);
            }
            facts.pass(inst, &mut live);
        }
    }
    known.finish(function, dominators.rpo())
}

/// What is replaced.
#[derive(Default)]
struct Known {
    replacements: Replacements,
    loads: EntitySet<Inst>,
    hashes: Hashes,
    count: usize,
}

impl Known {
    fn replace(&mut self, function: &Function, inst: Inst, value: Value) {
        self.replacements.insert(function.insts[inst].results[0], value);
        self.loads.insert(inst);
        self.count += 1;
    }

    /// Reversing the bytes of a reversal gives what was there before.
    fn cancel(&mut self, function: &Function, inst: Inst) {
        let data = &function.insts[inst];
        let arg = self.replacements.resolve(data.args[0]);
        if let ValueDef::Result(from, _) = function.values[arg].def
            && function.insts[from].opcode == Opcode::Bswap
        {
            let original = self.replacements.resolve(function.insts[from].args[0]);
            self.replacements.insert(data.results[0], original);
        }
    }

    /// Rewrites the uses and takes out the loads.
    fn finish(mut self, function: &mut Function, blocks: &[Block]) -> usize {
        self.replacements.apply(function);
        if self.count > 0 {
            for &block in blocks {
                function.blocks[block].insts.retain(|inst| !self.loads.contains(*inst));
            }
        }
        self.count + self.hashes.rewrite(function, &mut self.replacements)
    }
}
