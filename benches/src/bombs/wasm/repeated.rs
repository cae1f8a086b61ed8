//! One giant function that repeats a few operators.

use wasm_encoder::{BlockType, InstructionSink, ValType};

use super::parts::{Parts, word};
use super::{WasmBomb, Within};

/// Writes operators.
type Write = fn(&mut InstructionSink<'_>);

/// Modules with one function: operators at its start, in each piece, and at its end.
fn giant(pieces: usize, start: Write, piece: Write, end: Write) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.function(0, |code| {
        start(code);
        (0..pieces).for_each(|_| piece(code));
        end(code);
    });
    parts.finish()
}

/// A family per line: name, pieces far beyond the limit, description; operators at the start, in each piece, at the end.
macro_rules! giants {
    ($($name:literal, $beyond:literal, $what:literal: [$($start:tt)*] [$($piece:tt)*] [$($end:tt)*];)*) => {
        /// The families of this module.
        pub const BOMBS: &[WasmBomb] = &[$(
            WasmBomb {
                name: $name,
                what: $what,
                generate: |pieces| giant(
                    pieces,
                    |code| { code$($start)*; },
                    |code| { code$($piece)*; },
                    |code| { code$($end)*; },
                ),
                within: Within::Work($beyond / 100),
                beyond: $beyond,
            },
        )*];
    };
}

giants! {
    "wasm_adds", 1_500_000, "additions to a live value":
        [.local_get(0)] [.local_get(0).i32_add()] [.nop()];
    "wasm_signed_divisions", 300_000, "signed divisions, which can trap":
        [.local_get(0)] [.local_get(0).i32_div_s()] [.nop()];
    "wasm_wide_products", 400_000, "products of 64 bits, both halves":
        [.local_get(0).i64_extend_i32_u()] [.local_get(0).i64_extend_i32_u().i64_mul_wide_u().drop()] [.i32_wrap_i64()];
    "wasm_rotations", 1_000_000, "rotations by a live value":
        [.local_get(0)] [.local_get(0).i32_rotl()] [.nop()];
    "wasm_selects", 600_000, "selections between live values":
        [.local_get(0)] [.local_get(0).local_get(0).i32_load(word(0)).select()] [.nop()];
    "wasm_float_additions", 300_000, "additions of floats":
        [.local_get(0).f32_convert_i32_s()] [.local_get(0).f32_convert_i32_s().f32_add()] [.i32_trunc_sat_f32_s()];
    "wasm_float_minima", 300_000, "minima of floats":
        [.local_get(0).f32_convert_i32_s()] [.local_get(0).f32_convert_i32_s().f32_min()] [.i32_trunc_sat_f32_s()];
    "wasm_truncations", 200_000, "floats to integers and back, with traps":
        [.local_get(0)] [.f32_convert_i32_s().i32_trunc_f32_s()] [.nop()];
    "wasm_loads", 400_000, "each load reads where the last one said":
        [.local_get(0)] [.i32_load(word(0))] [.nop()];
    "wasm_stores", 400_000, "stores at a live place":
        [.local_get(0)] [.local_get(0).local_get(0).i32_store(word(1))] [.nop()];
    "wasm_globals", 600_000, "a global counted up":
        [.local_get(0)] [.global_get(0).local_get(0).i32_add().global_set(0)] [.nop()];
    "wasm_calls", 400_000, "calls of what the last call said":
        [.local_get(0)] [.call(0)] [.nop()];
    "wasm_calls_indirect", 100_000, "calls through the table":
        [.local_get(0)] [.local_get(0).call_indirect(0, 0)] [.nop()];
    "wasm_table_elements", 100_000, "elements of the table read and written":
        [.local_get(0)] [.local_get(0).local_get(0).table_get(0).table_set(0)] [.nop()];
    "wasm_memory_fill", 200_000, "memory.fill with live operands":
        [.local_get(0)] [.local_get(0).local_get(0).local_get(0).memory_fill(0)] [.nop()];
    "wasm_memory_grow", 200_000, "recursion in memory.grow":
        [.local_get(0)] [.memory_grow(0).call(0)] [.nop()];
    "wasm_if_else", 200_000, "if and else with a result":
        [.local_get(0)]
        [.local_set(0).local_get(0).if_(BlockType::Result(ValType::I32)).local_get(0).else_().i32_const(1).end()]
        [.nop()];
    "wasm_loops", 200_000, "one loop behind the other":
        [.local_get(0)]
        [.loop_(BlockType::Empty).local_get(0).i32_load(word(0)).local_tee(0).br_if(0).end()]
        [.nop()];
    "wasm_vector_truncations", 400_000, "vectors of floats to integers":
        [.local_get(0).i32x4_splat()] [.i32x4_trunc_sat_f32x4_s()] [.i32x4_extract_lane(0)];
    "wasm_vector_truncations_64", 400_000, "vectors of two floats to integers, one sign and the other":
        [.local_get(0).i32x4_splat()]
        [.i32x4_trunc_sat_f64x2_s_zero().i32x4_trunc_sat_f64x2_u_zero()]
        [.i32x4_extract_lane(0)];
    "wasm_vector_byte_shifts", 400_000, "shifts of vectors of bytes":
        [.local_get(0).i32x4_splat()] [.local_get(0).i8x16_shl()] [.i32x4_extract_lane(0)];
    "wasm_vector_signed_byte_shifts", 400_000, "arithmetic shifts of vectors of bytes":
        [.local_get(0).i32x4_splat()] [.local_get(0).i8x16_shr_s()] [.i32x4_extract_lane(0)];
    "wasm_vector_shuffles", 250_000, "shuffles of live vectors":
        [.local_get(0).i32x4_splat()]
        [.local_get(0).i32x4_splat().i8x16_shuffle([3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30, 1, 16])]
        [.i32x4_extract_lane(0)];
    "wasm_vector_products", 400_000, "products of 64-bit lanes":
        [.local_get(0).i32x4_splat()] [.local_get(0).i32x4_splat().i64x2_mul()] [.i32x4_extract_lane(0)];
    "wasm_vector_float_minima", 400_000, "minima of vectors of floats":
        [.local_get(0).i32x4_splat()] [.local_get(0).i32x4_splat().f32x4_min()] [.i32x4_extract_lane(0)];
    "wasm_vector_popcnt", 400_000, "bits counted in bytes":
        [.local_get(0).i32x4_splat()] [.i8x16_popcnt()] [.i32x4_extract_lane(0)];
}
