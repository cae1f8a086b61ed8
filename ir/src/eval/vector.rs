//! Vectors: 128 bits seen as lanes.
//!
//! An operation that does to each lane what an operation on one value does is that operation, lane by lane. The others
//! are written out here on lanes as exact numbers: an `i128` holds every sum and product of lanes without overflow.
//! As for single floats, every NaN that arithmetic gives is here the canonical one.

use ruint::aliases::U256;

use crate::function::{Imm, InstData};
use crate::opcode::Opcode;
use crate::shape::LaneShape;
use crate::types::Type;

/// Evaluates a vector operation; `None` where it is not one, or lacks an operand or its immediate.
pub(super) fn eval(data: &InstData, args: &[U256]) -> Option<U256> {
    use Opcode as Op;
    let a = low(*args.first()?);
    let second = args.get(1).copied().unwrap_or_default();
    let b = low(second);
    let op = data.opcode;
    let bits = match (op, &data.imm) {
        (_, &Imm::Shape(shape)) => shaped(op, shape, a, b)?,
        (_, &Imm::Lane(number)) => {
            let width = data.ty?.bits();
            let number = u32::from(number).min(128 / width - 1);
            match op {
                Op::Vextract => lane(a, width, number),
                _ => lanes(width, |i| if i == number { b } else { lane(a, width, i) }),
            }
        }
        (_, Imm::Shuffle(bytes)) => lanes(8, |i| match bytes[i as usize] {
            byte @ 0..16 => lane(a, 8, byte.into()),
            byte => lane(b, 8, u32::from(byte % 16)),
        }),
        (Op::Vsplat, _) => lanes(data.ty?.bits(), |_| a),
        _ => unshaped(op, a, b)?,
    };
    Some(U256::from(bits))
}

/// The vector that a value is.
fn low(bits: U256) -> u128 {
    let [low, high, ..] = *bits.as_limbs();
    u128::from(low) | u128::from(high) << 64
}

/// A lane of so many bits, zero-extended.
fn lane(vector: u128, width: u32, number: u32) -> u128 {
    vector >> (width * number) & (u128::MAX >> (128 - width))
}

/// A lane of so many bits as a signed number.
fn signed(vector: u128, width: u32, number: u32) -> i128 {
    (vector << (128 - width * (number + 1))) as i128 >> (128 - width)
}

/// The vector of lanes of so many bits whose low bits `make` gives by number.
fn lanes(width: u32, make: impl Fn(u32) -> u128) -> u128 {
    (0..128 / width).fold(0, |vector, i| vector | lane(make(i), width, 0) << (width * i))
}

/// The nearest number that a signed integer of so many bits can be.
fn clamp_signed(number: i128, width: u32) -> i128 {
    let bound = 1 << (width - 1);
    number.clamp(-bound, bound - 1)
}

/// The nearest number that an unsigned integer of so many bits can be.
fn clamp_unsigned(number: i128, width: u32) -> i128 {
    number.clamp(0, (1 << width) - 1)
}

/// Operations that always see the same lanes.
fn unshaped(op: Opcode, a: u128, b: u128) -> Option<u128> {
    use Opcode as Op;
    let product = |i| signed(a, 16, i) * signed(b, 16, i);
    Some(match op {
        Op::Vswizzle => lanes(8, |i| match lane(b, 8, i) {
            index @ 0..16 => lane(a, 8, index as u32),
            _ => 0,
        }),
        Op::VanyTrue => u128::from(a != 0),
        Op::Vpopcnt => lanes(8, |i| lane(a, 8, i).count_ones().into()),
        Op::Vq15mulrSat => lanes(16, |i| clamp_signed((product(i) + 0x4000) >> 15, 16) as u128),
        Op::Vdot => lanes(32, |i| (product(2 * i) + product(2 * i + 1)) as u128),
        Op::Vfpromote => lanes(64, |i| match i {
            0 | 1 => scalar(Op::Fpromote, Type::F64, Type::F32, &[lane(a, 32, i)]),
            _ => 0,
        }),
        Op::Vfdemote => lanes(32, |i| match i {
            0 | 1 => scalar(Op::Fdemote, Type::F32, Type::F64, &[lane(a, 64, i)]),
            _ => 0,
        }),
        _ => return None,
    })
}

/// Operations that see lanes of a shape.
fn shaped(op: Opcode, shape: LaneShape, a: u128, b: u128) -> Option<u128> {
    use Opcode as Op;
    let (ty, width) = (shape.lane_type(), shape.lane_bits());
    if let Some(each) = each(op) {
        let args = |i| [lane(a, width, i), lane(b, width, i)];
        let count = op.row().args.len();
        return Some(lanes(width, |i| scalar(each, ty, ty, &args(i)[..count])));
    }
    if let Some(comparison) = comparison(op) {
        let holds = |i| scalar(comparison, ty, ty, &[lane(a, width, i), lane(b, width, i)]) != 0;
        return Some(lanes(width, |i| if holds(i) { u128::MAX } else { 0 }));
    }
    let amount = (b % u128::from(width)) as u32;
    Some(match op {
        Op::VallTrue => u128::from((0..shape.lanes()).all(|i| lane(a, width, i) != 0)),
        Op::Vbitmask => (0..shape.lanes()).fold(0, |mask, i| mask | lane(a, width, i) >> (width - 1) << i),
        Op::Vshl => lanes(width, |i| lane(a, width, i) << amount),
        Op::Vlshr => lanes(width, |i| lane(a, width, i) >> amount),
        Op::Vashr => lanes(width, |i| (signed(a, width, i) >> amount) as u128),
        Op::Vpmin | Op::Vpmax => lanes(width, |i| {
            let (x, y) = (lane(a, width, i), lane(b, width, i));
            let ordered = if op == Op::Vpmin { [y, x] } else { [x, y] };
            if scalar(Op::Flt, ty, ty, &ordered) != 0 { y } else { x }
        }),
        _ => {
            return exact(op, width, a, b)
                .or_else(|| resized(op, width, a, b))
                .or_else(|| converted(op, shape, a));
        }
    })
}

/// The operation on one value that a vector operation does to each lane.
const fn each(op: Opcode) -> Option<Opcode> {
    use Opcode as Op;
    Some(match op {
        Op::Vadd => Op::Add,
        Op::Vsub => Op::Sub,
        Op::Vmul => Op::Mul,
        Op::Vfadd => Op::Fadd,
        Op::Vfsub => Op::Fsub,
        Op::Vfmul => Op::Fmul,
        Op::Vfdiv => Op::Fdiv,
        Op::Vfmin => Op::Fmin,
        Op::Vfmax => Op::Fmax,
        Op::Vfsqrt => Op::Fsqrt,
        Op::Vfceil => Op::Fceil,
        Op::Vffloor => Op::Ffloor,
        Op::Vftrunc => Op::Ftrunc,
        Op::Vfnearest => Op::Fnearest,
        Op::Vfcanon => Op::Fcanon,
        _ => return None,
    })
}

/// The comparison of two values that a vector operation makes of each two lanes.
const fn comparison(op: Opcode) -> Option<Opcode> {
    use Opcode as Op;
    Some(match op {
        Op::Veq => Op::Eq,
        Op::Vult => Op::Ult,
        Op::Vule => Op::Ule,
        Op::Vslt => Op::Slt,
        Op::Vsle => Op::Sle,
        Op::Vfeq => Op::Feq,
        Op::Vfne => Op::Fne,
        Op::Vflt => Op::Flt,
        Op::Vfle => Op::Fle,
        _ => return None,
    })
}

/// An operation on one value.
fn scalar(op: Opcode, ty: Type, from: Type, args: &[u128]) -> u128 {
    let mut operands = [U256::ZERO; 2];
    for (operand, &arg) in operands.iter_mut().zip(args) {
        *operand = U256::from(arg);
    }
    super::eval(op, ty, from, &operands[..args.len()]).map_or(0, |[bits, _]| low(bits))
}

/// Operations on integer lanes that give lanes of the same width, by exact arithmetic.
fn exact(op: Opcode, width: u32, a: u128, b: u128) -> Option<u128> {
    use Opcode as Op;
    let number = |i| {
        let (x, y) = (signed(a, width, i), signed(b, width, i));
        let (u, v) = (lane(a, width, i) as i128, lane(b, width, i) as i128);
        Some(match op {
            Op::Vabs => x.abs(),
            Op::VsaddSat => clamp_signed(x + y, width),
            Op::VuaddSat => clamp_unsigned(u + v, width),
            Op::VssubSat => clamp_signed(x - y, width),
            Op::VusubSat => clamp_unsigned(u - v, width),
            Op::Vsmin => x.min(y),
            Op::Vumin => u.min(v),
            Op::Vsmax => x.max(y),
            Op::Vumax => u.max(v),
            Op::Vavgr => (u + v + 1) >> 1,
            _ => return None,
        })
    };
    number(0)?;
    Some(lanes(width, |i| number(i).unwrap_or_default() as u128))
}

/// Operations from integer lanes of `width` bits to lanes of half or twice as many.
fn resized(op: Opcode, width: u32, a: u128, b: u128) -> Option<u128> {
    use Opcode as Op;
    let (half, wide, count) = (width / 2, 2 * width, 128 / width);
    let both = |i| if i < count { signed(a, width, i) } else { signed(b, width, i - count) };
    let upper = count / 2;
    Some(match op {
        Op::Vsnarrow => lanes(half, |i| clamp_signed(both(i), half) as u128),
        Op::Vunarrow => lanes(half, |i| clamp_unsigned(both(i), half) as u128),
        Op::VsextLow => lanes(wide, |i| signed(a, width, i) as u128),
        Op::VsextHigh => lanes(wide, |i| signed(a, width, i + upper) as u128),
        Op::VzextLow => lanes(wide, |i| lane(a, width, i)),
        Op::VzextHigh => lanes(wide, |i| lane(a, width, i + upper)),
        Op::VsaddPairs => lanes(wide, |i| (signed(a, width, 2 * i) + signed(a, width, 2 * i + 1)) as u128),
        Op::VuaddPairs => lanes(wide, |i| lane(a, width, 2 * i) + lane(a, width, 2 * i + 1)),
        _ => return None,
    })
}

/// Conversions between floats of a shape and integers of 32 bits.
fn converted(op: Opcode, shape: LaneShape, a: u128) -> Option<u128> {
    use Opcode as Op;
    let (ty, width) = (shape.lane_type(), shape.lane_bits());
    let to_integer = |op| {
        lanes(32, |i| if i < shape.lanes() { scalar(op, Type::I32, ty, &[lane(a, width, i)]) } else { 0 })
    };
    let to_float = |op| lanes(width, |i| scalar(op, ty, Type::I32, &[lane(a, 32, i)]));
    Some(match op {
        Op::VfToSint => to_integer(Op::FtoSint),
        Op::VfToUint => to_integer(Op::FtoUint),
        Op::VsintToF => to_float(Op::SintToF),
        Op::VuintToF => to_float(Op::UintToF),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(opcode: Opcode, ty: Option<Type>, imm: Imm) -> InstData {
        InstData { opcode, ty, args: Default::default(), imm, results: Default::default() }
    }

    fn run(opcode: Opcode, shape: LaneShape, a: u128, b: u128) -> u128 {
        let args = [U256::from(a), U256::from(b)];
        low(eval(&data(opcode, None, Imm::Shape(shape)), &args).unwrap())
    }

    /// Each two numbers of 8 bits, in lanes at different places.
    #[test]
    fn bytes_are_rusts() {
        for a in 0..=255u8 {
            for b in 0..=255u8 {
                let (x, y) = (a as i8, b as i8);
                let place = u32::from(a ^ b) % 16;
                let vectors = (u128::from(a) << (8 * place), u128::from(b) << (8 * place));
                let got = |op| (run(op, LaneShape::I8x16, vectors.0, vectors.1) >> (8 * place)) as u8;
                assert_eq!(got(Opcode::Vadd), a.wrapping_add(b));
                assert_eq!(got(Opcode::Vsub), a.wrapping_sub(b));
                assert_eq!(got(Opcode::VsaddSat), x.saturating_add(y) as u8);
                assert_eq!(got(Opcode::VuaddSat), a.saturating_add(b));
                assert_eq!(got(Opcode::VssubSat), x.saturating_sub(y) as u8);
                assert_eq!(got(Opcode::VusubSat), a.saturating_sub(b));
                assert_eq!(got(Opcode::Vsmin), x.min(y) as u8);
                assert_eq!(got(Opcode::Vumax), a.max(b));
                assert_eq!(got(Opcode::Vavgr), (u16::from(a) + u16::from(b)).div_ceil(2) as u8);
                assert_eq!(got(Opcode::Vabs), x.wrapping_abs() as u8);
                assert_eq!(got(Opcode::Vslt), if x < y { 0xff } else { 0 });
                assert_eq!(got(Opcode::Vule), if a <= b { 0xff } else { 0 });
            }
        }
    }

    #[test]
    fn halves_are_narrowed_and_widened_in_order() {
        let a = 0x8000_7fff_ff80_0080_0100_00ff_0001_0000;
        let narrow = |op| run(op, LaneShape::I16x8, a, 0);
        assert_eq!(narrow(Opcode::Vsnarrow), 0x807f_807f_7f7f_0100);
        assert_eq!(narrow(Opcode::Vunarrow), 0x00ff_0080_ffff_0100);
        let widen = |op| run(op, LaneShape::I16x8, a, 0);
        assert_eq!(widen(Opcode::VsextHigh), 0xffff_8000_0000_7fff_ffff_ff80_0000_0080);
        assert_eq!(widen(Opcode::VzextLow), 0x0000_0100_0000_00ff_0000_0001_0000_0000);
    }

    #[test]
    fn shifts_take_the_amount_modulo_the_width() {
        let a = 0x8001 << 16;
        assert_eq!(run(Opcode::Vshl, LaneShape::I16x8, a, 17), 0x0002 << 16);
        assert_eq!(run(Opcode::Vlshr, LaneShape::I16x8, a, 1), 0x4000 << 16);
        assert_eq!(run(Opcode::Vashr, LaneShape::I16x8, a, 0xffff_ffff), 0xffff << 16);
    }

    /// Lanes that do not exist and operands that are missing give something or nothing, but never panic.
    #[test]
    fn what_the_verifier_refuses_does_not_panic() {
        let vector = [U256::from(u128::MAX), U256::ZERO];
        assert!(eval(&data(Opcode::Vextract, Some(Type::I64), Imm::Lane(9)), &vector).is_some());
        assert!(eval(&data(Opcode::Vshuffle, None, Imm::Shuffle([255; 16])), &vector).is_some());
        assert!(eval(&data(Opcode::Vinsert, None, Imm::Lane(0)), &vector).is_none());
        assert!(eval(&data(Opcode::Vadd, None, Imm::None), &vector).is_none());
        assert!(eval(&data(Opcode::Vadd, None, Imm::Shape(LaneShape::I8x16)), &[]).is_none());
        for &opcode in Opcode::ALL {
            for &shape in LaneShape::ALL {
                eval(&data(opcode, None, Imm::Shape(shape)), &vector);
            }
        }
    }
}
