//! The EVM frontend.
//!
//! * [`opcode`]: the table of operations per fork.
//! * [`decode`]: bytecode to operations and basic blocks.
//! * [`gas`]: where static gas is charged.
//! * [`cfg`]: where jumps go, and the functions that this reveals.
//! * [`lower`]: operations to IR.

pub mod cfg;
pub mod decode;
pub mod gas;
pub mod lower;
pub mod opcode;

use evmc_abi::descriptor::Counters;
use evmc_ir::{Builder, Func, Function, Module, Type};

use self::cfg::Program;
use self::decode::Code;
use self::lower::generic;
use self::lower::specialised::Plan;
use self::opcode::Fork;

/// Builds the entry function of code that is generic from its first operation on.
fn generic_entry(module: &mut Module, dispatcher: Func) -> Func {
    let mut function = Function::new("entry", &[]);
    let mut b = Builder::new(&mut function);
    let entry = b.create_block();
    b.switch_to(entry);
    let height = b.small(Type::I64, 0);
    let target = b.small(Type::I64, generic::FALL);
    b.call(dispatcher, &[height, target], &[]);
    b.unreachable();
    module.functions.push(function)
}

/// What the frontend found in a code and made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Basic blocks of the bytecode.
    pub blocks: u32,
    /// Functions compiled with their stack slots as values.
    pub specialised_functions: u32,
    /// Functions compiled with the stack in memory; 0 where nothing needs them.
    pub generic_functions: u32,
    /// Reachable jumps.
    pub jumps: u32,
    /// Reachable jumps whose destinations are found at run time.
    pub open_jumps: u32,
    /// Stretches.
    pub stretches: u32,
    /// Whether recovery was over its budget, so that no jump is known.
    pub recovery_given_up: bool,
}

impl Statistics {
    fn of(code: &Code<'_>, program: &Program) -> Self {
        Self {
            blocks: code.blocks().len() as u32,
            jumps: (program.resolved_jumps + program.dynamic_jumps) as u32,
            open_jumps: program.dynamic_jumps as u32,
            recovery_given_up: program.over_budget,
            ..Self::default()
        }
    }

    /// Whether every reachable jump is resolved.
    pub fn is_resolved(&self) -> bool {
        !self.recovery_given_up && self.open_jumps == 0
    }

    /// The part of it that an artifact holds.
    pub fn counters(&self) -> Counters {
        Counters {
            specialised_functions: self.specialised_functions,
            generic_functions: self.generic_functions,
            jumps: self.jumps,
            open_jumps: self.open_jumps,
            ..Counters::NONE
        }
    }
}

/// Bytes that the basic blocks of a code cover. A `JUMPDEST` counts as a byte whatever is around it, so
/// that code with too many of them is not decoded to find that out.
pub fn covered_bytes(bytes: &[u8], fork: Fork) -> usize {
    const JUMPDEST: u8 = 0x5b;
    let most_blocks = bytes.iter().filter(|&&byte| byte == JUMPDEST).count();
    if most_blocks > bytes.len() / 16 {
        return bytes.len();
    }
    let code = Code::decode(bytes, fork);
    code.blocks().values().map(|block| (block.end - block.start) as usize).sum()
}

/// Lowers bytecode to IR. Without `specialise`, everything is generic.
pub fn lower(bytes: &[u8], fork: Fork, specialise: bool) -> (Module, Statistics) {
    let code = Code::decode(bytes, fork);
    let program = cfg::recover(&code);
    let mut statistics = Statistics::of(&code, &program);
    let plan = if specialise { Plan::new(&code, &program) } else { None };
    let mut module = Module::default();
    let needs_generic = plan.as_ref().is_none_or(|plan| plan.needs_generic(&program));
    let dispatcher = needs_generic.then(|| generic::lower(&code, &mut module));
    statistics.generic_functions = module.functions.len() as u32;
    module.entry = match (plan, dispatcher) {
        (Some(plan), dispatcher) => {
            statistics.specialised_functions = program.functions.len() as u32;
            plan.lower(&code, &program, dispatcher, &mut module)
        }
        (None, dispatcher) => dispatcher.map(|dispatcher| generic_entry(&mut module, dispatcher)),
    };
    statistics.stretches = module.stretches.len() as u32;
    (module, statistics)
}
