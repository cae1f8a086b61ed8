//! The specialised tier: each recovered function becomes an IR function, its stack slots values.
//!
//! A function takes the stack items below its frame that it or its callees touch, and gives the stack
//! it leaves; the return label is one of those items, and a jump to it is `ret`. Inside, stack moves
//! cost nothing, and underflow is known: only code that can fail has a check for it.
//!
//! A function that may call itself checks at entry that the stack has room for all that it does
//! before the next such check; where it has not, its *careful* version goes on, in which every stretch
//! that raises the stack checks for itself, and which calls nothing but careful versions. Both take
//! the absolute height of their frame, and so does everything from which such a function is reached.
//! Code without such functions whose stack could still grow beyond the limit is not specialised.
//!
//! One thing needs the stack in memory after all: a jump whose target is not known leaves for the
//! generic tier and never comes back, so whatever lies below must be in the memory stack by then. In
//! a code with such jumps ([`Plan::leaves`]), functions from which one can be reached take the height
//! too, and their callers write their own part of the stack before they call. The generic tier then
//! also stands in for careful versions.
//!
//! Cost: linear in blocks times slots, which [`MOST_SLOTS`] bounds; code over that or the other bounds
//! beside it stays generic.

mod function;
mod join;
mod transfer;

use cranelift_entity::SecondaryMap;
use evmc_abi::frame::STACK_WORDS;
use evmc_ir::{Func, Function, Module, Type};

use crate::frontend::evm::cfg::{Edges, FunctionId, Program, Recovered, Transfer};
use crate::frontend::evm::decode::Code;
use crate::frontend::evm::gas;

/// Stack slots over all blocks of all functions, beyond which a code is not specialised.
const MOST_SLOTS: usize = 400_000;

/// Stack slots at all jumps that leave for the generic tier, over all functions, beyond which a code is
/// not specialised. Each such jump writes its stack to memory aside, and what is written aside is live,
/// for a register allocator that goes by the layout, over all blocks between. Real contracts have up to
/// 1,300, those that jump through large tables up to 12,000.
const MOST_SLOTS_LEFT: usize = 12_000;

/// Jumps that leave for the generic tier, over all functions, beyond which a code is not specialised.
const MOST_WAYS_LEFT: usize = 2_000;

/// Operations over all blocks of all functions, per byte of code, beyond which it is not specialised.
const MOST_OPERATIONS_PER_BYTE: usize = 4;

/// Operations that are allowed for any code.
const ALLOWED_OPERATIONS: usize = 4_000;

/// What is decided about a program before any of it is lowered.
pub struct Plan {
    /// Whether specialised code leaves for generic code at all.
    leaves: bool,
    /// Functions that take the absolute height of their frame: those that check it, or leave for
    /// generic code, and their callers.
    takes_height: SecondaryMap<FunctionId, bool>,
    /// Functions that have a careful version.
    has_careful: SecondaryMap<FunctionId, bool>,
    /// The most items above the frame of each function before the next check at an entry.
    reach: SecondaryMap<FunctionId, u32>,
    /// The IR function of each, and that of its careful version.
    funcs: SecondaryMap<FunctionId, [Option<Func>; 2]>,
}

/// How a function deals with the limit of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Relies on room for all that it does.
    Usual = 0,
    /// Checks each stretch that raises the stack.
    Careful = 1,
}

impl Plan {
    /// The plan for a program, or `None` where it is better left generic.
    pub fn new(code: &Code<'_>, program: &Program) -> Option<Self> {
        let root = program.root()?;
        if !is_affordable(code, program, &SecondaryMap::new()) {
            return None;
        }
        let reach = Reach::of_all(code, program);
        if reach[root] > STACK_WORDS as u32 {
            return None;
        }
        let has_careful = careful(program);
        let is_open = program.functions.values().any(|function| function.may_open);
        let leaves = is_open || !is_affordable(code, program, &has_careful);
        let mut takes_height = SecondaryMap::new();
        for (id, function) in &program.functions {
            takes_height[id] = function.may_open || function.recursive;
        }
        spread_to_callers(program, &mut takes_height);
        let has_careful = if leaves { SecondaryMap::new() } else { has_careful };
        Some(Self { leaves, takes_height, has_careful, reach, funcs: SecondaryMap::new() })
    }

    /// Whether anything needs the generic tier.
    pub fn needs_generic(&self, program: &Program) -> bool {
        self.leaves && program.functions.keys().any(|id| self.takes_height[id])
    }

    /// Whether this version of a function takes the height of its frame.
    fn takes_height(&self, id: FunctionId, version: Version) -> bool {
        version == Version::Careful || self.takes_height[id]
    }

    /// Lowers every function of the program; gives the entry function.
    pub fn lower(
        mut self,
        code: &Code<'_>,
        program: &Program,
        dispatcher: Option<Func>,
        module: &mut Module,
    ) -> Option<Func> {
        let versions = |this: &Self, id| match this.has_careful[id] {
            true => &[Version::Usual, Version::Careful][..],
            false => &[Version::Usual],
        };
        for (id, function) in &program.functions {
            let results = result_types(function);
            for &version in versions(&self, id) {
                let name = version.name(&function.name);
                let func = module.functions.push(Function::new(name, &results));
                self.funcs[id][version as usize] = Some(func);
            }
        }
        for id in program.functions.keys() {
            for &version in versions(&self, id) {
                let lowered = function::lower(code, program, &self, dispatcher, (id, version), module);
                module.functions[self.funcs[id][version as usize]?] = lowered;
            }
        }
        self.funcs[program.root()?][Version::Usual as usize]
    }
}

impl Version {
    /// Name of this version of the function called `name`.
    fn name(self, name: &str) -> String {
        match self {
            Self::Usual => name.to_owned(),
            Self::Careful => format!("{name}_careful"),
        }
    }
}

/// The functions that need a careful version: those that may call themselves, and what they call.
fn careful(program: &Program) -> SecondaryMap<FunctionId, bool> {
    let mut careful = SecondaryMap::new();
    let mut work: Vec<FunctionId> = Vec::new();
    for (id, function) in &program.functions {
        if function.recursive {
            careful[id] = true;
            work.push(id);
        }
    }
    while let Some(id) = work.pop() {
        for_each_call(&program.functions[id], &mut |callee, _| {
            if !std::mem::replace(&mut careful[callee], true) {
                work.push(callee);
            }
        });
    }
    careful
}

/// Types of what a function gives: the number of its exit where it has several, then its part of the
/// stack, lowest first.
fn result_types(function: &Recovered) -> Vec<Type> {
    let height = function.exits.iter().map(|exit| exit.height).max();
    let items = height.map_or(0, |height| items(function, height));
    let number = (function.exits.len() > 1).then_some(Type::I64);
    number.into_iter().chain(std::iter::repeat_n(Type::I256, items)).collect()
}

/// Items of a function's part of the stack at a height relative to its frame.
fn items(function: &Recovered, height: i32) -> usize {
    (i64::from(function.inputs) + i64::from(height)).max(0) as usize
}

/// Whether all functions are within the bounds, those in `twice` counted twice.
fn is_affordable(code: &Code<'_>, program: &Program, twice: &SecondaryMap<FunctionId, bool>) -> bool {
    let most_operations = ALLOWED_OPERATIONS + MOST_OPERATIONS_PER_BYTE * code.bytes().len();
    let (mut slots, mut slots_left, mut ways_left, mut operations) = (0, 0, 0, 0);
    for (id, function) in &program.functions {
        let times = 1 + usize::from(twice[id]);
        for node in function.nodes.values() {
            let here = times * (items(function, node.height) + 1);
            slots += here;
            let ways = ways_to_generic(&node.edges);
            slots_left += here * ways;
            ways_left += times * ways;
            operations += times * code.operations(node.block).count();
        }
    }
    let leaves_little = slots_left <= MOST_SLOTS_LEFT && ways_left <= MOST_WAYS_LEFT;
    slots <= MOST_SLOTS && leaves_little && operations <= most_operations
}

/// Number of transfers that leave for the generic tier.
fn ways_to_generic(edges: &Edges) -> usize {
    let mut count = 0;
    for transfer in edges.transfers() {
        transfer.visit(&mut |transfer| count += usize::from(transfer.may_leave()));
    }
    count
}

/// Adds to the functions in `set` all that call one of them.
fn spread_to_callers(program: &Program, set: &mut SecondaryMap<FunctionId, bool>) {
    let mut callers: SecondaryMap<FunctionId, Vec<FunctionId>> = SecondaryMap::new();
    for (id, function) in &program.functions {
        for_each_call(function, &mut |callee, _| callers[callee].push(id));
    }
    let mut work: Vec<FunctionId> = program.functions.keys().filter(|&id| set[id]).collect();
    while let Some(id) = work.pop() {
        for &caller in &callers[id] {
            if !std::mem::replace(&mut set[caller], true) {
                work.push(caller);
            }
        }
    }
}

/// Visits callee and node of every call in a function.
fn for_each_call(
    function: &Recovered,
    visit: &mut impl FnMut(FunctionId, crate::frontend::evm::cfg::NodeId),
) {
    for (node, data) in &function.nodes {
        for transfer in data.edges.transfers() {
            transfer.visit(&mut |transfer| {
                if let Transfer::Call(call) = transfer {
                    visit(call.callee, node);
                }
            });
        }
    }
}

/// How far each function raises the stack, up to the entries that check for themselves.
struct Reach<'a> {
    code: &'a Code<'a>,
    program: &'a Program,
    known: SecondaryMap<FunctionId, Option<u32>>,
}

impl<'a> Reach<'a> {
    fn of_all(code: &'a Code<'a>, program: &'a Program) -> SecondaryMap<FunctionId, u32> {
        let mut this = Self { code, program, known: SecondaryMap::new() };
        let mut reach = SecondaryMap::new();
        for id in program.functions.keys() {
            reach[id] = this.of(id);
        }
        reach
    }

    /// The reach of one function. Walks callees before callers, on a stack of its own; calls of
    /// recursive functions count nothing, so no walk comes back to where it is.
    fn of(&mut self, id: FunctionId) -> u32 {
        let mut work = vec![(id, false)];
        while let Some((id, callees_known)) = work.pop() {
            if self.known[id].is_some() {
                continue;
            }
            if callees_known {
                self.known[id] = Some(self.behind_callees(id));
                continue;
            }
            work.push((id, true));
            for_each_call(&self.program.functions[id], &mut |callee, _| {
                if !self.program.functions[callee].recursive && callee != id {
                    work.push((callee, false));
                }
            });
        }
        self.known[id].unwrap_or(u32::MAX)
    }

    fn behind_callees(&self, id: FunctionId) -> u32 {
        let function = &self.program.functions[id];
        let mut most = 0;
        // The heights of the root are known, so that each of its stretches fails for certain or never.
        let own = if Some(id) == self.program.root() { None } else { Some(function.nodes.values()) };
        for node in own.into_iter().flatten() {
            let mut height = i64::from(node.height);
            for stretch in gas::stretches(self.code, node.block) {
                most = most.max(height + i64::from(stretch.grows));
                height += i64::from(stretch.change);
                most = most.max(height);
            }
        }
        for_each_call(function, &mut |callee, node| {
            if !self.program.functions[callee].recursive {
                let node = &function.nodes[node];
                let end =
                    gas::stretches(self.code, node.block).iter().map(|stretch| stretch.change).sum::<i32>();
                let above = self.known[callee].unwrap_or(u32::MAX);
                most = most.max(i64::from(node.height) + i64::from(end) + i64::from(above));
            }
        });
        u32::try_from(most.max(0)).unwrap_or(u32::MAX)
    }
}
