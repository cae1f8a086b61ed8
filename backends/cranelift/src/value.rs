//! How values of the IR are held in Cranelift's.
//!
//! Integers up to 64 bits and pointers are integers (`i1` as an `i8` that is 0 or 1), floats are
//! floats, `v128` is `i8x16`. An `i128` is one value where carry chains want it, and two 64-bit
//! halves where it was made of such or is taken apart; both forms turn into each other without
//! machine code.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{InstBuilder, Value, types};
use evmc_ir as ir;

use crate::translate::Translator;

/// What a value has become.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Held {
    /// Nothing yet.
    #[default]
    Nothing,
    /// One Cranelift value.
    One(Value),
    /// The halves of an `i128`, low first.
    Halves(Value, Value),
}

/// The Cranelift type of one whole value.
pub(crate) const fn machine_type(ty: ir::Type) -> types::Type {
    match ty {
        ir::Type::I1 | ir::Type::I8 => types::I8,
        ir::Type::I16 => types::I16,
        ir::Type::I32 => types::I32,
        ir::Type::I64 | ir::Type::Ptr => types::I64,
        ir::Type::I128 | ir::Type::I256 => types::I128,
        ir::Type::F32 => types::F32,
        ir::Type::F64 => types::F64,
        ir::Type::V128 => types::I8X16,
    }
}

/// The Cranelift types in signatures: an `i128` goes in halves.
pub(crate) const fn half_types(ty: ir::Type) -> &'static [types::Type] {
    match ty {
        ir::Type::I1 | ir::Type::I8 => &[types::I8],
        ir::Type::I16 => &[types::I16],
        ir::Type::I32 => &[types::I32],
        ir::Type::I64 | ir::Type::Ptr => &[types::I64],
        ir::Type::I128 | ir::Type::I256 => &[types::I64, types::I64],
        ir::Type::F32 => &[types::F32],
        ir::Type::F64 => &[types::F64],
        ir::Type::V128 => &[types::I8X16],
    }
}

impl Translator<'_, '_> {
    /// A value as one Cranelift value.
    pub fn one(&mut self, value: ir::Value) -> Value {
        match self.held[value] {
            Held::One(one) => one,
            Held::Halves(low, high) => self.join(low, high),
            Held::Nothing => self.zero(machine_type(self.func.ty(value))),
        }
    }

    /// An `i128` as its halves, low first.
    pub fn halves(&mut self, value: ir::Value) -> (Value, Value) {
        let whole = match self.held[value] {
            Held::Halves(low, high) => return (low, high),
            Held::One(one) => one,
            Held::Nothing => self.zero(types::I128),
        };
        let block = self.b.current_block();
        if let Some((split_in, low, high)) = self.splits[value]
            && Some(split_in) == block
        {
            return (low, high);
        }
        let (low, high) = self.b.ins().isplit(whole);
        self.splits[value] = block.map(|block| (block, low, high));
        (low, high)
    }

    /// Whether an `i128` is held in halves.
    pub fn is_split(&self, value: ir::Value) -> bool {
        matches!(self.held[value], Held::Halves(..))
    }

    /// One value of two halves.
    pub fn join(&mut self, low: Value, high: Value) -> Value {
        if self.constant(high) == Some(0) {
            self.b.ins().uextend(types::I128, low)
        } else {
            self.b.ins().iconcat(low, high)
        }
    }

    /// The Cranelift values of a value as signatures have them.
    pub fn flat(&mut self, value: ir::Value, into: &mut Vec<Value>) {
        if self.func.ty(value) == ir::Type::I128 {
            let (low, high) = self.halves(value);
            into.extend([low, high]);
        } else {
            let one = self.one(value);
            into.push(one);
        }
    }

    /// Takes a value of type `ty` from the front of `flat`.
    pub fn take_flat(ty: ir::Type, flat: &mut &[Value]) -> Held {
        match (ty, *flat) {
            (ir::Type::I128, &[low, high, ref rest @ ..]) => {
                *flat = rest;
                Held::Halves(low, high)
            }
            (_, &[one, ref rest @ ..]) => {
                *flat = rest;
                Held::One(one)
            }
            _ => Held::Nothing,
        }
    }

    /// The constant of an `iconst`, zero-extended.
    pub fn constant(&self, value: Value) -> Option<u64> {
        use cranelift_codegen::ir::{InstructionData, Opcode};
        let dfg = &self.b.func.dfg;
        let inst = dfg.value_def(value).inst()?;
        match dfg.insts[inst] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits() as u64),
            _ => None,
        }
    }

    /// An integer constant of at most 64 bits, zero-extended.
    ///
    /// Each is defined once, at the top of the function: Cranelift materialises constants where they
    /// are used anyway, and looks each definition up in all dominating blocks.
    pub fn iconst(&mut self, ty: types::Type, constant: i64) -> Value {
        let (b, prologue) = (&mut self.b, self.prologue);
        *self.constants.entry((ty, constant)).or_insert_with(|| {
            let mut cursor = FuncCursor::new(b.func).at_first_insertion_point(prologue);
            cursor.ins().iconst(ty, constant)
        })
    }

    /// A constant that a branch here passes on. Without optimisation, that is held in memory from its definition on, so that
    /// each constant from the top of the function would add to every block.
    pub fn passed_iconst(&mut self, ty: types::Type, constant: i64) -> Value {
        if self.around.keeps_near { self.b.ins().iconst(ty, constant) } else { self.iconst(ty, constant) }
    }

    /// A 64-bit constant.
    pub fn i64(&mut self, constant: u64) -> Value {
        self.iconst(types::I64, constant as i64)
    }

    /// Zero of any type.
    pub fn zero(&mut self, ty: types::Type) -> Value {
        match ty {
            types::F32 => self.b.ins().f32const(0.0),
            types::F64 => self.b.ins().f64const(0.0),
            types::I128 => {
                let zero = self.i64(0);
                self.b.ins().uextend(types::I128, zero)
            }
            types::I8X16 => {
                let bits = self.b.func.dfg.constants.insert([0u8; 16].as_slice().into());
                self.b.ins().vconst(types::I8X16, bits)
            }
            _ => self.iconst(ty, 0),
        }
    }

    /// Notes the first result of an instruction.
    pub fn set(&mut self, data: &ir::InstData, held: Held) {
        if let Some(&result) = data.results.first() {
            self.held[result] = held;
        }
    }

    /// Notes the first result, held in one value.
    pub fn set_one(&mut self, data: &ir::InstData, value: Value) {
        self.set(data, Held::One(value));
    }
}
