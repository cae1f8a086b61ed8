//! Compiled modules run: calls across modules, traps from any depth, memories, host functions, gas, depth.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use evmc_abi::ExitCode;
use evmc_backend::Backend;
use evmc_backend_cranelift::Cranelift;
use evmc_compiler::driver::{Config, compile_wasm};
use evmc_compiler::frontend::wasm::WasmConfig;
use evmc_wasm::{
    CallOutcome, Cause, Extern, ExternRef, Func, InstanceId, InstantiateError, Limits, Linker, Module,
    Objects, Store, Trap, Val,
};

/// A compiled module.
fn compile(text: &str, metered: bool) -> Module {
    let wasm = wat::parse_str(text).expect("a module");
    let config = WasmConfig { metered, ..WasmConfig::default() };
    let backend: &dyn Backend = &Cranelift::default();
    let compiled = compile_wasm(&wasm, &Config::default(), &config, backend).expect("it compiles");
    Module::from_artifact(&compiled.artifact).expect("an artifact of this machine")
}

/// A store with instances of modules by their names.
struct World {
    store: Store,
    linker: Linker,
    metered: bool,
}

impl World {
    fn new(metered: bool) -> Self {
        Self { store: Store::new(Limits::default()), linker: Linker::new(), metered }
    }

    fn add(&mut self, name: &str, text: &str) -> InstanceId {
        self.try_add(name, text).expect("an instance")
    }

    fn try_add(&mut self, name: &str, text: &str) -> Result<InstanceId, InstantiateError> {
        let instance = self.linker.instantiate(&mut self.store, &compile(text, self.metered))?;
        self.linker.define_instance(name, &self.store, instance);
        Ok(instance)
    }

    fn func(&self, instance: InstanceId, name: &str) -> Func {
        self.store.exported_func(instance, name).expect("an exported function")
    }

    fn call(&mut self, instance: InstanceId, name: &str, args: &[Val]) -> Result<Vec<Val>, Trap> {
        let func = self.func(instance, name);
        Ok(self.store.call(func, args, Some(1 << 40))?.results)
    }

    fn trap(&mut self, instance: InstanceId, name: &str, args: &[Val]) -> Trap {
        self.call(instance, name, args).expect_err("it traps")
    }
}

/// Both ways to compile.
fn both(test: impl Fn(World)) {
    [true, false].into_iter().for_each(|metered| test(World::new(metered)));
}

#[test]
fn values_of_all_types_pass() {
    both(|mut world| {
        let types = "i32 i64 f32 f64 v128 funcref externref";
        let echo = world.store.host_func(
            &evmc_wasm::module_info::FuncType {
                params: vec![evmc_wasm::module_info::ValType::F32; 2],
                results: vec![evmc_wasm::module_info::ValType::F32; 2],
            },
            |_, args, results| {
                results.copy_from_slice(args);
                results.reverse();
                Ok(())
            },
        );
        world.linker.define("host", "swap", Extern::Func(echo));
        let instance = world.add(
            "m",
            &format!(
                "(module (import \"host\" \"swap\" (func $swap (param f32 f32) (result f32 f32)))
               (func (export \"echo\") (param {types}) (result {types})
                 local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6)
               (func (export \"swap\") (param f32 f32) (result f32 f32)
                 local.get 0 local.get 1 call $swap))"
            ),
        );
        let this = world.func(instance, "echo");
        let args = [
            Val::I32(-7),
            Val::I64(i64::MIN),
            Val::F32(0x7fa0_0001),
            Val::F64(2.5_f64.to_bits()),
            Val::V128(0x0123_4567_89ab_cdef_0011_2233_4455_6677),
            Val::FuncRef(Some(this)),
            Val::ExternRef(Some(3)),
        ];
        assert_eq!(world.call(instance, "echo", &args).expect("it returns"), args);
        let swapped = world.call(instance, "swap", &[Val::F32(1), Val::F32(2)]).expect("it returns");
        assert_eq!(swapped, [Val::F32(2), Val::F32(1)]);
        let func = world.func(instance, "swap");
        let typed = world.store.typed::<(f32, f32), (f32, f32)>(func).expect("its types");
        assert_eq!(typed.call(&mut world.store, (1.0, 2.0), 1 << 30).expect("it returns").0, (2.0, 1.0));
    });
}

#[test]
fn traps_come_from_any_depth_with_their_place() {
    both(|mut world| {
        let inner = world.add("inner", r#"(module (memory 1)
            (func $boom (export "boom") (param i32) (result i32)
              (if (i32.eqz (local.get 0)) (then unreachable))
              (i32.div_s (i32.const 100) (i32.sub (local.get 0) (i32.const 5)))
              (i32.load (i32.mul (local.get 0) (i32.const 32767))) i32.add)
            (func $deep (export "deep") (param i32 i32) (result i32)
              (if (result i32) (i32.eqz (local.get 0)) (then (call $boom (local.get 1)))
                (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))))))"#);
        let outer = world.add(
            "outer",
            r#"(module
            (import "inner" "deep" (func $deep (param i32 i32) (result i32)))
            (func (export "call") (param i32 i32) (result i32)
              (i32.mul (i32.const 2) (call $deep (local.get 0) (local.get 1)))))"#,
        );
        for depth in [0, 1, 100] {
            for (how, code) in [
                (0, ExitCode::UnreachableExecuted),
                (5, ExitCode::IntegerDivideByZero),
                (3, ExitCode::MemoryOutOfBounds),
                (-1, ExitCode::MemoryOutOfBounds),
            ] {
                let trap = world.trap(outer, "call", &[Val::I32(depth), Val::I32(how)]);
                assert_eq!(trap.cause, Cause::Program(code), "{trap}");
                let place = trap.place.expect("a place");
                assert_eq!((place.instance, place.name.as_deref()), (inner, Some("boom")), "{how}");
            }
            let fine = world.call(outer, "call", &[Val::I32(depth), Val::I32(1)]).expect("it returns");
            assert_eq!(fine, [Val::I32(2 * (depth - 25))]);
        }
    });
}

#[test]
fn memories_grow_in_place_and_are_shared() {
    both(|mut world| {
        let owner = world.add(
            "owner",
            r#"(module (memory (export "m") 1 3)
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
            (func (export "size") (result i32) (memory.size))
            (func (export "load") (param i32) (result i32) (i32.load8_u offset=1 (local.get 0))))"#,
        );
        let user = world.add(
            "user",
            r#"(module (import "owner" "m" (memory 1))
            (import "owner" "grow" (func $grow (param i32) (result i32)))
            (func (export "grow_and_store") (param i32) (result i32)
              (i32.store8 (i32.const 65535) (i32.const 7))
              (call $grow (i32.const 1))
              (i32.store8 (local.get 0) (i32.const 9))
              (memory.size) i32.add)
            (data (i32.const 100) "hello"))"#,
        );
        assert_eq!(
            world.trap(user, "grow_and_store", &[Val::I32(131_072)]).message(),
            "out of bounds memory access"
        );
        let results = world.call(user, "grow_and_store", &[Val::I32(196_607)]).expect("it returns");
        assert_eq!(results, [Val::I32(2 + 3)]);
        for (address, value) in [(65_534, 7), (196_606, 9), (99, 104)] {
            assert_eq!(
                world.call(owner, "load", &[Val::I32(address)]).expect("it returns"),
                [Val::I32(value)]
            );
        }
        assert_eq!(world.call(owner, "grow", &[Val::I32(1)]).expect("it returns"), [Val::I32(-1)]);
        assert_eq!(world.call(owner, "size", &[]).expect("it returns"), [Val::I32(3)]);
        world.trap(owner, "load", &[Val::I32(196_607)]);
        world.trap(owner, "load", &[Val::I32(-1)]);
    });
}

#[test]
fn bulk_operations_and_segments() {
    both(|mut world| {
        let instance = world.add("m", r#"(module (memory (export "m") 1) (memory $b 1)
            (table $t (export "t") 4 8 funcref) (table $u 2 externref)
            (elem $e funcref (ref.func $one) (ref.null func) (ref.func $two))
            (data $d "segment")
            (type $f (func (result i32)))
            (func $one (result i32) i32.const 1)
            (func $two (result i32) i32.const 2)
            (func (export "init") (param i32 i32 i32) (memory.init $b $d (local.get 0) (local.get 1) (local.get 2)))
            (func (export "drop") (data.drop $d) (elem.drop $e))
            (func (export "copy") (param i32 i32 i32) (memory.copy 0 $b (local.get 0) (local.get 1) (local.get 2)))
            (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
            (func (export "table_init") (param i32 i32 i32)
              (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
            (func (export "table_copy") (param i32 i32 i32)
              (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
            (func (export "table_grow") (param externref i32) (result i32)
              (table.grow $u (local.get 0) (local.get 1)))
            (func (export "table_get") (param i32) (result externref) (table.get $u (local.get 0)))
            (func (export "call") (param i32) (result i32) (call_indirect $t (type $f) (local.get 0))))"#);
        let numbers = |values: &[i32]| values.iter().map(|&value| Val::I32(value)).collect::<Vec<_>>();
        let mut run = |name: &str, args: &[i32]| match world.call(instance, name, &numbers(args)) {
            Ok(results) => format!("{results:?}"),
            Err(trap) => trap.message().into_owned(),
        };
        let (memory, table) = ("out of bounds memory access", "out of bounds table access");
        assert_eq!(run("init", &[10, 0, 7]), "[]");
        assert_eq!(run("init", &[10, 1, 7]), memory);
        assert_eq!(run("init", &[65_530, 0, 7]), memory);
        assert_eq!(run("copy", &[20, 12, 4]), "[]");
        assert_eq!(run("copy", &[20, -1, 4]), memory);
        assert_eq!(run("fill", &[65_535, 0x1ee, 1]), "[]");
        assert_eq!(run("fill", &[65_535, 0, 2]), memory);
        assert_eq!(run("table_init", &[1, 0, 3]), "[]");
        assert_eq!(run("table_init", &[2, 0, 3]), table);
        assert_eq!(run("call", &[1]), "[I32(1)]");
        assert_eq!(run("call", &[2]), "uninitialized element");
        assert_eq!(run("call", &[4]), "undefined element");
        assert_eq!(run("table_copy", &[0, 1, 3]), "[]");
        assert_eq!(run("call", &[2]), "[I32(2)]");
        assert_eq!(run("drop", &[]), "[]");
        assert_eq!(run("init", &[0, 0, 1]), memory);
        assert_eq!(run("table_init", &[0, 0, 1]), table);
        let grown = [Val::ExternRef(Some(5)), Val::I32(3)];
        assert_eq!(world.call(instance, "table_grow", &grown).expect("it returns"), [Val::I32(2)]);
        let element = world.call(instance, "table_get", &[Val::I32(4)]).expect("it returns");
        assert_eq!(element, [Val::ExternRef(Some(5))]);
        assert_eq!(world.trap(instance, "table_get", &[Val::I32(5)]).message(), table);
        let Some(Extern::Memory(memory)) = world.store.export(instance, "m") else { panic!("no memory") };
        assert_eq!(world.store.range(memory, 20, 5).expect("in the memory"), b"gmen\0");
        assert_eq!(world.store.bytes(memory)[65_535], 0xee);
    });
}

#[test]
fn references_are_called_across_modules_and_checked() {
    both(|mut world| {
        let owner = world.add(
            "owner",
            r#"(module (table (export "t") 4 funcref)
            (type $f (func (param i64) (result i64))) (type $g (func (result f64)))
            (func (export "call") (param i32 i64) (result i64)
              (call_indirect (type $f) (local.get 1) (local.get 0)))
            (func (export "call_other") (param i32) (result f64)
              (call_indirect (type $g) (local.get 0))))"#,
        );
        world.add(
            "user",
            r#"(module (import "owner" "t" (table 1 funcref)) (global $g (mut i64) (i64.const 5))
            (func $add (param i64) (result i64)
              (global.set $g (i64.add (global.get $g) (local.get 0))) (global.get $g))
            (elem (i32.const 1) $add))"#,
        );
        let double = world.store.typed_host_func(|_, value: i64| Ok(value * 2));
        let Some(Extern::Table(table)) = world.store.export(owner, "t") else { panic!("no table") };
        world.store.table_set(table, 2, Val::FuncRef(Some(double))).expect("a function");
        let mut call = |index, value| world.call(owner, "call", &[Val::I32(index), Val::I64(value)]);
        assert_eq!(call(1, 10).expect("it returns"), [Val::I64(15)]);
        assert_eq!(call(1, 10).expect("it returns"), [Val::I64(25)]);
        assert_eq!(call(2, 10).expect("it returns"), [Val::I64(20)]);
        assert_eq!(call(0, 10).expect_err("null").message(), "uninitialized element");
        let trap = world.trap(owner, "call_other", &[Val::I32(1)]);
        assert_eq!(trap.message(), "indirect call type mismatch");
    });
}

#[test]
fn host_functions_end_calls_and_call_back() {
    both(|mut world| {
        let host = world.store.typed_host_func(|caller, (how, value): (i32, i32)| match how {
            0 => Ok(value + 1),
            1 => Err(Trap::host("refused")),
            2 => panic!("a defect of the host"),
            _ => {
                let Some(Extern::Func(func)) = caller.own_export("run") else {
                    return Err(Trap::host("no run"));
                };
                match caller.call(func, &[Val::I32(how - 3), Val::I32(value)], None)?[..] {
                    [Val::I32(value)] => Ok(value * 10),
                    _ => Err(Trap::host("another type")),
                }
            }
        });
        world.linker.define("host", "do", Extern::Func(host));
        let instance = world.add(
            "m",
            r#"(module (import "host" "do" (func $do (param i32 i32) (result i32)))
            (func (export "run") (param i32 i32) (result i32)
              (i32.add (call $do (local.get 0) (local.get 1)) (i32.const 100))))"#,
        );
        let outer = world.add(
            "outer",
            r#"(module (import "m" "run" (func $run (param i32 i32) (result i32)))
            (func (export "run") (param i32 i32) (result i32)
              (i32.sub (call $run (local.get 0) (local.get 1)) (i32.const 1))))"#,
        );
        let mut run = |how| match world.call(outer, "run", &[Val::I32(how), Val::I32(5)]) {
            Ok(results) => format!("{results:?}"),
            Err(trap) => trap.message().into_owned(),
        };
        assert_eq!(run(0), "[I32(105)]");
        assert_eq!(run(1), "refused");
        assert_eq!(run(2), "a host function panicked: a defect of the host");
        assert_eq!(run(3), "[I32(1159)]");
        assert_eq!(run(4), "refused");
        assert_eq!(run(5), "a host function panicked: a defect of the host");
        assert_eq!(run(6), "[I32(11699)]");
        assert_eq!(run(0), "[I32(105)]");
        let direct = world.call(instance, "run", &[Val::I32(0), Val::I32(1)]).expect("it returns");
        assert_eq!(direct, [Val::I32(102)]);
    });
}

#[test]
fn gas_is_counted_through_all_calls() {
    let mut world = World::new(true);
    let host = world.store.typed_host_func(|caller, amount: i64| {
        caller.charge(amount.cast_unsigned())?;
        Ok(caller.gas().map_or(-1, u64::cast_signed))
    });
    world.linker.define("host", "charge", Extern::Func(host));
    let instance = world.add(
        "m",
        r#"(module (import "host" "charge" (func $charge (param i64) (result i64)))
        (func (export "charge") (param i64) (result i64) (call $charge (local.get 0)))
        (func (export "loop") (loop br 0)))"#,
    );
    let func = world.func(instance, "charge");
    let gas = 1_000_000;
    let CallOutcome { results, gas_left } =
        world.store.call(func, &[Val::I64(1000)], Some(gas)).expect("it can pay");
    let Val::I64(seen) = results[0] else { panic!("another type") };
    assert!(gas_left <= seen.cast_unsigned() && gas_left < gas - 1000, "{gas_left}, {seen}");
    let used = gas - gas_left;
    let exact = world.store.call(func, &[Val::I64(1000)], Some(used)).expect("it can just pay");
    assert_eq!(exact.gas_left, 0);
    let trap = world.store.call(func, &[Val::I64(1000)], Some(used - 1)).expect_err("it cannot pay");
    assert_eq!(trap.cause, Cause::Program(ExitCode::OutOfGas));
    let endless = world.func(instance, "loop");
    let trap = world.store.call(endless, &[], Some(gas)).expect_err("it ends");
    assert_eq!(trap.cause, Cause::Program(ExitCode::OutOfGas));
    let typed = world.store.typed::<i64, i64>(func).expect("its types");
    let (_, left) = typed.call(&mut world.store, 1000, gas).expect("it can pay");
    assert_eq!(left, gas_left);
}

#[test]
fn code_that_counts_gas_does_not_mix_with_code_that_does_not() {
    let mut world = World::new(true);
    world.add("m", "(module)");
    world.metered = false;
    assert_eq!(world.try_add("n", "(module)"), Err(InstantiateError::Convention));
}

#[test]
fn recursion_ends_at_the_same_depth_on_every_stack() {
    let run = |metered| {
        let mut world = World::new(metered);
        let instance = world.add(
            "m",
            r#"(module (global $n (export "n") (mut i32) (i32.const 0))
            (func $f (export "f") (param i64 i64) (result i64) (local v128 f64)
              (global.set $n (i32.add (global.get $n) (i32.const 1)))
              (i64.add (call $f (local.get 1) (local.get 0)) (i64.const 1))))"#,
        );
        let trap = world.trap(instance, "f", &[Val::I64(1), Val::I64(2)]);
        assert_eq!(trap.message(), "call stack exhausted");
        assert_eq!(trap.place.expect("a place").name.as_deref(), Some("f"));
        let Some(Extern::Global(n)) = world.store.export(instance, "n") else { panic!("no global") };
        world.store.global(n)
    };
    let here = run(true);
    assert!(matches!(here, Val::I32(1000..)), "{here:?}");
    assert_eq!(run(false), here);
    for bytes in [128 << 10, 64 << 20] {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn(move || run(true));
        assert_eq!(thread.expect("a thread").join().expect("no panic"), here);
    }
}

#[test]
fn start_functions_and_external_references() {
    both(|mut world| {
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&seen);
        let host = world.store.typed_host_func(move |_, (number, reference): (i32, ExternRef)| {
            sink.lock().expect("no panic").push((number, reference));
            Ok(())
        });
        world.linker.define("host", "see", Extern::Func(host));
        let text = |tail: &str| {
            format!(
                r#"(module
            (import "host" "see" (func $see (param i32 externref)))
            (func $start (call $see (i32.const 4) (ref.null extern)) {tail})
            (start $start))"#
            )
        };
        world.add("m", &text(""));
        let Err(InstantiateError::Trap(trap)) = world.try_add("n", &text("unreachable")) else {
            panic!("no trap")
        };
        assert_eq!(trap.message(), "unreachable");
        assert_eq!(*seen.lock().expect("no panic"), [(4, ExternRef(None)); 2]);
    });
}
