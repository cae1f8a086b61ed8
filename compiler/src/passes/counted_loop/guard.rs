//! The questions in front of a loop: how many turns it makes, and whether gas and memory suffice for all of them.

use evmc_abi::wasm::PAGE_BYTES;
use evmc_ir::{Block, BlockCall, Function, Imm, InstData, Opcode, Type, Value};
use ruint::aliases::U256;
use smallvec::SmallVec;

use super::affine::Affine;
use super::recognise::{Group, Loop};
use super::{Blocks, LEAST_TURNS, add_param, push, push_value};

/// Fills the blocks in front of the copy.
pub(super) fn emit(function: &mut Function, a_loop: &Loop, blocks: Blocks) {
    let params = function.blocks[a_loop.block].params.clone();
    let given: Vec<Value> = params
        .iter()
        .map(|&param| {
            let ty = function.ty(param);
            add_param(function, blocks.count, ty)
        })
        .collect();
    let mut guard = Guard { function, a_loop, params, given, block: blocks.count };
    let (turns, is_worth_it) = guard.turns();
    guard.go_on_where(is_worth_it, blocks.ask);
    let cost = (a_loop.gas > 0).then(|| guard.cost(turns));
    let starts: Vec<Value> = a_loop.groups.iter().map(|group| guard.start(group)).collect();
    let mut answers: Vec<Value> = cost.iter().map(|&cost| guard.can_pay(cost)).collect();
    for (group, &start) in a_loop.groups.iter().zip(&starts) {
        guard.is_inside(group, start, turns, &mut answers);
    }
    let all = answers.into_iter().reduce(|all, one| guard.op(Opcode::And, Type::I1, &[all, one]));
    match all {
        Some(all) => guard.go_on_where(all, blocks.pay),
        None => guard.go_to(blocks.pay),
    }
    let args: Vec<Value> = guard.given.iter().chain(&starts).copied().collect();
    if let Some(cost) = cost {
        push(function, blocks.pay, Opcode::GasChargeDyn, &[cost], Imm::None);
    }
    push(function, blocks.pay, Opcode::Jump, &[], Imm::Jump(BlockCall::new(blocks.fast, &args)));
}

/// Puts instructions into the block that it stands in.
struct Guard<'a> {
    function: &'a mut Function,
    a_loop: &'a Loop,
    /// The parameters of the loop.
    params: Vec<Value>,
    /// What they are at its start.
    given: Vec<Value>,
    block: Block,
}

impl Guard<'_> {
    fn number(&mut self, ty: Type, number: u64) -> Value {
        let constant = self.function.constants.push(U256::from(number));
        self.value(Opcode::Const, Some(ty), ty, &[], Imm::Constant(constant))
    }

    /// An operation on a type, whose result has it too.
    fn op(&mut self, opcode: Opcode, ty: Type, args: &[Value]) -> Value {
        self.value(opcode, Some(ty), ty, args, Imm::None)
    }

    fn compare(&mut self, opcode: Opcode, a: Value, b: Value) -> Value {
        self.value(opcode, Some(Type::I64), Type::I1, &[a, b], Imm::None)
    }

    fn value(&mut self, opcode: Opcode, ty: Option<Type>, result: Type, args: &[Value], imm: Imm) -> Value {
        let data = InstData { opcode, ty, args: args.into(), imm, results: SmallVec::new() };
        push_value(self.function, self.block, data, result)
    }

    /// Goes on in a block where a condition holds, else to the loop as it is.
    fn go_on_where(&mut self, condition: Value, next: Block) {
        let slow = BlockCall::new(self.a_loop.block, &self.given);
        let targets = Box::new([BlockCall::new(next, &[]), slow]);
        push(self.function, self.block, Opcode::Branch, &[condition], Imm::Branch(targets));
        self.block = next;
    }

    fn go_to(&mut self, next: Block) {
        push(self.function, self.block, Opcode::Jump, &[], Imm::Jump(BlockCall::new(next, &[])));
        self.block = next;
    }

    /// A sum at the start of the loop.
    fn at_start(&mut self, sum: &Affine) -> Value {
        let mut total = self.number(Type::I32, sum.constant.into());
        for &(leaf, factor) in &sum.terms {
            let own = self.params.iter().position(|&param| param == leaf).map(|at| self.given[at]);
            let mut term = own.unwrap_or(leaf);
            if factor != 1 {
                let factor = self.number(Type::I32, factor.into());
                term = self.op(Opcode::Mul, Type::I32, &[term, factor]);
            }
            total = self.op(Opcode::Add, Type::I32, &[total, term]);
        }
        total
    }

    fn widened(&mut self, value: Value) -> Value {
        self.value(Opcode::Zext, Some(Type::I64), Type::I64, &[value], Imm::None)
    }

    /// The number of turns, and whether it is one and enough.
    fn turns(&mut self) -> (Value, Value) {
        let a_loop = self.a_loop;
        let step = a_loop.step(&a_loop.difference.terms);
        let mut distance = self.at_start(&a_loop.difference);
        if step > 0 {
            let zero = self.number(Type::I32, 0);
            distance = self.op(Opcode::Sub, Type::I32, &[zero, distance]);
        }
        let distance = self.widened(distance);
        let step = self.number(Type::I64, step.unsigned_abs().into());
        let before_last = self.op(Opcode::Udiv, Type::I64, &[distance, step]);
        let product = self.op(Opcode::Mul, Type::I64, &[before_last, step]);
        let is_exact = self.compare(Opcode::Eq, product, distance);
        let one = self.number(Type::I64, 1);
        let turns = self.op(Opcode::Add, Type::I64, &[before_last, one]);
        let least = self.number(Type::I64, LEAST_TURNS);
        let is_enough = self.compare(Opcode::Uge, turns, least);
        (turns, self.op(Opcode::And, Type::I1, &[is_exact, is_enough]))
    }

    /// What all turns cost: at most 2³² turns of at most 2³¹, see [`recognise`](super::recognise).
    fn cost(&mut self, turns: Value) -> Value {
        let gas = self.number(Type::I64, self.a_loop.gas);
        self.op(Opcode::Mul, Type::I64, &[turns, gas])
    }

    fn can_pay(&mut self, cost: Value) -> Value {
        let left = self.value(Opcode::GasRemaining, None, Type::I64, &[], Imm::None);
        self.compare(Opcode::Sge, left, cost)
    }

    /// Where the anchor of a group lies in the first turn.
    fn start(&mut self, group: &Group) -> Value {
        let start = self.at_start(&group.anchor);
        self.widened(start)
    }

    /// Adds what must hold for a group to be inside its memory in every turn.
    fn is_inside(&mut self, group: &Group, start: Value, turns: Value, answers: &mut Vec<Value>) {
        let pages = self.value(Opcode::MemorySize, None, Type::I64, &[], Imm::Index(group.memory));
        let page = self.number(Type::I64, PAGE_BYTES.trailing_zeros().into());
        let length = self.op(Opcode::Shl, Type::I64, &[pages, page]);
        let mut highest = start;
        if group.step != 0 {
            let one = self.number(Type::I64, 1);
            let later = self.op(Opcode::Sub, Type::I64, &[turns, one]);
            let step = self.number(Type::I64, group.step.unsigned_abs().into());
            let way = self.op(Opcode::Mul, Type::I64, &[later, step]);
            if group.step > 0 {
                highest = self.op(Opcode::Add, Type::I64, &[start, way]);
            } else {
                answers.push(self.compare(Opcode::Ule, way, start));
            }
        }
        let reach = self.number(Type::I64, group.reach);
        let end = self.op(Opcode::Add, Type::I64, &[highest, reach]);
        answers.push(self.compare(Opcode::Ule, end, length));
    }
}
