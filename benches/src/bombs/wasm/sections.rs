//! Many functions and signatures, large segments, and code that cannot be reached.

use wasm_encoder::ValType;

use super::parts::Parts;
use super::{WasmBomb, Within};

/// The families of this module.
pub const BOMBS: &[WasmBomb] = &[
    WasmBomb {
        name: "wasm_functions",
        what: "functions that do nothing",
        generate: functions,
        within: Within::Work(500),
        beyond: 100_000,
    },
    WasmBomb {
        name: "wasm_signatures",
        what: "functions of different signatures",
        generate: signatures,
        within: Within::Work(200),
        beyond: 10_000,
    },
    WasmBomb {
        name: "wasm_elements",
        what: "elements of a table in one segment",
        generate: |elements| {
            let mut parts = Parts::new();
            parts.function(0, |code| _ = code.local_get(0));
            parts.elements(elements);
            parts.finish()
        },
        within: Within::Work(50_000),
        beyond: 8_000_000,
    },
    WasmBomb {
        name: "wasm_data",
        what: "bytes of data in one segment",
        generate: |bytes| {
            let mut parts = Parts::new();
            parts.function(0, |code| _ = code.local_get(0));
            parts.data(bytes);
            parts.finish()
        },
        within: Within::Pieces(31 << 20),
        beyond: 36 << 20,
    },
    WasmBomb {
        name: "wasm_unreachable",
        what: "functions of additions that are never reached",
        generate: unreachable,
        within: Within::Pieces(31 << 20),
        beyond: 36 << 20,
    },
];

fn functions(count: usize) -> Vec<u8> {
    let mut parts = Parts::new();
    (0..count).for_each(|_| parts.function(0, |code| _ = code.local_get(0)));
    parts.finish()
}

/// A function for each signature: the digits of its number to the base of four types.
fn signatures(count: usize) -> Vec<u8> {
    const DIGITS: [ValType; 4] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    let mut parts = Parts::new();
    parts.function(0, |code| _ = code.local_get(0));
    for number in 0..count {
        let params: [ValType; 9] = std::array::from_fn(|digit| DIGITS[number >> (2 * digit) & 3]);
        let ty = parts.ty(&params, &[]);
        parts.function_of(ty, 0, |_| {});
    }
    parts.finish()
}

/// Functions as long as validation allows, of this many operators together.
fn unreachable(operators: usize) -> Vec<u8> {
    const LONGEST: usize = 7_000_000;
    let mut parts = Parts::new();
    for first in (0..operators).step_by(LONGEST) {
        parts.function(0, |code| {
            code.unreachable();
            (first..operators.min(first + LONGEST)).for_each(|_| _ = code.i32_add());
        });
    }
    parts.finish()
}
