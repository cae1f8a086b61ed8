//! Making instances (WebAssembly 2.0, section 4.5.4).
//!
//! What a module is given is held against its imports; then everything of its own is made and given its first value,
//! active segments are copied in order, and the start function is called. Where one of the last two traps, what was done
//! before remains, and so does the instance: others may have references to its functions by then.

use std::ptr::{NonNull, null};
use std::sync::Arc;

use evmc_abi::wasm::{FuncRecord, MemoryDef, TableDef};
use evmc_abi::{Frame, InstanceShape};
use evmc_wasm_module::{ImportKind, SegmentMode};

use crate::bulk;
use crate::call::enter;
use crate::constant::{self, Scope};
use crate::error::{CreateError, InstantiateError, Resource};
use crate::host::HostEntry;
use crate::instance::{Area, Instance, Owner};
use crate::module::{Module, ModuleData};
use crate::pinned::Pinned;
use crate::runtime::RUNTIME;
use crate::store::{Extern, Func, FuncKind, GlobalData, InstanceId, Known, Store, StoreInner};
use crate::trap::Trap;

impl Store {
    /// Makes an instance of a module, given what it imports in the order in which it does.
    ///
    /// # Errors
    /// What is given does not fit, a limit is reached, or a segment or the start function traps.
    pub fn instantiate(
        &mut self,
        module: &Module,
        imports: &[Extern],
    ) -> Result<InstanceId, InstantiateError> {
        self.instantiate_with_gas(module, imports, &mut u64::MAX.clone())
    }

    /// As [`Store::instantiate`], with gas for the start function, of which is left what it does not use.
    ///
    /// # Errors
    /// As there.
    pub fn instantiate_with_gas(
        &mut self,
        module: &Module,
        imports: &[Extern],
        gas: &mut u64,
    ) -> Result<InstanceId, InstantiateError> {
        let root = self.inner;
        let store = self.inner_mut();
        let module = &module.0;
        store.match_imports(module, imports)?;
        store.admit(module)?;
        let id = store.add_instance(module, imports)?;
        store.initialise(id, module);
        store.place_elements(id, module)?;
        store.place_data(id, module)?;
        if let Some(start) = module.info.start {
            let instance = store.instance(id);
            let (func, slots) = (instance.function(start), instance.area.slots());
            let depth = store.limits.depth;
            // SAFETY: the store is borrowed alone by `self`; start functions need no slots.
            unsafe { enter(root, func, Some(id), slots, depth, gas) }?;
        }
        Ok(id)
    }
}

/// Things of a store by kind, each in order.
struct Given {
    functions: Vec<Func>,
    tables: Vec<u32>,
    memories: Vec<u32>,
    globals: Vec<u32>,
}

impl Given {
    /// With room for what the module adds of its own.
    fn of(imports: &[Extern], shape: InstanceShape) -> Self {
        let mut given = Self {
            functions: Vec::with_capacity(shape.imported_functions as usize),
            tables: Vec::with_capacity(shape.tables as usize),
            memories: Vec::with_capacity(shape.memories as usize),
            globals: Vec::with_capacity((shape.imported_globals + shape.own_globals) as usize),
        };
        for import in imports {
            match *import {
                Extern::Func(func) => given.functions.push(func),
                Extern::Table(table) => given.tables.push(table.0),
                Extern::Memory(memory) => given.memories.push(memory.0),
                Extern::Global(global) => given.globals.push(global.0),
            }
        }
        given
    }
}

/// Whether something of a size and with a limit is what an import must be.
fn fits(size: u64, max: Option<u64>, needed: u64, needed_max: Option<u64>) -> bool {
    size >= needed && needed_max.is_none_or(|needed| max.is_some_and(|max| max <= needed))
}

impl StoreInner {
    /// Holds what is given against the imports.
    fn match_imports(&self, module: &ModuleData, given: &[Extern]) -> Result<(), InstantiateError> {
        let imports = &module.info.imports;
        if imports.len() != given.len() {
            return Err(InstantiateError::ImportCount { expected: imports.len(), found: given.len() });
        }
        for (import, &given) in imports.iter().zip(given) {
            if !self.is_fit(module, import.kind, given) {
                let (module, name) = (import.module.clone(), import.name.clone());
                return Err(InstantiateError::IncompatibleImport { module, name });
            }
        }
        Ok(())
    }

    fn is_fit(&self, module: &ModuleData, kind: ImportKind, given: Extern) -> bool {
        match (kind, given) {
            (ImportKind::Function(signature), Extern::Func(func)) => {
                *self.type_of(func) == module.types[signature as usize]
            }
            (ImportKind::Table(needed), Extern::Table(table)) => {
                let table = &self.tables[table.0 as usize];
                table.ty.element == needed.element
                    && fits(table.def.len, table.ty.max, needed.min, needed.max)
            }
            (ImportKind::Memory(needed), Extern::Memory(memory)) => {
                let memory = &self.memories[memory.0 as usize];
                fits(memory.pages(), memory.ty.max, needed.min, needed.max)
            }
            (ImportKind::Global(needed), Extern::Global(global)) => {
                self.globals[global.0 as usize].ty == needed
            }
            _ => false,
        }
    }

    /// Takes in the code of a module, which from now on may run together with the code that is there.
    fn admit(&mut self, module: &Arc<ModuleData>) -> Result<(), InstantiateError> {
        if self.instances.len() >= self.limits.instances as usize {
            return Err(CreateError::Limit(Resource::Instances).into());
        }
        let convention = module.convention();
        if *self.convention.get_or_insert(convention) != convention {
            return Err(InstantiateError::Convention);
        }
        if self.natives.iter().rev().any(|known| Arc::ptr_eq(known, module)) {
            return Ok(());
        }
        self.stack_per_unit = self.stack_per_unit.max(module.native_stack_bytes());
        if let Some(native) = module.native() {
            self.natives.push(module.clone());
            self.code.push(native.code.code());
            self.settle_floating(&module.engine, &module.types);
        }
        Ok(())
    }

    /// Makes an instance whose globals, tables and segments have no values yet.
    fn add_instance(
        &mut self,
        module: &Arc<ModuleData>,
        imports: &[Extern],
    ) -> Result<InstanceId, InstantiateError> {
        let Given { functions, mut tables, mut memories, globals } = Given::of(imports, module.shape);
        for &ty in &module.info.memories {
            memories.push(self.add_memory(ty)?);
        }
        for table in &module.info.tables {
            tables.push(self.add_table(table.ty, 0)?);
        }
        let id = InstanceId(self.instances.len() as u32);
        let mut instance = Pinned::new(Instance {
            owner: Owner { store: self.root, instance: Some(id) },
            id,
            frame: Frame::empty(),
            module: module.clone(),
            area: Area::new(module.shape, module.slots),
            functions,
            memories,
            tables,
            globals,
            elements: module.info.elements.iter().map(|_| Box::default()).collect(),
            dropped: vec![false; module.info.data.len()].into(),
            hosts: Vec::new(),
        });
        let context = instance.as_ptr();
        instance.frame.context = context.cast();
        instance.frame.runtime = &raw const RUNTIME;
        instance.frame.instance = instance.area.start();
        instance.frame.values = instance.area.slots();
        self.fill_area(&mut instance);
        self.import_functions(&mut instance);
        self.add_records(&mut instance);
        self.instances.push(instance);
        Ok(id)
    }

    /// Fills in memories, tables, imported globals and types.
    fn fill_area(&self, instance: &mut Pinned<Instance>) {
        let instance: &mut Instance = instance;
        for (index, &number) in instance.memories.iter().enumerate() {
            let memory = self.memories[number as usize].as_ptr();
            // SAFETY: a place in a live value, which stays where it is.
            let def: *mut MemoryDef = unsafe { &raw mut (*memory).def };
            instance.area.set_memory(index as u32, def, self.memories[number as usize].def.base);
        }
        for (index, &number) in instance.tables.iter().enumerate() {
            let table = self.tables[number as usize].as_ptr();
            // SAFETY: as above.
            let def: *mut TableDef = unsafe { &raw mut (*table).def };
            instance.area.set_table(index as u32, def);
        }
        for (index, &number) in instance.globals.iter().enumerate() {
            instance.area.set_imported_global(index as u32, self.globals[number as usize].slot);
        }
        for (index, ty) in instance.module.types.iter().enumerate() {
            instance.area.set_type(index as u32, ty.id());
        }
    }

    /// Fills in references to imported functions; those of the host get records of the instance's own.
    fn import_functions(&mut self, instance: &mut Pinned<Instance>) {
        let instance: &mut Instance = instance;
        let signatures = instance.module.info.imports.iter().filter_map(|import| match import.kind {
            ImportKind::Function(signature) => Some(signature),
            _ => None,
        });
        for (index, (&func, signature)) in instance.functions.iter().zip(signatures).enumerate() {
            let reference = match func.kind() {
                FuncKind::Own(other, own) => self.instance(other).own_reference(own).unwrap_or_default(),
                FuncKind::Host(number) => {
                    let code = instance.module.native().map_or(null(), |native| native.host(signature));
                    let host = &self.hosts[number as usize];
                    let slots = Some(instance.area.slots());
                    let entry = HostEntry::new(instance.owner, number, host, code, slots);
                    let reference = HostEntry::reference(&entry);
                    instance.hosts.push(entry);
                    self.make_known(reference, func, Some(instance.id));
                    reference
                }
            };
            instance.area.set_imported(index as u32, reference);
        }
    }

    /// Makes the records of the functions of its own that can be referred to.
    fn add_records(&mut self, instance: &mut Pinned<Instance>) {
        // SAFETY: a place in a live value, which stays where it is.
        let frame = unsafe { &raw mut (*instance.as_ptr()).frame };
        let module = instance.module.clone();
        for (number, &function) in module.info.referenced.iter().enumerate() {
            let func = Func::own(instance.id, function);
            let code = module.native().map_or(null(), |native| native.function(function));
            let type_id = module.own_type(function).id();
            instance
                .area
                .set_record(number as u32, FuncRecord { code, frame, type_id, number: func.to_bits() });
            let reference = instance.area.record(number as u32).expose_provenance() as u64;
            self.make_known(reference, func, None);
        }
    }

    /// Remembers what a reference points to, for engines that are not trusted to hand on references unchanged.
    fn make_known(&mut self, reference: u64, func: Func, importer: Option<InstanceId>) {
        if !self.convention.is_some_and(crate::module::Convention::is_native) {
            self.known.insert(reference, Known { func, importer });
        }
    }

    /// Gives globals, tables and passive element segments their first values.
    fn initialise(&mut self, id: InstanceId, module: &ModuleData) {
        let mut globals = std::mem::take(&mut self.instance_mut(id).globals);
        for (index, global) in module.info.globals.iter().enumerate() {
            let bits = constant::value(&global.init, &mut Values { store: self, id, globals: &globals });
            let slot: NonNull<_> = self.instance(id).area.own_global(index as u32);
            // SAFETY: a slot of the area, which nobody else knows yet.
            unsafe { slot.write(bits) };
            globals.push(self.globals.len() as u32);
            self.globals.push(GlobalData { slot, ty: global.ty });
        }
        let mut scope = Values { store: self, id, globals: &globals };
        let imported = module.shape.tables as usize - module.info.tables.len();
        let fills: Vec<_> = module
            .info
            .tables
            .iter()
            .map(|table| table.init.as_ref().map(|init| constant::value(init, &mut scope) as u64))
            .collect();
        let elements: Box<[Box<[u64]>]> = module
            .info
            .elements
            .iter()
            .map(|element| match element.mode {
                SegmentMode::Declared => Box::default(),
                _ => element.items.iter().map(|item| constant::value(item, &mut scope) as u64).collect(),
            })
            .collect();
        for (table, reference) in fills.into_iter().enumerate() {
            let number = self.instance(id).tables[imported + table];
            if let Some(reference) = reference {
                self.tables[number as usize].elements_mut().fill(reference);
            }
        }
        let instance = self.instance_mut(id);
        instance.elements = elements;
        instance.globals = globals;
    }

    /// The value of an expression in an initialised instance, as a number.
    fn offset(&self, id: InstanceId, steps: &[evmc_wasm_module::ConstOp]) -> u64 {
        let globals = &self.instance(id).globals;
        u64::from(constant::value(steps, &mut Values { store: self, id, globals }) as u32)
    }

    /// Copies active element segments to their tables.
    fn place_elements(&mut self, id: InstanceId, module: &ModuleData) -> Result<(), Trap> {
        for (segment, element) in module.info.elements.iter().enumerate() {
            if let SegmentMode::Active(table, offset) = &element.mode {
                let (to, count) = (self.offset(id, offset), element.items.len() as u64);
                let segment = segment as u64;
                bulk::table_init(self, id, &mut [(*table).into(), segment, to, 0, count])?;
                bulk::elem_drop(self, id, &mut [segment])?;
            }
        }
        Ok(())
    }

    /// Copies active data segments to their memories.
    fn place_data(&mut self, id: InstanceId, module: &ModuleData) -> Result<(), Trap> {
        for (segment, data) in module.info.data.iter().enumerate() {
            if let SegmentMode::Active(memory, offset) = &data.mode {
                let (to, count) = (self.offset(id, offset), data.bytes.len() as u64);
                let segment = segment as u64;
                bulk::memory_init(self, id, &mut [(*memory).into(), segment, to, 0, count])?;
                bulk::data_drop(self, id, &mut [segment])?;
            }
        }
        Ok(())
    }
}

/// What the expressions of an instance refer to.
struct Values<'a> {
    store: &'a StoreInner,
    id: InstanceId,
    /// The globals that have values.
    globals: &'a [u32],
}

impl Scope for Values<'_> {
    fn global(&self, index: u32) -> u128 {
        let number = self.globals.get(index as usize);
        // SAFETY: slots live as long as the store.
        number.map_or(0, |&number| unsafe { self.store.globals[number as usize].slot.read() })
    }

    fn function(&mut self, index: u32) -> u64 {
        self.store.instance(self.id).function_reference(index)
    }
}
