//! What can run a function of a module: one trait, many engines.

use std::collections::HashMap;

use evmc::backend::{BackendName, HAS_LLVM};
use evmc_abi::{ExitCode, Field, HostFn};
use evmc_backend::OptLevel;
use evmc_ir::interp::{self, Completion, Host, InstanceHost, SimpleHost};
use evmc_ir::{Func, Module};
use ruint::aliases::U256;

use super::instance::Instance;
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
    /// The frame's instance, in modules of WebAssembly.
    pub instance: Option<Instance>,
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
    /// In a module of WebAssembly: it ended the frame, by the operation at this offset of the source.
    Trapped(ExitCode, u32),
}

/// Something that runs modules.
pub trait Engine {
    /// Its name, as `; engine:` names it.
    fn name(&self) -> &'static str;

    /// Whether it runs modules like this one.
    fn takes(&self, module: &Module) -> bool;

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

    fn takes(&self, _: &Module) -> bool {
        true
    }

    fn call(&self, module: &Module, func: Func, args: &[U256], world: &World) -> Result<Ending, String> {
        let fields = [
            (Field::Address, ADDRESS),
            (Field::Caller, CALLER),
            (Field::Callvalue, VALUE),
            (Field::CodeLen, CODE.len() as u64),
        ];
        let host = SimpleHost {
            calldata: world.calldata.clone(),
            storage: world.storage.iter().copied().collect(),
            fields: HashMap::from(fields.map(|(field, value)| (field, U256::from(value)))),
            ..SimpleHost::default()
        };
        let mut host = InInstance { host, instance: world.instance.clone() };
        let completion = interp::call(module, func, args, &mut host, world.gas, FUEL);
        Ok(match completion.map_err(|fault| fault.to_string())? {
            Completion::Returned { results, gas } => Ending { gas, end: End::Returned(results) },
            // A trap takes all gas.
            Completion::Exited(outcome) if module.instance.is_some() => {
                Ending { gas: 0, end: End::Trapped(outcome.code, outcome.source) }
            }
            Completion::Exited(outcome) => {
                let failed = outcome.failed.map(|(stretch, height)| (stretch.as_u32(), height));
                Ending { gas: outcome.gas, end: End::Exited(outcome.code, failed) }
            }
        })
    }
}

/// A world with an instance in it.
struct InInstance {
    host: SimpleHost,
    instance: Option<Instance>,
}

impl Host for InInstance {
    fn call(&mut self, function: HostFn, words: &mut [U256], gas: &mut u64) -> Result<(), ExitCode> {
        self.host.call(function, words, gas)
    }

    fn memory(&self) -> &[u8] {
        self.host.memory()
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.host.memory_mut()
    }

    fn field(&self, field: Field) -> U256 {
        self.host.field(field)
    }

    fn instance(&mut self) -> Option<&mut dyn InstanceHost> {
        self.instance.as_mut().map(|instance| instance as &mut dyn InstanceHost)
    }
}
