//! The shape of the legal form. That it computes the same is tested where native code runs.

use evmc_backend::legalize::{INLINE_LIMIT, Outline, legalize};
use evmc_ir::{BlockCall, Builder, Function, Imm, ImmKind, Module, Opcode, Slot, Type, Value};

/// A module of one function of two words that returns what `body` gives.
fn module(body: impl Fn(&mut Builder<'_>, Value, Value) -> Vec<Value>) -> Module {
    let mut func = Function::new("main", &[]);
    let mut b = Builder::new(&mut func);
    let entry = b.create_block();
    b.switch_to(entry);
    let (x, y) = (b.add_param(entry, Type::I256), b.add_param(entry, Type::I256));
    let results = body(&mut b, x, y);
    b.ret(&results);
    func.results = results.iter().map(|&result| func.ty(result)).collect();
    let mut module = Module::default();
    module.entry = Some(module.functions.push(func));
    module
}

fn names(module: &Module) -> Vec<&str> {
    module.functions.values().map(|func| func.name.as_str()).collect()
}

/// Instructions in the layout of the first function.
fn first_size(module: &Module) -> usize {
    module.functions.values().next().map_or(0, Function::size)
}

#[test]
fn no_value_is_a_word() {
    for &op in Opcode::ALL {
        let row = op.row();
        let on_words = row.types.contains(Type::I256) && row.args.iter().all(|slot| *slot == Slot::T);
        if row.imm != ImmKind::None || !row.effects.is_pure() || !on_words {
            continue;
        }
        let module = module(|b, x, y| {
            let args = [x, y, x];
            let inst = b.op(op, Some(Type::I256), &args[..row.args.len()], Imm::None);
            b.func.insts[inst].results.to_vec()
        });
        for outline in [Outline::BySize, Outline::Rare, Outline::Heavy] {
            let legal = legalize(&module, outline);
            for func in legal.functions.values() {
                assert!(func.values.values().all(|value| value.ty != Type::I256), "{op:?}");
                assert!(!func.results.contains(&Type::I256), "{op:?}");
            }
        }
    }
}

#[test]
fn long_operations_become_calls_where_asked() {
    let product = module(|b, x, y| vec![b.binary(Opcode::Mul, x, y)]);
    assert_eq!(names(&legalize(&product, Outline::Rare)), ["main"]);
    let heavy = legalize(&product, Outline::Heavy);
    assert_eq!(names(&heavy), ["main", "evmc.mul"]);
    assert!(first_size(&heavy) < 5);
}

#[test]
fn code_grows_by_a_bounded_amount_for_each_operation() {
    let chain = |length: usize| {
        module(|b, x, y| {
            let mut value = x;
            for _ in 0..length {
                value = b.binary(Opcode::Shl, value, y);
            }
            vec![value]
        })
    };
    let size = |length| first_size(&legalize(&chain(length), Outline::BySize));
    let (limit, beyond) = (size(INLINE_LIMIT), size(2 * INLINE_LIMIT));
    assert_eq!(beyond - limit, INLINE_LIMIT, "one call for each further operation");
}

#[test]
fn what_is_known_to_be_small_stays_small() {
    let small = module(|b, x, y| {
        let [x, y] = [x, y].map(|word| {
            let low = b.value(Opcode::Trunc, Type::I64, &[word]);
            b.value(Opcode::Zext, Type::I256, &[low])
        });
        let sum = b.binary(Opcode::Udiv, x, y);
        vec![b.value(Opcode::Eq, Type::I256, &[sum, y])]
    });
    let legal = legalize(&small, Outline::Heavy);
    assert_eq!(names(&legal), ["main"]);
    let insts: Vec<_> = legal.functions.values().flat_map(|func| func.insts.values()).collect();
    let division = insts.iter().find(|data| data.opcode == Opcode::Udiv);
    assert_eq!(division.and_then(|data| data.ty), Some(Type::I64));
    let equal = insts.iter().find(|data| data.opcode == Opcode::Eq);
    assert_eq!(equal.and_then(|data| data.ty), Some(Type::I64));
}

#[test]
fn what_nobody_uses_is_dropped() {
    let module = module(|b, x, y| {
        b.binary(Opcode::Mul, x, y);
        let next = b.create_block();
        b.jump(next, &[x, y]);
        b.switch_to(next);
        let (kept, _) = (b.add_param(next, Type::I256), b.add_param(next, Type::I256));
        vec![kept]
    });
    let legal = legalize(&module, Outline::BySize);
    assert_eq!(first_size(&legal), 2, "jump and ret");
    let func = legal.functions.values().next();
    let params = func.and_then(|func| func.layout.get(1).map(|&block| func.blocks[block].params.len()));
    assert_eq!(params, Some(2), "two halves of the used parameter");
}

#[test]
fn switches_over_words_test_the_upper_bits_once() {
    let module = module(|b, x, y| {
        let (join, other) = (b.create_block(), b.create_block());
        let cases = (0..10u64).map(|key| (ruint::aliases::U256::from(key), BlockCall::new(join, &[])));
        b.switch(x, cases.collect(), BlockCall::new(other, &[]));
        b.switch_to(other);
        b.ret(&[y]);
        b.switch_to(join);
        vec![x]
    });
    let legal = legalize(&module, Outline::BySize);
    let count = |op| {
        legal.functions.values().flat_map(|func| func.insts.values()).filter(|data| data.opcode == op).count()
    };
    assert_eq!((count(Opcode::Branch), count(Opcode::Switch)), (1, 1));
}
