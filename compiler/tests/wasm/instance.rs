//! One instance of a module for the IR interpreter, with what the specification's tests import and no other instances.

use std::collections::HashMap;

use evmc_abi::{ExitCode, Field, HostFn, RuntimeFn};
use evmc_compiler::frontend::wasm::{WasmConfig, WasmError, lower};
use evmc_ir::interp::{self, Completion, Host, InstanceHost, Trap};
use evmc_ir::{Func, Module, Sig, verify};
use evmc_wasm_module::{ConstOp, Export, ImportKind, Item, ModuleInfo, SegmentMode, ValType};
use ruint::aliases::U256;

/// Bytes of a page.
const PAGE: usize = 1 << 16;
/// Most pages that a memory grows to here.
const MAX_PAGES: usize = 1 << 10;
/// Logical depth of a call from outside.
const DEPTH: u64 = 1 << 16;
/// Instructions that a call from outside may take.
const FUEL: u64 = 500_000_000;

/// Why a module has no instance.
#[derive(Debug)]
pub enum NoInstance {
    /// The frontend refused it.
    Refused(WasmError),
    /// It imports what is not there.
    Import,
    /// Something trapped.
    Trap(ExitCode),
}

struct Table {
    elements: Vec<u64>,
    max: u64,
}

struct State {
    info: ModuleInfo,
    memories: Vec<(Vec<u8>, usize)>,
    globals: Vec<U256>,
    tables: Vec<Table>,
    elements: Vec<Vec<u64>>,
    data: Vec<Vec<u8>>,
    slots: Vec<u128>,
    /// Arguments of calls of imported functions, and the gas that they saw.
    calls: Vec<(u32, Vec<U256>, u64)>,
    answers: HashMap<u32, Vec<U256>>,
}

/// An instance.
pub struct Instance {
    module: Module,
    state: State,
    /// Gas of the next call.
    pub gas: u64,
}

impl Instance {
    /// Lowers a module, verifies the IR and instantiates it.
    pub fn new(wasm: &[u8], config: &WasmConfig) -> Result<Self, NoInstance> {
        let (module, info) = lower(wasm, config).map_err(NoInstance::Refused)?;
        verify(&module).unwrap_or_else(|errors| panic!("{}", errors[0]));
        let bytes = info.to_bytes();
        assert_eq!(ModuleInfo::from_bytes(&bytes).as_ref(), Ok(&info));
        let mut state = State::new(info)?;
        state.initialise().map_err(NoInstance::Trap)?;
        let mut instance = Self { module, state, gas: i64::MAX as u64 };
        if let Some(start) = instance.state.info.start {
            instance.call_function(start, &[]).map_err(NoInstance::Trap)?;
        }
        Ok(instance)
    }

    pub fn module(&self) -> &Module {
        &self.module
    }

    pub fn module_mut(&mut self) -> &mut Module {
        &mut self.module
    }

    /// The bytes of a memory.
    pub fn memory(&self, memory: usize) -> &[u8] {
        &self.state.memories[memory].0
    }

    /// Calls of imported functions so far: index, arguments, gas.
    pub fn calls(&self) -> &[(u32, Vec<U256>, u64)] {
        &self.state.calls
    }

    /// What an imported function gives.
    pub fn answer(&mut self, import: u32, results: Vec<U256>) {
        self.state.answers.insert(import, results);
    }

    fn export(&self, name: &str) -> Option<Item> {
        self.state.info.exports.iter().find(|export| export.name == name).map(|&Export { item, .. }| item)
    }

    /// The value of an exported global.
    pub fn global(&self, name: &str) -> Option<U256> {
        match self.export(name)? {
            Item::Global(index) => Some(self.state.globals[index as usize]),
            _ => None,
        }
    }

    /// Calls an exported function.
    pub fn call(&mut self, name: &str, args: &[U256]) -> Result<Vec<U256>, ExitCode> {
        match self.export(name) {
            Some(Item::Function(index)) => self.call_function(index, args),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn call_function(&mut self, index: u32, args: &[U256]) -> Result<Vec<U256>, ExitCode> {
        let Some(own) = index.checked_sub(self.state.info.shape().imported_functions) else {
            return self.call_import(index, args);
        };
        let args: Vec<_> = [U256::from(DEPTH)].iter().chain(args).copied().collect();
        let func = Func::from_u32(own);
        match interp::call(&self.module, func, &args, &mut self.state, self.gas, FUEL).unwrap() {
            Completion::Returned { results, gas } => {
                self.gas = gas;
                Ok(results)
            }
            Completion::Exited(outcome) => Err(outcome.code),
        }
    }

    fn call_import(&mut self, index: u32, args: &[U256]) -> Result<Vec<U256>, ExitCode> {
        let mut values: Vec<_> = [U256::ZERO].iter().chain(args).copied().collect();
        InstanceHost::call(&mut self.state, 1 + u64::from(index), &mut values, &mut self.gas)
            .map_err(|trap| trap.code)?;
        Ok(values)
    }
}

impl State {
    fn new(info: ModuleInfo) -> Result<Self, NoInstance> {
        let mut state = Self {
            info,
            memories: Vec::new(),
            globals: Vec::new(),
            tables: Vec::new(),
            elements: Vec::new(),
            data: Vec::new(),
            slots: vec![0; 64],
            calls: Vec::new(),
            answers: HashMap::new(),
        };
        for import in state.info.imports.clone() {
            state.import(&import.module, import.kind)?;
        }
        for memory in &state.info.memories {
            let max = memory.max.map_or(MAX_PAGES, |max| max as usize).min(MAX_PAGES);
            state.memories.push((vec![0; memory.min as usize * PAGE], max));
        }
        for table in state.info.tables.clone() {
            let init = table.init.map_or(0, |init| state.evaluate(&init).as_limbs()[0]);
            let max = table.ty.max.unwrap_or(u32::MAX.into());
            state.tables.push(Table { elements: vec![init; table.ty.min as usize], max });
        }
        for global in state.info.globals.clone() {
            let value = state.evaluate(&global.init);
            state.globals.push(value);
        }
        Ok(state)
    }

    fn import(&mut self, module: &str, kind: ImportKind) -> Result<(), NoInstance> {
        if module != "spectest" && module != "host" {
            return Err(NoInstance::Import);
        }
        match kind {
            ImportKind::Function(_) => {}
            ImportKind::Table(_) => self.tables.push(Table { elements: vec![0; 10], max: 20 }),
            ImportKind::Memory(_) => self.memories.push((vec![0; PAGE], 2)),
            ImportKind::Global(ty) => self.globals.push(match ty.value {
                ValType::F32 => U256::from(666.6f32.to_bits()),
                ValType::F64 => U256::from(666.6f64.to_bits()),
                _ => U256::from(666),
            }),
        }
        Ok(())
    }

    fn evaluate(&self, steps: &[ConstOp]) -> U256 {
        let mut stack: Vec<U256> = Vec::new();
        for step in steps {
            let value = match *step {
                ConstOp::Const(_, bits) => U256::from(bits),
                ConstOp::GlobalGet(index) => self.globals[index as usize],
                ConstOp::RefFunc(index) => U256::from(1 + index),
                binary => {
                    let (b, a) = (stack.pop().unwrap().as_limbs()[0], stack.pop().unwrap().as_limbs()[0]);
                    U256::from(match binary {
                        ConstOp::I32Add => u64::from((a as u32).wrapping_add(b as u32)),
                        ConstOp::I32Sub => u64::from((a as u32).wrapping_sub(b as u32)),
                        ConstOp::I32Mul => u64::from((a as u32).wrapping_mul(b as u32)),
                        ConstOp::I64Add => a.wrapping_add(b),
                        ConstOp::I64Sub => a.wrapping_sub(b),
                        _ => a.wrapping_mul(b),
                    })
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap()
    }

    fn initialise(&mut self) -> Result<(), ExitCode> {
        let elements = self.info.elements.clone();
        for element in &elements {
            let items = element.items.iter().map(|item| self.evaluate(item).as_limbs()[0]).collect();
            self.elements.push(items);
        }
        self.data = self.info.data.iter().map(|data| data.bytes.clone()).collect();
        for (number, element) in elements.iter().enumerate() {
            if let SegmentMode::Active(table, offset) = &element.mode {
                let offset = self.evaluate(offset).as_limbs()[0];
                self.table_init(*table, number, offset, 0, element.items.len() as u64)?;
            }
            if element.mode != SegmentMode::Passive {
                self.elements[number].clear();
            }
        }
        for (number, data) in self.info.data.clone().iter().enumerate() {
            if let SegmentMode::Active(memory, offset) = &data.mode {
                let offset = self.evaluate(offset).as_limbs()[0];
                self.memory_init(*memory, number, offset, 0, data.bytes.len() as u64)?;
                self.data[number].clear();
            }
        }
        Ok(())
    }

    fn table_init(&mut self, table: u32, segment: usize, to: u64, from: u64, n: u64) -> Result<(), ExitCode> {
        let items = part(&self.elements[segment], from, n).ok_or(ExitCode::TableOutOfBounds)?.to_vec();
        let place = part_mut(&mut self.tables[table as usize].elements, to, n);
        place.ok_or(ExitCode::TableOutOfBounds)?.copy_from_slice(&items);
        Ok(())
    }

    fn memory_init(
        &mut self,
        memory: u32,
        segment: usize,
        to: u64,
        from: u64,
        n: u64,
    ) -> Result<(), ExitCode> {
        let bytes = part(&self.data[segment], from, n).ok_or(ExitCode::MemoryOutOfBounds)?;
        let place = part_mut(&mut self.memories[memory as usize].0, to, n);
        place.ok_or(ExitCode::MemoryOutOfBounds)?.copy_from_slice(bytes);
        Ok(())
    }

    fn memory_grow(&mut self, memory: u64, pages: u64) -> u64 {
        let (bytes, max) = &mut self.memories[memory as usize];
        let before = bytes.len() / PAGE;
        let after = before as u64 + pages;
        if after > *max as u64 {
            return u64::MAX;
        }
        bytes.resize(after as usize * PAGE, 0);
        before as u64
    }

    fn table_grow(&mut self, table: u64, reference: u64, count: u64) -> u64 {
        let table = &mut self.tables[table as usize];
        let before = table.elements.len() as u64;
        if before + count > table.max.min(1 << 20) {
            return u64::MAX;
        }
        table.elements.resize((before + count) as usize, reference);
        before
    }
}

fn part<T>(all: &[T], start: u64, count: u64) -> Option<&[T]> {
    all.get(start as usize..start.checked_add(count)? as usize)
}

fn part_mut<T>(all: &mut [T], start: u64, count: u64) -> Option<&mut [T]> {
    all.get_mut(start as usize..start.checked_add(count)? as usize)
}

impl Host for State {
    fn call(&mut self, _: HostFn, _: &mut [U256], _: &mut u64) -> Result<(), ExitCode> {
        Err(ExitCode::Host)
    }

    fn memory(&self) -> &[u8] {
        &[]
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        &mut []
    }

    fn field(&self, _: Field) -> U256 {
        U256::ZERO
    }

    fn instance(&mut self) -> Option<&mut dyn InstanceHost> {
        Some(self)
    }
}

impl InstanceHost for State {
    fn linear(&mut self, memory: u32) -> &mut [u8] {
        &mut self.memories[memory as usize].0
    }

    fn global(&self, index: u32) -> U256 {
        self.globals[index as usize]
    }

    fn set_global(&mut self, index: u32, bits: U256) {
        self.globals[index as usize] = bits;
    }

    fn table_len(&self, table: u32) -> u64 {
        self.tables[table as usize].elements.len() as u64
    }

    fn element(&self, table: u32, index: u64) -> u64 {
        self.tables[table as usize].elements[index as usize]
    }

    fn set_element(&mut self, table: u32, index: u64, reference: u64) {
        self.tables[table as usize].elements[index as usize] = reference;
    }

    fn imported(&self, index: u32) -> u64 {
        1 + u64::from(index)
    }

    fn own(&self, index: u32) -> u64 {
        1 + u64::from(self.info.shape().imported_functions + self.info.referenced[index as usize])
    }

    fn has_signature(&self, reference: u64, signature: Sig) -> bool {
        self.info.signature(reference as u32 - 1) == Some(signature.as_u32())
    }

    fn local(&self, reference: u64) -> Option<Func> {
        let index = reference as u32 - 1;
        index.checked_sub(self.info.shape().imported_functions).map(Func::from_u32)
    }

    fn call(&mut self, reference: u64, values: &mut Vec<U256>, gas: &mut u64) -> Result<(), Trap> {
        let import = reference as u32 - 1;
        let signature = self.info.signature(import).unwrap();
        let results = self.info.types[signature as usize].results.len();
        self.calls.push((import, values[1..].to_vec(), *gas));
        *values = self.answers.get(&import).cloned().unwrap_or_else(|| vec![U256::ZERO; results]);
        Ok(())
    }

    fn slots(&mut self) -> &mut [u128] {
        &mut self.slots
    }

    fn runtime(&mut self, function: RuntimeFn, args: &mut [u64], _: &mut u64) -> Result<(), ExitCode> {
        match (function, &*args) {
            (RuntimeFn::MemoryGrow, &[memory, pages]) => args[0] = self.memory_grow(memory, pages),
            (RuntimeFn::MemoryFill, &[memory, to, byte, n]) => {
                let place = part_mut(&mut self.memories[memory as usize].0, to, n);
                place.ok_or(ExitCode::MemoryOutOfBounds)?.fill(byte as u8);
            }
            (RuntimeFn::MemoryCopy, &[to_memory, from_memory, to, from, n]) => {
                let bytes = part(&self.memories[from_memory as usize].0, from, n);
                let bytes = bytes.ok_or(ExitCode::MemoryOutOfBounds)?.to_vec();
                let place = part_mut(&mut self.memories[to_memory as usize].0, to, n);
                place.ok_or(ExitCode::MemoryOutOfBounds)?.copy_from_slice(&bytes);
            }
            (RuntimeFn::MemoryInit, &[memory, segment, to, from, n]) => {
                self.memory_init(memory as u32, segment as usize, to, from, n)?;
            }
            (RuntimeFn::DataDrop, &[segment]) => self.data[segment as usize].clear(),
            (RuntimeFn::TableGrow, &[table, reference, count]) => {
                args[0] = self.table_grow(table, reference, count);
            }
            (RuntimeFn::TableFill, &[table, index, reference, count]) => {
                let place = part_mut(&mut self.tables[table as usize].elements, index, count);
                place.ok_or(ExitCode::TableOutOfBounds)?.fill(reference);
            }
            (RuntimeFn::TableCopy, &[to_table, from_table, to, from, n]) => {
                let items = part(&self.tables[from_table as usize].elements, from, n);
                let items = items.ok_or(ExitCode::TableOutOfBounds)?.to_vec();
                let place = part_mut(&mut self.tables[to_table as usize].elements, to, n);
                place.ok_or(ExitCode::TableOutOfBounds)?.copy_from_slice(&items);
            }
            (RuntimeFn::TableInit, &[table, segment, to, from, n]) => {
                self.table_init(table as u32, segment as usize, to, from, n)?;
            }
            (RuntimeFn::ElemDrop, &[segment]) => self.elements[segment as usize].clear(),
            _ => return Err(ExitCode::Host),
        }
        Ok(())
    }
}
