//! Processor features that compiled code may rely on, as a set that an artifact stores.
//!
//! The three x86-64 levels are those of the System V psABI. Features that only an operating system
//! needs (`OSXSAVE`) are implied by the ones that it enables.

use core::fmt;
use core::ops::BitOr;

/// Defines the features: bit number and the name that detection and messages use.
macro_rules! cpu_features {
    ($($name:ident = $bit:literal, $text:literal;)*) => {
        impl CpuFeatures {
            $(#[doc = concat!("The x86-64 feature `", $text, "`.")] pub const $name: Self = Self(1 << $bit);)*

            /// Every feature with its name, in the order of its bit.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $text)),*];
        }
    };
}

/// A set of processor features. The bits are part of the artifact format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CpuFeatures(u64);

cpu_features! {
    CMPXCHG16B = 0, "cmpxchg16b";
    SSE3 = 1, "sse3";
    SSSE3 = 2, "ssse3";
    SSE4_1 = 3, "sse4.1";
    SSE4_2 = 4, "sse4.2";
    POPCNT = 5, "popcnt";
    AVX = 6, "avx";
    AVX2 = 7, "avx2";
    BMI1 = 8, "bmi1";
    BMI2 = 9, "bmi2";
    F16C = 10, "f16c";
    FMA = 11, "fma";
    LZCNT = 12, "lzcnt";
    MOVBE = 13, "movbe";
    AVX512F = 14, "avx512f";
    AVX512BW = 15, "avx512bw";
    AVX512CD = 16, "avx512cd";
    AVX512DQ = 17, "avx512dq";
    AVX512VL = 18, "avx512vl";
    ADX = 19, "adx";
}

impl CpuFeatures {
    /// No feature beyond the baseline of the machine (for x86-64: SSE2).
    pub const BASELINE: Self = Self(0);
    /// x86-64-v2.
    pub const X86_64_V2: Self = Self(
        Self::CMPXCHG16B.0 | Self::SSE3.0 | Self::SSSE3.0 | Self::SSE4_1.0 | Self::SSE4_2.0 | Self::POPCNT.0,
    );
    /// x86-64-v3.
    pub const X86_64_V3: Self = Self(
        Self::X86_64_V2.0
            | Self::AVX.0
            | Self::AVX2.0
            | Self::BMI1.0
            | Self::BMI2.0
            | Self::F16C.0
            | Self::FMA.0
            | Self::LZCNT.0
            | Self::MOVBE.0,
    );
    /// x86-64-v4.
    pub const X86_64_V4: Self = Self(
        Self::X86_64_V3.0
            | Self::AVX512F.0
            | Self::AVX512BW.0
            | Self::AVX512CD.0
            | Self::AVX512DQ.0
            | Self::AVX512VL.0,
    );

    /// The set with these bits; bits without a feature stay set, see [`Self::unknown`].
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, as the artifact stores them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is no feature at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The features of this set that `other` lacks.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits of this set that name no feature.
    pub fn unknown(self) -> Self {
        Self::ALL.iter().fold(self, |rest, &(feature, _)| rest.without(feature))
    }
}

impl BitOr for CpuFeatures {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for CpuFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for &(feature, name) in Self::ALL {
            if !feature.without(*self).is_empty() {
                continue;
            }
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        let unknown = self.unknown();
        if !unknown.is_empty() {
            write!(f, "{separator}bits {:#x}", unknown.0)?;
        }
        Ok(())
    }
}
