//! A tiny assembler: mnemonics, numbers as operands, `name:` for a `JUMPDEST`, `@name` for a
//! `PUSH2` of its offset.

use std::collections::HashMap;

use evmc_compiler::frontend::evm::opcode::{self, Fork};

/// The code that `text` says. Panics on text that is wrong.
pub fn assemble(text: &str) -> Vec<u8> {
    let mut code = Vec::new();
    let mut labels = HashMap::new();
    let mut uses = Vec::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if let Some(name) = word.strip_suffix(':') {
            labels.insert(name, code.len() as u16);
            code.push(0x5b);
        } else if let Some(name) = word.strip_prefix('@') {
            uses.push((code.len() + 1, name));
            code.extend([0x61, 0, 0]);
        } else {
            let table = opcode::table(Fork::Amsterdam);
            let info = table.iter().find(|info| info.name == word).expect(word);
            code.push(info.opcode);
            if info.immediate > 0 {
                let operand: u64 = words.next().and_then(|word| word.parse().ok()).expect("operand");
                code.extend(&operand.to_be_bytes()[8 - usize::from(info.immediate)..]);
            }
        }
    }
    for (at, name) in uses {
        code[at..at + 2].copy_from_slice(&labels[name].to_be_bytes());
    }
    code
}
