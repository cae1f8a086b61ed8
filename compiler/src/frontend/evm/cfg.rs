//! Recovers functions and jump targets from bytecode.
//!
//! The EVM has no functions: compilers push a return label, jump, and jump back through the label.
//! This analysis finds them again, so that each becomes one function of the IR with stack items as
//! values. It interprets the code abstractly over the values of `value.rs`, function by function:
//! inside a function the stack below its entry is unknown (`In(i)`), and
//!
//! * a jump to a known label while the function's own part of the stack holds a label is a *call*;
//!   any other jump to known labels, every `JUMPI` and every fall-through stays in the function;
//! * a jump to `In(i)` is an *exit* of the function through slot `i`. All exits through the same
//!   slot at the same height are one [`ExitSignature`], with the join of their stacks. A caller
//!   resumes once per signature: its own slot `i` says where (a label: on in the caller; `In(j)`:
//!   the caller exits too; unknown: the jump is *open*), the signature's stack says with what;
//! * behind a `JUMPI` on a value `x` the items that are `x`, or `ISZERO`s of it, are known to be
//!   zero or not, which later conditions may depend on (solc's `try`/`catch`);
//! * inside a function a block is kept apart by relative height and by the labels in the frame, up
//!   to [`MAX_SHAPES`] times, then only by height, up to [`MAX_CLONES`] times, and then not at all:
//!   control goes on there in generic code.
//!
//! What is called and what is kept apart decides precision, never soundness: **every jump executed
//! goes where its [`Transfer`] says, unless that is [`Transfer::Open`]**. Jumps stay open where the
//! target comes from memory, storage or calldata; where `predict.rs` has a guess, that is tried first
//! ([`Transfer::Predicted`]).
//!
//! The work is bounded ([`Program::work`]); code over the bound has no functions at all, and is left
//! to lowering that needs no analysis. This is the known method of context-insensitive function
//! summaries (Sharir and Pnueli 1981) with trace partitioning by label positions.

mod block;
mod callgraph;
mod extract;
mod frame;
mod live;
mod predict;
mod solve;
mod value;

use std::collections::HashSet;

use cranelift_entity::{EntityRef, PrimaryMap, entity_impl};

use ruint::aliases::U256;

use super::decode::{BlockId, Code};

pub use value::Input;

/// The EVM's stack limit, in items.
const STACK_LIMIT: u32 = evmc_abi::frame::STACK_WORDS as u32;

/// Times that a block is kept apart inside a function by the labels in its frame.
pub const MAX_SHAPES: u32 = 16;

/// Times that a block is kept apart inside a function altogether. Hand-written loops that leave
/// items on the stack would be unrolled up to the stack limit otherwise.
pub const MAX_CLONES: u32 = 24;

/// Exit signatures a function may have; exits beyond that stay open.
pub const MAX_EXITS: usize = 16;

/// Times that the analysis is run again for what it took for functions.
const MOST_ROUNDS: usize = 3;

/// A recovered function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(u32);
entity_impl!(FunctionId, "fn");

/// A block inside a recovered function, at one height and with one set of labels in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);
entity_impl!(NodeId, "node");

/// Where control goes, given a jump or the end of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// On in this function.
    Flow(NodeId),
    /// Into another function, or this one again.
    Call(Box<Call>),
    /// Out of the function by this exit signature.
    Exit(usize),
    /// To the block whose start is the jump's target, by the transfer beside it; where it is the
    /// start of none of them, the jump is invalid. Ordered by block, at least one entry.
    Switch(Vec<(BlockId, Transfer)>),
    /// The target is not a valid destination: the frame halts.
    InvalidJump,
    /// Off the end of the code, which is a `STOP`.
    Stop,
    /// To wherever the target says; not resolved.
    Open,
    /// Where the target is the start of one of these blocks, by the transfer beside it; otherwise as
    /// [`Transfer::Open`]. Ordered by block, at least one entry.
    Predicted(Vec<(BlockId, Transfer)>),
    /// To this block, but only in code that checks its stack: the block has been cloned too often,
    /// or is a function that asks for more of the stack than is there.
    Generic(BlockId),
}

/// A call of a recovered function. The stack of the caller is what its block left, the jump target
/// popped; the callee takes its topmost [`Recovered::inputs`] items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function called.
    pub callee: FunctionId,
    /// For each exit signature of the callee, in order, where the caller goes on; never a call.
    /// What [`Transfer::Switch`] and [`Transfer::Open`] (none is predicted) depend on is the item of the caller's stack
    /// that the signature's `via` names, counted from the top at the call.
    pub resumes: Vec<Transfer>,
}

/// What follows on a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edges {
    /// The block's last operation ends the frame, or the code ends behind it.
    Halt,
    /// Some operation of the block certainly finds too few or too many stack items.
    StackError,
    /// `JUMP` or fall-through.
    Next(Transfer),
    /// `JUMPI`; an edge whose condition is never met is absent.
    Branch {
        /// The condition is not 0.
        taken: Option<Transfer>,
        /// The condition is 0.
        not_taken: Option<Transfer>,
    },
}

/// A block of a recovered function.
#[derive(Clone, Debug)]
pub struct Node {
    /// The bytecode block.
    pub block: BlockId,
    /// Stack items at its start less those at the function's entry.
    pub height: i32,
    /// Number among the nodes of this block and height.
    pub clone: u32,
    /// What follows.
    pub edges: Edges,
}

/// One way out of a function: a jump through a slot that it was entered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitSignature {
    /// What the jump goes to.
    pub via: Input,
    /// Stack items behind the jump less those at the function's entry.
    pub height: i32,
    /// What is known of the items from `inputs` below the height at entry upwards, lowest first:
    /// `inputs + height` of them.
    pub stack: Vec<Known>,
}

/// What is known of a stack item at an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is what the function was entered with there.
    In(Input),
    /// It is this number.
    Number(U256),
    /// Nothing is known.
    Unknown,
}

/// A recovered function.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Its first block.
    pub entry: BlockId,
    /// Offset of that block, in bytes.
    pub entry_pc: u32,
    /// A name for listings and symbols: `main`, or `fn_` and the offset in hexadecimal.
    pub name: String,
    /// Stack items below the height at entry that it or its callees may touch. 0 for the root.
    pub inputs: u32,
    /// Its blocks; the first one is where it is entered, at height 0.
    pub nodes: PrimaryMap<NodeId, Node>,
    /// The ways out of it.
    pub exits: Vec<ExitSignature>,
    /// Whether it or a function it calls contains [`Transfer::Open`] or [`Transfer::Generic`].
    pub may_open: bool,
    /// Whether it may call itself, also through others. May be set for a function that is only
    /// called by one recursion and calls another.
    pub recursive: bool,
    /// The most stack items above the height at entry, callees included; `None` where recursion
    /// leaves them unbounded.
    pub max_height: Option<u32>,
}

/// What was recovered of a code.
#[derive(Clone, Debug)]
pub struct Program {
    /// The functions; the first one is the root, entered at offset 0 with an empty stack. Empty
    /// where the work was over the bound.
    pub functions: PrimaryMap<FunctionId, Recovered>,
    /// Reachable jump operations whose targets are all known and specialised.
    pub resolved_jumps: usize,
    /// Reachable jump operations with some target that is unknown, or only generic code.
    pub dynamic_jumps: usize,
    /// Those of the latter that have only guesses and unknown targets.
    pub predicted_jumps: usize,
    /// Whether the analysis was given up.
    pub over_budget: bool,
    /// Work done, in stack items looked at.
    pub work: u64,
}

impl Program {
    /// The function entered at offset 0.
    pub fn root(&self) -> Option<FunctionId> {
        (!self.functions.is_empty()).then(|| FunctionId::new(0))
    }

    /// Whether every reachable jump is resolved.
    pub fn is_resolved(&self) -> bool {
        !self.over_budget && self.dynamic_jumps == 0
    }
}

impl Transfer {
    /// Whether this one, and not only one inside it, may go on in generic code.
    pub fn may_leave(&self) -> bool {
        matches!(self, Self::Open | Self::Generic(_) | Self::Predicted(_))
    }

    /// Calls `visit` with this transfer and all inside it.
    pub fn visit(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        match self {
            Self::Call(call) => call.resumes.iter().for_each(|resume| resume.visit(visit)),
            Self::Switch(cases) | Self::Predicted(cases) => {
                cases.iter().for_each(|(_, transfer)| transfer.visit(visit))
            }
            _ => {}
        }
    }

    /// Calls `visit` with this transfer and all inside it, outermost first.
    fn visit_mut(&mut self, visit: &mut impl FnMut(&mut Self)) {
        visit(self);
        match self {
            Self::Call(call) => call.resumes.iter_mut().for_each(|resume| resume.visit_mut(visit)),
            Self::Switch(cases) | Self::Predicted(cases) => {
                cases.iter_mut().for_each(|(_, transfer)| transfer.visit_mut(visit));
            }
            _ => {}
        }
    }
}

impl Edges {
    /// The transfers, in order.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        let (first, second) = match self {
            Self::Halt | Self::StackError => (None, None),
            Self::Next(next) => (Some(next), None),
            Self::Branch { taken, not_taken } => (taken.as_ref(), not_taken.as_ref()),
        };
        first.into_iter().chain(second)
    }

    fn transfers_mut(&mut self) -> impl Iterator<Item = &mut Transfer> {
        let (first, second) = match self {
            Self::Halt | Self::StackError => (None, None),
            Self::Next(next) => (Some(next), None),
            Self::Branch { taken, not_taken } => (taken.as_mut(), not_taken.as_mut()),
        };
        first.into_iter().chain(second)
    }
}

/// Recovers the functions of `code`.
///
/// Where functions call themselves without raising the stack they are loops, whose return label the
/// compiler pushes anew for each turn; the analysis is run again without taking them for functions.
pub fn recover(code: &Code<'_>) -> Program {
    let Some(solver) = solve(code, true).or_else(|| solve(code, false)) else {
        return Program {
            functions: PrimaryMap::new(),
            resolved_jumps: 0,
            dynamic_jumps: 0,
            predicted_jumps: 0,
            over_budget: true,
            work: solve::budget(code),
        };
    };
    extract::extract(code, solver)
}

/// The fixed point for `code`, with or without guesses; `None` where that is over the bound.
fn solve<'c>(code: &'c Code<'c>, guesses: bool) -> Option<solve::Solver<'c>> {
    let mut loops = HashSet::new();
    let mut solver = solve::Solver::new(code, loops.clone(), guesses);
    if !solver.run() {
        return None;
    }
    for _ in 0..MOST_ROUNDS {
        let found = extract::flat_callees(&solver);
        if found.is_empty() {
            break;
        }
        loops.extend(found);
        let mut next = solve::Solver::new(code, loops.clone(), guesses);
        if !next.run() {
            break;
        }
        solver = next;
    }
    Some(solver)
}
