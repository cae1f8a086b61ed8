//! How many loops each block is in.
//!
//! A loop is what reaches a retreating edge's source without passing the edge's target, its header, which dominates it all;
//! edges into the middle of a cycle make no loop here. Headers are taken from the innermost on, and the blocks of a loop that is
//! known stand for one, found by path compression (after Havlak, "Nesting of Reducible and Irreducible Loops", 1997): near-linear
//! however deep loops nest.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Dominators, Function};
use smallvec::SmallVec;

/// The number of loops around each block of the layout; a header counts as inside.
pub fn depths(func: &Function, dominators: &Dominators) -> SecondaryMap<Block, u32> {
    let mut nest = Nest::new(func, dominators);
    for &header in dominators.rpo().iter().rev() {
        nest.collect(dominators, header);
    }
    let mut depths: SecondaryMap<Block, u32> = SecondaryMap::new();
    for &block in dominators.rpo() {
        let around = nest.around[block].map_or(0, |header| depths[header]);
        depths[block] = around + u32::from(nest.is_header[block]);
    }
    depths
}

#[derive(Default)]
struct Nest {
    predecessors: SecondaryMap<Block, SmallVec<[Block; 2]>>,
    /// The header of the innermost loop around a block; for a header, of the loop around its own.
    around: SecondaryMap<Block, Option<Block>>,
    is_header: SecondaryMap<Block, bool>,
    /// A header of a loop around, on the way to the outermost that is known.
    above: SecondaryMap<Block, Option<Block>>,
}

impl Nest {
    fn new(func: &Function, dominators: &Dominators) -> Self {
        let mut nest = Self::default();
        for &block in dominators.rpo() {
            for target in func.terminator(block).iter().flat_map(|data| data.targets()) {
                nest.predecessors[target.block].push(block);
            }
        }
        nest
    }

    /// The block that stands for the outermost known loop around a block.
    fn find(&mut self, block: Block) -> Block {
        let mut top = block;
        while let Some(above) = self.above[top] {
            top = above;
        }
        let mut at = block;
        while let Some(above) = self.above[at].filter(|_| at != top) {
            self.above[at] = Some(top);
            at = above;
        }
        top
    }

    /// Finds the blocks of the loop with this header, if there is one.
    fn collect(&mut self, dominators: &Dominators, header: Block) {
        let is_inside = |block: &Block| dominators.dominates(header, *block);
        let mut work: Vec<Block> = self.predecessors[header].iter().copied().filter(is_inside).collect();
        self.is_header[header] = !work.is_empty();
        while let Some(block) = work.pop() {
            let block = self.find(block);
            if block != header {
                self.around[block] = Some(header);
                self.above[block] = Some(header);
                work.extend(self.predecessors[block].iter().copied().filter(is_inside));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evmc_ir::{Dominators, text};

    use super::depths;

    #[test]
    fn loops_are_counted() {
        let text = "function %f(i1) {
block0(v0: i1):
    jump block1
block1:
    jump block2
block2:
    branch v0, block2, block3
block3:
    branch v0, block1, block4
block4:
    branch v0, block5, block6
block5:
    jump block4
block6:
    ret
}
";
        let module = text::parse(text).unwrap();
        let func = module.functions.values().next().unwrap();
        let depths = depths(func, &Dominators::new(func));
        let found: Vec<_> = func.layout.iter().map(|&block| depths[block]).collect();
        assert_eq!(found, [0, 1, 2, 1, 1, 1, 0]);
    }
}
