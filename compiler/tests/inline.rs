//! The bounds of inlining.

use std::fmt::Write;

use evmc_compiler::passes::inline;
use evmc_ir::text::parse;
use evmc_ir::verify::verify;

/// A function of `additions` instructions and a `ret`.
fn leaf(name: &str, additions: usize) -> String {
    let mut text = format!("function %{name}(i64) -> i64 {{\nblock0(v0: i64):\n");
    for number in 0..additions {
        writeln!(text, "    v{} = add.i64 v{number}, v0", number + 1).unwrap();
    }
    writeln!(text, "    ret v{additions}\n}}").unwrap();
    text
}

/// A function that calls `callee` so often.
fn caller(name: &str, callee: &str, calls: usize) -> String {
    let mut text = format!("function %{name}(i64) -> i64 {{\nblock0(v0: i64):\n");
    for number in 0..calls {
        writeln!(text, "    v{} = call %{callee}(v{number})", number + 1).unwrap();
    }
    writeln!(text, "    ret v{calls}\n}}").unwrap();
    text
}

/// Calls replaced, calls left, instructions.
fn inlined(text: &str) -> (usize, usize, usize) {
    let mut module = parse(text).unwrap();
    let replaced = inline::run(&mut module);
    verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let left = evmc_ir::text::print(&module).matches(" call ").count();
    (replaced, left, module.functions.values().map(|function| function.size()).sum())
}

#[test]
fn a_function_with_one_call_moves_whatever_its_size() {
    let text = leaf("g", 3_000) + &caller("f", "g", 1);
    assert_eq!(inlined(&text).0, 1);
}

#[test]
fn no_function_gets_too_large() {
    let text = leaf("g", 3_999) + &caller("f", "g", 1) + &caller("h", "f", 9);
    let (replaced, left, _) = inlined(&text);
    assert_eq!((replaced, left), (9, 9), "small %f is copied, large %g stays");
}

#[test]
fn copies_are_bounded_by_the_size_of_the_module() {
    let text = leaf("g", 50) + &caller("f", "g", 1_000);
    let size = 51 + 1_001;
    let (replaced, left, after) = inlined(&text);
    assert!(
        replaced > 20 && left > 900 && after <= size + 1_000 + size / 2 + 60,
        "{replaced} {left} {after}"
    );
}

#[test]
fn doubling_chains_do_not_explode() {
    let mut text = leaf("f0", 1);
    for level in 1..60 {
        text += &caller(&format!("f{level}"), &format!("f{}", level - 1), 2);
    }
    let (_, _, size) = inlined(&text);
    assert!(size < 3_000, "{size}");
}
