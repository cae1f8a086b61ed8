//! The types of values.

use core::fmt;

/// Defines the types with their names and widths.
macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident $name:literal $bits:literal $class:ident;)*) => {
        /// Type of a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Type {
            $($(#[$doc])* $variant,)*
        }

        impl Type {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Width in bits; a pointer counts 64.
            pub const fn bits(self) -> u32 {
                match self { $(Self::$variant => $bits,)* }
            }

            /// What kind of value this is.
            pub const fn class(self) -> TypeClass {
                match self { $(Self::$variant => TypeClass::$class,)* }
            }
        }
    };
}

/// Kinds of types, as operations accept them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeClass {
    /// Two's complement integers, `i1` included.
    Integer,
    /// IEEE 754 binary floating point.
    Float,
    /// SIMD vectors.
    Vector,
    /// Native pointers.
    Pointer,
}

types! {
    /// One bit: results of comparisons.
    I1 "i1" 1 Integer;
    /// 8 bits.
    I8 "i8" 8 Integer;
    /// 16 bits.
    I16 "i16" 16 Integer;
    /// 32 bits.
    I32 "i32" 32 Integer;
    /// 64 bits.
    I64 "i64" 64 Integer;
    /// 128 bits.
    I128 "i128" 128 Integer;
    /// 256 bits: the EVM's word.
    I256 "i256" 256 Integer;
    /// binary32.
    F32 "f32" 32 Float;
    /// binary64.
    F64 "f64" 64 Float;
    /// 128-bit vector.
    V128 "v128" 128 Vector;
    /// Native pointer.
    Ptr "ptr" 64 Pointer;
}

impl Type {
    /// Whether this is an integer type.
    pub const fn is_int(self) -> bool {
        matches!(self.class(), TypeClass::Integer)
    }

    /// Width in memory, in bytes (`i1` takes one).
    pub const fn bytes(self) -> u32 {
        self.bits().div_ceil(8)
    }

    /// The type with this name, or `None` where no such type exists.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|ty| ty.name() == name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
