//! Definitions dominate uses. Constant time per use, after [`Dominators`].

use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;

use crate::dominators::Dominators;
use crate::entities::{Block, Value};

use super::{Report, Rule};

/// Checks the uses in every block of the layout.
pub(super) fn check(report: &mut Report<'_>) {
    let function = report.function;
    let dominators = Dominators::new(function);
    let places = Places::of(report);
    for &block in &function.layout {
        let reachable = dominators.is_reachable(block);
        for (position, (inst, data)) in function.block_insts(block).enumerate() {
            let targets = data.targets();
            let passed = targets.iter().flat_map(|target| &target.args);
            for &value in data.args.iter().chain(passed) {
                let message = match places.block[value].expand() {
                    None => "is defined nowhere in the layout",
                    Some(at) if at == block && places.position[value] > position as u32 => {
                        "is used before its definition"
                    }
                    Some(at) if at != block && reachable && !dominators.dominates(at, block) => {
                        "is used where its definition does not dominate"
                    }
                    Some(_) => continue,
                };
                let message = format!("{value} {message}");
                report.add(Rule::Dominance, Some(block), Some(inst), message);
            }
        }
    }
}

/// Where each value of the layout is defined.
#[derive(Default)]
struct Places {
    block: SecondaryMap<Value, PackedOption<Block>>,
    /// Index of the first instruction of the block that may use it.
    position: SecondaryMap<Value, u32>,
}

impl Places {
    fn of(report: &Report<'_>) -> Self {
        let mut places = Self::default();
        for &block in &report.function.layout {
            for &param in &report.function.blocks[block].params {
                places.block[param] = block.into();
            }
            for (position, (_, data)) in report.function.block_insts(block).enumerate() {
                for &result in &data.results {
                    places.block[result] = block.into();
                    places.position[result] = position as u32 + 1;
                }
            }
        }
        places
    }
}
