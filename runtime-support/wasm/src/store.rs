//! The store: everything that instances consist of, at addresses that never change.

use std::collections::HashMap;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use evmc_abi::wasm::{FuncRecord, MAX_PAGES, Slot};
use evmc_wasm_module::{FuncType, GlobalType, MemoryType, TableType, ValType};
use smallvec::SmallVec;

use crate::error::{CreateError, Resource};
use crate::host::{Caller, HostEntry, HostFunc};
use crate::instance::Instance;
use crate::memory::Memory as MemoryData;
use crate::module::{Convention, ModuleData};
use crate::pinned::Pinned;
use crate::registry::Type;
use crate::table::Table as TableData;
use crate::trap::Trap;
use crate::val::{Val, WasmValues};

/// What there can be at most. Limits are part of what a program sees, so they should be the same wherever it must
/// come to the same result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instances.
    pub instances: u32,
    /// Linear memories, each of which reserves 8 GiB of the 128 TiB of address space that a process has.
    pub memories: u32,
    /// Pages of a linear memory; growing beyond gives −1.
    pub pages: u64,
    /// Tables.
    pub tables: u32,
    /// Elements of a table; growing beyond gives −1.
    pub elements: u64,
    /// Logical depth of nested calls, in the units that functions charge.
    pub depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            instances: 10_000,
            memories: 1_000,
            pages: 1 << 16,
            tables: 10_000,
            elements: 10_000_000,
            depth: 64 << 10,
        }
    }
}

/// An instance of a store. This and the other names of things mean something in the store that gave them;
/// in another one they name something else, or a panic tells that there is no such thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub(crate) u32);

/// A function of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Func {
    /// The instance, or [`Func::HOST`].
    instance: u32,
    /// Number among the functions of the instance's module without imports, or among those of the host.
    index: u32,
}

/// What a [`Func`] is.
pub(crate) enum FuncKind {
    /// A function of an instance, by its index without imports.
    Own(InstanceId, u32),
    /// A function of the host.
    Host(u32),
}

impl Func {
    const HOST: u32 = u32::MAX;

    pub(crate) const fn own(instance: InstanceId, index: u32) -> Self {
        Self { instance: instance.0, index }
    }

    pub(crate) const fn host(index: u32) -> Self {
        Self { instance: Self::HOST, index }
    }

    pub(crate) const fn kind(self) -> FuncKind {
        match self.instance {
            Self::HOST => FuncKind::Host(self.index),
            instance => FuncKind::Own(InstanceId(instance), self.index),
        }
    }

    /// [`FuncRecord::number`].
    pub(crate) const fn to_bits(self) -> u64 {
        (self.instance as u64) << 32 | self.index as u64
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { instance: (bits >> 32) as u32, index: bits as u32 }
    }
}

/// A linear memory of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memory(pub(crate) u32);

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table(pub(crate) u32);

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Global(pub(crate) u32);

/// Something that instances take from and give to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A linear memory.
    Memory(Memory),
    /// A table.
    Table(Table),
    /// A global.
    Global(Global),
}

/// A global's place and type.
pub(crate) struct GlobalData {
    /// In the area of an instance, or among [`StoreInner::own_globals`].
    pub(crate) slot: NonNull<Slot>,
    pub(crate) ty: GlobalType,
}

/// What a reference points to.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) func: Func,
    /// The instance that imports it, for functions of the host.
    pub(crate) importer: Option<InstanceId>,
}

/// What a store consists of.
pub struct StoreInner {
    /// Different for every store of a process.
    pub(crate) id: u64,
    /// Where this is: what everything that lasts refers to it by.
    pub(crate) root: NonNull<StoreInner>,
    pub(crate) limits: Limits,
    /// What all code in the store follows; set by the first instance.
    pub(crate) convention: Option<Convention>,
    pub(crate) instances: SmallVec<[Pinned<Instance>; 2]>,
    pub(crate) hosts: Vec<Pinned<HostFunc>>,
    pub(crate) memories: SmallVec<[Pinned<MemoryData>; 2]>,
    pub(crate) tables: SmallVec<[Pinned<TableData>; 2]>,
    pub(crate) globals: Vec<GlobalData>,
    /// Globals that the embedder made.
    pub(crate) own_globals: Vec<Pinned<Slot>>,
    /// Records of host functions to which the embedder made references.
    pub(crate) floating: HashMap<u32, Pinned<HostEntry>>,
    /// Functions by reference, for engines other than native code: what they give as a reference is looked up here
    /// and never followed.
    pub(crate) known: HashMap<u64, Known>,
    /// Why a host function, or a call by one engine of another, has just ended; code hands on no more than a number.
    pub(crate) pending: Option<Trap>,
    /// Modules of native code.
    pub(crate) natives: SmallVec<[Arc<ModuleData>; 2]>,
    /// Addresses of their code, in the same order.
    pub(crate) code: SmallVec<[Range<usize>; 2]>,
    /// Native stack for each unit of logical depth, in bytes: the most of all modules.
    pub(crate) stack_per_unit: u64,
}

/// Instances and all that they are made of. Nothing in a store is freed before the store.
pub struct Store {
    pub(crate) inner: NonNull<StoreInner>,
}

// SAFETY: all that the pointers in a store point to belongs to it and to no thread, and the closures in it are `Send`.
unsafe impl Send for Store {}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let inner = StoreInner {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            root: NonNull::dangling(),
            limits,
            convention: None,
            instances: SmallVec::new(),
            hosts: Vec::new(),
            memories: SmallVec::new(),
            tables: SmallVec::new(),
            globals: Vec::new(),
            own_globals: Vec::new(),
            floating: HashMap::new(),
            known: HashMap::new(),
            pending: None,
            natives: SmallVec::new(),
            code: SmallVec::new(),
            stack_per_unit: 0,
        };
        let mut inner = NonNull::from(Box::leak(Box::new(inner)));
        // SAFETY: just made, and nobody else's.
        unsafe { inner.as_mut() }.root = inner;
        Self { inner }
    }

    pub(crate) const fn inner_mut(&mut self) -> &mut StoreInner {
        // SAFETY: the store owns it, and is borrowed alone.
        unsafe { self.inner.as_mut() }
    }

    /// A function of the host, which takes and gives values of any types.
    ///
    /// It writes its results over the zeros that it is given. Where it gives an error, or panics, the
    /// call that it was called in ends with that.
    pub fn host_func(
        &mut self,
        ty: &FuncType,
        f: impl Fn(&mut Caller<'_>, &[Val], &mut [Val]) -> Result<(), Trap> + Send + 'static,
    ) -> Func {
        self.inner_mut().add_host(HostFunc::dynamic(Type::of(ty), f))
    }

    /// A function of the host whose Rust types tell its type: a tuple, or one value. Calls of it allocate nothing.
    pub fn typed_host_func<P: WasmValues, R: WasmValues>(
        &mut self,
        f: impl Fn(&mut Caller<'_>, P) -> Result<R, Trap> + Send + 'static,
    ) -> Func {
        self.inner_mut().add_host(HostFunc::typed(f))
    }

    /// A new linear memory.
    ///
    /// # Errors
    /// A limit, or the system's.
    pub fn create_memory(&mut self, ty: MemoryType) -> Result<Memory, CreateError> {
        self.inner_mut().add_memory(ty).map(Memory)
    }

    /// A new table, full of `element`.
    ///
    /// # Errors
    /// A limit, or `element` is not of its type.
    pub fn create_table(&mut self, ty: TableType, element: Val) -> Result<Table, CreateError> {
        if element.ty() != ty.element || !ty.element.is_reference() {
            return Err(CreateError::Type);
        }
        let store = self.inner_mut();
        let reference = element.to_slot(store) as u64;
        store.add_table(ty, reference).map(Table)
    }

    /// A new global.
    ///
    /// # Errors
    /// `value` is not of its type.
    pub fn create_global(&mut self, ty: GlobalType, value: Val) -> Result<Global, CreateError> {
        if value.ty() != ty.value {
            return Err(CreateError::Type);
        }
        let store = self.inner_mut();
        let slot = Pinned::new(value.to_slot(store));
        let place = NonNull::new(slot.as_ptr()).unwrap_or(NonNull::dangling());
        store.own_globals.push(slot);
        store.globals.push(GlobalData { slot: place, ty });
        Ok(Global(store.globals.len() as u32 - 1))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: made from a box, and nothing of it is in use any more.
        drop(unsafe { Box::from_raw(self.inner.as_ptr()) });
    }
}

impl StoreInner {
    pub(crate) fn instance(&self, id: InstanceId) -> &Pinned<Instance> {
        &self.instances[id.0 as usize]
    }

    pub(crate) fn instance_mut(&mut self, id: InstanceId) -> &mut Instance {
        &mut self.instances[id.0 as usize]
    }

    fn add_host(&mut self, host: HostFunc) -> Func {
        self.hosts.push(Pinned::new(host));
        Func::host(self.hosts.len() as u32 - 1)
    }

    pub(crate) fn add_memory(&mut self, ty: MemoryType) -> Result<u32, CreateError> {
        if self.memories.len() >= self.limits.memories as usize {
            return Err(CreateError::Limit(Resource::Memories));
        }
        if ty.min > self.limits.pages.min(MAX_PAGES) {
            return Err(CreateError::Limit(Resource::Pages));
        }
        let memory = MemoryData::new(ty).map_err(CreateError::System)?;
        self.memories.push(Pinned::new(memory));
        Ok(self.memories.len() as u32 - 1)
    }

    pub(crate) fn add_table(&mut self, ty: TableType, reference: u64) -> Result<u32, CreateError> {
        if self.tables.len() >= self.limits.tables as usize {
            return Err(CreateError::Limit(Resource::Tables));
        }
        if ty.min > self.limits.elements.min(u32::MAX.into()) {
            return Err(CreateError::Limit(Resource::Elements));
        }
        self.tables.push(Pinned::new(TableData::new(ty, reference)));
        Ok(self.tables.len() as u32 - 1)
    }

    /// The type of a function.
    pub(crate) fn type_of(&self, func: Func) -> &Type {
        match func.kind() {
            FuncKind::Own(instance, index) => self.instance(instance).module.own_type(index),
            FuncKind::Host(index) => &self.hosts[index as usize].ty,
        }
    }

    /// The reference to a function.
    pub(crate) fn reference(&mut self, func: Func) -> u64 {
        match func.kind() {
            FuncKind::Own(instance, index) => {
                self.instance(instance).own_reference(index).unwrap_or_default()
            }
            FuncKind::Host(index) => self.floating_reference(index),
        }
    }

    /// The function that a reference of this store points to.
    #[inline]
    pub(crate) fn func_of(&self, reference: u64) -> Option<Func> {
        if !self.convention.is_some_and(Convention::is_native) {
            return self.known.get(&reference).map(|known| known.func);
        }
        if reference == 0 {
            return None;
        }
        let record = std::ptr::with_exposed_provenance::<FuncRecord>(reference as usize);
        // SAFETY: in a store of native code all references come from this crate or from that code, which makes
        // none up: they point to records, which live as long as the store.
        Some(Func::from_bits(unsafe { (*record).number }))
    }

    /// Whether gas is counted.
    pub(crate) fn is_metered(&self) -> bool {
        self.convention.is_some_and(Convention::is_metered)
    }

    /// A value that is the zero of a type.
    pub(crate) fn zeros(types: &[ValType]) -> Vec<Val> {
        types.iter().map(|&ty| Val::zero(ty)).collect()
    }
}
