//! Vectors of lanes.
//!
//! Every vector is held as `i8x16`; an operation casts its operands to its shape and its result back. A cast costs no
//! machine code, and a cast back to the type that a value was cast from gives that value, so that Cranelift sees
//! operations next to one another as it has them in its patterns.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Endianness, InstBuilder, InstructionData, MemFlagsData, Opcode as ClifOpcode};
use cranelift_codegen::ir::{Value, types};
use evmc_backend::CpuLevel;
use evmc_ir::{Imm, InstData, LaneShape, Opcode, Type};

use crate::translate::{Refusal, Translator};

/// Cranelift's type for vectors of a shape.
const fn shape_type(shape: LaneShape) -> types::Type {
    match shape {
        LaneShape::I8x16 => types::I8X16,
        LaneShape::I16x8 => types::I16X8,
        LaneShape::I32x4 => types::I32X4,
        LaneShape::I64x2 => types::I64X2,
        LaneShape::F32x4 => types::F32X4,
        LaneShape::F64x2 => types::F64X2,
    }
}

/// Whether Cranelift needs an instruction for an operation that the first x86-64 processors lack.
const fn needs_features(data: &InstData) -> bool {
    use Opcode as Op;
    match data.opcode {
        Op::Vshuffle | Op::Vswizzle | Op::Vpopcnt | Op::Vq15mulrSat => true,
        Op::Vfceil | Op::Vffloor | Op::Vftrunc | Op::Vfnearest => true,
        Op::VfToUint => matches!(data.imm, Imm::Shape(LaneShape::F64x2)),
        _ => false,
    }
}

impl Translator<'_, '_> {
    /// Any operation on vectors.
    pub fn vector(&mut self, data: &InstData) -> Result<(), Refusal> {
        if needs_features(data) && self.around.cpu == CpuLevel::Baseline {
            return Err("below SSE4.1");
        }
        match data.imm {
            Imm::Shape(shape) => self.shaped(data, shape),
            Imm::Lane(lane) => self.one_lane(data, lane),
            Imm::Shuffle(bytes) => {
                let (a, b) = self.vectors(data, types::I8X16);
                let bytes = self.b.func.dfg.immediates.push(bytes.as_slice().into());
                let value = self.b.ins().shuffle(a, b, bytes);
                self.set_one(data, value);
            }
            _ => self.unshaped(data),
        }
        Ok(())
    }

    /// A value seen as another type of the same width.
    fn cast(&mut self, value: Value, to: types::Type) -> Value {
        let dfg = &self.b.func.dfg;
        if dfg.value_type(value) == to {
            return value;
        }
        let source = dfg.value_def(value).inst().map(|inst| dfg.insts[inst]);
        if let Some(InstructionData::LoadNoOffset { opcode: ClifOpcode::Bitcast, arg, .. }) = source
            && dfg.value_type(arg) == to
        {
            return arg;
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(to, flags, value)
    }

    /// The operands as vectors of a type; a missing second one is the first.
    fn vectors(&mut self, data: &InstData, ty: types::Type) -> (Value, Value) {
        let first = data.args[0];
        let (a, b) = (self.one(first), self.one(*data.args.get(1).unwrap_or(&first)));
        (self.cast(a, ty), self.cast(b, ty))
    }

    /// Notes the result, a vector of any type.
    fn set_vector(&mut self, data: &InstData, value: Value) {
        let value = self.cast(value, types::I8X16);
        self.set_one(data, value);
    }

    /// A vector with the same bits in every lane.
    fn every_lane(&mut self, shape: LaneShape, lane: u64) -> Value {
        let bytes = lane.to_le_bytes();
        let lane = &bytes[..(shape.lane_bits() / 8) as usize];
        let bits = self.b.func.dfg.constants.insert(lane.repeat(shape.lanes() as usize).into());
        self.b.ins().vconst(shape_type(shape), bits)
    }

    /// `v.extract` and `v.insert`.
    fn one_lane(&mut self, data: &InstData, lane: u8) {
        let lanes = LaneShape::of_lane(data.ty.unwrap_or(Type::I64)).unwrap_or(LaneShape::I64x2);
        let ty = shape_type(lanes);
        let vector = self.one(data.args[0]);
        if data.opcode == Opcode::Vextract {
            let vector = self.cast(vector, ty);
            let value = self.b.ins().extractlane(vector, lane);
            return self.set_one(data, value);
        }
        let value = self.one(data.args[1]);
        // The one instruction that moves an integer to the lowest lane makes all others zero.
        let moves = matches!(lanes, LaneShape::I32x4 | LaneShape::I64x2) && lane == 0;
        let value = if moves && self.func.constant(data.args[0]).is_some_and(|bits| bits.is_zero()) {
            self.b.ins().scalar_to_vector(ty, value)
        } else {
            let vector = self.cast(vector, ty);
            self.b.ins().insertlane(vector, value, lane)
        };
        self.set_vector(data, value);
    }

    /// Operations whose immediate is none.
    fn unshaped(&mut self, data: &InstData) {
        if data.opcode == Opcode::Vsplat {
            let value = self.one(data.args[0]);
            let shape = data.ty.and_then(LaneShape::of_lane).unwrap_or(LaneShape::I64x2);
            let value = self.b.ins().splat(shape_type(shape), value);
            return self.set_vector(data, value);
        }
        let seen = match data.opcode {
            Opcode::Vq15mulrSat | Opcode::Vdot => types::I16X8,
            Opcode::Vfpromote => types::F32X4,
            Opcode::Vfdemote => types::F64X2,
            _ => types::I8X16,
        };
        let (a, b) = self.vectors(data, seen);
        let value = match data.opcode {
            Opcode::VanyTrue => {
                let value = self.b.ins().vany_true(a);
                return self.set_one(data, value);
            }
            Opcode::Vswizzle => self.b.ins().swizzle(a, b),
            Opcode::Vpopcnt => self.b.ins().popcnt(a),
            Opcode::Vq15mulrSat => self.b.ins().sqmul_round_sat(a, b),
            Opcode::Vdot => self.dot(a, b),
            Opcode::Vfpromote => self.b.ins().fvpromote_low(a),
            _ => self.b.ins().fvdemote(a),
        };
        self.set_vector(data, value);
    }

    /// Sums of products of neighbours: the form that Cranelift knows as one instruction.
    fn dot(&mut self, a: Value, b: Value) -> Value {
        let (low_a, low_b) = (self.b.ins().swiden_low(a), self.b.ins().swiden_low(b));
        let (high_a, high_b) = (self.b.ins().swiden_high(a), self.b.ins().swiden_high(b));
        let low = self.b.ins().imul(low_a, low_b);
        let high = self.b.ins().imul(high_a, high_b);
        self.b.ins().iadd_pairwise(low, high)
    }

    /// Operations on lanes of a shape.
    fn shaped(&mut self, data: &InstData, shape: LaneShape) {
        use Opcode as Op;
        let ty = shape_type(shape);
        match data.opcode {
            Op::Vshl | Op::Vlshr | Op::Vashr => self.vector_shift(data, ty),
            Op::VallTrue | Op::Vbitmask => {
                let (a, _) = self.vectors(data, ty);
                let value = match data.opcode {
                    Op::VallTrue => self.b.ins().vall_true(a),
                    _ => self.b.ins().vhigh_bits(types::I32, a),
                };
                self.set_one(data, value);
            }
            Op::VsintToF | Op::VuintToF => {
                let (a, _) = self.vectors(data, types::I32X4);
                let value = self.lanes_to_float(data.opcode, shape, a);
                self.set_vector(data, value);
            }
            op => {
                let (a, b) = self.vectors(data, ty);
                let value = match shape {
                    LaneShape::F32x4 | LaneShape::F64x2 => self.float_lanes(op, shape, a, b),
                    _ => self.integer_lanes(op, a, b),
                };
                self.set_vector(data, value);
            }
        }
    }

    /// Shifts, whose amount Cranelift takes modulo the width.
    fn vector_shift(&mut self, data: &InstData, ty: types::Type) {
        let (a, amount) = (self.one(data.args[0]), self.one(data.args[1]));
        let a = self.cast(a, ty);
        let value = match data.opcode {
            Opcode::Vshl => self.b.ins().ishl(a, amount),
            Opcode::Vlshr => self.b.ins().ushr(a, amount),
            _ => self.b.ins().sshr(a, amount),
        };
        self.set_vector(data, value);
    }

    /// Operations on integer lanes.
    fn integer_lanes(&mut self, op: Opcode, a: Value, b: Value) -> Value {
        use Opcode as Op;
        if matches!(op, Op::VsaddPairs | Op::VuaddPairs) {
            return self.pairs(op == Op::VsaddPairs, a);
        }
        let ins = self.b.ins();
        match op {
            Op::Vadd => ins.iadd(a, b),
            Op::Vsub => ins.isub(a, b),
            Op::Vmul => ins.imul(a, b),
            Op::Vabs => ins.iabs(a),
            Op::VsaddSat => ins.sadd_sat(a, b),
            Op::VuaddSat => ins.uadd_sat(a, b),
            Op::VssubSat => ins.ssub_sat(a, b),
            Op::VusubSat => ins.usub_sat(a, b),
            Op::Vsmin => ins.smin(a, b),
            Op::Vumin => ins.umin(a, b),
            Op::Vsmax => ins.smax(a, b),
            Op::Vumax => ins.umax(a, b),
            Op::Vavgr => ins.avg_round(a, b),
            Op::Veq => ins.icmp(IntCC::Equal, a, b),
            Op::Vult => ins.icmp(IntCC::UnsignedLessThan, a, b),
            Op::Vule => ins.icmp(IntCC::UnsignedLessThanOrEqual, a, b),
            Op::Vslt => ins.icmp(IntCC::SignedLessThan, a, b),
            Op::Vsle => ins.icmp(IntCC::SignedLessThanOrEqual, a, b),
            Op::Vsnarrow => ins.snarrow(a, b),
            Op::Vunarrow => ins.unarrow(a, b),
            Op::VsextLow => ins.swiden_low(a),
            Op::VsextHigh => ins.swiden_high(a),
            Op::VzextLow => ins.uwiden_low(a),
            _ => ins.uwiden_high(a),
        }
    }

    /// Sums of extended neighbours.
    fn pairs(&mut self, is_signed: bool, a: Value) -> Value {
        let (low, high) = if is_signed {
            (self.b.ins().swiden_low(a), self.b.ins().swiden_high(a))
        } else {
            (self.b.ins().uwiden_low(a), self.b.ins().uwiden_high(a))
        };
        self.b.ins().iadd_pairwise(low, high)
    }

    /// Operations on lanes of floating point.
    fn float_lanes(&mut self, op: Opcode, shape: LaneShape, a: Value, b: Value) -> Value {
        use Opcode as Op;
        match op {
            Op::Vpmin => return self.lesser(shape, [b, a], [b, a]),
            Op::Vpmax => return self.lesser(shape, [a, b], [b, a]),
            Op::Vfcanon => return self.canonical_lanes(shape, a),
            Op::VfToSint | Op::VfToUint => return self.lanes_to_integer(op, shape, a),
            _ => {}
        }
        let ins = self.b.ins();
        match op {
            Op::Vfadd => ins.fadd(a, b),
            Op::Vfsub => ins.fsub(a, b),
            Op::Vfmul => ins.fmul(a, b),
            Op::Vfdiv => ins.fdiv(a, b),
            Op::Vfmin => ins.fmin(a, b),
            Op::Vfmax => ins.fmax(a, b),
            Op::Vfsqrt => ins.sqrt(a),
            Op::Vfceil => ins.ceil(a),
            Op::Vffloor => ins.floor(a),
            Op::Vftrunc => ins.trunc(a),
            Op::Vfnearest => ins.nearest(a),
            Op::Vfeq => ins.fcmp(FloatCC::Equal, a, b),
            Op::Vfne => ins.fcmp(FloatCC::NotEqual, a, b),
            Op::Vflt => ins.fcmp(FloatCC::LessThan, a, b),
            _ => ins.fcmp(FloatCC::LessThanOrEqual, a, b),
        }
    }

    /// Where the first of `compared` is less the first of `chosen`, else the second: one instruction if both are the
    /// same or exchanged.
    fn lesser(&mut self, shape: LaneShape, compared: [Value; 2], chosen: [Value; 2]) -> Value {
        let less = self.b.ins().fcmp(FloatCC::LessThan, compared[0], compared[1]);
        let less = self.cast(less, shape_type(shape));
        self.b.ins().bitselect(less, chosen[0], chosen[1])
    }

    /// The canonical quiet NaN where a lane is a NaN.
    fn canonical_lanes(&mut self, shape: LaneShape, a: Value) -> Value {
        let quiet = if shape == LaneShape::F32x4 { 0x7fc0_0000 } else { 0x7ff8_0000_0000_0000 };
        let unordered = self.b.ins().fcmp(FloatCC::Unordered, a, a);
        let nan = self.every_lane(shape.integers(), quiet);
        let a = self.cast(a, shape_type(shape.integers()));
        self.b.ins().bitselect(unordered, nan, a)
    }

    /// Saturating conversion to integers of 32 bits; of two lanes by way of 64 bits.
    fn lanes_to_integer(&mut self, op: Opcode, shape: LaneShape, a: Value) -> Value {
        let is_signed = op == Opcode::VfToSint;
        let to = shape_type(shape.integers());
        let value = match is_signed {
            true => self.b.ins().fcvt_to_sint_sat(to, a),
            false => self.b.ins().fcvt_to_uint_sat(to, a),
        };
        if shape == LaneShape::F32x4 {
            return value;
        }
        let zero = self.every_lane(LaneShape::I64x2, 0);
        match is_signed {
            true => self.b.ins().snarrow(value, zero),
            false => self.b.ins().uunarrow(value, zero),
        }
    }

    /// Integers of 32 bits as floats.
    fn lanes_to_float(&mut self, op: Opcode, shape: LaneShape, a: Value) -> Value {
        let ty = shape_type(shape);
        match (op, shape) {
            (Opcode::VsintToF, LaneShape::F32x4) => self.b.ins().fcvt_from_sint(ty, a),
            (_, LaneShape::F32x4) => self.b.ins().fcvt_from_uint(ty, a),
            (Opcode::VsintToF, _) => {
                let wide = self.b.ins().swiden_low(a);
                self.b.ins().fcvt_from_sint(ty, wide)
            }
            _ => {
                let wide = self.b.ins().uwiden_low(a);
                self.b.ins().fcvt_from_uint(ty, wide)
            }
        }
    }
}
