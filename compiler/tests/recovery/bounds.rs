//! The analysis is bounded on code made to be hard for it.

use std::time::Instant;

use evmc_compiler::frontend::evm::cfg;
use evmc_compiler::frontend::evm::decode::Code;
use evmc_compiler::frontend::evm::opcode::Fork;

const SIZE: usize = 24_576;

/// Repeats `piece` with its index up to [`SIZE`] bytes.
fn repeat(prefix: &[u8], mut piece: impl FnMut(u16) -> Vec<u8>) -> Vec<u8> {
    let mut code = prefix.to_vec();
    let mut index = 0;
    while code.len() < SIZE {
        code.extend(piece(index));
        index += 1;
    }
    code.truncate(SIZE);
    code
}

fn push_label(label: usize) -> [u8; 3] {
    let [high, low] = (label as u16).to_be_bytes();
    [0x61, high, low]
}

/// Codes that are hard for different parts of the analysis.
fn hard_codes() -> Vec<(&'static str, Vec<u8>)> {
    let labels_then_branches: Vec<u8> = {
        let head: Vec<u8> = (0..1000).flat_map(|_| push_label(4000)).collect();
        let mut code = repeat(&head, |i| {
            let target = 3000 + 5 * (usize::from(i) + 7) % 20_000;
            [&push_label(target)[..], &[0x57, 0x5b]].concat()
        });
        code[4000] = 0x5b;
        code
    };
    let every_block_calls = repeat(&[], |i| {
        let next = (usize::from(i) * 8 + 8) % SIZE;
        [&[0x5b][..], &push_label(next), &push_label(next * 7 / 8 * 8 % SIZE), &[0x56]].concat()
    });
    let diamond_labels = repeat(&[], |i| {
        let at = usize::from(i) * 16;
        [
            &[0x5b, 0x34][..],
            &push_label(at + 11),
            &[0x57],
            &push_label(at),
            &[0x80, 0x5b],
            &push_label(at + 11),
            &[0x5b],
        ]
        .concat()
    });
    let jump_through_stack = repeat(&[], |i| {
        let at = usize::from(i) * 12;
        [&[0x5b, 0x34][..], &push_label(at * 5 % SIZE), &[0x57], &push_label(at), &[0x90, 0x56]].concat()
    });
    vec![
        ("jumpdests", repeat(&[], |_| vec![0x5b])),
        ("push loop", repeat(&[], |_| vec![0x5b, 0x34, 0x60, 0, 0x57])),
        ("pushes", repeat(&[], |_| vec![0x5b, 0x34])),
        ("thousand labels, then branches", labels_then_branches),
        ("every block calls", every_block_calls),
        ("diamonds leaving labels", diamond_labels),
        ("jumps through the stack", jump_through_stack),
        ("back to the start", repeat(&[0x5b], |_| vec![0x5b, 0x34, 0x34, 0x15, 0x60, 0, 0x57])),
        ("random", {
            let mut random = fastrand::Rng::with_seed(24);
            repeat(&[], |_| match random.u8(..4) {
                0 => [&[0x5b][..], &push_label(random.usize(..SIZE))].concat(),
                1 => vec![random.u8(0x80..0xa0)],
                2 => [&push_label(random.usize(..SIZE))[..], &[0x57]].concat(),
                _ => vec![[0x5b, 0x56, 0x57, 0x34, 0x50, 0x16][random.usize(..6)]],
            })
        }),
    ]
}

#[test]
fn hard_codes_stay_inside_the_work_bound() {
    for (name, bytes) in hard_codes() {
        let start = Instant::now();
        let code = Code::decode(&bytes, Fork::default());
        let program = cfg::recover(&code);
        let time = start.elapsed();
        println!("{name}: {time:?}, work {}, over budget {}", program.work, program.over_budget);
        assert!(program.work < 4_000_000, "{name}");
        assert!(time.as_millis() < 1000, "{name}: {time:?}");
    }
}
