//! Numbers at the edges.

use alloy_primitives::U256;
use fastrand::Rng;

/// A number that is likely to be at some edge: small, around a power of two, all ones, a sign bit, an
/// address, or anything.
pub fn edge_word(rng: &mut Rng) -> U256 {
    let power = |rng: &mut Rng| U256::ONE << rng.usize(..256);
    match rng.u8(..12) {
        0..3 => U256::from(rng.u64(..5)),
        3 => U256::from(rng.u64(..300)),
        4 => power(rng),
        5 => power(rng).wrapping_sub(U256::ONE),
        6 => U256::ZERO.wrapping_sub(power(rng)),
        7 => U256::MAX.wrapping_sub(U256::from(rng.u64(..3))),
        8 => (U256::ONE << (64 * rng.usize(1..4)))
            .wrapping_add(U256::from(rng.u64(..3)))
            .wrapping_sub(U256::ONE),
        9 => U256::from(rng.u64(..)),
        10 => U256::from(rng.u128(..)),
        _ => U256::from_limbs([rng.u64(..), rng.u64(..), rng.u64(..), rng.u64(..)]),
    }
}

/// The bytes of a number without leading zeros.
pub fn trimmed(word: U256) -> Vec<u8> {
    word.to_be_bytes_trimmed_vec()
}
