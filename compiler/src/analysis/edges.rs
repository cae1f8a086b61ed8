//! Edges of the control flow graph, and an order in which a block stands behind those that dominate
//! it.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Dominators, Function};

/// Who enters each block.
#[derive(Clone, Debug)]
pub struct Edges {
    /// Number of edges into each block.
    counts: SecondaryMap<Block, u32>,
    /// A block with an edge into each block; the only one where the number is 1.
    sources: SecondaryMap<Block, Option<Block>>,
}

impl Edges {
    /// Counts the edges of the blocks in the layout.
    pub fn new(func: &Function) -> Self {
        let mut edges = Self { counts: SecondaryMap::new(), sources: SecondaryMap::new() };
        for &block in &func.layout {
            for target in func.terminator(block).iter().flat_map(|data| data.targets()) {
                edges.counts[target.block] += 1;
                edges.sources[target.block] = Some(block);
            }
        }
        edges
    }

    /// The block from which the only edge into `block` comes; `None` where there are more or none.
    pub fn only_source(&self, block: Block) -> Option<Block> {
        self.sources[block].filter(|_| self.counts[block] == 1)
    }
}

/// A preorder of the dominator tree, with the depth of each block in the tree; siblings stand in
/// reverse postorder, so that only retreating edges lead back.
pub fn dominator_preorder(dominators: &Dominators) -> Vec<(Block, u32)> {
    let mut children: SecondaryMap<Block, Vec<Block>> = SecondaryMap::new();
    for &block in dominators.rpo() {
        if let Some(parent) = dominators.idom(block) {
            children[parent].push(block);
        }
    }
    let mut order = Vec::with_capacity(dominators.rpo().len());
    let mut work: Vec<(Block, u32)> = dominators.rpo().first().map(|&entry| (entry, 0)).into_iter().collect();
    while let Some((block, depth)) = work.pop() {
        order.push((block, depth));
        work.extend(children[block].iter().rev().map(|&child| (child, depth + 1)));
    }
    order
}
