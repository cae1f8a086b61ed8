//! Lane shapes: how a vector operation sees the 128 bits of a `v128`.
//!
//! A vector has no shape of its own; each operation names one. Lane 0 is in the lowest bits.

use core::fmt;

use crate::types::Type;

/// Defines the shapes with their names and lane types.
macro_rules! shapes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $lane:ident;)*) => {
        /// How 128 bits are divided into lanes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum LaneShape {
            $($(#[$doc])* $variant,)*
        }

        impl LaneShape {
            /// Every shape.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The type of a lane.
            pub const fn lane_type(self) -> Type {
                match self { $(Self::$variant => Type::$lane,)* }
            }
        }
    };
}

shapes! {
    /// 16 integers of 8 bits.
    I8x16 "i8x16" I8;
    /// 8 integers of 16 bits.
    I16x8 "i16x8" I16;
    /// 4 integers of 32 bits.
    I32x4 "i32x4" I32;
    /// 2 integers of 64 bits.
    I64x2 "i64x2" I64;
    /// 4 binary32.
    F32x4 "f32x4" F32;
    /// 2 binary64.
    F64x2 "f64x2" F64;
}

impl LaneShape {
    /// Width of a lane in bits.
    pub const fn lane_bits(self) -> u32 {
        self.lane_type().bits()
    }

    /// Number of lanes.
    pub const fn lanes(self) -> u32 {
        128 / self.lane_bits()
    }

    /// The shape whose lanes have this type, or `None` where none has.
    pub fn of_lane(ty: Type) -> Option<Self> {
        Self::ALL.iter().copied().find(|shape| shape.lane_type() == ty)
    }

    /// The shape of integers with lanes twice as wide, or `None` for the widest.
    pub const fn widened(self) -> Option<Self> {
        match self {
            Self::I8x16 => Some(Self::I16x8),
            Self::I16x8 => Some(Self::I32x4),
            Self::I32x4 => Some(Self::I64x2),
            _ => None,
        }
    }

    /// The shape of integers with lanes half as wide, or `None` for the narrowest.
    pub const fn narrowed(self) -> Option<Self> {
        match self {
            Self::I16x8 => Some(Self::I8x16),
            Self::I32x4 => Some(Self::I16x8),
            Self::I64x2 => Some(Self::I32x4),
            _ => None,
        }
    }

    /// The shape of integers with lanes of the same width.
    pub const fn integers(self) -> Self {
        match self {
            Self::F32x4 => Self::I32x4,
            Self::F64x2 => Self::I64x2,
            integers => integers,
        }
    }

    /// The shape with this name, or `None` where no such shape exists.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|shape| shape.name() == name)
    }
}

impl fmt::Display for LaneShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
