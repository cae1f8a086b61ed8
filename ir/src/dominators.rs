//! Dominators, in O(m log n) whatever the graph.
//!
//! Lengauer and Tarjan's algorithm with path compression ("A fast algorithm for finding dominators
//! in a flowgraph", 1979), without recursion: hostile code has deep graphs. The iterative schemes
//! that compilers often use are quadratic on graphs that bytecode can force.
//!
//! The function's layout and branch targets must be in range. Unreachable blocks dominate nothing
//! and are dominated by nothing.

use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;
use smallvec::SmallVec;

use crate::entities::Block;
use crate::function::Function;

/// The dominator tree of a function and its reverse postorder.
#[derive(Clone, Debug, Default)]
pub struct Dominators {
    idom: SecondaryMap<Block, PackedOption<Block>>,
    /// First number of the block's subtree in the dominator tree, and the number behind its last.
    interval: SecondaryMap<Block, (u32, u32)>,
    rpo: Vec<Block>,
}

impl Dominators {
    /// Computes the dominators of the blocks that the entry reaches.
    pub fn new(function: &Function) -> Self {
        let Some(entry) = function.entry() else { return Self::default() };
        let search = Search::run(function, entry);
        let idoms = immediate(&search);
        let mut tree = Self::default();
        for (number, &block) in search.preorder.iter().enumerate().skip(1) {
            tree.idom[block] = search.preorder[idoms[number] as usize].into();
        }
        for (number, interval) in intervals(&idoms).into_iter().enumerate() {
            tree.interval[search.preorder[number]] = interval;
        }
        tree.rpo = search.postorder;
        tree.rpo.reverse();
        tree
    }

    /// The closest block that dominates `block` and is not `block`; `None` for the entry and for
    /// unreachable blocks.
    pub fn idom(&self, block: Block) -> Option<Block> {
        self.idom[block].expand()
    }

    /// Whether the entry reaches `block`.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.interval[block].1 != 0
    }

    /// Whether every path from the entry to `b` passes `a`; a reachable block dominates itself.
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let ((first, end), (inner, _)) = (self.interval[a], self.interval[b]);
        self.is_reachable(b) && first <= inner && inner < end
    }

    /// Reachable blocks in reverse postorder: the entry first, a block before those it dominates.
    pub fn rpo(&self) -> &[Block] {
        &self.rpo
    }
}

/// Depth-first search from the entry. Vertices are blocks by their preorder numbers.
#[derive(Default)]
struct Search {
    preorder: Vec<Block>,
    postorder: Vec<Block>,
    /// Parent in the search tree; the entry is its own.
    parent: Vec<u32>,
    /// Edges by their target.
    predecessors: Vec<SmallVec<[u32; 2]>>,
}

impl Search {
    fn run(function: &Function, entry: Block) -> Self {
        let mut search = Self::default();
        let mut numbers = SecondaryMap::<Block, u32>::with_default(u32::MAX);
        let successors = |block| -> SmallVec<[Block; 2]> {
            let terminator = function.terminator(block);
            terminator.into_iter().flat_map(|data| data.targets()).map(|call| call.block).collect()
        };
        numbers[entry] = search.discover(entry, 0);
        let mut stack = vec![(entry, successors(entry).into_iter())];
        while let Some((block, rest)) = stack.last_mut() {
            let number = numbers[*block];
            let Some(next) = rest.next() else {
                search.postorder.push(*block);
                stack.pop();
                continue;
            };
            if numbers[next] == u32::MAX {
                numbers[next] = search.discover(next, number);
                stack.push((next, successors(next).into_iter()));
            }
            search.predecessors[numbers[next] as usize].push(number);
        }
        search
    }

    fn discover(&mut self, block: Block, parent: u32) -> u32 {
        self.preorder.push(block);
        self.parent.push(parent);
        self.predecessors.push(SmallVec::new());
        self.preorder.len() as u32 - 1
    }
}

/// The forest of vertices whose semidominators are known, with path compression.
struct Forest {
    semi: Vec<u32>,
    /// The vertex of least semidominator on the compressed path.
    label: Vec<u32>,
    ancestor: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    /// The vertex of least semidominator between `v` and its root; vertices from `linked` on are in
    /// the forest.
    fn least(&mut self, v: u32, linked: u32) -> u32 {
        if v < linked {
            return v;
        }
        let mut top = v;
        while self.ancestor[top as usize] >= linked {
            self.path.push(top);
            top = self.ancestor[top as usize];
        }
        while let Some(vertex) = self.path.pop() {
            let [upper, lower] = [top, vertex].map(|v| self.label[v as usize]);
            if self.semi[upper as usize] < self.semi[lower as usize] {
                self.label[vertex as usize] = upper;
            }
            self.ancestor[vertex as usize] = self.ancestor[top as usize];
            top = vertex;
        }
        self.label[v as usize]
    }
}

/// Immediate dominators by preorder numbers; the entry is its own.
fn immediate(search: &Search) -> Vec<u32> {
    let count = search.preorder.len() as u32;
    let numbers: Vec<u32> = (0..count).collect();
    let mut forest =
        Forest { semi: numbers.clone(), label: numbers, ancestor: search.parent.clone(), path: Vec::new() };
    let mut idom = vec![0; count as usize];
    let mut buckets: Vec<SmallVec<[u32; 2]>> = vec![SmallVec::new(); count as usize];
    for w in (1..count).rev() {
        for &v in &search.predecessors[w as usize] {
            let u = forest.least(v, w + 1);
            forest.semi[w as usize] = forest.semi[w as usize].min(forest.semi[u as usize]);
        }
        buckets[forest.semi[w as usize] as usize].push(w);
        let parent = search.parent[w as usize];
        for v in std::mem::take(&mut buckets[parent as usize]) {
            let u = forest.least(v, w);
            let earlier = forest.semi[u as usize] < forest.semi[v as usize];
            idom[v as usize] = if earlier { u } else { parent };
        }
    }
    for w in 1..count as usize {
        if idom[w] != forest.semi[w] {
            idom[w] = idom[idom[w] as usize];
        }
    }
    idom
}

/// Intervals of a preorder of the tree: `a` dominates `b` where `a`'s holds `b`'s start.
fn intervals(idoms: &[u32]) -> Vec<(u32, u32)> {
    let mut sizes = vec![1u32; idoms.len()];
    for w in (1..idoms.len()).rev() {
        sizes[idoms[w] as usize] += sizes[w];
    }
    let mut next = vec![1u32; idoms.len()];
    let mut intervals = vec![(0, sizes[0]); idoms.len()];
    for w in 1..idoms.len() {
        let parent = idoms[w] as usize;
        let start = next[parent];
        next[parent] += sizes[w];
        next[w] = start + 1;
        intervals[w] = (start, start + sizes[w]);
    }
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::Builder;
    use crate::function::BlockCall;
    use crate::types::Type;

    /// A function whose block `i` branches to the blocks of `edges[i]` (at most two).
    fn graph(edges: &[Vec<usize>]) -> Function {
        let mut function = Function::new("f", &[]);
        let mut b = Builder::new(&mut function);
        let blocks: Vec<_> = edges.iter().map(|_| b.create_block()).collect();
        for (block, targets) in blocks.iter().zip(edges) {
            b.switch_to(*block);
            match targets[..] {
                [] => b.ret(&[]),
                [one] => b.jump(blocks[one], &[]),
                _ => {
                    let condition = b.small(Type::I1, 1);
                    let [yes, no] = [0, 1].map(|i| BlockCall::new(blocks[targets[i]], &[]));
                    b.branch(condition, yes, no);
                }
            }
        }
        function
    }

    /// Blocks that the entry reaches without passing `without`.
    fn reach(edges: &[Vec<usize>], without: Option<usize>) -> Vec<bool> {
        let mut seen = vec![false; edges.len()];
        let mut work: Vec<usize> = (without != Some(0)).then_some(0).into_iter().collect();
        while let Some(block) = work.pop() {
            if !std::mem::replace(&mut seen[block], true) {
                work.extend(edges[block].iter().filter(|&&next| Some(next) != without));
            }
        }
        seen
    }

    /// Compares with the definition on pseudo-random graphs.
    #[test]
    fn agrees_with_the_definition() {
        let mut state = 1u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for _ in 0..300 {
            let count = 1 + random(12);
            let edges: Vec<Vec<usize>> =
                (0..count).map(|_| (0..random(3)).map(|_| random(count)).collect()).collect();
            let function = graph(&edges);
            let dominators = Dominators::new(&function);
            let reachable = reach(&edges, None);
            for a in 0..count {
                let around = reach(&edges, Some(a));
                for b in 0..count {
                    let [block_a, block_b] = [a, b].map(|i| function.layout[i]);
                    let expected = reachable[b] && !around[b];
                    assert_eq!(dominators.dominates(block_a, block_b), expected, "{edges:?} {a} {b}");
                }
            }
        }
    }

    /// A long chain needs neither recursion nor quadratic time.
    #[test]
    fn long_chains_are_fine() {
        let count = 200_000;
        let edges: Vec<_> = (0..count).map(|i| if i + 1 < count { vec![i + 1] } else { vec![] }).collect();
        let function = graph(&edges);
        let dominators = Dominators::new(&function);
        assert!(dominators.dominates(function.layout[1], function.layout[count - 1]));
        assert_eq!(dominators.rpo().len(), count);
    }
}
