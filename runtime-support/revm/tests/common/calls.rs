//! A contract that calls a precompile and another contract, for tests of what is counted by frame.

use revm::{bytecode::opcode::*, primitives::Address};

use super::{A, B, World};

/// Intrinsic gas of a call without calldata.
pub const INTRINSIC: u64 = 21_000;

/// Calls the precompile at 4 and a contract, with all gas, and stores what they came to.
pub fn caller(callee: Address) -> Vec<u8> {
    let zeros = [PUSH1, 0, PUSH1, 0, PUSH1, 32, PUSH1, 0];
    let tail = callee.into_array();
    [
        &zeros[..],
        &[PUSH1, 4, GAS, STATICCALL],
        &zeros,
        &[PUSH2, tail[18], tail[19], GAS, STATICCALL],
        &[PUSH1, 1, SSTORE, PUSH1, 2, SSTORE],
    ]
    .concat()
}

/// Loads, and returns a word: 2,118 gas.
pub fn callee() -> Vec<u8> {
    vec![PUSH1, 7, SLOAD, PUSH1, 0, MSTORE, PUSH1, 32, PUSH1, 0, RETURN]
}

/// A world in which `caller(B)` is called, and B has this code.
pub fn world(callee: Vec<u8>) -> World {
    let mut world = World::new(&[(A, caller(B)), (B, callee)]);
    world.calldata.clear();
    world
}
