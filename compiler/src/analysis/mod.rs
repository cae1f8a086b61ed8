//! Questions about the IR that several passes ask; none of them changes anything.

pub mod call_graph;
pub mod check;
pub mod place;
