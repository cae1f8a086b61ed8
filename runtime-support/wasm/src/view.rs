//! What an engine other than native code sees of the instance whose function it runs.
//!
//! Indices are those of the module. One that the module does not have is a defect of the engine, and panics.
//! References are numbers that the engine hands on and never interprets; one that no reference has points nowhere.

use std::marker::PhantomData;
use std::ptr::NonNull;

use evmc_abi::wasm::Slot;
use evmc_abi::{ExitCode, RuntimeFn};
use evmc_wasm_module::ModuleInfo;

use crate::bulk;
use crate::call;
use crate::instance::Instance;
use crate::objects::{Objects, Sealed};
use crate::store::{FuncKind, GlobalData, InstanceId, StoreInner};
use crate::trap::{Exit, Trap};

/// An instance, for the time of a call.
pub struct InstanceView<'a> {
    store: NonNull<StoreInner>,
    id: InstanceId,
    _store: PhantomData<&'a mut StoreInner>,
}

impl Sealed for InstanceView<'_> {
    fn raw(&self) -> NonNull<StoreInner> {
        self.store
    }
}

impl Objects for InstanceView<'_> {}

impl InstanceView<'_> {
    /// The view of an instance.
    ///
    /// # Safety
    /// The store lives as long as the view, and whoever uses it meanwhile does so through the view.
    pub(crate) const unsafe fn new(store: NonNull<StoreInner>, id: InstanceId) -> Self {
        Self { store, id, _store: PhantomData }
    }

    pub(crate) const fn store(&self) -> &StoreInner {
        // SAFETY: the promise of `new`, and what is borrowed of it is borrowed of `self`.
        unsafe { self.store.as_ref() }
    }

    pub(crate) const fn store_mut(&mut self) -> &mut StoreInner {
        // SAFETY: as above.
        unsafe { self.store.as_mut() }
    }

    fn own(&self) -> &Instance {
        self.store().instance(self.id)
    }

    /// The instance.
    pub const fn instance(&self) -> InstanceId {
        self.id
    }

    /// What its module declares.
    pub fn info(&self) -> &ModuleInfo {
        &self.own().module.info
    }

    /// A linear memory.
    pub fn linear(&mut self, memory: u32) -> &mut [u8] {
        let number = self.own().memories[memory as usize];
        self.store_mut().memories[number as usize].bytes_mut()
    }

    fn global_data(&self, index: u32) -> &GlobalData {
        let number = self.own().globals[index as usize];
        &self.store().globals[number as usize]
    }

    /// The bits of a global.
    pub fn global_bits(&self, index: u32) -> Slot {
        // SAFETY: the slot lives as long as the store.
        unsafe { self.global_data(index).slot.read() }
    }

    /// Changes a global.
    pub fn set_global_bits(&mut self, index: u32, bits: Slot) {
        // SAFETY: as above, and nobody borrows it.
        unsafe { self.global_data(index).slot.write(bits) };
    }

    fn elements(&self, table: u32) -> &[u64] {
        let number = self.own().tables[table as usize];
        self.store().tables[number as usize].elements()
    }

    /// Number of elements of a table.
    pub fn element_count(&self, table: u32) -> u64 {
        self.elements(table).len() as u64
    }

    /// An element that the table has: a reference, 0 for null.
    pub fn element(&self, table: u32, index: u64) -> u64 {
        self.elements(table)[index as usize]
    }

    /// Changes an element that the table has.
    pub fn set_element(&mut self, table: u32, index: u64, reference: u64) {
        let number = self.own().tables[table as usize];
        self.store_mut().tables[number as usize].elements_mut()[index as usize] = reference;
    }

    /// The reference to an imported function.
    pub fn imported_function(&self, index: u32) -> u64 {
        self.own().area.imported(index)
    }

    /// The reference to a function of the module's own, by its number among the referenced ones.
    pub fn referenced_function(&self, number: u32) -> u64 {
        self.own().area.record(number).expose_provenance() as u64
    }

    /// Whether the function that a reference points to has a type, by its index in the module.
    pub fn has_type(&self, reference: u64, signature: u32) -> bool {
        let known = self.store().known.get(&reference);
        known.is_some_and(|known| {
            *self.store().type_of(known.func) == self.own().module.types[signature as usize]
        })
    }

    /// The function of this instance that a reference points to, by its index without imports; `None` where it points
    /// elsewhere.
    pub fn own_function(&self, reference: u64) -> Option<u32> {
        match self.store().known.get(&reference)?.func.kind() {
            FuncKind::Own(instance, index) if instance == self.id => Some(index),
            _ => None,
        }
    }

    /// Calls the function that a reference points to: the values are its arguments and become its results.
    ///
    /// # Errors
    /// How it ended otherwise. The engine ends its own function with the same.
    pub fn call(
        &mut self,
        reference: u64,
        depth: u64,
        values: &mut Vec<Slot>,
        gas: &mut u64,
    ) -> Result<(), Exit> {
        let Some(known) = self.store().known.get(&reference).copied() else {
            return Err(Exit { code: ExitCode::Unreachable, source: 0 });
        };
        let ty = self.store().type_of(known.func).clone();
        values.resize(ty.slots(), 0);
        // SAFETY: the store lives, and is not borrowed as long as `self` is; there are slots for all values.
        let result =
            unsafe { call::enter(self.store, known.func, known.importer, values.as_mut_ptr(), depth, gas) };
        values.truncate(ty.results.len());
        result.map_err(|trap| self.hand_on(trap))
    }

    /// Remembers the trap that the engine is told by its code alone.
    fn hand_on(&mut self, trap: Trap) -> Exit {
        let source = trap.place.as_ref().map_or(0, |place| place.offset);
        let exit = Exit { code: trap.code(), source };
        self.store_mut().pending = Some(trap);
        exit
    }

    /// The slots on the way between runtime and code.
    pub fn slots(&mut self) -> &mut [Slot] {
        let area = &self.own().area;
        // SAFETY: the area has so many slots, which live as long as the store and are used by one call at a time.
        unsafe { std::slice::from_raw_parts_mut(area.slots(), area.slot_count()) }
    }

    /// Calls a function of the runtime other than [`RuntimeFn::CallHost`]: arguments in, the result in the place of the
    /// first.
    ///
    /// # Errors
    /// The code with which it ends the function.
    pub fn runtime(&mut self, function: RuntimeFn, args: &mut [u64]) -> Result<(), ExitCode> {
        let id = self.id;
        bulk::perform(self.store_mut(), id, function, args)
    }
}
