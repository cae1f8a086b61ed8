//! One form for what can be written in two: constants stand on the right.

use evmc_ir::{Function, Opcode, Values};

/// Whether an operation gives the same for its operands exchanged.
pub(crate) fn is_commutative(op: Opcode) -> bool {
    use Opcode as Op;
    matches!(op, Op::Add | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Eq | Op::Ne | Op::Addmod | Op::Mulmod)
}

/// The operation that gives the same for the first two operands exchanged.
fn mirrored(op: Opcode) -> Option<Opcode> {
    Some(match op {
        Opcode::Ult => Opcode::Ugt,
        Opcode::Ugt => Opcode::Ult,
        Opcode::Ule => Opcode::Uge,
        Opcode::Uge => Opcode::Ule,
        Opcode::Slt => Opcode::Sgt,
        Opcode::Sgt => Opcode::Slt,
        Opcode::Sle => Opcode::Sge,
        Opcode::Sge => Opcode::Sle,
        _ if is_commutative(op) => op,
        _ => return None,
    })
}

/// The operation with a constant among its first two operands on the right.
pub(super) fn canonical(func: &Function, op: Opcode, mut args: Values) -> (Opcode, Values) {
    let is_constant = |n: usize, args: &Values| func.constant(args[n]).is_some();
    if args.len() >= 2
        && let Some(mirrored) = mirrored(op)
        && is_constant(0, &args)
        && !is_constant(1, &args)
    {
        args.swap(0, 1);
        return (mirrored, args);
    }
    (op, args)
}
