//! Facts about functions that depend on the functions they call.

use cranelift_entity::{PrimaryMap, SecondaryMap};

use super::live::Live;
use super::solve::Solver;
use super::{Edges, FunctionId, Recovered, STACK_LIMIT, Transfer};

/// A call in a reachable state: who, whom, and the caller's height there.
#[derive(Clone, Copy, Debug)]
struct CallSite {
    caller: FunctionId,
    callee: FunctionId,
    height: i32,
}

/// What functions need below the height at their entry.
#[derive(Debug)]
pub struct Inputs {
    /// Stack items that a function and its callees may touch.
    pub needs: SecondaryMap<FunctionId, u32>,
    /// Functions that must not be specialised: they ask for more than a stack holds, or contain a
    /// stack error whose place depends on the caller.
    pub generic: SecondaryMap<FunctionId, bool>,
}

impl Inputs {
    /// Solves `needs(f) = max(own, needs(callee) - height at the call)` over the reachable states.
    pub fn of(solver: &Solver<'_>, live: &Live) -> Self {
        let mut inputs = Self { needs: SecondaryMap::new(), generic: SecondaryMap::new() };
        let mut sites: SecondaryMap<FunctionId, Vec<CallSite>> = SecondaryMap::new();
        for id in live.nodes.keys() {
            let state = &solver.states[id];
            let (effect, height) = (&solver.effects[state.block], state.frame.height());
            inputs.raise(state.function, i64::from(effect.needs) - i64::from(height));
            if state.edges == Edges::StackError && !Solver::is_root(state.function) {
                inputs.generic[state.function] = true;
            }
            for callee in callees(&state.edges) {
                let height = height + effect.change();
                sites[callee].push(CallSite { caller: state.function, callee, height });
            }
        }
        inputs.propagate(solver, &sites);
        inputs
    }

    fn raise(&mut self, function: FunctionId, needs: i64) -> bool {
        let needs = needs.clamp(0, i64::from(STACK_LIMIT) + 1) as u32;
        let raised = needs > self.needs[function];
        if raised {
            self.needs[function] = needs;
            self.generic[function] |= needs > STACK_LIMIT;
        }
        raised
    }

    fn propagate(&mut self, solver: &Solver<'_>, sites: &SecondaryMap<FunctionId, Vec<CallSite>>) {
        let mut queue: Vec<FunctionId> = solver.functions.keys().collect();
        while let Some(function) = queue.pop() {
            if self.generic[function] {
                continue;
            }
            for site in &sites[function] {
                let needs = i64::from(self.needs[site.callee]) - i64::from(site.height);
                if !Solver::is_root(site.caller) && self.raise(site.caller, needs) {
                    queue.push(site.caller);
                }
            }
        }
    }
}

/// The functions that the edges call, in order.
fn callees(edges: &Edges) -> Vec<FunctionId> {
    let mut callees = Vec::new();
    for transfer in edges.transfers() {
        transfer.visit(&mut |inner| {
            if let Transfer::Call(call) = inner {
                callees.push(call.callee);
            }
        });
    }
    callees
}

/// Calls between recovered functions; a pair stands as often as the call does.
struct CallGraph {
    callees: SecondaryMap<FunctionId, Vec<(FunctionId, i32)>>,
    callers: SecondaryMap<FunctionId, Vec<FunctionId>>,
}

impl CallGraph {
    fn of(functions: &PrimaryMap<FunctionId, Recovered>, solver: &Solver<'_>) -> Self {
        let mut graph = Self { callees: SecondaryMap::new(), callers: SecondaryMap::new() };
        for (caller, function) in functions {
            for node in function.nodes.values() {
                let height = node.height + solver.effects[node.block].change();
                for callee in callees(&node.edges) {
                    graph.callees[caller].push((callee, height));
                    graph.callers[callee].push(caller);
                }
            }
        }
        graph
    }

    /// The functions whose `prerequisites` are all in the list before them; what is on a cycle, or
    /// behind one, is missing.
    fn ordered<'a>(
        functions: &PrimaryMap<FunctionId, Recovered>,
        count: impl Fn(FunctionId) -> usize,
        dependants: impl Fn(FunctionId) -> &'a [FunctionId],
    ) -> Vec<FunctionId> {
        let mut open: SecondaryMap<FunctionId, usize> = SecondaryMap::new();
        let mut order = Vec::new();
        for function in functions.keys() {
            open[function] = count(function);
            if open[function] == 0 {
                order.push(function);
            }
        }
        let mut next = 0;
        while let Some(&function) = order.get(next) {
            next += 1;
            for &dependant in dependants(function) {
                open[dependant] -= 1;
                if open[dependant] == 0 {
                    order.push(dependant);
                }
            }
        }
        order
    }
}

/// Fills in `max_height`, `recursive` and `may_open` of every function.
pub fn close(functions: &mut PrimaryMap<FunctionId, Recovered>, solver: &Solver<'_>) {
    let graph = CallGraph::of(functions, solver);
    let callees_first = CallGraph::ordered(functions, |f| graph.callees[f].len(), |f| &graph.callers[f]);
    set_heights(functions, solver, &graph, &callees_first);
    set_recursive(functions, &graph);
    set_may_open(functions, &graph);
}

fn set_heights(
    functions: &mut PrimaryMap<FunctionId, Recovered>,
    solver: &Solver<'_>,
    graph: &CallGraph,
    callees_first: &[FunctionId],
) {
    for &id in callees_first {
        let own = functions[id]
            .nodes
            .values()
            .map(|node| i64::from(node.height) + i64::from(solver.effects[node.block].grows));
        let called = graph.callees[id].iter().map(|&(callee, height)| {
            i64::from(height) + i64::from(functions[callee].max_height.unwrap_or_default())
        });
        let max = own.chain(called).max().unwrap_or_default();
        functions[id].max_height = Some(max.max(0) as u32);
    }
}

fn set_recursive(functions: &mut PrimaryMap<FunctionId, Recovered>, graph: &CallGraph) {
    let callees: SecondaryMap<FunctionId, Vec<FunctionId>> = {
        let mut plain = SecondaryMap::new();
        for id in functions.keys() {
            plain[id] = graph.callees[id].iter().map(|&(callee, _)| callee).collect::<Vec<_>>();
        }
        plain
    };
    let callers_first = CallGraph::ordered(functions, |f| graph.callers[f].len(), |f| &callees[f]);
    for function in functions.values_mut() {
        function.recursive = function.max_height.is_none();
    }
    for id in callers_first {
        functions[id].recursive = false;
    }
}

fn set_may_open(functions: &mut PrimaryMap<FunctionId, Recovered>, graph: &CallGraph) {
    let mut queue: Vec<FunctionId> = functions.keys().filter(|&id| opens(&functions[id])).collect();
    while let Some(id) = queue.pop() {
        if !std::mem::replace(&mut functions[id].may_open, true) {
            queue.extend(&graph.callers[id]);
        }
    }
}

/// Whether the function itself contains an unresolved or generic transfer.
fn opens(function: &Recovered) -> bool {
    let mut opens = false;
    for transfer in function.nodes.values().flat_map(|node| node.edges.transfers()) {
        transfer.visit(&mut |inner| {
            opens |= matches!(inner, Transfer::Open | Transfer::Generic(_));
        });
    }
    opens
}
