//! Jumps: branches, loops, functions.

use super::Generator;
use crate::{asm, fuzz::program::Item};

impl Generator<'_> {
    /// Emits an operation that the count of the stack is told of by the caller.
    fn raw(&mut self, name: &str) {
        self.items.push(Item::Bytes(vec![asm::opcode(name)]));
    }

    /// Pushes something that is 0 and not 0 about equally often.
    fn condition(&mut self) {
        self.value();
        match self.rng.u8(..4) {
            0 => self.op("ISZERO"),
            1 => {
                self.push_number(1);
                self.op("AND");
            }
            2 => {
                self.value();
                self.op("LT");
            }
            _ => {}
        }
    }

    /// Two arms that meet, at times each at a height of its own.
    pub(super) fn branch(&mut self) {
        let (other, end) = (self.label(), self.label());
        let before = self.height;
        let after = (self.floor + self.rng.usize(..4))
            .max(before.saturating_sub(self.rng.usize(..2)))
            .max(self.floor);
        let uneven = self.chance(4);
        self.condition();
        self.push_label(other);
        self.op("JUMPI");
        let start = self.height;
        self.block();
        self.settle(after);
        if self.chance(85) {
            self.push_label(end);
            self.op("JUMP");
        } else {
            self.end();
        }
        self.place(other);
        self.height = start;
        if self.chance(70) {
            self.block();
        }
        self.settle(after + usize::from(uneven));
        self.place(end);
    }

    /// A loop that counts down.
    pub(super) fn repeat(&mut self) {
        match self.chance(80) {
            true => {
                let times = self.rng.u64(1..6);
                self.push_number(times);
            }
            false => {
                self.value();
                self.push_number(7);
                self.op("AND");
            }
        }
        let (top, floor, height) = (self.label(), self.floor, self.height);
        self.place(top);
        self.floor = height;
        self.block();
        self.settle(height);
        self.push_number(1);
        self.op("SWAP1");
        self.op("SUB");
        self.op("DUP1");
        self.push_label(top);
        self.op("JUMPI");
        self.floor = floor;
        if self.chance(80) {
            self.pop();
        }
    }

    /// Calls a function of this program. Inside functions mostly a later one, so that most programs end.
    pub(super) fn call_function(&mut self) {
        let any = self.chance(15);
        let first = self.function.filter(|_| !any).map_or(0, |number| number + 1);
        if first >= self.functions.len() {
            return self.value();
        }
        let callee = self.functions[self.rng.usize(first..self.functions.len())];
        let (back, below) = (self.label(), self.height);
        self.push_label(back);
        (0..callee.args).for_each(|_| self.value());
        self.push_label(callee.label);
        if self.chance(15) {
            self.through_memory();
        }
        self.op("JUMP");
        self.place(back);
        self.height = below + callee.results;
    }

    /// Sends the top of the stack through memory, so that nobody knows it.
    fn through_memory(&mut self) {
        let offset = self.rng.u64(..4) * 32 + 0x200;
        self.push_number(offset);
        self.op("MSTORE");
        self.push_number(offset);
        self.op("MLOAD");
    }

    /// The body of a function: the return label lies below the arguments.
    pub(super) fn function(&mut self, number: usize) {
        let function = self.functions[number];
        self.function = Some(number);
        self.place(function.label);
        self.height = 1 + function.args;
        self.floor = 1;
        self.budget = self.budget.max(self.rng.usize(..6));
        self.block();
        self.settle(1 + function.results);
        if function.results > 0 {
            self.items.push(Item::Bytes(vec![asm::opcode("SWAP1") + function.results as u8 - 1]));
        }
        self.raw("JUMP");
    }

    /// A jump whose destination comes from memory or is one of two.
    pub(super) fn open_jump(&mut self) {
        let (one, other, end) = (self.label(), self.label(), self.label());
        let height = self.height;
        if self.chance(50) {
            self.push_label(one);
            self.through_memory();
        } else {
            // other + condition * (one - other), without a branch.
            self.push_label(one);
            self.push_label(other);
            self.value();
            self.push_number(1);
            self.op("AND");
            let skip = self.label();
            self.push_label(skip);
            self.op("JUMPI");
            self.op("SWAP1");
            self.place(skip);
            self.pop();
        }
        self.op("JUMP");
        for (label, is_last) in [(one, false), (other, true)] {
            self.place(label);
            self.height = height;
            self.block();
            self.settle(height.max(self.floor));
            if !is_last {
                self.push_label(end);
                self.op("JUMP");
            }
        }
        self.place(end);
    }

    /// Ends the frame under a condition.
    pub(super) fn halt_sometimes(&mut self) {
        let on = self.label();
        self.condition();
        self.push_label(on);
        self.op("JUMPI");
        let height = self.height;
        self.end();
        self.place(on);
        self.height = height;
    }
}
