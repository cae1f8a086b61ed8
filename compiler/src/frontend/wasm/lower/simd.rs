//! Vectors.
//!
//! What the IR has as one operation stays one; the others are composed here: greater by exchanged operands, products of
//! wider lanes by extension first, sign bits by masks, loads of lanes by a scalar load. As for single floats, arithmetic
//! is followed by `v.fcanon`, and what moves bits keeps those of a NaN.

mod rows;

use evmc_ir::{Imm, LaneShape, Opcode, Type, Value};
use ruint::aliases::U256;
use wasmparser::{MemArg, Operator};

use super::{Lowering, WasmError, operator};
use rows::Row;

impl Lowering<'_, '_> {
    /// Lowers an operator on vectors.
    ///
    /// # Errors
    /// It is not supported.
    pub(super) fn simd(&mut self, operator: &Operator<'_>) -> Result<(), WasmError> {
        match (operator, rows::row(operator)) {
            (Operator::V128Const { value }, _) => {
                self.constant(Type::V128, u128::from_le_bytes(*value.bytes()));
            }
            (_, Some(row)) => self.vector(row),
            _ => {
                let what = operator::name(operator).to_owned();
                return Err(WasmError::Unsupported { offset: self.source.into(), what });
            }
        }
        Ok(())
    }

    /// Lowers a row.
    fn vector(&mut self, row: Row) {
        match row {
            Row::One(op) => self.unary(|this, a| this.on_vectors(op, &[a], Imm::None)),
            Row::Pair(op) => self.binary(|this, a, b| this.on_vectors(op, &[a, b], Imm::None)),
            Row::Shuffle(bytes) => {
                self.binary(|this, a, b| this.on_vectors(Opcode::Vshuffle, &[a, b], Imm::Shuffle(bytes)));
            }
            Row::Shaped(op, shape) => self.unary(|this, a| this.b.shaped(op, shape, &[a])),
            Row::ShapedPair(op, shape) => self.binary(|this, a, b| this.b.shaped(op, shape, &[a, b])),
            Row::Swapped(op, shape) => self.binary(|this, a, b| this.b.shaped(op, shape, &[b, a])),
            Row::NotEqual(shape) => self.binary(|this, a, b| this.not_equal(shape, a, b)),
            Row::Negate(shape) => self.unary(|this, a| this.negate_lanes(shape, a)),
            Row::Product(extension, from, to) => {
                self.binary(|this, a, b| this.product_of_halves(extension, from, to, [a, b]));
            }
            Row::Float(op, shape) => self.unary(|this, a| this.float_lanes(op, shape, &[a])),
            Row::FloatPair(op, shape) => self.binary(|this, a, b| this.float_lanes(op, shape, &[a, b])),
            Row::Resized(op, shape) => self.unary(|this, a| this.resized_lanes(op, shape, a)),
            Row::FloatAbs(shape) => self.unary(|this, a| {
                let signs = this.signs(shape);
                this.and_not(a, signs)
            }),
            Row::FloatNegate(shape) => self.unary(|this, a| {
                let signs = this.signs(shape);
                this.b.binary(Opcode::Xor, a, signs)
            }),
            Row::AndNot => self.binary(Self::and_not),
            Row::Bitselect => self.bitselect(),
            Row::AnyTrue => self.unary(|this, a| {
                let any = this.on_vectors(Opcode::VanyTrue, &[a], Imm::None);
                this.flag(any)
            }),
            Row::AllTrue(shape) => self.unary(|this, a| {
                let all = this.b.shaped(Opcode::VallTrue, shape, &[a]);
                this.flag(all)
            }),
            Row::Splat(ty) => self.unary(|this, a| this.splat(ty, a)),
            Row::Extract(ty, lane, extension) => self.unary(|this, a| {
                let value = this.b.extract_lane(ty, a, lane);
                this.b.convert(extension, Type::I32, value)
            }),
            Row::ExtractWhole(ty, lane) => self.unary(|this, a| this.b.extract_lane(ty, a, lane)),
            Row::Replace(ty, lane) => self.binary(|this, a, value| {
                let value = this.b.convert(Opcode::Trunc, ty, value);
                this.b.insert_lane(a, value, lane)
            }),
            Row::LoadSplat(memarg, ty) => self.load_splat(memarg, ty),
            Row::LoadExtend(memarg, extension, shape) => self.load_extend(memarg, extension, shape),
            Row::LoadZero(memarg, ty) => {
                let vector = self.load_zero(memarg, ty);
                self.push(vector);
            }
            Row::LoadLane(memarg, ty, lane) => self.load_lane(memarg, ty, lane),
            Row::StoreLane(memarg, ty, lane) => self.store_lane(memarg, ty, lane),
        }
    }

    /// Appends an operation on vectors with one result; on bits of any type it has a controlling type.
    fn on_vectors(&mut self, op: Opcode, args: &[Value], imm: Imm) -> Value {
        let ty = op.row().types.contains(Type::V128).then_some(Type::V128);
        let inst = self.b.op(op, ty, args, imm);
        self.b.func.insts[inst].results[0]
    }

    fn not_equal(&mut self, shape: LaneShape, a: Value, b: Value) -> Value {
        let equal = self.b.shaped(Opcode::Veq, shape, &[a, b]);
        self.b.unary(Opcode::Not, equal)
    }

    fn negate_lanes(&mut self, shape: LaneShape, a: Value) -> Value {
        let zero = self.b.small(Type::V128, 0);
        self.b.shaped(Opcode::Vsub, shape, &[zero, a])
    }

    fn product_of_halves(
        &mut self,
        extension: Opcode,
        from: LaneShape,
        to: LaneShape,
        operands: [Value; 2],
    ) -> Value {
        let extended = operands.map(|operand| self.b.shaped(extension, from, &[operand]));
        self.b.shaped(Opcode::Vmul, to, &extended)
    }

    fn float_lanes(&mut self, op: Opcode, shape: LaneShape, operands: &[Value]) -> Value {
        let result = self.b.shaped(op, shape, operands);
        self.b.shaped(Opcode::Vfcanon, shape, &[result])
    }

    fn resized_lanes(&mut self, op: Opcode, shape: LaneShape, a: Value) -> Value {
        let result = self.on_vectors(op, &[a], Imm::None);
        self.b.shaped(Opcode::Vfcanon, shape, &[result])
    }

    /// A vector whose only ones are the top bits of lanes.
    fn signs(&mut self, shape: LaneShape) -> Value {
        let width = shape.lane_bits() as usize;
        let tops = (1..=shape.lanes() as usize).map(|lanes| U256::ONE << (lanes * width - 1));
        let bits = tops.fold(U256::ZERO, |bits, top| bits | top);
        self.b.constant(Type::V128, bits)
    }

    fn and_not(&mut self, a: Value, b: Value) -> Value {
        let not = self.b.unary(Opcode::Not, b);
        self.b.binary(Opcode::And, a, not)
    }

    fn bitselect(&mut self) {
        let mask = self.pop();
        let (a, b) = self.pop_pair();
        let yes = self.b.binary(Opcode::And, a, mask);
        let no = self.and_not(b, mask);
        let value = self.b.binary(Opcode::Or, yes, no);
        self.push(value);
    }

    /// The low bits of a value that make a type, in every lane.
    fn splat(&mut self, ty: Type, value: Value) -> Value {
        let value = self.b.convert(Opcode::Trunc, ty, value);
        self.b.value(Opcode::Vsplat, ty, &[value])
    }

    fn load_splat(&mut self, memarg: MemArg, ty: Type) {
        let value = self.load(memarg, ty);
        let vector = self.splat(ty, value);
        self.push(vector);
    }

    fn load_extend(&mut self, memarg: MemArg, extension: Opcode, shape: LaneShape) {
        let half = self.load_zero(memarg, Type::I64);
        let vector = self.b.shaped(extension, shape, &[half]);
        self.push(vector);
    }

    /// Loads into the lowest lane; the others are zero.
    fn load_zero(&mut self, memarg: MemArg, ty: Type) -> Value {
        let value = self.load(memarg, ty);
        let zero = self.b.small(Type::V128, 0);
        self.b.insert_lane(zero, value, 0)
    }

    fn load_lane(&mut self, memarg: MemArg, ty: Type, lane: u8) {
        let vector = self.pop();
        let value = self.load(memarg, ty);
        let vector = self.b.insert_lane(vector, value, lane);
        self.push(vector);
    }

    fn store_lane(&mut self, memarg: MemArg, ty: Type, lane: u8) {
        let vector = self.pop();
        let value = self.b.extract_lane(ty, vector, lane);
        self.store(memarg, value);
    }
}
