//! Integer lanes: arithmetic, and lanes of one width from those of another.

use evmc_ir::{LaneShape, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::types::VectorType;
use inkwell::values::VectorValue;

use crate::translate::{Done, Translator};

impl<'c> Translator<'_, 'c> {
    /// Rounded products of signed fractions of 15 bits.
    pub fn fraction_product(&mut self, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
        if self.has_sse4() {
            let product =
                self.vector_intrinsic("llvm.x86.ssse3.pmul.hr.sw.128", &[], &[a.into(), b.into()])?;
            // The one product that does not fit wraps to the most negative number, which no other product is.
            let least = self.every_lane(LaneShape::I16x8, 0x8000);
            let wrapped = self.b.build_int_compare(IntPredicate::EQ, product, least, "")?;
            let wrapped = self.b.build_int_s_extend(wrapped, product.get_type(), "")?;
            return Ok(self.b.build_xor(product, wrapped, "")?);
        }
        let wide = self.lane_vector(Type::I32, 8);
        let int = self.unit.types.i32;
        let constant = |number| VectorType::const_vector(&[int.const_int(number, false); 8]);
        let (a, b) = (self.b.build_int_s_extend(a, wide, "")?, self.b.build_int_s_extend(b, wide, "")?);
        let product = self.b.build_int_mul(a, b, "")?;
        let rounded = self.b.build_int_add(product, constant(0x4000), "")?;
        let quotient = self.b.build_right_shift(rounded, constant(15), true, "")?;
        let most = constant(0x7fff);
        let fitting = self.vector_intrinsic("llvm.smin", &[wide], &[quotient.into(), most.into()])?;
        Ok(self.b.build_int_truncate(fitting, self.shape_type(LaneShape::I16x8), "")?)
    }

    /// Sums of products of neighbours.
    pub fn dot(&mut self, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
        if self.unit.is_x86 {
            return self.vector_intrinsic("llvm.x86.sse2.pmadd.wd", &[], &[a.into(), b.into()]);
        }
        let wide = self.lane_vector(Type::I32, 8);
        let (a, b) = (self.b.build_int_s_extend(a, wide, "")?, self.b.build_int_s_extend(b, wide, "")?);
        let products = self.b.build_int_mul(a, b, "")?;
        let even = self.shuffled(products, products, (0..4).map(|number| 2 * number))?;
        let odd = self.shuffled(products, products, (0..4).map(|number| 2 * number + 1))?;
        Ok(self.b.build_int_add(even, odd, "")?)
    }

    /// Operations on integer lanes.
    pub fn integer_lanes(
        &mut self,
        op: Opcode,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        use Opcode as Op;
        Ok(match op {
            Op::Vadd => self.b.build_int_add(a, b, "")?,
            Op::Vsub => self.b.build_int_sub(a, b, "")?,
            Op::Vmul => self.b.build_int_mul(a, b, "")?,
            Op::Vabs => {
                let wraps = self.unit.types.i1.const_zero();
                self.vector_intrinsic("llvm.abs", &[a.get_type()], &[a.into(), wraps.into()])?
            }
            Op::Vavgr => self.average(shape, a, b)?,
            Op::Vsnarrow | Op::Vunarrow => self.narrowed(op == Op::Vsnarrow, shape, a, b)?,
            Op::VsaddPairs | Op::VuaddPairs => self.pairs(op == Op::VsaddPairs, shape, a)?,
            _ => {
                let half = shape.lanes() / 2;
                let first = if matches!(op, Op::VsextHigh | Op::VzextHigh) { half } else { 0 };
                let lanes = self.shuffled(a, a, first..first + half)?;
                let wide = self.shape_type(shape.widened().unwrap_or(shape));
                match op {
                    Op::VsextLow | Op::VsextHigh => self.b.build_int_s_extend(lanes, wide, "")?,
                    _ => self.b.build_int_z_extend(lanes, wide, "")?,
                }
            }
        })
    }

    /// Averages, rounded up.
    fn average(&mut self, shape: LaneShape, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let lane = shape.widened().unwrap_or(shape).lane_type();
        let wide = self.lane_vector(lane, shape.lanes());
        let ones = VectorType::const_vector(&vec![
            self.unit.types.int(lane.bits()).const_int(1, false);
            shape.lanes() as usize
        ]);
        let (a, b) = (self.b.build_int_z_extend(a, wide, "")?, self.b.build_int_z_extend(b, wide, "")?);
        let sum = self.b.build_int_add(a, b, "")?;
        let sum = self.b.build_int_add(sum, ones, "")?;
        let half = self.b.build_right_shift(sum, ones, false, "")?;
        Ok(self.b.build_int_truncate(half, self.shape_type(shape), "")?)
    }

    /// Lanes of half the width, the nearest bound where they do not fit.
    fn narrowed(
        &mut self,
        is_signed: bool,
        shape: LaneShape,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let narrow = shape.narrowed().unwrap_or(shape);
        let (bits, count) = (narrow.lane_bits(), narrow.lanes());
        let (least, most) =
            if is_signed { (u64::MAX << (bits - 1), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
        let lane = self.unit.types.int(shape.lane_bits());
        let bound = |number| VectorType::const_vector(&vec![lane.const_int(number, true); count as usize]);
        let all = self.shuffled(a, b, 0..count)?;
        let ty = all.get_type();
        let all = self.vector_intrinsic("llvm.smax", &[ty], &[all.into(), bound(least).into()])?;
        let all = self.vector_intrinsic("llvm.smin", &[ty], &[all.into(), bound(most).into()])?;
        Ok(self.b.build_int_truncate(all, self.shape_type(narrow), "")?)
    }

    /// Sums of extended neighbours: those in the lower and the upper half of each lane of twice the width.
    fn pairs(&mut self, is_signed: bool, shape: LaneShape, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let ones = self.every_lane(shape, 1);
        match (shape, is_signed) {
            (LaneShape::I8x16, _) if self.has_sse4() => {
                let (unsigned, signed) = if is_signed { (ones, a) } else { (a, ones) };
                let args = [unsigned.into(), signed.into()];
                return self.vector_intrinsic("llvm.x86.ssse3.pmadd.ub.sw.128", &[], &args);
            }
            (LaneShape::I16x8, true) if self.unit.is_x86 => return self.dot(a, ones),
            _ => {}
        }
        let wide = shape.widened().unwrap_or(shape);
        let width = self.every_lane(wide, shape.lane_bits().into());
        let whole = self.as_vector(a, self.shape_type(wide))?;
        let upper = self.b.build_right_shift(whole, width, is_signed, "")?;
        let lower = self.b.build_left_shift(whole, width, "")?;
        let lower = self.b.build_right_shift(lower, width, is_signed, "")?;
        Ok(self.b.build_int_add(lower, upper, "")?)
    }
}
