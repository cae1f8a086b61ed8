//! Merges gas charges, and checks of memory accesses, as far as nothing can observe it.
//!
//! **Charges** move down to the next instruction that looks at the counter, may end the frame or leaves
//! the block, and are paid there in one sum; where all that can follow a block is entered from it alone,
//! they move on into what follows. Every loop has a block that is entered from two sides, so every
//! iteration pays. What runs before the payment that ran behind it before (loads, stores, arithmetic) is
//! bounded by the size of the code, and is lost with the frame where the payment fails: nobody sees it.
//! Nothing that touches state, reads the counter or can end the frame in another way comes before a
//! payment that stood before it.
//!
//! **Checks** of memory accesses in one block with nothing between that looks at the counter or at the
//! length of memory become one hot test: does memory already reach over all of them (one comparison for
//! each root, [`crate::analysis::place`]). It fails for what is new, too large or too expensive, and a cold block then
//! does exactly what the separate checks would have done, charges between them included, so that the
//! first to fail is the same. As growth costs by the final length alone, it grows at once where the gas
//! certainly pays for all; only else it goes step by step. What the cold block has paid in charges it
//! gives back (`gas.credit`), since they are paid behind it for both ways.
//!
//! Runs last: it splits blocks, and hides from other passes what checks are about. Cost: linear; a cold
//! block holds at most [`group::MOST_CHECKS`] checks, and each check is in one cold block.

mod emit;
mod group;
mod helpers;

use cranelift_entity::SecondaryMap;
use evmc_abi::{Effects, Field};
use evmc_ir::{Block, Builder, Dominators, Function, Imm, Inst, InstData, Module, Opcode, Stretch};

use crate::analysis::check::Check;

use group::{Group, Known};
use helpers::Helpers;

/// Most ways out of a block that a charge follows.
const MOST_WAYS: usize = 4;

/// Runs the pass on every function; gives how many charges and checks it merged into others.
pub fn run(module: &mut Module) -> usize {
    let mut helpers = Helpers::new(module.functions.len());
    let merged = module.functions.values_mut().map(|function| run_on_function(function, &mut helpers)).sum();
    helpers.append_to(module);
    merged
}

fn run_on_function(function: &mut Function, helpers: &mut Helpers) -> usize {
    let dominators = Dominators::new(function);
    let known = Known::new(function, dominators.rpo());
    let mut edges_to = SecondaryMap::new();
    if let Some(entry) = function.entry() {
        edges_to[entry] = 1;
    }
    for &block in dominators.rpo() {
        for target in function.terminator(block).into_iter().flat_map(InstData::targets) {
            edges_to[target.block] += 1;
        }
    }
    let mut merge = Merge {
        b: Builder::new(function),
        helpers,
        known,
        edges_to,
        pending: SecondaryMap::new(),
        cold: Vec::new(),
        merged: 0,
    };
    merge.b.func.layout.clear();
    for &block in dominators.rpo() {
        merge.block(block);
    }
    let Merge { cold, merged, .. } = merge;
    function.layout.extend(cold);
    merged
}

/// Charges on their way down.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    gas: u64,
    /// The stretch of the last of them.
    stretch: Option<Stretch>,
}

/// The walk over a function.
struct Merge<'f> {
    b: Builder<'f>,
    helpers: &'f mut Helpers,
    known: Known,
    /// Number of edges into each block.
    edges_to: SecondaryMap<Block, u32>,
    /// What is pending at the start of blocks that are entered from one only.
    pending: SecondaryMap<Block, Pending>,
    /// Blocks for the end of the layout.
    cold: Vec<Block>,
    merged: usize,
}

impl Merge<'_> {
    fn block(&mut self, block: Block) {
        let insts = std::mem::take(&mut self.b.func.blocks[block].insts);
        self.b.switch_to(block);
        let mut pending = self.pending[block];
        let mut covered = 0;
        for (at, &inst) in insts.iter().enumerate() {
            let data = &self.b.func.insts[inst];
            if let (Opcode::GasCharge, &Imm::Charge { gas, stretch }) = (data.opcode, &data.imm) {
                pending = self.postpone(pending, gas, stretch);
            } else if Check::of(self.b.func, &self.known.places, data).is_some() {
                if at < covered {
                    self.merged += 1;
                    continue;
                }
                let group = Group::starting_at(self.b.func, &self.known, &insts, at);
                if group.is_better(pending) {
                    covered = group.end;
                    self.check_all(&group, pending);
                } else {
                    self.append(inst);
                }
            } else {
                if data.opcode.is_terminator() {
                    pending = self.pass_on(pending, inst);
                }
                if observes_gas(&self.b.func.insts[inst]) {
                    self.pay(std::mem::take(&mut pending));
                }
                self.append(inst);
            }
        }
    }

    fn append(&mut self, inst: Inst) {
        let block = self.b.current();
        self.b.func.blocks[block].insts.push(inst);
    }

    /// Adds a charge to those that are pending.
    fn postpone(&mut self, mut pending: Pending, gas: u64, stretch: Stretch) -> Pending {
        if pending.gas.checked_add(gas).is_none() {
            self.pay(std::mem::take(&mut pending));
        }
        self.merged += usize::from(pending.gas > 0);
        Pending { gas: pending.gas + gas, stretch: Some(stretch) }
    }

    /// Charges what is pending.
    fn pay(&mut self, pending: Pending) {
        if let (Some(stretch), 1..) = (pending.stretch, pending.gas) {
            self.b.gas_charge(pending.gas, stretch);
        }
    }

    /// At the end of a block: leaves what is pending to the blocks behind, or pays it. Gives what is still
    /// pending in this block.
    fn pass_on(&mut self, pending: Pending, terminator: Inst) -> Pending {
        let targets: Vec<Block> =
            self.b.func.insts[terminator].targets().iter().map(|target| target.block).collect();
        if targets.is_empty() {
            return pending;
        }
        let are_own = targets.iter().all(|&target| self.edges_to[target] == 1);
        if are_own && targets.len() <= MOST_WAYS && pending.gas > 0 {
            for target in targets {
                self.pending[target] = pending;
            }
        } else {
            self.pay(pending);
        }
        Pending::default()
    }
}

/// Whether an instruction sees the gas counter, changes it, or may end the frame or the function.
fn observes_gas(data: &InstData) -> bool {
    const OBSERVES: Effects = Effects::METERED.union(Effects::WRITES_HOST).union(Effects::GROWS_MEMORY);
    data.effects().intersects(OBSERVES) || data.opcode == Opcode::Ret
}

/// Whether checks must not be merged over an instruction.
fn ends_group(data: &InstData) -> bool {
    let sees_length = matches!(data.imm, Imm::Field(Field::MemoryLen));
    observes_gas(data) || sees_length || data.opcode.is_terminator()
}
