//! Modules made to make lowering multiply: the IR stays in proportion to them, or they are refused.
//!
//! Sizes are such that anything quadratic would take minutes.

use std::time::{Duration, Instant};

use evmc_compiler::driver::{self, Config};
use evmc_compiler::frontend::wasm::{Limits, WasmConfig, WasmError, lower, weigh};
use evmc_ir::{InstData, Module, verify};

/// Most operands, results and instructions of the IR per byte of the module.
const MOST_PER_BYTE: usize = 16;

/// Longest time that one of these modules may take, with verification; each takes a second or so.
const LONGEST: Duration = Duration::from_secs(60);

fn ir_size(module: &Module) -> usize {
    let size = |data: &InstData| {
        let passed = data.targets().into_iter().map(|target| target.args.len() + 1).sum::<usize>();
        1 + data.args.len() + data.results.len() + passed
    };
    module.functions.values().flat_map(|function| function.insts.values()).map(size).sum()
}

/// Lowers a function with this text, some of which are more work than the standard limit.
fn lower_body(body: &str) -> (usize, Result<Module, WasmError>) {
    let wasm = wat::parse_str(format!("(module (func (export \"f\") {body}))")).unwrap();
    let config = limited(1 << 28);
    (wasm.len(), lower(&wasm, &config).map(|(module, _)| module))
}

fn limited(work: u64) -> WasmConfig {
    WasmConfig { limits: Limits { work, ..Limits::default() }, ..WasmConfig::default() }
}

fn check(name: &str, body: &str) {
    let start = Instant::now();
    let (bytes, module) = lower_body(body);
    let module = module.unwrap_or_else(|error| panic!("{name}: {error}"));
    let lowered = start.elapsed();
    verify(&module).unwrap_or_else(|errors| panic!("{name}: {}", errors[0]));
    let size = ir_size(&module);
    println!("{name}: {bytes} bytes, {size} items, {lowered:?}, verified after {:?}", start.elapsed());
    assert!(size <= MOST_PER_BYTE * bytes, "{name}: {size} items of {bytes} bytes");
    assert!(start.elapsed() <= LONGEST, "{name}");
}

fn repeat(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

/// Every local is written, then read.
fn write(count: usize) -> String {
    repeat(count, |local| format!("(local.set {local} (i32.const {local}))"))
}

fn read(count: usize) -> String {
    repeat(count, |local| format!("(drop (local.get {local}))"))
}

fn declare(count: usize) -> String {
    format!("(local {})", "i32 ".repeat(count))
}

#[test]
fn many_locals_in_nested_blocks() {
    let (locals, depth) = (50_000, 10_000);
    let open = "(block ".repeat(depth) + "(block (br_if 0 (i32.const 1))" + &write(locals) + ")";
    let body = declare(locals)
        + &open
        + &repeat(depth, |n| format!("(br_if {} (i32.const 1)))", n % (depth - n)))
        + &read(locals);
    check("many locals in nested blocks", &body);
}

#[test]
fn many_locals_before_nested_loops() {
    let (locals, depth) = (20_000, 10_000);
    let body = declare(locals)
        + &write(locals)
        + &"(loop ".repeat(depth)
        + &read(locals)
        + &"(br_if 0 (i32.const 1)))".repeat(depth)
        + &read(locals);
    check("many locals before nested loops", &body);
}

#[test]
fn many_branches_that_agree() {
    let body = declare(2)
        + "(block (local.set 0 (i32.const 1))"
        + &"(br_if 0 (local.get 0))".repeat(100_000)
        + ")"
        + &read(2);
    check("many branches that agree", &body);
}

#[test]
fn nested_ifs() {
    let arm = |n: usize| format!("(if (local.get {}) (then (local.set {} (i32.const 1)) ", n % 7, n % 5);
    let body = declare(7)
        + &repeat(10_000, arm)
        + &") (else (local.set 3 (i32.const 2))))".repeat(10_000)
        + &read(7);
    check("nested ifs", &body);
}

#[test]
fn tables_of_branches() {
    let table = |targets: &str| {
        format!("(block (block (block (br_table {targets} 0 (i32.const 5)) ) (drop (i32.const 1))) )")
    };
    check("one target", &table(&"2 ".repeat(1_000_000)));
    check("targets in turn", &table(&"2 1 0 ".repeat(300_000)));
    let deep = "(block ".repeat(5_000)
        + "(br_table "
        + &repeat(5_000, |n| format!("{n} "))
        + "0 (i32.const 5))"
        + &")".repeat(5_000);
    check("many targets", &deep);
}

#[test]
fn long_bodies() {
    let sum = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(500_000);
    check("long", &(declare(1) + &sum));
    let dead = "(unreachable)".to_owned() + &"(block (br 0))".repeat(500_000);
    check("unreachable", &dead);
    let deep_operands = "(i32.const 1)".repeat(500_000) + &"(drop)".repeat(500_000);
    check("deep operands", &deep_operands);
}

/// Parameters of blocks that multiply with the depth of loops cannot be avoided; they are refused.
#[test]
fn what_is_out_of_proportion_is_refused() {
    let (locals, depth) = (5_000, 5_000);
    let body = declare(locals)
        + &"(loop ".repeat(depth)
        + &read(locals)
        + &write(locals)
        + &"(br_if 0 (i32.const 1)))".repeat(depth);
    let start = Instant::now();
    assert!(matches!(lower_body(&body).1, Err(WasmError::TooLarge { .. })));
    assert!(start.elapsed() <= LONGEST);
}

/// A call that gives a thousand results takes two bytes.
#[test]
fn what_two_bytes_multiply_is_refused() {
    let types = "i32 ".repeat(1_000);
    let values = "(i32.const 1)".repeat(1_000);
    let wasm = wat::parse_str(format!(
        "(module (func $f (param {types}) (result {types}) {values})
            (func (result {types}) {values} {}))",
        "(call $f)".repeat(500_000)
    ))
    .unwrap();
    let start = Instant::now();
    assert!(matches!(lower(&wasm, &WasmConfig::default()), Err(WasmError::TooLarge { .. })));
    assert!(start.elapsed() <= LONGEST);
}

/// What is weighed, by the offset that is told: with the work that it is there is a module, with less there is none.
#[test]
fn what_is_heavy_is_refused() {
    let repeated = |piece: &str| format!("(func {})", piece.repeat(1_000));
    let modules = [
        repeated("(drop (i32.add (i32.const 1) (i32.const 2)))"),
        repeated("(drop (i32.div_s (i32.const 1) (i32.const 2)))"),
        repeated("(call 0)"),
        repeated("(block (br_if 0 (i32.const 1)))"),
        "(memory 1)".to_owned() + &repeated("(memory.fill (i32.const 1) (i32.const 2) (i32.const 3))"),
        format!("(func (block (block (br_table {} 1 (i32.const 5)))))", "0 1 ".repeat(500)),
        "(func)".repeat(1_000),
        "(global i32 (i32.const 1))".repeat(1_000),
        format!("(table 1 funcref) (func $f) (elem func {})", "$f ".repeat(1_000)),
        format!("(func (import \"a\" \"b\") (param {}))", "i64 ".repeat(1_000)),
    ];
    for text in modules {
        let wasm = wat::parse_str(format!("(module {text})")).unwrap();
        let (.., work) = weigh(&wasm, &WasmConfig::default()).unwrap_or_else(|error| panic!("{error}"));
        assert!(work > 3_000, "{work}: {}", &text[..60]);
        assert_eq!(weigh(&wasm, &limited(work)).map(|(.., work)| work).ok(), Some(work));
        let Err(WasmError::TooLarge { limit, .. }) = lower(&wasm, &limited(work - 1)) else {
            panic!("compiled: {}", &text[..60])
        };
        assert_eq!(limit, work - 1);
    }
}

/// Values that are computed before many branches and used behind them: twice as much of both is four times the work.
#[test]
fn what_is_held_across_many_blocks_is_refused() {
    let body = |count: usize| {
        let values = repeat(count, |n| format!("(i32.load offset={} (local.get 0))", 4 * n));
        let branches = repeat(count, |n| format!("(br_if 0 (i32.load offset={} (local.get 0)))", 4 * n));
        let sum = "(i32.add)".repeat(count - 1);
        format!(
            "(module (memory 1) (func (param i32) (result i32) {values} (block {branches}) {sum} return))",
        )
    };
    let compiled = |count: usize, work: u64| {
        let wasm = wat::parse_str(body(count)).unwrap();
        driver::lower_wasm(&wasm, &Config::default(), &limited(work)).map(|_| ())
    };
    assert!(compiled(300, 1 << 20).is_ok());
    let error = compiled(3_000, 1 << 20).unwrap_err().to_string();
    assert!(error.contains("held across blocks"), "{error}");
    assert!(error.starts_with("at offset 0x"), "{error}");
    assert!(compiled(3_000, 1 << 28).is_ok());
}

#[test]
fn limits_are_told() {
    let wasm = wat::parse_str("(module (func (drop (i32.const 1))))").unwrap();
    let small =
        |limits| lower(&wasm, &WasmConfig { limits, ..WasmConfig::default() }).map(|_| ()).unwrap_err();
    let bytes = small(Limits { module_bytes: 8, ..Limits::default() });
    assert_eq!(bytes.to_string(), "at offset 0x0: more bytes of a module than 8");
    let work = small(Limits { work: 4, ..Limits::default() });
    assert_eq!(work.to_string(), "at offset 0xa: more work to compile the module than 4");
}

#[test]
fn what_is_not_valid_is_refused() {
    let error = |wasm: &[u8]| lower(wasm, &WasmConfig::default()).map(|_| ()).unwrap_err();
    assert!(matches!(error(b""), WasmError::Invalid { .. }));
    assert!(matches!(error(b"\0asm\x0d\0\x01\0"), WasmError::Invalid { .. }));
    let wasm = wat::parse_str("(module (func (result i32) i64.const 1) (func i32.const 1))").unwrap();
    // The first function is at fault, however many there are.
    assert!(matches!(error(&wasm), WasmError::Invalid { offset: 0x1e, .. }), "{:?}", error(&wasm));
    let cut = |end| lower(&wasm[..end], &WasmConfig::default()).map(|_| ());
    (0..wasm.len()).for_each(|end| assert!(cut(end).is_err() || end == 8 || end <= 20, "{end}"));
}
