//! What can run a function of a module: one trait, many engines.

use std::collections::HashMap;

use evmc::backend::{BackendName, HAS_LLVM};
use evmc_abi::{ExitCode, Field};
use evmc_backend::OptLevel;
use evmc_ir::interp::{self, Completion, SimpleHost};
use evmc_ir::{Func, Module};
use ruint::aliases::U256;

use super::native::Machine;

/// Account that the frame runs for.
pub const ADDRESS: u64 = 0xaaaa;
/// Account that calls it.
pub const CALLER: u64 = 0xca00;
/// Value of the call, in wei.
pub const VALUE: u64 = 7;
/// The account's bytecode; no engine runs it.
pub const CODE: [u8; 3] = [0x5b, 0x5b, 0x00];

/// Instructions that the interpreter runs before it gives up.
const FUEL: u64 = 10_000_000;

/// What a function finds when it is called.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Gas at its start.
    pub gas: u64,
    /// Calldata of the frame.
    pub calldata: Vec<u8>,
    /// Storage of the account.
    pub storage: Vec<(U256, U256)>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Gas left.
    pub gas: u64,
    /// Return or exit.
    pub end: End,
}

/// Return or exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned these results.
    Returned(Vec<U256>),
    /// It ended the frame; for a failed stretch with its number and the stack height.
    Exited(ExitCode, Option<(u32, u32)>),
}

/// Something that runs modules.
pub trait Engine {
    /// Its name, as `; engine:` names it.
    fn name(&self) -> &'static str;

    /// Calls a function of a verified module; the module's entry runs as the frame itself.
    ///
    /// # Errors
    /// The engine cannot run it, or it faults.
    fn call(&self, module: &Module, func: Func, args: &[U256], world: &World) -> Result<Ending, String>;
}

/// Every engine of this build.
pub fn engines() -> Vec<&'static dyn Engine> {
    let mut all: Vec<&'static dyn Engine> = vec![&Interpreter];
    let machines = MACHINES.iter().filter(|machine| HAS_LLVM || machine.backend != BackendName::Llvm);
    all.extend(machines.map(|machine| machine as &dyn Engine));
    all
}

/// Backends and levels.
const MACHINES: &[Machine] = &[
    Machine { name: "cranelift", backend: BackendName::Cranelift, level: OptLevel::Default },
    Machine { name: "llvm", backend: BackendName::Llvm, level: OptLevel::Default },
    Machine { name: "llvm0", backend: BackendName::Llvm, level: OptLevel::None },
];

/// The IR interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Interpreter;

impl Engine for Interpreter {
    fn name(&self) -> &'static str {
        "interpreter"
    }

    fn call(&self, module: &Module, func: Func, args: &[U256], world: &World) -> Result<Ending, String> {
        let fields = [
            (Field::Address, ADDRESS),
            (Field::Caller, CALLER),
            (Field::Callvalue, VALUE),
            (Field::CodeLen, CODE.len() as u64),
        ];
        let mut host = SimpleHost {
            calldata: world.calldata.clone(),
            storage: world.storage.iter().copied().collect(),
            fields: HashMap::from(fields.map(|(field, value)| (field, U256::from(value)))),
            ..SimpleHost::default()
        };
        let completion = interp::call(module, func, args, &mut host, world.gas, FUEL);
        Ok(match completion.map_err(|fault| fault.to_string())? {
            Completion::Returned { results, gas } => Ending { gas, end: End::Returned(results) },
            Completion::Exited(outcome) => {
                let failed = outcome.failed.map(|(stretch, height)| (stretch.as_u32(), height));
                Ending { gas: outcome.gas, end: End::Exited(outcome.code, failed) }
            }
        })
    }
}
