//! An instance: the frame and the area that its code sees, and what the store knows of it.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Arc;

use evmc_abi::wasm::{FuncRecord, Slot};
use evmc_abi::{Frame, InstanceShape};

use crate::host::HostEntry;
use crate::module::ModuleData;
use crate::pinned::Pinned;
use crate::store::{Func, InstanceId, StoreInner};

/// What [`Frame::context`] points to: the first field of an [`Instance`] or of a [`HostEntry`].
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Owner {
    pub(crate) store: NonNull<StoreInner>,
    /// The instance; for functions of the host the one that imports them, if one does.
    pub(crate) instance: Option<InstanceId>,
}

/// An instance of a module.
#[repr(C)]
pub(crate) struct Instance {
    pub(crate) owner: Owner,
    pub(crate) id: InstanceId,
    pub(crate) frame: Frame,
    pub(crate) module: Arc<ModuleData>,
    pub(crate) area: Area,
    /// Imported functions.
    pub(crate) functions: Vec<Func>,
    /// Memories, tables and globals by their index in the module: numbers in the store.
    pub(crate) memories: Vec<u32>,
    pub(crate) tables: Vec<u32>,
    pub(crate) globals: Vec<u32>,
    /// What is left of each element segment.
    pub(crate) elements: Box<[Box<[u64]>]>,
    /// Whether each data segment is gone.
    pub(crate) dropped: Box<[bool]>,
    /// Records of imported functions of the host.
    pub(crate) hosts: Vec<Pinned<HostEntry>>,
}

impl Instance {
    /// The reference to a function of its own; `None` where it has no record.
    pub(crate) fn own_reference(&self, index: u32) -> Option<u64> {
        let number = self.module.info.referenced.binary_search(&index).ok()?;
        Some(self.area.record(number as u32).expose_provenance() as u64)
    }

    /// The reference to a function, by its index in the module.
    pub(crate) fn function_reference(&self, index: u32) -> u64 {
        match index.checked_sub(self.module.shape.imported_functions) {
            None => self.area.imported(index),
            Some(own) => self.own_reference(own).unwrap_or_default(),
        }
    }

    /// The function with an index in the module.
    pub(crate) fn function(&self, index: u32) -> Func {
        match self.functions.get(index as usize) {
            Some(imported) => *imported,
            None => Func::own(self.id, index - self.functions.len() as u32),
        }
    }
}

/// The area that code sees, as [`InstanceShape`] lays it out, and behind it the slots for arguments and results.
pub(crate) struct Area {
    start: NonNull<u8>,
    shape: InstanceShape,
    slots: usize,
}

impl Area {
    /// An area of zeros.
    pub(crate) fn new(shape: InstanceShape, slots: usize) -> Self {
        let layout = Self::layout(shape, slots);
        // SAFETY: the layout has a length.
        let start = unsafe { alloc_zeroed(layout) };
        Self { start: NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout)), shape, slots }
    }

    /// Length and alignment.
    fn layout(shape: InstanceShape, slots: usize) -> Layout {
        let slots = Layout::array::<Slot>(slots + 1).unwrap_or(Layout::new::<Slot>());
        let whole = Layout::from_size_align(shape.bytes() as usize + slots.size(), align_of::<Slot>());
        whole.unwrap_or(slots)
    }

    /// The first byte.
    pub(crate) const fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The first slot.
    pub(crate) const fn slots(&self) -> *mut Slot {
        self.start().wrapping_add(self.shape.bytes() as usize).cast()
    }

    /// Number of slots.
    pub(crate) const fn slot_count(&self) -> usize {
        self.slots
    }

    /// Writes a word of the area.
    fn set<T>(&mut self, offset: u32, value: T) {
        assert!(offset as usize + size_of::<T>() <= self.shape.bytes() as usize, "outside the area");
        // SAFETY: inside of the allocation, and all offsets of the shape are aligned for what lies there.
        unsafe { self.start().wrapping_add(offset as usize).cast::<T>().write(value) };
    }

    /// Reads a word of the area.
    fn get(&self, offset: u32) -> u64 {
        assert!(offset as usize + size_of::<u64>() <= self.shape.bytes() as usize, "outside the area");
        // SAFETY: inside of the allocation, which was zeroed, and aligned as above.
        unsafe { self.start().wrapping_add(offset as usize).cast::<u64>().read() }
    }

    pub(crate) fn set_memory(&mut self, memory: u32, def: *mut evmc_abi::wasm::MemoryDef, base: *mut u8) {
        self.set(self.shape.memory_base(memory), base);
        self.set(self.shape.memory(memory), def);
    }

    pub(crate) fn set_table(&mut self, table: u32, def: *mut evmc_abi::wasm::TableDef) {
        self.set(self.shape.table(table), def);
    }

    pub(crate) fn set_imported(&mut self, function: u32, reference: u64) {
        self.set(self.shape.imported_function(function), reference);
    }

    /// The reference to an imported function.
    pub(crate) fn imported(&self, function: u32) -> u64 {
        assert!(function < self.shape.imported_functions, "no such import");
        self.get(self.shape.imported_function(function))
    }

    pub(crate) fn set_imported_global(&mut self, global: u32, slot: NonNull<Slot>) {
        self.set(self.shape.imported_global(global), slot);
    }

    pub(crate) fn set_type(&mut self, signature: u32, id: u64) {
        self.set(self.shape.type_id(signature), id);
    }

    pub(crate) fn set_record(&mut self, number: u32, record: FuncRecord) {
        self.set(self.shape.referenced_function(number), record);
    }

    /// The record of a referenced function.
    pub(crate) fn record(&self, number: u32) -> *mut FuncRecord {
        assert!(number < self.shape.referenced_functions, "no such record");
        self.start().wrapping_add(self.shape.referenced_function(number) as usize).cast()
    }

    /// Where a global of the module's own lies.
    pub(crate) fn own_global(&self, global: u32) -> NonNull<Slot> {
        assert!(global < self.shape.own_globals, "no such global");
        // SAFETY: inside of the allocation.
        unsafe { self.start.add(self.shape.own_global(global) as usize).cast() }
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nobody points to it any more.
        unsafe { dealloc(self.start(), Self::layout(self.shape, self.slots)) };
    }
}
