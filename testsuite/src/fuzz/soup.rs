//! Operations without structure: most of these programs halt early, for every reason that there is.

use evmc_compiler::frontend::evm::opcode::{Fork, table};
use fastrand::Rng;

use super::{
    generate,
    program::{Item, Name, Program},
};

/// A program of up to 200 random items.
pub fn program(rng: &mut Rng, fork: Fork) -> Program {
    let labels = rng.u32(1..8);
    let mut items = Vec::new();
    for _ in 0..rng.usize(1..200) {
        match rng.u8(..20) {
            0..7 => items.push(Item::Push(generate::trimmed(generate::edge_word(rng)))),
            7 => items.push(Item::PushLabel(Name(rng.u32(..labels)))),
            8 => items.extend([Item::PushLabel(Name(rng.u32(..labels))), Item::Bytes(vec![0x57])]),
            9 => items.push(Item::Bytes(vec![rng.u8(..)])),
            _ => items.push(Item::Bytes(vec![defined(rng, fork)])),
        }
    }
    for label in 0..labels {
        items.insert(rng.usize(..=items.len()), Item::Place(Name(label)));
    }
    Program { items }
}

/// The byte of a random operation that the fork has.
fn defined(rng: &mut Rng, fork: Fork) -> u8 {
    loop {
        let info = &table(fork)[rng.usize(..256)];
        if info.is_defined() && info.immediate == 0 && !(info.halts() && rng.u8(..4) != 0) {
            return info.opcode;
        }
    }
}
