//! One recovered function: its blocks in reverse postorder, stretch by stretch.

use cranelift_entity::SecondaryMap;
use evmc_abi::ExitCode;
use evmc_abi::frame::STACK_WORDS;
use evmc_ir::{BlockCall, Builder, Func, Function, Imm, Inst, Module, Opcode, Stretch, Type, Value};

use super::join::Join;
use super::{Plan, Version, result_types};
use crate::frontend::evm::cfg::{Edges, FunctionId, NodeId, Program, Recovered, Transfer};
use crate::frontend::evm::decode::{BlockId, Code, Exit, Operation};
use crate::frontend::evm::gas;
use crate::frontend::evm::lower::stack::add_offset;
use crate::frontend::evm::lower::{Lowering, OperandStack, stack_needs};
use crate::frontend::evm::opcode::Op;

/// A function while it is lowered.
pub struct FunctionLowering<'a, 'f> {
    pub(super) code: &'a Code<'a>,
    pub(super) program: &'a Program,
    pub(super) plan: &'a Plan,
    pub(super) dispatcher: Option<Func>,
    pub(super) recovered: &'a Recovered,
    pub(super) version: Version,
    pub(super) joins: SecondaryMap<NodeId, Option<Join>>,
    /// Absolute stack height at the function's entry, an `i64`.
    pub(super) base: Value,
    pub(super) lowering: Lowering<'f>,
}

/// Lowers a version of a function; its stretches become the module's.
pub fn lower(
    code: &Code<'_>,
    program: &Program,
    plan: &Plan,
    dispatcher: Option<Func>,
    (id, version): (FunctionId, Version),
    module: &mut Module,
) -> Function {
    let recovered = &program.functions[id];
    let mut function = Function::new(version.name(&recovered.name), &result_types(recovered));
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    let is_entry = Some(id) == program.root() && version == Version::Usual;
    let takes_base = plan.takes_height(id, version) && !is_entry;
    let base = takes_base.then(|| b.add_param(entry, Type::I64));
    let inputs: Vec<Value> = (0..recovered.inputs).map(|_| b.add_param(entry, Type::I256)).collect();
    b.switch_to(entry);
    let base = base.unwrap_or_else(|| b.small(Type::I64, 0));
    let stack = OperandStack::of_values(inputs);
    let code_len = code.bytes().len() as u64;
    let lowering = Lowering { b, stack, fork: code.fork(), code_len, ensured: 0 };
    let joins = SecondaryMap::new();
    let mut this =
        FunctionLowering { code, program, plan, dispatcher, recovered, version, joins, base, lowering };
    this.enter(id);
    for node in reverse_postorder(recovered) {
        this.node(node, module);
    }
    if version == Version::Careful {
        let blocks = function.layout[1..].to_vec();
        blocks.into_iter().for_each(|block| function.blocks[block].cold = true);
    }
    function
}

/// The blocks of a function, each before what follows on it, as far as loops allow.
fn reverse_postorder(function: &Recovered) -> Vec<NodeId> {
    let Some(entry) = function.nodes.keys().next() else { return Vec::new() };
    let mut seen: SecondaryMap<NodeId, bool> = SecondaryMap::new();
    let (mut order, mut work) = (Vec::new(), vec![(entry, false)]);
    while let Some((node, is_done)) = work.pop() {
        if is_done {
            order.push(node);
        } else if !std::mem::replace(&mut seen[node], true) {
            work.push((node, true));
            let successors = |to| work.push((to, false));
            for_each_flow(&function.nodes[node].edges, successors);
        }
    }
    order.reverse();
    order
}

/// Visits every block of the same function that control may go on in.
fn for_each_flow(edges: &Edges, mut visit: impl FnMut(NodeId)) {
    for transfer in edges.transfers() {
        transfer.visit(&mut |transfer| {
            if let Transfer::Flow(to) = transfer {
                visit(*to);
            }
        });
    }
}

impl FunctionLowering<'_, '_> {
    /// Builds the entry block: checks the room on the stack where the function is recursive.
    fn enter(&mut self, id: FunctionId) {
        let mut edges: SecondaryMap<NodeId, usize> = SecondaryMap::new();
        let mut entry = None;
        for (node, data) in &self.recovered.nodes {
            entry = entry.or(Some(node));
            for_each_flow(&data.edges, |to| edges[to] += 1);
        }
        let Some(entry) = entry else { return self.lowering.b.exit(ExitCode::Unreachable) };
        edges[entry] += 1;
        for node in self.recovered.nodes.keys() {
            let block = self.lowering.b.create_block();
            self.joins[node] = Some(Join::new(block, edges[node]));
        }
        if self.recovered.recursive && self.version == Version::Usual {
            self.check_room(id);
        }
        self.flow(entry);
    }

    /// Leaves for code that checks for itself where the stack lacks room for all this function does.
    fn check_room(&mut self, id: FunctionId) {
        let room = (STACK_WORDS as u64).saturating_sub(self.plan.reach[id].into());
        let b = &mut self.lowering.b;
        let room = b.small(Type::I64, room);
        let is_tight = b.binary(Opcode::Ugt, self.base, room);
        let [leave, stay] = [b.create_cold_block(), b.create_block()];
        b.branch(is_tight, BlockCall::new(leave, &[]), BlockCall::new(stay, &[]));
        b.switch_to(leave);
        match self.plan.funcs[id][Version::Careful as usize] {
            Some(careful) => self.leave_for_careful(careful),
            None => self.leave_for_block(self.recovered.entry),
        }
        self.lowering.b.switch_to(stay);
    }

    fn node(&mut self, node: NodeId, module: &mut Module) {
        let Some(join) = &mut self.joins[node] else { return };
        let Some(stack) = join.enter(&mut self.lowering.b) else { return };
        self.lowering.stack = OperandStack::of_values(stack);
        self.lowering.ensured = 0;
        let data = &self.recovered.nodes[node];
        if self.operations(data.block, module) {
            self.edges(data.block, &data.edges);
        }
    }

    /// Lowers the operations of a block up to its jump; whether control reaches its end.
    fn operations(&mut self, block: BlockId, module: &mut Module) -> bool {
        let mut operations = self.code.operations(block).peekable();
        for stretch in gas::stretches(self.code, block) {
            let number = module.stretches.push(stretch.range);
            if self.certainly_fails(&stretch) {
                self.fail(number);
                return false;
            }
            self.pay(&stretch, number);
            while let Some(operation) = operations.next_if(|operation| operation.pc < stretch.range.end) {
                self.operation(&operation);
                if self.lowering.b.is_terminated() {
                    return false;
                }
            }
        }
        true
    }

    /// Charges for a stretch; where this version is careful, also sees whether the stack has room.
    fn pay(&mut self, stretch: &gas::Stretch, number: Stretch) {
        if self.version == Version::Careful && stretch.grows > 0 {
            let height = self.absolute_height();
            let b = &mut self.lowering.b;
            let room = (STACK_WORDS as u64).saturating_sub(stretch.grows.into());
            let [needs, room] = [0, room].map(|bound| b.small(Type::I64, bound));
            b.stack_check(number, height, needs, room);
            if stretch.gas > 0 {
                b.gas_charge_at(stretch.gas, number, height);
            }
        } else if stretch.gas > 0 {
            self.lowering.b.gas_charge(stretch.gas, number);
        }
    }

    /// Height of the stack relative to the function's frame.
    pub(super) fn height(&self) -> i32 {
        self.lowering.stack.len() as i32 - self.recovered.inputs as i32
    }

    /// Whether a stretch finds too few items, or, in the root, whose height is known, too many.
    fn certainly_fails(&self, stretch: &gas::Stretch) -> bool {
        let height = self.height();
        let lacks = stretch.needs as usize > self.lowering.stack.len();
        lacks || i64::from(height) + i64::from(stretch.grows) > STACK_WORDS as i64
    }

    /// Ends the frame in a stretch that fails; the runtime finds the operation.
    fn fail(&mut self, number: Stretch) {
        let height = self.height();
        let b = &mut self.lowering.b;
        let height = add_offset(b, self.base, height);
        let needs = b.small(Type::I64, u64::from(u32::MAX));
        let room = b.small(Type::I64, 0);
        b.stack_check(number, height, needs, room);
        b.unreachable();
    }

    fn operation(&mut self, operation: &Operation) {
        if self.lowering.halt(operation) {
            return;
        }
        match operation.op() {
            Op::Jump | Op::JumpI => {}
            _ if self.lacks_second_step(operation) => self.lowering.underflow_in_second_step(operation),
            op if op.has_stack_immediate() => self.deep(operation),
            _ => self.lowering.operation(operation),
        }
    }

    /// Whether an operation that takes its operands in two steps finds too few for the second.
    fn lacks_second_step(&self, operation: &Operation) -> bool {
        let has_two = operation.info.first_inputs() < operation.info.inputs;
        has_two && self.lowering.stack.len() < stack_needs(operation).into()
    }

    /// An EIP-8024 operation: its needs stand in the immediate. revm reports a missing item of `DUPN`
    /// as overflow.
    fn deep(&mut self, operation: &Operation) {
        let is_dup = operation.op() == Op::DupN;
        let is_full = is_dup && self.height() >= STACK_WORDS as i32;
        if self.lowering.stack.len() >= stack_needs(operation).into() && !is_full {
            return self.lowering.operation(operation);
        }
        let code = if is_dup { ExitCode::StackOverflow } else { ExitCode::StackUnderflow };
        self.lowering.b.exit(code);
    }

    /// Goes on behind a block.
    fn edges(&mut self, block: BlockId, edges: &Edges) {
        match edges {
            Edges::Halt => self.lowering.b.exit(ExitCode::Stop),
            Edges::StackError => self.lowering.b.exit(ExitCode::Unreachable),
            Edges::Next(transfer) => {
                let jumps = self.code.blocks()[block].exit == Exit::Jump;
                let target = jumps.then(|| self.lowering.pop());
                self.transfer(transfer, target);
            }
            Edges::Branch { taken, not_taken } => self.branch(taken.as_ref(), not_taken.as_ref()),
        }
    }

    fn branch(&mut self, taken: Option<&Transfer>, not_taken: Option<&Transfer>) {
        let (target, condition) = (self.lowering.pop(), self.lowering.pop());
        let (taken, not_taken) = match (taken, not_taken) {
            (Some(taken), Some(not_taken)) => (taken, not_taken),
            (Some(only), None) => return self.transfer(only, Some(target)),
            (None, Some(only)) => return self.transfer(only, None),
            (None, None) => return self.lowering.b.exit(ExitCode::Unreachable),
        };
        let condition = self.lowering.truth(condition);
        let b = &mut self.lowering.b;
        let sides = [b.create_block(), b.create_block()];
        b.branch(condition, BlockCall::new(sides[0], &[]), BlockCall::new(sides[1], &[]));
        let stack = self.lowering.stack.clone();
        for (side, transfer, target) in [(sides[0], taken, Some(target)), (sides[1], not_taken, None)] {
            self.lowering.b.switch_to(side);
            self.lowering.stack = stack.clone();
            self.transfer(transfer, target);
        }
    }

    /// Jumps to a block of this function with the stack as it is.
    pub(super) fn flow(&mut self, to: NodeId) {
        let Some(join) = &mut self.joins[to] else { return };
        let b = &mut self.lowering.b;
        let imm = Imm::Jump(BlockCall::new(join.block(), &[]));
        let inst: Inst = b.op(Opcode::Jump, None, &[], imm);
        let stack = self.lowering.stack.values().collect();
        join.arrive(b, inst, 0, stack);
    }
}
