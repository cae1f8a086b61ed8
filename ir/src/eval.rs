//! The meaning of every pure operation, at every width, once.
//!
//! The interpreter runs it, constant folding asks it, backends are tested against it. A value is its
//! bit pattern, zero-extended from the width of its type to 256 bits; floats and vectors are held by
//! their bits as well. Everything here is total: no operand panics, and what the table calls a
//! special case (division by zero, shifts by the width or more) has the result that it states.
//!
//! Operands with bits above their width do not panic either, but their results mean nothing.
//!
//! What is not here: constants (their bits are in the pool), memory, gas, control flow. Those are
//! [`crate::interp`]'s.

mod float;
mod vector;

use ruint::aliases::U256;

use crate::function::InstData;
use crate::opcode::Opcode;
use crate::types::{Type, TypeClass};

/// The bits of the results; the second is 0 where the operation has one result.
pub type Results = [U256; 2];

/// All ones at the width of `ty`.
pub const fn mask(ty: Type) -> U256 {
    let (mut limbs, mut i) = ([0; 4], 0);
    while i < 4 {
        let bits = ty.bits().saturating_sub(64 * i as u32);
        limbs[i] = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
        i += 1;
    }
    U256::from_limbs(limbs)
}

/// The low bits of `bits` that fit `ty`.
pub fn truncate(ty: Type, bits: U256) -> U256 {
    if ty.bits() == 256 { bits } else { bits & mask(ty) }
}

/// `bits` of type `from`, sign-extended to 256 bits.
pub fn sign_extend(from: Type, bits: U256) -> U256 {
    if is_negative(from, bits) { bits | !mask(from) } else { bits }
}

/// Whether the top bit of `bits` at the width of `ty` is set.
pub fn is_negative(ty: Type, bits: U256) -> bool {
    bits.bit(ty.bits() as usize - 1)
}

/// Evaluates a pure operation of controlling type `ty`.
///
/// `from` is the type of the first operand, which only conversions look at. `None` where the
/// operation is not a pure one with operands (a constant, an effect, a terminator), or where the
/// number of operands is not the table's.
pub fn eval(opcode: Opcode, ty: Type, from: Type, args: &[U256]) -> Option<Results> {
    let row = opcode.row();
    if args.is_empty() || args.len() != row.args.len() || !row.effects.is_pure() {
        return None;
    }
    let operand = |i: usize| args.get(i).copied().unwrap_or_default();
    if let Some(bits) = float::convert(opcode, ty, from, operand(0)) {
        return Some([bits, U256::ZERO]);
    }
    if ty.class() == TypeClass::Float
        && let Some(bits) = float::eval(opcode, ty, operand(0), operand(1))
    {
        return Some([bits, U256::ZERO]);
    }
    integer(opcode, ty, from, [operand(0), operand(1), operand(2)])
}

/// Evaluates a pure instruction, vector operations included; for the others see [`eval`].
pub fn eval_inst(data: &InstData, from: Type, args: &[U256]) -> Option<Results> {
    match vector::eval(data, args) {
        Some(bits) => Some([bits, U256::ZERO]),
        None => eval(data.opcode, data.ty?, from, args),
    }
}

/// Operations on integers, and those that work on bits of any type.
fn integer(opcode: Opcode, ty: Type, from: Type, [a, b, c]: [U256; 3]) -> Option<Results> {
    use Opcode as Op;
    let flag = |condition: bool| U256::from(condition);
    let bits = match opcode {
        Op::Add => a.wrapping_add(b),
        Op::Sub => a.wrapping_sub(b),
        Op::Mul => a.wrapping_mul(b),
        Op::AddCarry => {
            let sum = truncate(ty, a.wrapping_add(b));
            return Some([sum, flag(sum < a)]);
        }
        Op::SubBorrow => return Some([truncate(ty, a.wrapping_sub(b)), flag(a < b)]),
        Op::Udiv => a.checked_div(b).unwrap_or_default(),
        Op::Urem => a.checked_rem(b).unwrap_or_default(),
        Op::Sdiv => signed_quotient(ty, a, b),
        Op::Srem => signed_remainder(ty, a, b),
        Op::Addmod => a.add_mod(b, c),
        Op::Mulmod => a.mul_mod(b, c),
        Op::Exp => a.wrapping_pow(b),
        Op::And => a & b,
        Op::Or => a | b,
        Op::Xor => a ^ b,
        Op::Not => !a,
        Op::Shl => amount(ty, b).map_or(U256::ZERO, |by| a << by),
        Op::Lshr => amount(ty, b).map_or(U256::ZERO, |by| a >> by),
        Op::Ashr => sign_extend(ty, a).arithmetic_shr(amount(ty, b).unwrap_or(255)),
        Op::Rotl => rotate_left(ty, a, low(b) % ty.bits()),
        Op::Rotr => rotate_left(ty, a, ty.bits() - low(b) % ty.bits()),
        Op::Clz => U256::from(a.leading_zeros() - (256 - ty.bits() as usize)),
        Op::Ctz => U256::from(a.trailing_zeros().min(ty.bits() as usize)),
        Op::Popcnt => U256::from(a.count_ones()),
        Op::Bswap => U256::from_be_bytes(a.to_le_bytes::<32>()) >> (256 - ty.bits() as usize),
        Op::Byte => byte(ty, a, b),
        Op::SignExtend => sign_extend_from_byte(ty, a, b),
        Op::Eq => flag(a == b),
        Op::Ne => flag(a != b),
        Op::Ult => flag(a < b),
        Op::Ule => flag(a <= b),
        Op::Ugt => flag(a > b),
        Op::Uge => flag(a >= b),
        Op::Slt => flag(signed_order(ty, a) < signed_order(ty, b)),
        Op::Sle => flag(signed_order(ty, a) <= signed_order(ty, b)),
        Op::Sgt => flag(signed_order(ty, a) > signed_order(ty, b)),
        Op::Sge => flag(signed_order(ty, a) >= signed_order(ty, b)),
        Op::Select => [c, b][usize::from(!a.is_zero())],
        Op::Zext | Op::Trunc | Op::Bitcast => a,
        Op::Sext => sign_extend(from, a),
        _ => return None,
    };
    Some([truncate(ty, bits), U256::ZERO])
}

/// The low 32 bits.
fn low(bits: U256) -> u32 {
    bits.as_limbs()[0] as u32
}

/// A shift amount below the width of `ty`.
fn amount(ty: Type, amount: U256) -> Option<usize> {
    (amount < U256::from(ty.bits())).then(|| low(amount) as usize)
}

/// Maps two's complement numbers to unsigned ones of the same order.
fn signed_order(ty: Type, bits: U256) -> U256 {
    sign_extend(ty, bits) ^ (U256::ONE << 255)
}

/// Magnitude and sign.
fn magnitude(ty: Type, bits: U256) -> (U256, bool) {
    let negative = is_negative(ty, bits);
    (if negative { sign_extend(ty, bits).wrapping_neg() } else { bits }, negative)
}

/// Truncating signed quotient; 0 for a zero divisor.
fn signed_quotient(ty: Type, a: U256, b: U256) -> U256 {
    let ((a, a_negative), (b, b_negative)) = (magnitude(ty, a), magnitude(ty, b));
    let quotient = a.checked_div(b).unwrap_or_default();
    if a_negative == b_negative { quotient } else { quotient.wrapping_neg() }
}

/// Signed remainder with the sign of the dividend; 0 for a zero divisor.
fn signed_remainder(ty: Type, a: U256, b: U256) -> U256 {
    let ((a, negative), (b, _)) = (magnitude(ty, a), magnitude(ty, b));
    let remainder = a.checked_rem(b).unwrap_or_default();
    if negative { remainder.wrapping_neg() } else { remainder }
}

/// Rotation to the left by at most the width.
fn rotate_left(ty: Type, bits: U256, by: u32) -> U256 {
    let (by, width) = (by as usize, ty.bits() as usize);
    if by % width == 0 { bits } else { (bits << by) | (bits >> (width - by)) }
}

/// The byte at `index` from the most significant; 0 beyond.
fn byte(ty: Type, index: U256, value: U256) -> U256 {
    if index >= U256::from(ty.bytes()) {
        return U256::ZERO;
    }
    (value >> (8 * (ty.bytes() - 1 - low(index)) as usize)) & U256::from(0xff)
}

/// Extends the sign of the byte at `index` from the least significant.
fn sign_extend_from_byte(ty: Type, index: U256, value: U256) -> U256 {
    if index >= U256::from(ty.bytes() - 1) {
        return value;
    }
    let above = 255 - (8 * low(index) as usize + 7);
    (value << above).arithmetic_shr(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcode::ImmKind;

    /// Operands at which implementations differ, at the width of `ty`.
    fn edges(ty: Type) -> Vec<U256> {
        let mask = mask(ty);
        let top = U256::ONE << (ty.bits() as usize - 1);
        let mut edges: Vec<_> = [0u64, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256]
            .map(|small| U256::from(small) & mask)
            .into();
        edges.extend([mask, top, top.wrapping_sub(U256::ONE) & mask, mask - U256::ONE]);
        edges.sort();
        edges.dedup();
        edges
    }

    /// Checks every pure operation at every type: it evaluates, and its results fit their types.
    #[test]
    fn every_pure_operation_is_total_and_fits() {
        for &opcode in Opcode::ALL {
            let row = opcode.row();
            let pure = row.effects.is_pure() && row.imm == ImmKind::None && opcode != Opcode::Vsplat;
            for &ty in Type::ALL.iter().filter(|&&ty| pure && row.types.contains(ty)) {
                for &a in &edges(ty) {
                    for &b in &edges(ty) {
                        let args = [a, b, a ^ b];
                        let [first, second] = eval(opcode, ty, ty, &args[..row.args.len()])
                            .unwrap_or_else(|| panic!("{opcode:?} {ty}"));
                        assert!(first <= mask(ty), "{opcode:?} {ty} {args:?}");
                        assert!(second <= U256::ONE, "{opcode:?} {ty} {args:?}");
                    }
                }
            }
        }
    }

    /// Compares 8-bit and 64-bit arithmetic with Rust's.
    #[test]
    fn narrow_arithmetic_is_rusts() {
        let run = |opcode, ty, a: u64, b: u64| {
            eval(opcode, ty, ty, &[U256::from(a), U256::from(b)]).unwrap()[0].as_limbs()[0]
        };
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let (x, y) = (a.into(), b.into());
                let at8 = |opcode| run(opcode, Type::I8, x, y) as u8;
                let div = if b == 0 { 0 } else { (a as i8).wrapping_div(b as i8) as u8 };
                let rem = if b == 0 { 0 } else { (a as i8).wrapping_rem(b as i8) as u8 };
                assert_eq!(at8(Opcode::Sdiv), div);
                assert_eq!(at8(Opcode::Srem), rem);
                assert_eq!(at8(Opcode::Rotl), a.rotate_left(b.into()));
                assert_eq!(at8(Opcode::Rotr), a.rotate_right(b.into()));
                assert_eq!(at8(Opcode::Ashr), ((a as i8) >> b.min(7)) as u8);
                assert_eq!(at8(Opcode::Slt), u8::from((a as i8) < b as i8));
            }
        }
    }

    /// What is not a pure operation, or has the wrong number of operands, is refused.
    #[test]
    fn others_are_refused() {
        let two = [U256::ONE; 2];
        for opcode in [Opcode::Const, Opcode::MemLoad, Opcode::Jump, Opcode::Unreachable] {
            assert_eq!(eval(opcode, Type::I64, Type::I64, &two), None);
        }
        assert_eq!(eval(Opcode::Add, Type::I64, Type::I64, &two[..1]), None);
        assert_eq!(eval(Opcode::Fadd, Type::I64, Type::I64, &two), None);
    }
}
