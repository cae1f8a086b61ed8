//! THE table of operations.
//!
//! One row per operation: mnemonic, immediate, operands, results, the types that its controlling
//! type `T` may be, and effects. Builder, printer, parser, verifier and interpreter derive from it.
//!
//! Where an arithmetic operation of floating point gives a NaN, which one is open; `fcanon` makes it a certain one. Everything
//! else here has exactly one meaning.
//!
//! Vector operations (`v.*`) take and give `v128` and say by a lane shape in the immediate how they see the bits. What
//! exists is what machines do in one instruction; frontends compose the rest: complements of comparisons by `not`, greater
//! by exchanged operands, selections by `and`, `or` and `not`, products of wider lanes by extension first.
//! Of `v.f*`, those marked *some NaN* leave open lane by lane which NaN a result is, and `v.fcanon` of the same shape settles
//! it; all other vector operations, `and` to `not` on `v128` included, see or move bits, and so need settled operands.
//!
//! Integer operations are total: division by zero gives 0, the most negative number divided by −1
//! wraps, a shift by the width or more gives 0 (`ashr`: the sign). A frontend whose language traps
//! puts its check in front. Meanings are defined once, in [`crate::eval`] for pure operations and in
//! [`crate::interp`] for the others.

use evmc_abi::Effects;

use crate::shape::LaneShape;
use crate::types::{Type, TypeClass};

/// Type of an operand or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The controlling type.
    T,
    /// Always this type.
    Is(Type),
    /// Any integer type (conversions check the widths themselves).
    AnyInt,
    /// Any type of floating point.
    AnyFloat,
    /// Any type of the same width as the controlling type.
    SameWidth,
    /// As many values as the immediate's signature, host row or runtime row says, of the types it says.
    Rest,
}

/// What an operation carries besides its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImmKind {
    /// Nothing.
    None,
    /// A constant.
    Constant,
    /// A gas amount.
    Amount,
    /// A gas amount and the stretch that it pays for.
    Charge,
    /// An exit code.
    Exit,
    /// A field of the frame.
    Field,
    /// A host function.
    Host,
    /// A function of the module.
    Function,
    /// A function of the runtime.
    Runtime,
    /// A linear memory and a displacement in bytes.
    Linear,
    /// A number of something of the instance.
    Index,
    /// A table and a signature.
    Element,
    /// A signature.
    Signature,
    /// A displacement in items of the memory stack.
    Offset,
    /// A stretch.
    Stretch,
    /// One branch target.
    Jump,
    /// The targets for true and for false.
    Branch,
    /// Targets by value, and a default.
    Switch,
    /// A lane shape, one of these.
    Shape(&'static [LaneShape]),
    /// The number of a lane, in the shape whose lanes have the controlling type.
    Lane,
    /// Sixteen numbers of bytes in two vectors.
    Shuffle,
}

/// Sets of shapes, as rows name them.
impl ImmKind {
    /// Integers.
    const INTS: Self = Self::Shape(&[I8x16, I16x8, I32x4, I64x2]);
    /// Integers of up to 32 bits.
    const INTS_TO_32: Self = Self::Shape(&[I8x16, I16x8, I32x4]);
    /// Integers of up to 16 bits.
    const INTS_TO_16: Self = Self::Shape(&[I8x16, I16x8]);
    /// Integers of 16 and 32 bits.
    const INTS_OF_16_OR_32: Self = Self::Shape(&[I16x8, I32x4]);
    /// Integers of 16 bits and more.
    const INTS_FROM_16: Self = Self::Shape(&[I16x8, I32x4, I64x2]);
    /// Floating point.
    const FLOATS: Self = Self::Shape(&[F32x4, F64x2]);
}

/// The types that a controlling type may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeSet {
    /// The operation has no controlling type.
    No,
    /// Any type.
    Any,
    /// Any integer.
    Int,
    /// Integers and vectors.
    IntOrVector,
    /// Integers of whole bytes.
    Bytes,
    /// Integers of 32 and 64 bits.
    IntOf32Or64,
    /// Floating point.
    Float,
    /// Those that lanes of vectors have.
    Lane,
    /// This one.
    Only(Type),
}

impl TypeSet {
    /// Whether `ty` is in the set.
    pub const fn contains(self, ty: Type) -> bool {
        match self {
            Self::No => false,
            Self::Any => true,
            Self::Int => ty.is_int(),
            Self::IntOrVector => matches!(ty.class(), TypeClass::Integer | TypeClass::Vector),
            Self::Bytes => ty.is_int() && ty.bits() >= 8,
            Self::IntOf32Or64 => matches!(ty, Type::I32 | Type::I64),
            Self::Float => matches!(ty.class(), TypeClass::Float),
            Self::Lane => matches!(ty, Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::F32 | Type::F64),
            Self::Only(only) => only as u8 == ty as u8,
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Mnemonic, without the type.
    pub name: &'static str,
    /// What the operation carries.
    pub imm: ImmKind,
    /// Operands.
    pub args: &'static [Slot],
    /// Results.
    pub results: &'static [Slot],
    /// Which types the controlling type may be.
    pub types: TypeSet,
    /// Effects; those of `host` and `call` come on top, from the immediate.
    pub effects: Effects,
}

/// Defines the operations and their rows.
macro_rules! opcodes {
    ($($(#[$doc:meta])* $variant:ident $name:literal $imm:ident ($($arg:expr),*) -> ($($result:expr),*), $types:expr, [$($effect:ident)*];)*) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Opcode {
            $($(#[$doc])* $variant,)*
        }

        impl Opcode {
            /// Every operation, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The operation's row.
            pub const fn row(self) -> &'static Row {
                const ROWS: &[Row] = &[$(Row {
                    name: $name,
                    imm: ImmKind::$imm,
                    args: &[$($arg),*],
                    results: &[$($result),*],
                    types: $types,
                    effects: Effects::all(&[$(Effects::$effect),*]),
                }),*];
                &ROWS[self as usize]
            }
        }
    };
}

use LaneShape::{F32x4, F64x2, I8x16, I16x8, I32x4, I64x2};
use Slot::{AnyFloat, AnyInt, Is, Rest, SameWidth, T};
use Type::{F32, F64, I1, I32, I64, I256};
use TypeSet::{Any, Bytes, Float, Int, IntOf32Or64, IntOrVector, Lane, No, Only};

/// A vector.
const V: Slot = Is(Type::V128);

opcodes! {
    /// A constant; floats and vectors by their bits.
    Const "const" Constant () -> (T), Any, [];

    /// Sum, wrapping.
    Add "add" None (T, T) -> (T), Int, [];
    /// Difference, wrapping.
    Sub "sub" None (T, T) -> (T), Int, [];
    /// Product, wrapping.
    Mul "mul" None (T, T) -> (T), Int, [];
    /// Sum, and whether it carried out of the width.
    AddCarry "add_carry" None (T, T) -> (T, Is(I1)), Int, [];
    /// Difference, and whether it borrowed.
    SubBorrow "sub_borrow" None (T, T) -> (T, Is(I1)), Int, [];
    /// Unsigned quotient; 0 for a zero divisor.
    Udiv "udiv" None (T, T) -> (T), Int, [];
    /// Signed quotient, truncating; 0 for a zero divisor.
    Sdiv "sdiv" None (T, T) -> (T), Int, [];
    /// Unsigned remainder; 0 for a zero divisor.
    Urem "urem" None (T, T) -> (T), Int, [];
    /// Signed remainder with the dividend's sign; 0 for a zero divisor.
    Srem "srem" None (T, T) -> (T), Int, [];
    /// `(a + b) mod n`, exact; 0 for a zero modulus.
    Addmod "addmod" None (T, T, T) -> (T), Int, [];
    /// `(a · b) mod n`, exact; 0 for a zero modulus.
    Mulmod "mulmod" None (T, T, T) -> (T), Int, [];
    /// `base^exponent`, wrapping.
    Exp "exp" None (T, T) -> (T), Int, [];

    /// Bitwise and.
    And "and" None (T, T) -> (T), IntOrVector, [];
    /// Bitwise or.
    Or "or" None (T, T) -> (T), IntOrVector, [];
    /// Bitwise exclusive or.
    Xor "xor" None (T, T) -> (T), IntOrVector, [];
    /// Bitwise complement.
    Not "not" None (T) -> (T), IntOrVector, [];
    /// `value << amount`; 0 from the width on.
    Shl "shl" None (T, T) -> (T), Int, [];
    /// `value >> amount`, filling with zeros; 0 from the width on.
    Lshr "lshr" None (T, T) -> (T), Int, [];
    /// `value >> amount`, filling with the sign; all sign from the width on.
    Ashr "ashr" None (T, T) -> (T), Int, [];
    /// Rotation to the left by `amount` modulo the width.
    Rotl "rotl" None (T, T) -> (T), Int, [];
    /// Rotation to the right by `amount` modulo the width.
    Rotr "rotr" None (T, T) -> (T), Int, [];
    /// Leading zeros; the width for 0.
    Clz "clz" None (T) -> (T), Int, [];
    /// Trailing zeros; the width for 0.
    Ctz "ctz" None (T) -> (T), Int, [];
    /// Bits that are one.
    Popcnt "popcnt" None (T) -> (T), Int, [];
    /// Bytes in reverse order.
    Bswap "bswap" None (T) -> (T), Bytes, [];
    /// `byte index, value`: the byte at `index` from the most significant; 0 beyond.
    Byte "byte" None (T, T) -> (T), Bytes, [];
    /// `sign_extend index, value`: extends from the byte at `index` from the least significant.
    SignExtend "sign_extend" None (T, T) -> (T), Bytes, [];

    /// Equal.
    Eq "eq" None (T, T) -> (Is(I1)), Any, [];
    /// Not equal.
    Ne "ne" None (T, T) -> (Is(I1)), Any, [];
    /// Unsigned less.
    Ult "ult" None (T, T) -> (Is(I1)), Int, [];
    /// Unsigned less or equal.
    Ule "ule" None (T, T) -> (Is(I1)), Int, [];
    /// Unsigned greater.
    Ugt "ugt" None (T, T) -> (Is(I1)), Int, [];
    /// Unsigned greater or equal.
    Uge "uge" None (T, T) -> (Is(I1)), Int, [];
    /// Signed less.
    Slt "slt" None (T, T) -> (Is(I1)), Int, [];
    /// Signed less or equal.
    Sle "sle" None (T, T) -> (Is(I1)), Int, [];
    /// Signed greater.
    Sgt "sgt" None (T, T) -> (Is(I1)), Int, [];
    /// Signed greater or equal.
    Sge "sge" None (T, T) -> (Is(I1)), Int, [];
    /// The second operand where the first is true, else the third.
    Select "select" None (Is(I1), T, T) -> (T), Any, [];

    /// A narrower integer, zero-extended to `T`.
    Zext "zext" None (AnyInt) -> (T), Int, [];
    /// A narrower integer, sign-extended to `T`.
    Sext "sext" None (AnyInt) -> (T), Int, [];
    /// The low bits of a wider integer.
    Trunc "trunc" None (AnyInt) -> (T), Int, [];
    /// The same bits as another type.
    Bitcast "bitcast" None (SameWidth) -> (T), Any, [];

    /// Floating-point sum.
    Fadd "fadd" None (T, T) -> (T), Float, [];
    /// Floating-point difference.
    Fsub "fsub" None (T, T) -> (T), Float, [];
    /// Floating-point product.
    Fmul "fmul" None (T, T) -> (T), Float, [];
    /// Floating-point quotient.
    Fdiv "fdiv" None (T, T) -> (T), Float, [];
    /// Minimum; NaN where an operand is NaN, −0 below +0.
    Fmin "fmin" None (T, T) -> (T), Float, [];
    /// Maximum; NaN where an operand is NaN, +0 above −0.
    Fmax "fmax" None (T, T) -> (T), Float, [];
    /// Square root.
    Fsqrt "fsqrt" None (T) -> (T), Float, [];
    /// Absolute value: clears the sign bit.
    Fabs "fabs" None (T) -> (T), Float, [];
    /// Negation: flips the sign bit.
    Fneg "fneg" None (T) -> (T), Float, [];
    /// The first operand with the sign of the second.
    Fcopysign "fcopysign" None (T, T) -> (T), Float, [];
    /// Round up.
    Fceil "fceil" None (T) -> (T), Float, [];
    /// Round down.
    Ffloor "ffloor" None (T) -> (T), Float, [];
    /// Round towards zero.
    Ftrunc "ftrunc" None (T) -> (T), Float, [];
    /// Round to nearest, ties to even.
    Fnearest "fnearest" None (T) -> (T), Float, [];
    /// The canonical quiet NaN (positive, only the top bit of the fraction set) for any NaN, else the value itself.
    Fcanon "fcanon" None (T) -> (T), Float, [];
    /// binary32 to binary64.
    Fpromote "fpromote" None (Is(F32)) -> (T), Only(F64), [];
    /// binary64 to binary32, to nearest.
    Fdemote "fdemote" None (Is(F64)) -> (T), Only(F32), [];
    /// A float truncated to a signed integer; the nearest bound where it does not fit, 0 for NaN.
    FtoSint "f_to_sint" None (AnyFloat) -> (T), IntOf32Or64, [];
    /// A float truncated to an unsigned integer; the nearest bound where it does not fit, 0 for NaN.
    FtoUint "f_to_uint" None (AnyFloat) -> (T), IntOf32Or64, [];
    /// A signed integer of 32 or 64 bits as a float, to nearest.
    SintToF "sint_to_f" None (AnyInt) -> (T), Float, [];
    /// An unsigned integer of 32 or 64 bits as a float, to nearest.
    UintToF "uint_to_f" None (AnyInt) -> (T), Float, [];
    /// Ordered and equal.
    Feq "feq" None (T, T) -> (Is(I1)), Float, [];
    /// Unordered or not equal.
    Fne "fne" None (T, T) -> (Is(I1)), Float, [];
    /// Ordered and less.
    Flt "flt" None (T, T) -> (Is(I1)), Float, [];
    /// Ordered and less or equal.
    Fle "fle" None (T, T) -> (Is(I1)), Float, [];

    /// A vector with the operand in every lane.
    Vsplat "v.splat" None (T) -> (V), Lane, [];
    /// A lane.
    Vextract "v.extract" Lane (V) -> (T), Lane, [];
    /// `v.insert vector, value`: the vector with another value in a lane.
    Vinsert "v.insert" Lane (V, T) -> (V), Lane, [];
    /// Bytes of two vectors, by their numbers: 0 to 15 in the first, 16 to 31 in the second.
    Vshuffle "v.shuffle" Shuffle (V, V) -> (V), No, [];
    /// `v.swizzle vector, indices`: the bytes of the vector at the indices; 0 for an index above 15.
    Vswizzle "v.swizzle" None (V, V) -> (V), No, [];
    /// Whether any bit is one.
    VanyTrue "v.any_true" None (V) -> (Is(I1)), No, [];
    /// Whether no lane is zero.
    VallTrue "v.all_true" INTS (V) -> (Is(I1)), No, [];
    /// The top bits of all lanes, that of lane 0 lowest.
    Vbitmask "v.bitmask" INTS (V) -> (Is(I32)), No, [];

    /// Sums, wrapping.
    Vadd "v.add" INTS (V, V) -> (V), No, [];
    /// Differences, wrapping.
    Vsub "v.sub" INTS (V, V) -> (V), No, [];
    /// Products, wrapping.
    Vmul "v.mul" INTS_FROM_16 (V, V) -> (V), No, [];
    /// Absolute values; the most negative number stays.
    Vabs "v.abs" INTS (V) -> (V), No, [];
    /// Signed sums, the nearest bound where they do not fit.
    VsaddSat "v.sadd_sat" INTS_TO_16 (V, V) -> (V), No, [];
    /// Unsigned sums, the greatest number where they do not fit.
    VuaddSat "v.uadd_sat" INTS_TO_16 (V, V) -> (V), No, [];
    /// Signed differences, the nearest bound where they do not fit.
    VssubSat "v.ssub_sat" INTS_TO_16 (V, V) -> (V), No, [];
    /// Unsigned differences, 0 where they do not fit.
    VusubSat "v.usub_sat" INTS_TO_16 (V, V) -> (V), No, [];
    /// Signed minima.
    Vsmin "v.smin" INTS_TO_32 (V, V) -> (V), No, [];
    /// Unsigned minima.
    Vumin "v.umin" INTS_TO_32 (V, V) -> (V), No, [];
    /// Signed maxima.
    Vsmax "v.smax" INTS_TO_32 (V, V) -> (V), No, [];
    /// Unsigned maxima.
    Vumax "v.umax" INTS_TO_32 (V, V) -> (V), No, [];
    /// Unsigned averages, rounded up.
    Vavgr "v.avgr" INTS_TO_16 (V, V) -> (V), No, [];
    /// Products of signed fractions of 15 bits in `i16x8`, rounded; the greatest number where they do not fit.
    Vq15mulrSat "v.q15mulr_sat" None (V, V) -> (V), No, [];
    /// Sums, in `i32x4`, of the signed products of two neighbours in `i16x8` each, wrapping.
    Vdot "v.dot" None (V, V) -> (V), No, [];
    /// Bits that are one in each byte.
    Vpopcnt "v.popcnt" None (V) -> (V), No, [];
    /// `v.shl vector, amount`: shifts to the left by the amount modulo the width of a lane.
    Vshl "v.shl" INTS (V, Is(I32)) -> (V), No, [];
    /// The same to the right, filling with zeros.
    Vlshr "v.lshr" INTS (V, Is(I32)) -> (V), No, [];
    /// The same to the right, filling with the sign.
    Vashr "v.ashr" INTS (V, Is(I32)) -> (V), No, [];
    /// Lanes of ones where equal, else of zeros; so do all comparisons.
    Veq "v.eq" INTS (V, V) -> (V), No, [];
    /// Unsigned less.
    Vult "v.ult" INTS_TO_32 (V, V) -> (V), No, [];
    /// Unsigned less or equal.
    Vule "v.ule" INTS_TO_32 (V, V) -> (V), No, [];
    /// Signed less.
    Vslt "v.slt" INTS (V, V) -> (V), No, [];
    /// Signed less or equal.
    Vsle "v.sle" INTS (V, V) -> (V), No, [];
    /// Signed lanes of the shape, those of the first operand first, as signed ones of half the width; the nearest bound where
    /// they do not fit.
    Vsnarrow "v.snarrow" INTS_OF_16_OR_32 (V, V) -> (V), No, [];
    /// The same, as unsigned ones of half the width.
    Vunarrow "v.unarrow" INTS_OF_16_OR_32 (V, V) -> (V), No, [];
    /// The lower half of the shape's lanes, sign-extended to twice the width.
    VsextLow "v.sext_low" INTS_TO_32 (V) -> (V), No, [];
    /// The upper half, sign-extended.
    VsextHigh "v.sext_high" INTS_TO_32 (V) -> (V), No, [];
    /// The lower half, zero-extended.
    VzextLow "v.zext_low" INTS_TO_32 (V) -> (V), No, [];
    /// The upper half, zero-extended.
    VzextHigh "v.zext_high" INTS_TO_32 (V) -> (V), No, [];
    /// Sums of two neighbours each, sign-extended to twice the width.
    VsaddPairs "v.sadd_pairs" INTS_TO_16 (V) -> (V), No, [];
    /// Sums of two neighbours each, zero-extended to twice the width.
    VuaddPairs "v.uadd_pairs" INTS_TO_16 (V) -> (V), No, [];

    /// Floating-point sums; some NaN.
    Vfadd "v.fadd" FLOATS (V, V) -> (V), No, [];
    /// Floating-point differences; some NaN.
    Vfsub "v.fsub" FLOATS (V, V) -> (V), No, [];
    /// Floating-point products; some NaN.
    Vfmul "v.fmul" FLOATS (V, V) -> (V), No, [];
    /// Floating-point quotients; some NaN.
    Vfdiv "v.fdiv" FLOATS (V, V) -> (V), No, [];
    /// Minima; some NaN where an operand is NaN, −0 below +0.
    Vfmin "v.fmin" FLOATS (V, V) -> (V), No, [];
    /// Maxima; some NaN where an operand is NaN, +0 above −0.
    Vfmax "v.fmax" FLOATS (V, V) -> (V), No, [];
    /// The second operand's lane where it is less, else the first's.
    Vpmin "v.pmin" FLOATS (V, V) -> (V), No, [];
    /// The second operand's lane where it is greater, else the first's.
    Vpmax "v.pmax" FLOATS (V, V) -> (V), No, [];
    /// Square roots; some NaN.
    Vfsqrt "v.fsqrt" FLOATS (V) -> (V), No, [];
    /// Round up; some NaN.
    Vfceil "v.fceil" FLOATS (V) -> (V), No, [];
    /// Round down; some NaN.
    Vffloor "v.ffloor" FLOATS (V) -> (V), No, [];
    /// Round towards zero; some NaN.
    Vftrunc "v.ftrunc" FLOATS (V) -> (V), No, [];
    /// Round to nearest, ties to even; some NaN.
    Vfnearest "v.fnearest" FLOATS (V) -> (V), No, [];
    /// The canonical quiet NaN in every lane that is a NaN, else the lane itself.
    Vfcanon "v.fcanon" FLOATS (V) -> (V), No, [];
    /// Ordered and equal.
    Vfeq "v.feq" FLOATS (V, V) -> (V), No, [];
    /// Unordered or not equal.
    Vfne "v.fne" FLOATS (V, V) -> (V), No, [];
    /// Ordered and less.
    Vflt "v.flt" FLOATS (V, V) -> (V), No, [];
    /// Ordered and less or equal.
    Vfle "v.fle" FLOATS (V, V) -> (V), No, [];
    /// The shape's lanes truncated to signed integers of 32 bits, lowest first, then zeros; the nearest bound where they do
    /// not fit, 0 for NaN.
    VfToSint "v.f_to_sint" FLOATS (V) -> (V), No, [];
    /// The same to unsigned integers of 32 bits.
    VfToUint "v.f_to_uint" FLOATS (V) -> (V), No, [];
    /// As many of the lowest signed integers of 32 bits as the shape has lanes, as floats, to nearest.
    VsintToF "v.sint_to_f" FLOATS (V) -> (V), No, [];
    /// The same of unsigned integers of 32 bits.
    VuintToF "v.uint_to_f" FLOATS (V) -> (V), No, [];
    /// The two lower lanes of `f32x4` as `f64x2`; some NaN.
    Vfpromote "v.fpromote" None (V) -> (V), No, [];
    /// The lanes of `f64x2` as the two lower ones of `f32x4`, to nearest, then zeros; some NaN.
    Vfdemote "v.fdemote" None (V) -> (V), No, [];

    /// Little-endian load from VM memory at a byte offset; the range is ensured.
    MemLoad "mem.load" None (Is(I64)) -> (T), Any, [READS_MEMORY];
    /// `mem.store offset, value`: little-endian store to VM memory; the range is ensured.
    MemStore "mem.store" None (Is(I64), T) -> (), Any, [WRITES_MEMORY];
    /// Grows VM memory to hold `end` bytes, rounded up to the language's unit, and pays for it.
    MemEnsure "mem.ensure" None (Is(I64)) -> (), No, [METERED GROWS_MEMORY];
    /// The 32 bytes of calldata from an offset as a big-endian word, zero-padded at the end.
    CalldataLoad "calldata.load" None (Is(I256)) -> (Is(I256)), No, [READS_HOST];
    /// A field of the frame: numbers zero-extended to `T`, words as `i256`.
    FrameGet "frame.get" Field () -> (T), Any, [READS_HOST READS_MEMORY];

    /// `stack.load height`: the item of the memory stack at `height` + displacement.
    StackLoad "stack.load" Offset (Is(I64)) -> (T), Only(I256), [READS_STACK];
    /// `stack.store height, value`: stores the item at `height` + displacement.
    StackStore "stack.store" Offset (Is(I64), T) -> (), Only(I256), [WRITES_STACK];
    /// `stack.check height, needs, room`: exits with the stretch unless `height ≥ needs` and
    /// `height ≤ room`; leaves the height for the runtime.
    StackCheck "stack.check" Stretch (Is(I64), Is(I64), Is(I64)) -> (), No, [READS_GAS MAY_EXIT];

    /// `lin.load address`: little-endian load from a linear memory at address + displacement; traps outside.
    LinLoad "lin.load" Linear (Is(I64)) -> (T), Any, [READS_MEMORY MAY_EXIT];
    /// `lin.store address, value`: little-endian store to a linear memory at address + displacement; traps outside, and
    /// then stores nothing.
    LinStore "lin.store" Linear (Is(I64), T) -> (), Any, [WRITES_MEMORY MAY_EXIT];
    /// `lin.read address`: as `lin.load`, of an access that is known to be inside. Reads and writes that cannot trap keep
    /// their order among one another, and may be moved over accesses that can, but not over `lin.fence`.
    LinRead "lin.read" Linear (Is(I64)) -> (T), Any, [READS_MEMORY];
    /// `lin.write address, value`: as `lin.store`, of an access that is known to be inside.
    LinWrite "lin.write" Linear (Is(I64), T) -> (), Any, [WRITES_MEMORY];
    /// Behind it, all `lin.write` before it are done.
    LinFence "lin.fence" None () -> (), No, [READS_MEMORY WRITES_MEMORY];
    /// The length of a linear memory, in pages.
    MemorySize "memory.size" Index () -> (Is(I64)), No, [READS_HOST];
    /// A global of the instance, imported ones first.
    GlobalGet "global.get" Index () -> (T), Any, [READS_HOST];
    /// `global.set value`: changes a global.
    GlobalSet "global.set" Index (T) -> (), Any, [WRITES_HOST];
    /// `table.get index`: an element of a table, 0 for null; traps outside.
    TableGet "table.get" Index (Is(I64)) -> (Is(I64)), No, [READS_HOST MAY_EXIT];
    /// `table.set index, reference`: changes an element of a table; traps outside.
    TableSet "table.set" Index (Is(I64), Is(I64)) -> (), No, [WRITES_HOST MAY_EXIT];
    /// Number of elements of a table.
    TableSize "table.size" Index () -> (Is(I64)), No, [READS_HOST];
    /// A reference to an imported function.
    FuncImported "func.imported" Index () -> (Is(I64)), No, [READS_HOST];
    /// A reference to a function of the module's own, by its number among the referenced ones.
    FuncOwn "func.own" Index () -> (Is(I64)), No, [READS_HOST];
    /// `func.element index`: the function in an element of a table; traps outside, where the element is null, and where the
    /// function has another signature.
    FuncElement "func.element" Element (Is(I64)) -> (Is(I64)), No, [READS_HOST MAY_EXIT];
    /// An argument or result on its way between runtime and code, by its number.
    SlotGet "slot.get" Index () -> (T), Any, [READS_HOST];
    /// `slot.set value`: puts an argument or result on its way.
    SlotSet "slot.set" Index (T) -> (), Any, [WRITES_HOST];

    /// Pays static gas and checks nothing: the counter may fall below zero, as a signed number, until `gas.check`.
    GasPay "gas.pay" Amount () -> (), No, [READS_GAS WRITES_GAS];
    /// Exits with `out_of_gas` where the counter is below zero.
    GasCheck "gas.check" None () -> (), No, [READS_GAS MAY_EXIT];
    /// `depth.check left`: exits with `out_of_gas` where the counter is below zero, else with `call_stack_exhausted` where
    /// the operand is. In modules that are not metered only the latter.
    DepthCheck "depth.check" None (Is(I64)) -> (), No, [READS_GAS MAY_EXIT];
    /// Pays static gas for a stretch; exits with `out_of_gas`, which leaves no gas.
    GasCharge "gas.charge" Charge () -> (), No, [METERED];
    /// `gas.charge_at height`: the same where the stack height is dynamic; exits with the stretch.
    GasChargeAt "gas.charge_at" Charge (Is(I64)) -> (), No, [METERED];
    /// Pays an amount of gas; exits with `out_of_gas`.
    GasChargeDyn "gas.charge_dyn" None (Is(I64)) -> (), No, [METERED];
    /// Gives an amount of gas back that was paid before on the same path, so that it can be paid later.
    GasCredit "gas.credit" None (Is(I64)) -> (), No, [READS_GAS WRITES_GAS];
    /// Gas left.
    GasRemaining "gas.remaining" None () -> (Is(I64)), No, [READS_GAS];

    /// Ends the frame with a code where the operand is true.
    ExitIf "exit_if" Exit (Is(I1)) -> (), No, [READS_GAS MAY_EXIT];
    /// Calls a host function: words in, words out.
    Host "host" Host (Rest) -> (Rest), No, [];
    /// Calls a function of the runtime.
    Runtime "runtime" Runtime (Rest) -> (Rest), No, [];
    /// `call_ref reference, arguments`: calls the function that a reference, not null, points to; it has the signature.
    CallRef "call_ref" Signature (Rest) -> (Rest), No,
        [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// Calls a function of the module. An exit inside it ends the caller too.
    Call "call" Function (Rest) -> (Rest), No,
        [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST READS_STACK WRITES_STACK];

    /// Goes on in a block.
    Jump "jump" Jump () -> (), No, [TERMINATES];
    /// Goes on in one of two blocks.
    Branch "branch" Branch (Is(I1)) -> (), No, [TERMINATES];
    /// Goes on in the block for the operand's value, or in the default.
    Switch "switch" Switch (T) -> (), Int, [TERMINATES];
    /// Returns the function's results to its caller in the module.
    Ret "ret" None (Rest) -> (), No, [TERMINATES];
    /// Calls a function of the module with the same results, in the place of this one.
    RetCall "ret_call" Function (Rest) -> (), No, [TERMINATES METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `ret_call_ref reference, arguments`: `call_ref` with the same results, in the place of this function.
    RetCallRef "ret_call_ref" Signature (Rest) -> (), No, [TERMINATES METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// Ends the frame with a code.
    Exit "exit" Exit () -> (), No, [TERMINATES READS_GAS MAY_EXIT];
    /// Is never reached, since what is before it never comes back.
    Unreachable "unreachable" None () -> (), No, [TERMINATES];
}

impl Opcode {
    /// The operation with this mnemonic, or `None` where no such operation exists.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|opcode| opcode.row().name == name)
    }

    /// Whether the operation ends a block.
    pub const fn is_terminator(self) -> bool {
        self.row().effects.contains(Effects::TERMINATES)
    }
}
