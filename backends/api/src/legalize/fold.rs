//! Constant folding and identities for integers of at most 128 bits.
//!
//! Only what the expansions of wide operations make foldable: an operand that is 0, 1 or all ones,
//! two constants, a shift by a constant.

use evmc_ir::{Opcode, Type};

use super::part::{Part, mask};

/// A constant of type `ty` as a signed number.
pub(super) const fn signed(ty: Type, constant: u128) -> i128 {
    let unused = 128 - ty.bits();
    ((constant << unused) as i128) >> unused
}

/// The result of a binary operation, where it needs no instruction.
pub(super) fn binary(op: Opcode, ty: Type, a: Part, b: Part) -> Option<Part> {
    if let (Part::Const(a), Part::Const(b)) = (a, b)
        && let Some(value) = constants(op, ty, a, b)
    {
        return Some(Part::Const(value & mask(ty)));
    }
    let (zero_a, zero_b) = (a.is_zero(), b.is_zero());
    let ones = |part: Part| part == Part::Const(mask(ty));
    match op {
        Opcode::Add | Opcode::Or | Opcode::Xor if zero_a => Some(b),
        Opcode::Add | Opcode::Or | Opcode::Xor | Opcode::Sub if zero_b => Some(a),
        Opcode::Or if ones(a) || ones(b) => Some(Part::Const(mask(ty))),
        Opcode::And | Opcode::Mul if zero_a || zero_b => Some(Part::ZERO),
        Opcode::And if ones(a) => Some(b),
        Opcode::And if ones(b) => Some(a),
        Opcode::And | Opcode::Or if a == b => Some(a),
        Opcode::Xor | Opcode::Sub if a == b => Some(Part::ZERO),
        Opcode::Mul if a == Part::Const(1) => Some(b),
        Opcode::Mul if b == Part::Const(1) => Some(a),
        Opcode::Shl | Opcode::Lshr | Opcode::Ashr if zero_a || zero_b => Some(a),
        _ => None,
    }
}

/// The result for two constants, up to bits above the width.
fn constants(op: Opcode, ty: Type, a: u128, b: u128) -> Option<u128> {
    let in_range = b < u128::from(ty.bits());
    Some(match op {
        Opcode::Add => a.wrapping_add(b),
        Opcode::Sub => a.wrapping_sub(b),
        Opcode::Mul => a.wrapping_mul(b),
        Opcode::And => a & b,
        Opcode::Or => a | b,
        Opcode::Xor => a ^ b,
        Opcode::Shl => {
            if in_range {
                a << b
            } else {
                0
            }
        }
        Opcode::Lshr => {
            if in_range {
                a >> b
            } else {
                0
            }
        }
        Opcode::Ashr => (signed(ty, a) >> b.min(u128::from(ty.bits() - 1))) as u128,
        _ => return None,
    })
}

/// The result of a comparison, where it needs no instruction.
pub(super) fn compare(op: Opcode, ty: Type, a: Part, b: Part) -> Option<Part> {
    let known = match (a, b) {
        (Part::Const(a), Part::Const(b)) => ordered(op, (a, b), (signed(ty, a), signed(ty, b)))?,
        _ if a == b => ordered(op, (0, 0), (0, 0))?,
        _ if b.is_zero() && op == Opcode::Ult => false,
        _ if a.is_zero() && op == Opcode::Ule => true,
        _ => return None,
    };
    Some(Part::Const(known.into()))
}

/// The comparison that holds where this one does not, or `None` where `op` is not one of integers.
pub(super) const fn opposite(op: Opcode) -> Option<Opcode> {
    Some(match op {
        Opcode::Eq => Opcode::Ne,
        Opcode::Ne => Opcode::Eq,
        Opcode::Ult => Opcode::Uge,
        Opcode::Uge => Opcode::Ult,
        Opcode::Ule => Opcode::Ugt,
        Opcode::Ugt => Opcode::Ule,
        Opcode::Slt => Opcode::Sge,
        Opcode::Sge => Opcode::Slt,
        Opcode::Sle => Opcode::Sgt,
        Opcode::Sgt => Opcode::Sle,
        _ => return None,
    })
}

/// The result of a comparison of two constants, given unsigned and signed.
fn ordered(op: Opcode, (a, b): (u128, u128), (c, d): (i128, i128)) -> Option<bool> {
    Some(match op {
        Opcode::Eq => a == b,
        Opcode::Ne => a != b,
        Opcode::Ult => a < b,
        Opcode::Ule => a <= b,
        Opcode::Ugt => a > b,
        Opcode::Uge => a >= b,
        Opcode::Slt => c < d,
        Opcode::Sle => c <= d,
        Opcode::Sgt => c > d,
        Opcode::Sge => c >= d,
        _ => return None,
    })
}

/// Upper bound of the significant bits of a result from those of its operands; `amount` is the
/// second operand where it is a constant.
pub(super) fn bound(op: Opcode, ty: Type, a: u32, b: u32, amount: Option<u128>) -> u32 {
    let shift = amount.map(|amount| amount.min(256) as u32);
    let bits = match op {
        Opcode::Add => a.max(b) + 1,
        Opcode::Mul => a + b,
        Opcode::And | Opcode::Urem => a.min(b),
        Opcode::Or | Opcode::Xor => a.max(b),
        Opcode::Udiv => a,
        Opcode::Lshr => a - shift.unwrap_or(0).min(a),
        Opcode::Shl => shift.map_or(ty.bits(), |shift| a + shift),
        _ => ty.bits(),
    };
    bits.min(ty.bits())
}
