//! Rules that speak of two types: extensions, truncations, flags as numbers.
//!
//! Each function has its identities above it. `zext` and `sext` always widen and `trunc` always
//! narrows, so the width `w` of the inner type is known to be less than that of the outer one.

use evmc_ir::{Opcode, Type, Value, eval};
use ruint::aliases::U256;
use smallvec::{SmallVec, smallvec};

use crate::analysis::fact::Fact;

/// An operand of what a rule makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A value that exists.
    Value(Value),
    /// A constant.
    Constant(U256),
    /// The result of another operation.
    Op(Box<Made>),
}

/// What a rule makes: an operation of controlling type `ty`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The operation.
    pub op: Opcode,
    /// Its controlling type.
    pub ty: Type,
    /// Its operands.
    pub args: SmallVec<[Operand; 3]>,
}

/// What rules may ask of the function.
pub trait View {
    /// The type of a value.
    fn ty(&self, value: Value) -> Type;
    /// The operation that makes a value, where it is one without immediate.
    fn operation(&self, value: Value) -> Option<(Opcode, &[Value])>;
    /// The constant that a value is.
    fn constant(&self, value: Value) -> Option<U256>;
    /// What is known of a value.
    fn fact(&self, value: Value) -> Fact;
}

/// The rewritten form of an operation of controlling type `ty`, if a rule applies.
pub fn rewrite(view: &dyn View, op: Opcode, ty: Type, args: &[Value]) -> Option<Operand> {
    use Opcode as Op;
    match (op, args) {
        (Op::Trunc, &[x]) => truncation(view, ty, x),
        (Op::Zext, &[x]) => zero_extension(view, ty, x),
        (Op::Sext, &[x]) => sign_extension(view, ty, x),
        (Op::Eq | Op::Ne | Op::Ult | Op::Ule | Op::Ugt | Op::Uge, &[x, y])
        | (Op::Slt | Op::Sle | Op::Sgt | Op::Sge, &[x, y]) => comparison(view, op, x, y),
        (Op::And | Op::Or | Op::Xor, &[x, y]) => bitwise(view, op, ty, x, y),
        (Op::Select, &[p, x, y]) => selection(view, ty, p, x, y),
        (Op::SignExtend, &[index, x]) => {
            let bits = 8 * (view.constant(index)?.min(U256::from(32)).to::<u32>() + 1);
            signed_part(view, ty, x, bits)
        }
        (Op::Bswap, &[x]) => reversed(view, ty, x),
        (Op::Ashr, &[x, amount]) => shifted_back(view, ty, x, amount),
        _ => None,
    }
}

fn made(op: Opcode, ty: Type, args: &[Value]) -> Option<Operand> {
    let args = args.iter().map(|&arg| Operand::Value(arg)).collect();
    Some(Operand::Op(Box::new(Made { op, ty, args })))
}

/// The operand of an extension, with which one it is.
fn extended(view: &dyn View, value: Value) -> Option<(Opcode, Value)> {
    match view.operation(value)? {
        (op @ (Opcode::Zext | Opcode::Sext), &[x]) => Some((op, x)),
        _ => None,
    }
}

fn of(view: &dyn View, op: Opcode, value: Value) -> Option<&[Value]> {
    view.operation(value).filter(|&(found, _)| found == op).map(|(_, args)| args)
}

/// A value of any width as one of type `ty`: extended by `extend`, cut, or as it is.
fn resized(view: &dyn View, extend: Opcode, ty: Type, x: Value) -> Option<Operand> {
    match view.ty(x) {
        from if from == ty => Some(Operand::Value(x)),
        from if from.bits() > ty.bits() => made(Opcode::Trunc, ty, &[x]),
        _ => made(extend, ty, &[x]),
    }
}

/// `trunc (ext x)` is `x` resized; `trunc (trunc x)` is `trunc x`; `trunc (and x c)` is `trunc x`
/// where `c` is all ones in the bits that stay; `trunc (x ‖ x >> c)` is a rotation.
fn truncation(view: &dyn View, ty: Type, x: Value) -> Option<Operand> {
    match view.operation(x)? {
        (op @ (Opcode::Zext | Opcode::Sext), &[y]) => resized(view, op, ty, y),
        (Opcode::Trunc, &[y]) => made(Opcode::Trunc, ty, &[y]),
        (Opcode::And, &[y, c]) => {
            let mask = eval::mask(ty);
            (view.constant(c)? & mask == mask).then(|| made(Opcode::Trunc, ty, &[y]))?
        }
        (Opcode::Lshr, &[pair, amount]) => rotation(view, ty, pair, amount),
        _ => None,
    }
}

/// `trunc.w ((shl (zext x) w | zext x) >> c)` is `rotr.w x, c`, for `c < w`.
fn rotation(view: &dyn View, ty: Type, pair: Value, amount: Value) -> Option<Operand> {
    let width = U256::from(ty.bits());
    let amount = view.constant(amount).filter(|&amount| amount < width && ty.bits() >= 32)?;
    let &[upper, lower] = of(view, Opcode::Or, pair)? else { return None };
    let &[above, by] = of(view, Opcode::Shl, upper)? else { return None };
    let (Opcode::Zext, x) = extended(view, lower)? else { return None };
    if above != lower || view.constant(by)? != width || view.ty(x) != ty || ty.bits() > 64 {
        return None;
    }
    let args = smallvec![Operand::Value(x), Operand::Constant(amount)];
    Some(Operand::Op(Box::new(Made { op: Opcode::Rotr, ty, args })))
}

/// `zext (zext x)` is `zext x`; `zext (trunc x)` is `x` resized where `x` fits the inner type.
fn zero_extension(view: &dyn View, ty: Type, x: Value) -> Option<Operand> {
    match view.operation(x)? {
        (Opcode::Zext, &[y]) => made(Opcode::Zext, ty, &[y]),
        (Opcode::Trunc, &[y]) if view.fact(y).bits() <= view.ty(x).bits() => {
            resized(view, Opcode::Zext, ty, y)
        }
        _ => None,
    }
}

/// `sext (sext x)` is `sext x`; `sext x` is `zext x` where the sign is 0; `sext (trunc x)` is `x`
/// resized where `x` fits the inner type as a signed number.
fn sign_extension(view: &dyn View, ty: Type, x: Value) -> Option<Operand> {
    if view.fact(x).is_non_negative(view.ty(x)) {
        return made(Opcode::Zext, ty, &[x]);
    }
    match view.operation(x)? {
        (Opcode::Sext, &[y]) => made(Opcode::Sext, ty, &[y]),
        (Opcode::Trunc, &[y]) if view.fact(y).signed <= view.ty(x).bits() => {
            resized(view, Opcode::Sext, ty, y)
        }
        _ => None,
    }
}

/// `ext x ~ ext y` is `x ~ y` for extensions of one kind and type, and `ext x ~ c` is `x ~ trunc c`
/// where `c` is such an extension. Behind `zext` the signed comparisons are the unsigned ones, for
/// no sign is set; `sext` keeps both orders.
fn comparison(view: &dyn View, op: Opcode, x: Value, y: Value) -> Option<Operand> {
    let (kind, inner) = extended(view, x)?;
    let ty = view.ty(inner);
    let op = if kind == Opcode::Zext { unsigned(op) } else { op };
    if let Some((other, second)) = extended(view, y)
        && other == kind
        && view.ty(second) == ty
    {
        return made(op, ty, &[inner, second]);
    }
    let constant = view.constant(y)?;
    let low = eval::truncate(ty, constant);
    let outer = view.ty(x);
    let spread = if kind == Opcode::Zext { low } else { eval::truncate(outer, eval::sign_extend(ty, low)) };
    let args = smallvec![Operand::Value(inner), Operand::Constant(low)];
    (spread == constant).then(|| Operand::Op(Box::new(Made { op, ty, args })))
}

const fn unsigned(op: Opcode) -> Opcode {
    match op {
        Opcode::Slt => Opcode::Ult,
        Opcode::Sle => Opcode::Ule,
        Opcode::Sgt => Opcode::Ugt,
        Opcode::Sge => Opcode::Uge,
        _ => op,
    }
}

/// `zext x ∘ zext y` is `zext (x ∘ y)` for bitwise operations and equal types, and
/// `zext x & c` is `zext (x & trunc c)`.
fn bitwise(view: &dyn View, op: Opcode, ty: Type, x: Value, y: Value) -> Option<Operand> {
    let (Opcode::Zext, a) = extended(view, x)? else { return None };
    let inner = view.ty(a);
    let second = match (extended(view, y), view.constant(y)) {
        (Some((Opcode::Zext, b)), _) if view.ty(b) == inner => Operand::Value(b),
        (_, Some(constant)) if op == Opcode::And => Operand::Constant(eval::truncate(inner, constant)),
        _ => return None,
    };
    let narrow = Made { op, ty: inner, args: smallvec![Operand::Value(a), second] };
    let args = smallvec![Operand::Op(Box::new(narrow))];
    Some(Operand::Op(Box::new(Made { op: Opcode::Zext, ty, args })))
}

/// `select p, 1, 0` is `p` as a number, and `select p, 0, 1` its complement; of integers, for floats and vectors have bits
/// like these as well.
fn selection(view: &dyn View, ty: Type, p: Value, x: Value, y: Value) -> Option<Operand> {
    if !ty.is_int() {
        return None;
    }
    let flag = match (view.constant(x)?, view.constant(y)?) {
        (U256::ONE, U256::ZERO) => Operand::Value(p),
        (U256::ZERO, U256::ONE) => made(Opcode::Not, Type::I1, &[p])?,
        _ => return None,
    };
    if ty == Type::I1 {
        return Some(flag);
    }
    Some(Operand::Op(Box::new(Made { op: Opcode::Zext, ty, args: smallvec![flag] })))
}

/// The low `bits` bits of `x`, sign-extended, are `sext (trunc x)` where a type has that width.
fn signed_part(view: &dyn View, ty: Type, x: Value, bits: u32) -> Option<Operand> {
    let inner = Type::ALL.iter().copied().find(|inner| inner.is_int() && inner.bits() == bits)?;
    if bits < 8 || inner.bits() >= ty.bits() || view.ty(x) != ty {
        return None;
    }
    let cut = Made { op: Opcode::Trunc, ty: inner, args: smallvec![Operand::Value(x)] };
    let args = smallvec![Operand::Op(Box::new(cut))];
    Some(Operand::Op(Box::new(Made { op: Opcode::Sext, ty, args })))
}

/// `ashr (shl x c) c` extends the sign of the low `bits − c` bits.
fn shifted_back(view: &dyn View, ty: Type, x: Value, amount: Value) -> Option<Operand> {
    let amount = view.constant(amount).filter(|&amount| amount < U256::from(ty.bits()))?;
    let &[inner, up] = of(view, Opcode::Shl, x)? else { return None };
    if view.constant(up)? != amount {
        return None;
    }
    signed_part(view, ty, inner, ty.bits() - amount.to::<u32>())
}

/// `bswap (zext x)` is `bswap x` in the upper bits.
fn reversed(view: &dyn View, ty: Type, x: Value) -> Option<Operand> {
    let (Opcode::Zext, inner) = extended(view, x)? else { return None };
    let from = view.ty(inner);
    if from.bits() < 16 {
        return None;
    }
    let swapped = Made { op: Opcode::Bswap, ty: from, args: smallvec![Operand::Value(inner)] };
    let wide = Made { op: Opcode::Zext, ty, args: smallvec![Operand::Op(Box::new(swapped))] };
    let above = Operand::Constant(U256::from(ty.bits() - from.bits()));
    Some(Operand::Op(Box::new(Made {
        op: Opcode::Shl,
        ty,
        args: smallvec![Operand::Op(Box::new(wide)), above],
    })))
}
