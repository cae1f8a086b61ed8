//! Calls in the place of functions that take other numbers of arguments, in registers and in memory: every engine, at every level.

#![forbid(unsafe_code)]

use evmc::backend::{self, BackendName, HAS_LLVM};
use evmc::wasm::Engine;
use evmc_backend::OptLevel;
use evmc_compiler::{driver::Config, frontend::wasm::WasmConfig};
use evmc_wasm::{Limits, Objects, Store, Val};

/// Three functions in turns, which take 2, 9 and 20 arguments; the one with most reads those that lie in memory.
const MODULE: &str = r#"(module
    (type $many (func (param i32 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
    (table funcref (elem $many))
    (func $few (export "run") (param i32 i64) (result i64)
        (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
        (return_call_indirect (type $many) (i32.sub (local.get 0) (i32.const 1)) (local.get 1)
            (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
            (i64.xor (local.get 1) (i64.const 8)) (i32.const 0)))
    (func $many (param i32 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
        (return_call $most (local.get 0)
            (local.get 8) (local.get 7) (local.get 6) (local.get 5) (local.get 4) (local.get 3) (local.get 2) (local.get 1)
            (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7) (f64.const 8)
            (f64.const 9) (f64.const 10) (f64.convert_i32_u (local.get 0))))
    (func $most (param i32 i64 i64 i64 i64 i64 i64 i64 i64) (param f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64) (result i64)
        (return_call $few (local.get 0)
            (i64.add (i64.mul (local.get 1) (i64.const 31))
                (i64.add (i64.sub (local.get 8) (local.get 7))
                    (i64.trunc_sat_f64_s (f64.mul (local.get 18) (local.get 19))))))))"#;

/// What the module computes.
fn expected(turns: i32, start: i64) -> i64 {
    (0..turns).rev().fold(start, |sum, left| {
        (sum ^ 8).wrapping_mul(31).wrapping_add((sum.wrapping_sub(2)).wrapping_add(10 * i64::from(left)))
    })
}

fn engines() -> impl Iterator<Item = Engine> {
    let names = [BackendName::Cranelift, BackendName::Llvm].into_iter();
    let names = names.filter(|&name| name == BackendName::Cranelift || HAS_LLVM);
    let native = names.flat_map(|name| {
        (0..=3).map(move |level| {
            let mut config = Config::default();
            config.backend.level = OptLevel::from_number(level).unwrap();
            Engine::native(backend::create(name, None).unwrap(), config, WasmConfig::default())
        })
    });
    native.chain([Engine::ir(Config::default(), WasmConfig::default())])
}

#[test]
fn arguments_arrive_and_no_stack_is_used() {
    let wasm = wat::parse_str(MODULE).unwrap();
    for engine in engines() {
        let mut store = Store::new(Limits::default());
        let module = engine.compile(&wasm).unwrap();
        let instance = store.instantiate(&module, &[]).unwrap();
        let run = store.exported_func(instance, "run").unwrap();
        for turns in [0, 1, 2, 3, 50_000] {
            let found = store.call(run, &[Val::I32(turns), Val::I64(5)], Some(1 << 40));
            assert_eq!(
                found.unwrap().results[..],
                [Val::I64(expected(turns, 5))],
                "{}, {turns} turns",
                engine.name()
            );
        }
    }
}
