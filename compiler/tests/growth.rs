//! The IR grows linearly with the code, whatever the code: counted, not timed.
//!
//! Each family is made to make some part of lowering multiply: stack slots by jumps, blocks by
//! heights, edges by values. The budgets of specialisation cut such growth off, so the IR per byte of
//! code stays below a bound at every size.

use evmc_compiler::driver::{self, Config, Lowered};
use evmc_ir::{InstData, Module};

/// Sizes of code, in bytes; the largest that can be deployed is last (EIP-170).
const SIZES: [usize; 4] = [3_072, 6_144, 12_288, 24_576];

/// Most operands, results and instructions of the IR per byte of code.
const MOST_PER_BYTE: usize = 32;

/// `start`, then `piece` again and again, up to `size` bytes.
fn repeat(start: &[u8], piece: &[u8], size: usize) -> Vec<u8> {
    start.iter().chain(piece.iter().cycle()).copied().take(size).collect()
}

/// Families of code: name, how they start, what they repeat.
fn families() -> [(&'static str, &'static [u8], &'static [u8]); 7] {
    [
        ("JUMPDEST", &[], &[0x5b]),
        ("conditional jumps from the calldata", &[], &[0x5f, 0x35, 0x5f, 0x35, 0x57, 0x5b]),
        ("the same at every height", &[], &[0x5b, 0x33, 0x33, 0x50, 0x5f, 0x35, 0x5f, 0x35, 0x57]),
        (
            "the same, less deep",
            &[],
            &[0x5b, 0x33, 0x5b, 0x5b, 0x5b, 0x5b, 0x5b, 0x5f, 0x35, 0x5f, 0x35, 0x57],
        ),
        ("back edges to the start", &[], &[0x5b, 0x5f, 0x35, 0x60, 0x00, 0x57]),
        ("back edges at every height", &[], &[0x5b, 0x33, 0x5f, 0x35, 0x60, 0x00, 0x57]),
        ("values doubled", &[0x33], &[0x80, 0x01]),
    ]
}

fn lower(code: &[u8]) -> Lowered {
    driver::lower(code, &Config::default()).expect("lowers")
}

/// Instructions of a module with their operands, those of their targets, and their results.
fn ir_size(module: &Module) -> usize {
    let size = |data: &InstData| {
        let passed = data.targets().into_iter().map(|target| target.args.len()).sum::<usize>();
        1 + data.args.len() + data.results.len() + passed
    };
    let blocks =
        module.functions.values().flat_map(|func| func.layout.iter().map(move |block| (func, *block)));
    blocks.flat_map(|(func, block)| func.block_insts(block)).map(|(_, data)| size(data)).sum()
}

#[test]
fn the_ir_grows_with_the_code() {
    for (name, start, piece) in families() {
        for size in SIZES {
            let lowered = lower(&repeat(start, piece, size));
            let per_byte = ir_size(&lowered.module) / size;
            println!("{name}, {size} bytes: {per_byte} per byte, {:?}", lowered.statistics);
            assert!(per_byte <= MOST_PER_BYTE, "{name}, {size} bytes: {per_byte} per byte");
        }
    }
}

#[test]
fn code_with_thousands_of_open_jumps_is_generic() {
    let specialised = |size| {
        let lowered = lower(&repeat(&[], &[0x5f, 0x35, 0x5f, 0x35, 0x57, 0x5b], size));
        lowered.statistics.specialised_functions > 0
    };
    assert_eq!(SIZES.map(specialised), [true, true, false, false]);
}
