//! Arithmetic that compiled code does not do in place. Pure: only the words are touched.

use evmc_abi::{Frame, Word};
use ruint::aliases::U256;

use super::to_word;
use crate::{division, reciprocal};

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
                // SAFETY: the caller's promise.
                let [$($arg),+] = unsafe { arguments::<ARGS>(words) };
                // SAFETY: the caller's promise.
                unsafe { *words = to_word($value) };
                0
            }
        )*
    };
}

pure! {
    /// Unsigned division, 0 by convention where the divisor is 0.
    udiv(a, b) => quotient(a, b);
    /// Signed division truncating towards zero; −2^255 / −1 wraps.
    sdiv(a, b) => {
        let quotient = quotient(magnitude(a), magnitude(b));
        with_sign(quotient, is_negative(a) != is_negative(b))
    };
    /// Unsigned remainder, 0 where the divisor is 0.
    urem(a, b) => remainder(a, b);
    /// Signed remainder with the sign of the dividend, 0 where the divisor is 0.
    srem(a, b) => {
        let remainder = remainder(magnitude(a), magnitude(b));
        with_sign(remainder, is_negative(a))
    };
    /// `(a + b) mod n`, 0 where `n` is 0.
    addmod(a, b, n) => reciprocal::add_mod(a, b, n);
    /// `(a · b) mod n`, 0 where `n` is 0.
    mulmod(a, b, n) => reciprocal::mul_mod(a, b, n);
    /// `base^exponent mod 2^256`.
    exp(base, exponent) => power(base, exponent);
}

/// The first `N` words, read limb by limb. Compiled code has just written them so, and a load that
/// spans two recent stores waits until both have left the processor's store buffer; the loads are
/// volatile lest the compiler makes such wider ones of them.
///
/// # Safety
/// `words` points to `N` words.
#[inline(always)]
pub(super) unsafe fn arguments<const N: usize>(words: *const Word) -> [U256; N] {
    std::array::from_fn(|i| {
        // SAFETY: the caller's promise; a word is four limbs.
        let limb = |j| unsafe { words.add(i).cast::<u64>().add(j).read_volatile() };
        U256::from_limbs([limb(0), limb(1), limb(2), limb(3)])
    })
}

/// Powers of ten below 2^256: the exponent that contracts use most, besides powers of two.
static POWERS_OF_TEN: [U256; 78] = {
    let mut powers = [U256::ONE; 78];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1].wrapping_mul(U256::from_limbs([10, 0, 0, 0]));
        i += 1;
    }
    powers
};

/// `a / b` rounded down, 0 where `b` is 0.
#[inline(always)]
fn quotient(a: U256, b: U256) -> U256 {
    U256::from_limbs(division::div_rem(a.into_limbs(), b.into_limbs()).0)
}

/// `a mod b`, 0 where `b` is 0.
#[inline(always)]
fn remainder(a: U256, b: U256) -> U256 {
    U256::from_limbs(division::div_rem(a.into_limbs(), b.into_limbs()).1)
}

/// `base^exponent mod 2^256`.
fn power(base: U256, exponent: U256) -> U256 {
    let Ok(small) = usize::try_from(exponent) else {
        return base.pow(exponent);
    };
    if base == U256::from(10) && small < POWERS_OF_TEN.len() {
        return POWERS_OF_TEN[small];
    }
    if base.is_power_of_two() {
        let bits = base.trailing_zeros().saturating_mul(small);
        return if bits < 256 { U256::ONE << bits } else { U256::ZERO };
    }
    base.pow(exponent)
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
    use super::super::to_u256;
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

    #[test]
    fn powers_are_those_of_ruint() {
        let one = U256::ONE;
        let mut bases: Vec<_> = [0, 1, 3, 7, 10, 11].map(U256::from).to_vec();
        bases.extend((1..256).step_by(5).flat_map(|bit| [one << bit, (one << bit) + one]));
        for base in bases {
            let large = [one << 63, one << 64, one << 255, U256::MAX, U256::MAX - one];
            for exponent in (0..300).map(U256::from).chain(large) {
                assert_eq!(call(exp, [base, exponent]), base.pow(exponent), "{base} ^ {exponent}");
            }
        }
    }
}
