//! Recursion and loops without end: every engine ends them at the same place, seen in how often the body ran.
//!
//! The body counts in a global, which is read after the trap. Depth is counted in units and gas at the same places, so that the
//! count is the same to the last turn, whatever the machine and the code generator.

#![forbid(unsafe_code)]

use evmc::wasm::engine::Engine;
use evmc_abi::ExitCode;
use evmc_testsuite::wasm_suite;
use evmc_wasm::{Cause, Extern, Limits, Objects, Store, Val};

/// A global that counts, and the functions that do.
const MODULE: &str = r#"(module
    (global $count (export "count") (mut i64) (i64.const 0))
    (memory (export "memory") 1)
    (table 1 funcref)
    (elem (i32.const 0) $through_table)
    (func $once (global.set $count (i64.add (global.get $count) (i64.const 1))))
    (func $recursion (export "recursion") (param i32) (call $once) (call $recursion (local.get 0)))
    (func $ping (export "mutual") (param i64 f64) (result i32)
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (call $pong (local.get 1) (local.get 0)) (i32.add (i32.const 1)))
    (func $pong (param f64 i64) (result i32) (local v128 i32)
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (call $ping (local.get 1) (local.get 0)) (i32.mul (i32.const 3)))
    (func $through_table (export "through_table") (param i32)
        (call $once) (call_indirect (param i32) (local.get 0) (i32.const 0)))
    (func $grows (export "grows") (param i32)
        (call $once) (drop (memory.grow (i32.const 0))) (call $grows (local.get 0)))
    (func $tail (export "tail") (param i32) (call $once) (return_call $tail (local.get 0)))
    (func (export "loop") (param i32)
        (loop (global.set $count (i64.add (global.get $count) (i64.const 1))) (br 0)))
    (func (export "loop_that_stores") (param i32)
        (loop (call $once)
            (i64.store (i32.const 8) (global.get $count))
            (br_if 0 (i64.ne (global.get $count) (i64.const 0))))))"#;

/// How a call ended, and how often the body ran.
#[derive(Debug, PartialEq)]
struct End {
    cause: Cause,
    place: Option<(Option<u32>, u32)>,
    count: i64,
    stored: i64,
}

fn run(engine: &Engine, function: &str, gas: u64) -> End {
    let module = engine.compile(&wat::parse_str(MODULE).unwrap()).unwrap();
    let mut store = Store::new(Limits::default());
    let instance = store.instantiate(&module, &[]).unwrap();
    let func = store.exported_func(instance, function).unwrap();
    let params = store.func_type(func).params.clone();
    let arguments: Vec<Val> = params.into_iter().map(Val::zero).collect();
    let trap = store.call(func, &arguments, Some(gas)).expect_err("it has no end");
    let Some(Extern::Global(global)) = store.export(instance, "count") else { panic!("no count") };
    let Val::I64(count) = store.global(global) else { panic!("no number") };
    let Some(Extern::Memory(memory)) = store.export(instance, "memory") else { panic!("no memory") };
    let stored = i64::from_le_bytes(store.bytes(memory)[8..16].try_into().unwrap());
    let place = trap.place.map(|place| (place.function, place.offset));
    End { cause: trap.cause, place, count, stored }
}

/// Ends that are the same in every engine.
fn end(function: &str, gas: u64) -> End {
    let engines = wasm_suite::engines().unwrap();
    let mut ends = engines.iter().map(|engine| (engine.name(), run(engine, function, gas)));
    let (_, first) = ends.next().unwrap();
    for (name, other) in ends {
        assert_eq!(first, other, "{function} with {gas} gas: {name}");
    }
    first
}

#[test]
fn recursion_ends_by_depth() {
    for function in ["recursion", "mutual", "through_table", "grows"] {
        let end = end(function, 1 << 40);
        assert_eq!(end.cause, Cause::Program(ExitCode::CallStackExhausted), "{function}");
        // A call takes four units and more of the 65,536.
        assert!((2_000..=16_384).contains(&end.count), "{function}: {end:?}");
    }
}

#[test]
fn all_ends_by_gas() {
    let functions = ["recursion", "mutual", "through_table", "grows", "tail", "loop", "loop_that_stores"];
    for function in functions {
        let counts = [100, 1_000, 1_001, 1_013, 12_345].map(|gas| {
            let end = end(function, gas);
            assert_eq!(end.cause, Cause::Program(ExitCode::OutOfGas), "{function}, {gas}");
            end.count
        });
        assert!(
            counts.is_sorted() && counts[0] < counts[1] && counts[1] < counts[4],
            "{function}: {counts:?}"
        );
    }
}

#[test]
fn loops_run_as_often_as_gas_is_there() {
    let counts = [100_000, 200_000, 1_000_000].map(|gas| end("loop", gas).count);
    let turns = counts[1] - counts[0];
    assert!(turns > 1_000 && (counts[2] - counts[0] - 9 * turns).abs() <= 9, "{counts:?}");
    let end = end("loop_that_stores", 100_000);
    assert!(end.stored == end.count || end.stored == end.count - 1, "{end:?}");
}
