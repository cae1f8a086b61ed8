//! Trees with quick ways up.
//!
//! From each node the ancestors at distances that are powers of two are remembered once somebody asked for them, so that the place
//! where a property of ancestors changes is found in logarithmic time however deep the tree. The parent of a
//! node may become known later than the node; nobody goes up from it before.

use cranelift_entity::{EntityRef, PrimaryMap};

/// A tree, or several, of nodes that `K` numbers.
#[derive(Debug)]
pub(super) struct Tree<K: EntityRef, T> {
    nodes: PrimaryMap<K, Node<K, T>>,
}

#[derive(Debug)]
struct Node<K, T> {
    data: T,
    /// Ancestors at the distances 1, 2, 4 and so on, as far as they are known.
    above: Vec<K>,
}

impl<K: EntityRef, T> Tree<K, T> {
    pub(super) fn new() -> Self {
        Self { nodes: PrimaryMap::new() }
    }

    /// Adds a node without parent.
    pub(super) fn push(&mut self, data: T) -> K {
        self.nodes.push(Node { data, above: Vec::new() })
    }

    /// Gives a node its parent.
    pub(super) fn set_parent(&mut self, node: K, parent: Option<K>) {
        self.nodes[node].above = parent.into_iter().collect();
    }

    /// What a node holds.
    pub(super) fn get(&self, node: K) -> &T {
        &self.nodes[node].data
    }

    /// The node above.
    pub(super) fn parent(&self, node: K) -> Option<K> {
        self.nodes[node].above.first().copied()
    }

    /// The ancestor at the distance 2^`power`, if there is one.
    fn ancestor(&mut self, node: K, power: usize) -> Option<K> {
        if let Some(&known) = self.nodes[node].above.get(power) {
            return Some(known);
        }
        let half = self.ancestor(node, power.checked_sub(1)?)?;
        let ancestor = self.ancestor(half, power - 1)?;
        self.nodes[node].above.push(ancestor);
        Some(ancestor)
    }

    /// The highest of the node and its ancestors for which `holds`, where it holds for a node and for
    /// each below, or for none; `None` where it does not even hold for the node.
    pub(super) fn highest(&mut self, node: K, holds: impl Fn(&T) -> bool) -> Option<K> {
        if !holds(self.get(node)) {
            return None;
        }
        let (mut at, mut power) = (node, 0);
        while let Some(higher) = self.ancestor(at, power).filter(|&higher| holds(self.get(higher))) {
            (at, power) = (higher, power + 1);
        }
        for power in (0..power).rev() {
            if let Some(higher) = self.ancestor(at, power).filter(|&higher| holds(self.get(higher))) {
                at = higher;
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
            let node = tree.push(depth);
            tree.set_parent(node, last);
            last = Some(node);
            for limit in 0..=depth {
                let found: Number = tree.highest(node, |&depth| depth >= limit).unwrap();
                assert_eq!(found.index(), limit);
            }
            assert!(tree.highest(node, |_| false).is_none());
        }
    }
}
