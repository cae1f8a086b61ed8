//! Adversarial contracts: small code that is dear to compile.
//!
//! Each [`Bomb`] makes code of any size up to a limit, so that growth can be measured. The list has what
//! brought down other compilers of EVM code (chains of dependent memory reads, calls, dynamic jumps) and
//! what aims at the parts of this one:
//!
//! * [`straight`]: one long block; instruction selection, register allocation, host calls.
//! * [`live`]: many values live across many blocks; block parameters, spilling.
//! * [`jumps`]: control flow without functions; blocks, loops, dispatch.
//! * [`functions`]: return labels on the stack; function recovery and cloning.
//!
//! [`wasm`] has modules of WebAssembly, which are measured in another way.
//!
//! No bomb is meant to run.

pub mod functions;
pub mod jumps;
pub mod live;
pub mod straight;
pub mod wasm;

use evmc_testsuite::asm::Assembler;

/// A family of adversarial contracts.
#[derive(Clone, Copy, Debug)]
pub struct Bomb {
    /// Its name, unique.
    pub name: &'static str,
    /// What the code is.
    pub what: &'static str,
    /// Code of at most this many bytes, and about as long.
    pub generate: fn(usize) -> Vec<u8>,
}

/// Every family.
pub fn all() -> impl Iterator<Item = &'static Bomb> {
    [straight::BOMBS, live::BOMBS, jumps::BOMBS, functions::BOMBS].into_iter().flatten()
}

/// Uses the top of the stack, so that nothing that led to it is dead.
const USE_TOP: &str = "0 SSTORE";

/// `head`, then `body` as often as it fits into `size` bytes. What stays on top of the stack is used.
fn repeat(size: usize, head: &str, body: &str) -> Vec<u8> {
    let assemble = |text: &str| {
        let mut asm = Assembler::new();
        asm.ops(text);
        asm.finish()
    };
    // Without a head there is no value to use.
    let tail = assemble(if head.is_empty() { "" } else { USE_TOP });
    let (mut code, body) = (assemble(head), assemble(body));
    while code.len() + body.len() + tail.len() <= size {
        code.extend_from_slice(&body);
    }
    code.extend_from_slice(&tail);
    code
}

/// Adds pieces as long as `piece_bytes` more bytes, an upper bound of one piece, fit into `size`.
/// `piece` is given the number of the piece.
fn fill(size: usize, asm: &mut Assembler, piece_bytes: usize, mut piece: impl FnMut(&mut Assembler, usize)) {
    for number in 0.. {
        if asm.len() + piece_bytes > size {
            break;
        }
        piece(asm, number);
    }
}

/// A cheap pseudo-random sequence, the same for the same seed.
fn scatter(seed: usize) -> usize {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bombs_have_the_size_that_is_asked_for() {
        for bomb in all() {
            for size in [6 << 10, 24 << 10, 48 << 10] {
                let len = (bomb.generate)(size).len();
                assert!(len <= size && len > size * 3 / 4, "{}: {len} bytes for {size}", bomb.name);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = all().map(|bomb| bomb.name).collect();
        assert_eq!(names.len(), all().count());
    }
}
