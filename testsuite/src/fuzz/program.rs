//! A program as a list of items that survives the loss of any of them, which is what makes it possible to
//! minimise it.

use std::collections::BTreeMap;

use crate::asm::{Assembler, Label};

/// A label of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(pub u32);

/// A part of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An operation without an immediate, or any bytes at all.
    Bytes(Vec<u8>),
    /// A `PUSH` of these bytes.
    Push(Vec<u8>),
    /// A `PUSH2` of the label's offset; 0 where the label is not placed.
    PushLabel(Name),
    /// The label's `JUMPDEST`.
    Place(Name),
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Its parts in order.
    pub items: Vec<Item>,
}

impl Program {
    /// A program that is these bytes, one item a byte, so that each can be dropped.
    pub fn from_bytes(code: &[u8]) -> Self {
        Self { items: code.iter().map(|byte| Item::Bytes(vec![*byte])).collect() }
    }

    /// The bytecode.
    pub fn assemble(&self) -> Vec<u8> {
        let mut asm = Assembler::new();
        let mut labels: BTreeMap<Name, Label> = BTreeMap::new();
        for item in &self.items {
            match item {
                Item::Bytes(bytes) => asm.bytes(bytes),
                Item::Push(bytes) => asm.push_bytes(bytes),
                Item::PushLabel(name) => {
                    let label = *labels.entry(*name).or_insert_with(|| asm.label());
                    asm.push_label(label)
                }
                Item::Place(name) => {
                    let label = *labels.entry(*name).or_insert_with(|| asm.label());
                    asm.place(label)
                }
            };
        }
        asm.finish()
    }
}
