//! Removes instructions whose results nobody uses and blocks that nothing reaches.
//!
//! Sound because an instruction goes only where the table says that it has no effect but reading,
//! and a block only where no path from the entry leads to it. What reads (memory, the frame) may go
//! too: an unused read is not observable. One sweep in reverse layout order finds most; a worklist
//! over operands finds the rest. Linear.

use cranelift_entity::{EntitySet, SecondaryMap};
use evmc_abi::Effects;
use evmc_ir::{Block, Function, Inst, InstData, Module, Value, ValueDef};

/// What an instruction may do and still be removed.
const REMOVABLE: Effects =
    Effects::READS_MEMORY.union(Effects::READS_HOST).union(Effects::READS_GAS).union(Effects::READS_STACK);

/// Runs the pass on every function; gives how many instructions it removed.
pub fn run(module: &mut Module) -> usize {
    module.functions.values_mut().map(run_on_function).sum()
}

fn run_on_function(function: &mut Function) -> usize {
    let before = function.size();
    remove_unreachable(function);
    let live = live_instructions(function);
    for &block in &function.layout {
        function.blocks[block].insts.retain(|&inst| live.contains(inst));
    }
    before - function.size()
}

/// Whether an instruction must stay even if nobody uses its results.
fn is_root(data: &InstData) -> bool {
    !REMOVABLE.contains(data.effects())
}

fn remove_unreachable(function: &mut Function) {
    let mut reached: EntitySet<Block> = EntitySet::new();
    let mut work: Vec<Block> = function.entry().into_iter().collect();
    while let Some(block) = work.pop() {
        if reached.insert(block)
            && let Some(terminator) = function.terminator(block)
        {
            work.extend(terminator.targets().iter().map(|target| target.block));
        }
    }
    function.layout.retain(|&block| reached.contains(block));
}

/// Roots and whatever they need.
fn live_instructions(function: &Function) -> EntitySet<Inst> {
    let mut live = EntitySet::new();
    let mut seen: SecondaryMap<Value, bool> = SecondaryMap::new();
    let mut work = Vec::new();
    for &block in &function.layout {
        for (inst, data) in function.block_insts(block) {
            if is_root(data) {
                live.insert(inst);
                push_operands(data, &mut work);
            }
        }
    }
    while let Some(value) = work.pop() {
        if std::mem::replace(&mut seen[value], true) {
            continue;
        }
        if let ValueDef::Result(inst, _) = function.values[value].def
            && live.insert(inst)
        {
            push_operands(&function.insts[inst], &mut work);
        }
    }
    live
}

fn push_operands(data: &InstData, work: &mut Vec<Value>) {
    work.extend(&data.args);
    for target in data.targets() {
        work.extend(&target.args);
    }
}
