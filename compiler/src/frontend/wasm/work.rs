//! How much work compiling a module is.
//!
//! A unit stands for 0.1 µs of CPU time or 30 bytes of memory, whichever is more, as Cranelift takes them at the standard level for
//! code made of nothing but one thing (`bombs wasm_` measures that). Work is added up while a module is read and
//! lowered, so that too much of it ends before memory is gone; it depends on the module alone. Modules of
//! languages weigh what they take, give or take a third.
//!
//! Beside what grows with the module there is one product: the allocator of registers goes over all that is live at the start of
//! each block. It is known when the IR is ready ([`held_across`]).

use cranelift_entity::{EntityRef, SecondaryMap};
use evmc_ir::{Block, Function, InstData, Module, Opcode, Type};
use evmc_wasm_module::ModuleInfo;

use super::WasmError;

/// What is too much of it.
pub(super) const WHAT: &str = "work to compile the module";

/// A function of the module's own: prologue, checks and tables. 60 µs where it gets full effort.
pub(super) const FUNCTION: u64 = 700;
/// A signature: two functions between runtime and code, 190 µs.
pub(super) const SIGNATURE: u64 = 1_900;
/// A value of a signature: each of the two functions moves it between memory and a register.
pub(super) const SIGNATURE_VALUE: u64 = 100;
/// A block of the IR.
pub(super) const BLOCK: u64 = 45;
/// An argument of a branch, or an operand that an instruction takes.
pub(super) const ARGUMENT: u64 = 8;
/// A target of a table of branches that is not its default: 6 µs and 1.8 KB.
pub(super) const TARGET: u64 = 60;
/// A step of a constant expression, or an element of a segment: 80 bytes.
pub(super) const STEP: u64 = 3;
/// What has an entry in the description of the module: a global, an import, an export, a segment, a type. 1 µs for a type.
pub(super) const ENTRY: u64 = 12;

/// Values across starts of blocks that are as much work as one unit: 20 ns each.
const HELD_IN_A_UNIT: u64 = 5;

/// An instruction, without its arguments.
pub(super) fn instruction(data: &InstData) -> u64 {
    opcode(data.opcode) + wide(data) + 20 * data.results.len().saturating_sub(1) as u64
}

/// An operation, 1.5 µs and 350 bytes where nothing is said.
fn opcode(opcode: Opcode) -> u64 {
    match opcode {
        // Most are folded into what uses them.
        Opcode::Const => 5,
        // A branch of their own, to a block out of line that tells what and where: 10 µs and 3.3 KB.
        Opcode::ExitIf | Opcode::Exit | Opcode::GasCheck | Opcode::GasChargeDyn => 100,
        // Bounds, null and signature, an exit each.
        Opcode::FuncElement => 280,
        Opcode::TableGet | Opcode::TableSet => 120,
        // An exit, and arguments by way of memory.
        Opcode::Runtime => 120,
        Opcode::Call | Opcode::CallRef | Opcode::RetCall | Opcode::RetCallRef => 50,
        // Their places are told in the artifact.
        Opcode::LinLoad | Opcode::LinStore => 42,
        // A branch to a block out of line, where it is not proved superfluous.
        Opcode::Fcanon | Opcode::Vfcanon => 60,
        Opcode::FtoSint | Opcode::FtoUint => 30,
        _ => 15,
    }
}

/// What a type takes beyond one register. Truncations of vectors are the dearest, 7 µs and 1.7 KB each; shifts of their bytes
/// take 4.5 µs and 1.3 KB.
fn wide(data: &InstData) -> u64 {
    match data.ty {
        Some(Type::I128) => 30,
        _ if data.opcode.row().name.starts_with("v.") => 45,
        _ => 0,
    }
}

/// Work for values that are held across blocks, of a module that is ready for a backend.
///
/// # Errors
/// That is more work than the limit, in all functions up to the one that is told.
pub(crate) fn check_held(module: &Module, info: &ModuleInfo, limit: u64) -> Result<u64, WasmError> {
    let mut held = 0;
    for (function, own) in module.functions.values().zip(&info.functions) {
        held += held_across(function);
        if held / HELD_IN_A_UNIT > limit {
            let what = "work for values that are held across blocks";
            return Err(WasmError::TooLarge { offset: own.start.into(), what, limit });
        }
    }
    Ok(held / HELD_IN_A_UNIT)
}

/// Starts of blocks that values are held across, all values together, in the order of the layout. A block counts once for
/// each branch to it, and once for each exit in it.
fn held_across(function: &Function) -> u64 {
    let mut entries: SecondaryMap<Block, u64> = SecondaryMap::new();
    for &block in &function.layout {
        for (_, data) in function.block_insts(block) {
            data.targets().iter().for_each(|target| entries[target.block] += 1);
            entries[block] += u64::from(data.opcode == Opcode::ExitIf);
        }
    }
    let mut sum = 0;
    let mut starts: SecondaryMap<Block, u64> = SecondaryMap::new();
    for &block in &function.layout {
        sum += entries[block];
        starts[block] = sum;
    }
    let mut last = vec![0; function.values.len()];
    for &block in &function.layout {
        for (_, data) in function.block_insts(block) {
            let passed = data.targets().into_iter().flat_map(|target| target.args.iter());
            for &value in data.args.iter().chain(passed) {
                last[value.index()] = starts[block].max(last[value.index()]);
            }
        }
    }
    let mut held = 0;
    for &block in &function.layout {
        let params = function.blocks[block].params.iter();
        let results = function.block_insts(block).filter(|(_, data)| data.opcode != Opcode::Const);
        let results = results.flat_map(|(_, data)| data.results.iter());
        for &value in params.chain(results) {
            held += last[value.index()].saturating_sub(starts[block]);
        }
    }
    held
}
