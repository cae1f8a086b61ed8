//! Powers modulo numbers of 1024 bits, by Montgomery's multiplication: slices of 32-bit limbs, with their bounds checked.

#![no_std]

#[path = "kernel.rs"]
mod kernel;

use kernel::{Random, mix};

const LIMBS: usize = 32;

type Number = [u32; LIMBS];

/// Whether `a`, with `carry` above it, is not less than `b`.
fn reaches(a: &[u32], carry: u32, b: &[u32]) -> bool {
    let differs = a.iter().zip(b).rev().find(|(a, b)| a != b);
    carry != 0 || differs.is_none_or(|(a, b)| a > b)
}

/// Subtracts `b` from `a`.
fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        let less = i64::from(*a) - i64::from(b) + borrow;
        *a = less as u32;
        borrow = less >> 32;
    }
}

/// Adds `factor` times `b` to `a`; what goes beyond.
fn add_times(a: &mut [u32], b: &[u32], factor: u32) -> u32 {
    let mut carry = 0;
    for (a, &b) in a.iter_mut().zip(b) {
        carry += u64::from(*a) + u64::from(b) * u64::from(factor);
        *a = carry as u32;
        carry >>= 32;
    }
    carry as u32
}

/// A modulus with what its multiplications need.
struct Modulus {
    limbs: Number,
    /// What the lowest limb has to be multiplied by to give -1 modulo 2^32.
    inverse: u32,
}

impl Modulus {
    fn new(limbs: Number) -> Self {
        let mut inverse = 1_u32;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u32.wrapping_sub(limbs[0].wrapping_mul(inverse)));
        }
        Self { limbs, inverse: inverse.wrapping_neg() }
    }

    /// `a * b / 2^1024`.
    fn multiply(&self, a: &Number, b: &Number) -> Number {
        let mut sum = [0; 2 * LIMBS];
        let mut over = 0_u32;
        for i in 0..LIMBS {
            let high = add_times(&mut sum[i..i + LIMBS], b, a[i]);
            let factor = sum[i].wrapping_mul(self.inverse);
            let other = add_times(&mut sum[i..i + LIMBS], &self.limbs, factor);
            let top = u64::from(sum[i + LIMBS]) + u64::from(high) + u64::from(other) + u64::from(over);
            sum[i + LIMBS] = top as u32;
            over = (top >> 32) as u32;
        }
        let mut result = [0; LIMBS];
        result.copy_from_slice(&sum[LIMBS..]);
        if reaches(&result, over, &self.limbs) {
            subtract(&mut result, &self.limbs);
        }
        result
    }

    /// `base` to the power of `exponent`, in Montgomery's form, four bits at a time; `one` is 1 in that form.
    fn power(&self, base: &Number, exponent: &[u32], one: &Number) -> Number {
        let mut powers = [*one; 16];
        for i in 1..16 {
            powers[i] = self.multiply(&powers[i - 1], base);
        }
        let mut result = *one;
        for &limb in exponent.iter().rev() {
            for shift in (0..32).step_by(4).rev() {
                for _ in 0..4 {
                    result = self.multiply(&result, &result);
                }
                result = self.multiply(&result, &powers[(limb >> shift & 15) as usize]);
            }
        }
        result
    }

    /// 2^1024 modulo this, whose highest bit is set.
    fn one(&self) -> Number {
        let mut one = [0; LIMBS];
        subtract(&mut one, &self.limbs);
        one
    }
}

/// `n` powers with exponents of 128 bits.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let mut random = Random(13);
    let mut sum = 0;
    for _ in 0..n {
        let mut limbs: Number = core::array::from_fn(|_| random.next());
        limbs[0] |= 1;
        limbs[LIMBS - 1] |= 1 << 31;
        let modulus = Modulus::new(limbs);
        let base = core::array::from_fn(|i| if i + 1 < LIMBS { random.next() } else { 0 });
        let exponent: [u32; 4] = core::array::from_fn(|_| random.next());
        let power = modulus.power(&base, &exponent, &modulus.one());
        sum = power.iter().fold(sum, |sum, &limb| mix(sum, u64::from(limb)));
    }
    sum as i64
}
