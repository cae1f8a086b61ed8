//! Every pure operation at every width: native code gives what `evmc_ir::eval` gives.
//!
//! Each operation is compiled in a loop over operands from calldata, with long expansions inline and
//! as calls, and once more for each interesting constant as an operand, where expansions are short.

use evmc_backend::legalize::Outline;
use evmc_backend::{Backend, CpuLevel, OptLevel, Options};
use evmc_ir::eval::{eval, mask, truncate};
use evmc_ir::{Builder, Imm, ImmKind, Opcode, Slot, Type, TypeClass, Value};
use evmc_testsuite::backends;
use evmc_testsuite::kernel::{contract, from_word, results, to_word};
use ruint::aliases::U256;

/// Operations that have operands and no effects.
fn pure_operations() -> impl Iterator<Item = (Opcode, Type)> {
    let pure = |op: &&Opcode| {
        let row = op.row();
        row.effects.is_pure() && row.imm == ImmKind::None && !matches!(op, Opcode::Bitcast | Opcode::Vsplat)
    };
    let typed = |&op: &Opcode| {
        let types = Type::ALL.iter().copied();
        types.filter(move |&ty| op.row().types.contains(ty) && ty != Type::Ptr).map(move |ty| (op, ty))
    };
    Opcode::ALL.iter().filter(pure).flat_map(typed)
}

/// Operands at which implementations differ, and random ones of every length.
fn operands(ty: Type, rng: &mut fastrand::Rng) -> Vec<U256> {
    let one = U256::from(1);
    let mut values: Vec<U256> =
        [0u64, 1, 2, 3, 7, 8, 15, 31, 32, 63, 64, 127, 128, 255, 256, u64::MAX, 1 << 63]
            .map(U256::from)
            .into();
    for bit in [7usize, 8, 15, 31, 63, 64, 65, 127, 128, 191, 192, 254, 255] {
        let power: U256 = one << bit;
        values.extend([
            power,
            power.wrapping_sub(one),
            power.wrapping_neg(),
            power.wrapping_neg().wrapping_sub(one),
        ]);
    }
    // Infinity, NaN, tiny numbers and ties of both formats of floating point.
    values.extend(
        [0x7f80_0000u64, 0xff80_0000, 0x7fc0_1234, 0xffa0_0000, 0x4020_0000, 0xbf00_0000].map(U256::from),
    );
    values.extend([0x7ff0_0000_0000_0000u64, 0x7ff8_0000_0000_1234, 0x4004_0000_0000_0000].map(U256::from));
    for _ in 0..8 {
        let limbs = std::array::from_fn(|_| rng.u64(..));
        values.push(U256::from_limbs(limbs) >> rng.usize(0..256));
    }
    let mut values: Vec<U256> = values.into_iter().map(|value| truncate(ty, value)).collect();
    values.sort();
    values.dedup();
    values
}

/// Appends the operation with operands of its types.
fn apply(b: &mut Builder<'_>, op: Opcode, ty: Type, from: Type, words: [Value; 3]) -> Vec<Value> {
    let mut args = Vec::new();
    for (slot, word) in op.row().args.iter().zip(words) {
        let ty = match slot {
            Slot::Is(ty) => *ty,
            Slot::AnyInt | Slot::AnyFloat => from,
            _ => ty,
        };
        args.push(from_word(b, ty, word));
    }
    let inst = b.op(op, Some(ty), &args, Imm::None);
    let mut results = b.func.insts[inst].results.clone();
    if gives_any_nan(op) {
        results[0] = b.unary(Opcode::Fcanon, results[0]);
    }
    results.iter().map(|&result| to_word(b, result)).collect()
}

/// Whether the table leaves open which NaN an operation gives; `eval` says the canonical one.
fn gives_any_nan(op: Opcode) -> bool {
    use Opcode as Op;
    matches!(op, Op::Fadd | Op::Fsub | Op::Fmul | Op::Fdiv | Op::Fmin | Op::Fmax | Op::Fsqrt)
        || matches!(op, Op::Fceil | Op::Ffloor | Op::Ftrunc | Op::Fnearest | Op::Fpromote | Op::Fdemote)
}

/// The operand types of the conversions to `ty`; others do not care.
fn sources(op: Opcode, ty: Type) -> Vec<Type> {
    let integers = Type::ALL.iter().copied().filter(|from| from.is_int());
    match op {
        Opcode::Zext | Opcode::Sext => integers.filter(|from| from.bits() < ty.bits()).collect(),
        Opcode::Trunc => integers.filter(|from| from.bits() > ty.bits()).collect(),
        Opcode::FtoSint | Opcode::FtoUint | Opcode::Fpromote | Opcode::Fdemote => {
            let floats = [Type::F32, Type::F64].into_iter();
            floats.filter(|&from| !matches!(op.row().args[0], Slot::Is(only) if only != from)).collect()
        }
        Opcode::SintToF | Opcode::UintToF => vec![Type::I32, Type::I64],
        _ => vec![ty],
    }
}

/// The operand of slot `n` as the operation sees it.
fn operand(op: Opcode, ty: Type, from: Type, n: usize, word: U256) -> U256 {
    match op.row().args[n] {
        Slot::Is(ty) => truncate(ty, word),
        Slot::AnyInt | Slot::AnyFloat => truncate(from, word),
        _ => truncate(ty, word),
    }
}

fn check(
    op: Opcode,
    ty: Type,
    from: Type,
    options: &Options,
    backend: &dyn Backend,
    rng: &mut fastrand::Rng,
) {
    let arity = op.row().args.len();
    let count = op.row().results.len();
    let values = operands(from, rng);
    let mut rows = Vec::new();
    for &a in &values {
        for &b in if arity > 1 { &values[..] } else { &values[..1] } {
            rows.push([a, b, values[rng.usize(..values.len())]]);
            if arity == 3 {
                rows.push([a, b, values[rng.usize(..values.len())]]);
            }
        }
    }
    let module = contract(rows.len(), count, &|b, words| apply(b, op, ty, from, words));
    let actual = results(&module, options, backend, &rows);
    assert_eq!(actual.len(), rows.len() * count);
    for (row, got) in rows.iter().zip(actual.chunks(count)) {
        let args: Vec<U256> = (0..arity).map(|n| operand(op, ty, from, n, row[n])).collect();
        let expected = eval(op, ty, from, &args).unwrap();
        assert_eq!(got, &expected[..count], "{op:?}.{ty} from {from} {args:x?} {}", backend.name());
    }
}

/// Both operands in registers, both ways of placing long expansions.
#[test]
fn operations_agree_with_their_meaning() {
    let mut rng = fastrand::Rng::with_seed(1);
    for (op, ty) in pure_operations() {
        for from in sources(op, ty) {
            for backend in [Outline::Rare, Outline::Heavy].into_iter().flat_map(backends::with_outline) {
                check(op, ty, from, &Options::default(), &*backend, &mut rng);
            }
        }
    }
}

/// The same without optimisation and without processor features.
#[test]
fn operations_agree_without_optimisation() {
    let mut rng = fastrand::Rng::with_seed(2);
    for (op, ty) in pure_operations() {
        let rounds = matches!(op, Opcode::Fceil | Opcode::Ffloor | Opcode::Ftrunc | Opcode::Fnearest);
        let cpu = if rounds { CpuLevel::V3 } else { CpuLevel::Baseline };
        let options = Options { level: OptLevel::None, cpu, ..Options::default() };
        for from in sources(op, ty).into_iter().take(2) {
            for backend in backends::all() {
                check(op, ty, from, &options, &*backend, &mut rng);
            }
        }
    }
}

/// One operand a constant: every constant in one contract, in each operand's place.
#[test]
fn operations_agree_with_constant_operands() {
    let mut rng = fastrand::Rng::with_seed(3);
    for (op, ty) in pure_operations() {
        let arity = op.row().args.len();
        let conversion = op.row().args.contains(&Slot::AnyInt);
        if conversion || arity < 2 || ty.class() != TypeClass::Integer {
            continue;
        }
        for place in 0..arity {
            check_constants(op, ty, place, &mut rng);
        }
    }
}

fn check_constants(op: Opcode, ty: Type, place: usize, rng: &mut fastrand::Rng) {
    let values = operands(ty, rng);
    let constants: Vec<U256> = values.iter().map(|&value| operand(op, ty, ty, place, value)).collect();
    let count = op.row().results.len();
    let rows: Vec<[U256; 3]> = values
        .iter()
        .map(|&a| [a, values[rng.usize(..values.len())], a ^ U256::from(5) & mask(ty)])
        .collect();
    let body = |b: &mut Builder<'_>, words: [Value; 3]| {
        let mut all = Vec::new();
        for &constant in &constants {
            let mut words = words;
            words[place] = b.constant(Type::I256, constant);
            all.extend(apply(b, op, ty, ty, words));
        }
        all
    };
    let per_row = count * constants.len();
    let module = contract(rows.len(), per_row, &body);
    for backend in backends::all() {
        let actual = results(&module, &Options::default(), &*backend, &rows);
        assert_eq!(actual.len(), rows.len() * per_row);
        for (row, got) in rows.iter().zip(actual.chunks(per_row)) {
            for (&constant, got) in constants.iter().zip(got.chunks(count)) {
                let mut args: Vec<U256> =
                    (0..op.row().args.len()).map(|n| operand(op, ty, ty, n, row[n])).collect();
                args[place] = constant;
                let expected = eval(op, ty, ty, &args).unwrap();
                let name = backend.name();
                assert_eq!(got, &expected[..count], "{op:?}.{ty} {args:x?} constant {place} {name}");
            }
        }
    }
}
