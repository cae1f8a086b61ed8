//! Counts down in 64 bits where gas allows too few turns for more.
//!
//! A loop that counts a word down to a constant knows nothing of where the count starts: it may be any
//! word, and may even be below the constant, so that it wraps. But nobody has gas for 2^62 turns
//! ([`crate::analysis::turns`]), so a count that starts at 2^63 or above ends in running out of gas all
//! the same wherever it starts, and what the loop does until then may as well be asked of the count that
//! starts at 2^63. The start is *clamped* to that where the loop is entered, and counter, steps and
//! comparisons become 64 bits wide. No code is doubled, and nothing is charged otherwise.
//!
//! A counter is a parameter of a loop's header for which each turn passes the parameter itself or the
//! parameter less a constant, where all turns together go down by `d` < 2^62; and which nothing uses but
//! those steps and equalities and unsigned comparisons of counter or step with constants `k` ≤ 2^62.
//!
//! Sound because each comparison gives the same in both widths. Let the loop be entered with `s`.
//!
//! * `s` < 2^63: the clamped count starts equal. As long as the count is not negative, both hold it. Where
//!   it is, both have wrapped: to at least 2^256 − 2^62 and 2^64 − 2^62, both above `k`.
//! * `s` ≥ 2^63: the word is at least 2^63 − `d` > 2^62 ≥ `k`, and so is the count from 2^63.
//!
//! Where a comparison is with a number that both exceed, only that matters. Counters that go up are none of
//! this pass: one that starts just below 2^256 comes to 0 at once, and those that start low are narrow by
//! their bounds ([`crate::analysis::climb`]).
//!
//! Cost: that of the turns, and linear.

use cranelift_entity::SecondaryMap;
use evmc_ir::{
    Block, Dominators, Function, Imm, Inst, InstData, Module, Opcode, Type, Value, ValueData, ValueDef,
    Values, eval,
};
use ruint::aliases::U256;
use smallvec::{SmallVec, smallvec};

use crate::analysis::turns::{Turns, loops};

use super::is_large;

/// What counters are clamped to, as a power of two.
const START_BITS: usize = 63;

/// What counters may be compared with and go down by, as a power of two.
const REACH_BITS: usize = 62;

/// Runs the pass on every function; gives how many counters it narrowed.
pub fn run(module: &mut Module) -> usize {
    if is_large(module) {
        return 0;
    }
    module.functions.values_mut().map(run_on_function).sum()
}

fn run_on_function(func: &mut Function) -> usize {
    let mut counters = Counters::find(func);
    counters.keep_comparable(func);
    let count = counters.all.iter().filter(|counter| counter.kept).count();
    if count > 0 {
        let mut clamp = Clamp { func, counters, out: Vec::new() };
        for index in 0..clamp.func.layout.len() {
            let block = clamp.func.layout[index];
            clamp.block(block);
        }
    }
    count
}

/// A parameter of a loop's header that only goes down.
#[derive(Clone, Copy, Debug)]
struct Counter {
    header: Block,
    /// Its place among the header's parameters.
    index: usize,
    kept: bool,
}

/// The counters of a function.
#[derive(Clone, Debug, Default)]
struct Counters {
    all: Vec<Counter>,
    /// For counters and their steps the number of the counter.
    of: SecondaryMap<Value, Option<usize>>,
    /// The numbers of the counters of each header.
    at: SecondaryMap<Block, SmallVec<[usize; 2]>>,
}

impl Counters {
    /// What only goes down in loops, whatever else uses it.
    fn find(func: &Function) -> Self {
        let mut counters = Self::default();
        for turns in loops(func, &Dominators::new(func)) {
            if func.entry() == Some(turns.header) {
                continue;
            }
            for index in 0..func.blocks[turns.header].params.len() {
                if goes_down(func, &turns, index) {
                    counters.add(func, &turns, index);
                }
            }
        }
        counters
    }

    fn add(&mut self, func: &Function, turns: &Turns<'_>, index: usize) {
        let number = self.all.len();
        self.all.push(Counter { header: turns.header, index, kept: true });
        self.at[turns.header].push(number);
        self.of[func.blocks[turns.header].params[index]] = Some(number);
        for call in &turns.back {
            self.of[call.args[index]] = Some(number);
        }
    }

    /// Drops the counters that anything looks at whole.
    fn keep_comparable(&mut self, func: &Function) {
        for (_, data) in func.layout.iter().flat_map(|&block| func.block_insts(block)) {
            for &arg in &data.args {
                let Some(number) = self.of[arg] else { continue };
                let is_step = data.results.first().is_some_and(|&result| self.of[result] == Some(number));
                self.all[number].kept &= is_step || compares(func, data);
            }
            for target in data.targets() {
                for (index, &arg) in target.args.iter().enumerate() {
                    let Some(number) = self.of[arg] else { continue };
                    let counter = &mut self.all[number];
                    counter.kept &= (counter.header, counter.index) == (target.block, index);
                }
            }
        }
    }

    /// The number of the kept counter that a value is of.
    fn kept(&self, value: Value) -> Option<usize> {
        self.of[value].filter(|&number| self.all[number].kept)
    }
}

/// Whether a parameter of a header only goes down, and never by more than the bound.
fn goes_down(func: &Function, turns: &Turns<'_>, index: usize) -> bool {
    let param = func.blocks[turns.header].params[index];
    let mut steps = turns.back.iter().map(|call| step(func, param, call.args[index]));
    let most = steps.try_fold(0, |most: u64, step| Some(step?.max(most)));
    let all_turns = u128::from(turns.most) + 1;
    func.ty(param) == Type::I256
        && most.is_some_and(|most| most > 0 && u128::from(most) * all_turns < 1 << REACH_BITS)
}

/// By how much `arg`, which a turn passes for `param`, is below it.
fn step(func: &Function, param: Value, arg: Value) -> Option<u64> {
    if arg == param {
        return Some(0);
    }
    let data = func.defining_inst(arg)?;
    let &[first, second] = &data.args[..] else { return None };
    if first != param {
        return None;
    }
    let amount = func.constant(second)?;
    match data.opcode {
        Opcode::Sub => u64::try_from(amount).ok(),
        Opcode::Add => u64::try_from(amount.wrapping_neg()).ok(),
        _ => None,
    }
}

/// Whether an operation compares one operand with a constant that is small enough.
fn compares(func: &Function, data: &InstData) -> bool {
    use Opcode as O;
    matches!(data.opcode, O::Eq | O::Ne | O::Ult | O::Ule | O::Ugt | O::Uge)
        && data.args.iter().filter_map(|&arg| func.constant(arg)).any(|k| k <= U256::ONE << REACH_BITS)
}

/// The walk that makes counters narrow.
struct Clamp<'f> {
    func: &'f mut Function,
    counters: Counters,
    /// The instructions of the block so far.
    out: Vec<Inst>,
}

impl Clamp<'_> {
    fn block(&mut self, block: Block) {
        for index in 0..self.counters.at[block].len() {
            let counter = self.counters.all[self.counters.at[block][index]];
            if counter.kept {
                let param = self.func.blocks[block].params[counter.index];
                self.func.values[param].ty = Type::I64;
            }
        }
        let insts = std::mem::take(&mut self.func.blocks[block].insts);
        self.out = Vec::with_capacity(insts.len());
        for inst in insts {
            if self.func.insts[inst].opcode.is_terminator() {
                self.enter_loops(inst);
            } else if self.func.insts[inst].args.iter().any(|&arg| self.counters.kept(arg).is_some()) {
                self.narrow(inst);
            }
            self.out.push(inst);
        }
        self.func.blocks[block].insts = std::mem::take(&mut self.out);
    }

    /// Makes a step or a comparison 64 bits wide.
    fn narrow(&mut self, inst: Inst) {
        for number in 0..self.func.insts[inst].args.len() {
            if let Some(bits) = self.func.constant(self.func.insts[inst].args[number]) {
                let narrow = self.constant(Type::I64, eval::truncate(Type::I64, bits));
                self.func.insts[inst].args[number] = narrow;
            }
        }
        self.func.insts[inst].ty = Some(Type::I64);
        let result = self.func.insts[inst].results[0];
        if self.counters.kept(result).is_some() {
            self.func.values[result].ty = Type::I64;
        }
    }

    /// Clamps what counters start with where a terminator enters their loop.
    fn enter_loops(&mut self, inst: Inst) {
        let headers: SmallVec<[Block; 2]> =
            self.func.insts[inst].targets().iter().map(|target| target.block).collect();
        for (target, header) in headers.into_iter().enumerate() {
            for at in 0..self.counters.at[header].len() {
                let number = self.counters.at[header][at];
                let Counter { index, kept, .. } = self.counters.all[number];
                let start = self.func.insts[inst].targets()[target].args[index];
                if kept && self.counters.kept(start) != Some(number) {
                    let clamped = self.clamped(start);
                    self.func.insts[inst].targets_mut()[target].args[index] = clamped;
                }
            }
        }
    }

    /// The lesser of a word and 2^63, in 64 bits.
    fn clamped(&mut self, word: Value) -> Value {
        let top = U256::ONE << START_BITS;
        let limit = self.constant(Type::I256, top);
        let fits = self.add(Opcode::Ult, Type::I256, smallvec![word, limit], Imm::None, Type::I1);
        let low = self.add(Opcode::Trunc, Type::I64, smallvec![word], Imm::None, Type::I64);
        let top = self.constant(Type::I64, top);
        self.add(Opcode::Select, Type::I64, smallvec![fits, low, top], Imm::None, Type::I64)
    }

    fn constant(&mut self, ty: Type, bits: U256) -> Value {
        let constant = self.func.constants.push(bits);
        self.add(Opcode::Const, ty, Values::new(), Imm::Constant(constant), ty)
    }

    fn add(&mut self, opcode: Opcode, ty: Type, args: Values, imm: Imm, result: Type) -> Value {
        let results = SmallVec::new();
        let inst = self.func.insts.push(InstData { opcode, ty: Some(ty), args, imm, results });
        let value = self.func.values.push(ValueData { ty: result, def: ValueDef::Result(inst, 0) });
        self.func.insts[inst].results.push(value);
        self.out.push(inst);
        value
    }
}
