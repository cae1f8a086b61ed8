//! Values of the legal form: a constant or an SSA value.

use evmc_ir::{Type, Value};
use ruint::aliases::U256;

/// An integer of at most 128 bits, in the legal function. Its type is known where it is used.
///
/// Constants stay out of the instruction stream until something needs them, so that folding them
/// away leaves nothing behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A constant that fits the type.
    Const(u128),
    /// An SSA value.
    Value(Value),
}

impl Part {
    /// Zero of any type.
    pub const ZERO: Self = Self::Const(0);

    /// The constant, if this is one.
    pub const fn constant(self) -> Option<u128> {
        match self {
            Self::Const(constant) => Some(constant),
            Self::Value(_) => None,
        }
    }

    /// Whether this is the constant 0.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Const(0))
    }
}

/// A 256-bit word as two halves of type `i128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Bits 0 to 127.
    pub lo: Part,
    /// Bits 128 to 255.
    pub hi: Part,
}

impl Word {
    /// Zero.
    pub const ZERO: Self = Self { lo: Part::ZERO, hi: Part::ZERO };

    /// A constant.
    pub fn constant(value: U256) -> Self {
        let [a, b, c, d] = *value.as_limbs();
        let half = |low: u64, high: u64| Part::Const(u128::from(low) | u128::from(high) << 64);
        Self { lo: half(a, b), hi: half(c, d) }
    }

    /// A half as a word.
    pub const fn low(lo: Part) -> Self {
        Self { lo, hi: Part::ZERO }
    }

    /// The value, if both halves are constants.
    pub fn as_constant(self) -> Option<U256> {
        let (lo, hi) = (self.lo.constant()?, self.hi.constant()?);
        Some(U256::from_limbs([lo as u64, (lo >> 64) as u64, hi as u64, (hi >> 64) as u64]))
    }
}

/// What a value of the source function has become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mapped {
    /// Nothing yet, or nothing that anybody needs.
    #[default]
    Dead,
    /// A value of the same type.
    Narrow(Part),
    /// Two halves.
    Word(Word),
}

/// All bits of a type of at most 128 bits.
pub(super) const fn mask(ty: Type) -> u128 {
    u128::MAX >> (128 - ty.bits())
}
