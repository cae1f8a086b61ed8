//! Appends legal instructions, folding what is known on the way.
//!
//! Three cheap facts keep the expansions small: constants ([`Part::Const`]), an upper bound of the
//! significant bits of a value, and the 64-bit halves of an `i128` that was put together from them.
//! Each is found when a value is made and never revisited, so folding costs constant time an
//! instruction. It is no replacement for the optimiser: it only sees what the expansions themselves
//! make foldable.

use cranelift_entity::SecondaryMap;
use evmc_ir::{Block, Builder, Function, Imm, InstData, Opcode, Type, Value, ValueDef};
use ruint::aliases::U256;

use super::fold;
use super::part::{Part, mask};

/// What is known of a value.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    /// Bits above this number are zero; 0 stands for the type's width.
    bits: u8,
    /// The 64-bit halves, low first.
    halves: Option<(Part, Part)>,
}

/// The function under construction and what is known of its values.
#[derive(Debug)]
pub(super) struct Emit<'f> {
    /// The builder.
    pub b: Builder<'f>,
    facts: SecondaryMap<Value, Facts>,
}

impl<'f> Emit<'f> {
    /// Starts with an empty function.
    pub fn new(func: &'f mut Function) -> Self {
        Self { b: Builder::new(func), facts: SecondaryMap::new() }
    }

    /// The value in the instruction stream, with a `const` where it is a constant.
    pub fn value(&mut self, ty: Type, part: Part) -> Value {
        match part {
            Part::Value(value) => value,
            Part::Const(constant) => self.b.constant(ty, U256::from(constant)),
        }
    }

    /// Number of low bits outside of which a value of type `ty` is zero.
    pub fn bits(&self, ty: Type, part: Part) -> u32 {
        match part {
            Part::Const(constant) => 128 - constant.leading_zeros(),
            Part::Value(value) => match self.facts[value].bits {
                0 => ty.bits(),
                bits => u32::from(bits),
            },
        }
    }

    /// Notes that a value has at most `bits` significant bits.
    pub fn bounded(&mut self, value: Value, bits: u32) -> Part {
        let ty = self.b.func.ty(value);
        if bits < ty.bits() {
            self.facts[value].bits = bits.max(1) as u8;
        }
        Part::Value(value)
    }

    /// The instruction that defines a value, unless it is a block parameter.
    pub fn def(&self, part: Part) -> Option<&InstData> {
        let Part::Value(value) = part else { return None };
        match self.b.func.values[value].def {
            ValueDef::Result(inst, _) => Some(&self.b.func.insts[inst]),
            ValueDef::Param(..) => None,
        }
    }

    /// A binary operation of operands and result of one integer type.
    pub fn binary(&mut self, op: Opcode, ty: Type, a: Part, b: Part) -> Part {
        if let Some(folded) = fold::binary(op, ty, a, b) {
            return folded;
        }
        let bits = fold::bound(op, ty, self.bits(ty, a), self.bits(ty, b), b.constant());
        let args = [self.value(ty, a), self.value(ty, b)];
        let value = self.b.value(op, ty, &args);
        self.bounded(value, bits)
    }

    /// A comparison of two integers.
    pub fn compare(&mut self, op: Opcode, ty: Type, a: Part, b: Part) -> Part {
        if let Some(folded) = fold::compare(op, ty, a, b) {
            return folded;
        }
        let args = [self.value(ty, a), self.value(ty, b)];
        Part::Value(self.b.value(op, ty, &args))
    }

    /// A shift by a constant number of bits below the width.
    pub fn shift(&mut self, op: Opcode, ty: Type, a: Part, amount: u32) -> Part {
        self.binary(op, ty, a, Part::Const(amount.into()))
    }

    /// The complement; of a comparison, the opposite comparison.
    pub fn not(&mut self, ty: Type, a: Part) -> Part {
        let opposite = self
            .def(a)
            .and_then(|def| Some((fold::opposite(def.opcode)?, def.ty?, [def.args[0], def.args[1]])));
        if let Some((op, ty, args)) = opposite {
            return Part::Value(self.b.value(op, ty, &args));
        }
        self.binary(Opcode::Xor, ty, a, Part::Const(mask(ty)))
    }

    /// `condition ? a : b`.
    pub fn select(&mut self, ty: Type, condition: Part, a: Part, b: Part) -> Part {
        match condition {
            Part::Const(constant) => {
                if constant == 0 {
                    b
                } else {
                    a
                }
            }
            _ if a == b => a,
            Part::Value(condition) => {
                let bits = self.bits(ty, a).max(self.bits(ty, b));
                let args = [condition, self.value(ty, a), self.value(ty, b)];
                let value = self.b.value(Opcode::Select, ty, &args);
                self.bounded(value, bits)
            }
        }
    }

    /// Sum and carry; the carry is known to be 0 where the operands are small.
    pub fn add_carry(&mut self, ty: Type, a: Part, b: Part) -> (Part, Part) {
        if self.bits(ty, a).max(self.bits(ty, b)) < ty.bits() || a.is_zero() || b.is_zero() {
            return (self.binary(Opcode::Add, ty, a, b), Part::ZERO);
        }
        let args = [self.value(ty, a), self.value(ty, b)];
        let (sum, carry) = self.b.pair(Opcode::AddCarry, ty, &args);
        (Part::Value(sum), Part::Value(carry))
    }

    /// Difference and borrow.
    pub fn sub_borrow(&mut self, ty: Type, a: Part, b: Part) -> (Part, Part) {
        if b.is_zero() {
            return (a, Part::ZERO);
        }
        let args = [self.value(ty, a), self.value(ty, b)];
        let (difference, borrow) = self.b.pair(Opcode::SubBorrow, ty, &args);
        (Part::Value(difference), Part::Value(borrow))
    }

    /// Zero extension, or the value itself where the types are equal.
    pub fn zext(&mut self, to: Type, from: Type, a: Part) -> Part {
        match a {
            Part::Const(_) => a,
            _ if to == from => a,
            Part::Value(value) => {
                let bits = self.bits(from, a);
                let extended = self.b.value(Opcode::Zext, to, &[value]);
                if to == Type::I128 && from == Type::I64 {
                    self.facts[extended].halves = Some((a, Part::ZERO));
                }
                self.bounded(extended, bits)
            }
        }
    }

    /// Sign extension, or the value itself where the types are equal.
    pub fn sext(&mut self, to: Type, from: Type, a: Part) -> Part {
        match a {
            _ if to == from => a,
            Part::Const(constant) => Part::Const(fold::signed(from, constant) as u128 & mask(to)),
            Part::Value(_) if self.bits(from, a) < from.bits() => self.zext(to, from, a),
            Part::Value(value) => Part::Value(self.b.value(Opcode::Sext, to, &[value])),
        }
    }

    /// The low bits, looking through extensions and halves put together.
    pub fn trunc(&mut self, to: Type, from: Type, a: Part) -> Part {
        let Part::Value(value) = a else {
            return Part::Const(a.constant().unwrap_or(0) & mask(to));
        };
        if to == from {
            return a;
        }
        if let Some((low, _)) = self.facts[value].halves {
            return self.trunc(to, Type::I64, low);
        }
        let extended = self.def(a).filter(|def| matches!(def.opcode, Opcode::Zext | Opcode::Sext));
        if let Some((inner, op)) = extended.map(|def| (def.args[0], def.opcode)) {
            let ty = self.b.func.ty(inner);
            return match op {
                _ if ty.bits() >= to.bits() => self.trunc(to, ty, Part::Value(inner)),
                Opcode::Zext => self.zext(to, ty, Part::Value(inner)),
                _ => self.sext(to, ty, Part::Value(inner)),
            };
        }
        let bits = self.bits(from, a).min(to.bits());
        let value = self.b.value(Opcode::Trunc, to, &[value]);
        self.bounded(value, bits)
    }

    /// A 64-bit half of an `i128`: 0 the low one, 1 the high one.
    pub fn half(&mut self, a: Part, number: usize) -> Part {
        if let Part::Value(value) = a
            && let Some((low, high)) = self.facts[value].halves
        {
            return if number == 0 { low } else { high };
        }
        if number == 0 {
            return self.trunc(Type::I64, Type::I128, a);
        }
        if self.bits(Type::I128, a) <= 64 {
            return Part::ZERO;
        }
        let high = self.shift(Opcode::Lshr, Type::I128, a, 64);
        self.trunc(Type::I64, Type::I128, high)
    }

    /// An `i128` from its 64-bit halves.
    pub fn concat(&mut self, low: Part, high: Part) -> Part {
        let wide_low = self.zext(Type::I128, Type::I64, low);
        let wide_high = self.zext(Type::I128, Type::I64, high);
        let shifted = self.shift(Opcode::Shl, Type::I128, wide_high, 64);
        let whole = self.binary(Opcode::Or, Type::I128, wide_low, shifted);
        if let Part::Value(value) = whole {
            self.facts[value].halves = Some((low, high));
        }
        whole
    }

    /// Appends an instruction with one result.
    pub fn one(&mut self, op: Opcode, ty: Type, args: &[Value], imm: Imm) -> Part {
        let inst = self.b.op(op, Some(ty), args, imm);
        Part::Value(self.b.func.insts[inst].results[0])
    }

    /// A new block with a parameter for each type; gives the parameters.
    pub fn block(&mut self, types: &[Type]) -> (Block, Vec<Value>) {
        let block = self.b.create_block();
        let params = types.iter().map(|&ty| self.b.add_param(block, ty)).collect();
        (block, params)
    }
}
