//! The specialised tier: each recovered function becomes an IR function, its stack slots values.
//!
//! A function takes the stack items below its frame that it or its callees touch, and gives the stack
//! it leaves; the return label is one of those items, and a jump to it is `ret`. Inside, stack moves
//! cost nothing, and underflow is known: only code that can fail has a check for it.
//!
//! Two things need the stack in memory after all. A jump whose target is not known leaves for the
//! generic tier and never comes back, so whatever lies below must be in the memory stack by then:
//! functions from which such a jump can be reached ([`Plan::opens`]) take the absolute height of
//! their frame, and their callers write their own part of the stack before they call. And a function
//! that may call itself checks at entry that the stack has room for all that it does before the next
//! such check; where it has not, it leaves for the generic tier, which finds the exact operation that
//! fails. Code without such functions whose stack could still grow beyond the limit is not
//! specialised.
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
/// 1,300.
const MOST_SLOTS_LEFT: usize = 2_000;

/// Operations over all blocks of all functions, per byte of code, beyond which it is not specialised.
const MOST_OPERATIONS_PER_BYTE: usize = 4;

/// Operations that are allowed for any code.
const ALLOWED_OPERATIONS: usize = 4_000;

/// What is decided about a program before any of it is lowered.
pub struct Plan {
    /// Functions from which generic code can be reached.
    opens: SecondaryMap<FunctionId, bool>,
    /// The most items above the frame of each function before the next check at an entry.
    reach: SecondaryMap<FunctionId, u32>,
    /// The IR function of each.
    funcs: SecondaryMap<FunctionId, Option<Func>>,
}

impl Plan {
    /// The plan for a program, or `None` where it is better left generic.
    pub fn new(code: &Code<'_>, program: &Program) -> Option<Self> {
        let root = program.root()?;
        if !is_affordable(code, program) {
            return None;
        }
        let reach = Reach::of_all(code, program);
        if reach[root] > STACK_WORDS as u32 {
            return None;
        }
        let mut opens = SecondaryMap::new();
        for (id, function) in &program.functions {
            opens[id] = function.may_open || function.recursive;
        }
        spread_to_callers(program, &mut opens);
        Some(Self { opens, reach, funcs: SecondaryMap::new() })
    }

    /// Whether anything needs the generic tier.
    pub fn needs_generic(&self, program: &Program) -> bool {
        program.functions.keys().any(|id| self.opens[id])
    }

    /// Lowers every function of the program; gives the entry function.
    pub fn lower(
        mut self,
        code: &Code<'_>,
        program: &Program,
        dispatcher: Option<Func>,
        module: &mut Module,
    ) -> Option<Func> {
        for (id, function) in &program.functions {
            let results = result_types(function);
            self.funcs[id] = Some(module.functions.push(Function::new(function.name.as_str(), &results)));
        }
        for id in program.functions.keys() {
            let lowered = function::lower(code, program, &self, dispatcher, id, module);
            module.functions[self.funcs[id]?] = lowered;
        }
        self.funcs[program.root()?]
    }
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

fn is_affordable(code: &Code<'_>, program: &Program) -> bool {
    let most_operations = ALLOWED_OPERATIONS + MOST_OPERATIONS_PER_BYTE * code.bytes().len();
    let (mut slots, mut slots_left, mut operations) = (0, 0, 0);
    for function in program.functions.values() {
        for node in function.nodes.values() {
            let here = items(function, node.height) + 1;
            slots += here;
            slots_left += here * ways_to_generic(&node.edges);
            operations += code.operations(node.block).count();
        }
    }
    slots <= MOST_SLOTS && slots_left <= MOST_SLOTS_LEFT && operations <= most_operations
}

/// Number of transfers that leave for the generic tier.
fn ways_to_generic(edges: &Edges) -> usize {
    let mut count = 0;
    for transfer in edges.transfers() {
        let leaves = |transfer: &Transfer| matches!(transfer, Transfer::Open | Transfer::Generic(_));
        transfer.visit(&mut |transfer| count += usize::from(leaves(transfer)));
    }
    count
}

/// A caller of something that opens opens.
fn spread_to_callers(program: &Program, opens: &mut SecondaryMap<FunctionId, bool>) {
    let mut callers: SecondaryMap<FunctionId, Vec<FunctionId>> = SecondaryMap::new();
    for (id, function) in &program.functions {
        for_each_call(function, &mut |callee, _| callers[callee].push(id));
    }
    let mut work: Vec<FunctionId> = program.functions.keys().filter(|&id| opens[id]).collect();
    while let Some(id) = work.pop() {
        for &caller in &callers[id] {
            if !std::mem::replace(&mut opens[caller], true) {
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
        for node in function.nodes.values() {
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
