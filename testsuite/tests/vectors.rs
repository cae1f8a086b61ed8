//! Every vector operation in every shape: native code gives what `evmc_ir::eval` gives.
//!
//! As for operations on single values, each is compiled in a loop over operands from calldata, and again with constants as
//! operands. Lanes are mixed from the numbers at which implementations differ. Results that may be some NaN are compared
//! as `v.fcanon` gives them.

use evmc_backend::{CpuLevel, OptLevel, Options};
use evmc_ir::eval::{eval_inst, truncate};
use evmc_ir::{Builder, Imm, ImmKind, InstData, LaneShape, Opcode, Slot, Type, Value};
use evmc_testsuite::backends;
use evmc_testsuite::kernel::{contract, from_word, results, to_word};
use ruint::aliases::U256;

/// An operation with its controlling type and immediate.
#[derive(Clone, Debug)]
struct Form {
    op: Opcode,
    ty: Option<Type>,
    imm: Imm,
}

/// Whether an operation is about vectors.
fn is_vector(op: Opcode) -> bool {
    let row = op.row();
    row.name.starts_with("v.") && row.effects.is_pure()
}

/// Shuffles that machines have instructions for, and others.
fn shuffles(rng: &mut fastrand::Rng) -> Vec<[u8; 16]> {
    let numbers = |number: &dyn Fn(u8) -> u8| std::array::from_fn(|i| number(i as u8));
    let mut all = vec![
        numbers(&|i| i),
        numbers(&|i| i + 16),
        numbers(&|i| 15 - i),
        numbers(&|i| i + 5),
        numbers(&|i| i / 2 + 16 * (i % 2)),
        numbers(&|i| 8 + i / 2 + 16 * (i % 2)),
        numbers(&|i| 2 * i),
        numbers(&|i| 2 * i + 1),
        numbers(&|i| i ^ 1),
        numbers(&|i| i ^ 4),
        numbers(&|i| i ^ 8),
        numbers(&|i| i % 4 + 8),
        numbers(&|_| 31),
        numbers(&|i| i + 16 * (i / 8)),
        numbers(&|i| (i + 9) % 16 + 16),
    ];
    all.extend((0..8).map(|_| std::array::from_fn(|_| rng.u8(..32))));
    all
}

/// Every form of an operation.
fn forms(op: Opcode, rng: &mut fastrand::Rng) -> Vec<Form> {
    let row = op.row();
    let types: Vec<Option<Type>> = match row.types.contains(Type::I8) {
        true => LaneShape::ALL.iter().map(|shape| Some(shape.lane_type())).collect(),
        false => vec![None],
    };
    let mut forms = Vec::new();
    for ty in types {
        let imms: Vec<Imm> = match row.imm {
            ImmKind::Shape(shapes) => shapes.iter().copied().map(Imm::Shape).collect(),
            ImmKind::Shuffle => shuffles(rng).into_iter().map(Imm::Shuffle).collect(),
            ImmKind::Lane => {
                let lanes = ty.and_then(LaneShape::of_lane).unwrap().lanes();
                (0..lanes as u8).map(Imm::Lane).collect()
            }
            _ => vec![Imm::None],
        };
        forms.extend(imms.into_iter().map(|imm| Form { op, ty, imm }));
    }
    forms
}

/// The shape in which a result may be some NaN.
fn some_nan(form: &Form) -> Option<LaneShape> {
    use Opcode as Op;
    match (form.op, &form.imm) {
        (Op::Vfpromote, _) => Some(LaneShape::F64x2),
        (Op::Vfdemote, _) => Some(LaneShape::F32x4),
        (
            Op::Vfadd
            | Op::Vfsub
            | Op::Vfmul
            | Op::Vfdiv
            | Op::Vfmin
            | Op::Vfmax
            | Op::Vfsqrt
            | Op::Vfceil
            | Op::Vffloor
            | Op::Vftrunc
            | Op::Vfnearest,
            &Imm::Shape(shape),
        ) => Some(shape),
        _ => None,
    }
}

/// Numbers at which implementations differ, for lanes of a shape.
fn edges(shape: LaneShape) -> Vec<u64> {
    let bits = shape.lane_bits();
    let top = 1u64 << (bits - 1);
    let mut edges = vec![0, 1, 2, 7, 15, 16, 0x40, top - 1, top, top + 1, u64::MAX, u64::MAX - 1, 0x8000];
    match shape {
        LaneShape::F32x4 => {
            let floats = [0.5f32, 1.5, 2.5, -0.5, 3e9, -3e9, 2147483648.0, 4294967296.0, 4294967040.0, 1e-40];
            edges.extend(floats.map(|float| u64::from(float.to_bits())));
            edges.extend([0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7fa0_1234, 0xffc0_0001]);
        }
        LaneShape::F64x2 => {
            let floats = [0.5f64, 1.5, 2.5, -0.5, 3e9, -3e9, 2147483647.5, 4294967295.5, -1.0, 1e300, 1e-310];
            edges.extend(floats.map(f64::to_bits));
            edges.extend([0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48, 0x7ff4_0000_0000_1234, 0xfff8 << 48 | 1]);
        }
        _ => {}
    }
    edges
}

/// Vectors whose lanes are such numbers or random.
fn operands(count: usize, rng: &mut fastrand::Rng) -> Vec<U256> {
    let vector = |rng: &mut fastrand::Rng| {
        let shape = LaneShape::ALL[rng.usize(..LaneShape::ALL.len())];
        let edges = edges(shape);
        (0..shape.lanes()).fold(0u128, |vector, _| {
            let lane = if rng.u8(..4) == 0 { rng.u64(..) } else { edges[rng.usize(..edges.len())] };
            let bits = shape.lane_bits();
            vector << (bits % 128) | u128::from(lane) & u128::MAX >> (128 - bits)
        })
    };
    (0..count).map(|_| U256::from(vector(rng))).collect()
}

/// The type of an operand.
fn operand_type(form: &Form, number: usize) -> Type {
    match form.op.row().args[number] {
        Slot::Is(ty) => ty,
        _ => form.ty.unwrap(),
    }
}

/// Appends a form with operands from words, but a constant in one place; gives the result as a word.
fn apply(b: &mut Builder<'_>, form: &Form, words: [Value; 3], constant: Option<(usize, U256)>) -> Value {
    let mut args = Vec::new();
    for (number, &word) in words.iter().take(form.op.row().args.len()).enumerate() {
        let ty = operand_type(form, number);
        args.push(match constant {
            Some((place, bits)) if place == number => b.constant(ty, truncate(ty, bits)),
            _ => from_word(b, ty, word),
        });
    }
    let inst = b.op(form.op, form.ty, &args, form.imm.clone());
    let mut result = b.func.insts[inst].results[0];
    if let Some(shape) = some_nan(form) {
        result = b.shaped(Opcode::Vfcanon, shape, &[result]);
    }
    to_word(b, result)
}

/// What a form gives by its meaning.
fn expected(form: &Form, row: &[U256; 3], constant: Option<(usize, U256)>) -> U256 {
    let count = form.op.row().args.len();
    let args: Vec<U256> = (0..count)
        .map(|number| {
            let bits = constant.filter(|&(place, _)| place == number).map_or(row[number], |(_, bits)| bits);
            truncate(operand_type(form, number), bits)
        })
        .collect();
    let data = InstData {
        opcode: form.op,
        ty: form.ty,
        args: Default::default(),
        imm: form.imm.clone(),
        results: Default::default(),
    };
    eval_inst(&data, operand_type(form, 0), &args).unwrap()[0]
}

/// What is computed for every row: forms, each with a constant operand or without.
type Column = (Form, Option<(usize, U256)>);

fn check(columns: &[Column], rows: &[[U256; 3]], options: &Options) {
    let body = |b: &mut Builder<'_>, words: [Value; 3]| {
        columns.iter().map(|(form, constant)| apply(b, form, words, *constant)).collect()
    };
    let module = contract(rows.len(), columns.len(), &body);
    for backend in backends::all() {
        let actual = results(&module, options, &*backend, rows);
        assert_eq!(actual.len(), rows.len() * columns.len());
        for (row, got) in rows.iter().zip(actual.chunks(columns.len())) {
            for ((form, constant), got) in columns.iter().zip(got) {
                let wanted = expected(form, row, *constant);
                let name = backend.name();
                assert_eq!(*got, wanted, "{got:x} is not {wanted:x}: {form:?} {row:x?} {constant:x?} {name}");
            }
        }
    }
}

fn rows(count: usize, rng: &mut fastrand::Rng) -> Vec<[U256; 3]> {
    let (a, b) = (operands(count, rng), operands(count, rng));
    // The same operand twice and its neighbours too.
    let row = |i: usize| if i.is_multiple_of(8) { [a[i], a[i], a[i]] } else { [a[i], b[i], b[i]] };
    (0..count).map(row).collect()
}

#[test]
fn vectors_agree_with_their_meaning() {
    let mut rng = fastrand::Rng::with_seed(1);
    for &op in Opcode::ALL.iter().filter(|&&op| is_vector(op)) {
        let columns: Vec<Column> = forms(op, &mut rng).into_iter().map(|form| (form, None)).collect();
        check(&columns, &rows(600, &mut rng), &Options::default());
    }
}

#[test]
fn vectors_agree_with_constant_operands() {
    let mut rng = fastrand::Rng::with_seed(2);
    for &op in Opcode::ALL.iter().filter(|&&op| is_vector(op)) {
        let mut columns: Vec<Column> = Vec::new();
        for form in forms(op, &mut rng).into_iter().take(16) {
            for place in 0..op.row().args.len() {
                let constants = operands(6, &mut rng);
                columns.extend(constants.into_iter().map(|bits| (form.clone(), Some((place, bits)))));
                columns.push((form.clone(), Some((place, U256::ZERO))));
            }
        }
        check(&columns, &rows(40, &mut rng), &Options::default());
    }
}

/// Whether a backend refuses a form on the first x86-64 processors.
fn is_refused(form: &Form) -> bool {
    use Opcode as Op;
    match form.op {
        Op::Vfceil | Op::Vffloor | Op::Vftrunc | Op::Vfnearest => true,
        Op::Vshuffle | Op::Vswizzle | Op::Vpopcnt | Op::Vq15mulrSat => true,
        Op::VfToUint => form.imm == Imm::Shape(LaneShape::F64x2),
        _ => false,
    }
}

/// Without optimisation, and without processor features as far as backends do without.
#[test]
fn vectors_agree_without_optimisation() {
    let mut rng = fastrand::Rng::with_seed(3);
    for &op in Opcode::ALL.iter().filter(|&&op| is_vector(op)) {
        for cpu in [CpuLevel::V3, CpuLevel::Baseline] {
            let usable = |form: &Form| cpu == CpuLevel::V3 || !is_refused(form);
            let forms = forms(op, &mut rng).into_iter().filter(usable);
            let columns: Vec<Column> = forms.map(|form| (form, None)).collect();
            let options = Options { level: OptLevel::None, cpu, ..Options::default() };
            // Of some operations every form is refused.
            if !columns.is_empty() {
                check(&columns, &rows(100, &mut rng), &options);
            }
        }
    }
}
