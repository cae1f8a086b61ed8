//! Division of 256-bit numbers.
//!
//! Contracts divide products of two prices or amounts by a third, so a divisor of two limbs is as usual
//! as one of a single limb. Long division (Knuth, "The Art of Computer Programming", 4.3.1, Algorithm D)
//! takes each digit of the quotient from the three top limbs of the rest and the two top limbs of the
//! divisor, by the latter's reciprocal (Möller and Granlund, "Improved Division by Invariant Integers",
//! 2011). For two limbs that digit is exact; for more it is exact or one too large.

use crate::limbs::{self, Limbs};

/// Quotient rounded down, and remainder; both 0 where `b` is 0.
#[inline(always)]
pub(crate) fn div_rem(a: Limbs, b: Limbs) -> (Limbs, Limbs) {
    match b {
        [0, 0, 0, 0] => ([0; 4], [0; 4]),
        [b, 0, 0, 0] => by_limb(a, b),
        [_, _, 0, 0] => long::<2>(a, b),
        [_, _, _, 0] => long::<3>(a, b),
        _ => long::<4>(a, b),
    }
}

/// Division by a single limb other than 0.
#[inline(always)]
fn by_limb(a: Limbs, b: u64) -> (Limbs, Limbs) {
    let (mut quotient, mut rest) = ([0; 4], 0);
    for i in (0..4).rev() {
        if rest == 0 {
            (quotient[i], rest) = (a[i] / b, a[i] % b);
        } else {
            let dividend = wide(rest, a[i]);
            quotient[i] = (dividend / u128::from(b)) as u64;
            rest = a[i].wrapping_sub(quotient[i].wrapping_mul(b));
        }
    }
    (quotient, [rest, 0, 0, 0])
}

/// Division by `N` limbs of which the top one is not 0, for N from 2 to 4.
#[inline(always)]
fn long<const N: usize>(a: Limbs, b: Limbs) -> (Limbs, Limbs) {
    let shift = b[N - 1].leading_zeros();
    let divisor = limbs::shl(b, shift);
    let [u0, u1, u2, u3] = limbs::shl(a, shift);
    let mut rest = [u0, u1, u2, u3, (a[3] >> 1) >> (63 - shift)];
    let mut quotient = [0; 4];
    let top = Top::new(divisor[N - 1], divisor[N - 2]);
    for digit in (0..=4 - N).rev() {
        // What is left is below the divisor times 2^(64 · digit + 64): so far it was divided, and at
        // the start its top limb has only what the shift brought there.
        if rest[digit + N] != 0 || rest[digit + N - 1] >= top.high {
            quotient[digit] = next_digit::<N>(&mut rest, digit, &divisor, &top);
        }
    }
    let [r0, r1, r2, r3, _] = rest;
    (quotient, limbs::shr([r0, r1, r2, r3], shift))
}

/// The digit of the quotient in place `digit`; its product with the divisor is taken from `rest`.
#[inline(always)]
fn next_digit<const N: usize>(rest: &mut [u64; 5], digit: usize, divisor: &Limbs, top: &Top) -> u64 {
    let [u2, u1, u0] = [rest[digit + N], rest[digit + N - 1], rest[digit + N - 2]];
    let (mut quotient, r1, r0) = if N > 2 && (u2, u1) == (top.high, top.low) {
        // Here the quotient of three limbs by two has more than one limb.
        std::hint::cold_path();
        return largest_digit::<N>(rest, digit, divisor);
    } else {
        top.divide(u2, u1, u0)
    };
    let mut borrow = 0;
    for i in 0..N - 2 {
        borrow = subtract_product(&mut rest[digit + i], quotient, divisor[i], borrow);
    }
    let (r0, under) = r0.overflowing_sub(borrow);
    let (r1, under) = r1.borrowing_sub(0, under);
    [rest[digit + N], rest[digit + N - 1], rest[digit + N - 2]] = [0, r1, r0];
    if under {
        std::hint::cold_path();
        quotient -= 1;
        add_back::<N>(rest, digit, divisor);
    }
    quotient
}

/// The digit where the top limbs of the rest and the divisor are equal: 2^64 − 1, or up to two less,
/// since the divisor's other limbs times 2^64 are below twice the divisor.
#[cold]
fn largest_digit<const N: usize>(rest: &mut [u64; 5], digit: usize, divisor: &Limbs) -> u64 {
    let (mut quotient, mut borrow) = (u64::MAX, 0);
    for i in 0..N {
        borrow = subtract_product(&mut rest[digit + i], quotient, divisor[i], borrow);
    }
    let mut under = rest[digit + N] < borrow;
    while under {
        quotient -= 1;
        under = !add_back::<N>(rest, digit, divisor);
    }
    rest[digit + N] = 0;
    quotient
}

/// Takes `a · b + borrow` from a limb; gives what is to be taken from the next one.
#[inline(always)]
fn subtract_product(limb: &mut u64, a: u64, b: u64, borrow: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, borrow);
    let (left, under) = limb.overflowing_sub(low);
    *limb = left;
    // At most (2^64 − 1)^2 + 2^64 − 1 = (2^64 − 1) · 2^64: where `high` is largest, `low` is 0.
    high + u64::from(under)
}

/// Adds the divisor to the rest at place `digit`; whether that carries out of its limbs.
#[inline(always)]
fn add_back<const N: usize>(rest: &mut [u64; 5], digit: usize, divisor: &Limbs) -> bool {
    let mut carry = false;
    for i in 0..N {
        (rest[digit + i], carry) = rest[digit + i].carrying_add(divisor[i], carry);
    }
    carry
}

/// The two top limbs of a normalised divisor (`high` ≥ 2^63) with their reciprocal
/// `v = ⌊(2^192 − 1) / (high, low)⌋ − 2^64`.
struct Top {
    high: u64,
    low: u64,
    reciprocal: u64,
}

impl Top {
    /// Algorithm 6 of the paper.
    #[inline(always)]
    fn new(high: u64, low: u64) -> Self {
        let mut v = (wide(!high, u64::MAX) / u128::from(high)) as u64;
        let mut p = high.wrapping_mul(v).wrapping_add(low);
        if p < low {
            v -= 1;
            if p >= high {
                v -= 1;
                p -= high;
            }
            p = p.wrapping_sub(high);
        }
        let (t0, t1) = v.carrying_mul(low, 0);
        let (p, over) = p.overflowing_add(t1);
        if over {
            v -= 1;
            if wide(p, t0) >= wide(high, low) {
                v -= 1;
            }
        }
        Self { high, low, reciprocal: v }
    }

    /// Quotient, and high and low limb of the remainder, of `(u2, u1, u0)`, for `(u2, u1)` below the
    /// two limbs: Algorithm 5 of the paper.
    #[inline(always)]
    fn divide(&self, u2: u64, u1: u64, u0: u64) -> (u64, u64, u64) {
        let divisor = wide(self.high, self.low);
        let product = (u128::from(self.reciprocal) * u128::from(u2)).wrapping_add(wide(u2, u1));
        let (mut q, q0) = ((product >> 64) as u64, product as u64);
        let r1 = u1.wrapping_sub(q.wrapping_mul(self.high));
        let mut rest = wide(r1, u0).wrapping_sub(u128::from(self.low) * u128::from(q)).wrapping_sub(divisor);
        q = q.wrapping_add(1);
        if (rest >> 64) as u64 >= q0 {
            q = q.wrapping_sub(1);
            rest = rest.wrapping_add(divisor);
        }
        if rest >= divisor {
            std::hint::cold_path();
            q = q.wrapping_add(1);
            rest -= divisor;
        }
        (q, (rest >> 64) as u64, rest as u64)
    }
}

/// Two limbs as one number.
#[inline(always)]
fn wide(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use ruint::aliases::U256;

    use super::*;

    fn check(a: Limbs, b: Limbs) {
        let (x, y) = (U256::from_limbs(a), U256::from_limbs(b));
        let expected = if y.is_zero() { (y, y) } else { x.div_rem(y) };
        let (quotient, remainder) = div_rem(a, b);
        assert_eq!(
            (quotient, remainder),
            (*expected.0.as_limbs(), *expected.1.as_limbs()),
            "{x:#x} / {y:#x}"
        );
    }

    /// Limbs at which carries, borrows and estimates change.
    const LIMBS: [u64; 9] = [0, 1, 2, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];

    #[test]
    fn adversarial_limbs() {
        let all = || {
            (0..9_usize.pow(4)).map(|i| [LIMBS[i % 9], LIMBS[i / 9 % 9], LIMBS[i / 81 % 9], LIMBS[i / 729]])
        };
        for (i, b) in all().enumerate() {
            all().skip(i % 37).step_by(37).for_each(|a| check(a, b));
            check(b, b);
        }
    }

    /// Dividends `q · b + r` around multiples of the divisor, where the digit estimate is too large.
    #[test]
    fn around_multiples() {
        for i in 0..9_usize.pow(4) {
            let b = U256::from_limbs([LIMBS[i % 9], LIMBS[i / 9 % 9], LIMBS[i / 81 % 9], LIMBS[i / 729]]);
            for q in
                LIMBS.into_iter().flat_map(|q| [U256::from(q), U256::from(q) << 64, U256::from(q) << 128])
            {
                let multiple = b.wrapping_mul(q);
                for a in [multiple, multiple.wrapping_sub(U256::ONE), multiple.wrapping_add(b >> 1)] {
                    check(*a.as_limbs(), *b.as_limbs());
                }
            }
        }
    }

    #[test]
    fn random_numbers_of_all_lengths() {
        let mut rng = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            rng ^= rng << 13;
            rng ^= rng >> 7;
            rng ^= rng << 17;
            rng
        };
        for _ in 0..200_000 {
            let mut number = || U256::from_limbs([next(), next(), next(), next()]) >> (next() % 256);
            check(*number().as_limbs(), *number().as_limbs());
        }
    }
}
