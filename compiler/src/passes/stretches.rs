//! Numbers stretches anew: first those that a failed check may leave a frame with, in their old order, then all others.
//!
//! Only `gas.charge_at` and `stack.check` tell the runtime a stretch, and it looks at its table then; `gas.charge`
//! names its stretch for people alone. So an artifact needs the first [`told`] stretches. A stretch is nothing
//! but a number for a range of the bytecode, and every use of a number changes with the table: no program means
//! something else. Linear.

use cranelift_entity::{PrimaryMap, SecondaryMap};
use evmc_ir::{Imm, InstData, Module, Opcode, Stretch};

/// Runs the pass; gives how many stretches have another number.
pub fn run(module: &mut Module) -> usize {
    let mut is_told: SecondaryMap<Stretch, bool> = SecondaryMap::new();
    for data in insts(module) {
        if let Some(stretch) = told_by(data) {
            is_told[stretch] = true;
        }
    }
    let (first, last): (Vec<Stretch>, Vec<Stretch>) =
        module.stretches.keys().partition(|&stretch| is_told[stretch]);
    let mut numbers: SecondaryMap<Stretch, Option<Stretch>> = SecondaryMap::new();
    let mut table = PrimaryMap::with_capacity(module.stretches.len());
    for &old in first.iter().chain(&last) {
        numbers[old] = Some(table.push(module.stretches[old]));
    }
    let changed = numbers.iter().filter(|&(old, new)| new.is_some_and(|new| new != old)).count();
    if changed > 0 {
        module.stretches = table;
        renumber(module, &numbers);
    }
    changed
}

/// How many stretches, from the first, checks may name when they fail.
pub(crate) fn told(module: &Module) -> usize {
    insts(module).filter_map(told_by).map(|stretch| stretch.as_u32() as usize + 1).max().unwrap_or(0)
}

/// The stretch that the runtime is told where an instruction fails.
fn told_by(data: &InstData) -> Option<Stretch> {
    match (data.opcode, &data.imm) {
        (Opcode::GasChargeAt, &Imm::Charge { stretch, .. }) | (_, &Imm::Stretch(stretch)) => Some(stretch),
        _ => None,
    }
}

fn insts(module: &Module) -> impl Iterator<Item = &InstData> {
    module
        .functions
        .values()
        .flat_map(|func| func.layout.iter().flat_map(|&block| func.block_insts(block)).map(|(_, data)| data))
}

/// Gives every use of a stretch its new number.
fn renumber(module: &mut Module, numbers: &SecondaryMap<Stretch, Option<Stretch>>) {
    for data in module.functions.values_mut().flat_map(|func| func.insts.values_mut()) {
        if let Imm::Charge { stretch, .. } | Imm::Stretch(stretch) = &mut data.imm {
            *stretch = numbers[*stretch].unwrap_or(*stretch);
        }
    }
}
