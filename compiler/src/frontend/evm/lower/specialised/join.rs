//! Where blocks meet: which stack slots become block parameters.
//!
//! A block whose predecessors are all lowered takes a parameter only for slots on which they differ.
//! A block that is entered from one that is lowered later (a loop's header) takes one for each slot;
//! the pass `trivial_params` removes those that turn out to be the same on all edges.

use evmc_ir::{Block, BlockCall, Builder, Inst, Type, Value};

/// An edge whose arguments wait for the parameters of its target.
#[derive(Clone)]
struct Pending {
    inst: Inst,
    /// Which of the instruction's targets it is.
    target: usize,
    stack: Vec<Value>,
}

/// A block that edges lead to.
#[derive(Clone)]
pub struct Join {
    block: Block,
    /// Edges that lead to it in the source.
    expected: usize,
    pending: Vec<Pending>,
    /// For each slot, whether it is a parameter; empty until the block is entered.
    params: Option<Vec<bool>>,
}

impl Join {
    /// A block with so many edges leading to it.
    pub fn new(block: Block, expected: usize) -> Self {
        Self { block, expected, pending: Vec::new(), params: None }
    }

    /// The IR block.
    pub fn block(&self) -> Block {
        self.block
    }

    /// Notes that target number `target` of `inst` leads here with this stack.
    pub fn arrive(&mut self, b: &mut Builder<'_>, inst: Inst, target: usize, stack: Vec<Value>) {
        let edge = Pending { inst, target, stack };
        match &self.params {
            Some(params) => edge.pass(b, params),
            None => self.pending.push(edge),
        }
    }

    /// Starts the block; gives its stack, or `None` where no edge leads to it.
    pub fn enter(&mut self, b: &mut Builder<'_>) -> Option<Vec<Value>> {
        let mut stack = self.pending.first()?.stack.clone();
        let is_complete = self.pending.len() == self.expected;
        let differs = |slot: usize| {
            !is_complete || self.pending.iter().any(|edge| edge.stack[slot] != self.pending[0].stack[slot])
        };
        let params: Vec<bool> = (0..stack.len()).map(differs).collect();
        b.switch_to(self.block);
        for (value, _) in stack.iter_mut().zip(&params).filter(|(_, is_param)| **is_param) {
            *value = b.add_param(self.block, Type::I256);
        }
        for edge in self.pending.drain(..) {
            edge.pass(b, &params);
        }
        self.params = Some(params);
        Some(stack)
    }
}

impl Pending {
    /// Passes the slots that are parameters.
    fn pass(self, b: &mut Builder<'_>, params: &[bool]) {
        let args = self.stack.iter().zip(params).filter(|(_, is_param)| **is_param);
        let args = args.map(|(&value, _)| value).collect();
        let target: &mut BlockCall = b.func.insts[self.inst].targets_mut().swap_remove(self.target);
        target.args = args;
    }
}
