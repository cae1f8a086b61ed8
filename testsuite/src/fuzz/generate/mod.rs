//! Structured programs: what a compiler of some high-level language might emit, and what it never would.
//!
//! A [`Generator`] emits items and keeps count of the stack, so that most of what it makes runs far: every
//! statement leaves the stack as high as it found it or higher, arms of a branch meet at one height, loops
//! count down, functions return to a label below their arguments. On top of that it now and then does what
//! a compiler must survive: arms that meet at different heights, jumps through memory, recursion without
//! end, invalid jumps, missing operands, operations of other forks.
//!
//! * [`word`]: numbers at the edges.
//! * `operations`: statements without jumps. `calls`: other contracts. `flow`: jumps.

mod calls;
mod flow;
mod operations;
mod word;

use evmc_compiler::frontend::evm::opcode::{Fork, OpInfo, table};
use fastrand::Rng;

use super::program::{Item, Name, Program};
use crate::asm;

pub use word::{edge_word, trimmed};

/// Most values that a frame keeps on the stack, so that `DUP` and `SWAP` reach most of them.
const COMFORTABLE_HEIGHT: usize = 24;

/// An internal function.
#[derive(Clone, Copy, Debug)]
struct Function {
    label: Name,
    args: usize,
    results: usize,
}

/// A program under construction.
struct Generator<'r> {
    rng: &'r mut Rng,
    fork: Fork,
    items: Vec<Item>,
    labels: u32,
    functions: Vec<Function>,
    /// Number of the function whose body is being made; the main program comes before the first.
    function: Option<usize>,
    /// Items on the stack of the frame, which begins below the arguments of a function.
    height: usize,
    /// Items at the bottom of the frame that must stay: loop counters, return labels.
    floor: usize,
    /// Statements that may still be made.
    budget: usize,
    /// Statements around the present one.
    depth: usize,
}

/// A random structured program for `fork`.
pub fn program(rng: &mut Rng, fork: Fork) -> Program {
    let mut generator = Generator {
        fork,
        items: Vec::new(),
        labels: 0,
        functions: Vec::new(),
        function: None,
        height: 0,
        floor: 0,
        budget: rng.usize(2..60),
        depth: 0,
        rng,
    };
    generator.whole();
    Program { items: generator.items }
}

impl Generator<'_> {
    /// The main program, the functions behind it, and sometimes bytes that are no code.
    fn whole(&mut self) {
        for _ in 0..self.rng.usize(..5) {
            let label = self.label();
            let function = Function { label, args: self.rng.usize(..4), results: self.rng.usize(..3) };
            self.functions.push(function);
        }
        self.block();
        self.end();
        for number in 0..self.functions.len() {
            self.function(number);
        }
        if self.chance(10) {
            let length = self.rng.usize(1..40);
            let bytes = (0..length).map(|_| self.rng.u8(..)).collect();
            self.items.push(Item::Bytes(bytes));
        }
    }

    /// True in `percent` of all cases.
    fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    fn label(&mut self) -> Name {
        self.labels += 1;
        Name(self.labels)
    }

    fn place(&mut self, label: Name) {
        self.items.push(Item::Place(label));
    }

    fn push_label(&mut self, label: Name) {
        self.items.push(Item::PushLabel(label));
        self.height += 1;
    }

    /// Pushes bytes as an immediate, zero by `PUSH0` where the fork has it and mostly then.
    fn push_bytes(&mut self, bytes: Vec<u8>) {
        let has_push0 = self.fork >= Fork::Shanghai;
        let bytes = match bytes.is_empty() {
            true if !has_push0 || self.chance(20) => vec![0],
            _ => bytes,
        };
        self.items.push(Item::Push(bytes));
        self.height += 1;
    }

    fn push_number(&mut self, number: u64) {
        let bytes = number.to_be_bytes();
        let zeros = number.leading_zeros() as usize / 8;
        self.push_bytes(bytes[zeros..].to_vec());
    }

    fn info(&self, byte: u8) -> &'static OpInfo {
        &table(self.fork)[usize::from(byte)]
    }

    /// Emits an operation by name and keeps count. One that the fork lacks is rarely emitted; instead its
    /// operands are dropped and its results made up.
    fn op(&mut self, name: &str) {
        let byte = asm::opcode(name);
        let info = self.info(byte);
        let (inputs, outputs) = (usize::from(info.inputs), usize::from(info.outputs));
        if info.is_defined() || self.rng.u8(..) == 0 {
            self.items.push(Item::Bytes(vec![byte]));
            self.height = (self.height + outputs).saturating_sub(inputs);
        } else {
            (0..inputs).for_each(|_| self.pop());
            (0..outputs).for_each(|_| self.constant());
        }
    }

    fn pop(&mut self) {
        self.items.push(Item::Bytes(vec![asm::opcode("POP")]));
        self.height = self.height.saturating_sub(1);
    }

    /// Pops or pushes until the frame has this height.
    fn settle(&mut self, height: usize) {
        while self.height > height {
            self.pop();
        }
        while self.height < height {
            self.value();
        }
    }

    /// Items that may be consumed.
    fn free(&self) -> usize {
        self.height.saturating_sub(self.floor)
    }

    /// A few statements.
    fn block(&mut self) {
        for _ in 0..self.rng.usize(1..7) {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            self.statement();
            if self.free() > COMFORTABLE_HEIGHT {
                self.settle(self.floor + 4);
            }
        }
    }

    fn statement(&mut self) {
        let nested = self.depth < 5;
        self.depth += 1;
        match self.rng.u8(..100) {
            0..22 => self.compute(),
            22..32 => self.shuffle(),
            32..42 => self.memory(),
            42..50 => self.storage(),
            50..53 => self.log(),
            53..56 => self.hash(),
            56..59 => self.account(),
            59..67 => self.call_contract(),
            67..69 => self.create(),
            69..79 if nested => self.branch(),
            79..85 if nested => self.repeat(),
            85..93 => self.call_function(),
            93..95 => self.open_jump(),
            95..97 => self.halt_sometimes(),
            97 => self.odd(),
            _ => self.value(),
        }
        self.depth -= 1;
    }
}
