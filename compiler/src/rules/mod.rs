//! Algebraic rewrite rules, as data.
//!
//! A rule is one line of text, `LHS => RHS if CONDITION …`, in the words of the IR's own operations:
//!
//! - `x`, `y`, `z` stand for any value, `p` for any `i1`, `c`, `d` for constants; all values that
//!   an operation compares or combines have one type, and a rule holds at every type;
//! - numbers are constants of that type (`-1` is all ones), `bits` and `bytes` its width; a number that
//!   does not fit the type makes the rule not apply;
//! - on the right, and in conditions, operations on constants are evaluated;
//! - every condition must be non-zero; `(max x)`, `(min x)` and `(zeros x)` in it are what is known of
//!   `x`: an upper bound, a lower bound, a mask of bits that are zero.
//!
//! Since both sides are made of operations whose meaning is in [`evmc_ir::eval`], each rule proves
//! itself: `compiler/tests/rules.rs` compares the sides exhaustively at 8 bits and at random at wider
//! types, and by an SMT solver where one is installed.
//!
//! How to write one: the right side costs less than the left, or has a form that more rules know
//! (constants on the right, masks outside of shifts to the right). Two rules must not undo each other;
//! the pass that applies them counts its steps, so that they could not loop, but they would waste them.
//!
//! Conversions between types are in [`convert`]: their rules speak of two types, which the text cannot.

mod arithmetic;
mod bitwise;
mod compare;
pub mod convert;
mod parse;
mod shift;
pub mod term;

use std::sync::LazyLock;

use evmc_ir::Opcode;

pub use term::{Env, Query, Rule, Term};

/// The rules in text form, by topic.
pub const TABLES: [(&str, &[&str]); 4] = [
    ("arithmetic", arithmetic::RULES),
    ("bitwise", bitwise::RULES),
    ("shift", shift::RULES),
    ("compare", compare::RULES),
];

/// The rules by the operation at the root of their left side.
static BY_ROOT: LazyLock<Vec<Vec<Rule>>> = LazyLock::new(|| {
    let mut by_root = vec![Vec::new(); Opcode::ALL.len()];
    for text in TABLES.iter().flat_map(|(_, rules)| *rules) {
        let rule = parse::rule(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
        by_root[rule.root() as usize].push(rule);
    }
    by_root
});

/// The rules whose left side has `op` at its root.
pub fn rules_for(op: Opcode) -> &'static [Rule] {
    &BY_ROOT[op as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_root() {
        let rules = TABLES.iter().map(|(_, rules)| rules.len()).sum::<usize>();
        assert_eq!(Opcode::ALL.iter().map(|&op| rules_for(op).len()).sum::<usize>(), rules);
    }
}
