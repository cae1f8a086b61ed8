//! From the fixed point to [`Program`]: drops what is unreachable, renumbers, adds call-graph facts.

use std::collections::{BTreeMap, HashMap};

use cranelift_entity::{PrimaryMap, SecondaryMap};

use super::super::decode::{BlockId, Code, Exit};
use super::callgraph::{self, Inputs};
use super::live::Live;
use super::solve::{Solver, Summary};
use super::value::{Input, Value};
use super::{Edges, ExitSignature, FunctionId, Known, Node, NodeId, Program, Recovered, Transfer};

/// The program that the solver found.
pub fn extract(code: &Code<'_>, mut solver: Solver<'_>) -> Program {
    let live = Live::of(&solver);
    let inputs = Inputs::of(&solver, &live);
    make_generic(&mut solver, &live, &inputs);
    let live = Live::of(&solver);
    let numbering = Numbering::of(&solver, &live);
    let mut functions = PrimaryMap::new();
    for &id in &numbering.functions {
        functions.push(recovered(&solver, &live, &inputs, &numbering, id));
    }
    callgraph::close(&mut functions, &solver);
    let jumps = jumps(code, &functions);
    let count = |known: Knowledge| jumps.values().filter(|&&jump| jump == known).count();
    let (resolved_jumps, predicted_jumps) = (count(Knowledge::Resolved), count(Knowledge::Predicted));
    let dynamic_jumps = count(Knowledge::Open) + predicted_jumps;
    let work = solver.work();
    Program { functions, resolved_jumps, dynamic_jumps, predicted_jumps, over_budget: false, work }
}

/// The first blocks of functions that are called where a recursion might not raise the stack.
pub fn flat_callees(solver: &Solver<'_>) -> Vec<BlockId> {
    let live = Live::of(solver);
    let mut found = callgraph::flat_callees(solver, &live);
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|callee| solver.functions[callee].entry).collect()
}

/// Replaces calls whose callee cannot be specialised, or asks the root for what it does not have, and
/// those by which a recursion might not raise the stack.
fn make_generic(solver: &mut Solver<'_>, live: &Live, inputs: &Inputs) {
    for id in live.nodes.keys() {
        let state = &mut solver.states[id];
        let height = state.frame.height() + solver.effects[state.block].change();
        let available = if Solver::is_root(state.function) { height } else { i32::MAX };
        for transfer in state.edges.transfers_mut() {
            transfer.visit_mut(&mut |inner| {
                let Transfer::Call(call) = inner else { return };
                let asks = inputs.needs[call.callee] as i32;
                let is_flat = inputs.flat.contains(state.function, call.callee, height);
                if inputs.generic[call.callee] || asks > available || is_flat {
                    *inner = Transfer::Generic(solver.functions[call.callee].entry);
                }
            });
        }
    }
}

/// The numbers that reachable things get.
struct Numbering {
    /// Reachable functions, in order.
    functions: Vec<FunctionId>,
    function: SecondaryMap<FunctionId, FunctionId>,
    /// Numbers inside the function.
    node: SecondaryMap<NodeId, NodeId>,
    /// Reachable states by function, in order.
    members: SecondaryMap<FunctionId, Vec<NodeId>>,
}

impl Numbering {
    fn of(solver: &Solver<'_>, live: &Live) -> Self {
        let mut numbering = Self {
            functions: Vec::new(),
            function: SecondaryMap::with_default(FunctionId(0)),
            node: SecondaryMap::with_default(NodeId(0)),
            members: SecondaryMap::new(),
        };
        for id in live.nodes.keys() {
            let members = &mut numbering.members[solver.states[id].function];
            numbering.node[id] = NodeId(members.len() as u32);
            members.push(id);
        }
        for (id, function) in &solver.functions {
            if live.nodes.contains(function.start) {
                numbering.function[id] = FunctionId(numbering.functions.len() as u32);
                numbering.functions.push(id);
            }
        }
        numbering
    }

    /// Puts the new numbers into a transfer of `function`.
    fn renumber(&self, live: &Live, function: FunctionId, transfer: &mut Transfer) {
        transfer.visit_mut(&mut |inner| match inner {
            Transfer::Flow(to) => *to = self.node[*to],
            Transfer::Exit(exit) => *exit = live.exits[function].range(..*exit).count(),
            Transfer::Call(call) => {
                let kept = live.exits[call.callee].iter();
                call.resumes = kept.map(|&exit| call.resumes[exit].clone()).collect();
                call.callee = self.function[call.callee];
            }
            _ => {}
        });
    }
}

fn recovered(
    solver: &Solver<'_>,
    live: &Live,
    inputs: &Inputs,
    numbering: &Numbering,
    id: FunctionId,
) -> Recovered {
    let function = &solver.functions[id];
    let entry_pc = solver.code.blocks()[function.entry].start;
    let is_root = Solver::is_root(id);
    let needs = if is_root { 0 } else { inputs.needs[id] };
    let exits = live.exits[id].iter().map(|&exit| signature(solver, &function.exits[exit], needs));
    Recovered {
        entry: function.entry,
        entry_pc,
        name: if is_root { "main".to_owned() } else { format!("fn_{entry_pc:04x}") },
        inputs: needs,
        nodes: nodes(solver, live, numbering, id),
        exits: exits.collect(),
        may_open: false,
        recursive: false,
        max_height: None,
    }
}

fn nodes(
    solver: &Solver<'_>,
    live: &Live,
    numbering: &Numbering,
    function: FunctionId,
) -> PrimaryMap<NodeId, Node> {
    let mut nodes = PrimaryMap::new();
    let mut clones: HashMap<(BlockId, i32), u32> = HashMap::new();
    for &id in &numbering.members[function] {
        let state = &solver.states[id];
        let (block, height) = (state.block, state.frame.height());
        let count = clones.entry((block, height)).or_default();
        let clone = *count;
        *count += 1;
        let mut edges = state.edges.clone();
        for transfer in edges.transfers_mut() {
            numbering.renumber(live, function, transfer);
        }
        nodes.push(Node { block, height, clone, edges });
    }
    nodes
}

fn signature(solver: &Solver<'_>, exit: &Summary, inputs: u32) -> ExitSignature {
    let known = |value| match value {
        Value::In(input) => Known::In(input),
        _ => solver.values.number(value).map_or(Known::Unknown, Known::Number),
    };
    let depths = (0..(inputs as i32 + exit.height).max(0) as usize).rev();
    let stack = depths.map(|depth| known(exit.frame.get(depth))).collect();
    ExitSignature { via: Input { ..exit.via }, height: exit.height, stack }
}

/// How well a jump is known; the worst of its transfers counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Knowledge {
    #[default]
    Resolved,
    Predicted,
    Open,
}

/// How well each reachable jump is known.
fn jumps(code: &Code<'_>, functions: &PrimaryMap<FunctionId, Recovered>) -> BTreeMap<BlockId, Knowledge> {
    let mut jumps: BTreeMap<BlockId, Knowledge> = BTreeMap::new();
    for node in functions.values().flat_map(|function| function.nodes.values()) {
        if matches!(code.blocks()[node.block].exit, Exit::Jump | Exit::JumpIf(_)) {
            let known = jumps.entry(node.block).or_default();
            *known = knowledge(&node.edges).max(*known);
        }
    }
    jumps
}

fn knowledge(edges: &Edges) -> Knowledge {
    let mut worst = Knowledge::Resolved;
    for transfer in edges.transfers() {
        transfer.visit(&mut |inner| {
            worst = worst.max(match inner {
                Transfer::Predicted(_) => Knowledge::Predicted,
                Transfer::Open | Transfer::Generic(_) => Knowledge::Open,
                _ => Knowledge::Resolved,
            });
        });
    }
    worst
}
