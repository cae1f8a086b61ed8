//! What crosses blocks, functions and memory in native code: values of every type, many of them,
//! recursion, and the promises about the object.

use evmc_abi::ExitCode;
use evmc_artifact::Artifact;
use evmc_backend::{Backend, BackendError, OptLevel, Options};
use evmc_compiler::link::link_instance;
use evmc_ir::text::parse;
use evmc_ir::{BlockCall, Builder, Func, Function, Module, Opcode, Type, Value, verify};
use evmc_testsuite::backends;
use evmc_testsuite::kernel::{contract, from_word, results, to_word};
use evmc_testsuite::native::Native;
use evmc_testsuite::objects::module_metadata;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use revm::context::result::ExecutionResult;
use ruint::aliases::U256;

/// Every type whose values can be made from words.
fn types() -> impl Iterator<Item = Type> {
    Type::ALL.iter().copied().filter(|&ty| ty != Type::Ptr)
}

fn rows() -> Vec<[U256; 3]> {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut word = || U256::from_limbs(std::array::from_fn(|_| rng.u64(..)));
    (0..20).map(|_| [word(), word(), word()]).collect()
}

/// Runs at both ends of the optimisation levels and compares with `expected`, row by row.
fn check(module: &Module, expected: impl Fn(&[U256; 3]) -> Vec<U256>) {
    let rows = rows();
    let wanted: Vec<U256> = rows.iter().flat_map(expected).collect();
    for level in [OptLevel::None, OptLevel::Default] {
        let options = Options { level, ..Options::default() };
        for backend in backends::all() {
            let name = backend.name();
            assert_eq!(results(module, &options, &*backend, &rows), wanted, "{level:?} {name}");
        }
    }
}

fn low(ty: Type, word: U256) -> U256 {
    evmc_ir::eval::truncate(ty, word)
}

/// A function with parameters of all types, in registers and memory, that gives them all back in
/// reverse order.
#[test]
fn values_of_every_type_cross_calls() {
    let all: Vec<Type> = types().chain(types()).collect();
    let back: Vec<Type> = all.iter().rev().copied().collect();
    let mut mirror = Function::new("mirror", &back);
    let mut b = Builder::new(&mut mirror);
    let entry = b.create_block();
    b.switch_to(entry);
    let params: Vec<Value> = all.iter().map(|&ty| b.add_param(entry, ty)).collect();
    let reversed: Vec<Value> = params.into_iter().rev().collect();
    b.ret(&reversed);

    let count = all.len();
    let body = |b: &mut Builder<'_>, words: [Value; 3]| {
        let args: Vec<Value> =
            all.iter().enumerate().map(|(n, &ty)| from_word(b, ty, words[n % 3])).collect();
        let given = b.call(Func::from_u32(1), &args, &back);
        given.iter().map(|&value| to_word(b, value)).collect()
    };
    let mut module = contract(rows().len(), count, &body);
    module.functions.push(mirror);
    check(&module, |row| {
        let given = all.iter().enumerate().map(|(n, &ty)| low(ty, row[n % 3]));
        given.rev().collect()
    });
}

/// The same through a function that may exit, so that status and gas cross as well.
#[test]
fn metered_calls_carry_gas_and_results() {
    let back = [Type::I256, Type::I64, Type::I256, Type::I64];
    let mut func = Function::new("metered", &back);
    let mut b = Builder::new(&mut func);
    let entry = b.create_block();
    b.switch_to(entry);
    let word = b.add_param(entry, Type::I256);
    let before = gas(&mut b);
    let amount = b.small(Type::I64, 100);
    b.effect(Opcode::GasChargeDyn, &[amount]);
    let after = gas(&mut b);
    let twice = b.binary(Opcode::Add, word, word);
    b.ret(&[word, before, twice, after]);

    let body = |b: &mut Builder<'_>, words: [Value; 3]| {
        let before = gas(b);
        let given = b.call(Func::from_u32(1), &[words[0]], &back);
        let after = gas(b);
        let outside = b.binary(Opcode::Sub, before, after);
        let inside = b.binary(Opcode::Sub, given[1], given[3]);
        [given[0], given[2], outside, inside].map(|value| to_word(b, value)).into()
    };
    let mut module = contract(rows().len(), 4, &body);
    module.functions.push(func);
    let hundred = U256::from(100);
    check(&module, |row| vec![row[0], row[0].wrapping_add(row[0]), hundred, hundred]);
}

fn gas(b: &mut Builder<'_>) -> Value {
    let inst = b.op(Opcode::GasRemaining, None, &[], evmc_ir::Imm::None);
    b.func.insts[inst].results[0]
}

/// A loop that swaps two values of each type three times.
#[test]
fn values_of_every_type_cross_blocks() {
    for ty in types() {
        let body = |b: &mut Builder<'_>, words: [Value; 3]| {
            let (head, done) = (b.create_block(), b.create_block());
            let [x, y] = [words[0], words[1]].map(|word| from_word(b, ty, word));
            let three = b.small(Type::I8, 3);
            b.jump(head, &[x, y, three]);
            b.switch_to(head);
            let (x, y, left) = (b.add_param(head, ty), b.add_param(head, ty), b.add_param(head, Type::I8));
            let one = b.small(Type::I8, 1);
            let left = b.binary(Opcode::Sub, left, one);
            let zero = b.small(Type::I8, 0);
            let more = b.binary(Opcode::Ne, left, zero);
            b.branch(more, BlockCall::new(head, &[y, x, left]), BlockCall::new(done, &[]));
            b.switch_to(done);
            vec![to_word(b, x), to_word(b, y)]
        };
        check(&contract(rows().len(), 2, &body), |row| vec![low(ty, row[0]), low(ty, row[1])]);
    }
}

/// Stores and loads of every type at an odd offset leave what is beside them alone.
#[test]
fn values_of_every_type_cross_memory() {
    for ty in types() {
        let body = |b: &mut Builder<'_>, words: [Value; 3]| {
            let [end, base, offset] = [4096 + 64, 4096, 4096 + 7].map(|number| b.small(Type::I64, number));
            b.effect(Opcode::MemEnsure, &[end]);
            b.mem_store(base, words[0]);
            let value = from_word(b, ty, words[1]);
            b.mem_store(offset, value);
            let value = b.mem_load(ty, offset);
            let around = b.mem_load(Type::I256, base);
            vec![to_word(b, value), around]
        };
        check(&contract(rows().len(), 2, &body), |row| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&row[0].to_le_bytes::<32>());
            let value = low(ty, row[1]);
            let size = ty.bytes() as usize;
            bytes[7..7 + size].copy_from_slice(&value.to_le_bytes::<32>()[..size]);
            vec![value, U256::from_le_slice(&bytes[..32])]
        });
    }
}

/// Switches with keys of every size, with arguments, dense and sparse.
#[test]
fn switches_find_their_case() {
    let one = U256::from(1);
    for ty in [Type::I8, Type::I32, Type::I64, Type::I128, Type::I256] {
        let keys: Vec<U256> = [0u32, 1, 2, 3, 4, 5, 31, 32, 60, 64, 65, 127, 200, 255]
            .map(|bit| if bit < 8 { U256::from(bit) } else { one << bit })
            .into_iter()
            .filter(|key| key.bit_len() <= ty.bits() as usize)
            .collect();
        let body = |b: &mut Builder<'_>, words: [Value; 3]| {
            let operand = from_word(b, ty, words[0]);
            let (join, other) = (b.create_block(), b.create_block());
            let result = b.add_param(join, Type::I256);
            let numbers: Vec<Value> = (0..keys.len()).map(|n| b.small(Type::I256, n as u64)).collect();
            let case = |(&key, &number): (&U256, &Value)| (key, BlockCall::new(join, &[number]));
            let cases = keys.iter().zip(&numbers).map(case).collect();
            b.switch(operand, cases, BlockCall::new(other, &[]));
            b.switch_to(other);
            b.jump(join, &[words[1]]);
            b.switch_to(join);
            vec![result]
        };
        let wanted = |row: &[U256; 3]| {
            let found = keys.iter().position(|&key| key == low(ty, row[0]));
            vec![found.map_or(row[1], U256::from)]
        };
        let mut rows: Vec<[U256; 3]> = keys.iter().map(|&key| [key, U256::MAX, one]).collect();
        rows.extend(keys.iter().map(|&key| [key ^ (one << (ty.bits() as usize - 1)), U256::MAX, one]));
        rows.push([U256::MAX, one, one]);
        let module = contract(rows.len(), 1, &body);
        let expected: Vec<U256> = rows.iter().flat_map(wanted).collect();
        for backend in backends::all() {
            let name = backend.name();
            assert_eq!(results(&module, &Options::default(), &*backend, &rows), expected, "{ty} {name}");
        }
    }
}

/// An entry that calls itself until its gas is used up: the status comes back through every level.
fn recursive() -> Module {
    let mut func = Function::new("entry", &[]);
    let mut b = Builder::new(&mut func);
    let entry = b.create_block();
    b.switch_to(entry);
    let amount = b.small(Type::I64, 1000);
    b.effect(Opcode::GasChargeDyn, &[amount]);
    b.call(Func::from_u32(0), &[], &[]);
    b.exit(ExitCode::Stop);
    let mut module = Module::default();
    module.entry = Some(module.functions.push(func));
    module
}

#[test]
fn an_exit_leaves_every_level() {
    for backend in backends::all() {
        let native = Native::build(&recursive(), &Options::default(), &*backend).unwrap();
        let outcome = native.run(&[], 121_000);
        assert!(matches!(outcome, ExecutionResult::Halt { .. }), "{outcome:?}");
        assert_eq!(outcome.tx_gas_used(), 121_000);
    }
}

/// A cycle counts 1,024 frames.
#[test]
fn recursion_is_in_the_stack_bound() {
    for backend in backends::all() {
        let bytes =
            |module: &Module| backend.compile(module, &Options::default()).unwrap().native_stack_bytes;
        let flat = contract(1, 1, &|_, words| vec![words[0]]);
        assert!((16..4096).contains(&bytes(&flat)), "{}", bytes(&flat));
        assert!(bytes(&recursive()) >= 1024 * 16, "{}", bytes(&recursive()));
    }
}

/// One global symbol, nothing undefined, an unwind table, the same bytes each time.
#[test]
fn objects_keep_their_promises() {
    let body = |b: &mut Builder<'_>, [x, y, z]: [Value; 3]| {
        let product = b.value(Opcode::Mulmod, Type::I256, &[x, y, z]);
        vec![b.binary(Opcode::SignExtend, product, x)]
    };
    let module = contract(3, 1, &body);
    for backend in backends::all() {
        let compile = || backend.compile(&module, &Options::default()).unwrap();
        let first = compile();
        assert_eq!(first, compile());
        let file = object::File::parse(&first.bytes[..]).unwrap();
        assert!(file.symbols().all(|symbol| !symbol.is_undefined()));
        let global: Vec<_> =
            file.symbols().filter(|symbol| symbol.is_global()).map(|symbol| symbol.name()).collect();
        assert_eq!(global, [Ok(first.entry_symbol.as_str())]);
        assert!(file.section_by_name(".eh_frame").is_some_and(|section| section.size() > 0));
    }
}

/// A module of WebAssembly: accesses, a call by reference, a tail call, and the functions around its signature.
const INSTANCE: &str = "sig0 = (i64, i32) -> i32
instance METERED memories = 1, imported_functions = 1, signatures = 1
entry 0x80000000 %load
entry 0x80000001 %tail
entry 0 %enter.0
entry 0x40000000 %host.0
function %load(i64, i32) -> i32 {
block0(v0: i64, v1: i32):
    v2 = const.i64 6
    v3 = sub.i64 v0, v2
    depth.check v3 @10
    v4 = zext.i64 v1
    v5 = lin.load.i32 v4, 0, 8 @20
    lin.store.i32 v4, v5, 0, 12 @30
    v6 = func.imported 0
    v7 = call_ref v6, v3, v5, sig0 @40
    ret v7
}
function %tail(i64, i32) -> i32 {
block0(v0: i64, v1: i32):
    v2 = const.i64 5
    v3 = sub.i64 v0, v2
    depth.check v3 @50
    ret_call %load(v0, v1) @60
}
function %enter.0() {
block0:
    v0 = frame.get.i64 callee
    v1 = frame.get.i64 depth
    v2 = slot.get.i32 0
    v3 = call_ref v0, v1, v2, sig0
    slot.set.i32 v3, 0
    ret
}
function %host.0(i64, i32) -> i32 {
block0(v0: i64, v1: i32):
    slot.set.i32 v1, 0
    runtime.call_host v0
    v2 = slot.get.i32 0
    ret v2
}
";

/// Entries are local functions at aligned places, trap sites ascend and name their source, and a unit of depth has its
/// native stack.
#[test]
fn objects_of_instances_say_where_things_are() {
    for metered in ["metered", ""] {
        let module = parse(&INSTANCE.replace("METERED", metered)).unwrap();
        verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
        for backend in backends::all() {
            check_object_of_instance(&module, &*backend);
        }
    }
}

fn check_object_of_instance(module: &Module, backend: &dyn Backend) {
    let object = backend.compile(module, &Options::default()).unwrap();
    assert_eq!(object, backend.compile(module, &Options::default()).unwrap());
    let file = object::File::parse(&object.bytes[..]).unwrap();
    assert!(file.symbols().all(|symbol| !symbol.is_undefined()));
    assert_eq!(object.entries.len(), 4);
    for (_, name) in &object.entries {
        let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name.as_str()));
        assert!(symbol.is_some_and(|symbol| symbol.address().is_multiple_of(16)), "{name}");
    }
    let sources: Vec<u32> = object.trap_sites.iter().map(|site| site.source).collect();
    assert!(object.trap_sites.is_sorted_by(|a, b| a.offset < b.offset));
    assert!(sources.contains(&20) && sources.contains(&30), "{sources:?}");
    assert!((4..1024).contains(&object.native_stack_bytes), "{}", object.native_stack_bytes);
    let metadata = module_metadata(&[1]);
    let linked = link_instance(&object.bytes, &object.entries, &object.trap_sites, &metadata).unwrap();
    Artifact::check(&linked).unwrap();
}

/// What cannot be compiled is an error.
#[test]
fn refusals_are_errors() {
    let options = Options::default();
    let module = Module::default();
    for backend in backends::all() {
        assert_eq!(backend.compile(&module, &options), Err(BackendError::NoEntry));
        let module = contract(1, 1, &|_, words| vec![words[0]]);
        for triple in ["riscv64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "nonsense"] {
            let options = Options { triple: triple.into(), ..Options::default() };
            let refused = backend.compile(&module, &options);
            assert!(matches!(refused, Err(BackendError::Target { .. })), "{refused:?}");
        }
    }
}
