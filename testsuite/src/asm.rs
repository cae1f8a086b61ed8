//! A small EVM assembler, for programs that tests make up.
//!
//! Mnemonics come from the compiler's table of operations under the newest fork, so there is no second
//! list of opcodes. Labels are two bytes wide, which is enough for the longest initcode, and `PUSH2`
//! names them. Bytes that no mnemonic gives are written as they are, so that invalid code can be made too.
//!
//! Wrong mnemonics and labels are mistakes of the test, and panic.

use evmc_compiler::frontend::evm::opcode::{self, Fork};
use ruint::aliases::U256;

/// A place in the code, valid for the assembler that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(usize);

/// Code under construction.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    code: Vec<u8>,
    places: Vec<Option<u16>>,
    uses: Vec<(usize, Label)>,
}

/// The byte of a mnemonic such as `MLOAD`.
///
/// # Panics
/// No fork has an operation of this name.
pub fn opcode(name: &str) -> u8 {
    let table = opcode::table(Fork::Amsterdam);
    match table.iter().find(|info| info.name == name) {
        Some(info) => info.opcode,
        None => panic!("no operation is named `{name}`"),
    }
}

impl Assembler {
    /// Empty code.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Adds one byte as it is.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.code.push(byte);
        self
    }

    /// Adds bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.code.extend_from_slice(bytes);
        self
    }

    /// Adds operations by name, separated by spaces. A number, in decimal, is pushed by the shortest `PUSH`.
    pub fn ops(&mut self, text: &str) -> &mut Self {
        for word in text.split_whitespace() {
            match word.parse::<u64>() {
                Ok(number) => self.push(U256::from(number)),
                Err(_) => self.byte(opcode(word)),
            };
        }
        self
    }

    /// Pushes a number by the shortest `PUSH`; zero by `PUSH0`.
    pub fn push(&mut self, value: U256) -> &mut Self {
        let bytes = value.to_be_bytes_trimmed_vec();
        self.push_bytes(&bytes)
    }

    /// Pushes these bytes, at most 32, by the `PUSH` of this width.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        assert!(bytes.len() <= 32, "no PUSH has {} bytes", bytes.len());
        self.byte(opcode("PUSH0") + bytes.len() as u8).bytes(bytes)
    }

    /// A label whose place is not known yet.
    pub fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// Pushes the offset of a label.
    pub fn push_label(&mut self, label: Label) -> &mut Self {
        self.byte(opcode("PUSH2"));
        self.uses.push((self.code.len(), label));
        self.bytes(&[0, 0])
    }

    /// Puts the label here, with its `JUMPDEST`.
    ///
    /// # Panics
    /// The label has a place already, or the code is longer than 65,535 bytes.
    pub fn place(&mut self, label: Label) -> &mut Self {
        let here = u16::try_from(self.code.len()).expect("labels have two bytes");
        let before = self.places[label.0].replace(here);
        assert!(before.is_none(), "a label has one place");
        self.byte(opcode("JUMPDEST"))
    }

    /// Puts a new label here.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    /// The code. Labels without a place become 0.
    pub fn finish(mut self) -> Vec<u8> {
        for (offset, label) in self.uses {
            let place = self.places[label.0].unwrap_or(0);
            self.code[offset..offset + 2].copy_from_slice(&place.to_be_bytes());
        }
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_filled_in() {
        let mut asm = Assembler::new();
        let end = asm.label();
        asm.push_label(end).ops("JUMP 0 256 STOP").place(end);
        assert_eq!(asm.finish(), [0x61, 0, 9, 0x56, 0x5f, 0x61, 1, 0, 0, 0x5b]);
    }
}
