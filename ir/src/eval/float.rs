//! Floating point: IEEE 754 in round-to-nearest, made deterministic.
//!
//! Where an arithmetic result is a NaN, it is here the canonical quiet NaN (positive, only the top bit of
//! the fraction set), whatever NaNs the operands were; the table leaves open which one it is. `fabs`, `fneg` and `fcopysign` move bits and
//! keep a NaN's payload. This is the deterministic profile of the WebAssembly specification.

use ruint::aliases::U256;

use crate::opcode::Opcode;
use crate::types::Type;

/// Defines the operations of one format.
macro_rules! format {
    ($name:ident, $float:ident, $bits:ident, $canonical_nan:literal) => {
        /// Evaluates an operation; `None` where it is not one of floating point.
        fn $name(opcode: Opcode, a: $bits, b: $bits) -> Option<$bits> {
            use Opcode as Op;
            const SIGN: $bits = 1 << ($bits::BITS - 1);
            let (x, y) = ($float::from_bits(a), $float::from_bits(b));
            let arithmetic = |result: $float| {
                if result.is_nan() { $canonical_nan } else { result.to_bits() }
            };
            let unordered = x.is_nan() || y.is_nan();
            Some(match opcode {
                Op::Fadd => arithmetic(x + y),
                Op::Fsub => arithmetic(x - y),
                Op::Fmul => arithmetic(x * y),
                Op::Fdiv => arithmetic(x / y),
                Op::Fmin | Op::Fmax if unordered => $canonical_nan,
                Op::Fmin if x == y => a | b,
                Op::Fmax if x == y => a & b,
                Op::Fmin => [b, a][usize::from(x < y)],
                Op::Fmax => [b, a][usize::from(x > y)],
                Op::Fsqrt => arithmetic(x.sqrt()),
                Op::Fceil => arithmetic(x.ceil()),
                Op::Ffloor => arithmetic(x.floor()),
                Op::Ftrunc => arithmetic(x.trunc()),
                Op::Fnearest => arithmetic(x.round_ties_even()),
                Op::Fcanon => arithmetic(x),
                Op::Fabs => a & !SIGN,
                Op::Fneg => a ^ SIGN,
                Op::Fcopysign => (a & !SIGN) | (b & SIGN),
                Op::Feq => $bits::from(x == y),
                Op::Fne => $bits::from(x != y),
                Op::Flt => $bits::from(x < y),
                Op::Fle => $bits::from(x <= y),
                _ => return None,
            })
        }
    };
}

format!(binary32, f32, u32, 0x7fc0_0000);
format!(binary64, f64, u64, 0x7ff8_0000_0000_0000);

/// Evaluates an operation of floating point on bits; `None` where it is not one.
pub(super) fn eval(opcode: Opcode, ty: Type, a: U256, b: U256) -> Option<U256> {
    let (a, b) = (a.as_limbs()[0], b.as_limbs()[0]);
    match ty {
        Type::F32 => binary32(opcode, a as u32, b as u32).map(U256::from),
        Type::F64 => binary64(opcode, a, b).map(U256::from),
        _ => None,
    }
}

/// Evaluates a conversion between floats, or between floats and integers; `None` where it is not one.
pub(super) fn convert(opcode: Opcode, to: Type, from: Type, a: U256) -> Option<U256> {
    use Opcode as Op;
    let low = a.as_limbs()[0];
    let (single, double) = (f32::from_bits(low as u32), f64::from_bits(low));
    let value = if from == Type::F32 { f64::from(single) } else { double };
    let signed = if from == Type::I32 { i64::from(low as i32) } else { low as i64 };
    Some(match (opcode, to) {
        (Op::Fpromote, _) => return binary64(Op::Fcanon, f64::from(single).to_bits(), 0).map(U256::from),
        (Op::Fdemote, _) => return binary32(Op::Fcanon, (double as f32).to_bits(), 0).map(U256::from),
        // Rust's conversions saturate, and every binary32 is a binary64.
        (Op::FtoSint, Type::I32) => U256::from(value as i32 as u32),
        (Op::FtoSint, _) => U256::from(value as i64 as u64),
        (Op::FtoUint, Type::I32) => U256::from(value as u32),
        (Op::FtoUint, _) => U256::from(value as u64),
        (Op::SintToF, Type::F32) => U256::from((signed as f32).to_bits()),
        (Op::SintToF, _) => U256::from((signed as f64).to_bits()),
        (Op::UintToF, Type::F32) => U256::from((low as f32).to_bits()),
        (Op::UintToF, _) => U256::from((low as f64).to_bits()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f64s(opcode: Opcode, a: f64, b: f64) -> u64 {
        binary64(opcode, a.to_bits(), b.to_bits()).unwrap()
    }

    #[test]
    fn zeros_have_an_order_in_minimum_and_maximum() {
        assert_eq!(f64s(Opcode::Fmin, 0.0, -0.0), (-0.0f64).to_bits());
        assert_eq!(f64s(Opcode::Fmin, -0.0, 0.0), (-0.0f64).to_bits());
        assert_eq!(f64s(Opcode::Fmax, 0.0, -0.0), 0);
        assert_eq!(f64s(Opcode::Fmax, -0.0, -0.0), (-0.0f64).to_bits());
        assert_eq!(f64s(Opcode::Fmin, 1.5, 2.5), 1.5f64.to_bits());
        assert_eq!(f64s(Opcode::Fmax, 1.5, 2.5), 2.5f64.to_bits());
    }

    #[test]
    fn arithmetic_gives_the_canonical_nan() {
        let payload = f64::from_bits(0xfff8_0000_0000_1234);
        for opcode in [Opcode::Fadd, Opcode::Fmin, Opcode::Fmax, Opcode::Fmul, Opcode::Fdiv] {
            assert_eq!(f64s(opcode, payload, 1.0), 0x7ff8_0000_0000_0000);
        }
        assert_eq!(f64s(Opcode::Fsqrt, -1.0, 0.0), 0x7ff8_0000_0000_0000);
        assert_eq!(f64s(Opcode::Fneg, payload, 0.0), 0x7ff8_0000_0000_1234);
    }

    #[test]
    fn nearest_breaks_ties_to_even() {
        assert_eq!(f64s(Opcode::Fnearest, 2.5, 0.0), 2f64.to_bits());
        assert_eq!(f64s(Opcode::Fnearest, -0.5, 0.0), (-0.0f64).to_bits());
    }
}
