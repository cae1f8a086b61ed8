//! Operators by number and name, from the decoder's own list.

use std::sync::LazyLock;

use wasmparser::Operator;

use super::profile::PROPOSALS;

/// Defines what is known of each operator.
macro_rules! operators {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        /// Operators by number.
        #[allow(clippy::enum_variant_names)]
        enum Number {
            $($op,)*
        }

        /// Proposal and name of the decoder's method, by number.
        const OPERATORS: &[(&str, &str)] = &[$((stringify!($proposal), stringify!($visit)),)*];

        /// The number of an operator; operators that the list does not know have none.
        fn number(operator: &Operator<'_>) -> Option<usize> {
            match operator {
                $(Operator::$op { .. } => Some(Number::$op as usize),)*
                _ => None,
            }
        }
    };
}

wasmparser::for_each_operator!(operators);

/// Number of operators.
pub(super) const COUNT: usize = OPERATORS.len();

/// Names in the text format, by number; empty for what no module may use.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let taken = |proposal: &str| PROPOSALS.contains(&proposal);
    OPERATORS
        .iter()
        .map(|(proposal, visit)| if taken(proposal) { text(visit) } else { String::new() })
        .collect()
});

/// What stands before the dot of a name.
const SPACES: [&str; 19] = [
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local",
    "global", "memory", "table", "ref", "data", "elem", "i31",
];

/// The name in the text format, from that of the decoder's method.
fn text(visit: &str) -> String {
    let name = visit.strip_prefix("visit_").unwrap_or(visit);
    match name.split_once('_') {
        Some((space, rest)) if SPACES.contains(&space) => format!("{space}.{rest}"),
        _ => name.to_owned(),
    }
}

/// The number of an operator, below [`COUNT`].
pub(super) fn index(operator: &Operator<'_>) -> usize {
    number(operator).unwrap_or_default()
}

/// Names in the text format, by number; those of operators that no module may use are empty.
pub(super) fn names() -> &'static [String] {
    &NAMES
}

/// The name of an operator in the text format.
pub(super) fn name(operator: &Operator<'_>) -> &'static str {
    &NAMES[index(operator)]
}

/// Whether an operator is one of vectors.
pub(super) fn is_simd(operator: &Operator<'_>) -> bool {
    OPERATORS[index(operator)].0 == "simd"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_text_format() {
        assert_eq!(name(&Operator::I32Add), "i32.add");
        assert_eq!(name(&Operator::I64Load8S { memarg: memarg() }), "i64.load8_s");
        assert_eq!(name(&Operator::I32x4Add), "i32x4.add");
        assert_eq!(name(&Operator::ReturnCall { function_index: 0 }), "return_call");
        assert_eq!(name(&Operator::DataDrop { data_index: 0 }), "data.drop");
        assert!(is_simd(&Operator::I32x4Add) && !is_simd(&Operator::I32Add));
        assert_eq!(name(&Operator::AtomicFence), "");
    }

    fn memarg() -> wasmparser::MemArg {
        wasmparser::MemArg { align: 0, max_align: 0, offset: 0, memory: 0 }
    }
}
