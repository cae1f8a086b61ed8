//! Real contracts, as they are and damaged.

use fastrand::Rng;

/// Longest contract that is used, in bytes: longer ones take too much of the time.
const MAX_BYTES: usize = 8 << 10;

/// A contract of the corpus with up to eight small damages, one time in four with none.
pub fn contract(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut code = corpus[rng.usize(..corpus.len())].clone();
    code.truncate(MAX_BYTES);
    if rng.u8(..4) != 0 {
        for _ in 0..rng.usize(1..=8) {
            damage(rng, &mut code);
        }
    }
    code
}

/// Changes one place.
fn damage(rng: &mut Rng, code: &mut Vec<u8>) {
    if code.is_empty() {
        return code.push(rng.u8(..));
    }
    let at = rng.usize(..code.len());
    match rng.u8(..5) {
        0 => code[at] = rng.u8(..),
        1 => code[at] ^= 1 << rng.u8(..8),
        2 => drop(code.remove(at)),
        3 => code.insert(at, rng.u8(..)),
        _ => {
            let end = (at + rng.usize(1..32)).min(code.len());
            let piece = code[at..end].to_vec();
            let to = rng.usize(..code.len());
            code.splice(to..to, piece);
        }
    }
}

/// The immediates of all `PUSH4`, which in real contracts are mostly function selectors.
pub fn selectors(code: &[u8]) -> Vec<[u8; 4]> {
    const PUSH4: u8 = 0x63;
    code.windows(5).filter(|bytes| bytes[0] == PUSH4).map(|b| [b[1], b[2], b[3], b[4]]).take(64).collect()
}
