//! Immediate operands of EIP-8024: which stack items `DUPN`, `SWAPN` and `EXCHANGE` mean.
//!
//! The encodings leave out `0x5b` and `0x60` to `0x7f`, so that scanning for `JUMPDEST`s need not
//! know these opcodes: no valid immediate looks like a `JUMPDEST` or hides one.

/// The `n` of `DUPN` and `SWAPN`, 17 to 235, or `None` where the byte encodes nothing.
pub const fn decode_single(byte: u8) -> Option<u16> {
    match byte {
        0..=90 => Some(byte as u16 + 145),
        128..=255 => Some(byte as u16 - 111),
        _ => None,
    }
}

/// The `(n, m)` of `EXCHANGE`, which exchanges the items `n` and `m` below the top, 1 ≤ n < m ≤ 29,
/// or `None` where the byte encodes nothing.
pub const fn decode_pair(byte: u8) -> Option<(u16, u16)> {
    if byte > 81 && byte < 128 {
        return None;
    }
    let pair = (byte ^ 143) as u16;
    let (q, r) = (pair / 16, pair % 16);
    Some(if q < r { (q + 1, r + 1) } else { (r + 1, 29 - q) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singles_cover_17_to_235_once() {
        let mut depths: Vec<u16> = (0..=255).filter_map(decode_single).collect();
        depths.sort_unstable();
        assert_eq!(depths, (17..=235).collect::<Vec<_>>());
    }

    #[test]
    fn pairs_are_ordered_and_distinct() {
        let mut pairs: Vec<_> = (0..=255).filter_map(decode_pair).collect();
        assert!(pairs.iter().all(|&(n, m)| 1 <= n && n < m && n + m <= 30));
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), 210);
    }

    #[test]
    fn no_immediate_looks_like_a_jumpdest_or_a_push_with_operand() {
        for byte in (0x5b..=0x5b).chain(0x60..=0x7f) {
            assert_eq!((decode_single(byte), decode_pair(byte)), (None, None));
        }
    }
}
