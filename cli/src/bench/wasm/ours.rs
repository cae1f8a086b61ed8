//! Our own code: a generator, metered or not.

use std::hint::black_box;

use evmc_compiler::frontend::wasm::WasmConfig;
use evmc_wasm::{Extern, Func, InstanceId, Limits, Module, Objects, Val};

use super::{Answer, Call, Engine, Making, compile, hash, refused};
use crate::{
    backend::{self, BackendName},
    bench::{
        entrant::{Batch, Lane, Loaded, Problem},
        measure::Ready,
        report::{Compilation, EngineInfo},
    },
    build::Emit,
    cpu_time,
    wasm::{self, Machine, MachineError, Results, value::Shown},
};

/// A generator in one of its settings.
pub struct Ours {
    info: EngineInfo,
    backend: BackendName,
    is_metered: bool,
    making: Making,
}

impl Ours {
    /// Code by a generator.
    pub const fn new(info: EngineInfo, backend: BackendName, is_metered: bool, making: Making) -> Self {
        Self { info, backend, is_metered, making }
    }

    /// What compiles.
    fn compiler(&self) -> Result<wasm::Engine, Problem> {
        let backend = match self.backend {
            BackendName::Llvm => self.making.llvm.create(),
            name => backend::create(name, None),
        };
        let settings = WasmConfig { metered: self.is_metered, ..WasmConfig::default() };
        Ok(wasm::Engine::native(backend.map_err(refused)?, self.making.config.clone(), settings))
    }
}

impl Engine for Ours {
    fn info(&self) -> EngineInfo {
        self.info.clone()
    }

    fn load(&self, call: &Call) -> Result<Ready<'static, Answer>, Problem> {
        let compiler = self.compiler()?;
        let (artifact, cpu_ns) = compile(|| compiler.emit(&call.module, Emit::So).map_err(refused))?;
        let module = Module::from_artifact(&artifact).map_err(refused)?;
        let mut machine = Machine::new(Limits::default(), call.gas);
        let instance = machine.instantiate(&module).map_err(problem)?;
        let function = machine.function(instance, &call.function).map_err(problem)?;
        let arguments = call.arguments.clone();
        let mut lane = OurLane { machine, function, arguments, is_metered: self.is_metered };
        let first = lane.call()?;
        let memory = Some(memories(&mut lane.machine, instance, &call.memories));
        let answer = Answer { memory, ..lane.answer(&first) };
        let artifact_bytes = Some(artifact.len() as u64);
        let compilation = Some(Compilation { cpu_ns, codes: Some(1), artifact_bytes });
        Ok(Ready { loaded: Loaded { answer, compilation, frames_interpreted: 0 }, lane: Box::new(lane) })
    }
}

/// An instance and its function.
struct OurLane {
    machine: Machine,
    function: Func,
    arguments: Vec<Val>,
    is_metered: bool,
}

impl OurLane {
    fn call(&mut self) -> Result<Results, Problem> {
        self.machine.call(self.function, black_box(&self.arguments)).map_err(problem)
    }

    fn answer(&self, results: &Results) -> Answer {
        Answer {
            results: results.values.iter().map(|&value| Shown(value).to_string()).collect(),
            gas_used: self.is_metered.then_some(results.gas_used),
            memory: None,
        }
    }
}

impl Lane<Answer> for OurLane {
    fn run(&mut self, count: u32) -> Result<Batch<Answer>, Problem> {
        let (last, cpu) = cpu_time::measure(|| {
            for _ in 1..count {
                drop(black_box(self.call()?));
            }
            self.call()
        });
        // Gas may differ from call to call, as the state does that they work on; only first calls are compared.
        Ok(Batch { cpu, answer: Answer { gas_used: None, ..self.answer(&last?) } })
    }
}

/// The hash of the memories of an instance.
fn memories(machine: &mut Machine, instance: InstanceId, names: &[String]) -> [u8; 32] {
    let store = machine.store();
    let memory = |name: &String| match store.export(instance, name) {
        Some(Extern::Memory(memory)) => Some(store.bytes(memory)),
        _ => None,
    };
    hash(names.iter().filter_map(memory))
}

/// Why a call or an instance is not there.
fn problem(error: MachineError) -> Problem {
    match error {
        MachineError::Trap(trap) => Problem::Refused(format!("trap: {trap}")),
        other => refused(other),
    }
}
