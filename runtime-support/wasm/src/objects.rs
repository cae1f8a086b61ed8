//! What can be done with the things of a store, whether by who owns it or by a function that is called from it.

use std::ptr::NonNull;

use evmc_wasm_module::{FuncType, GlobalType, Item, MemoryType, ModuleInfo, TableType};

use crate::error::CreateError;
use crate::store::{Extern, Func, Global, InstanceId, Memory, Store, StoreInner, Table};
use crate::trap::Trap;
use crate::val::Val;

/// What has a store.
pub trait Sealed {
    /// The store, which lives as long as `self`.
    #[doc(hidden)]
    fn raw(&self) -> NonNull<StoreInner>;
}

impl Sealed for Store {
    fn raw(&self) -> NonNull<StoreInner> {
        self.inner
    }
}

impl Objects for Store {}

/// The store, borrowed as long as what has it.
fn of(has: &(impl Objects + ?Sized)) -> &StoreInner {
    // SAFETY: who has a store lends it out only with itself.
    unsafe { has.raw().as_ref() }
}

/// As [`of`], alone.
fn of_mut(has: &mut (impl Objects + ?Sized)) -> &mut StoreInner {
    // SAFETY: as above.
    unsafe { has.raw().as_mut() }
}

/// Access to the things of a store.
pub trait Objects: Sealed {
    /// What an instance exports under a name.
    fn export(&self, instance: InstanceId, name: &str) -> Option<Extern> {
        let instance = of(self).instance(instance);
        Some(match instance.module.export(name)? {
            Item::Function(index) => Extern::Func(instance.function(index)),
            Item::Table(index) => Extern::Table(Table(instance.tables[index as usize])),
            Item::Memory(index) => Extern::Memory(Memory(instance.memories[index as usize])),
            Item::Global(index) => Extern::Global(Global(instance.globals[index as usize])),
        })
    }

    /// The function that an instance exports under a name.
    fn exported_func(&self, instance: InstanceId, name: &str) -> Option<Func> {
        match self.export(instance, name)? {
            Extern::Func(func) => Some(func),
            _ => None,
        }
    }

    /// What the module of an instance declares.
    fn module_info(&self, instance: InstanceId) -> &ModuleInfo {
        &of(self).instance(instance).module.info
    }

    /// The type of a function.
    fn func_type(&self, func: Func) -> &FuncType {
        of(self).type_of(func)
    }

    /// The declared type of a linear memory.
    fn memory_type(&self, memory: Memory) -> MemoryType {
        of(self).memories[memory.0 as usize].ty
    }

    /// The bytes of a linear memory.
    fn bytes(&self, memory: Memory) -> &[u8] {
        of(self).memories[memory.0 as usize].bytes()
    }

    /// The bytes of a linear memory, to be written.
    fn bytes_mut(&mut self, memory: Memory) -> &mut [u8] {
        of_mut(self).memories[memory.0 as usize].bytes_mut()
    }

    /// Adds pages to a linear memory; gives their number before, or `None` where it cannot grow.
    fn grow_memory(&mut self, memory: Memory, pages: u64) -> Option<u64> {
        let store = of_mut(self);
        store.memories[memory.0 as usize].grow(pages, store.limits.pages)
    }

    /// A range of a linear memory, as code addresses it.
    ///
    /// # Errors
    /// It is not all in the memory.
    fn range(&self, memory: Memory, address: u32, len: u32) -> Result<&[u8], Trap> {
        let range = address as usize..address as usize + len as usize;
        self.bytes(memory).get(range).ok_or_else(out_of_bounds)
    }

    /// A range of a linear memory, to be written.
    ///
    /// # Errors
    /// It is not all in the memory.
    fn range_mut(&mut self, memory: Memory, address: u32, len: u32) -> Result<&mut [u8], Trap> {
        let range = address as usize..address as usize + len as usize;
        self.bytes_mut(memory).get_mut(range).ok_or_else(out_of_bounds)
    }

    /// The declared type of a table.
    fn table_type(&self, table: Table) -> TableType {
        of(self).tables[table.0 as usize].ty
    }

    /// Number of elements of a table.
    fn table_len(&self, table: Table) -> u64 {
        of(self).tables[table.0 as usize].def.len
    }

    /// An element of a table; `None` where it has no such element.
    fn table_get(&self, table: Table, index: u64) -> Option<Val> {
        let store = of(self);
        let table = &store.tables[table.0 as usize];
        let reference = *table.elements().get(usize::try_from(index).ok()?)?;
        Some(Val::from_slot(table.ty.element, reference.into(), store))
    }

    /// Changes an element of a table.
    ///
    /// # Errors
    /// The value is of another type, or there is no such element.
    fn table_set(&mut self, table: Table, index: u64, value: Val) -> Result<(), CreateError> {
        let store = of_mut(self);
        let number = table.0 as usize;
        let is_fit = store.tables[number].ty.element == value.ty() && index < store.tables[number].def.len;
        if !is_fit {
            return Err(CreateError::Type);
        }
        let reference = value.to_slot(store) as u64;
        store.tables[number].elements_mut()[index as usize] = reference;
        Ok(())
    }

    /// Adds elements to a table; gives their number before, or `None` where it cannot grow or the value is of another type.
    fn grow_table(&mut self, table: Table, count: u64, value: Val) -> Option<u64> {
        let store = of_mut(self);
        if store.tables[table.0 as usize].ty.element != value.ty() {
            return None;
        }
        let reference = value.to_slot(store) as u64;
        let limit = store.limits.elements;
        store.tables[table.0 as usize].grow(reference, count, limit)
    }

    /// The type of a global.
    fn global_type(&self, global: Global) -> GlobalType {
        of(self).globals[global.0 as usize].ty
    }

    /// The value of a global.
    fn global(&self, global: Global) -> Val {
        let store = of(self);
        let data = &store.globals[global.0 as usize];
        // SAFETY: the slot lives as long as the store.
        Val::from_slot(data.ty.value, unsafe { data.slot.read() }, store)
    }

    /// Changes a global.
    ///
    /// # Errors
    /// The value is of another type, or the global cannot be changed.
    fn set_global(&mut self, global: Global, value: Val) -> Result<(), CreateError> {
        let store = of_mut(self);
        let ty = store.globals[global.0 as usize].ty;
        if ty.value != value.ty() || !ty.mutable {
            return Err(CreateError::Type);
        }
        let bits = value.to_slot(store);
        // SAFETY: the slot lives as long as the store, and nobody borrows it.
        unsafe { store.globals[global.0 as usize].slot.write(bits) };
        Ok(())
    }
}

#[cold]
fn out_of_bounds() -> Trap {
    evmc_abi::ExitCode::MemoryOutOfBounds.into()
}
