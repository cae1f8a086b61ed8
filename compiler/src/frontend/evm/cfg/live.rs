//! Which states, exits and calls of the fixed point can be reached from the root.
//!
//! The fixed point keeps states that only earlier, less joined frames led to; they are dropped here.

use std::collections::BTreeSet;

use cranelift_entity::{EntityRef, EntitySet, SecondaryMap};

use super::solve::Solver;
use super::{Call, FunctionId, NodeId, Transfer};

/// What can be reached.
#[derive(Debug, Default)]
pub struct Live {
    /// Reachable states, numbered over all functions.
    pub nodes: EntitySet<NodeId>,
    /// Reachable exits of each function.
    pub exits: SecondaryMap<FunctionId, BTreeSet<usize>>,
    callers: SecondaryMap<FunctionId, Vec<NodeId>>,
    queue: Vec<NodeId>,
    /// Exits that have become reachable and whose callers have not gone on yet.
    left: Vec<(FunctionId, usize)>,
}

impl Live {
    /// Marks everything that the solution reaches from its root.
    pub fn of(solver: &Solver<'_>) -> Self {
        let mut live = Self::default();
        live.mark(solver.functions[FunctionId::new(0)].start);
        loop {
            if let Some(id) = live.queue.pop() {
                for transfer in solver.states[id].edges.transfers() {
                    live.follow(solver, id, transfer);
                }
            } else if let Some((function, exit)) = live.left.pop() {
                live.resume(solver, function, exit);
            } else {
                return live;
            }
        }
    }

    fn mark(&mut self, id: NodeId) {
        if self.nodes.insert(id) {
            self.queue.push(id);
        }
    }

    fn follow(&mut self, solver: &Solver<'_>, id: NodeId, transfer: &Transfer) {
        match transfer {
            &Transfer::Flow(to) => self.mark(to),
            Transfer::Switch(cases) | Transfer::Predicted(cases) => {
                cases.iter().for_each(|(_, case)| self.follow(solver, id, case));
            }
            &Transfer::Exit(exit) => {
                let function = solver.states[id].function;
                if self.exits[function].insert(exit) {
                    self.left.push((function, exit));
                }
            }
            Transfer::Call(call) => self.call(solver, id, call),
            Transfer::InvalidJump | Transfer::Stop | Transfer::Open | Transfer::Generic(_) => {}
        }
    }

    fn call(&mut self, solver: &Solver<'_>, id: NodeId, call: &Call) {
        self.mark(solver.functions[call.callee].start);
        self.callers[call.callee].push(id);
        for exit in self.exits[call.callee].clone() {
            self.follow(solver, id, &call.resumes[exit]);
        }
    }

    /// Lets the callers of a function go on behind one of its exits.
    fn resume(&mut self, solver: &Solver<'_>, function: FunctionId, exit: usize) {
        for caller in self.callers[function].clone() {
            for transfer in solver.states[caller].edges.transfers() {
                transfer.visit(&mut |inner| match inner {
                    Transfer::Call(call) if call.callee == function => {
                        self.follow(solver, caller, &call.resumes[exit]);
                    }
                    _ => {}
                });
            }
        }
    }
}
