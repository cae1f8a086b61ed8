//! Calls, from the embedder, from host functions, and from engines other than native code.
//!
//! Arguments go to the slots of the callee's instance, and results come back there. What a call takes of the native
//! stack is bounded by its logical depth; where the thread has less left, the call is made on one that has enough.

use std::ptr::NonNull;
use std::thread;

use evmc_abi::wasm::{FuncRecord, Slot};
use evmc_abi::{ExitCode, Frame};
use evmc_loader::{End, Fault, FaultKind, native_stack};

use crate::host::Caller;
use crate::instance::{Instance, Owner};
use crate::module::{Code, Engine, Native};
use crate::store::{Func, FuncKind, InstanceId, Store, StoreInner};
use crate::trap::{Cause, Exit, Place, Trap};
use crate::val::Val;
use crate::view::InstanceView;

/// Bytes of native stack that a host function may use, or an operation of the runtime.
const HOST_BYTES: usize = 256 << 10;

/// Bytes by which the stack of a thread that is made for a call is larger than the call needs: for calls that host
/// functions make from there.
const SPARE_BYTES: usize = 64 << 20;

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// Its results.
    pub results: Vec<Val>,
    /// What is left of its gas.
    pub gas_left: u64,
}

impl Store {
    /// Calls a function. Gas above 2^63 − 1 counts as that, and as that it starts where none is given.
    ///
    /// # Errors
    /// The call gave no results. Its gas is gone.
    pub fn call(&mut self, func: Func, args: &[Val], gas: Option<u64>) -> Result<CallOutcome, Trap> {
        let mut gas_left = gas.unwrap_or(u64::MAX);
        let depth = self.inner_mut().limits.depth;
        // SAFETY: the store is borrowed alone.
        let results = unsafe { call(self.inner, func, args, depth, &mut gas_left) }?;
        Ok(CallOutcome { results, gas_left })
    }
}

/// Calls a function with values.
///
/// # Safety
/// The store lives, and nobody borrows it.
pub(crate) unsafe fn call(
    store: NonNull<StoreInner>,
    func: Func,
    args: &[Val],
    depth: u64,
    gas: &mut u64,
) -> Result<Vec<Val>, Trap> {
    // SAFETY: the caller's promise. The borrow ends with the last use before the call.
    let inner = unsafe { &mut *store.as_ptr() };
    let ty = inner.type_of(func).clone();
    if !args.iter().map(|value| value.ty()).eq(ty.params.iter().copied()) {
        return Err(Cause::Arguments.into());
    }
    let mut own = Vec::new();
    let slots = match func.kind() {
        FuncKind::Own(instance, _) => inner.instance(instance).area.slots(),
        FuncKind::Host(_) => {
            own.resize(ty.slots(), 0);
            own.as_mut_ptr()
        }
    };
    for (index, value) in args.iter().enumerate() {
        let bits = value.to_slot(inner);
        // SAFETY: there are slots for every function of the instance, or for this one.
        unsafe { slots.add(index).write(bits) };
    }
    // SAFETY: the caller's promise, and the arguments are in their slots.
    unsafe { enter(store, func, None, slots, depth, gas) }?;
    // SAFETY: as above; the call is over.
    let inner = unsafe { store.as_ref() };
    // SAFETY: there are slots for the results.
    let result = |index| unsafe { slots.add(index).read() };
    Ok(ty.results.iter().enumerate().map(|(index, &ty)| Val::from_slot(ty, result(index), inner)).collect())
}

/// Calls a function whose arguments are in `slots`, which for a function of an instance are those of the instance. A call
/// that gives no results takes all gas.
///
/// # Safety
/// The store lives, and nobody borrows it. There are slots for the arguments and results of the function.
pub(crate) unsafe fn enter(
    store: NonNull<StoreInner>,
    func: Func,
    importer: Option<InstanceId>,
    slots: *mut Slot,
    depth: u64,
    gas: &mut u64,
) -> Result<(), Trap> {
    // SAFETY: the caller's promise.
    let is_metered = unsafe { store.as_ref() }.is_metered();
    let mut counter = (*gas).min(i64::MAX.cast_unsigned());
    // SAFETY: the caller's promise.
    let result =
        unsafe { with_room(store, depth, || run(store, func, importer, slots, depth, &mut counter)) };
    match result {
        Ok(()) if is_metered => *gas = counter,
        Ok(()) => {}
        Err(_) => *gas = 0,
    }
    result
}

/// Does something that makes calls of this logical depth: here, or on a thread whose stack has room for them.
///
/// # Safety
/// The store lives, and nobody borrows it.
#[inline(always)]
pub(crate) unsafe fn with_room(
    store: NonNull<StoreInner>,
    depth: u64,
    f: impl FnOnce() -> Result<(), Trap>,
) -> Result<(), Trap> {
    // SAFETY: the caller's promise.
    let needed = unsafe { store.as_ref() }.stack_bytes(depth);
    if native_stack::position() - native_stack::limit() >= needed {
        return f();
    }
    elsewhere(needed.saturating_add(SPARE_BYTES), f)
}

/// Does something on a thread with a stack of so many bytes, and waits for it.
#[cold]
fn elsewhere(stack_bytes: usize, f: impl FnOnce() -> Result<(), Trap>) -> Result<(), Trap> {
    struct Carried<T>(T);
    // SAFETY: whoever called waits until the thread has ended, so everything is used by one thread at a time; what
    // belongs to a store may be used by any thread.
    unsafe impl<T> Send for Carried<T> {}
    impl<F: FnOnce() -> R, R> Carried<F> {
        fn run(self) -> R {
            (self.0)()
        }
    }
    let carried = Carried(f);
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("wasm".into()).stack_size(stack_bytes);
        let handle = thread.spawn_scoped(scope, move || carried.run());
        let handle =
            handle.map_err(|error| Cause::System(format!("no thread with enough stack: {error}")))?;
        handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl StoreInner {
    /// Native stack that calls of a logical depth need, in bytes.
    fn stack_bytes(&self, depth: u64) -> usize {
        let bytes = self.stack_per_unit.saturating_mul(depth).saturating_add(HOST_BYTES as u64);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// Runs a function by whatever its code is.
///
/// # Safety
/// That of [`enter`]; the native stack has room for it.
unsafe fn run(
    store: NonNull<StoreInner>,
    func: Func,
    importer: Option<InstanceId>,
    slots: *mut Slot,
    depth: u64,
    gas: &mut u64,
) -> Result<(), Trap> {
    // SAFETY: the caller's promise. Instances, modules and host functions stay where they are, whatever the call does.
    let inner = unsafe { store.as_ref() };
    let (id, index) = match func.kind() {
        FuncKind::Own(id, index) => (id, index),
        FuncKind::Host(index) => {
            let host = inner.hosts[index as usize].as_ptr();
            let owner = Owner { store, instance: importer };
            let mut caller = Caller::new(owner, depth, gas.cast_signed());
            // SAFETY: the host function lives as long as the store; the rest is the caller's promise.
            unsafe { (*host).call(&mut caller, slots) }.map_err(|trap| *trap)?;
            *gas = caller.counter();
            return Ok(());
        }
    };
    let instance = inner.instance(id).as_ptr();
    let module = inner.instance(id).module.clone();
    match &module.engine {
        Engine::Native(native) => {
            let signature = module.info.functions[index as usize].signature;
            let entry = Callee { instance, enter: native.enter(signature) };
            // SAFETY: the caller's promise.
            unsafe { native_call(store, native, &entry, index, depth, gas) }
        }
        Engine::Foreign(code) => {
            // SAFETY: the caller's promise.
            let mut view = unsafe { InstanceView::new(store, id) };
            let ty = module.own_type(index);
            // SAFETY: the caller's promise; engines find arguments and leave results in values of their own.
            let slots = unsafe { std::slice::from_raw_parts_mut(slots, ty.slots()) };
            let lens = (ty.params.len(), ty.results.len());
            foreign_call(&**code, &mut view, index, slots, lens, depth, gas)
        }
    }
}

/// What runs a native function.
#[derive(Clone, Copy)]
pub(crate) struct Callee {
    pub(crate) instance: *mut Instance,
    pub(crate) enter: evmc_abi::EntryPoint,
}

/// Calls a native function by its index.
///
/// # Safety
/// That of [`run`].
unsafe fn native_call(
    store: NonNull<StoreInner>,
    native: &Native,
    callee: &Callee,
    index: u32,
    depth: u64,
    gas: &mut u64,
) -> Result<(), Trap> {
    // SAFETY: instances live as long as their store.
    let (known, frame) =
        unsafe { ((*callee.instance).own_reference(index), &raw mut (*callee.instance).frame) };
    // Functions that nobody can refer to have no record: the start function is the one that is called from here.
    let record = FuncRecord { code: native.function(index), frame, type_id: 0, number: 0 };
    let reference = known.unwrap_or_else(|| (&raw const record).expose_provenance() as u64);
    // SAFETY: the caller's promise; the record lives until the call is over.
    unsafe { enter_native(store, callee, reference, depth, gas) }
}

/// Calls the native function that a reference points to, an own one of the callee's instance.
///
/// # Safety
/// That of [`run`].
#[inline(always)]
pub(crate) unsafe fn enter_native(
    store: NonNull<StoreInner>,
    callee: &Callee,
    reference: u64,
    depth: u64,
    gas: &mut u64,
) -> Result<(), Trap> {
    // SAFETY: instances live as long as their store, and while code runs nobody borrows them.
    let frame = unsafe { &raw mut (*callee.instance).frame };
    // SAFETY: as above.
    unsafe {
        (*frame).callee = reference;
        (*frame).depth = depth;
        (*frame).gas = *gas;
    }
    // SAFETY: modules join a store only while no code of it runs, so the ranges stay.
    let code = unsafe { &(*store.as_ptr()).code }.as_slice();
    // SAFETY: the frame is that of an instance; everything it leads to belongs to the store. All code that it comes to is
    // of modules of the store, and of one convention.
    match unsafe { evmc_loader::call_within(callee.enter, frame, code) } {
        Ok(end) if end.number == ExitCode::Stop as u32 => {
            // SAFETY: as above.
            *gas = unsafe { (*frame).gas };
            Ok(())
        }
        // SAFETY: the caller's promise; the call is over.
        Ok(end) => Err(unsafe { &mut *store.as_ptr() }.trap_of_end(end)),
        // SAFETY: as above.
        Err(fault) => Err(unsafe { &mut *store.as_ptr() }.trap_of_fault(&fault)),
    }
}

/// Calls a function through an engine.
fn foreign_call(
    code: &dyn Code,
    view: &mut InstanceView<'_>,
    index: u32,
    slots: &mut [Slot],
    (params, results): (usize, usize),
    depth: u64,
    gas: &mut u64,
) -> Result<(), Trap> {
    let mut values = slots[..params].to_vec();
    let result = code.call(view, index, depth, &mut values, gas);
    let is_overdrawn = view.store().is_metered() && gas.cast_signed() < 0;
    match result {
        Ok(()) if is_overdrawn => Err(ExitCode::OutOfGas.into()),
        Ok(()) if values.len() == results => {
            slots[..results].copy_from_slice(&values);
            Ok(())
        }
        Ok(()) => Err(Cause::Defect("a wrong number of results".into()).into()),
        Err(Exit { code, source }) => {
            let id = view.instance();
            let store = view.store_mut();
            Err(store.trap(code, || store_place(source, id)))
        }
    }
}

/// The instance and offset of a place.
fn store_place(source: u32, instance: InstanceId) -> Option<(InstanceId, u32)> {
    (source != 0).then_some((instance, source))
}

impl StoreInner {
    /// The trap by which native code left.
    #[cold]
    fn trap_of_end(&mut self, end: End) -> Trap {
        let code = ExitCode::from_number(end.number).unwrap_or(ExitCode::Unreachable);
        self.trap(code, || {
            let frame: *const Frame = end.frame;
            // SAFETY: code leaves with the frame that it was called with: that of an instance, or of an imported
            // function of the host. Both live as long as the store.
            let owner = unsafe { (*frame).context.cast::<Owner>().read() };
            store_place(end.source, owner.instance?)
        })
    }

    /// What a fault of native code is: a trap, where it accessed a linear memory.
    #[cold]
    fn trap_of_fault(&mut self, fault: &Fault) -> Trap {
        let is_access = matches!(fault.kind, FaultKind::Memory | FaultKind::Stack);
        let is_linear = is_access && self.memories.iter().any(|memory| memory.reserves(fault.address));
        let (Some(offset), true) = (fault.offset, is_linear) else {
            return Cause::Defect(fault.to_string()).into();
        };
        let module = &self.natives[fault.code];
        let source = module.native().and_then(|native| native.code.source_at(offset)).unwrap_or_default();
        let id = self.instances.iter().position(|instance| std::sync::Arc::ptr_eq(&instance.module, module));
        let place = id.and_then(|id| store_place(source, InstanceId(id as u32)));
        self.trap(ExitCode::MemoryOutOfBounds, || place)
    }

    /// The trap of an exit code; what a host function left behind comes first.
    fn trap(&mut self, code: ExitCode, place: impl FnOnce() -> Option<(InstanceId, u32)>) -> Trap {
        let mut trap = self.pending.take().unwrap_or_else(|| of_code(code).into());
        if trap.place.is_none() {
            trap.place = place().map(|(instance, offset)| self.place(instance, offset));
        }
        trap
    }

    /// A place with the function that it is in.
    fn place(&self, instance: InstanceId, offset: u32) -> Place {
        let info = &self.instance(instance).module.info;
        let function = info.function_at(offset);
        let name = function.and_then(|function| info.name(function)).map(str::to_owned);
        Place { instance, offset, function, name }
    }
}

/// What an exit code stands for.
fn of_code(code: ExitCode) -> Cause {
    match code {
        ExitCode::OutOfGas
        | ExitCode::CallStackExhausted
        | ExitCode::UnreachableExecuted
        | ExitCode::MemoryOutOfBounds
        | ExitCode::TableOutOfBounds
        | ExitCode::UndefinedElement
        | ExitCode::UninitializedElement
        | ExitCode::IndirectCallTypeMismatch
        | ExitCode::IntegerDivideByZero
        | ExitCode::IntegerOverflow
        | ExitCode::InvalidConversionToInteger => Cause::Program(code),
        other => Cause::Defect(format!("exit code {}", other.name())),
    }
}
