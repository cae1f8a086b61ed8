//! Blocks, branches, and code that cannot be reached.
//!
//! A block that nothing branches to leaves no trace. One that is branched to is a block of the IR where it ends, a loop one
//! where it starts; every branch to it is an edge of [`super::super::locals`]. An `if` without `else` has an empty one.

use std::collections::HashMap;

use evmc_ir::{Block, BlockCall, Inst, Opcode, Type, Value};
use ruint::aliases::U256;
use wasmparser::{BlockType, BrTable, Operator};

use super::{Lowering, types, work};
use crate::frontend::wasm::locals::{Place, Target};
use crate::frontend::wasm::survey::BlockNote;

/// Something that has not ended yet.
pub(super) struct Frame<'m> {
    kind: Kind,
    /// Number of operands below its parameters.
    height: usize,
    /// What a branch to it takes.
    branch_types: &'m [Type],
    /// What it gives at its end.
    results: &'m [Type],
    /// Where branches to it go.
    target: Option<Target>,
    /// Where it starts.
    place: Place,
}

enum Kind {
    /// The body of the function.
    Body,
    Block,
    Loop,
    /// The first arm of an `if`: the block of the other, and the parameters of both.
    Then {
        other: Block,
        params: Vec<Value>,
    },
    Else,
}

impl<'m> Frame<'m> {
    /// That of the body.
    pub(super) fn body(results: &'m [Type]) -> Self {
        let place = Place::default();
        Self { kind: Kind::Body, height: 0, branch_types: results, results, target: None, place }
    }
}

impl<'m> Lowering<'m, '_> {
    /// Lowers an operator of control; gives whether it is one.
    pub(super) fn control(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Unreachable => {
                self.b.exit(evmc_abi::ExitCode::UnreachableExecuted);
                self.trap_site();
                self.end_reach();
            }
            Operator::Block { blockty } => self.block(blockty),
            Operator::Loop { blockty } => self.start_loop(blockty),
            Operator::If { blockty } => self.start_if(blockty),
            Operator::Else => self.start_else(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(relative_depth),
            Operator::BrTable { ref targets } => self.br_table(targets),
            Operator::Return => self.br(self.frames.len() as u32 - 1),
            _ => return false,
        }
        true
    }

    /// Passes over an operator that cannot be reached, inside so many blocks that cannot be reached either.
    pub(super) fn skip(&mut self, depth: u32, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.blocks += 1;
                self.unreachable = Some(depth + 1);
            }
            Operator::End if depth > 0 => self.unreachable = Some(depth - 1),
            Operator::End => self.end(),
            Operator::Else if depth == 0 => self.start_else(),
            _ => {}
        }
    }

    /// What follows cannot be reached.
    pub(super) fn end_reach(&mut self) {
        self.take_pending();
        self.unreachable = Some(0);
    }

    /// What follows can be reached, as a block of its own.
    fn begin_reach(&mut self, block: Block) {
        self.unreachable = None;
        self.b.switch_to(block);
        self.start_block();
    }

    /// Parameters and results of a block.
    fn block_types(&self, ty: BlockType) -> (&'m [Type], &'m [Type]) {
        match ty {
            BlockType::Empty => (&[], &[]),
            BlockType::Type(ty) => (&[], types::single(types::value(ty))),
            BlockType::FuncType(ty) => self.environment.function_type(ty),
        }
    }

    fn next_note(&mut self) -> BlockNote {
        self.blocks += 1;
        self.survey.blocks[self.blocks - 1]
    }

    /// A new block with parameters of these types.
    fn block_with(&mut self, types: &[Type]) -> Block {
        let block = self.b.create_block();
        for &ty in types {
            self.b.add_param(block, ty);
        }
        block
    }

    /// Makes the first parameters of a block the last operands.
    fn push_params(&mut self, block: Block, count: usize) {
        let params: Vec<_> = self.b.func.blocks[block].params[..count].to_vec();
        params.into_iter().for_each(|param| self.push(param));
    }

    fn block(&mut self, ty: BlockType) {
        let (params, results) = self.block_types(ty);
        let note = self.next_note();
        let place = self.place;
        let target = note.is_target.then(|| self.open_join(results, note.end));
        let height = self.stack.len() - params.len();
        self.frames.push(Frame { kind: Kind::Block, height, branch_types: results, results, target, place });
    }

    /// A target at an end. The scope of what is inside starts.
    fn open_join(&mut self, results: &[Type], end: u32) -> Target {
        let block = self.block_with(results);
        self.locals.join(block, end)
    }

    fn start_loop(&mut self, ty: BlockType) {
        let (params, results) = self.block_types(ty);
        let note = self.next_note();
        let place = self.place;
        let height = self.stack.len() - params.len();
        let target = note.is_target.then(|| {
            let block = self.block_with(params);
            let (target, inside) = self.locals.header(block, place, note.end);
            self.pay();
            self.jump_to(target, params.len());
            self.place.inside = Some(inside);
            self.truncate(height);
            self.b.switch_to(block);
            self.push_params(block, params.len());
            self.check_gas();
            target
        });
        self.start_block();
        self.frames.push(Frame { kind: Kind::Loop, height, branch_types: params, results, target, place });
    }

    fn start_if(&mut self, ty: BlockType) {
        let condition = self.pop_condition();
        let (params, results) = self.block_types(ty);
        let note = self.next_note();
        let (then, other) = (self.b.create_block(), self.b.create_block());
        self.pay();
        self.b.branch(condition, BlockCall::new(then, &[]), BlockCall::new(other, &[]));
        let place = self.place;
        let target = self.open_join(results, note.end);
        self.locals.arm(place, note.middle);
        let height = self.stack.len() - params.len();
        let kind = Kind::Then { other, params: self.top_many(params.len()) };
        let target = Some(target);
        self.frames.push(Frame { kind, height, branch_types: results, results, target, place });
        self.begin_reach(then);
    }

    fn start_else(&mut self) {
        let mut frame = self.pop_frame();
        self.fall_through(&frame);
        self.locals.end_scope();
        self.truncate(frame.height);
        if let Kind::Then { other, params } = std::mem::replace(&mut frame.kind, Kind::Else) {
            params.into_iter().for_each(|param| self.push(param));
            self.take_pending();
            self.begin_reach(other);
        }
        self.frames.push(frame);
    }

    fn pop_frame(&mut self) -> Frame<'m> {
        self.frames.pop().expect("a valid body ends what started")
    }

    /// Goes to the end of a frame that has a target, if its end can be reached.
    fn fall_through(&mut self, frame: &Frame<'m>) {
        if self.unreachable.is_none()
            && let Some(target) = frame.target
        {
            self.pay();
            self.jump_to(target, frame.results.len());
        }
    }

    fn end(&mut self) {
        let frame = self.pop_frame();
        if let Kind::Body = frame.kind {
            if self.unreachable.is_none() {
                self.give(frame.results.len());
            }
            return;
        }
        if let (Kind::Loop, _) | (_, None) = (&frame.kind, frame.target) {
            self.end_without_target(&frame);
            return;
        }
        self.fall_through(&frame);
        self.truncate(frame.height);
        if let Kind::Then { other, params } = &frame.kind {
            self.locals.end_scope();
            params.iter().for_each(|&param| self.push(param));
            self.b.switch_to(*other);
            let at_end = std::mem::replace(&mut self.place, frame.place);
            self.jump_to_end(&frame, params.len());
            self.place = at_end;
            self.truncate(frame.height);
        }
        self.locals.end_scope();
        self.leave_loop(&frame);
        match frame.target.filter(|&target| self.locals.is_entered(target)) {
            None => self.end_reach(),
            Some(target) => {
                let block = self.locals.block(target);
                self.take_pending();
                self.begin_reach(block);
                self.push_params(block, frame.results.len());
            }
        }
    }

    /// The jump of an empty `else`.
    fn jump_to_end(&mut self, frame: &Frame<'m>, values: usize) {
        if let Some(target) = frame.target {
            self.jump_to(target, values);
        }
    }

    /// The end of what nothing meets at.
    fn end_without_target(&mut self, frame: &Frame<'m>) {
        self.leave_loop(frame);
        if self.unreachable.is_none() {
            self.start_block();
        } else {
            self.truncate(frame.height);
        }
    }

    /// Goes back to the loop around a frame.
    fn leave_loop(&mut self, frame: &Frame<'m>) {
        self.place.inside = frame.place.inside;
    }

    /// Jumps to a target with the last operands, which stay.
    fn jump_to(&mut self, target: Target, values: usize) {
        let args = self.top_many(values);
        let block = self.locals.block(target);
        self.b.jump(block, &args);
        self.connect(target, 0);
    }

    /// Makes the last instruction's target number `slot` an edge.
    fn connect(&mut self, target: Target, slot: usize) {
        let inst = self.last_inst();
        self.locals.connect(self.b.func, target, inst, slot, self.place);
    }

    fn last_inst(&self) -> Inst {
        let block = self.b.current();
        *self.b.func.blocks[block].insts.last().expect("something was just added")
    }

    /// Returns the last operands.
    fn give(&mut self, count: usize) {
        self.pay();
        let results = self.top_many(count);
        self.b.ret(&results);
        self.end_reach();
    }

    /// The number of a frame in `frames`.
    fn frame_at(&self, depth: u32) -> usize {
        self.frames.len() - 1 - depth as usize
    }

    fn br(&mut self, depth: u32) {
        self.pay();
        self.branch_to(depth);
        self.end_reach();
    }

    /// Ends the block of the IR with a branch to a frame.
    fn branch_to(&mut self, depth: u32) {
        let frame = &self.frames[self.frame_at(depth)];
        let count = frame.branch_types.len();
        match frame.target {
            Some(target) => self.jump_to(target, count),
            None => {
                let results = self.top_many(count);
                self.b.ret(&results);
            }
        }
    }

    fn br_if(&mut self, depth: u32) {
        let condition = self.pop_condition();
        self.pay();
        let next = self.b.create_block();
        let frame = &self.frames[self.frame_at(depth)];
        match frame.target {
            Some(target) => {
                let args = self.top_many(frame.branch_types.len());
                let there = BlockCall::new(self.locals.block(target), &args);
                self.b.branch(condition, there, BlockCall::new(next, &[]));
                self.connect(target, 0);
            }
            None => {
                let aside = self.b.create_block();
                self.b.branch(condition, BlockCall::new(aside, &[]), BlockCall::new(next, &[]));
                self.b.switch_to(aside);
                self.branch_to(depth);
            }
        }
        self.b.switch_to(next);
        self.start_block();
    }

    /// A `switch`. Each frame has one edge, from a block of its own, however often the table names it.
    fn br_table(&mut self, table: &BrTable<'_>) {
        let index = self.pop();
        self.pay();
        let mut edges = vec![(table.default(), self.b.create_block())];
        let mut known: HashMap<u32, Block> = edges.iter().copied().collect();
        let mut cases = Vec::new();
        for (number, depth) in table.targets().map_while(Result::ok).enumerate() {
            let block = *known.entry(depth).or_insert_with(|| {
                edges.push((depth, self.b.create_block()));
                edges[edges.len() - 1].1
            });
            if depth != table.default() {
                cases.push((U256::from(number), BlockCall::new(block, &[])));
            }
        }
        self.untold += work::TARGET * cases.len() as u64;
        let default = edges[0].1;
        if cases.is_empty() {
            self.b.jump(default, &[]);
        } else {
            self.b.switch(index, cases, BlockCall::new(default, &[]));
        }
        for (depth, block) in edges {
            self.b.switch_to(block);
            self.branch_to(depth);
        }
        self.end_reach();
    }

    /// The last operand as a condition: whether it is not zero.
    pub(super) fn pop_condition(&mut self) -> Value {
        let value = self.pop();
        match self.as_condition(value) {
            Some(condition) => condition,
            None => {
                let zero = self.b.small(Type::I32, 0);
                self.b.binary(Opcode::Ne, value, zero)
            }
        }
    }

    /// The condition that a number is made of, if it is one.
    pub(super) fn as_condition(&self, value: Value) -> Option<Value> {
        let data = self.b.func.defining_inst(value)?;
        let is_condition = data.opcode == Opcode::Zext && self.b.func.ty(data.args[0]) == Type::I1;
        is_condition.then(|| data.args[0])
    }
}
