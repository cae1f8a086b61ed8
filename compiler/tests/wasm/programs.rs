//! Small programs, each about one thing.

use evmc_abi::ExitCode;
use evmc_compiler::frontend::wasm::{CostTable, WasmConfig, WasmError, lower};
use evmc_ir::{Opcode, text};
use ruint::aliases::U256;

use crate::instance::{Instance, NoInstance};

fn instance(wat: &str) -> Instance {
    instance_with(wat, &WasmConfig::default())
}

fn instance_with(wat: &str, config: &WasmConfig) -> Instance {
    let wasm = wat::parse_str(wat).unwrap();
    Instance::new(&wasm, config).unwrap_or_else(|why| panic!("{why:?}"))
}

fn numbers(values: &[u64]) -> Vec<U256> {
    values.iter().map(|&value| U256::from(value)).collect()
}

/// A module of one function `f`.
fn function(body: &str) -> Instance {
    instance(&format!("(module (memory 1) (func (export \"f\") {body}))"))
}

fn gives(body: &str, args: &[u64], results: &[u64]) {
    assert_eq!(function(body).call("f", &numbers(args)), Ok(numbers(results)), "{body}");
}

/// Costs of 1 for everything, blocks included, so that gas is the number of operators and blocks.
fn plain_costs() -> WasmConfig {
    let text = "version = 1\nblock = 1\ndefault = 1\n[dynamic]\npage = 100\nchunk_bytes = 8\nchunk = 10\nelement = 5\n[groups]\n";
    WasmConfig { costs: CostTable::parse(text).unwrap(), ..WasmConfig::default() }
}

/// Gas that a call of `f` takes.
fn cost(wat: &str, args: &[u64]) -> u64 {
    let mut instance = instance_with(wat, &plain_costs());
    instance.gas = 1_000_000;
    instance.call("f", &numbers(args)).unwrap();
    1_000_000 - instance.gas
}

#[test]
fn locals_meet_where_arms_do() {
    let body = "(param i32) (result i32) (local i32)
        (if (local.get 0) (then (local.set 1 (i32.const 7))) (else (local.set 1 (i32.const 9))))
        (local.get 1)";
    gives(body, &[1], &[7]);
    gives(body, &[0], &[9]);
    let one_arm = "(param i32) (result i32) (local i32)
        (local.set 1 (i32.const 5))
        (if (local.get 0) (then (local.set 1 (i32.const 7))))
        (local.get 1)";
    gives(one_arm, &[1], &[7]);
    gives(one_arm, &[0], &[5]);
}

#[test]
fn an_arm_does_not_see_the_other() {
    let body = "(param i32) (result i32) (local i32)
        (local.set 1 (i32.const 5))
        (if (result i32) (local.get 0)
            (then (local.set 1 (i32.const 7)) (i32.const 1))
            (else (i32.add (local.get 1) (local.get 1))))
        (i32.mul (local.get 1))";
    gives(body, &[1], &[7]);
    gives(body, &[0], &[50]);
}

#[test]
fn loops_carry_locals_and_operands() {
    let sum = "(param i32) (result i32) (local $sum i32)
        (loop $l
            (local.set $sum (i32.add (local.get $sum) (local.get 0)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get $sum)";
    gives(sum, &[10], &[55]);
    let operand = "(param i32) (result i32)
        (i32.const 1)
        (loop $l (param i32) (result i32)
            (i32.mul (local.get 0))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if $l (local.get 0)))";
    gives(operand, &[5], &[120]);
}

#[test]
fn a_loop_inside_a_loop_that_is_read_behind_both() {
    let body = "(param i32) (result i32) (local $i i32) (local $n i32)
        (block $done
            (loop $outer
                (local.set $i (i32.const 3))
                (loop $inner
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $done (i32.gt_u (local.get $n) (i32.const 100)))
                    (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
                (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (i32.add (local.get $n) (local.get $i))";
    gives(body, &[4], &[12]);
    gives(body, &[100], &[101 + 2]);
}

#[test]
fn branches_out_of_loops_take_the_values_of_then() {
    let body = "(param i32) (result i32) (local $last i32)
        (block $out
            (loop $l
                (local.set $last (local.get 0))
                (br_if $out (i32.eqz (i32.rem_u (local.get 0) (i32.const 7))))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br $l)))
        (local.get $last)";
    gives(body, &[15], &[21]);
}

#[test]
fn tables_of_branches_go_where_they_say() {
    let body = "(param i32) (result i32)
        (block $c (block $b (block $a
            (br_table $a $b $a $c $b (local.get 0)))
            (return (i32.const 10)))
            (return (i32.const 20)))
        (i32.const 30)";
    for (index, result) in [(0, 10), (1, 20), (2, 10), (3, 30), (4, 20), (u32::MAX.into(), 20)] {
        gives(body, &[index], &[result]);
    }
    let values = "(param i32) (result i32)
        (block (result i32) (block (result i32)
            (br_table 0 1 2 (i32.const 7) (local.get 0)))
            (i32.add (i32.const 1)))";
    for (index, result) in [(0, 8), (1, 7), (2, 7)] {
        gives(values, &[index], &[result]);
    }
}

#[test]
fn code_that_cannot_be_reached_is_nothing() {
    let body = "(param i32) (result i32)
        (block $a (br $a) (block (loop (br 0)) (br 0) (if (then) (else (br 1)))) (unreachable))
        (block $b (result i32) (return (local.get 0)) (i32.add) (if (result i32) (then (i32.const 1)) (else (i32.const 2))))";
    gives(body, &[3], &[3]);
}

#[test]
fn operators_that_trap_say_where() {
    let wat = "(module (memory 1) (func (export \"f\") (param i32 i32) (result i32)
        (i32.div_s (local.get 0) (local.get 1))))";
    let wasm = wat::parse_str(wat).unwrap();
    let (module, info) = lower(&wasm, &WasmConfig::default()).unwrap();
    let function = module.functions.values().next().unwrap();
    let exits = function.insts.iter().filter(|(_, data)| data.opcode == Opcode::ExitIf);
    let sources: Vec<_> = exits.map(|(inst, _)| function.sources[inst]).collect();
    let (div_s, at) = (0x6d, |offset: &u32| wasm[*offset as usize]);
    assert_eq!(sources.iter().map(at).collect::<Vec<_>>(), [div_s; 2]);
    assert_eq!(info.function_at(sources[0]), Some(0));
    let mut instance = instance(wat);
    assert_eq!(instance.call("f", &numbers(&[7, 0])), Err(ExitCode::IntegerDivideByZero));
    assert_eq!(instance.call("f", &numbers(&[1 << 31, u32::MAX.into()])), Err(ExitCode::IntegerOverflow));
    assert_eq!(instance.call("f", &numbers(&[7, 2])), Ok(numbers(&[3])));
}

#[test]
fn the_cost_is_that_of_the_blocks_that_run() {
    // local.get, if; i32.const, local.set, else; end of the function: and the blocks at the start, of the arm and behind it.
    let wat = "(module (func (export \"f\") (param i32)
        (if (local.get 0) (then (local.set 0 (i32.const 1))) (else (nop)))))";
    assert_eq!(cost(wat, &[1]), 2 + 3 + 1 + 3);
    // local.get, if; nop, end; end.
    assert_eq!(cost(wat, &[0]), 2 + 2 + 1 + 3);
    // Of a loop, the body each time; of what cannot be reached, nothing.
    let wat = "(module (func (export \"f\") (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))) (br 1) (nop))))";
    let turn = 1 + 5;
    assert_eq!(cost(wat, &[3]), (1 + 1) + 3 * turn + (1 + 1));
}

#[test]
fn blocks_that_always_run_together_are_paid_at_once() {
    let wat = "(module (func (export \"f\") (block (nop) (block (nop)) (loop (nop))) (nop)))";
    let instance = instance_with(wat, &plain_costs());
    let function = instance.module().functions.values().next().unwrap();
    let pays = function.insts.values().filter(|data| data.opcode == Opcode::GasPay).count();
    let checks = function.insts.values().filter(|data| data.opcode == Opcode::GasCheck).count();
    assert_eq!((pays, checks), (1, 0));
}

#[test]
fn what_depends_on_operands_is_paid_before() {
    let wat = "(module (memory 1) (func (export \"f\") (param i32)
        (memory.fill (i32.const 0) (i32.const 0) (local.get 0))))";
    let fixed = cost(wat, &[0]);
    assert_eq!(cost(wat, &[1]), fixed + 10);
    assert_eq!(cost(wat, &[8]), fixed + 10);
    assert_eq!(cost(wat, &[9]), fixed + 20);
    let mut instance = instance_with(wat, &plain_costs());
    instance.gas = 1_000;
    assert_eq!(instance.call("f", &numbers(&[60_000])), Err(ExitCode::OutOfGas));
    let grow = "(module (memory 1) (func (export \"f\") (param i32) (drop (memory.grow (local.get 0)))))";
    assert_eq!(cost(grow, &[3]), cost(grow, &[0]) + 300);
}

#[test]
fn endless_loops_and_recursion_end() {
    let mut endless = function("(loop (br 0))");
    endless.gas = 10_000;
    assert_eq!(endless.call("f", &[]), Err(ExitCode::OutOfGas));
    let mut recursive = instance("(module (func $f (export \"f\") (call $f)))");
    assert_eq!(recursive.call("f", &[]), Err(ExitCode::CallStackExhausted));
    recursive.gas = 1_000;
    assert_eq!(recursive.call("f", &[]), Err(ExitCode::OutOfGas));
    let mut tail = instance("(module (func $f (export \"f\") (return_call $f)))");
    tail.gas = 1_000_000;
    assert_eq!(tail.call("f", &[]), Err(ExitCode::OutOfGas));
}

#[test]
fn without_metering_there_is_no_gas() {
    let wat = "(module (memory 1) (func (export \"f\") (param i32) (result i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 9)) (memory.grow (i32.const 1))))";
    let mut instance = instance_with(wat, &WasmConfig { metered: false, ..WasmConfig::default() });
    let text = text::print(instance.module());
    assert!(!text.contains("gas."), "{text}");
    instance.gas = 0;
    assert_eq!(instance.call("f", &numbers(&[5])), Ok(numbers(&[1])));
}

#[test]
fn imported_functions_see_what_was_paid() {
    let wat = "(module (import \"host\" \"add\" (func $add (param i32 i64) (result i64)))
        (func (export \"f\") (result i64) (call $add (i32.const 3) (i64.const 4))))";
    let mut instance = instance_with(wat, &plain_costs());
    instance.gas = 100;
    instance.answer(0, numbers(&[77]));
    assert_eq!(instance.call("f", &[]), Ok(numbers(&[77])));
    // Two constants, the call, and the block.
    assert_eq!(instance.calls(), [(0, numbers(&[3, 4]), 96)]);
    instance.gas = 3;
    assert_eq!(instance.call("f", &[]), Err(ExitCode::OutOfGas));
    assert_eq!(instance.calls().len(), 1);
}

#[test]
fn calls_by_reference() {
    let wat = "(module (type $t (func (param i32) (result i32)))
        (import \"host\" \"h\" (func $h (param i32) (result i32)))
        (table 5 funcref) (elem (i32.const 0) $double $h $other)
        (func $double (type $t) (i32.add (local.get 0) (local.get 0)))
        (func $other)
        (func (export \"f\") (param i32) (result i32) (call_indirect (type $t) (i32.const 21) (local.get 0))))";
    let mut instance = instance(wat);
    instance.answer(0, numbers(&[5]));
    assert_eq!(instance.call("f", &numbers(&[0])), Ok(numbers(&[42])));
    assert_eq!(instance.call("f", &numbers(&[1])), Ok(numbers(&[5])));
    assert_eq!(instance.call("f", &numbers(&[2])), Err(ExitCode::IndirectCallTypeMismatch));
    assert_eq!(instance.call("f", &numbers(&[3])), Err(ExitCode::UninitializedElement));
    assert_eq!(instance.call("f", &numbers(&[5])), Err(ExitCode::UndefinedElement));
}

#[test]
fn names_are_printable_and_unique() {
    let wat = "(module (func $a) (func (@name \"a\")) (func (@name \"\u{e9} b\")) (func) (func (@name \"enter.0\")))";
    let module = instance(wat);
    let names: Vec<_> = module.module().functions.values().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["a", "a.1", "__b", "f3", "enter.0.4", "enter.0", "host.0"]);
}

#[test]
fn the_ir_of_a_function_reads_like_this() {
    let wat = "(module (func $sum (param i32) (result i32) (local i32)
        (loop $l
            (local.set 1 (i32.add (local.get 1) (local.get 0)))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1)))";
    let module = instance(wat);
    let function = module.module().functions.values().next().unwrap();
    println!("{}", text::print_function(module.module(), function));
}

#[test]
fn equal_modules_give_equal_ir() {
    let body =
        (0..200).map(|n| format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))"));
    let wasm = wat::parse_str(format!("(module {})", body.collect::<String>())).unwrap();
    let lowered = || text::print(&lower(&wasm, &WasmConfig::default()).unwrap().0);
    assert_eq!(lowered(), lowered());
}

#[test]
fn features_outside_the_profile_are_refused() {
    for wat in [
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (tag))",
        "(module (type (struct)))",
        "(module (func (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0)))))",
    ] {
        let wasm = wat::parse_str(wat).unwrap();
        let refused = Instance::new(&wasm, &WasmConfig::default()).map(|_| ());
        assert!(matches!(refused, Err(NoInstance::Refused(WasmError::Invalid { .. }))), "{wat}: {refused:?}");
    }
}
