//! Nesting, tables of branches, locals, and values that are held across blocks.

use wasm_encoder::{BlockType, InstructionSink, ValType};

use super::parts::{Parts, word};
use super::{WasmBomb, Within};

/// The families of this module.
pub const BOMBS: &[WasmBomb] = &[
    WasmBomb {
        name: "wasm_nested_blocks",
        what: "nested blocks, each with a branch out of it from inside",
        generate: |depth| nested(depth, |code| _ = code.block(BlockType::Empty)),
        within: Within::Work(2_000),
        beyond: 200_000,
    },
    WasmBomb {
        name: "wasm_nested_loops",
        what: "nested loops, each with a branch to it from inside",
        generate: |depth| nested(depth, |code| _ = code.loop_(BlockType::Empty)),
        within: Within::Work(2_000),
        beyond: 200_000,
    },
    WasmBomb {
        name: "wasm_nested_ifs",
        what: "nested ifs, each with a branch out of it from inside",
        generate: |depth| nested(depth, |code| _ = unknown(code, 0).if_(BlockType::Empty)),
        within: Within::Work(2_000),
        beyond: 200_000,
    },
    WasmBomb {
        name: "wasm_branch_table",
        what: "a table of branches, every other one to its default",
        generate: branch_table,
        within: Within::Work(10_000),
        beyond: 1_000_000,
    },
    WasmBomb {
        name: "wasm_branch_table_deep",
        what: "a table of branches out of a thousand blocks",
        generate: branch_table_deep,
        within: Within::Work(10_000),
        beyond: 1_000_000,
    },
    WasmBomb {
        name: "wasm_locals",
        what: "functions of 50,000 locals, moved around in a loop",
        generate: locals,
        within: Within::Work(5_000),
        beyond: 1_500_000,
    },
    WasmBomb {
        name: "wasm_held_loads",
        what: "four thousand values from memory, held across branches",
        generate: held_loads::<4_000>,
        within: Within::Work(1_000),
        beyond: 40_000,
    },
    WasmBomb {
        name: "wasm_held_and_heavy",
        what: "as many values from memory as make branches and what they hold the same work",
        generate: held_loads::<800>,
        within: Within::Work(5_000),
        beyond: 200_000,
    },
    WasmBomb {
        name: "wasm_held_parameters",
        what: "two hundred results of a block, passed by each branch",
        generate: held_parameters,
        within: Within::Work(100),
        beyond: 40_000,
    },
];

/// A value that nothing is known of, another one for each number.
fn unknown<'c, 'b>(code: &'c mut InstructionSink<'b>, number: usize) -> &'c mut InstructionSink<'b> {
    code.local_get(0).i32_load(word(number))
}

/// Starts of blocks, a branch to each of them from the innermost, and their ends.
fn nested(depth: usize, start: fn(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.function(0, |code| {
        (0..depth).for_each(|_| start(code));
        (0..depth).for_each(|label| _ = unknown(code, label).br_if(label as u32));
        (0..depth).for_each(|_| _ = code.end());
        code.local_get(0);
    });
    parts.finish()
}

fn branch_table(targets: usize) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.function(0, |code| {
        code.block(BlockType::Empty).block(BlockType::Empty).local_get(0);
        let labels: Vec<_> = (0..targets as u32).map(|number| number % 2).collect();
        code.br_table(labels, 0).end().end().local_get(0);
    });
    parts.finish()
}

fn branch_table_deep(targets: usize) -> Vec<u8> {
    const DEPTH: u32 = 1_000;
    let mut parts = Parts::new();
    parts.function(0, |code| {
        (0..DEPTH).for_each(|_| _ = code.block(BlockType::Empty));
        let labels: Vec<_> = (0..targets as u32).map(|number| number % DEPTH).collect();
        code.local_get(0).br_table(labels, 0);
        (0..DEPTH).for_each(|_| _ = code.end());
        code.local_get(0);
    });
    parts.finish()
}

/// Functions of as many locals as validation allows. In the last one only some are moved.
fn locals(moves: usize) -> Vec<u8> {
    const LOCALS: usize = 49_999;
    let mut parts = Parts::new();
    for first in (0..moves).step_by(LOCALS) {
        let moved = (moves - first).min(LOCALS) as u32;
        parts.function(LOCALS as u32, |code| {
            for local in 1..=moved {
                code.local_get(0).i32_const(local as i32).i32_mul().local_set(local);
            }
            code.loop_(BlockType::Empty);
            (0..moved).for_each(|local| _ = code.local_get(local + 1).local_set(local));
            code.local_get(0).br_if(0).end().local_get(0);
        });
    }
    parts.finish()
}

fn held_loads<const VALUES: usize>(branches: usize) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.function(0, |code| {
        code.block(BlockType::Result(ValType::I32));
        (0..VALUES).for_each(|index| _ = unknown(code, index));
        (0..branches).for_each(|branch| _ = unknown(code, branch).br_if(0));
        (1..VALUES).for_each(|_| _ = code.i32_add());
        code.end();
    });
    parts.finish()
}

fn held_parameters(branches: usize) -> Vec<u8> {
    const VALUES: usize = 200;
    let mut parts = Parts::new();
    let ty = parts.ty(&[], &[ValType::I32; VALUES]);
    parts.function(0, |code| {
        code.block(BlockType::FunctionType(ty));
        (0..VALUES).for_each(|index| _ = unknown(code, index));
        (0..branches).for_each(|branch| _ = unknown(code, branch).br_if(0));
        code.end();
        (1..VALUES).for_each(|_| _ = code.i32_add());
    });
    parts.finish()
}
