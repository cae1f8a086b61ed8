//! Keccak-256 of what was hashed before.
//!
//! Nine in ten hashes that contracts ask for are of 64 bytes, the place of an entry of a mapping, and
//! half of these were asked for before in the same transaction. A table remembers the last such
//! inputs with their hashes, one for each value of a few bits of the input; a hash costs some
//! 250 ns, looking here about 3. An entry is used only if the whole input is equal, so inputs that
//! are made to collide are hashed as if there were no table.

use std::hint;

use revm::primitives::keccak256;
use ruint::aliases::U256;

/// Bytes of the inputs that are remembered.
const INPUT_BYTES: usize = 64;

/// Entries in the table, a power of two and a multiple of 64: 24 KiB.
const ENTRIES: usize = 256;

/// An input, as eight little-endian numbers, and its hash.
#[derive(Clone, Copy)]
struct Entry {
    input: [u64; INPUT_BYTES / 8],
    hash: U256,
}

/// The last inputs of 64 bytes with their hashes.
pub(crate) struct Hashes {
    entries: Box<[Entry; ENTRIES]>,
    /// One bit for each place: whether an input has been put there.
    used: [u64; ENTRIES / 64],
    /// The hash of 64 zeros, which is what unused entries hold.
    zeros: U256,
}

impl Hashes {
    /// A table in which every entry is the hash of 64 zeros.
    pub(crate) fn new() -> Self {
        let zeros = hash(&[0; INPUT_BYTES]);
        let entry = Entry { input: [0; INPUT_BYTES / 8], hash: zeros };
        Self { entries: Box::new([entry; ENTRIES]), used: [0; ENTRIES / 64], zeros }
    }

    /// Forgets all hashes but that of zeros; takes time only for entries that are used.
    pub(crate) fn forget(&mut self) {
        for (index, word) in self.used.iter_mut().enumerate() {
            while *word != 0 {
                let place = 64 * index + word.trailing_zeros() as usize;
                self.entries[place] = Entry { input: [0; INPUT_BYTES / 8], hash: self.zeros };
                *word &= *word - 1;
            }
        }
    }

    /// The Keccak-256 hash of `input`, as a big-endian number.
    #[inline]
    pub(crate) fn keccak256(&mut self, input: &[u8]) -> U256 {
        let (limbs, rest) = input.as_chunks::<8>();
        match <&[[u8; 8]; INPUT_BYTES / 8]>::try_from(limbs) {
            Ok(limbs) if rest.is_empty() => self.look_up(limbs.map(u64::from_le_bytes)),
            _ => hash(input),
        }
    }

    /// The Keccak-256 hash of the bytes of two big-endian numbers.
    #[inline]
    pub(crate) fn pair(&mut self, first: U256, second: U256) -> U256 {
        let [first, second] = [first, second].map(|word| word.into_limbs().map(u64::swap_bytes));
        let [a, b, c, d] = first;
        let [e, f, g, h] = second;
        self.look_up([d, c, b, a, h, g, f, e])
    }

    /// The hash of an input of 64 bytes, from the table or into it.
    #[inline]
    fn look_up(&mut self, input: [u64; INPUT_BYTES / 8]) -> U256 {
        let place = place(&input);
        let entry = &mut self.entries[place];
        if entry.input != input {
            hint::cold_path();
            let bytes = input.map(u64::to_le_bytes);
            *entry = Entry { input, hash: hash(bytes.as_flattened()) };
            self.used[place / 64] |= 1 << (place % 64);
        }
        entry.hash
    }
}

/// Where an input may be in the table.
#[inline]
fn place(input: &[u64; INPUT_BYTES / 8]) -> usize {
    // An odd number without a pattern: 2^64 divided by the golden ratio.
    const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = input.iter().fold(0_u64, |mixed, limb| mixed.rotate_left(11) ^ limb);
    (mixed.wrapping_mul(SCATTER) >> (u64::BITS - ENTRIES.ilog2())) as usize
}

/// The Keccak-256 hash of `input`, as a big-endian number.
fn hash(input: &[u8]) -> U256 {
    U256::from_be_bytes(keccak256(input).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_input() {
        let mut hashes = Hashes::new();
        let mut input = [0; 96];
        for round in 0..3000_usize {
            input[round % 61] = (round / 7) as u8;
            for len in [0, 31, 32, 63, 64, 65, 96] {
                assert_eq!(hashes.keccak256(&input[..len]), hash(&input[..len]));
            }
            let word = |at| U256::from_be_slice(&input[at..at + 32]);
            assert_eq!(hashes.pair(word(7), word(39)), hash(&input[7..71]));
        }
    }

    #[test]
    fn a_table_that_has_forgotten_is_as_new() {
        let mut hashes = Hashes::new();
        for round in 0..3 {
            for number in 0..200 {
                let mut input = [0; INPUT_BYTES];
                input[31] = number;
                assert_eq!(hashes.keccak256(&input), hash(&input), "{round}");
            }
            assert!(hashes.entries.iter().any(|entry| entry.input != [0; INPUT_BYTES / 8]));
            hashes.forget();
            let zeros = hash(&[0; INPUT_BYTES]);
            let is_new = |entry: &Entry| entry.input == [0; INPUT_BYTES / 8] && entry.hash == zeros;
            assert!(hashes.entries.iter().all(is_new));
        }
    }

    #[test]
    fn inputs_in_the_same_place_do_not_mix() {
        let mut hashes = Hashes::new();
        let inputs: Vec<[u8; INPUT_BYTES]> = (0..10 * ENTRIES as u64)
            .map(|number| {
                let mut input = [0; INPUT_BYTES];
                input[8..16].copy_from_slice(&number.to_be_bytes());
                input
            })
            .collect();
        for input in inputs.iter().chain(&inputs) {
            assert_eq!(hashes.keccak256(input), hash(input));
            assert_eq!(hashes.keccak256(input), hash(input));
        }
    }
}
