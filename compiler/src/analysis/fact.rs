//! What is known of one value.
//!
//! A [`Fact`] is about the bits of a value at the width of its type, zero-extended to 256: which are
//! certainly zero or one, an upper bound as an unsigned number, and in how many bits it fits as a signed
//! one. They speak of different things (masks, loop bounds, fixed-point numbers around zero), and
//! [`Fact::settled`] lets each sharpen the others. All of them are over-approximations: the fact that
//! says the least holds of every value.

use evmc_ir::{Type, eval};
use ruint::aliases::U256;

/// What is certain of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Bits that are zero.
    pub zeros: U256,
    /// Bits that are one; the value is therefore at least this, unsigned.
    pub ones: U256,
    /// The value is at most this, unsigned.
    pub max: U256,
    /// The value is the sign extension of this many of its low bits; at least 1.
    pub signed: u32,
}

/// Widths in bits to which bounds that keep growing are rounded up.
const WIDENED: [usize; 5] = [8, 64, 128, 160, 256];

/// All ones in the low `bits` bits, at most 256.
pub fn ones(bits: usize) -> U256 {
    if bits == 0 { U256::ZERO } else { U256::MAX >> (256 - bits.min(256)) }
}

impl Fact {
    /// Nothing but the type.
    pub fn any(ty: Type) -> Self {
        let max = ones(ty.bits() as usize);
        Self { zeros: !max, ones: U256::ZERO, max, signed: ty.bits() }
    }

    /// A constant.
    pub fn constant(ty: Type, bits: U256) -> Self {
        let spread = eval::sign_extend(ty, bits);
        let run = if spread.bit(255) { spread.leading_ones() } else { spread.leading_zeros() };
        Self { zeros: !bits, ones: bits, max: bits, signed: (257 - run as u32).min(ty.bits()) }
    }

    /// At most `max`, of type `ty`.
    pub fn at_most(ty: Type, max: U256) -> Self {
        Self { max: max.min(ones(ty.bits() as usize)), ..Self::any(ty) }.settled(ty)
    }

    /// Fits `bits` bits as a signed number of type `ty`.
    pub fn signed(ty: Type, bits: u32) -> Self {
        Self { signed: bits.clamp(1, ty.bits()), ..Self::any(ty) }
    }

    /// Number of low bits outside of which the value is zero.
    pub fn bits(&self) -> u32 {
        self.max.bit_len() as u32
    }

    /// The value, if it is known.
    pub fn known(&self) -> Option<U256> {
        (self.zeros == !self.ones).then_some(self.ones)
    }

    /// Number of low bits that are zero.
    pub fn low_zeros(&self) -> u32 {
        (!self.zeros).trailing_zeros() as u32
    }

    /// Whether the sign bit at type `ty` is zero.
    pub fn is_non_negative(&self, ty: Type) -> bool {
        self.bits() < ty.bits()
    }

    /// The same, each part sharpened by the others.
    pub fn settled(mut self, ty: Type) -> Self {
        self.max = self.max.min(!self.zeros);
        self.zeros |= !ones(self.max.bit_len());
        self.signed = self.signed.min(self.bits() + 1).min(ty.bits());
        self
    }

    /// What holds of a value of which one of two facts holds.
    pub fn join(&self, other: &Self) -> Self {
        Self {
            zeros: self.zeros & other.zeros,
            ones: self.ones & other.ones,
            max: self.max.max(other.max),
            signed: self.signed.max(other.signed),
        }
    }

    /// What holds of a value of which both facts hold.
    pub fn meet(&self, other: &Self, ty: Type) -> Self {
        let both = Self {
            zeros: self.zeros | other.zeros,
            ones: self.ones | other.ones,
            max: self.max.min(other.max),
            signed: self.signed.min(other.signed),
        };
        // Facts that contradict each other belong to code that is never reached: say nothing of it.
        let consistent = (both.zeros & both.ones).is_zero() && both.ones <= both.max;
        if consistent { both.settled(ty) } else { *self }
    }

    /// A weaker fact of which there are few, so that a chain of ever weaker ones is short.
    pub fn widened(&self, ty: Type) -> Self {
        let up = |bits: usize| WIDENED.into_iter().find(|&wide| wide >= bits).unwrap_or(256);
        let max = ones(up(self.max.bit_len()).min(ty.bits() as usize));
        let low = ones(self.low_zeros().min(ty.bits()) as usize & !7);
        let signed = (up(self.signed as usize) as u32).min(ty.bits());
        Self { zeros: !max | low, ones: U256::ZERO, max, signed }.settled(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_fit_as_few_bits_as_they_need() {
        let at = |bits: u64| Fact::constant(Type::I64, U256::from(bits));
        assert_eq!(at(0).signed, 1);
        assert_eq!(at(u64::MAX).signed, 1);
        assert_eq!(at(127).signed, 8);
        assert_eq!(at(128).signed, 9);
        assert_eq!(at((-128i64) as u64).signed, 8);
        assert_eq!(at(1 << 63).signed, 64);
        assert_eq!(at(12).low_zeros(), 2);
    }

    #[test]
    fn joins_hold_of_both() {
        let (a, b) = (Fact::constant(Type::I8, U256::from(4)), Fact::constant(Type::I8, U256::from(0x18)));
        let both = a.join(&b);
        assert_eq!((both.max, both.signed), (U256::from(0x18), 6));
        assert_eq!(both.zeros & U256::from(0xff), U256::from(0xe3));
    }

    #[test]
    fn chains_of_widened_facts_are_short() {
        let mut fact = Fact::constant(Type::I256, U256::ZERO);
        for _ in 0..WIDENED.len() + 1 {
            let next = Fact::at_most(Type::I256, fact.max.saturating_add(U256::ONE));
            fact = fact.join(&next).widened(Type::I256);
        }
        assert_eq!(fact, fact.widened(Type::I256));
        assert_eq!(fact.bits(), 256);
    }
}
