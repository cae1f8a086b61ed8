//! Questions about the IR that several passes ask; none of them changes anything.

pub mod bit_flow;
pub mod bit_set;
pub mod call_graph;
pub mod check;
pub mod climb;
pub mod demand;
pub mod edges;
pub mod fact;
pub mod known;
pub mod loops;
pub mod memory;
pub mod place;
mod refine;
mod transfer;
pub mod turns;
