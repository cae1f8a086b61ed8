//! IR that runs the functions of an instance: the executable semantics in the place of machine code.

use std::collections::HashMap;

use evmc_abi::{ExitCode, Field, HostFn, RuntimeFn, wasm::EntryKind};
use evmc_ir::{
    Func, Module, Sig,
    interp::{Completion, Fault, Host, InstanceHost, Interpreter, Trap},
};
use evmc_wasm::{Code, Exit, InstanceView};
use ruint::aliases::U256;

/// Native stack of a call for each unit of logical depth, in bytes. A call within an instance is no recursion of
/// the interpreter; one from an instance to another is, and every function charges some units.
const NATIVE_STACK_BYTES_PER_UNIT: u64 = 1 << 10;

/// The IR of a module, as the runtime runs it.
pub struct IrCode {
    module: Module,
    /// Functions of the WebAssembly module, by their index without the imported ones.
    functions: HashMap<u32, Func>,
}

impl IrCode {
    /// Takes the verified IR of a WebAssembly module.
    pub fn new(module: Module) -> Self {
        let entries = module.instance.iter().flat_map(|instance| &instance.entries);
        let own = entries.filter(|(id, _)| id.kind == EntryKind::Function);
        let functions = own.map(|&(id, func)| (id.number, func)).collect();
        Self { module, functions }
    }
}

impl Code for IrCode {
    fn call(
        &self,
        view: &mut InstanceView<'_>,
        function: u32,
        depth: u64,
        values: &mut Vec<u128>,
        gas: &mut u64,
    ) -> Result<(), Exit> {
        let mut args = vec![U256::from(depth)];
        args.extend(values.iter().map(|&bits| U256::from(bits)));
        let mut interpreter = Interpreter::new(&self.module);
        let host = &mut InstanceFrame { view, functions: &self.functions };
        // Where there is no such function, the module's description and its IR contradict each other.
        let func = self.functions.get(&function).copied();
        let func = func.ok_or(Exit { code: ExitCode::Unreachable, source: 0 })?;
        match interpreter.call(func, &args, host, *gas, u64::MAX) {
            Ok(Completion::Returned { results, gas: left }) => {
                *gas = left;
                values.clear();
                values.extend(results.iter().map(low_bits));
                Ok(())
            }
            Ok(Completion::Exited(outcome)) => {
                *gas = outcome.gas;
                Err(Exit { code: outcome.code, source: outcome.source })
            }
            // The interpreter's own limit, which no other engine has.
            Err(Fault::TooDeep) => Err(Exit { code: ExitCode::CallStackExhausted, source: 0 }),
            // A defect of the compiler, which the runtime reports as such.
            Err(_) => Err(Exit { code: ExitCode::Unreachable, source: 0 }),
        }
    }

    fn native_stack_bytes(&self) -> u64 {
        NATIVE_STACK_BYTES_PER_UNIT
    }
}

/// The bits of a value of WebAssembly, none of which is wider.
fn low_bits(value: &U256) -> u128 {
    let [low, high, ..] = *value.as_limbs();
    u128::from(high) << 64 | u128::from(low)
}

/// A frame of an instance as the IR's interpreter sees it.
struct InstanceFrame<'v, 'a> {
    view: &'v mut InstanceView<'a>,
    functions: &'v HashMap<u32, Func>,
}

impl Host for InstanceFrame<'_, '_> {
    /// No function of WebAssembly has host functions of the EVM.
    fn call(&mut self, _: HostFn, _: &mut [U256], _: &mut u64) -> Result<(), ExitCode> {
        Err(ExitCode::Unreachable)
    }

    /// No function of WebAssembly has memory of the EVM.
    fn memory(&self) -> &[u8] {
        &[]
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        &mut []
    }

    /// Only entry points read the frame, and the interpreter needs none.
    fn field(&self, _: Field) -> U256 {
        U256::ZERO
    }

    fn instance(&mut self) -> Option<&mut dyn InstanceHost> {
        Some(self)
    }
}

impl InstanceHost for InstanceFrame<'_, '_> {
    fn linear(&mut self, memory: u32) -> &mut [u8] {
        self.view.linear(memory)
    }

    fn global(&self, index: u32) -> U256 {
        U256::from(self.view.global_bits(index))
    }

    fn set_global(&mut self, index: u32, bits: U256) {
        self.view.set_global_bits(index, low_bits(&bits));
    }

    fn table_len(&self, table: u32) -> u64 {
        self.view.element_count(table)
    }

    fn element(&self, table: u32, index: u64) -> u64 {
        self.view.element(table, index)
    }

    fn set_element(&mut self, table: u32, index: u64, reference: u64) {
        self.view.set_element(table, index, reference);
    }

    fn imported(&self, index: u32) -> u64 {
        self.view.imported_function(index)
    }

    fn own(&self, index: u32) -> u64 {
        self.view.referenced_function(index)
    }

    fn has_signature(&self, reference: u64, signature: Sig) -> bool {
        self.view.has_type(reference, signature.as_u32())
    }

    fn local(&self, reference: u64) -> Option<Func> {
        self.functions.get(&self.view.own_function(reference)?).copied()
    }

    fn call(&mut self, reference: u64, values: &mut Vec<U256>, gas: &mut u64) -> Result<(), Trap> {
        let mut values_of = values.iter().map(low_bits);
        let depth = values_of.next().unwrap_or_default() as u64;
        let mut passed: Vec<u128> = values_of.collect();
        match self.view.call(reference, depth, &mut passed, gas) {
            Ok(()) => {
                values.clear();
                values.extend(passed.into_iter().map(U256::from));
                Ok(())
            }
            Err(Exit { code, source }) => Err(Trap { code, source }),
        }
    }

    fn slots(&mut self) -> &mut [u128] {
        self.view.slots()
    }

    fn runtime(&mut self, function: RuntimeFn, args: &mut [u64], _: &mut u64) -> Result<(), ExitCode> {
        self.view.runtime(function, args)
    }
}
