//! Programs are deterministic whatever NaNs the machine gives.
//!
//! Random programs are lowered, optimised, and then every arithmetic result that is a NaN is made one of a machine that likes
//! certain bits. Two such machines, and the interpreter on the program as it was lowered, must leave the same memory.

use evmc_backend::OptLevel;
use evmc_compiler::frontend::wasm::WasmConfig;
use evmc_compiler::passes::{gvn, merge_blocks, nan, trivial_params};
use evmc_compiler::pipeline;
use evmc_ir::{Function, Imm, Module, Opcode, Type, Value, ValueData, ValueDef, verify};
use fastrand::Rng;
use ruint::aliases::U256;
use smallvec::smallvec;

use crate::instance::Instance;

/// Programs that are tried.
const PROGRAMS: u64 = 400;

/// NaNs of machines: those of x86, and another with bits everywhere.
const MACHINES: [(u64, u64); 2] = [(0xffc0_0000, 0xfff8 << 48), (0x7fab_cdef, 0x7ff4_dead_beef_0001)];

fn is_arithmetic(opcode: Opcode) -> bool {
    use Opcode as Op;
    matches!(
        opcode,
        Op::Fadd
            | Op::Fsub
            | Op::Fmul
            | Op::Fdiv
            | Op::Fmin
            | Op::Fmax
            | Op::Fsqrt
            | Op::Fceil
            | Op::Fpromote
            | Op::Fdemote
    )
}

/// Behind each arithmetic operation: `is NaN ? of the machine : as it is`.
fn run_on(module: &mut Module, (single, double): (u64, u64)) {
    for func in module.functions.values_mut() {
        for block in func.layout.clone() {
            for inst in std::mem::take(&mut func.blocks[block].insts) {
                func.blocks[block].insts.push(inst);
                let data = func.insts[inst].clone();
                if is_arithmetic(data.opcode) {
                    let ty = data.ty.unwrap();
                    let bits = if ty == Type::F32 { single } else { double };
                    // The instruction's result becomes the selection's, and it is given a new one.
                    let raw = func.values.push(ValueData { ty, def: ValueDef::Result(inst, 0) });
                    func.insts[inst].results[0] = raw;
                    let constant = func.constants.push(U256::from(bits));
                    let other = push(func, block, Opcode::Const, ty, &[], Imm::Constant(constant), None);
                    let is_nan = push(func, block, Opcode::Fne, ty, &[raw, raw], Imm::None, None);
                    push(
                        func,
                        block,
                        Opcode::Select,
                        ty,
                        &[is_nan, other, raw],
                        Imm::None,
                        Some(data.results[0]),
                    );
                }
            }
        }
    }
}

/// Appends an instruction whose result is a value that is there, or a new one.
fn push(
    func: &mut Function,
    block: evmc_ir::Block,
    opcode: Opcode,
    ty: Type,
    args: &[Value],
    imm: Imm,
    result: Option<Value>,
) -> Value {
    let data = evmc_ir::InstData { opcode, ty: Some(ty), args: args.into(), imm, results: smallvec![] };
    let inst = func.insts.push(data);
    let def = ValueDef::Result(inst, 0);
    let result_type = if opcode == Opcode::Fne { Type::I1 } else { ty };
    let result = match result {
        Some(value) => {
            func.values[value].def = def;
            value
        }
        None => func.values.push(ValueData { ty: result_type, def }),
    };
    func.insts[inst].results.push(result);
    func.blocks[block].insts.push(inst);
    result
}

/// A random program over four locals of each format: stores, loops, conditions.
struct Program {
    rng: Rng,
    text: String,
    stores: u32,
}

impl Program {
    fn text(seed: u64) -> String {
        let mut program = Self { rng: Rng::with_seed(seed), text: String::new(), stores: 0 };
        program.statements(12, 3);
        for local in 0..4 {
            program.store("f64", &format!("(local.get {local})"));
            program.store("f32", &format!("(local.get {})", 4 + local));
        }
        let counters = "(local i32 i32 i32 i32)";
        format!(
            "(module (memory (export \"m\") 1)
                (func (export \"f\") (param f64 f64 f64 f64 f32 f32 f32 f32) {counters} {})
                (func $id (param f64) (result f64) (local.get 0)))",
            program.text
        )
    }

    fn statements(&mut self, count: usize, depth: usize) {
        for _ in 0..count {
            match self.rng.u32(..12) {
                0 if depth > 0 => self.repeated(depth),
                1 if depth > 0 => self.conditional(depth),
                2 | 3 => {
                    let value = self.double(3);
                    self.store("f64", &value);
                }
                4 => {
                    let value = self.single(3);
                    self.store("f32", &value);
                }
                n if n % 3 == 0 => {
                    let (local, value) = (4 + self.rng.u32(..4), self.single(3));
                    self.text += &format!("(local.set {local} {value})");
                }
                _ => {
                    let (local, value) = (self.rng.u32(..4), self.double(3));
                    self.text += &format!("(local.set {local} {value})");
                }
            }
        }
    }

    fn store(&mut self, ty: &str, value: &str) {
        self.stores += 1;
        self.text += &format!("({ty}.store offset={} (i32.const 0) {value})", 8 * self.stores);
    }

    fn repeated(&mut self, depth: usize) {
        let counter = 8 + depth;
        self.text += &format!("(local.set {counter} (i32.const {})) (loop ", self.rng.u32(1..4));
        self.statements(4, depth - 1);
        self.text +=
            &format!("(br_if 0 (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1)))))");
    }

    fn conditional(&mut self, depth: usize) {
        let (a, b) = (self.double(2), self.double(2));
        self.text += &format!("(if (f64.lt {a} {b}) (then ");
        self.statements(3, depth - 1);
        self.text += ") (else ";
        self.statements(3, depth - 1);
        self.text += "))";
    }

    fn double(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.u32(..5) == 0 {
            return self.leaf("f64", 0);
        }
        let a = self.double(depth - 1);
        match self.rng.u32(..10) {
            0 => format!("(f64.neg {a})"),
            1 => format!("(f64.abs {a})"),
            2 => format!("(f64.sqrt {a})"),
            3 => format!("(f64.copysign {a} {})", self.double(depth - 1)),
            4 => format!("(select {a} {} (f64.ne {a} {a}))", self.double(depth - 1)),
            5 => format!("(f64.promote_f32 {})", self.single(depth - 1)),
            6 => format!("(call $id {a})"),
            n => {
                let name = ["add", "sub", "div"][n as usize % 3];
                format!("(f64.{name} {a} {})", self.double(depth - 1))
            }
        }
    }

    fn single(&mut self, depth: usize) -> String {
        if depth == 0 || self.rng.u32(..5) == 0 {
            return self.leaf("f32", 4);
        }
        let a = self.single(depth - 1);
        match self.rng.u32(..6) {
            0 => format!("(f32.neg {a})"),
            1 => format!("(f32.ceil {a})"),
            2 => format!("(f32.demote_f64 {})", self.double(depth - 1)),
            3 => format!("(f32.reinterpret_i32 (i32.reinterpret_f32 {a}))"),
            n => {
                let name = ["min", "max"][n as usize % 2];
                format!("(f32.{name} {a} {})", self.single(depth - 1))
            }
        }
    }

    fn leaf(&mut self, ty: &str, first: u32) -> String {
        match self.rng.u32(..8) {
            0 => format!("({ty}.const nan:0x1234)"),
            1 => format!("({ty}.const 0)"),
            2 => format!("({ty}.load offset={} (i32.const 0))", 8 * (1 + self.rng.u32(..20))),
            _ => format!("(local.get {})", first + self.rng.u32(..4)),
        }
    }
}

fn arguments() -> Vec<U256> {
    let doubles =
        [f64::INFINITY.to_bits(), f64::NEG_INFINITY.to_bits(), 0xfff4_0000_0000_0777, 2f64.to_bits()];
    let singles = [f32::INFINITY.to_bits(), f32::NEG_INFINITY.to_bits(), 0xffa0_0777, 2f32.to_bits()];
    doubles.map(U256::from).into_iter().chain(singles.map(U256::from)).collect()
}

/// Memory behind the program, if it is optimised by `optimise` and run on a machine.
fn memory(wasm: &[u8], optimise: impl Fn(&mut Module), machine: Option<(u64, u64)>) -> Vec<u8> {
    let mut instance = Instance::new(wasm, &WasmConfig::default()).unwrap();
    optimise(instance.module_mut());
    if let Some(machine) = machine {
        run_on(instance.module_mut(), machine);
    }
    verify(instance.module()).unwrap_or_else(|errors| panic!("{}", errors[0]));
    instance.call("f", &arguments()).unwrap();
    instance.memory(0).to_vec()
}

fn the_pass(module: &mut Module) {
    trivial_params::run(module);
    merge_blocks::run(module);
    nan::run(module);
    gvn::run(module);
}

fn all_passes(module: &mut Module) {
    pipeline::run(module, OptLevel::Aggressive, |_, _| Ok::<_, ()>(())).unwrap();
}

#[test]
fn programs_are_deterministic() {
    let mut removed = 0;
    for seed in 0..PROGRAMS {
        let text = Program::text(seed);
        let wasm = wat::parse_str(&text).unwrap();
        let expected = memory(&wasm, |_| {}, None);
        for optimise in [the_pass, all_passes] {
            for machine in MACHINES {
                let found = memory(&wasm, optimise, Some(machine));
                assert_eq!(found, expected, "seed {seed}: {text}");
            }
        }
        let mut module = Instance::new(&wasm, &WasmConfig::default()).unwrap();
        trivial_params::run(module.module_mut());
        removed += nan::run(module.module_mut());
    }
    println!("{removed} settled later or never");
    assert!(removed > 1_000);
}
