//! The operand stack while a block is lowered.
//!
//! Items that the block pushed are SSA values; what it finds below them is fetched on demand. Two
//! sources of what is below exist: the frame's memory stack ([`Below::Memory`]), and the slots of a
//! recovered function, all of which are values already ([`Below::Nothing`]).
//!
//! Cost: each item is fetched at most once a block, and written back only where it changed.

use std::collections::VecDeque;

use evmc_ir::{Builder, Value};

/// What lies below the items that a block holds as values.
#[derive(Clone, Copy, Debug)]
pub enum Below {
    /// Nothing: every reachable slot is a value.
    Nothing,
    /// The memory stack, whose height at the start of the block is this `i64` value.
    Memory(Value),
}

/// An item, and the memory slot (relative to the height at the start) that already holds it.
#[derive(Clone, Copy, Debug)]
struct Item {
    value: Value,
    home: Option<i32>,
}

/// The operand stack of the block that is being lowered.
#[derive(Clone, Debug)]
pub struct OperandStack {
    below: Below,
    /// How many items below the start of the block were fetched.
    fetched: i32,
    /// Items as values, bottom first.
    items: VecDeque<Item>,
}

impl OperandStack {
    /// A stack whose items are all in memory, `height` of them.
    pub fn in_memory(height: Value) -> Self {
        Self { below: Below::Memory(height), fetched: 0, items: VecDeque::new() }
    }

    /// A stack of these values, bottom first, with nothing below.
    pub fn of_values(values: impl IntoIterator<Item = Value>) -> Self {
        let items = values.into_iter().map(|value| Item { value, home: None }).collect();
        Self { below: Below::Nothing, fetched: 0, items }
    }

    /// Number of items held as values.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Items relative to the start of a block whose stack is in memory.
    pub fn growth(&self) -> i32 {
        self.items.len() as i32 - self.fetched
    }

    /// The items held as values, bottom first.
    pub fn values(&self) -> impl Iterator<Item = Value> + '_ {
        self.items.iter().map(|item| item.value)
    }

    /// Makes the top `count` items values.
    ///
    /// # Panics
    /// Where a stack without memory has fewer: the lowering checks heights before.
    pub fn fetch(&mut self, builder: &mut Builder<'_>, count: usize) {
        while self.items.len() < count {
            let Below::Memory(height) = self.below else {
                panic!("stack height was checked before lowering");
            };
            self.fetched += 1;
            let home = -self.fetched;
            let value = builder.stack_load(height, home);
            self.items.push_front(Item { value, home: Some(home) });
        }
    }

    /// Pushes a value.
    pub fn push(&mut self, value: Value) {
        self.items.push_back(Item { value, home: None });
    }

    /// Pops the top item.
    pub fn pop(&mut self, builder: &mut Builder<'_>) -> Value {
        self.fetch(builder, 1);
        self.items.pop_back().expect("one item was fetched").value
    }

    /// Pushes a copy of the item at `depth` (the top has depth 1).
    pub fn dup(&mut self, builder: &mut Builder<'_>, depth: usize) {
        self.fetch(builder, depth);
        self.push(self.items[self.items.len() - depth].value);
    }

    /// Swaps the items at two depths (the top has depth 1).
    pub fn swap(&mut self, builder: &mut Builder<'_>, a: usize, b: usize) {
        self.fetch(builder, a.max(b));
        let len = self.items.len();
        self.items.swap(len - a, len - b);
    }

    /// Drops the top item without making it a value.
    pub fn drop_top(&mut self) {
        if self.items.pop_back().is_none() {
            self.fetched += 1;
        }
    }

    /// Writes every item to memory that is not at its place already; gives the new height.
    pub fn spill(&mut self, builder: &mut Builder<'_>) -> Value {
        let Below::Memory(height) = self.below else {
            panic!("only a stack in memory is spilled in place");
        };
        for (number, item) in self.items.iter_mut().enumerate() {
            let home = number as i32 - self.fetched;
            if item.home != Some(home) {
                builder.stack_store(height, home, item.value);
                item.home = Some(home);
            }
        }
        add_offset(builder, height, self.growth())
    }
}

/// `height + offset`, as an `i64`.
pub fn add_offset(builder: &mut Builder<'_>, height: Value, offset: i32) -> Value {
    use evmc_ir::{Opcode, Type};
    if offset == 0 {
        return height;
    }
    let amount = builder.small(Type::I64, offset.unsigned_abs().into());
    let opcode = if offset < 0 { Opcode::Sub } else { Opcode::Add };
    builder.binary(opcode, height, amount)
}
