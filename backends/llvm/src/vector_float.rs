//! Lanes of floating point.
//!
//! To LLVM all NaNs are the same, and it would drop a selection between a NaN and itself; so the canonical one is chosen
//! by integers. On x86 some operations are made of the machine's own, whose results for NaN and beyond the range LLVM's
//! need not have.

use evmc_ir::{LaneShape, Opcode, Type};
use inkwell::values::VectorValue;
use inkwell::{FloatPredicate, IntPredicate};

use crate::translate::{Done, Translator};

/// The condition of the machine's comparison: one of the operands is a NaN.
const UNORDERED: u64 = 3;

/// LLVM's predicate for a comparison of lanes of floating point.
pub(crate) const fn float_predicate(op: Opcode) -> Option<FloatPredicate> {
    Some(match op {
        Opcode::Vfeq => FloatPredicate::OEQ,
        Opcode::Vfne => FloatPredicate::UNE,
        Opcode::Vflt => FloatPredicate::OLT,
        Opcode::Vfle => FloatPredicate::OLE,
        _ => return None,
    })
}

impl<'c> Translator<'_, 'c> {
    /// Operations on lanes of floating point that give a vector.
    pub fn float_lanes(
        &mut self,
        op: Opcode,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        use Opcode as Op;
        Ok(match op {
            Op::Vfadd => self.b.build_float_add(a, b, "")?,
            Op::Vfsub => self.b.build_float_sub(a, b, "")?,
            Op::Vfmul => self.b.build_float_mul(a, b, "")?,
            Op::Vfdiv => self.b.build_float_div(a, b, "")?,
            Op::Vfmin => self.minimum(shape, a, b)?,
            Op::Vpmin | Op::Vpmax => {
                let (x, y) = if op == Op::Vpmin { (b, a) } else { (a, b) };
                let less = self.b.build_float_compare(FloatPredicate::OLT, x, y, "")?;
                self.b.build_select(less, b, a, "")?.into_vector_value()
            }
            Op::Vfcanon => self.canonical_lanes(shape, a)?,
            _ if !self.unit.is_x86 => self.saturated_lanes(op, shape, a)?,
            Op::VfToSint if shape == LaneShape::F32x4 => self.signed_from_f32(a)?,
            Op::VfToSint => self.signed_from_f64(a)?,
            _ if shape == LaneShape::F32x4 => self.unsigned_from_f32(a)?,
            _ if self.has_sse4() => self.unsigned_from_f64(a)?,
            _ => self.saturated_lanes(op, shape, a)?,
        })
    }

    /// The machine's minimum: the second operand where one is a NaN or both are zero.
    fn machine_minimum(
        &mut self,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let name = if shape == LaneShape::F32x4 { "llvm.x86.sse.min.ps" } else { "llvm.x86.sse2.min.pd" };
        self.vector_intrinsic(name, &[], &[a.into(), b.into()])
    }

    /// The machine's maximum, with the same exceptions.
    fn machine_maximum(
        &mut self,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let name = if shape == LaneShape::F32x4 { "llvm.x86.sse.max.ps" } else { "llvm.x86.sse2.max.pd" };
        self.vector_intrinsic(name, &[], &[a.into(), b.into()])
    }

    /// Minima. Of the machine's in both orders all ones are kept: they differ only for zeros, where the sign stays, and for
    /// NaNs, which stay NaNs.
    fn minimum(&mut self, shape: LaneShape, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
        if !self.unit.is_x86 {
            return self.vector_intrinsic("llvm.minimum", &[a.get_type()], &[a.into(), b.into()]);
        }
        let (one, other) = (self.machine_minimum(shape, a, b)?, self.machine_minimum(shape, b, a)?);
        let bits = self.shape_type(shape.integers());
        let either = self.b.build_or(self.as_vector(one, bits)?, self.as_vector(other, bits)?, "")?;
        self.as_vector(either, a.get_type())
    }

    /// The canonical quiet NaN where a lane is a NaN.
    fn canonical_lanes(&mut self, shape: LaneShape, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let integers = shape.integers();
        let bits = self.as_vector(a, self.shape_type(integers))?;
        let is_nan = if self.unit.is_x86 {
            let (name, ty) = match shape {
                LaneShape::F32x4 => ("llvm.x86.sse.cmp.ps", self.shape_type(integers)),
                _ => ("llvm.x86.sse2.cmp.pd", self.shape_type(integers)),
            };
            let unordered = self.unit.types.i8.const_int(UNORDERED, false);
            let mask = self.vector_intrinsic(name, &[], &[a.into(), a.into(), unordered.into()])?;
            let mask = self.as_vector(mask, ty)?;
            self.b.build_int_compare(IntPredicate::SLT, mask, ty.const_zero(), "")?
        } else {
            let infinity = if shape == LaneShape::F32x4 { 0x7f80_0000 } else { 0x7ff0_0000_0000_0000 };
            let all_but_sign = self.every_lane(integers, u64::MAX >> (65 - shape.lane_bits()));
            let magnitude = self.b.build_and(bits, all_but_sign, "")?;
            let infinity = self.every_lane(integers, infinity);
            self.b.build_int_compare(IntPredicate::UGT, magnitude, infinity, "")?
        };
        let quiet = if shape == LaneShape::F32x4 { 0x7fc0_0000 } else { 0x7ff8_0000_0000_0000 };
        let quiet = self.every_lane(integers, quiet);
        Ok(self.b.build_select(is_nan, quiet, bits, "")?.into_vector_value())
    }

    /// The two lower lanes at twice the width.
    pub fn promoted(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let low = self.shuffled(a, a, [0, 1])?;
        Ok(self.b.build_float_ext(low, self.shape_type(LaneShape::F64x2), "")?)
    }

    /// Both lanes at half the width, and zeros.
    pub fn demoted(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let low = self.b.build_float_trunc(a, self.lane_vector(Type::F32, 2), "")?;
        self.with_zeros(low)
    }

    /// Two lanes and two zeros.
    fn with_zeros(&mut self, low: VectorValue<'c>) -> Done<VectorValue<'c>> {
        self.shuffled(low, low.get_type().const_zero(), 0..4)
    }

    /// Saturating conversion to integers of 32 bits, as LLVM has it.
    fn saturated_lanes(&mut self, op: Opcode, shape: LaneShape, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let name = if op == Opcode::VfToSint { "llvm.fptosi.sat" } else { "llvm.fptoui.sat" };
        let to = self.lane_vector(Type::I32, shape.lanes());
        let value = self.vector_intrinsic(name, &[to, a.get_type()], &[a.into()])?;
        if shape == LaneShape::F32x4 { Ok(value) } else { self.with_zeros(value) }
    }

    /// The same float in every lane.
    fn every_float(&self, shape: LaneShape, value: f64) -> Done<VectorValue<'c>> {
        let bits =
            if shape == LaneShape::F32x4 { u64::from((value as f32).to_bits()) } else { value.to_bits() };
        self.as_vector(self.every_lane(shape.integers(), bits), self.shape_type(shape))
    }

    /// Where a comparison holds all ones, else zeros.
    fn float_mask(
        &mut self,
        predicate: FloatPredicate,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let holds = self.b.build_float_compare(predicate, a, b, "")?;
        Ok(self.b.build_int_s_extend(holds, self.shape_type(shape.integers()), "")?)
    }

    /// The machine's conversion of `f32x4`, which gives the most negative number where the result does not fit.
    fn truncated(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        self.vector_intrinsic("llvm.x86.sse2.cvttps2dq", &[], &[a.into()])
    }

    /// Signed: NaNs become 0 first; what is too large gives the most negative number, whose complement is the most positive.
    fn signed_from_f32(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let shape = LaneShape::F32x4;
        let ordered = self.float_mask(FloatPredicate::ORD, shape, a, a)?;
        let bits = self.as_vector(a, ordered.get_type())?;
        let numbers = self.as_vector(self.b.build_and(bits, ordered, "")?, a.get_type())?;
        let integers = self.truncated(numbers)?;
        let bound = self.every_float(shape, 2_147_483_648.0)?;
        let too_large = self.float_mask(FloatPredicate::OGE, shape, numbers, bound)?;
        Ok(self.b.build_xor(integers, too_large, "")?)
    }

    /// Unsigned: the sum of the number, as a signed one, and of what it has above 2³¹. From there on the first is 2³¹, and
    /// where it is too large the second is the most positive signed number.
    fn unsigned_from_f32(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let shape = LaneShape::F32x4;
        let bound = self.every_float(shape, 2_147_483_648.0)?;
        let positive = self.machine_maximum(shape, a, a.get_type().const_zero())?;
        let low = self.truncated(positive)?;
        let above = self.b.build_float_sub(positive, bound, "")?;
        let too_large = self.float_mask(FloatPredicate::OGE, shape, above, bound)?;
        let high = self.truncated(above)?;
        let high = self.b.build_xor(high, too_large, "")?;
        let ty = high.get_type();
        let high = self.vector_intrinsic("llvm.smax", &[ty], &[high.into(), ty.const_zero().into()])?;
        Ok(self.b.build_int_add(low, high, "")?)
    }

    /// Signed: the minimum with the greatest that fits, or with 0 for a NaN, and the machine's conversion, which gives the
    /// most negative number where the result is too small.
    fn signed_from_f64(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let shape = LaneShape::F64x2;
        let ordered = self.float_mask(FloatPredicate::ORD, shape, a, a)?;
        let most = self.as_vector(self.every_float(shape, 2_147_483_647.0)?, ordered.get_type())?;
        let most = self.as_vector(self.b.build_and(most, ordered, "")?, a.get_type())?;
        let numbers = self.machine_minimum(shape, a, most)?;
        self.vector_intrinsic("llvm.x86.sse2.cvttpd2dq", &[], &[numbers.into()])
    }

    /// Unsigned: between the bounds and without fraction, 2⁵² more has the integer as its lower half.
    fn unsigned_from_f64(&mut self, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let shape = LaneShape::F64x2;
        let most = self.every_float(shape, 4_294_967_295.0)?;
        let positive = self.machine_maximum(shape, a, a.get_type().const_zero())?;
        let numbers = self.machine_minimum(shape, positive, most)?;
        let whole = self.vector_intrinsic("llvm.trunc", &[a.get_type()], &[numbers.into()])?;
        let shifted = self.b.build_float_add(whole, self.every_float(shape, 4_503_599_627_370_496.0)?, "")?;
        let halves = self.as_vector(shifted, self.shape_type(LaneShape::I32x4))?;
        self.shuffled(halves, halves.get_type().const_zero(), [0, 2, 4, 4])
    }

    /// The lowest integers of 32 bits as floats.
    pub fn lanes_to_float(
        &mut self,
        op: Opcode,
        shape: LaneShape,
        integers: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let low = match shape {
            LaneShape::F32x4 => integers,
            _ => self.shuffled(integers, integers, [0, 1])?,
        };
        let ty = self.shape_type(shape);
        Ok(match op {
            Opcode::VsintToF => self.b.build_signed_int_to_float(low, ty, "")?,
            _ => self.b.build_unsigned_int_to_float(low, ty, "")?,
        })
    }
}
