//! Vectors of lanes.
//!
//! Every vector is held as `<16 x i8>`; an operation casts its operands to its shape and its result back, which costs no
//! machine code. Operations are written in LLVM's own terms where its code generator knows the machine's instruction by
//! them, and by the machine's intrinsic where it does not.

use evmc_backend::CpuLevel;
use evmc_ir::{Imm, InstData, LaneShape, Opcode, Type};
use inkwell::IntPredicate;
use inkwell::intrinsics::Intrinsic;
use inkwell::types::{BasicTypeEnum, VectorType};
use inkwell::values::{BasicValueEnum, IntValue, VectorValue};

use crate::translate::{Done, Refusal, Translator};
use crate::vector_float::float_predicate;

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
    pub fn lane_vector(&self, lane: Type, count: u32) -> VectorType<'c> {
        match self.unit.types.of(lane) {
            BasicTypeEnum::FloatType(lane) => lane.vec_type(count),
            BasicTypeEnum::IntType(lane) => lane.vec_type(count),
            _ => self.unit.types.i8.vec_type(count),
        }
    }

    /// LLVM's type for vectors of a shape.
    pub fn shape_type(&self, shape: LaneShape) -> VectorType<'c> {
        self.lane_vector(shape.lane_type(), shape.lanes())
    }

    /// An operand as a vector of a shape.
    fn lanes(&mut self, data: &InstData, number: usize, shape: LaneShape) -> Done<VectorValue<'c>> {
        let ty = self.shape_type(shape);
        self.as_vector(self.value(data.args[number]), ty)
    }

    /// 128 bits as a vector of another type.
    pub fn as_vector(
        &self,
        value: impl Into<BasicValueEnum<'c>>,
        ty: VectorType<'c>,
    ) -> Done<VectorValue<'c>> {
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
    pub fn vector_intrinsic(
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
    pub fn has_sse4(&self) -> bool {
        self.unit.is_x86 && self.unit.cpu != CpuLevel::Baseline
    }

    /// A vector of lanes of two others, by number.
    pub fn shuffled(
        &mut self,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Done<VectorValue<'c>> {
        let numbers: Vec<IntValue<'c>> = numbers.into_iter().map(|number| self.i32(number)).collect();
        Ok(self.b.build_shuffle_vector(a, b, VectorType::const_vector(&numbers), "")?)
    }

    /// The same constant in every lane.
    pub fn every_lane(&self, shape: LaneShape, lane: u64) -> VectorValue<'c> {
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
                self.promoted(a)?
            }
            _ => {
                let a = self.lanes(data, 0, LaneShape::F64x2)?;
                self.demoted(a)?
            }
        };
        self.set_vector(data, value)
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
}
