//! Many values live across many blocks.

use evmc_testsuite::asm::Assembler;

use super::{Bomb, USE_TOP, fill, scatter};

/// The families of this module.
pub const BOMBS: &[Bomb] = &[
    Bomb {
        name: "live_merges",
        what: "1,000 live values through merges that permute them",
        generate: live_merges,
    },
    Bomb { name: "live_block", what: "1,000 live values in one block", generate: live_block },
    Bomb { name: "live_host", what: "1,000 live values across host calls", generate: live_host },
    Bomb { name: "live_loops", what: "1,000 live values in nested loops", generate: live_loops },
    Bomb { name: "live_memory", what: "stores between conditional jumps", generate: live_memory },
    Bomb {
        name: "live_arms",
        what: "two arms that leave different values in 16 places",
        generate: live_arms,
    },
    Bomb { name: "live_diamonds", what: "a value chosen by each of many diamonds", generate: live_diamonds },
];

/// Live values of the bombs that have many, fewer where the code is too small to use them.
fn live_values(size: usize) -> usize {
    1000.min(size / 12)
}

/// Code that begins with many values from the calldata on the stack.
fn with_live_values(size: usize) -> Assembler {
    let mut asm = Assembler::new();
    for number in 0..live_values(size) {
        asm.byte(0x60).byte(number as u8).ops("CALLDATALOAD");
    }
    asm
}

fn live_merges(size: usize) -> Vec<u8> {
    let mut asm = with_live_values(size);
    fill(size, &mut asm, 9, |asm, number| {
        let merge = asm.label();
        asm.ops("0 CALLDATALOAD").push_label(merge).ops("JUMPI");
        asm.byte(0x90 + (scatter(number) % 16) as u8)
            .byte(0x90 + (scatter(number + 7) % 16) as u8)
            .place(merge);
    });
    asm.finish()
}

fn live_block(size: usize) -> Vec<u8> {
    let live = live_values(size);
    let mut asm = with_live_values(size);
    fill(size - 2 * live, &mut asm, 3, |asm, number| {
        asm.byte(0x80 + (scatter(number) % 16) as u8)
            .ops("MUL")
            .byte(0x90 + (scatter(number + 3) % 16) as u8);
    });
    for _ in 0..live {
        asm.ops(USE_TOP);
    }
    asm.finish()
}

fn live_host(size: usize) -> Vec<u8> {
    let mut asm = with_live_values(size);
    fill(size, &mut asm, 4, |asm, number| {
        asm.ops("SLOAD").byte(0x90 + (scatter(number) % 16) as u8);
    });
    asm.finish()
}

fn live_loops(size: usize) -> Vec<u8> {
    let mut asm = with_live_values(size);
    let room = size - asm.len();
    let headers: Vec<_> = (0..room / 8).map(|_| asm.here()).collect();
    for header in headers.into_iter().rev() {
        asm.ops("SWAP8 DUP1").push_label(header).ops("JUMPI");
    }
    asm.finish()
}

fn live_memory(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    asm.ops("0 CALLDATALOAD");
    fill(size, &mut asm, 10, |asm, _| {
        let next = asm.label();
        asm.ops("DUP1 DUP1 MSTORE DUP1 MLOAD").push_label(next).ops("JUMPI").place(next);
    });
    asm.finish()
}

fn live_arms(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    for number in 0..17 {
        asm.ops(&format!("{number} CALLDATALOAD"));
    }
    fill(size, &mut asm, 45, |asm, number| {
        let (other, merge) = (asm.label(), asm.label());
        let swaps = |asm: &mut Assembler, seed: usize| {
            for step in 0..15 {
                asm.byte(0x90 + (scatter(seed + step) % 16) as u8);
            }
        };
        asm.ops("DUP1").push_label(other).ops("JUMPI");
        swaps(asm, number);
        asm.push_label(merge).ops("JUMP").place(other);
        swaps(asm, number + 1000);
        asm.place(merge);
    });
    asm.finish()
}

fn live_diamonds(size: usize) -> Vec<u8> {
    let mut asm = Assembler::new();
    asm.ops("0 CALLDATALOAD");
    fill(size - 2, &mut asm, 8, |asm, _| {
        let merge = asm.label();
        asm.ops("DUP1").push_label(merge).ops("JUMPI CALLER ADD").place(merge);
    });
    asm.ops(USE_TOP);
    asm.finish()
}
