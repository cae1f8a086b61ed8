//! Trees that grow by leaves, with quick ways up.
//!
//! Besides its parent each node knows an ancestor further up (Myers, "An applicative random-access stack", 1983: the distances
//! are those of skew binary numbers), so that the place where a property of ancestors changes is found in
//! logarithmic time however deep the tree.

use cranelift_entity::{EntityRef, PrimaryMap};

/// A tree, or several, of nodes that `K` numbers.
#[derive(Debug)]
pub(super) struct Tree<K: EntityRef, T> {
    nodes: PrimaryMap<K, Node<K, T>>,
}

#[derive(Debug)]
struct Node<K, T> {
    data: T,
    parent: Option<K>,
    /// An ancestor; a root itself.
    jump: K,
    depth: u32,
}

impl<K: EntityRef, T> Tree<K, T> {
    pub(super) fn new() -> Self {
        Self { nodes: PrimaryMap::new() }
    }

    /// Adds a node.
    pub(super) fn push(&mut self, parent: Option<K>, data: T) -> K {
        let new = self.nodes.next_key();
        let (jump, depth) = parent.map_or((new, 0), |parent| {
            let above = &self.nodes[parent];
            let (far, further) = (above.jump, self.nodes[above.jump].jump);
            let distance = |from: u32, to: K| from - self.nodes[to].depth;
            let equal = distance(above.depth, far) == distance(self.nodes[far].depth, further);
            (if equal { further } else { parent }, above.depth + 1)
        });
        self.nodes.push(Node { data, parent, jump, depth })
    }

    /// What a node holds.
    pub(super) fn get(&self, node: K) -> &T {
        &self.nodes[node].data
    }

    /// The node above.
    pub(super) fn parent(&self, node: K) -> Option<K> {
        self.nodes[node].parent
    }

    /// The highest of the node and its ancestors for which `holds`, where it holds for a node and for
    /// each below, or for none; `None` where it does not even hold for the node.
    pub(super) fn highest(&self, node: K, holds: impl Fn(&T) -> bool) -> Option<K> {
        if !holds(self.get(node)) {
            return None;
        }
        let mut at = node;
        while let Some(parent) = self.parent(at) {
            let jump = self.nodes[at].jump;
            if holds(self.get(jump)) {
                at = jump;
            } else if holds(self.get(parent)) {
                at = parent;
            } else {
                break;
            }
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use cranelift_entity::{EntityRef, entity_impl};

    use super::Tree;

    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Number(u32);
    entity_impl!(Number);

    #[test]
    fn every_ancestor_is_found() {
        let mut tree = Tree::new();
        let mut last = None;
        for depth in 0..300usize {
            last = Some(tree.push(last, depth));
            for limit in 0..=depth {
                let found = tree.highest(last.unwrap(), |&depth| depth >= limit).unwrap();
                assert_eq!(found.index(), limit);
            }
            assert!(tree.highest(last.unwrap(), |_| false).is_none());
        }
    }
}
