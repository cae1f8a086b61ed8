//! Modules that are made of counted loops: random modules hold few whose turns can be counted, and the compiler does most about those.
//!
//! Each function runs some loops of one block, one after the other or inside an outer one, over a memory of one page that may have grown.
//! Counters begin, step and end at numbers that meet, miss or wrap; addresses are sums of counters and parameters or come
//! from memory, and are inside, at the edge, or outside.

use fastrand::Rng;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, InstructionSink, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// Where locals are: parameters first.
mod local {
    pub const A: u32 = 0;
    pub const B: u32 = 1;
    pub const BOUND: u32 = 2;
    pub const X: u32 = 3;
    pub const COUNTER: u32 = 4;
    pub const SECOND: u32 = 5;
    pub const END: u32 = 6;
    pub const OUTER: u32 = 7;
    pub const SUM: u32 = 8;
    pub const FLOAT: u32 = 9;
}

/// What counters add.
const STEPS: [i32; 14] = [1, -1, 2, 4, 8, -8, 12, 3, 16, -4, -5, 65_536, i32::MIN, 0x4000_0000];

/// Where counters begin.
const STARTS: [i32; 8] = [0, 8, 64, 1_000, 65_536 - 128, 65_536, -16, i32::MAX - 40];

/// Displacements of accesses.
const OFFSETS: [u64; 8] = [0, 0, 0, 8, 4, 24, 65_400, u32::MAX as u64];

/// A module.
pub fn module(rng: &mut Rng) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32, ValType::I32, ValType::F64], [ValType::I64]);
    let (mut functions, mut exports, mut code) =
        (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    for number in 0..1 + rng.u32(..3) {
        functions.function(0);
        exports.export(&format!("f{number}"), ExportKind::Func, number);
        code.function(&function(rng));
    }
    let mut memories = MemorySection::new();
    let (minimum, maximum) = (1, Some(3));
    memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    exports.export("memory", ExportKind::Memory, 0);
    // What counts is written into the copy as more globals, behind the module's own.
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I64, mutable: false, shared: false };
    globals.global(ty, &ConstExpr::i64_const(0));
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&globals);
    module.section(&exports).section(&code);
    module.finish()
}

fn function(rng: &mut Rng) -> Function {
    let mut function = Function::new([(4, ValType::I32), (1, ValType::I64), (1, ValType::F64)]);
    let mut to = function.instructions();
    to.local_get(local::X).local_set(local::FLOAT);
    if rng.u8(..4) == 0 {
        to.local_get(local::A).i32_const(1).i32_and().memory_grow(0).drop();
    }
    for _ in 0..1 + rng.u8(..3) {
        if rng.u8(..3) == 0 {
            to.i32_const(1 + rng.i32(..4)).local_set(local::OUTER).loop_(BlockType::Empty);
            counted(rng, &mut to);
            to.local_get(local::OUTER).i32_const(1).i32_sub().local_tee(local::OUTER).br_if(0).end();
        } else {
            counted(rng, &mut to);
        }
    }
    to.local_get(local::FLOAT).i64_reinterpret_f64().local_get(local::SUM).i64_xor().end();
    function
}

/// A loop with its counters.
fn counted(rng: &mut Rng, to: &mut InstructionSink<'_>) {
    let usual = if rng.bool() { 5 } else { STEPS.len() };
    let step = STEPS[rng.usize(..usual)];
    number(rng, to);
    to.local_tee(local::COUNTER);
    match rng.u8(..4) {
        0 => to.drop().local_get(local::BOUND),
        1 => to.local_get(local::BOUND).i32_const(63).i32_and().i32_const(step).i32_mul().i32_add(),
        _ => to.i32_const(step.wrapping_mul(rng.i32(..40))).i32_add(),
    };
    to.local_set(local::END);
    number(rng, to);
    to.local_set(local::SECOND).loop_(BlockType::Empty);
    for _ in 0..1 + rng.u8(..4) {
        statement(rng, to);
    }
    to.local_get(local::SECOND).i32_const(STEPS[rng.usize(..9)]).i32_add().local_set(local::SECOND);
    turn(rng, to, step);
    to.br_if(0).end();
}

/// Pushes a number at which something may begin.
fn number(rng: &mut Rng, to: &mut InstructionSink<'_>) {
    match rng.u8(..5) {
        0 => to.local_get(local::A).i32_const(0xfff8).i32_and(),
        1 => to.local_get(local::B),
        _ => to.i32_const(STARTS[rng.usize(..STARTS.len())]),
    };
}

/// Steps the counter and pushes whether the loop goes on.
fn turn(rng: &mut Rng, to: &mut InstructionSink<'_>, step: i32) {
    let looks_before = rng.u8(..4) == 0;
    if looks_before {
        to.local_get(local::COUNTER);
    }
    to.local_get(local::COUNTER).i32_const(step).i32_add().local_set(local::COUNTER);
    if !looks_before {
        to.local_get(local::COUNTER);
    }
    to.local_get(local::END);
    match rng.u8(..6) {
        0 => to.i32_sub(),
        1 => to.i32_eq().i32_eqz(),
        2 => to.i32_lt_s(),
        _ => to.i32_ne(),
    };
}

/// Pushes an address.
fn address(rng: &mut Rng, to: &mut InstructionSink<'_>) {
    match rng.u8(..8) {
        0 => to.local_get(local::A).i32_const(0x7ff).i32_and().local_get(local::COUNTER).i32_add(),
        1 => to.local_get(local::COUNTER).i32_const(1 + rng.i32(..9)).i32_mul().i32_const(16).i32_add(),
        2 => to.local_get(local::SECOND).i32_const(3).i32_shl().local_get(local::COUNTER).i32_sub(),
        3 => to.local_get(local::SUM).i32_wrap_i64().i32_const(0xff).i32_and(),
        4 => to.i32_const(STARTS[rng.usize(..5)]),
        5 | 6 => to.local_get(local::SECOND),
        _ => to.local_get(local::COUNTER),
    };
}

fn place(rng: &mut Rng) -> MemArg {
    MemArg { offset: OFFSETS[rng.usize(..OFFSETS.len())], align: 0, memory_index: 0 }
}

/// A load, a store, or arithmetic on what was loaded.
fn statement(rng: &mut Rng, to: &mut InstructionSink<'_>) {
    match rng.u8(..10) {
        0 | 1 => {
            to.local_get(local::SUM);
            address(rng, to);
            match rng.u8(..4) {
                0 => to.i64_load(place(rng)),
                1 => to.i64_load32_s(place(rng)),
                2 => to.i64_load16_u(place(rng)),
                _ => to.i64_load8_u(place(rng)),
            };
            to.i64_add().i64_const(0x9e37_79b9).i64_mul().local_set(local::SUM);
        }
        2 | 3 => {
            to.local_get(local::FLOAT);
            address(rng, to);
            to.f64_load(place(rng));
            match rng.u8(..4) {
                0 => to.f64_mul(),
                1 => to.f64_div(),
                2 => to.f64_min(),
                _ => to.f64_add(),
            };
            to.local_set(local::FLOAT);
        }
        4..=6 => {
            address(rng, to);
            to.local_get(local::SUM).local_get(local::COUNTER).i64_extend_i32_s().i64_xor();
            match rng.u8(..3) {
                0 => to.i64_store(place(rng)),
                1 => to.i64_store32(place(rng)),
                _ => to.i64_store8(place(rng)),
            };
        }
        7 | 8 => {
            address(rng, to);
            to.local_get(local::FLOAT).local_get(local::X).f64_sub().f64_store(place(rng));
        }
        _ => {
            to.local_get(local::SUM).local_get(local::SECOND).i32_const(0x1f).i32_and();
            to.i64_extend_i32_u().i64_div_u().local_set(local::SUM);
        }
    }
}
