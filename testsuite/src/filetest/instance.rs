//! An instance of WebAssembly in memory, for modules in files: what the interpreter asks it, and what `; …:` lines say of it.
//!
//! References are numbers: 1 and up for functions of the module, [`IMPORTED`] and up for imported ones, 0 for null.
//! An imported function gives back its arguments, for 10 gas; the host function of a frame does the same, in the slots.

use evmc_abi::wasm::{MAX_SLOTS, PAGE_BYTES};
use evmc_abi::{ExitCode, InstanceShape, RuntimeFn};
use evmc_ir::interp::{InstanceHost, Trap};
use evmc_ir::{Func, Module, Sig};
use ruint::aliases::U256;

use super::TestFile;

/// The reference to the first imported function.
const IMPORTED: u64 = 1 << 32;

/// What imported functions cost, in gas.
const IMPORT_GAS: u64 = 10;

/// Most pages of a memory.
const MOST_PAGES: u64 = 4;

/// Most elements of a table.
const MAX_ELEMENTS: u64 = 1 << 10;

/// An instance.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    memories: Vec<Vec<u8>>,
    tables: Vec<Vec<u64>>,
    globals: Vec<U256>,
    referenced: Vec<u64>,
    data: Vec<Vec<u8>>,
    slots: Vec<u128>,
    /// Functions of each signature, for the check of indirect calls.
    of_signature: Vec<Vec<Func>>,
}

impl Instance {
    /// An instance of a module as a file describes it: memories have one page, tables are empty, globals 0.
    ///
    /// # Errors
    /// A line is not understood, with its number.
    pub fn new(module: &Module, file: &TestFile) -> Result<Self, usize> {
        let shape = module.instance.as_ref().map_or(InstanceShape::default(), |instance| instance.shape);
        let mut instance = Self {
            memories: vec![vec![0; PAGE_BYTES as usize]; shape.memories as usize],
            tables: vec![Vec::new(); shape.tables as usize],
            globals: vec![U256::ZERO; shape.imported_globals as usize + shape.own_globals as usize],
            referenced: vec![0; shape.referenced_functions as usize],
            slots: vec![0; MAX_SLOTS as usize],
            of_signature: module.signatures.keys().map(|signature| with_type(module, signature)).collect(),
            ..Self::default()
        };
        for directive in file.directives() {
            instance.read(module, directive.key, directive.value).ok_or(directive.line)?;
        }
        Ok(instance)
    }

    /// Takes in a line, if it is about instances.
    fn read(&mut self, module: &Module, key: &str, value: &str) -> Option<()> {
        let references = |text: &str| -> Option<Vec<u64>> {
            text.split(',').map(|name| reference(module, name.trim())).collect()
        };
        let numbered = || {
            let (number, rest) = value.split_once('=')?;
            Some((number.trim().parse::<usize>().ok()?, rest.trim()))
        };
        match key {
            "global" => {
                let (number, bits) = numbered()?;
                *self.globals.get_mut(number)? = bits.parse().ok()?;
            }
            "table" => {
                let (number, names) = numbered()?;
                *self.tables.get_mut(number)? = references(names)?;
            }
            "referenced" => self.referenced = references(value)?,
            "data" => self.data.push(hex::decode(value.trim_start_matches("0x")).ok()?),
            _ => {}
        }
        Some(())
    }
}

/// The functions of a module that have a signature.
fn with_type(module: &Module, signature: Sig) -> Vec<Func> {
    let wanted = &module.signatures[signature];
    let fits = |func: &Func| {
        let function = &module.functions[*func];
        function.param_types().eq(wanted.params.iter().copied()) && function.results == wanted.results
    };
    module.functions.keys().filter(fits).collect()
}

/// `%name`, `null`, or the number of an imported function.
fn reference(module: &Module, text: &str) -> Option<u64> {
    let named = |name: &str| module.functions.iter().find(|(_, function)| function.name == name);
    match text.strip_prefix('%') {
        Some(name) => Some(u64::from(named(name)?.0.as_u32()) + 1),
        None if text == "null" => Some(0),
        None => Some(IMPORTED + text.parse::<u64>().ok()?),
    }
}

impl InstanceHost for Instance {
    fn linear(&mut self, memory: u32) -> &mut [u8] {
        &mut self.memories[memory as usize]
    }

    fn global(&self, index: u32) -> U256 {
        self.globals[index as usize]
    }

    fn set_global(&mut self, index: u32, bits: U256) {
        self.globals[index as usize] = bits;
    }

    fn table_len(&self, table: u32) -> u64 {
        self.tables[table as usize].len() as u64
    }

    fn element(&self, table: u32, index: u64) -> u64 {
        self.tables[table as usize][index as usize]
    }

    fn set_element(&mut self, table: u32, index: u64, reference: u64) {
        self.tables[table as usize][index as usize] = reference;
    }

    fn imported(&self, index: u32) -> u64 {
        IMPORTED + u64::from(index)
    }

    fn own(&self, index: u32) -> u64 {
        self.referenced[index as usize]
    }

    fn has_signature(&self, reference: u64, signature: Sig) -> bool {
        let functions = &self.of_signature[signature.as_u32() as usize];
        self.local(reference).is_some_and(|func| functions.contains(&func))
    }

    fn local(&self, reference: u64) -> Option<Func> {
        (1..IMPORTED).contains(&reference).then(|| Func::from_u32(reference as u32 - 1))
    }

    fn call(&mut self, _: u64, values: &mut Vec<U256>, gas: &mut u64) -> Result<(), Trap> {
        // The depth is no argument.
        values.remove(0);
        *gas = gas.wrapping_sub(IMPORT_GAS);
        Ok(())
    }

    fn slots(&mut self) -> &mut [u128] {
        &mut self.slots
    }

    fn runtime(&mut self, function: RuntimeFn, args: &mut [u64], gas: &mut u64) -> Result<(), ExitCode> {
        use RuntimeFn as Fn;
        match (function, &*args) {
            (Fn::MemoryGrow, &[memory, pages]) => {
                let bytes = &mut self.memories[memory as usize];
                args[0] = grown(bytes, PAGE_BYTES, pages, MOST_PAGES, 0);
            }
            (Fn::TableGrow, &[table, reference, count]) => {
                args[0] = grown(&mut self.tables[table as usize], 1, count, MAX_ELEMENTS, reference);
            }
            (Fn::MemoryFill, &[memory, at, byte, len]) => {
                let memory = &mut self.memories[memory as usize];
                range(memory, at, len).ok_or(ExitCode::MemoryOutOfBounds)?.fill(byte as u8);
            }
            (Fn::TableFill, &[table, at, reference, len]) => {
                let table = &mut self.tables[table as usize];
                range(table, at, len).ok_or(ExitCode::TableOutOfBounds)?.fill(reference);
            }
            (Fn::MemoryCopy, &[to, from, at, start, len]) => {
                copy(&mut self.memories, [to, from], [at, start, len]).ok_or(ExitCode::MemoryOutOfBounds)?;
            }
            (Fn::TableCopy, &[to, from, at, start, len]) => {
                copy(&mut self.tables, [to, from], [at, start, len]).ok_or(ExitCode::TableOutOfBounds)?;
            }
            (Fn::MemoryInit, &[memory, segment, at, start, len]) => {
                let mut bytes = self.data.get(segment as usize).cloned().unwrap_or_default();
                let bytes = range(&mut bytes, start, len).ok_or(ExitCode::MemoryOutOfBounds)?;
                let memory = &mut self.memories[memory as usize];
                range(memory, at, len).ok_or(ExitCode::MemoryOutOfBounds)?.copy_from_slice(bytes);
            }
            (Fn::DataDrop, &[segment]) => {
                self.data.get_mut(segment as usize).map(Vec::clear);
            }
            // There are no element segments.
            (Fn::TableInit, &[.., len]) if len > 0 => return Err(ExitCode::TableOutOfBounds),
            (Fn::CallHost, _) => *gas = gas.wrapping_sub(IMPORT_GAS),
            _ => {}
        }
        Ok(())
    }
}

/// Adds `count` units of `unit` items; how many there were, or all ones where that is too much.
fn grown<T: Clone>(items: &mut Vec<T>, unit: u64, count: u64, most: u64, new: T) -> u64 {
    let before = items.len() as u64 / unit;
    match before.checked_add(count).filter(|&after| after <= most) {
        None => u64::MAX,
        Some(after) => {
            items.resize((after * unit) as usize, new);
            before
        }
    }
}

/// Some items, if all of them are there.
fn range<T>(items: &mut [T], start: u64, len: u64) -> Option<&mut [T]> {
    items.get_mut(usize::try_from(start).ok()?..usize::try_from(start.checked_add(len)?).ok()?)
}

/// Copies items from one list to another or within one.
fn copy<T: Copy>(lists: &mut [Vec<T>], [to, from]: [u64; 2], [at, start, len]: [u64; 3]) -> Option<()> {
    let items = range(&mut lists[from as usize], start, len)?.to_vec();
    range(&mut lists[to as usize], at, len)?.copy_from_slice(&items);
    Some(())
}
