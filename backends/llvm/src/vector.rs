//! Vectors of lanes.
//!
//! Every vector is held as `<16 x i8>`; an operation casts its operands to its shape and its result back, which costs no
//! machine code. Operations are written in LLVM's own terms where its code generator knows the machine's instruction by
//! them, and by the machine's intrinsic where it does not.

use evmc_backend::CpuLevel;
use evmc_ir::{Imm, InstData, LaneShape, Opcode, Type};
use inkwell::intrinsics::Intrinsic;
use inkwell::types::{BasicTypeEnum, VectorType};
use inkwell::values::{BasicValueEnum, IntValue, VectorValue};
use inkwell::{FloatPredicate, IntPredicate};

use crate::translate::{Done, Refusal, Translator};

/// LLVM's intrinsic for an operation on lanes that is one.
const fn intrinsic_name(op: Opcode) -> Option<&'static str> {
    use Opcode as Op;
    Some(match op {
        Op::VsaddSat => "llvm.sadd.sat",
        Op::VuaddSat => "llvm.uadd.sat",
        Op::VssubSat => "llvm.ssub.sat",
        Op::VusubSat => "llvm.usub.sat",
        Op::Vsmin => "llvm.smin",
        Op::Vumin => "llvm.umin",
        Op::Vsmax => "llvm.smax",
        Op::Vumax => "llvm.umax",
        Op::Vpopcnt => "llvm.ctpop",
        Op::Vfmin => "llvm.minimum",
        Op::Vfmax => "llvm.maximum",
        Op::Vfsqrt => "llvm.sqrt",
        Op::Vfceil => "llvm.ceil",
        Op::Vffloor => "llvm.floor",
        Op::Vftrunc => "llvm.trunc",
        Op::Vfnearest => "llvm.roundeven",
        _ => return None,
    })
}

/// LLVM's predicate for a comparison of integer lanes.
const fn integer_predicate(op: Opcode) -> Option<IntPredicate> {
    Some(match op {
        Opcode::Veq => IntPredicate::EQ,
        Opcode::Vult => IntPredicate::ULT,
        Opcode::Vule => IntPredicate::ULE,
        Opcode::Vslt => IntPredicate::SLT,
        Opcode::Vsle => IntPredicate::SLE,
        _ => return None,
    })
}

/// LLVM's predicate for a comparison of lanes of floating point.
const fn float_predicate(op: Opcode) -> Option<FloatPredicate> {
    Some(match op {
        Opcode::Vfeq => FloatPredicate::OEQ,
        Opcode::Vfne => FloatPredicate::UNE,
        Opcode::Vflt => FloatPredicate::OLT,
        Opcode::Vfle => FloatPredicate::OLE,
        _ => return None,
    })
}

impl<'c> Translator<'_, 'c> {
    /// Any operation on vectors.
    pub fn vector(&mut self, data: &InstData) -> Done {
        let op = data.opcode;
        let is_baseline = self.unit.is_x86 && self.unit.cpu == CpuLevel::Baseline;
        if is_baseline && matches!(op, Opcode::Vfceil | Opcode::Vffloor | Opcode::Vftrunc | Opcode::Vfnearest)
        {
            return Err(Refusal::Unavailable("below SSE4.1"));
        }
        match data.imm {
            Imm::Shape(shape) if matches!(op, Opcode::VallTrue | Opcode::Vbitmask) => {
                let a = self.lanes(data, 0, shape)?;
                let value = self.condensed(op, shape, a)?;
                self.set(data, value);
                Ok(())
            }
            Imm::Shape(shape) => {
                let value = self.shaped(data, shape)?;
                self.set_vector(data, value)
            }
            Imm::Lane(lane) => self.one_lane(data, lane),
            Imm::Shuffle(bytes) => {
                let (a, b) = (self.lanes(data, 0, LaneShape::I8x16)?, self.lanes(data, 1, LaneShape::I8x16)?);
                let value = self.shuffled(a, b, bytes.map(u32::from))?;
                self.set_vector(data, value)
            }
            _ => self.unshaped(data),
        }
    }

    /// LLVM's type for so many lanes.
    fn lane_vector(&self, lane: Type, count: u32) -> VectorType<'c> {
        match self.unit.types.of(lane) {
            BasicTypeEnum::FloatType(lane) => lane.vec_type(count),
            BasicTypeEnum::IntType(lane) => lane.vec_type(count),
            _ => self.unit.types.i8.vec_type(count),
        }
    }

    /// LLVM's type for vectors of a shape.
    fn shape_type(&self, shape: LaneShape) -> VectorType<'c> {
        self.lane_vector(shape.lane_type(), shape.lanes())
    }

    /// An operand as a vector of a shape.
    fn lanes(&mut self, data: &InstData, number: usize, shape: LaneShape) -> Done<VectorValue<'c>> {
        let ty = self.shape_type(shape);
        self.as_vector(self.value(data.args[number]), ty)
    }

    /// 128 bits as a vector of another type.
    fn as_vector(&self, value: impl Into<BasicValueEnum<'c>>, ty: VectorType<'c>) -> Done<VectorValue<'c>> {
        let value: BasicValueEnum<'c> = value.into();
        Ok(self.b.build_bit_cast(value, ty, "")?.into_vector_value())
    }

    /// Notes the result, a vector of any type.
    fn set_vector(&mut self, data: &InstData, value: VectorValue<'c>) -> Done {
        let held = self.as_vector(value, self.shape_type(LaneShape::I8x16))?;
        self.set(data, held);
        Ok(())
    }

    /// Calls an intrinsic that is overloaded by these types.
    fn vector_intrinsic(
        &mut self,
        name: &str,
        types: &[VectorType<'c>],
        args: &[BasicValueEnum<'c>],
    ) -> Done<VectorValue<'c>> {
        let types: Vec<BasicTypeEnum<'c>> = types.iter().map(|&ty| ty.into()).collect();
        let found = Intrinsic::find(name);
        let declared = found.and_then(|found| found.get_declaration(&self.unit.module, &types));
        let function = declared.ok_or(Refusal::Unavailable("in this LLVM"))?;
        let args: Vec<_> = args.iter().map(|&arg| arg.into()).collect();
        let call = self.b.build_call(function, &args, "")?;
        Ok(call.try_as_basic_value().unwrap_basic().into_vector_value())
    }

    /// Whether x86 processors of the level have what came with SSSE3 to SSE4.2.
    fn has_sse4(&self) -> bool {
        self.unit.is_x86 && self.unit.cpu != CpuLevel::Baseline
    }

    /// A vector of lanes of two others, by number.
    fn shuffled(
        &mut self,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Done<VectorValue<'c>> {
        let numbers: Vec<IntValue<'c>> = numbers.into_iter().map(|number| self.i32(number)).collect();
        Ok(self.b.build_shuffle_vector(a, b, VectorType::const_vector(&numbers), "")?)
    }

    /// The same constant in every lane.
    fn every_lane(&self, shape: LaneShape, lane: u64) -> VectorValue<'c> {
        let lane = self.unit.types.int(shape.lane_bits()).const_int(lane, false);
        VectorType::const_vector(&vec![lane; shape.lanes() as usize])
    }

    /// The same value in every lane.
    fn splat(&mut self, lane: BasicValueEnum<'c>, ty: VectorType<'c>) -> Done<VectorValue<'c>> {
        let zero = self.i32(0);
        let one = self.b.build_insert_element(ty.get_poison(), lane, zero, "")?;
        self.shuffled(one, ty.get_poison(), (0..ty.get_size()).map(|_| 0))
    }

    /// `v.extract` and `v.insert`.
    fn one_lane(&mut self, data: &InstData, lane: u8) -> Done {
        let shape = data.ty.and_then(LaneShape::of_lane).unwrap_or(LaneShape::I64x2);
        let (vector, lane) = (self.lanes(data, 0, shape)?, self.i32(lane.into()));
        if data.opcode == Opcode::Vextract {
            let value = self.b.build_extract_element(vector, lane, "")?;
            self.set(data, value);
            return Ok(());
        }
        let value = self.b.build_insert_element(vector, self.value(data.args[1]), lane, "")?;
        self.set_vector(data, value)
    }

    /// Operations whose immediate is none.
    fn unshaped(&mut self, data: &InstData) -> Done {
        let bytes = LaneShape::I8x16;
        let value = match data.opcode {
            Opcode::Vsplat => {
                let shape = data.ty.and_then(LaneShape::of_lane).unwrap_or(LaneShape::I64x2);
                self.splat(self.value(data.args[0]), self.shape_type(shape))?
            }
            Opcode::VanyTrue => {
                let bits = self.unit.types.int(128);
                let whole = self.b.build_bit_cast(self.value(data.args[0]), bits, "")?.into_int_value();
                let any = self.b.build_int_compare(IntPredicate::NE, whole, bits.const_zero(), "")?;
                self.set(data, any);
                return Ok(());
            }
            Opcode::Vswizzle => {
                let (a, indices) = (self.lanes(data, 0, bytes)?, self.lanes(data, 1, bytes)?);
                self.swizzle(a, indices)?
            }
            Opcode::Vpopcnt => {
                let a = self.lanes(data, 0, bytes)?;
                self.vector_intrinsic("llvm.ctpop", &[a.get_type()], &[a.into()])?
            }
            Opcode::Vq15mulrSat => {
                let (a, b) = (self.lanes(data, 0, LaneShape::I16x8)?, self.lanes(data, 1, LaneShape::I16x8)?);
                self.fraction_product(a, b)?
            }
            Opcode::Vdot => {
                let (a, b) = (self.lanes(data, 0, LaneShape::I16x8)?, self.lanes(data, 1, LaneShape::I16x8)?);
                self.dot(a, b)?
            }
            Opcode::Vfpromote => {
                let a = self.lanes(data, 0, LaneShape::F32x4)?;
                let low = self.shuffled(a, a, [0, 1])?;
                self.b.build_float_ext(low, self.shape_type(LaneShape::F64x2), "")?
            }
            _ => {
                let a = self.lanes(data, 0, LaneShape::F64x2)?;
                let low = self.b.build_float_trunc(a, self.lane_vector(Type::F32, 2), "")?;
                self.with_zeros(low)?
            }
        };
        self.set_vector(data, value)
    }

    /// Two lanes and two zeros.
    fn with_zeros(&mut self, low: VectorValue<'c>) -> Done<VectorValue<'c>> {
        self.shuffled(low, low.get_type().const_zero(), 0..4)
    }

    /// Bytes at indices; 0 for an index above 15.
    fn swizzle(&mut self, a: VectorValue<'c>, indices: VectorValue<'c>) -> Done<VectorValue<'c>> {
        if self.has_sse4() {
            // The instruction gives 0 for indices from 128 on.
            let above = self.every_lane(LaneShape::I8x16, 0x70);
            let args = [indices.into(), above.into()];
            let indices = self.vector_intrinsic("llvm.uadd.sat", &[indices.get_type()], &args)?;
            return self.vector_intrinsic("llvm.x86.ssse3.pshuf.b.128", &[], &[a.into(), indices.into()]);
        }
        if !self.unit.is_x86 {
            let ty = indices.get_type();
            return self.vector_intrinsic("llvm.aarch64.neon.tbl1", &[ty], &[a.into(), indices.into()]);
        }
        let low_bits = self.every_lane(LaneShape::I8x16, 15);
        let inside = self.b.build_int_compare(IntPredicate::ULE, indices, low_bits, "")?;
        let low = self.b.build_and(indices, low_bits, "")?;
        let mut bytes = a.get_type().const_zero();
        for number in 0..16 {
            let number = self.i32(number);
            let index = self.b.build_extract_element(low, number, "")?.into_int_value();
            let byte = self.b.build_extract_element(a, index, "")?;
            bytes = self.b.build_insert_element(bytes, byte, number, "")?;
        }
        let chosen = self.b.build_select(inside, bytes, a.get_type().const_zero(), "")?;
        Ok(chosen.into_vector_value())
    }

    /// Rounded products of signed fractions of 15 bits.
    fn fraction_product(&mut self, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
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
    fn dot(&mut self, a: VectorValue<'c>, b: VectorValue<'c>) -> Done<VectorValue<'c>> {
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

    /// `v.all_true` and `v.bitmask`.
    fn condensed(&mut self, op: Opcode, shape: LaneShape, a: VectorValue<'c>) -> Done<IntValue<'c>> {
        let predicate = if op == Opcode::VallTrue { IntPredicate::EQ } else { IntPredicate::SLT };
        let zero = a.get_type().const_zero();
        let bits = self.b.build_int_compare(predicate, a, zero, "")?;
        let int = self.unit.types.int(shape.lanes());
        let bits = self.b.build_bit_cast(bits, int, "")?.into_int_value();
        Ok(match op {
            Opcode::VallTrue => self.b.build_int_compare(IntPredicate::EQ, bits, int.const_zero(), "")?,
            _ => self.b.build_int_z_extend(bits, self.unit.types.i32, "")?,
        })
    }

    /// Operations on lanes of a shape that give a vector.
    fn shaped(&mut self, data: &InstData, shape: LaneShape) -> Done<VectorValue<'c>> {
        let op = data.opcode;
        match op {
            Opcode::Vshl | Opcode::Vlshr | Opcode::Vashr => return self.vector_shift(data, shape),
            Opcode::VsintToF | Opcode::VuintToF => {
                let integers = self.lanes(data, 0, LaneShape::I32x4)?;
                return self.lanes_to_float(op, shape, integers);
            }
            _ => {}
        }
        let a = self.lanes(data, 0, shape)?;
        let b = if data.args.len() > 1 { self.lanes(data, 1, shape)? } else { a };
        if let Some(name) = intrinsic_name(op) {
            let args = [a.into(), b.into()];
            return self.vector_intrinsic(name, &[a.get_type()], &args[..data.args.len()]);
        }
        let holds = match (integer_predicate(op), float_predicate(op)) {
            (Some(predicate), _) => self.b.build_int_compare(predicate, a, b, "")?,
            (_, Some(predicate)) => self.b.build_float_compare(predicate, a, b, "")?,
            _ if shape.integers() == shape => return self.integer_lanes(op, shape, a, b),
            _ => return self.float_lanes(op, shape, a, b),
        };
        Ok(self.b.build_int_s_extend(holds, self.shape_type(shape.integers()), "")?)
    }

    /// Shifts by an amount modulo the width.
    fn vector_shift(&mut self, data: &InstData, shape: LaneShape) -> Done<VectorValue<'c>> {
        let a = self.lanes(data, 0, shape)?;
        let bits = self.i32(shape.lane_bits() - 1);
        let amount = self.b.build_and(self.int(data.args[1]), bits, "")?;
        let lane = self.unit.types.int(shape.lane_bits());
        let amount = self.b.build_int_cast_sign_flag(amount, lane, false, "")?;
        let amounts = self.splat(amount.into(), a.get_type())?;
        Ok(match data.opcode {
            Opcode::Vshl => self.b.build_left_shift(a, amounts, "")?,
            op => self.b.build_right_shift(a, amounts, op == Opcode::Vashr, "")?,
        })
    }

    /// Operations on integer lanes.
    fn integer_lanes(
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

    /// Operations on lanes of floating point.
    fn float_lanes(
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
            Op::Vpmin | Op::Vpmax => {
                let (x, y) = if op == Op::Vpmin { (b, a) } else { (a, b) };
                let less = self.b.build_float_compare(FloatPredicate::OLT, x, y, "")?;
                self.b.build_select(less, b, a, "")?.into_vector_value()
            }
            Op::Vfcanon => self.canonical_lanes(shape, a)?,
            _ => self.lanes_to_integer(op, shape, a)?,
        })
    }

    /// The canonical quiet NaN where a lane is a NaN; by integers, as for single floats.
    fn canonical_lanes(&mut self, shape: LaneShape, a: VectorValue<'c>) -> Done<VectorValue<'c>> {
        let (infinity, quiet) = match shape {
            LaneShape::F32x4 => (0x7f80_0000, 0x7fc0_0000),
            _ => (0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0000),
        };
        let integers = shape.integers();
        let bits = self.as_vector(a, self.shape_type(integers))?;
        let all_but_sign = self.every_lane(integers, u64::MAX >> (65 - shape.lane_bits()));
        let magnitude = self.b.build_and(bits, all_but_sign, "")?;
        let infinity = self.every_lane(integers, infinity);
        let is_nan = self.b.build_int_compare(IntPredicate::SGT, magnitude, infinity, "")?;
        let quiet = self.every_lane(integers, quiet);
        Ok(self.b.build_select(is_nan, quiet, bits, "")?.into_vector_value())
    }

    /// Saturating conversion to integers of 32 bits.
    fn lanes_to_integer(
        &mut self,
        op: Opcode,
        shape: LaneShape,
        a: VectorValue<'c>,
    ) -> Done<VectorValue<'c>> {
        let name = if op == Opcode::VfToSint { "llvm.fptosi.sat" } else { "llvm.fptoui.sat" };
        let to = self.lane_vector(Type::I32, shape.lanes());
        let value = self.vector_intrinsic(name, &[to, a.get_type()], &[a.into()])?;
        if shape == LaneShape::F32x4 { Ok(value) } else { self.with_zeros(value) }
    }

    /// The lowest integers of 32 bits as floats.
    fn lanes_to_float(
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
