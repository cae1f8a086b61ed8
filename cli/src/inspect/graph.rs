//! The control flow graph of a code, in a form that can be drawn.
//!
//! Vertices are basic blocks of the bytecode. A block that several recovered functions share is one vertex,
//! and an edge says in which way control may go, not in which context.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evmc_compiler::frontend::evm::{
    cfg::{self, Edges, FunctionId, Program, Transfer},
    decode::{BlockId, Code, Exit},
    opcode::Fork,
};

/// Lines of a block's listing, at most.
const MAX_LINES: usize = 12;

/// How control goes from one block to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// On: by a jump, or off the block's end.
    Flow,
    /// Into a recovered function.
    Call,
    /// Back from a recovered function, as seen by its caller.
    Return,
    /// By a jump whose destination is found at run time.
    Open,
}

/// An edge of the graph; an open one has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Where it starts.
    pub from: usize,
    /// Where it goes.
    pub to: Option<usize>,
    /// What it is.
    pub kind: EdgeKind,
}

/// A basic block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Offset of its first operation, in bytes.
    pub start: u32,
    /// Name of the recovered function that starts here.
    pub function: Option<String>,
    /// Its operations, the first of them where there are many.
    pub lines: Vec<String>,
    /// Steps from the start of the code.
    pub rank: usize,
}

/// The reachable part of a control flow graph. The first vertex is the start of the code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The blocks, in the order of the code.
    pub vertices: Vec<Vertex>,
    /// The edges, ordered.
    pub edges: Vec<Edge>,
}

impl Graph {
    /// The graph of a code under a fork.
    pub fn new(bytes: &[u8], fork: Fork) -> Self {
        let code = Code::decode(bytes, fork);
        let program = cfg::recover(&code);
        let mut edges = BTreeSet::new();
        if program.functions.is_empty() {
            unrecovered_edges(&code, &mut edges);
        } else {
            recovered_edges(&program, &mut edges);
        }
        build(&code, &program, &edges)
    }
}

/// An edge between blocks.
type BlockEdge = (BlockId, Option<BlockId>, EdgeKind);

/// The edges that recovery found.
fn recovered_edges(program: &Program, edges: &mut BTreeSet<BlockEdge>) {
    for (function, recovered) in program.functions.iter() {
        for node in recovered.nodes.values() {
            let mut add = |transfer: &Transfer| {
                add_transfer(program, function, node.block, transfer, EdgeKind::Flow, edges);
            };
            match &node.edges {
                Edges::Halt | Edges::StackError => {}
                Edges::Next(transfer) => add(transfer),
                Edges::Branch { taken, not_taken } => {
                    taken.iter().chain(not_taken).for_each(add);
                }
            }
        }
    }
}

/// The edges that a transfer stands for.
fn add_transfer(
    program: &Program,
    function: FunctionId,
    from: BlockId,
    transfer: &Transfer,
    kind: EdgeKind,
    edges: &mut BTreeSet<BlockEdge>,
) {
    match transfer {
        Transfer::Flow(node) => {
            let to = program.functions[function].nodes[*node].block;
            edges.insert((from, Some(to), kind));
        }
        Transfer::Generic(to) => {
            edges.insert((from, Some(*to), kind));
        }
        Transfer::Open => {
            edges.insert((from, None, EdgeKind::Open));
        }
        Transfer::Call(call) => {
            let entry = program.functions[call.callee].entry;
            edges.insert((from, Some(entry), EdgeKind::Call));
            for resume in &call.resumes {
                add_transfer(program, function, from, resume, EdgeKind::Return, edges);
            }
        }
        Transfer::Switch(cases) | Transfer::Predicted(cases) => {
            for (_, case) in cases {
                add_transfer(program, function, from, case, kind, edges);
            }
            if matches!(transfer, Transfer::Predicted(_)) {
                edges.insert((from, None, EdgeKind::Open));
            }
        }
        Transfer::Exit(_) | Transfer::InvalidJump | Transfer::Stop => {}
    }
}

/// The edges that are plain without recovery; every jump is open.
fn unrecovered_edges(code: &Code<'_>, edges: &mut BTreeSet<BlockEdge>) {
    for (from, block) in code.blocks().iter() {
        match block.exit {
            Exit::Jump => drop(edges.insert((from, None, EdgeKind::Open))),
            Exit::JumpIf(next) => {
                edges.insert((from, None, EdgeKind::Open));
                edges.extend(next.map(|next| (from, Some(next), EdgeKind::Flow)));
            }
            Exit::Fall(next) => drop(edges.insert((from, Some(next), EdgeKind::Flow))),
            Exit::Halt | Exit::End => {}
        }
    }
}

/// Keeps what the start of the code reaches and gives numbers to it.
fn build(code: &Code<'_>, program: &Program, edges: &BTreeSet<BlockEdge>) -> Graph {
    let Some(first) = code.blocks().keys().next() else { return Graph::default() };
    let mut next: BTreeMap<BlockId, Vec<BlockId>> = BTreeMap::new();
    for (from, to, _) in edges {
        next.entry(*from).or_default().extend(to);
    }
    let has_open = program.functions.is_empty();
    let ranks = ranks(first, &next, has_open.then(|| code.blocks().keys()));
    let names: BTreeMap<BlockId, &str> =
        program.functions.values().map(|function| (function.entry, function.name.as_str())).collect();
    let numbers: BTreeMap<BlockId, usize> =
        ranks.keys().enumerate().map(|(number, block)| (*block, number)).collect();
    let vertex = |(block, rank): (&BlockId, &usize)| Vertex {
        start: code.blocks()[*block].start,
        function: names.get(block).map(|name| (*name).to_owned()),
        lines: listing(code, *block),
        rank: *rank,
    };
    let edge = |(from, to, kind): &BlockEdge| {
        let to = match to {
            None => None,
            Some(to) => Some(*numbers.get(to)?),
        };
        Some(Edge { from: *numbers.get(from)?, to, kind: *kind })
    };
    Graph { vertices: ranks.iter().map(vertex).collect(), edges: edges.iter().filter_map(edge).collect() }
}

/// Steps from `first` to each block that it reaches; `others` are reached by unknown jumps.
fn ranks(
    first: BlockId,
    next: &BTreeMap<BlockId, Vec<BlockId>>,
    others: Option<impl Iterator<Item = BlockId>>,
) -> BTreeMap<BlockId, usize> {
    let mut ranks = BTreeMap::from([(first, 0)]);
    let mut queue = VecDeque::from([(first, 0)]);
    let mut others = others.into_iter().flatten();
    loop {
        let (block, rank) = match queue.pop_front() {
            Some(found) => found,
            None => match others.find(|block| !ranks.contains_key(block)) {
                Some(block) => {
                    ranks.insert(block, 1);
                    (block, 1)
                }
                None => return ranks,
            },
        };
        for to in next.get(&block).into_iter().flatten() {
            if !ranks.contains_key(to) {
                ranks.insert(*to, rank + 1);
                queue.push_back((*to, rank + 1));
            }
        }
    }
}

/// A block's operations as text.
fn listing(code: &Code<'_>, block: BlockId) -> Vec<String> {
    let mut lines: Vec<String> = code
        .operations(block)
        .take(MAX_LINES + 1)
        .map(|operation| match operation.info.immediate {
            0 => format!("{:04x} {}", operation.pc, operation.info.name),
            _ => format!("{:04x} {} {:#x}", operation.pc, operation.info.name, operation.immediate),
        })
        .collect();
    if lines.len() > MAX_LINES {
        lines[MAX_LINES] = format!("... {} operations", code.operations(block).count());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_has_an_edge_back() {
        // JUMPDEST; PUSH0 CALLDATALOAD PUSH0 JUMPI; STOP
        let graph = Graph::new(&[0x5b, 0x5f, 0x35, 0x5f, 0x57, 0x00], Fork::Osaka);
        assert_eq!(graph.vertices.len(), 2);
        let edge = |to| Edge { from: 0, to: Some(to), kind: EdgeKind::Flow };
        assert_eq!(graph.edges, [edge(0), edge(1)]);
        assert_eq!(graph.vertices[0].lines[0], "0000 JUMPDEST");
        assert_eq!(graph.vertices[1].rank, 1);
    }

    #[test]
    fn an_unknown_jump_has_no_end() {
        let graph = Graph::new(&[0x5f, 0x35, 0x56], Fork::Osaka);
        assert_eq!(graph.edges, [Edge { from: 0, to: None, kind: EdgeKind::Open }]);
    }
}
