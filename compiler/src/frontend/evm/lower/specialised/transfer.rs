//! Where control goes behind a block: on, into another function, out, or into generic code.

use evmc_abi::ExitCode;
use evmc_ir::{BlockCall, Func, Opcode, Type, Value};
use ruint::aliases::U256;

use super::function::FunctionLowering;
use super::{items, result_types};
use crate::frontend::evm::cfg::{Call, Input, Transfer};
use crate::frontend::evm::decode::BlockId;
use crate::frontend::evm::lower::OperandStack;
use crate::frontend::evm::lower::generic::{FALL, jump_target};

impl FunctionLowering<'_, '_> {
    /// Goes where `transfer` says. `target` is what a jump goes to, popped; `None` for a fall.
    pub(super) fn transfer(&mut self, transfer: &Transfer, target: Option<Value>) {
        match transfer {
            Transfer::Flow(to) => self.flow(*to),
            Transfer::Call(call) => self.call(call),
            Transfer::Exit(number) => self.exit(*number),
            Transfer::Switch(cases) => self.switch(cases, target, false),
            Transfer::Predicted(cases) => self.switch(cases, target, true),
            Transfer::InvalidJump => self.lowering.b.exit(ExitCode::InvalidJump),
            Transfer::Stop => self.lowering.b.exit(ExitCode::Stop),
            Transfer::Open => self.open(target),
            Transfer::Generic(block) => self.leave_for_block(*block),
        }
    }

    /// Returns through exit `number` with this function's part of the stack.
    fn exit(&mut self, number: usize) {
        let types = result_types(self.recovered);
        let b = &mut self.lowering.b;
        let mut results = Vec::with_capacity(types.len());
        if self.recovered.exits.len() > 1 {
            results.push(b.small(Type::I64, number as u64));
        }
        results.extend(self.lowering.stack.values());
        while results.len() < types.len() {
            results.push(b.small(Type::I256, 0));
        }
        b.ret(&results);
    }

    /// Calls a function and goes on where its exits lead.
    fn call(&mut self, call: &Call) {
        let callee = &self.program.functions[call.callee];
        let takes_height = self.plan.takes_height(call.callee, self.version);
        let stack: Vec<Value> = self.lowering.stack.values().collect();
        let kept = stack.len() - callee.inputs as usize;
        let mut args = Vec::new();
        if takes_height {
            if self.plan.leaves {
                self.spill(&stack[..kept]);
            }
            args.push(self.absolute_height());
        }
        args.extend(&stack[kept..]);
        let Some(func) = self.plan.funcs[call.callee][self.version as usize] else { return };
        let types = result_types(callee);
        let results = self.lowering.b.call(func, &args, &types);
        let several = callee.exits.len() > 1;
        let (number, items) = if several { (Some(results[0]), &results[1..]) } else { (None, &results[..]) };
        self.resume(call, &stack, kept, number, items);
    }

    /// Goes on behind a call: by the number of the exit where the callee has several.
    fn resume(&mut self, call: &Call, stack: &[Value], kept: usize, number: Option<Value>, items: &[Value]) {
        let b = &mut self.lowering.b;
        let Some(number) = number else {
            if call.resumes.is_empty() {
                return b.unreachable();
            }
            return self.resume_at(call, 0, stack, kept, items);
        };
        let blocks: Vec<_> = call.resumes.iter().map(|_| b.create_block()).collect();
        let wrong = b.create_cold_block();
        let cases = blocks.iter().enumerate();
        let cases = cases.map(|(exit, &block)| (U256::from(exit), BlockCall::new(block, &[]))).collect();
        b.switch(number, cases, BlockCall::new(wrong, &[]));
        b.switch_to(wrong);
        b.exit(ExitCode::Unreachable);
        for (exit, block) in blocks.into_iter().enumerate() {
            self.lowering.b.switch_to(block);
            self.resume_at(call, exit, stack, kept, items);
        }
    }

    /// Goes on behind exit `exit` of a callee that was entered with `stack`.
    fn resume_at(&mut self, call: &Call, exit: usize, stack: &[Value], kept: usize, results: &[Value]) {
        let callee = &self.program.functions[call.callee];
        let signature = &callee.exits[exit];
        let count = items(callee, signature.height);
        let below = stack[..kept].iter().copied();
        self.lowering.stack = OperandStack::of_values(below.chain(results[..count].iter().copied()));
        let target = stack[stack.len() - 1 - usize::from(signature.via.slot)];
        let target = self.masked(target, signature.via);
        self.transfer(&call.resumes[exit], Some(target));
    }

    /// The low bits of a value that an exit jumps by.
    fn masked(&mut self, value: Value, via: Input) -> Value {
        if via.bits == 0 {
            return value;
        }
        let mask = (U256::ONE << usize::from(via.bits)) - U256::ONE;
        let b = &mut self.lowering.b;
        let mask = b.constant(Type::I256, mask);
        b.binary(Opcode::And, value, mask)
    }

    /// Chooses by the jump's target. What is none of the blocks is not a valid destination, or only the
    /// run knows it, where the target `is_open`.
    fn switch(&mut self, cases: &[(BlockId, Transfer)], target: Option<Value>, is_open: bool) {
        let Some(target) = target else { return self.lowering.b.exit(ExitCode::Unreachable) };
        let target = jump_target(&mut self.lowering.b, target);
        let b = &mut self.lowering.b;
        let blocks: Vec<_> = cases.iter().map(|_| b.create_block()).collect();
        let others = b.create_cold_block();
        let start = |block: BlockId| U256::from(self.code.blocks()[block].start);
        let table = cases.iter().zip(&blocks);
        let table = table.map(|((to, _), &block)| (start(*to), BlockCall::new(block, &[]))).collect();
        b.switch(target, table, BlockCall::new(others, &[]));
        b.switch_to(others);
        let stack = self.lowering.stack.clone();
        match is_open {
            true => self.leave(target),
            false => self.lowering.b.exit(ExitCode::InvalidJump),
        }
        for ((_, transfer), block) in cases.iter().zip(blocks) {
            self.lowering.b.switch_to(block);
            self.lowering.stack = stack.clone();
            self.transfer(transfer, None);
        }
    }

    /// Leaves for the generic tier at a target that only the run knows.
    fn open(&mut self, target: Option<Value>) {
        let Some(target) = target else { return self.lowering.b.exit(ExitCode::Unreachable) };
        let target = jump_target(&mut self.lowering.b, target);
        self.leave(target);
    }

    /// Goes on in the careful version of this function, which was entered just now.
    pub(super) fn leave_for_careful(&mut self, func: Func) {
        let args: Vec<Value> = std::iter::once(self.base).chain(self.lowering.stack.values()).collect();
        let results = self.lowering.b.call(func, &args, &result_types(self.recovered));
        self.lowering.b.ret(&results);
    }

    /// Leaves for the generic tier at the start of a block.
    pub(super) fn leave_for_block(&mut self, block: BlockId) {
        let start = self.code.blocks()[block].start;
        let fall = if self.code.is_jumpdest(start as usize) { 0 } else { FALL };
        let target = self.lowering.b.small(Type::I64, u64::from(start) | fall);
        self.leave(target);
    }

    /// Writes the stack to memory and goes on in the generic tier for good.
    fn leave(&mut self, target: Value) {
        let Some(dispatcher) = self.dispatcher else { return self.lowering.b.exit(ExitCode::Unreachable) };
        let stack: Vec<Value> = self.lowering.stack.values().collect();
        self.spill(&stack);
        let height = self.absolute_height();
        self.lowering.b.call(dispatcher, &[height, target], &[]);
        self.lowering.b.unreachable();
    }

    /// Writes the lowest items of this function's part of the stack to the memory stack.
    fn spill(&mut self, items: &[Value]) {
        let lowest = -(self.recovered.inputs as i32);
        for (index, &item) in items.iter().enumerate() {
            self.lowering.b.stack_store(self.base, lowest + index as i32, item);
        }
    }

    /// The height of the whole stack, as an `i64`.
    pub(super) fn absolute_height(&mut self) -> Value {
        let height = self.height();
        super::super::stack::add_offset(&mut self.lowering.b, self.base, height)
    }
}
