//! Functions of the host, and what they see of who called them.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{NonNull, null, null_mut};

use evmc_abi::wasm::{FuncRecord, Slot};
use evmc_abi::{ExitCode, Frame};
use evmc_wasm_module::FuncType;

use crate::instance::Owner;
use crate::module::Engine;
use crate::objects::{Objects, Sealed};
use crate::pinned::Pinned;
use crate::registry::Type;
use crate::runtime::RUNTIME;
use crate::store::{Extern, Func, InstanceId, Known, StoreInner};
use crate::trap::{Cause, Trap};
use crate::val::{Val, WasmValues};

/// What a host function does: slots with arguments, and then results. Errors are rare, so they are kept short.
type Body = Box<dyn Fn(&mut Caller<'_>, &mut [Slot]) -> Result<(), Box<Trap>> + Send>;

/// A function of the host.
pub(crate) struct HostFunc {
    pub(crate) ty: Type,
    /// Slots that arguments and results take.
    slots: usize,
    body: Body,
}

impl HostFunc {
    /// A function that takes and gives values of any types.
    pub(crate) fn dynamic(
        ty: Type,
        f: impl Fn(&mut Caller<'_>, &[Val], &mut [Val]) -> Result<(), Trap> + Send + 'static,
    ) -> Self {
        let types = ty.clone();
        let body = move |caller: &mut Caller<'_>, slots: &mut [Slot]| {
            let params = types.params.iter().zip(&*slots);
            let args: Vec<Val> =
                params.map(|(&ty, &slot)| Val::from_slot(ty, slot, caller.store())).collect();
            let mut results = StoreInner::zeros(&types.results);
            f(caller, &args, &mut results)?;
            for ((slot, value), &ty) in slots.iter_mut().zip(&results).zip(&types.results) {
                if value.ty() != ty {
                    return Err(Trap::host("a host function gave a result of another type").into());
                }
                *slot = value.to_slot(caller.store_mut());
            }
            Ok(())
        };
        Self { slots: ty.slots(), ty, body: Box::new(body) }
    }

    /// A function whose Rust types tell its type.
    pub(crate) fn typed<P: WasmValues, R: WasmValues>(
        f: impl Fn(&mut Caller<'_>, P) -> Result<R, Trap> + Send + 'static,
    ) -> Self {
        let ty = FuncType { params: P::TYPES.to_vec(), results: R::TYPES.to_vec() };
        let body = move |caller: &mut Caller<'_>, slots: &mut [Slot]| {
            let args = P::take_all(slots, caller.store());
            let results = f(caller, args)?;
            results.put_all(slots, caller.store_mut());
            Ok(())
        };
        let ty = Type::of(&ty);
        Self { slots: ty.slots(), ty, body: Box::new(body) }
    }

    /// Calls the function. A panic in it goes no further.
    ///
    /// # Safety
    /// The store of `caller` lives and is borrowed by nobody, and there are as many slots as the type has parameters and
    /// as it has results, which nobody else uses.
    #[inline]
    pub(crate) unsafe fn call(&self, caller: &mut Caller<'_>, slots: *mut Slot) -> Result<(), Box<Trap>> {
        // SAFETY: the caller's promise. Nested calls may use the same slots: bodies read them before they make calls,
        // and write them afterwards.
        let slots = unsafe { std::slice::from_raw_parts_mut(slots, self.slots) };
        catch_unwind(AssertUnwindSafe(|| (self.body)(caller, slots)))
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
    }
}

/// What a panic comes to, with what it said.
#[cold]
fn panicked(panic: &(dyn Any + Send)) -> Box<Trap> {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Box::new(Cause::Panicked(text.unwrap_or_default()).into())
}

/// A host function as one instance imports it: what a reference to it points to.
#[repr(C)]
pub(crate) struct HostEntry {
    pub(crate) owner: Owner,
    frame: Frame,
    record: FuncRecord,
    pub(crate) host: NonNull<HostFunc>,
    /// Slots of its own; empty where it uses those of its instance.
    slots: Box<[Slot]>,
}

impl HostEntry {
    /// An entry of the host function with number `index`. `code` hands on to the host; null where there is none yet.
    pub(crate) fn new(
        owner: Owner,
        index: u32,
        host: &Pinned<HostFunc>,
        code: *const u8,
        slots: Option<*mut Slot>,
    ) -> Pinned<Self> {
        let own = if slots.is_some() { 0 } else { host.ty.slots() };
        let type_id = host.ty.id();
        let record = FuncRecord { code, frame: null_mut(), type_id, number: Func::host(index).to_bits() };
        let host = NonNull::new(host.as_ptr()).unwrap_or(NonNull::dangling());
        let frame = Frame::empty();
        let mut entry = Pinned::new(Self { owner, frame, record, host, slots: vec![0; own].into() });
        let context = entry.as_ptr();
        entry.frame.runtime = &raw const RUNTIME;
        entry.frame.context = context.cast();
        entry.frame.values = slots.unwrap_or(entry.slots.as_mut_ptr());
        // SAFETY: a place in a live value.
        entry.record.frame = unsafe { &raw mut (*context).frame };
        entry
    }

    /// The reference to it.
    pub(crate) fn reference(entry: &Pinned<Self>) -> u64 {
        // SAFETY: a place in a live value.
        let record = unsafe { &raw const (*entry.as_ptr()).record };
        record.expose_provenance() as u64
    }

    /// Calls the host function by the code's request.
    ///
    /// # Safety
    /// `frame` is that of a live entry, whose store nobody borrows.
    #[inline(always)]
    pub(crate) unsafe fn call(frame: *mut Frame, depth: u64) -> ExitCode {
        // SAFETY: the caller's promise.
        let (Self { owner, host, .. }, slots, gas) =
            unsafe { (&*(*frame).context.cast::<Self>(), (*frame).values, (*frame).gas) };
        let (owner, host) = (*owner, *host);
        let mut caller = Caller { owner, depth, gas: gas as i64, _store: PhantomData };
        // SAFETY: host functions live as long as their store; the slots are enough for every type of the instance
        // that imports this one, or for the type of this one.
        let result = unsafe { host.as_ref().call(&mut caller, slots) };
        match result {
            Ok(()) => {
                // SAFETY: the caller's promise.
                unsafe { (*frame).gas = caller.gas.cast_unsigned() };
                ExitCode::Stop
            }
            Err(trap) => caller.fail(*trap),
        }
    }
}

impl StoreInner {
    /// The reference to a host function that no instance imports.
    pub(crate) fn floating_reference(&mut self, index: u32) -> u64 {
        if let Some(entry) = self.floating.get(&index) {
            return HostEntry::reference(entry);
        }
        let host = &self.hosts[index as usize];
        let code = self.natives.iter().find_map(|module| host_code(&module.engine, &module.types, &host.ty));
        let owner = Owner { store: self.root, instance: None };
        let entry = HostEntry::new(owner, index, &self.hosts[index as usize], code.unwrap_or(null()), None);
        let reference = HostEntry::reference(&entry);
        self.known.insert(reference, Known { func: Func::host(index), importer: None });
        self.floating.insert(index, entry);
        reference
    }

    /// Gives code to the references that have none so far, where a module has some for their type. Whoever can call such
    /// a reference has its type, so none is called before.
    pub(crate) fn settle_floating(&mut self, engine: &Engine, types: &[Type]) {
        for entry in self.floating.values_mut().filter(|entry| entry.record.code.is_null()) {
            // SAFETY: host functions live as long as their store.
            let ty = unsafe { &entry.host.as_ref().ty };
            if let Some(code) = host_code(engine, types, ty) {
                entry.record.code = code;
            }
        }
    }
}

/// The code of a module that calls host functions of a type.
fn host_code(engine: &Engine, types: &[Type], ty: &Type) -> Option<*const u8> {
    let Engine::Native(native) = engine else { return None };
    let signature = types.iter().position(|known| known == ty)?;
    Some(native.host(signature as u32))
}

/// What a host function sees of its store, and of who called it.
pub struct Caller<'a> {
    owner: Owner,
    depth: u64,
    /// Gas left; overdrawn where it is negative.
    gas: i64,
    _store: PhantomData<&'a mut StoreInner>,
}

impl Sealed for Caller<'_> {
    fn raw(&self) -> NonNull<StoreInner> {
        self.owner.store
    }
}

impl Objects for Caller<'_> {}

impl Caller<'_> {
    /// What the embedder itself is to its store.
    pub(crate) const fn new(owner: Owner, depth: u64, gas: i64) -> Self {
        Self { owner, depth, gas, _store: PhantomData }
    }

    /// The instance that imports the function; `None` where it is called through a reference that the embedder made.
    pub const fn instance(&self) -> Option<InstanceId> {
        self.owner.instance
    }

    /// What that instance exports under a name.
    pub fn own_export(&self, name: &str) -> Option<Extern> {
        self.export(self.owner.instance?, name)
    }

    /// Gas left; `None` where it is not counted.
    pub fn gas(&self) -> Option<u64> {
        self.store().is_metered().then(|| self.gas.max(0).cast_unsigned())
    }

    /// Takes gas, where it is counted.
    ///
    /// # Errors
    /// There is not so much left.
    pub fn charge(&mut self, amount: u64) -> Result<(), Trap> {
        if !self.store().is_metered() {
            return Ok(());
        }
        match self.gas.max(0).cast_unsigned().checked_sub(amount) {
            Some(left) => {
                self.gas = left.cast_signed();
                Ok(())
            }
            None => Err(ExitCode::OutOfGas.into()),
        }
    }

    /// Calls a function, at most with `gas` of what is left. What of that remains is added again; a trap takes it.
    ///
    /// # Errors
    /// The call gave no results.
    pub fn call(&mut self, func: Func, args: &[Val], gas: Option<u64>) -> Result<Vec<Val>, Trap> {
        let available = self.gas.max(0).cast_unsigned();
        let given = gas.map_or(available, |gas| gas.min(available));
        self.gas = (available - given).cast_signed();
        let depth = self.depth.checked_sub(NESTED_DEPTH).ok_or(ExitCode::CallStackExhausted)?;
        let mut left = given;
        // SAFETY: the store lives, and is borrowed by nobody else as long as this is borrowed.
        let results = unsafe { crate::call::call(self.owner.store, func, args, depth, &mut left) }?;
        self.gas += left.min(given).cast_signed();
        Ok(results)
    }

    /// Gas left as the counter of the code has it.
    pub(crate) const fn counter(&self) -> u64 {
        self.gas.cast_unsigned()
    }

    pub(crate) fn store(&self) -> &StoreInner {
        // SAFETY: the store lives as long as `self`, and what is borrowed of it is borrowed of `self`.
        unsafe { self.owner.store.as_ref() }
    }

    fn store_mut(&mut self) -> &mut StoreInner {
        // SAFETY: as above.
        unsafe { self.owner.store.as_mut() }
    }

    /// Remembers why the function failed, and tells the code with which its caller ends.
    #[cold]
    fn fail(&mut self, trap: Trap) -> ExitCode {
        let code = trap.code();
        self.store_mut().pending = Some(trap);
        code
    }
}

/// Logical depth that a call by a host function takes, in units: it uses the native stack of the host.
pub(crate) const NESTED_DEPTH: u64 = 256;
