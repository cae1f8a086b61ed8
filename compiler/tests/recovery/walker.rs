//! Random concrete executions held against what the recovery predicts.
//!
//! A walk executes blocks on a concrete stack. What depends on the world outside (calldata,
//! storage, memory, calls, and what is computed from them where that cannot be known) takes a random
//! value at the time it is produced, so every walk is an execution that some world could cause.
//! The walk follows only the predicted transfers and panics where the concrete jump disagrees.

use std::collections::HashSet;

use evmc_compiler::frontend::evm::cfg::{
    Call, Edges, FunctionId, Input, Known, NodeId, Program, Recovered, Transfer,
};
use evmc_compiler::frontend::evm::decode::{BlockId, Code, Exit, Operation};
use evmc_compiler::frontend::evm::opcode::{Op, decode_pair, decode_single};
use revm::primitives::U256;

/// A stack item, and whether it depends on the world outside.
#[derive(Clone, Copy)]
struct Item {
    value: U256,
    outside: bool,
}

/// A recovered function being executed.
struct Activation {
    function: FunctionId,
    node: NodeId,
    /// Stack height at entry.
    base: usize,
    /// The stack at entry, as far down as the function may look.
    inputs: Vec<U256>,
    /// The call that the caller waits in.
    call: Option<Call>,
    /// No more stack items than these are predicted.
    limit: usize,
}

/// Walks over one program; remembers what has been visited.
pub struct Walker<'a> {
    code: &'a Code<'a>,
    program: &'a Program,
    random: fastrand::Rng,
    edges: HashSet<(FunctionId, NodeId, bool)>,
    pub visited: HashSet<BlockId>,
    pub jumps: u64,
}

/// Why a block was left.
enum Left {
    Halted,
    StackError,
    End { target: Option<U256>, condition: Option<bool> },
}

impl<'a> Walker<'a> {
    pub fn new(code: &'a Code<'a>, program: &'a Program, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { code, program, random, edges: HashSet::new(), visited: HashSet::new(), jumps: 0 }
    }

    /// One execution of at most `steps` blocks from the root.
    pub fn walk(&mut self, steps: usize) {
        if let Some(root) = self.program.root() {
            self.walk_from(root, steps);
        }
    }

    /// One execution of at most `steps` blocks from a function, entered with anything.
    pub fn walk_from(&mut self, function: FunctionId, steps: usize) {
        let inputs = self.program.functions[function].inputs;
        let input = |_| Item { value: self.outside_value(Op::Unknown), outside: true };
        let mut stack: Vec<Item> = (0..inputs).map(input).collect();
        let mut activations = vec![self.activate(function, &stack, None, usize::MAX)];
        for _ in 0..steps {
            let Some(next) = self.step(&mut activations, &mut stack) else {
                return;
            };
            self.jumps += 1;
            let Some((transfer, target)) = next else {
                return;
            };
            if !self.follow(&transfer, target, &mut activations, &stack) {
                return;
            }
        }
    }

    fn activate(&self, function: FunctionId, stack: &[Item], call: Option<Call>, limit: usize) -> Activation {
        let Recovered { inputs, max_height, .. } = self.program.functions[function];
        assert!(stack.len() >= inputs as usize, "a call without the inputs it promises");
        let inputs = stack[stack.len() - inputs as usize..].iter().map(|item| item.value).collect();
        let own = max_height.map_or(usize::MAX, |height| stack.len() + height as usize);
        let limit = limit.min(own);
        Activation { function, node: NodeId::from_u32(0), base: stack.len(), inputs, call, limit }
    }

    /// Executes a block; gives the predicted transfer and the concrete target, `None` at the end.
    #[allow(clippy::type_complexity)]
    fn step(
        &mut self,
        activations: &mut [Activation],
        stack: &mut Vec<Item>,
    ) -> Option<Option<(Transfer, Option<U256>)>> {
        let top = activations.last()?;
        let node = &self.program.functions[top.function].nodes[top.node];
        assert_eq!(stack.len() as i64 - top.base as i64, i64::from(node.height), "height");
        self.visited.insert(node.block);
        let (left, after) = self.execute_towards_new(top, node.block, stack);
        *stack = after;
        let (target, condition) = match left {
            Left::Halted => return None,
            Left::StackError => return None,
            Left::End { target, condition } => (target, condition),
        };
        let transfer = match (&node.edges, condition) {
            (Edges::Halt, None) => return None,
            (Edges::Next(transfer), None) => transfer,
            (Edges::Branch { taken, .. }, Some(true)) => taken.as_ref().expect("proved not taken"),
            (Edges::Branch { not_taken, .. }, Some(false)) => not_taken.as_ref().expect("proved taken"),
            (edges, _) => panic!("the block left as {edges:?} does not say"),
        };
        self.edges.insert((top.function, top.node, condition == Some(true)));
        Some(Some((transfer.clone(), target.filter(|_| condition != Some(false)))))
    }

    /// Executes a block a few times over, until it leaves by an edge that is new.
    fn execute_towards_new(&mut self, top: &Activation, block: BlockId, stack: &[Item]) -> (Left, Vec<Item>) {
        let mut attempts = 4;
        loop {
            let mut after = stack.to_vec();
            let left = self.execute(top, block, &mut after);
            attempts -= 1;
            if let Left::End { condition: Some(taken), .. } = left
                && attempts > 0
                && self.edges.contains(&(top.function, top.node, taken))
            {
                continue;
            }
            return (left, after);
        }
    }

    fn execute(&mut self, top: &Activation, block: BlockId, stack: &mut Vec<Item>) -> Left {
        let (mut target, mut condition) = (None, None);
        let edges = &self.program.functions[top.function].nodes[top.node].edges;
        for operation in self.code.operations(block) {
            if operation.halts() {
                return Left::Halted;
            }
            let Some(()) = self.operation(&operation, stack, &mut target, &mut condition) else {
                assert!(*edges == Edges::StackError, "unpredicted underflow at {}", operation.pc);
                return Left::StackError;
            };
            if stack.len() > 1024 {
                return Left::StackError;
            }
            assert!(stack.len() <= top.limit, "higher than predicted");
        }
        assert!(*edges != Edges::StackError, "predicted stack error did not come");
        Left::End { target, condition }
    }

    /// Follows a predicted transfer; whether the walk goes on.
    fn follow(
        &self,
        transfer: &Transfer,
        target: Option<U256>,
        activations: &mut Vec<Activation>,
        stack: &[Item],
    ) -> bool {
        let destination = target.map(|target| self.code.jump_target(target));
        let top = activations.last_mut().expect("an activation");
        let nodes = &self.program.functions[top.function].nodes;
        match transfer {
            Transfer::Open => return false,
            Transfer::Stop => assert!(target.is_none()),
            Transfer::InvalidJump => assert_eq!(destination, Some(None)),
            Transfer::Generic(block) => {
                assert_eq!(destination.unwrap_or(Some(*block)), Some(*block))
            }
            &Transfer::Flow(node) => {
                let expected = destination.unwrap_or_else(|| self.following(top));
                assert_eq!(expected, Some(nodes[node].block), "jump to {target:?}");
                top.node = node;
                return true;
            }
            Transfer::Predicted(cases) => {
                let case = cases.iter().find(|(block, _)| Some(Some(*block)) == destination);
                return case.is_some_and(|(_, case)| self.follow(case, target, activations, stack));
            }
            Transfer::Switch(cases) => {
                let target_block = destination.expect("a switch depends on a target");
                let case = cases.iter().find(|(block, _)| Some(*block) == target_block);
                assert!(case.is_some() || target_block.is_none(), "jump to {target:?}");
                return case.is_some_and(|(_, case)| self.follow(case, target, activations, stack));
            }
            Transfer::Call(call) => {
                let entry = self.program.functions[call.callee].entry;
                assert_eq!(destination, Some(Some(entry)), "call to {target:?}");
                let limit = top.limit;
                activations.push(self.activate(call.callee, stack, Some((**call).clone()), limit));
                return true;
            }
            &Transfer::Exit(exit) => {
                self.check_exit(top, exit, target.expect("a target"), stack);
                let left = activations.pop().expect("an activation");
                let Some(call) = left.call else {
                    assert_ne!(Some(left.function), self.program.root(), "the root has no exit");
                    return false;
                };
                return self.follow(&call.resumes[exit], target, activations, stack);
            }
        }
        false
    }

    /// Where an activation's block goes without a jump.
    fn following(&self, top: &Activation) -> Option<BlockId> {
        let block = self.program.functions[top.function].nodes[top.node].block;
        match self.code.blocks()[block].exit {
            Exit::Fall(next) | Exit::JumpIf(Some(next)) => Some(next),
            _ => None,
        }
    }

    fn check_exit(&self, top: &Activation, exit: usize, target: U256, stack: &[Item]) {
        let signature = &self.program.functions[top.function].exits[exit];
        assert_eq!(input(top, signature.via), target, "exit through another slot");
        assert_eq!(stack.len() as i64 - top.base as i64, i64::from(signature.height));
        let window = &stack[top.base - top.inputs.len()..];
        assert_eq!(window.len(), signature.stack.len());
        for (item, known) in window.iter().zip(&signature.stack) {
            match *known {
                Known::In(slot) => assert_eq!(item.value, input(top, slot), "not passed through"),
                Known::Number(number) => assert_eq!(item.value, number, "not that number"),
                Known::Unknown => {}
            }
        }
    }

    /// `None` where the stack is too low.
    fn operation(
        &mut self,
        operation: &Operation,
        stack: &mut Vec<Item>,
        target: &mut Option<U256>,
        condition: &mut Option<bool>,
    ) -> Option<()> {
        let inside = |value| Item { value, outside: false };
        let single = || decode_single(operation.stack_immediate()).map(usize::from);
        match operation.op() {
            Op::Push => stack.push(inside(operation.immediate)),
            Op::Pc => stack.push(inside(U256::from(operation.pc))),
            Op::Dup(n) => dup(stack, usize::from(n))?,
            Op::DupN => dup(stack, single()?)?,
            Op::Swap(n) => exchange(stack, 0, usize::from(n))?,
            Op::SwapN => exchange(stack, 0, single()?)?,
            Op::Exchange => {
                let (n, m) = decode_pair(operation.stack_immediate())?;
                exchange(stack, usize::from(n), usize::from(m))?;
            }
            Op::Jump => *target = Some(stack.pop()?.value),
            Op::JumpI => {
                *target = Some(stack.pop()?.value);
                *condition = Some(!stack.pop()?.value.is_zero());
            }
            op => {
                let operands: Option<Vec<Item>> = (0..operation.info.inputs).map(|_| stack.pop()).collect();
                let operands = operands?;
                if operation.info.outputs > 0 {
                    stack.push(self.result(op, &operands));
                }
            }
        }
        Some(())
    }

    fn result(&mut self, op: Op, operands: &[Item]) -> Item {
        let values: Vec<U256> = operands.iter().map(|item| item.value).collect();
        let outside = operands.iter().any(|item| item.outside);
        // Conditions may have told the recovery that an item is 0 or 1.
        let told = |item: &Item| !item.outside || item.value <= U256::ONE;
        let told = operands.iter().all(told);
        match compute(op, &values) {
            Some(value) if told => Item { value, outside: false },
            Some(value) if matches!(op, Op::IsZero | Op::And) => Item { value, outside },
            _ => Item { value: self.outside_value(op), outside: true },
        }
    }

    fn outside_value(&mut self, op: Op) -> U256 {
        match (op, self.random.u8(..8)) {
            (Op::Lt | Op::Gt | Op::Slt | Op::Sgt | Op::Eq, n) => U256::from(n & 1),
            (_, 0..=2) => U256::ZERO,
            (_, 3..=4) => U256::ONE,
            (_, 5) => U256::from(self.random.u16(..)),
            _ => U256::from_limbs(std::array::from_fn(|_| self.random.u64(..))),
        }
    }
}

/// What a slot held when the function was entered.
fn input(top: &Activation, input: Input) -> U256 {
    let value = top.inputs[top.inputs.len() - 1 - usize::from(input.slot)];
    match input.bits {
        0 => value,
        bits => value & ((U256::ONE << usize::from(bits)) - U256::ONE),
    }
}

fn dup(stack: &mut Vec<Item>, n: usize) -> Option<()> {
    stack.push(*stack.get(stack.len().checked_sub(n)?)?);
    Some(())
}

fn exchange(stack: &mut [Item], n: usize, m: usize) -> Option<()> {
    let top = stack.len().checked_sub(1)?;
    stack.swap(top.checked_sub(n)?, top.checked_sub(m)?);
    Some(())
}

fn compute(op: Op, operands: &[U256]) -> Option<U256> {
    let truth = |truth: bool| U256::from(truth);
    Some(match (op, operands) {
        (Op::Add, &[a, b]) => a.wrapping_add(b),
        (Op::Sub, &[a, b]) => a.wrapping_sub(b),
        (Op::Mul, &[a, b]) => a.wrapping_mul(b),
        (Op::Div, &[_, b]) | (Op::Mod, &[_, b]) if b.is_zero() => U256::ZERO,
        (Op::Div, &[a, b]) => a / b,
        (Op::Mod, &[a, b]) => a % b,
        (Op::And, &[a, b]) => a & b,
        (Op::Or, &[a, b]) => a | b,
        (Op::Xor, &[a, b]) => a ^ b,
        (Op::Not, &[a]) => !a,
        (Op::IsZero, &[a]) => truth(a.is_zero()),
        (Op::Eq, &[a, b]) => truth(a == b),
        (Op::Lt, &[a, b]) => truth(a < b),
        (Op::Gt, &[a, b]) => truth(a > b),
        (Op::Shl | Op::Shr, &[a, _]) if a >= U256::from(256) => U256::ZERO,
        (Op::Shl, &[a, b]) => b << a,
        (Op::Shr, &[a, b]) => b >> a,
        _ => return None,
    })
}
