//! What operations do with the NaNs of a format.

use evmc_ir::eval;
use evmc_ir::{Imm, InstData, Opcode, Type};
use ruint::aliases::U256;

use super::LaneShape;

/// A format of floating point, as a type and as lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// binary32.
    Single,
    /// binary64.
    Double,
}

/// What a use of a value does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It gives the same for all NaNs.
    Blind,
    /// Its result has bits of it.
    Moves,
    /// It may do anything.
    Sees,
}

impl Format {
    pub(super) const ALL: [Self; 2] = [Self::Single, Self::Double];

    /// The type of scalars.
    pub(super) const fn ty(self) -> Type {
        match self {
            Self::Single => Type::F32,
            Self::Double => Type::F64,
        }
    }

    /// The shape of vectors.
    pub(super) const fn shape(self) -> LaneShape {
        match self {
            Self::Single => LaneShape::F32x4,
            Self::Double => LaneShape::F64x2,
        }
    }

    /// Whether values of a type can hold NaNs of the format.
    pub(super) fn is_held_by(self, ty: Type) -> bool {
        ty == self.ty() || ty == Type::V128
    }

    /// Whether an instruction makes NaNs of the format the canonical one.
    pub(super) fn is_settled_by(self, data: &InstData) -> bool {
        match data.opcode {
            Opcode::Fcanon => data.ty == Some(self.ty()),
            Opcode::Vfcanon => data.imm == Imm::Shape(self.shape()),
            _ => false,
        }
    }

    /// What an instruction does with an operand that can hold NaNs of the format.
    pub(super) fn role(self, data: &InstData, operand: usize) -> Role {
        use Opcode as Op;
        let has_shape = data.imm == Imm::Shape(self.shape());
        match data.opcode {
            Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fmin | Op::Fmax | Op::Fsqrt => Role::Blind,
            Op::Fceil | Op::Ffloor | Op::Ftrunc | Op::Fnearest | Op::Fcanon => Role::Blind,
            Op::Fpromote | Op::Fdemote | Op::FtoSint | Op::FtoUint => Role::Blind,
            Op::Feq | Op::Fne | Op::Flt | Op::Fle => Role::Blind,
            Op::Fabs | Op::Fneg => Role::Moves,
            Op::Fcopysign if operand == 0 => Role::Moves,
            Op::Select if operand > 0 => Role::Moves,
            Op::Vfadd | Op::Vfsub | Op::Vfmul | Op::Vfdiv | Op::Vfmin | Op::Vfmax | Op::Vfsqrt
                if has_shape =>
            {
                Role::Blind
            }
            Op::Vfceil | Op::Vffloor | Op::Vftrunc | Op::Vfnearest | Op::Vfcanon if has_shape => Role::Blind,
            Op::VfToSint | Op::VfToUint | Op::Vfeq | Op::Vfne | Op::Vflt | Op::Vfle if has_shape => {
                Role::Blind
            }
            Op::Vfpromote if self == Self::Single => Role::Blind,
            Op::Vfdemote if self == Self::Double => Role::Blind,
            Op::Vpmin | Op::Vpmax if has_shape => Role::Moves,
            _ => Role::Sees,
        }
    }

    /// Whether the result of an operation that moves is canonical where all operands that it moves are.
    pub(super) fn keeps_canonical(data: &InstData) -> bool {
        matches!(data.opcode, Opcode::Select | Opcode::Fabs | Opcode::Vpmin | Opcode::Vpmax)
    }

    /// Whether the result of an instruction is canonical whatever its operands are; `bits` are those of a constant.
    pub(super) fn is_canonical(self, data: &InstData, bits: Option<U256>) -> bool {
        match data.opcode {
            Opcode::SintToF | Opcode::UintToF => true,
            Opcode::VsintToF | Opcode::VuintToF => data.imm == Imm::Shape(self.shape()),
            Opcode::Const => bits.is_some_and(|bits| self.has_canonical_lanes(data.ty, bits)),
            _ => self.is_settled_by(data),
        }
    }

    /// Whether no lane of a constant is another NaN than the canonical one.
    fn has_canonical_lanes(self, ty: Option<Type>, bits: U256) -> bool {
        let width = self.ty().bits() as usize;
        let lanes = ty.map_or(0, Type::bits) as usize / width;
        (0..lanes).all(|lane| {
            let bits = eval::truncate(self.ty(), bits >> (lane * width));
            let settled = eval::eval(Opcode::Fcanon, self.ty(), self.ty(), &[bits]);
            settled.is_some_and(|[settled, _]| settled == bits)
        })
    }
}
