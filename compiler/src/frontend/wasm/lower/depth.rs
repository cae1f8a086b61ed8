//! The logical depth: what a call uses of it, and the check at the start of each function.
//!
//! A call uses a few units, one for each local and for each operand of the moment with the most, and two where such a value is
//! a vector. That depends on the text alone, so calls nest as deeply on every machine. A function that is called in
//! the place of another one ([tail calls](super::calls)) takes over what that one was given.

use evmc_ir::{Constant, Opcode, Type, Value};
use ruint::aliases::U256;

use super::Lowering;

/// Units that every call uses.
const CALL_UNITS: u64 = 4;

/// What a function knows of the logical depth.
pub(super) struct Depth {
    /// What it was given.
    pub given: Value,
    /// What it gives to those that it calls.
    pub left: Value,
    /// The constant that says what it uses.
    uses: Option<Constant>,
    /// Units of the operands.
    height: u64,
    most: u64,
}

impl Depth {
    pub(super) fn new(given: Value) -> Self {
        Self { given, left: given, uses: None, height: 0, most: 0 }
    }

    pub(super) fn push(&mut self, ty: Type) {
        self.height += units(ty);
        self.most = self.most.max(self.height);
    }

    pub(super) fn pop(&mut self, ty: Type) {
        self.height -= units(ty);
    }
}

fn units(ty: Type) -> u64 {
    if ty == Type::V128 { 2 } else { 1 }
}

impl Lowering<'_, '_> {
    /// The start of the function. What it uses is known at its end.
    pub(super) fn enter(&mut self) {
        let used = self.number(0);
        self.depth.uses = self.b.func.constants.last().map(|(constant, _)| constant);
        self.depth.left = self.b.binary(Opcode::Sub, self.depth.given, used);
        self.b.effect(Opcode::DepthCheck, &[self.depth.left]);
        self.trap_site();
        self.start_block();
    }

    /// The end of the function.
    pub(super) fn leave(&mut self) {
        let locals: u64 = self.locals.runs().map(|(count, ty)| u64::from(count) * units(ty)).sum();
        if let Some(uses) = self.depth.uses {
            self.b.func.constants[uses] = U256::from(CALL_UNITS + locals + self.depth.most);
        }
        let zeros: Vec<_> = self.locals.zeros().collect();
        if let Some(entry) = self.b.func.entry() {
            self.b.func.blocks[entry].insts.splice(0..0, zeros);
        }
    }
}
