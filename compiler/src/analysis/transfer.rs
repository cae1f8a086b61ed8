//! What is known of the results of an instruction from what is known of its operands.
//!
//! Each function gives a fact that holds of the result whenever the facts of the operands hold; the
//! test below runs all of them against [`evmc_ir::eval`].

use evmc_abi::wasm::MAX_PAGES;
use evmc_abi::{Field, FieldKind, HostFn};
use evmc_ir::{Function, Imm, InstData, Opcode, Type, eval};
use ruint::aliases::U256;

use super::fact::{Fact, ones};

/// Addresses are 160 bits.
const ADDRESS_BITS: usize = 160;

/// The fact of result `number` of an instruction; `operand` gives those of its operands.
pub(super) fn result(
    func: &Function,
    data: &InstData,
    number: usize,
    operand: impl Fn(usize) -> Fact,
) -> Fact {
    let ty = func.ty(data.results[number]);
    if number > 0 || !ty.is_int() {
        return if ty.is_int() { Fact::any(ty) } else { Fact::any(Type::I256) };
    }
    match &data.imm {
        Imm::Constant(constant) => Fact::constant(ty, func.constants[*constant]),
        Imm::Field(field) => frame_field(ty, *field),
        Imm::Host(function) => host_result(ty, *function),
        Imm::None if data.opcode.row().effects.is_pure() => {
            let from = data.args.first().map_or(ty, |&arg| func.ty(arg));
            pure_result(data.opcode, ty, from, operand).settled(ty)
        }
        Imm::Index(_) if data.opcode == Opcode::MemorySize => Fact::at_most(ty, U256::from(MAX_PAGES)),
        _ => Fact::any(ty),
    }
}

fn frame_field(ty: Type, field: Field) -> Fact {
    let bits = match (field, field.kind()) {
        (Field::Address | Field::Caller, _) => ADDRESS_BITS,
        (_, FieldKind::U32) => 32,
        (_, FieldKind::U64 | FieldKind::Pointer) => 64,
        (_, FieldKind::Word) => 256,
    };
    Fact::at_most(ty, ones(bits))
}

/// What the runtime guarantees of results: addresses, success flags, and numbers that revm holds in
/// 64 bits.
fn host_result(ty: Type, function: HostFn) -> Fact {
    let bits = match function {
        HostFn::Origin | HostFn::Coinbase | HostFn::Create | HostFn::Create2 => ADDRESS_BITS,
        HostFn::Call | HostFn::Callcode | HostFn::Delegatecall | HostFn::Staticcall => 1,
        HostFn::ExtcodeSize | HostFn::Gaslimit | HostFn::Chainid => 64,
        _ => 256,
    };
    Fact::at_most(ty, ones(bits))
}

/// The fact of the first result of a pure operation of result type `ty`, its first operand being of
/// type `from`.
pub(super) fn pure_result(op: Opcode, ty: Type, from: Type, operand: impl Fn(usize) -> Fact) -> Fact {
    use Opcode as Op;
    let (a, b) = (|| operand(0), || operand(1));
    match op {
        Op::Add | Op::AddCarry => add(ty, &a(), &b()),
        Op::Sub | Op::SubBorrow => sub(ty, &a(), &b()),
        Op::Mul => mul(ty, &a(), &b()),
        Op::Udiv => udiv(ty, &a(), &b()),
        Op::Urem => urem(ty, &a(), &b()),
        Op::Sdiv => sdiv(ty, &a(), &b()),
        Op::Srem => srem(ty, &a(), &b()),
        Op::Addmod | Op::Mulmod => below(ty, &operand(2)),
        Op::And => and(&a(), &b()),
        Op::Or => or(&a(), &b()),
        Op::Xor => xor(&a(), &b()),
        Op::Not => not(ty, &a()),
        Op::Shl => shl(ty, &a(), &b()),
        Op::Lshr => lshr(ty, &a(), &b()),
        Op::Ashr => ashr(ty, &a(), &b()),
        Op::Bswap => bswap(ty, &a()),
        Op::Byte => Fact::at_most(ty, ones(8)),
        Op::SignExtend => sign_extend(ty, &a(), &b()),
        Op::Clz | Op::Ctz | Op::Popcnt => Fact::at_most(ty, U256::from(ty.bits())),
        Op::Eq | Op::Ne | Op::Ult | Op::Ule | Op::Ugt | Op::Uge | Op::Slt | Op::Sle | Op::Sgt | Op::Sge => {
            decided(op, from, &a(), &b()).map_or(Fact::any(Type::I1), flag)
        }
        Op::Select => b().join(&operand(2)),
        Op::Zext => Fact { signed: ty.bits(), ..a() },
        Op::Sext => sext(ty, from, &a()),
        Op::Trunc => trunc(ty, &a()),
        _ => Fact::any(ty),
    }
}

fn flag(holds: bool) -> Fact {
    Fact::constant(Type::I1, U256::from(holds))
}

/// The outcome of a comparison of operands of type `ty`, where the facts decide it.
fn decided(op: Opcode, ty: Type, a: &Fact, b: &Fact) -> Option<bool> {
    use Opcode as Op;
    match op {
        Op::Eq => equal(a, b),
        Op::Ne => equal(a, b).map(|equal| !equal),
        Op::Ult => less(a, b),
        Op::Ugt => less(b, a),
        Op::Uge => less(a, b).map(|less| !less),
        Op::Ule => less(b, a).map(|less| !less),
        Op::Slt => signed_less(ty, a, b),
        Op::Sgt => signed_less(ty, b, a),
        Op::Sge => signed_less(ty, a, b).map(|less| !less),
        _ => signed_less(ty, b, a).map(|less| !less),
    }
}

fn equal(a: &Fact, b: &Fact) -> Option<bool> {
    let differ = !(a.zeros & b.ones | a.ones & b.zeros).is_zero();
    if differ || less(a, b) == Some(true) || less(b, a) == Some(true) {
        return Some(false);
    }
    (a.known()? == b.known()?).then_some(true)
}

fn less(a: &Fact, b: &Fact) -> Option<bool> {
    if a.max < b.ones { Some(true) } else { (a.ones >= b.max).then_some(false) }
}

fn signed_less(ty: Type, a: &Fact, b: &Fact) -> Option<bool> {
    let sign = ty.bits() as usize - 1;
    let sign = |fact: &Fact| match (fact.ones.bit(sign), fact.zeros.bit(sign)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    match (sign(a)?, sign(b)?) {
        (a, b) if a != b => Some(a),
        _ => less(a, b),
    }
}

/// A fact of bounds alone.
fn bounded(ty: Type, max: Option<U256>, low_zeros: u32, signed: u32) -> Fact {
    let mask = ones(ty.bits() as usize);
    let max = max.unwrap_or(mask).min(mask);
    let zeros = !mask | ones(low_zeros.min(ty.bits()) as usize);
    Fact { zeros, ones: U256::ZERO, max, signed: signed.clamp(1, ty.bits()) }
}

/// A sum or product that fits the type.
fn fitting(ty: Type, exact: Option<U256>) -> Option<U256> {
    exact.filter(|&max| max <= ones(ty.bits() as usize))
}

fn add(ty: Type, a: &Fact, b: &Fact) -> Fact {
    let max = fitting(ty, a.max.checked_add(b.max));
    bounded(ty, max, a.low_zeros().min(b.low_zeros()), a.signed.max(b.signed) + 1)
}

fn sub(ty: Type, a: &Fact, b: &Fact) -> Fact {
    // Where the least first operand is not below the largest second, nothing is borrowed.
    let max = (a.ones >= b.max).then(|| a.max - b.ones);
    bounded(ty, max, a.low_zeros().min(b.low_zeros()), a.signed.max(b.signed) + 1)
}

fn mul(ty: Type, a: &Fact, b: &Fact) -> Fact {
    let max = fitting(ty, a.max.checked_mul(b.max));
    bounded(ty, max, a.low_zeros() + b.low_zeros(), a.signed + b.signed)
}

fn udiv(ty: Type, a: &Fact, b: &Fact) -> Fact {
    Fact::at_most(ty, a.max / b.ones.max(U256::ONE))
}

fn below(ty: Type, n: &Fact) -> Fact {
    Fact::at_most(ty, n.max.saturating_sub(U256::ONE))
}

fn urem(ty: Type, a: &Fact, b: &Fact) -> Fact {
    Fact::at_most(ty, a.max.min(below(ty, b).max))
}

fn sdiv(ty: Type, a: &Fact, b: &Fact) -> Fact {
    if a.is_non_negative(ty) && b.is_non_negative(ty) {
        return udiv(ty, a, b);
    }
    let Some(divisor) = b.known().map(|bits| eval::sign_extend(ty, bits)) else {
        // The least number by -1 needs one bit more.
        return Fact::signed(ty, a.signed + 1);
    };
    let size = if divisor.bit(255) { divisor.wrapping_neg() } else { divisor };
    // |q| <= 2^(signed - 1) / 2^log, and only +2^n needs more bits than -2^n.
    let log = size.bit_len().saturating_sub(1) as u32;
    Fact::signed(ty, (a.signed + 1).saturating_sub(log))
}

fn srem(ty: Type, a: &Fact, b: &Fact) -> Fact {
    if a.is_non_negative(ty) && b.is_non_negative(ty) {
        return urem(ty, a, b);
    }
    let max = a.is_non_negative(ty).then_some(a.max);
    // The divisor's absolute value is at most 2^(signed - 1), and the remainder's is less.
    bounded(ty, max, 0, a.signed.min(b.signed))
}

fn and(a: &Fact, b: &Fact) -> Fact {
    let (zeros, ones) = (a.zeros | b.zeros, a.ones & b.ones);
    Fact { zeros, ones, max: a.max.min(b.max), signed: a.signed.max(b.signed) }
}

fn or(a: &Fact, b: &Fact) -> Fact {
    let (zeros, ones) = (a.zeros & b.zeros, a.ones | b.ones);
    Fact { zeros, ones, max: !zeros, signed: a.signed.max(b.signed) }
}

fn xor(a: &Fact, b: &Fact) -> Fact {
    let zeros = a.zeros & b.zeros | a.ones & b.ones;
    let ones = a.zeros & b.ones | a.ones & b.zeros;
    Fact { zeros, ones, max: !zeros, signed: a.signed.max(b.signed) }
}

fn not(ty: Type, a: &Fact) -> Fact {
    let mask = ones(ty.bits() as usize);
    let zeros = a.ones | !mask;
    Fact { zeros, ones: a.zeros & mask, max: !zeros, signed: a.signed }
}

/// A shift amount: the least, the most, both at most the width.
fn amount(ty: Type, b: &Fact) -> (usize, usize) {
    let cap = |bits: U256| bits.min(U256::from(ty.bits())).to::<usize>();
    (cap(b.ones), cap(b.max))
}

fn shl(ty: Type, a: &Fact, b: &Fact) -> Fact {
    let ((least, most), width) = (amount(ty, b), ty.bits() as usize);
    let mask = ones(width);
    if least == most {
        let max = if a.max.bit_len() + most <= width { a.max << most } else { mask };
        let zeros = a.zeros << most | ones(most) | !mask;
        return Fact { zeros, ones: a.ones << most & mask, max, signed: a.signed + most as u32 };
    }
    let max = (a.max.bit_len() + most <= width).then(|| a.max << most);
    bounded(ty, max, a.low_zeros() + least as u32, a.signed + most as u32)
}

fn lshr(ty: Type, a: &Fact, b: &Fact) -> Fact {
    let (least, most) = amount(ty, b);
    if least == most {
        let mask = ones(ty.bits() as usize);
        let zeros = (a.zeros & mask) >> most | !(mask >> most);
        return Fact { zeros, ones: a.ones >> most, max: a.max >> most, signed: ty.bits() };
    }
    Fact::at_most(ty, a.max >> least)
}

fn ashr(ty: Type, a: &Fact, b: &Fact) -> Fact {
    if a.is_non_negative(ty) {
        return lshr(ty, a, b);
    }
    let (least, _) = amount(ty, b);
    Fact::signed(ty, a.signed.saturating_sub(least as u32))
}

fn bswap(ty: Type, a: &Fact) -> Fact {
    let mask = ones(ty.bits() as usize);
    let swapped =
        |bits: U256| U256::from_be_bytes((bits & mask).to_le_bytes::<32>()) >> (256 - ty.bits() as usize);
    let zeros = swapped(a.zeros) | !mask;
    Fact { zeros, ones: swapped(a.ones), max: !zeros, signed: ty.bits() }
}

fn sign_extend(ty: Type, index: &Fact, a: &Fact) -> Fact {
    let bits = index.max.min(U256::from(32)).to::<u32>() * 8 + 8;
    if a.max.bit_len() < 8 * (index.ones.min(U256::from(32)).to::<usize>() + 1) {
        return *a;
    }
    Fact::signed(ty, a.signed.min(bits))
}

fn sext(ty: Type, from: Type, a: &Fact) -> Fact {
    if a.is_non_negative(from) {
        return Fact { signed: ty.bits(), ..*a };
    }
    let low = ones(from.bits() as usize - 1);
    let zeros = a.zeros & low | !ones(ty.bits() as usize);
    Fact { zeros, ones: a.ones & low, ..Fact::signed(ty, a.signed) }
}

fn trunc(ty: Type, a: &Fact) -> Fact {
    let mask = ones(ty.bits() as usize);
    Fact {
        zeros: a.zeros | !mask,
        ones: a.ones & mask,
        max: a.max.min(mask),
        signed: a.signed.min(ty.bits()),
    }
}

#[cfg(test)]
mod tests {
    use evmc_ir::opcode::ImmKind;

    use super::*;

    /// Whether a fact holds of a value.
    fn holds(fact: &Fact, ty: Type, bits: U256) -> bool {
        let exact = Fact::constant(ty, bits);
        (fact.zeros & bits).is_zero()
            && fact.ones & bits == fact.ones
            && bits <= fact.max
            && exact.signed <= fact.signed
    }

    /// A random number with long runs of equal bits.
    fn number(rng: &mut fastrand::Rng, ty: Type) -> U256 {
        let random = U256::from_limbs(std::array::from_fn(|_| rng.u64(..)));
        let bits = match rng.u32(..5) {
            0 => random,
            1 => U256::from(rng.u64(..300)),
            2 => random >> rng.usize(..256),
            3 => !(random >> rng.usize(..256)),
            _ => (U256::ONE << rng.usize(..256)).wrapping_sub(U256::from(rng.u64(..3))),
        };
        eval::truncate(ty, bits)
    }

    /// A fact that holds of a value, weakened at random.
    fn fact_of(rng: &mut fastrand::Rng, ty: Type, bits: U256) -> Fact {
        let exact = Fact::constant(ty, bits);
        let fact = match rng.u32(..5) {
            0 => exact,
            1 => Fact::any(ty),
            2 => Fact::at_most(ty, bits.saturating_add(number(rng, ty))),
            3 => Fact::signed(ty, exact.signed + rng.u32(..40)),
            _ => exact.join(&Fact::constant(ty, number(rng, ty))),
        };
        fact.settled(ty)
    }

    /// Runs every pure integer operation at several widths.
    #[test]
    fn facts_hold_of_the_results() {
        let mut rng = fastrand::Rng::with_seed(1);
        for &op in Opcode::ALL {
            let row = op.row();
            if !row.effects.is_pure() || row.imm != ImmKind::None {
                continue;
            }
            let types = [Type::I1, Type::I8, Type::I64, Type::I128, Type::I256];
            for ty in types.into_iter().filter(|&ty| row.types.contains(ty)) {
                for _ in 0..4000 {
                    check(&mut rng, op, ty);
                }
            }
        }
    }

    fn check(rng: &mut fastrand::Rng, op: Opcode, ty: Type) {
        let from = match op {
            Opcode::Zext | Opcode::Sext => *rng.choice(&[Type::I1, Type::I8, Type::I64]).unwrap(),
            Opcode::Trunc => Type::I256,
            _ => ty,
        };
        let legal = match op {
            Opcode::Zext | Opcode::Sext => from.bits() < ty.bits(),
            Opcode::Trunc => ty != Type::I256,
            _ => true,
        };
        if !legal {
            return;
        }
        let type_of = |n: usize| if op == Opcode::Select && n == 0 { Type::I1 } else { from };
        let args: Vec<U256> = (0..op.row().args.len()).map(|n| number(rng, type_of(n))).collect();
        let facts: Vec<Fact> =
            args.iter().enumerate().map(|(n, &arg)| fact_of(rng, type_of(n), arg)).collect();
        let Some([result, _]) = eval::eval(op, ty, from, &args) else { return };
        let result_ty = match op.row().results[0] {
            evmc_ir::opcode::Slot::Is(ty) => ty,
            _ => ty,
        };
        let fact = pure_result(op, result_ty, from, |n| facts[n]).settled(result_ty);
        assert!(holds(&fact, result_ty, result), "{op:?} {ty} {args:x?} {facts:x?}: {result:x} {fact:x?}");
    }
}
