//! Facts about functions that depend on the functions they call.

use std::collections::HashMap;

use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};

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
    /// Calls that must not be made, since a recursion through them has no bound.
    pub flat: FlatCalls,
}

impl Inputs {
    /// Solves `needs(f) = max(own, needs(callee) - height at the call)` over the reachable states.
    pub fn of(solver: &Solver<'_>, live: &Live) -> Self {
        let sites = sites(solver, live);
        let flat = FlatCalls::of(solver, &sites);
        let mut inputs = Self { needs: SecondaryMap::new(), generic: SecondaryMap::new(), flat };
        for id in live.nodes.keys() {
            let state = &solver.states[id];
            let (effect, height) = (&solver.effects[state.block], state.frame.height());
            inputs.raise(state.function, i64::from(effect.needs) - i64::from(height));
            if state.edges == Edges::StackError && !Solver::is_root(state.function) {
                inputs.generic[state.function] = true;
            }
        }
        let mut callers: SecondaryMap<FunctionId, Vec<CallSite>> = SecondaryMap::new();
        sites.into_iter().for_each(|site| callers[site.callee].push(site));
        inputs.propagate(solver, &callers);
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

/// The calls in reachable states.
fn sites(solver: &Solver<'_>, live: &Live) -> Vec<CallSite> {
    let mut sites = Vec::new();
    for id in live.nodes.keys() {
        let state = &solver.states[id];
        let height = state.frame.height() + solver.effects[state.block].change();
        let site = |callee| CallSite { caller: state.function, callee, height };
        sites.extend(callees(&state.edges).into_iter().map(site));
    }
    sites
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

/// Calls by which a recursion might go on without raising the stack.
///
/// Functions are grouped by the cycles of calls that they are on (strongly connected components, by
/// the two walks of Kosaraju and Sharir). Where every cycle of a group raises the stack, the stack
/// limit bounds how often each of its functions is active. Otherwise, or where that costs more than
/// [`MOST_RELAXATIONS`] to know, all calls in the group that do not raise it are *flat*.
#[derive(Debug)]
pub struct FlatCalls {
    group: SecondaryMap<FunctionId, u32>,
    is_flat: SecondaryMap<FunctionId, bool>,
}

/// Steps over all calls of a group that are spent on finding out whether its cycles rise.
const MOST_RELAXATIONS: usize = 100_000;

impl FlatCalls {
    /// Finds them among the calls `sites`.
    fn of(solver: &Solver<'_>, sites: &[CallSite]) -> Self {
        let (group, count) = groups(solver, sites);
        let mut inner: Vec<Vec<CallSite>> = vec![Vec::new(); count];
        for site in sites.iter().filter(|site| group[site.caller] == group[site.callee]) {
            inner[group[site.caller] as usize].push(*site);
        }
        let mut is_flat = SecondaryMap::new();
        for function in solver.functions.keys() {
            is_flat[function] = false;
        }
        for sites in inner.iter().filter(|sites| !all_cycles_rise(sites)) {
            sites.iter().for_each(|site| is_flat[site.caller] = true);
        }
        Self { group, is_flat }
    }

    /// Whether a call at this height of the caller is one of them.
    pub fn contains(&self, caller: FunctionId, callee: FunctionId, height: i32) -> bool {
        height <= 0 && self.is_flat[caller] && self.group[caller] == self.group[callee]
    }
}

/// The functions that flat calls go to; some stand there several times.
pub fn flat_callees(solver: &Solver<'_>, live: &Live) -> Vec<FunctionId> {
    let sites = sites(solver, live);
    let flat = FlatCalls::of(solver, &sites);
    let is_flat = |site: &&CallSite| flat.contains(site.caller, site.callee, site.height);
    sites.iter().filter(is_flat).map(|site| site.callee).collect()
}

/// The group of each function, and how many groups there are.
fn groups(solver: &Solver<'_>, sites: &[CallSite]) -> (SecondaryMap<FunctionId, u32>, usize) {
    let mut called: SecondaryMap<FunctionId, Vec<FunctionId>> = SecondaryMap::new();
    let mut calling: SecondaryMap<FunctionId, Vec<FunctionId>> = SecondaryMap::new();
    for site in sites {
        called[site.caller].push(site.callee);
        calling[site.callee].push(site.caller);
    }
    let (mut seen, mut order) = (SecondaryMap::new(), Vec::new());
    for function in solver.functions.keys() {
        postorder(&called, &mut seen, function, &mut order);
    }
    let (mut seen, mut group) = (SecondaryMap::new(), SecondaryMap::new());
    for (number, &function) in order.iter().rev().enumerate() {
        let mut members = Vec::new();
        postorder(&calling, &mut seen, function, &mut members);
        members.into_iter().for_each(|member| group[member] = number as u32);
    }
    (group, order.len())
}

/// Whether every cycle of these calls raises the stack (Bellman and Ford: a cycle that does not is
/// negative where each call counts its height, scaled beyond the length of any cycle, less one).
fn all_cycles_rise(sites: &[CallSite]) -> bool {
    if sites.iter().all(|site| site.height > 0) {
        return true;
    }
    let mut distance: HashMap<FunctionId, i64> = HashMap::new();
    for site in sites {
        distance.insert(site.caller, 0);
    }
    let count = distance.len();
    if count * sites.len() > MOST_RELAXATIONS {
        return false;
    }
    for _ in 0..=count {
        let mut changed = false;
        for site in sites {
            let length = i64::from(site.height) * (count as i64 + 1) - 1;
            let through = distance[&site.caller] + length;
            if let Some(best) = distance.get_mut(&site.callee).filter(|best| through < **best) {
                *best = through;
                changed = true;
            }
        }
        if !changed {
            return true;
        }
    }
    false
}

/// Appends what `from` reaches and was not seen before, each behind what it leads to.
fn postorder(
    edges: &SecondaryMap<FunctionId, Vec<FunctionId>>,
    seen: &mut SecondaryMap<FunctionId, bool>,
    from: FunctionId,
    order: &mut Vec<FunctionId>,
) {
    let mut work = vec![(from, false)];
    while let Some((function, is_done)) = work.pop() {
        if is_done {
            order.push(function);
        } else if !std::mem::replace(&mut seen[function], true) {
            work.push((function, true));
            work.extend(edges[function].iter().map(|&next| (next, false)));
        }
    }
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
    for id in callers_first.into_iter().chain([FunctionId::new(0)]) {
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
        transfer.visit(&mut |inner| opens |= inner.may_leave());
    }
    opens
}
