//! Control flow without functions.

use evmc_testsuite::asm::{Assembler, Label};

use super::{Bomb, fill, repeat, scatter};

/// The families of this module.
pub const BOMBS: &[Bomb] = &[
    Bomb { name: "jumpdests", what: "JUMPDEST only", generate: |size| repeat(size, "", "JUMPDEST") },
    Bomb {
        name: "dynamic_jump",
        what: "one jump from the calldata to thousands of JUMPDESTs",
        generate: |size| repeat(size, "0 CALLDATALOAD JUMP", "JUMPDEST"),
    },
    Bomb {
        name: "dynamic_jump_blocks",
        what: "a jump from the calldata in each of many blocks",
        generate: |size| repeat(size, "", "0 CALLDATALOAD JUMP JUMPDEST"),
    },
    Bomb {
        name: "dynamic_jumpis",
        what: "conditional jumps from the calldata",
        generate: |size| repeat(size, "", "0 CALLDATALOAD 0 CALLDATALOAD JUMPI JUMPDEST"),
    },
    Bomb {
        name: "dynamic_memory_jumps",
        what: "jumps to where memory says",
        generate: |size| repeat(size, "", "0 MLOAD JUMP JUMPDEST CALLER 0 MSTORE"),
    },
    Bomb {
        name: "dynamic_heights",
        what: "blocks that push, jumped to from the calldata at any height",
        generate: |size| repeat(size, "", "JUMPDEST CALLER CALLER POP 0 CALLDATALOAD 0 CALLDATALOAD JUMPI"),
    },
    Bomb { name: "one_target", what: "conditional jumps to one target", generate: one_target },
    Bomb {
        name: "one_target_heights",
        what: "one target entered at every stack height",
        generate: one_target_heights,
    },
    Bomb { name: "loop_nest", what: "loops nested as deep as the code is long", generate: loop_nest },
    Bomb {
        name: "loop_shared_end",
        what: "back edges from every block to the first",
        generate: loop_shared_end,
    },
    Bomb { name: "irreducible", what: "conditional jumps to random places", generate: irreducible },
    Bomb { name: "ladder", what: "each block jumps over the next", generate: ladder },
    Bomb { name: "backwards", what: "blocks in reverse order", generate: backwards },
    Bomb { name: "selectors", what: "a linear search of selectors", generate: selectors },
    Bomb {
        name: "constant_conditions",
        what: "conditional jumps never taken",
        generate: constant_conditions,
    },
    Bomb { name: "invalid_targets", what: "conditional jumps to no JUMPDEST", generate: invalid_targets },
    Bomb { name: "growing_loop", what: "loops that leave a value on the stack", generate: growing_loop },
];

fn one_target(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let target = asm.label();
    fill(size - 1, &mut asm, 6, |asm, _| {
        asm.ops("0 CALLDATALOAD").push_label(target).ops("JUMPI");
    });
    asm.place(target);
    asm.finish()
}

/// Half of the code enters the other half's first block, each time one item higher.
fn one_target_heights(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let target = asm.label();
    fill(size / 2, &mut asm, 6, |asm, _| {
        asm.ops("CALLER DUP1").push_label(target).ops("JUMPI");
    });
    asm.place(target);
    fill(size, &mut asm, 8, |asm, _| {
        let next = asm.label();
        asm.ops("DUP1 MLOAD").push_label(next).ops("JUMPI").place(next);
    });
    asm.finish()
}

fn loop_nest(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let headers: Vec<_> = (0..size / 7).map(|_| asm.here()).collect();
    for header in headers.into_iter().rev() {
        asm.ops("0 CALLDATALOAD").push_label(header).ops("JUMPI");
    }
    asm.finish()
}

fn loop_shared_end(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let first = asm.here();
    fill(size, &mut asm, 6, |asm, _| {
        asm.ops("0 CALLDATALOAD").push_label(first).ops("JUMPI");
    });
    asm.finish()
}

/// `count` labels that are placed in order, one at the start of each piece.
fn pieces(
    size: usize,
    piece_bytes: usize,
    mut piece: impl FnMut(&mut Assembler, &[Label], usize),
) -> Vec<u8> {
    let mut asm = Assembler::new();
    let labels: Vec<_> = (0..size / piece_bytes).map(|_| asm.label()).collect();
    for (number, label) in labels.iter().enumerate() {
        asm.place(*label);
        piece(&mut asm, &labels, number);
    }
    asm.finish()
}

fn irreducible(size: usize) -> Vec<u8> {
    pieces(size, 7, |asm, labels, number| {
        asm.ops("0 CALLDATALOAD").push_label(labels[scatter(number) % labels.len()]).ops("JUMPI");
    })
}

fn ladder(size: usize) -> Vec<u8> {
    pieces(size, 7, |asm, labels, number| {
        let target = labels[(number + 2).min(labels.len() - 1)];
        asm.ops("0 CALLDATALOAD").push_label(target).ops("JUMPI");
    })
}

fn backwards(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let count = (size - 4) / 8;
    let labels: Vec<_> = (0..count).map(|_| asm.label()).collect();
    asm.push_label(labels[count - 1]).ops("JUMP");
    for number in 0..count {
        let next = labels[number.saturating_sub(1)];
        asm.place(labels[number]).ops("CALLER SLOAD POP").push_label(next).ops("JUMP");
    }
    asm.finish()
}

fn selectors(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    let target = asm.label();
    asm.ops("0 CALLDATALOAD 224 SHR");
    fill(size - 1, &mut asm, 11, |asm, number| {
        asm.ops("DUP1")
            .push_bytes(&(scatter(number) as u32).to_be_bytes())
            .ops("EQ")
            .push_label(target)
            .ops("JUMPI");
    });
    asm.place(target);
    asm.finish()
}

fn constant_conditions(size: usize) -> Vec<u8> {
    pieces(size, 6, |asm, labels, number| {
        asm.ops("0").push_label(labels[scatter(number) % labels.len()]).ops("JUMPI");
    })
}

fn invalid_targets(size: usize) -> Vec<u8> {
    repeat(size, "", "0 CALLDATALOAD 2 JUMPI")
}

fn growing_loop(size: usize) -> Vec<u8> {
    pieces(size, 8, |asm, labels, number| {
        asm.ops("CALLER 0 CALLDATALOAD").push_label(labels[number.saturating_sub(number % 8)]).ops("JUMPI");
    })
}
