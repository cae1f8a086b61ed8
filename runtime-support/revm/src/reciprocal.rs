//! Products modulo a number that comes again and again, by its reciprocal.
//!
//! Code that multiplies modulo the order of a field or a curve does so thousands of times with one
//! modulus, and each division by it repeats the same work. A [`Reciprocal`] is that work done once;
//! a remainder is then two products and a few corrections. [`mul_mod`] keeps the reciprocals of the
//! last few moduli of the thread. A modulus gets one when it is seen for the second time, since
//! making one costs about as much as it saves at a single use.
//!
//! Only moduli of four limbs (2^192 and more) come here; shorter ones are divided by quickly as it is.

use std::cell::RefCell;

use ruint::aliases::U256;

use crate::limbs::{self, Limbs};

/// Moduli that a thread remembers.
const REMEMBERED: usize = 4;

thread_local! {
    static MODULI: RefCell<Moduli> = const { RefCell::new(Moduli::NONE) };
}

/// A modulus with its reciprocal, in the notation of Möller and Granlund, "Improved Division by
/// Invariant Integers" (2011), whose theorems hold for any base β; here β = 2^256.
#[derive(Clone, Copy)]
struct Reciprocal {
    /// The modulus `n`, at least 2^192.
    modulus: Limbs,
    /// Leading zero bits of `n`.
    shift: u32,
    /// `d = n · 2^shift`, so that β/2 ≤ d < β.
    divisor: Limbs,
    /// `v = ⌊(β² − 1) / d⌋ − β`.
    value: Limbs,
}

impl Reciprocal {
    fn new(modulus: Limbs) -> Self {
        let shift = modulus[3].leading_zeros();
        let mut divisor = limbs::shl(modulus, shift);
        let [d0, d1, d2, d3] = divisor;
        // β² − 1 − β·d, in which the high half is β − 1 − d.
        let mut numerator = [u64::MAX, u64::MAX, u64::MAX, u64::MAX, !d0, !d1, !d2, !d3];
        ruint::algorithms::div(&mut numerator, &mut divisor);
        let [v0, v1, v2, v3, ..] = numerator;
        Self { modulus, shift, divisor: [d0, d1, d2, d3], value: [v0, v1, v2, v3] }
    }

    /// `a · b mod n`.
    #[inline(always)]
    fn mul_mod(&self, a: Limbs, b: Limbs) -> Limbs {
        let (a, b) = if limbs::less(a, self.modulus) {
            (a, b)
        } else if limbs::less(b, self.modulus) {
            (b, a)
        } else {
            (self.reduce(a), b)
        };
        // a ≤ n − 1, so a · 2^shift ≤ d − 1, and its product with b < β has a high half below d.
        let (high, low) = limbs::mul_wide(limbs::shl(a, self.shift), b);
        // (a · b · 2^shift) mod (n · 2^shift) = (a · b mod n) · 2^shift.
        limbs::shr(self.remainder(high, low), self.shift)
    }

    /// `(β · high + low) mod d` for `high < d`: Algorithm 4 of the paper, which proves that the
    /// quotient estimate is right after these two corrections.
    #[inline(always)]
    fn remainder(&self, high: Limbs, low: Limbs) -> Limbs {
        let (q1, q0) = limbs::mul_wide(self.value, high);
        let (q0, carry) = limbs::add(q0, low, false);
        let (q1, _) = limbs::add(q1, high, carry);
        let (q1, _) = limbs::add(q1, [0; 4], true);
        let (mut r, _) = limbs::sub(low, limbs::mul_low(q1, self.divisor));
        if limbs::less(q0, r) {
            (r, _) = limbs::add(r, self.divisor, false);
        }
        match limbs::sub(r, self.divisor) {
            (_, true) => r,
            (r, false) => r,
        }
    }

    /// `a mod n`, whose quotient q = ⌊a / n⌋ has at most `shift + 1` bits.
    ///
    /// Let u = ⌊a · 2^shift / β⌋ and w the top limb of v. The estimate q' = u + ⌊u · w / 2^64⌋ is at
    /// most 3 too small and never too large. By the definition of v,
    /// 1 + v/β < β/d ≤ 1 + (v + 1)/β. With a · 2^shift = u · β + l, 0 ≤ l < β, we have
    /// a/n = u · β/d + l/d, in which 0 ≤ l/d < 2. From below, u · β/d ≥ u + u · v/β ≥ q'. From
    /// above, (v + 1)/β ≤ (w + 1)/2^64 and u < 2^64, hence u · β/d ≤ u + u · w/2^64 + u/2^64 < q' + 2.
    /// So q' ≤ a/n < q' + 4.
    #[inline(always)]
    fn reduce(&self, a: Limbs) -> Limbs {
        let u = (a[3] >> 1) >> (63 - self.shift);
        let estimate = u + u.carrying_mul(self.value[3], 0).1;
        let (mut r, _) = limbs::sub(a, limbs::row_low(estimate, self.modulus));
        while let (next, false) = limbs::sub(r, self.modulus) {
            r = next;
        }
        r
    }
}

/// What is known of a modulus.
#[derive(Clone, Copy)]
enum Known {
    /// It was seen once.
    Seen(Limbs),
    /// It was seen more often.
    Kept(Reciprocal),
}

impl Known {
    /// Whether the reciprocal of this modulus is here.
    #[inline(always)]
    fn has_reciprocal_of(&self, [m0, m1, m2, m3]: Limbs) -> bool {
        match self {
            Self::Kept(Reciprocal { modulus: [n0, n1, n2, n3], .. }) => {
                (m0 ^ n0) | (m1 ^ n1) | (m2 ^ n2) | (m3 ^ n3) == 0
            }
            Self::Seen(_) => false,
        }
    }
}

/// The last moduli of a thread.
struct Moduli {
    known: [Known; REMEMBERED],
    /// The place of the modulus to forget next.
    oldest: usize,
}

impl Moduli {
    /// Zero is no modulus that comes here.
    const NONE: Self = Self { known: [Known::Seen([0; 4]); REMEMBERED], oldest: 0 };

    /// The reciprocal of a modulus that was seen before; `None` at its first time.
    #[inline(always)]
    fn reciprocal(&mut self, modulus: Limbs) -> Option<&Reciprocal> {
        let place = self.known.iter().position(|known| known.has_reciprocal_of(modulus));
        let place = place.or_else(|| self.promote(modulus))?;
        match &self.known[place] {
            Known::Kept(reciprocal) => Some(reciprocal),
            Known::Seen(_) => None,
        }
    }

    /// Makes the reciprocal of a modulus that was seen once, or takes note of a new one.
    #[cold]
    fn promote(&mut self, modulus: Limbs) -> Option<usize> {
        let seen = |known: &Known| matches!(known, Known::Seen(seen) if *seen == modulus);
        let place = self.known.iter().position(seen);
        if let Some(place) = place {
            self.known[place] = Known::Kept(Reciprocal::new(modulus));
        } else {
            self.known[self.oldest] = Known::Seen(modulus);
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
        place
    }
}

/// `a · b mod n`, 0 where `n` is 0.
#[inline(always)]
pub(crate) fn mul_mod(a: U256, b: U256, n: U256) -> U256 {
    let (x, y) = (*a.as_limbs(), *b.as_limbs());
    let is_short = (x[2] | x[3] | y[2] | y[3]) == 0;
    if n.as_limbs()[3] == 0 || is_short {
        return a.mul_mod(b, n);
    }
    if n == U256::MAX {
        return U256::from_limbs(mul_mod_max(x, y));
    }
    MODULI.with_borrow_mut(|moduli| match moduli.reciprocal(*n.as_limbs()) {
        Some(reciprocal) => U256::from_limbs(reciprocal.mul_mod(x, y)),
        None => a.mul_mod(b, n),
    })
}

/// `a · b mod 2^256 − 1`, which full-width multiplication in contracts asks for: 2^256 ≡ 1, so the
/// halves of the product are added, and a carry once more.
#[inline(always)]
fn mul_mod_max(a: Limbs, b: Limbs) -> Limbs {
    let (high, low) = limbs::mul_wide(a, b);
    let (sum, carry) = limbs::add(high, low, false);
    // With a carry the sum is at most 2^256 − 3, so this cannot carry again.
    let (sum, _) = limbs::add(sum, [0; 4], carry);
    if sum == [u64::MAX; 4] { [0; 4] } else { sum }
}

/// `(a + b) mod n`, 0 where `n` is 0.
#[inline(always)]
pub(crate) fn add_mod(a: U256, b: U256, n: U256) -> U256 {
    let (x, y, m) = (*a.as_limbs(), *b.as_limbs(), *n.as_limbs());
    if !limbs::less(x, m) || !limbs::less(y, m) {
        return a.add_mod(b, n);
    }
    let (sum, carry) = limbs::add(x, y, false);
    let (reduced, borrow) = limbs::sub(sum, m);
    U256::from_limbs(if borrow && !carry { sum } else { reduced })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers with the patterns at which carries and corrections change.
    fn adversarial() -> Vec<U256> {
        let mut numbers = vec![U256::ZERO, U256::MAX, U256::MAX << 64, U256::MAX << 128, U256::MAX << 192];
        for bit in (0..256).step_by(13).chain([63, 64, 127, 128, 191, 192, 193, 254, 255]) {
            let power: U256 = U256::ONE << bit;
            numbers.extend([power - U256::ONE, power, power + U256::ONE, power.wrapping_neg()]);
        }
        // The primes of secp256k1, of bn254 and of the latter's group.
        numbers.extend([
            U256::MAX - U256::from(0x1_0000_03d0_u64),
            U256::from_limbs([
                0x3c20_8c16_d87c_fd47,
                0x9781_6a91_6871_ca8d,
                0xb850_45b6_8181_585d,
                0x3064_4e72_e131_a029,
            ]),
            U256::from_limbs([
                0x43e1_f593_f000_0001,
                0x2833_e848_79b9_7091,
                0xb850_45b6_8181_585d,
                0x3064_4e72_e131_a029,
            ]),
        ]);
        numbers
    }

    fn random(rng: &mut u64) -> U256 {
        let mut limb = || {
            // xorshift64; with runs of equal bits, which are where carries go far.
            *rng ^= *rng << 13;
            *rng ^= *rng >> 7;
            *rng ^= *rng << 17;
            match *rng % 5 {
                0 => u64::MAX,
                1 => 0,
                2 => *rng >> (*rng % 64),
                _ => *rng,
            }
        };
        U256::from_limbs([limb(), limb(), limb(), limb()])
    }

    fn check(a: U256, b: U256, n: U256) {
        for _ in 0..3 {
            assert_eq!(mul_mod(a, b, n), a.mul_mod(b, n), "{a:#x} * {b:#x} mod {n:#x}");
        }
        assert_eq!(add_mod(a, b, n), a.add_mod(b, n), "{a:#x} + {b:#x} mod {n:#x}");
    }

    #[test]
    fn adversarial_numbers() {
        let numbers = adversarial();
        for &n in &numbers {
            let near = [n, n.wrapping_sub(U256::ONE), n.wrapping_add(U256::ONE), n << 1, n >> 1];
            for &a in numbers.iter().chain(&near) {
                for &b in numbers.iter().step_by(7).chain(&near) {
                    check(a, b, n);
                }
            }
        }
    }

    #[test]
    fn random_numbers() {
        let mut rng = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..20_000 {
            let n = random(&mut rng);
            check(random(&mut rng), random(&mut rng), n);
            let reciprocal = n | (U256::ONE << 192);
            check(random(&mut rng) % reciprocal, random(&mut rng), reciprocal);
        }
    }

    #[test]
    fn all_moduli_in_turn() {
        let numbers: Vec<U256> = adversarial().into_iter().filter(|n| n.as_limbs()[3] != 0).collect();
        for width in 1..=2 * REMEMBERED {
            for n in numbers.windows(width).flatten() {
                let (a, b) = (U256::MAX - U256::from(width), U256::MAX / U256::from(3));
                assert_eq!(mul_mod(a, b, *n), a.mul_mod(b, *n));
            }
        }
    }
}
