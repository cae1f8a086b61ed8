//! Arithmetic that compiled code does not do in place. Pure: only the words are touched.

use evmc_abi::{Frame, Word};
use ruint::aliases::U256;

use super::{to_u256, to_word};

/// Defines host functions that compute one word from the argument words.
macro_rules! pure {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),+) => $value:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// `words` points to as many words as the function has arguments, and to nothing else
            /// that is in use.
            pub(super) unsafe extern "C" fn $name(_: *mut Frame, words: *mut Word) -> u32 {
                const ARGS: usize = [$(stringify!($arg)),+].len();
                // SAFETY: the caller's promise; `Word` may hold any bits.
                let words = unsafe { &mut *words.cast::<[Word; ARGS]>() };
                let [$($arg),+] = words.map(to_u256);
                words[0] = to_word($value);
                0
            }
        )*
    };
}

pure! {
    /// Unsigned division, 0 by convention where the divisor is 0.
    udiv(a, b) => a.checked_div(b).unwrap_or_default();
    /// Signed division truncating towards zero; −2^255 / −1 wraps.
    sdiv(a, b) => {
        let quotient = magnitude(a).checked_div(magnitude(b)).unwrap_or_default();
        with_sign(quotient, is_negative(a) != is_negative(b))
    };
    /// Unsigned remainder, 0 where the divisor is 0.
    urem(a, b) => a.checked_rem(b).unwrap_or_default();
    /// Signed remainder with the sign of the dividend, 0 where the divisor is 0.
    srem(a, b) => {
        let remainder = magnitude(a).checked_rem(magnitude(b)).unwrap_or_default();
        with_sign(remainder, is_negative(a))
    };
    /// `(a + b) mod n`, 0 where `n` is 0.
    addmod(a, b, n) => a.add_mod(b, n);
    /// `(a · b) mod n`, 0 where `n` is 0.
    mulmod(a, b, n) => a.mul_mod(b, n);
    /// `base^exponent mod 2^256`.
    exp(base, exponent) => base.pow(exponent);
}

/// Whether the word, read as two's complement, is below zero.
fn is_negative(a: U256) -> bool {
    a.bit(255)
}

/// The distance from zero of the word read as two's complement.
fn magnitude(a: U256) -> U256 {
    with_sign(a, is_negative(a))
}

/// The word, negated where asked for.
fn with_sign(a: U256, negative: bool) -> U256 {
    if negative { a.wrapping_neg() } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evmc_abi::HostCall;

    fn call<const N: usize>(function: HostCall, args: [U256; N]) -> U256 {
        let mut words = args.map(to_word);
        // SAFETY: as many words as the function takes.
        let code = unsafe { function(std::ptr::null_mut(), words.as_mut_ptr()) };
        assert_eq!(code, 0);
        to_u256(words[0])
    }

    #[test]
    fn signed_corner_cases() {
        let min = U256::ONE << 255;
        let minus = |n: u64| U256::from(n).wrapping_neg();
        assert_eq!(call(sdiv, [min, minus(1)]), min);
        assert_eq!(call(sdiv, [minus(7), U256::from(2)]), minus(3));
        assert_eq!(call(srem, [minus(7), U256::from(2)]), minus(1));
        assert_eq!(call(srem, [U256::from(7), minus(2)]), U256::from(1));
        assert_eq!(call(srem, [min, minus(1)]), U256::ZERO);
        assert_eq!(call(sdiv, [min, U256::ZERO]), U256::ZERO);
        assert_eq!(call(srem, [min, U256::ZERO]), U256::ZERO);
    }

    #[test]
    fn modular_corner_cases() {
        let max = U256::MAX;
        assert_eq!(call(udiv, [max, U256::ZERO]), U256::ZERO);
        assert_eq!(call(urem, [max, U256::ZERO]), U256::ZERO);
        assert_eq!(call(addmod, [max, max, U256::ZERO]), U256::ZERO);
        assert_eq!(call(mulmod, [max, max, U256::ZERO]), U256::ZERO);
        assert_eq!(call(addmod, [max, max, U256::from(7)]), U256::from(2));
        assert_eq!(call(mulmod, [max, max, U256::from(12)]), U256::from(9));
        assert_eq!(call(exp, [U256::ZERO, U256::ZERO]), U256::ONE);
        assert_eq!(call(exp, [U256::from(2), U256::from(256)]), U256::ZERO);
    }
}
