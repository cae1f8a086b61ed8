//! What each operator on vectors does, as rows.

use evmc_ir::LaneShape::{self, F32x4, F64x2, I8x16, I16x8, I32x4, I64x2};
use evmc_ir::{Opcode, Type};
use wasmparser::{MemArg, Operator as Op};

/// What an operator does with its operands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row {
    /// One operation on one operand.
    One(Opcode),
    /// One operation on two operands.
    Pair(Opcode),
    /// One operation on one operand in a shape.
    Shaped(Opcode, LaneShape),
    /// One operation on two operands in a shape.
    ShapedPair(Opcode, LaneShape),
    /// A comparison with its operands exchanged.
    Swapped(Opcode, LaneShape),
    /// The complement of equality.
    NotEqual(LaneShape),
    /// A difference from zero.
    Negate(LaneShape),
    /// The product of halves that an operation extends from a shape to another.
    Product(Opcode, LaneShape, LaneShape),
    /// Arithmetic of floats on one operand.
    Float(Opcode, LaneShape),
    /// Arithmetic of floats on two operands.
    FloatPair(Opcode, LaneShape),
    /// Floats as those of another width, which a shape has.
    Resized(Opcode, LaneShape),
    /// The sign bits cleared.
    FloatAbs(LaneShape),
    /// The sign bits flipped.
    FloatNegate(LaneShape),
    /// The first operand's bits where the second has zeros.
    AndNot,
    /// The first operand's bits where the third has ones, else the second's.
    Bitselect,
    /// Whether a bit is one, as a number.
    AnyTrue,
    /// Whether no lane is zero, as a number.
    AllTrue(LaneShape),
    /// Bytes of two operands.
    Shuffle([u8; 16]),
    /// An operand, its low bits of a type, in every lane.
    Splat(Type),
    /// A lane, extended by an operation.
    Extract(Type, u8, Opcode),
    /// A lane as it is.
    ExtractWhole(Type, u8),
    /// An operand, its low bits of a type, in one lane.
    Replace(Type, u8),
    /// A load into every lane.
    LoadSplat(MemArg, Type),
    /// A load of half a vector in a shape, which an operation extends.
    LoadExtend(MemArg, Opcode, LaneShape),
    /// A load into the lowest lane, the others zero.
    LoadZero(MemArg, Type),
    /// A load into one lane of an operand.
    LoadLane(MemArg, Type, u8),
    /// A store of one lane.
    StoreLane(MemArg, Type, u8),
}

/// The row of an operator, if it is one on vectors.
pub(super) fn row(operator: &Op<'_>) -> Option<Row> {
    lanes(operator)
        .or_else(|| memory(operator))
        .or_else(|| comparison(operator))
        .or_else(|| integer(operator))
        .or_else(|| resizing(operator))
        .or_else(|| float(operator))
}

/// Lanes and bits.
fn lanes(operator: &Op<'_>) -> Option<Row> {
    use Row::{
        AllTrue, AndNot, AnyTrue, Bitselect, Extract, ExtractWhole, One, Pair, Replace, Shaped, Shuffle,
        Splat,
    };
    Some(match *operator {
        Op::I8x16Shuffle { lanes } => Shuffle(lanes),
        Op::I8x16Swizzle => Pair(Opcode::Vswizzle),
        Op::I8x16Splat => Splat(Type::I8),
        Op::I16x8Splat => Splat(Type::I16),
        Op::I32x4Splat => Splat(Type::I32),
        Op::I64x2Splat => Splat(Type::I64),
        Op::F32x4Splat => Splat(Type::F32),
        Op::F64x2Splat => Splat(Type::F64),
        Op::I8x16ExtractLaneS { lane } => Extract(Type::I8, lane, Opcode::Sext),
        Op::I8x16ExtractLaneU { lane } => Extract(Type::I8, lane, Opcode::Zext),
        Op::I16x8ExtractLaneS { lane } => Extract(Type::I16, lane, Opcode::Sext),
        Op::I16x8ExtractLaneU { lane } => Extract(Type::I16, lane, Opcode::Zext),
        Op::I32x4ExtractLane { lane } => ExtractWhole(Type::I32, lane),
        Op::I64x2ExtractLane { lane } => ExtractWhole(Type::I64, lane),
        Op::F32x4ExtractLane { lane } => ExtractWhole(Type::F32, lane),
        Op::F64x2ExtractLane { lane } => ExtractWhole(Type::F64, lane),
        Op::I8x16ReplaceLane { lane } => Replace(Type::I8, lane),
        Op::I16x8ReplaceLane { lane } => Replace(Type::I16, lane),
        Op::I32x4ReplaceLane { lane } => Replace(Type::I32, lane),
        Op::I64x2ReplaceLane { lane } => Replace(Type::I64, lane),
        Op::F32x4ReplaceLane { lane } => Replace(Type::F32, lane),
        Op::F64x2ReplaceLane { lane } => Replace(Type::F64, lane),
        Op::V128Not => One(Opcode::Not),
        Op::V128And => Pair(Opcode::And),
        Op::V128Or => Pair(Opcode::Or),
        Op::V128Xor => Pair(Opcode::Xor),
        Op::V128AndNot => AndNot,
        Op::V128Bitselect => Bitselect,
        Op::V128AnyTrue => AnyTrue,
        Op::I8x16AllTrue => AllTrue(I8x16),
        Op::I16x8AllTrue => AllTrue(I16x8),
        Op::I32x4AllTrue => AllTrue(I32x4),
        Op::I64x2AllTrue => AllTrue(I64x2),
        Op::I8x16Bitmask => Shaped(Opcode::Vbitmask, I8x16),
        Op::I16x8Bitmask => Shaped(Opcode::Vbitmask, I16x8),
        Op::I32x4Bitmask => Shaped(Opcode::Vbitmask, I32x4),
        Op::I64x2Bitmask => Shaped(Opcode::Vbitmask, I64x2),
        _ => return None,
    })
}

/// Loads and stores of less than a vector, or of more than its bits.
fn memory(operator: &Op<'_>) -> Option<Row> {
    use Row::{LoadExtend, LoadLane, LoadSplat, LoadZero, StoreLane};
    Some(match *operator {
        Op::V128Load8Splat { memarg } => LoadSplat(memarg, Type::I8),
        Op::V128Load16Splat { memarg } => LoadSplat(memarg, Type::I16),
        Op::V128Load32Splat { memarg } => LoadSplat(memarg, Type::I32),
        Op::V128Load64Splat { memarg } => LoadSplat(memarg, Type::I64),
        Op::V128Load8x8S { memarg } => LoadExtend(memarg, Opcode::VsextLow, I8x16),
        Op::V128Load8x8U { memarg } => LoadExtend(memarg, Opcode::VzextLow, I8x16),
        Op::V128Load16x4S { memarg } => LoadExtend(memarg, Opcode::VsextLow, I16x8),
        Op::V128Load16x4U { memarg } => LoadExtend(memarg, Opcode::VzextLow, I16x8),
        Op::V128Load32x2S { memarg } => LoadExtend(memarg, Opcode::VsextLow, I32x4),
        Op::V128Load32x2U { memarg } => LoadExtend(memarg, Opcode::VzextLow, I32x4),
        Op::V128Load32Zero { memarg } => LoadZero(memarg, Type::I32),
        Op::V128Load64Zero { memarg } => LoadZero(memarg, Type::I64),
        Op::V128Load8Lane { memarg, lane } => LoadLane(memarg, Type::I8, lane),
        Op::V128Load16Lane { memarg, lane } => LoadLane(memarg, Type::I16, lane),
        Op::V128Load32Lane { memarg, lane } => LoadLane(memarg, Type::I32, lane),
        Op::V128Load64Lane { memarg, lane } => LoadLane(memarg, Type::I64, lane),
        Op::V128Store8Lane { memarg, lane } => StoreLane(memarg, Type::I8, lane),
        Op::V128Store16Lane { memarg, lane } => StoreLane(memarg, Type::I16, lane),
        Op::V128Store32Lane { memarg, lane } => StoreLane(memarg, Type::I32, lane),
        Op::V128Store64Lane { memarg, lane } => StoreLane(memarg, Type::I64, lane),
        _ => return None,
    })
}

/// Comparisons.
fn comparison(operator: &Op<'_>) -> Option<Row> {
    use Row::{NotEqual, ShapedPair, Swapped};
    Some(match operator {
        Op::I8x16Eq => ShapedPair(Opcode::Veq, I8x16),
        Op::I8x16Ne => NotEqual(I8x16),
        Op::I8x16LtS => ShapedPair(Opcode::Vslt, I8x16),
        Op::I8x16GtS => Swapped(Opcode::Vslt, I8x16),
        Op::I8x16LeS => ShapedPair(Opcode::Vsle, I8x16),
        Op::I8x16GeS => Swapped(Opcode::Vsle, I8x16),
        Op::I8x16LtU => ShapedPair(Opcode::Vult, I8x16),
        Op::I8x16GtU => Swapped(Opcode::Vult, I8x16),
        Op::I8x16LeU => ShapedPair(Opcode::Vule, I8x16),
        Op::I8x16GeU => Swapped(Opcode::Vule, I8x16),
        Op::I16x8Eq => ShapedPair(Opcode::Veq, I16x8),
        Op::I16x8Ne => NotEqual(I16x8),
        Op::I16x8LtS => ShapedPair(Opcode::Vslt, I16x8),
        Op::I16x8GtS => Swapped(Opcode::Vslt, I16x8),
        Op::I16x8LeS => ShapedPair(Opcode::Vsle, I16x8),
        Op::I16x8GeS => Swapped(Opcode::Vsle, I16x8),
        Op::I16x8LtU => ShapedPair(Opcode::Vult, I16x8),
        Op::I16x8GtU => Swapped(Opcode::Vult, I16x8),
        Op::I16x8LeU => ShapedPair(Opcode::Vule, I16x8),
        Op::I16x8GeU => Swapped(Opcode::Vule, I16x8),
        Op::I32x4Eq => ShapedPair(Opcode::Veq, I32x4),
        Op::I32x4Ne => NotEqual(I32x4),
        Op::I32x4LtS => ShapedPair(Opcode::Vslt, I32x4),
        Op::I32x4GtS => Swapped(Opcode::Vslt, I32x4),
        Op::I32x4LeS => ShapedPair(Opcode::Vsle, I32x4),
        Op::I32x4GeS => Swapped(Opcode::Vsle, I32x4),
        Op::I32x4LtU => ShapedPair(Opcode::Vult, I32x4),
        Op::I32x4GtU => Swapped(Opcode::Vult, I32x4),
        Op::I32x4LeU => ShapedPair(Opcode::Vule, I32x4),
        Op::I32x4GeU => Swapped(Opcode::Vule, I32x4),
        Op::I64x2Eq => ShapedPair(Opcode::Veq, I64x2),
        Op::I64x2Ne => NotEqual(I64x2),
        Op::I64x2LtS => ShapedPair(Opcode::Vslt, I64x2),
        Op::I64x2GtS => Swapped(Opcode::Vslt, I64x2),
        Op::I64x2LeS => ShapedPair(Opcode::Vsle, I64x2),
        Op::I64x2GeS => Swapped(Opcode::Vsle, I64x2),
        Op::F32x4Eq => ShapedPair(Opcode::Vfeq, F32x4),
        Op::F32x4Ne => ShapedPair(Opcode::Vfne, F32x4),
        Op::F32x4Lt => ShapedPair(Opcode::Vflt, F32x4),
        Op::F32x4Gt => Swapped(Opcode::Vflt, F32x4),
        Op::F32x4Le => ShapedPair(Opcode::Vfle, F32x4),
        Op::F32x4Ge => Swapped(Opcode::Vfle, F32x4),
        Op::F64x2Eq => ShapedPair(Opcode::Vfeq, F64x2),
        Op::F64x2Ne => ShapedPair(Opcode::Vfne, F64x2),
        Op::F64x2Lt => ShapedPair(Opcode::Vflt, F64x2),
        Op::F64x2Gt => Swapped(Opcode::Vflt, F64x2),
        Op::F64x2Le => ShapedPair(Opcode::Vfle, F64x2),
        Op::F64x2Ge => Swapped(Opcode::Vfle, F64x2),
        _ => return None,
    })
}

/// Integer arithmetic on lanes of one width.
fn integer(operator: &Op<'_>) -> Option<Row> {
    use Row::{Negate, One, Pair, Shaped, ShapedPair};
    Some(match operator {
        Op::I8x16Add => ShapedPair(Opcode::Vadd, I8x16),
        Op::I8x16Sub => ShapedPair(Opcode::Vsub, I8x16),
        Op::I8x16Neg => Negate(I8x16),
        Op::I8x16Abs => Shaped(Opcode::Vabs, I8x16),
        Op::I8x16Shl => ShapedPair(Opcode::Vshl, I8x16),
        Op::I8x16ShrS => ShapedPair(Opcode::Vashr, I8x16),
        Op::I8x16ShrU => ShapedPair(Opcode::Vlshr, I8x16),
        Op::I8x16AddSatS => ShapedPair(Opcode::VsaddSat, I8x16),
        Op::I8x16AddSatU => ShapedPair(Opcode::VuaddSat, I8x16),
        Op::I8x16SubSatS => ShapedPair(Opcode::VssubSat, I8x16),
        Op::I8x16SubSatU => ShapedPair(Opcode::VusubSat, I8x16),
        Op::I8x16AvgrU => ShapedPair(Opcode::Vavgr, I8x16),
        Op::I8x16MinS => ShapedPair(Opcode::Vsmin, I8x16),
        Op::I8x16MinU => ShapedPair(Opcode::Vumin, I8x16),
        Op::I8x16MaxS => ShapedPair(Opcode::Vsmax, I8x16),
        Op::I8x16MaxU => ShapedPair(Opcode::Vumax, I8x16),
        Op::I16x8Add => ShapedPair(Opcode::Vadd, I16x8),
        Op::I16x8Sub => ShapedPair(Opcode::Vsub, I16x8),
        Op::I16x8Mul => ShapedPair(Opcode::Vmul, I16x8),
        Op::I16x8Neg => Negate(I16x8),
        Op::I16x8Abs => Shaped(Opcode::Vabs, I16x8),
        Op::I16x8Shl => ShapedPair(Opcode::Vshl, I16x8),
        Op::I16x8ShrS => ShapedPair(Opcode::Vashr, I16x8),
        Op::I16x8ShrU => ShapedPair(Opcode::Vlshr, I16x8),
        Op::I16x8AddSatS => ShapedPair(Opcode::VsaddSat, I16x8),
        Op::I16x8AddSatU => ShapedPair(Opcode::VuaddSat, I16x8),
        Op::I16x8SubSatS => ShapedPair(Opcode::VssubSat, I16x8),
        Op::I16x8SubSatU => ShapedPair(Opcode::VusubSat, I16x8),
        Op::I16x8AvgrU => ShapedPair(Opcode::Vavgr, I16x8),
        Op::I16x8MinS => ShapedPair(Opcode::Vsmin, I16x8),
        Op::I16x8MinU => ShapedPair(Opcode::Vumin, I16x8),
        Op::I16x8MaxS => ShapedPair(Opcode::Vsmax, I16x8),
        Op::I16x8MaxU => ShapedPair(Opcode::Vumax, I16x8),
        Op::I32x4Add => ShapedPair(Opcode::Vadd, I32x4),
        Op::I32x4Sub => ShapedPair(Opcode::Vsub, I32x4),
        Op::I32x4Mul => ShapedPair(Opcode::Vmul, I32x4),
        Op::I32x4Neg => Negate(I32x4),
        Op::I32x4Abs => Shaped(Opcode::Vabs, I32x4),
        Op::I32x4Shl => ShapedPair(Opcode::Vshl, I32x4),
        Op::I32x4ShrS => ShapedPair(Opcode::Vashr, I32x4),
        Op::I32x4ShrU => ShapedPair(Opcode::Vlshr, I32x4),
        Op::I32x4MinS => ShapedPair(Opcode::Vsmin, I32x4),
        Op::I32x4MinU => ShapedPair(Opcode::Vumin, I32x4),
        Op::I32x4MaxS => ShapedPair(Opcode::Vsmax, I32x4),
        Op::I32x4MaxU => ShapedPair(Opcode::Vumax, I32x4),
        Op::I64x2Add => ShapedPair(Opcode::Vadd, I64x2),
        Op::I64x2Sub => ShapedPair(Opcode::Vsub, I64x2),
        Op::I64x2Mul => ShapedPair(Opcode::Vmul, I64x2),
        Op::I64x2Neg => Negate(I64x2),
        Op::I64x2Abs => Shaped(Opcode::Vabs, I64x2),
        Op::I64x2Shl => ShapedPair(Opcode::Vshl, I64x2),
        Op::I64x2ShrS => ShapedPair(Opcode::Vashr, I64x2),
        Op::I64x2ShrU => ShapedPair(Opcode::Vlshr, I64x2),
        Op::I8x16Popcnt => One(Opcode::Vpopcnt),
        Op::I16x8Q15MulrSatS => Pair(Opcode::Vq15mulrSat),
        Op::I32x4DotI16x8S => Pair(Opcode::Vdot),
        _ => return None,
    })
}

/// Integers of one width from those of another.
fn resizing(operator: &Op<'_>) -> Option<Row> {
    use Row::{Product, Shaped, ShapedPair};
    Some(match operator {
        Op::I8x16NarrowI16x8S => ShapedPair(Opcode::Vsnarrow, I16x8),
        Op::I8x16NarrowI16x8U => ShapedPair(Opcode::Vunarrow, I16x8),
        Op::I16x8ExtAddPairwiseI8x16S => Shaped(Opcode::VsaddPairs, I8x16),
        Op::I16x8ExtAddPairwiseI8x16U => Shaped(Opcode::VuaddPairs, I8x16),
        Op::I16x8ExtendLowI8x16S => Shaped(Opcode::VsextLow, I8x16),
        Op::I16x8ExtMulLowI8x16S => Product(Opcode::VsextLow, I8x16, I16x8),
        Op::I16x8ExtendLowI8x16U => Shaped(Opcode::VzextLow, I8x16),
        Op::I16x8ExtMulLowI8x16U => Product(Opcode::VzextLow, I8x16, I16x8),
        Op::I16x8ExtendHighI8x16S => Shaped(Opcode::VsextHigh, I8x16),
        Op::I16x8ExtMulHighI8x16S => Product(Opcode::VsextHigh, I8x16, I16x8),
        Op::I16x8ExtendHighI8x16U => Shaped(Opcode::VzextHigh, I8x16),
        Op::I16x8ExtMulHighI8x16U => Product(Opcode::VzextHigh, I8x16, I16x8),
        Op::I16x8NarrowI32x4S => ShapedPair(Opcode::Vsnarrow, I32x4),
        Op::I16x8NarrowI32x4U => ShapedPair(Opcode::Vunarrow, I32x4),
        Op::I32x4ExtAddPairwiseI16x8S => Shaped(Opcode::VsaddPairs, I16x8),
        Op::I32x4ExtAddPairwiseI16x8U => Shaped(Opcode::VuaddPairs, I16x8),
        Op::I32x4ExtendLowI16x8S => Shaped(Opcode::VsextLow, I16x8),
        Op::I32x4ExtMulLowI16x8S => Product(Opcode::VsextLow, I16x8, I32x4),
        Op::I32x4ExtendLowI16x8U => Shaped(Opcode::VzextLow, I16x8),
        Op::I32x4ExtMulLowI16x8U => Product(Opcode::VzextLow, I16x8, I32x4),
        Op::I32x4ExtendHighI16x8S => Shaped(Opcode::VsextHigh, I16x8),
        Op::I32x4ExtMulHighI16x8S => Product(Opcode::VsextHigh, I16x8, I32x4),
        Op::I32x4ExtendHighI16x8U => Shaped(Opcode::VzextHigh, I16x8),
        Op::I32x4ExtMulHighI16x8U => Product(Opcode::VzextHigh, I16x8, I32x4),
        Op::I64x2ExtendLowI32x4S => Shaped(Opcode::VsextLow, I32x4),
        Op::I64x2ExtMulLowI32x4S => Product(Opcode::VsextLow, I32x4, I64x2),
        Op::I64x2ExtendLowI32x4U => Shaped(Opcode::VzextLow, I32x4),
        Op::I64x2ExtMulLowI32x4U => Product(Opcode::VzextLow, I32x4, I64x2),
        Op::I64x2ExtendHighI32x4S => Shaped(Opcode::VsextHigh, I32x4),
        Op::I64x2ExtMulHighI32x4S => Product(Opcode::VsextHigh, I32x4, I64x2),
        Op::I64x2ExtendHighI32x4U => Shaped(Opcode::VzextHigh, I32x4),
        Op::I64x2ExtMulHighI32x4U => Product(Opcode::VzextHigh, I32x4, I64x2),
        _ => return None,
    })
}

/// Floating point, and its conversions.
fn float(operator: &Op<'_>) -> Option<Row> {
    use Row::{Float, FloatAbs, FloatNegate, FloatPair, Resized, Shaped, ShapedPair};
    Some(match operator {
        Op::F32x4Add => FloatPair(Opcode::Vfadd, F32x4),
        Op::F32x4Sub => FloatPair(Opcode::Vfsub, F32x4),
        Op::F32x4Mul => FloatPair(Opcode::Vfmul, F32x4),
        Op::F32x4Div => FloatPair(Opcode::Vfdiv, F32x4),
        Op::F32x4Min => FloatPair(Opcode::Vfmin, F32x4),
        Op::F32x4Max => FloatPair(Opcode::Vfmax, F32x4),
        Op::F32x4PMin => ShapedPair(Opcode::Vpmin, F32x4),
        Op::F32x4PMax => ShapedPair(Opcode::Vpmax, F32x4),
        Op::F32x4Sqrt => Float(Opcode::Vfsqrt, F32x4),
        Op::F32x4Ceil => Float(Opcode::Vfceil, F32x4),
        Op::F32x4Floor => Float(Opcode::Vffloor, F32x4),
        Op::F32x4Trunc => Float(Opcode::Vftrunc, F32x4),
        Op::F32x4Nearest => Float(Opcode::Vfnearest, F32x4),
        Op::F32x4Abs => FloatAbs(F32x4),
        Op::F32x4Neg => FloatNegate(F32x4),
        Op::F64x2Add => FloatPair(Opcode::Vfadd, F64x2),
        Op::F64x2Sub => FloatPair(Opcode::Vfsub, F64x2),
        Op::F64x2Mul => FloatPair(Opcode::Vfmul, F64x2),
        Op::F64x2Div => FloatPair(Opcode::Vfdiv, F64x2),
        Op::F64x2Min => FloatPair(Opcode::Vfmin, F64x2),
        Op::F64x2Max => FloatPair(Opcode::Vfmax, F64x2),
        Op::F64x2PMin => ShapedPair(Opcode::Vpmin, F64x2),
        Op::F64x2PMax => ShapedPair(Opcode::Vpmax, F64x2),
        Op::F64x2Sqrt => Float(Opcode::Vfsqrt, F64x2),
        Op::F64x2Ceil => Float(Opcode::Vfceil, F64x2),
        Op::F64x2Floor => Float(Opcode::Vffloor, F64x2),
        Op::F64x2Trunc => Float(Opcode::Vftrunc, F64x2),
        Op::F64x2Nearest => Float(Opcode::Vfnearest, F64x2),
        Op::F64x2Abs => FloatAbs(F64x2),
        Op::F64x2Neg => FloatNegate(F64x2),
        Op::I32x4TruncSatF32x4S => Shaped(Opcode::VfToSint, F32x4),
        Op::I32x4TruncSatF32x4U => Shaped(Opcode::VfToUint, F32x4),
        Op::I32x4TruncSatF64x2SZero => Shaped(Opcode::VfToSint, F64x2),
        Op::I32x4TruncSatF64x2UZero => Shaped(Opcode::VfToUint, F64x2),
        Op::F32x4ConvertI32x4S => Shaped(Opcode::VsintToF, F32x4),
        Op::F32x4ConvertI32x4U => Shaped(Opcode::VuintToF, F32x4),
        Op::F64x2ConvertLowI32x4S => Shaped(Opcode::VsintToF, F64x2),
        Op::F64x2ConvertLowI32x4U => Shaped(Opcode::VuintToF, F64x2),
        Op::F64x2PromoteLowF32x4 => Resized(Opcode::Vfpromote, F64x2),
        Op::F32x4DemoteF64x2Zero => Resized(Opcode::Vfdemote, F32x4),
        _ => return None,
    })
}
