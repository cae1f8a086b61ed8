//! How much native stack one activation of the entry point may use; of WebAssembly, a unit of logical depth ([`depth`]).
//!
//! The call graph is condensed into its strongly connected components (Tarjan, SIAM J. Comput. 1972).
//! A component without a cycle counts its function's frame; one with a cycle counts 1,024 times the
//! frames of all its functions. The bound is the heaviest path from the entry.

mod depth;

use cranelift_entity::SecondaryMap;
use evmc_ir::{Func, Module};

use crate::call_graph::callees;

/// Activations of a function that calls itself, also through others: each stands at least one item of
/// the EVM stack above the one before.
const RECURSION_LIMIT: u64 = 1024;

/// Upper bound in bytes, given the frame size of each function in bytes; for a module of WebAssembly that of each unit of
/// logical depth.
pub fn native_stack_bytes(module: &Module, frames: &SecondaryMap<Func, u64>) -> u64 {
    if let Some(instance) = &module.instance {
        return depth::bytes_per_unit(module, instance, frames);
    }
    let Some(entry) = module.entry else { return 0 };
    let mut search =
        Search { graph: callees(module), frames, state: SecondaryMap::new(), next: 1, open: Vec::new() };
    search.run(entry);
    search.state[entry].bound
}

/// What the search knows of a function.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Order of discovery, 0 for undiscovered.
    number: u32,
    /// Lowest number reachable through open functions.
    lowest: u32,
    /// Whether its component is complete.
    closed: bool,
    /// Bytes from this function down, once its component is complete.
    bound: u64,
}

struct Search<'a> {
    graph: SecondaryMap<Func, Vec<Func>>,
    frames: &'a SecondaryMap<Func, u64>,
    state: SecondaryMap<Func, State>,
    next: u32,
    open: Vec<Func>,
}

impl Search<'_> {
    /// Depth-first search with an explicit stack, since chains of calls may be long.
    fn run(&mut self, entry: Func) {
        let mut path = vec![(entry, 0)];
        self.discover(entry);
        while let Some((func, edge)) = path.last_mut() {
            let func = *func;
            if let Some(&callee) = self.graph[func].get(*edge) {
                *edge += 1;
                if self.state[callee].number == 0 {
                    self.discover(callee);
                    path.push((callee, 0));
                } else if !self.state[callee].closed {
                    self.lower(func, self.state[callee].number);
                }
                continue;
            }
            path.pop();
            let lowest = self.state[func].lowest;
            if lowest == self.state[func].number {
                self.close(func);
            }
            if let Some(&(caller, _)) = path.last() {
                self.lower(caller, lowest);
            }
        }
    }

    fn discover(&mut self, func: Func) {
        self.state[func] = State { number: self.next, lowest: self.next, ..State::default() };
        self.next += 1;
        self.open.push(func);
    }

    fn lower(&mut self, func: Func, number: u32) {
        let lowest = &mut self.state[func].lowest;
        *lowest = number.min(*lowest);
    }

    /// Completes the component whose first function is `first`.
    fn close(&mut self, first: Func) {
        let from = self.open.iter().rposition(|&func| func == first).unwrap_or(0);
        let members = self.open.split_off(from);
        let (mut below, mut frame, mut cycle) = (0, 0, members.len() > 1);
        for &member in &members {
            frame += self.frames[member];
            for &callee in &self.graph[member] {
                cycle |= callee == member;
                below = below.max(self.state[callee].bound);
            }
        }
        let own = if cycle { RECURSION_LIMIT * frame } else { frame };
        for &member in &members {
            self.state[member].closed = true;
            self.state[member].bound = own + below;
        }
    }
}
