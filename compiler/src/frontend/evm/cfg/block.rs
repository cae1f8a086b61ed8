//! What a block does to the stack, found once per block and applied to many frames.

use ruint::aliases::U256;

use super::super::decode::{BlockId, Code, Exit, Operation};
use super::super::opcode::{Op, decode_pair, decode_single};
use super::STACK_LIMIT;
use super::frame::Frame;
use super::predict::{Copied, Hint, Progression, Tables};
use super::value::{Value, Values, fold};

/// A value that a block computes. Operands stand before their uses.
#[derive(Clone, Copy, Debug)]
enum Expr {
    /// A constant or label.
    Known(Value),
    /// The item this far below the top at the block's start.
    Entry(u16),
    /// An operation that [`fold`] knows.
    Apply(Op, u32, u32),
    /// Anything.
    Opaque,
    /// Anything that was in memory.
    Loaded,
    /// Anything of this form.
    Progression(Progression),
}

/// What an edge of a `JUMPI` says about a stack item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Zero,
    One,
    NonZero,
}

/// What a block does to the stack.
#[derive(Debug, Default)]
pub struct Effect {
    /// Items that must be there at the block's start.
    pub needs: u32,
    /// The most items above the height at the block's start.
    pub grows: u32,
    /// The block asks for more than the stack can ever hold.
    pub fails: bool,
    exprs: Vec<Expr>,
    /// What replaces the `needs` items, lowest first.
    outputs: Vec<u32>,
    target: Option<u32>,
    condition: Option<u32>,
    /// What is copied from bytecode to memory last, if anything is.
    copied: Option<Copied>,
    /// What a guess of the jump's target depends on.
    hint: Hint,
    /// Items of the output, as depth below the top, on which the condition depends.
    taken: Vec<(usize, Fact)>,
    not_taken: Vec<(usize, Fact)>,
}

/// The state behind a block.
#[derive(Debug)]
pub struct Outcome {
    /// The stack, target and condition popped.
    pub frame: Frame,
    /// What `JUMP` or `JUMPI` goes to.
    pub target: Value,
    /// What `JUMPI` depends on.
    pub condition: Value,
}

impl Effect {
    /// The effect of `block`; what it says about tables is noted.
    pub fn of(code: &Code<'_>, block: BlockId, values: &mut Values<'_>, tables: &mut Tables) -> Self {
        let mut builder = Builder { code, values, tables, stack: Vec::new(), effect: Self::default() };
        for operation in code.operations(block) {
            builder.operation(&operation);
            if builder.effect.fails {
                return builder.effect;
            }
        }
        let mut effect = builder.effect;
        effect.outputs = builder.stack;
        effect.hint = effect.hint();
        if matches!(code.blocks()[block].exit, Exit::JumpIf(_)) {
            effect.find_facts();
        }
        effect.prune();
        effect
    }

    /// Items that there are more at the block's end than at its start.
    pub fn change(&self) -> i32 {
        self.outputs.len() as i32 - self.needs as i32
    }

    /// Number of values to compute: what applying the effect costs.
    pub fn cost(&self) -> u64 {
        (self.exprs.len() + self.outputs.len()) as u64
    }

    /// Applies the effect to a frame.
    pub fn apply(&self, frame: &Frame, values: &mut Values<'_>) -> Outcome {
        let mut computed: Vec<Value> = Vec::with_capacity(self.exprs.len());
        for &expr in &self.exprs {
            let value = match expr {
                Expr::Known(value) => value,
                Expr::Entry(depth) => frame.get(usize::from(depth)),
                Expr::Apply(op, a, b) => values.apply(op, computed[a as usize], computed[b as usize]),
                Expr::Opaque | Expr::Loaded | Expr::Progression(_) => Value::Top,
            };
            computed.push(value);
        }
        let at = |expr: Option<u32>| expr.map_or(Value::Top, |expr| computed[expr as usize]);
        let (target, condition) = (at(self.target), at(self.condition));
        let mut frame = frame.clone();
        frame.replace(self.needs as usize, self.outputs.iter().map(|&expr| computed[expr as usize]));
        frame.copied = self.copied.unwrap_or(frame.copied);
        Outcome { frame, target, condition }
    }

    /// Notes in the frame behind a `JUMPI` what its edge says.
    pub fn assume(&self, frame: &mut Frame, taken: bool, values: &mut Values<'_>) {
        for &(depth, fact) in if taken { &self.taken } else { &self.not_taken } {
            let known = match fact {
                Fact::Zero => values.constant(U256::ZERO),
                Fact::One => values.constant(U256::ONE),
                Fact::NonZero => values.without_zero(frame.get(depth)),
            };
            frame.set(depth, known);
        }
    }

    /// What is known of the jump's target without the stack.
    fn hint(&self) -> Hint {
        match self.target.map(|target| self.exprs[target as usize]) {
            Some(Expr::Progression(progression)) => Hint::Computed(progression),
            Some(Expr::Opaque) => Hint::Other,
            _ => Hint::Loaded,
        }
    }

    /// What the jump behind the block may go to, where nothing is known of its target.
    pub fn guess(&self, code: &Code<'_>, copied: Copied, tables: &Tables) -> Vec<BlockId> {
        tables.targets(code, self.hint, copied)
    }

    /// The value under a chain of `ISZERO`s, and the length of the chain.
    fn strip(&self, mut expr: u32) -> (u32, usize) {
        let mut length = 0;
        while let Expr::Apply(Op::IsZero, operand, _) = self.exprs[expr as usize] {
            (expr, length) = (operand, length + 1);
        }
        (expr, length)
    }

    /// Finds the items that the condition and they themselves derive from the same value.
    fn find_facts(&mut self) {
        let Some(condition) = self.condition else {
            return;
        };
        let (base, negations) = self.strip(condition);
        for (depth, &output) in self.outputs.iter().rev().enumerate() {
            let (value, length) = self.strip(output);
            if value != base || matches!(self.exprs[value as usize], Expr::Known(_)) {
                continue;
            }
            let when = |base_is_true: bool| match (length, base_is_true == (length % 2 == 0)) {
                (_, false) => Fact::Zero,
                (0, true) => Fact::NonZero,
                (_, true) => Fact::One,
            };
            self.taken.push((depth, when(negations % 2 == 0)));
            self.not_taken.push((depth, when(negations % 2 == 1)));
        }
    }

    /// Drops the values that nothing needs.
    fn prune(&mut self) {
        let mut needed = vec![false; self.exprs.len()];
        for &expr in self.outputs.iter().chain(&self.target).chain(&self.condition) {
            needed[expr as usize] = true;
        }
        for (index, expr) in self.exprs.iter().enumerate().rev() {
            if let (true, &Expr::Apply(_, a, b)) = (needed[index], expr) {
                needed[a as usize] = true;
                needed[b as usize] = true;
            }
        }
        let mut renumbered = vec![0; self.exprs.len()];
        let mut kept = Vec::new();
        for (index, &expr) in self.exprs.iter().enumerate().filter(|&(index, _)| needed[index]) {
            renumbered[index] = kept.len() as u32;
            kept.push(match expr {
                Expr::Apply(op, a, b) => Expr::Apply(op, renumbered[a as usize], renumbered[b as usize]),
                _ => expr,
            });
        }
        self.exprs = kept;
        for expr in self.outputs.iter_mut().chain(&mut self.target).chain(&mut self.condition) {
            *expr = renumbered[*expr as usize];
        }
    }
}

/// Executes a block on symbolic values.
struct Builder<'a, 'c> {
    code: &'a Code<'a>,
    values: &'a mut Values<'c>,
    tables: &'a mut Tables,
    stack: Vec<u32>,
    effect: Effect,
}

impl Builder<'_, '_> {
    fn push(&mut self, expr: Expr) {
        self.stack.push(self.effect.exprs.len() as u32);
        self.effect.exprs.push(expr);
    }

    /// Makes sure that `count` items are on the symbolic stack.
    fn reach(&mut self, count: usize) {
        let missing = count.saturating_sub(self.stack.len());
        let first = self.effect.exprs.len() as u32;
        let entries = self.effect.needs..self.effect.needs + missing as u32;
        self.effect.exprs.extend(entries.map(|depth| Expr::Entry(depth as u16)));
        self.stack.splice(..0, (first..first + missing as u32).rev());
        self.effect.needs += missing as u32;
    }

    fn pop(&mut self) -> u32 {
        self.reach(1);
        self.stack.pop().unwrap_or_default()
    }

    fn dup(&mut self, depth: usize) {
        self.reach(depth);
        self.stack.push(self.stack[self.stack.len() - depth]);
    }

    fn exchange(&mut self, n: usize, m: usize) {
        self.reach(n.max(m) + 1);
        let top = self.stack.len() - 1;
        self.stack.swap(top - n, top - m);
    }

    fn operation(&mut self, operation: &Operation) {
        let single = || decode_single(operation.stack_immediate()).map_or(1, usize::from);
        match operation.op() {
            Op::Push => {
                let value = self.pushed(operation);
                self.push(Expr::Known(value));
            }
            Op::Pc => {
                let value = self.values.constant(U256::from(operation.pc));
                self.push(Expr::Known(value));
            }
            Op::Dup(n) => self.dup(usize::from(n)),
            Op::Swap(n) => self.exchange(0, usize::from(n)),
            _ if operation.halts() => self.reach(usize::from(operation.info.row().inputs)),
            Op::DupN => self.dup(single()),
            Op::SwapN => self.exchange(0, single()),
            Op::Exchange => {
                let (n, m) = decode_pair(operation.stack_immediate()).unwrap_or((1, 2));
                self.exchange(usize::from(n), usize::from(m));
            }
            Op::Jump => self.effect.target = Some(self.pop()),
            Op::JumpI => {
                self.effect.target = Some(self.pop());
                self.effect.condition = Some(self.pop());
            }
            op => self.compute(op, operation),
        }
        let height = self.stack.len() as i64 - i64::from(self.effect.needs);
        self.effect.grows = self.effect.grows.max(height.max(0) as u32);
        self.effect.fails = self.effect.needs > STACK_LIMIT || self.effect.grows > STACK_LIMIT;
    }

    /// Operations that take operands and give at most one result.
    fn compute(&mut self, op: Op, operation: &Operation) {
        let operands: Vec<u32> = (0..operation.info.inputs).map(|_| self.pop()).collect();
        self.note_tables(op, &operands);
        if operation.info.outputs == 0 {
            return;
        }
        let expr = match operands[..] {
            [a] if foldable(op) => Expr::Apply(op, a, a),
            [a, b] if foldable(op) => Expr::Apply(op, a, b),
            _ if op == Op::Mload => Expr::Loaded,
            _ => Expr::Opaque,
        };
        self.push(self.simplified(expr));
    }

    /// Without operations on what is opaque; a chain of `ISZERO`s is kept for its condition.
    fn simplified(&self, expr: Expr) -> Expr {
        let is_known = |operand: u32| !self.is_opaque(operand);
        match expr {
            Expr::Apply(op, a, b) if op != Op::IsZero && !(is_known(a) && is_known(b)) => {
                let is_loaded = |operand: u32| matches!(self.effect.exprs[operand as usize], Expr::Loaded);
                match self.progression(op, a, b) {
                    Some(progression) => Expr::Progression(progression),
                    None if is_loaded(a) || is_loaded(b) => Expr::Loaded,
                    None => Expr::Opaque,
                }
            }
            _ => expr,
        }
    }

    fn is_opaque(&self, operand: u32) -> bool {
        matches!(self.effect.exprs[operand as usize], Expr::Opaque | Expr::Loaded | Expr::Progression(_))
    }

    /// The number that an operand is.
    fn number(&self, operand: u32) -> Option<U256> {
        match self.effect.exprs[operand as usize] {
            Expr::Known(value) => self.values.number(value),
            _ => None,
        }
    }

    /// What an operation on a number and something opaque gives, if that is a progression.
    fn progression(&self, op: Op, a: u32, b: u32) -> Option<Progression> {
        let (number, other, known_first) = match (self.number(a), self.number(b)) {
            (Some(number), None) => (number, b, true),
            (None, Some(number)) => (number, a, false),
            _ => return None,
        };
        let known = match self.effect.exprs[other as usize] {
            Expr::Progression(progression) => Some(progression),
            _ => None,
        };
        Progression::apply(op, number, known, known_first)
    }

    /// Notes what is copied from bytecode and stored, for guesses.
    fn note_tables(&mut self, op: Op, operands: &[u32]) {
        match (op, operands) {
            (Op::CodeCopy, &[_, from, length]) => {
                let from = match self.effect.exprs[from as usize] {
                    Expr::Progression(progression) => Some(progression),
                    _ => self.number(from).and_then(Progression::constant),
                };
                let length = self.number(length).unwrap_or(U256::MAX);
                self.effect.copied = Some(self.tables.copy(from, length));
            }
            (Op::Mstore, &[_, value]) => {
                if let Expr::Known(value) = self.effect.exprs[value as usize] {
                    self.tables.store(self.code, value, self.values);
                }
            }
            _ => {}
        }
    }

    /// The value of a `PUSH`: a label where it looks like one.
    fn pushed(&mut self, operation: &Operation) -> Value {
        let wide = match operation.info.immediate {
            1 => self.code.bytes().len() <= 256,
            2 | 3 => true,
            _ => false,
        };
        let target = self.code.jump_target(operation.immediate);
        target.into_iter().for_each(|block| self.tables.push(block));
        match target {
            Some(block) if wide => Value::Label(block),
            _ => self.values.constant(operation.immediate),
        }
    }
}

fn foldable(op: Op) -> bool {
    fold(op, U256::ONE, U256::ONE).is_some()
}
