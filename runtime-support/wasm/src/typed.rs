//! Calls whose types are known to the Rust compiler: nothing is checked or allocated for each.

use std::marker::PhantomData;

use evmc_abi::wasm::Slot;

use crate::call::{Callee, enter, enter_native, with_room};
use crate::module::Engine;
use crate::store::{Func, FuncKind, Store, StoreInner};
use crate::trap::{Cause, Trap};
use crate::val::WasmValues;

/// A function of known types.
pub struct TypedFunc<P, R> {
    func: Func,
    /// The store that it belongs to.
    store: u64,
    direct: Option<Direct>,
    _types: PhantomData<fn(P) -> R>,
}

/// How a native function is called, looked up once.
#[derive(Clone, Copy)]
struct Direct {
    callee: Callee,
    reference: u64,
    slots: *mut Slot,
}

// SAFETY: what it points to belongs to the store, and is used only by who has borrowed that alone.
unsafe impl<P, R> Send for TypedFunc<P, R> {}
// SAFETY: as above.
unsafe impl<P, R> Sync for TypedFunc<P, R> {}

impl Store {
    /// A function with its types.
    ///
    /// # Errors
    /// They are others.
    pub fn typed<P: WasmValues, R: WasmValues>(&mut self, func: Func) -> Result<TypedFunc<P, R>, Trap> {
        let store = self.inner_mut();
        let ty = store.type_of(func);
        if ty.params != P::TYPES || ty.results != R::TYPES {
            return Err(Cause::Arguments.into());
        }
        Ok(TypedFunc { func, store: store.id, direct: store.direct(func), _types: PhantomData })
    }
}

impl StoreInner {
    fn direct(&self, func: Func) -> Option<Direct> {
        let FuncKind::Own(id, index) = func.kind() else { return None };
        let instance = self.instance(id);
        let Engine::Native(native) = &instance.module.engine else { return None };
        let enter = native.enter(instance.module.info.functions[index as usize].signature);
        let callee = Callee { instance: instance.as_ptr(), enter };
        Some(Direct { callee, reference: instance.own_reference(index)?, slots: instance.area.slots() })
    }
}

impl<P: WasmValues, R: WasmValues> TypedFunc<P, R> {
    /// Calls the function; gives its results, and what is left of its gas.
    ///
    /// # Errors
    /// The call gave no results. Its gas is gone.
    ///
    /// # Panics
    /// The store is another one.
    #[inline]
    pub fn call(&self, store: &mut Store, params: P, gas: u64) -> Result<(R, u64), Trap> {
        let root = store.inner;
        let inner = store.inner_mut();
        assert_eq!(inner.id, self.store, "a function of another store");
        let depth = inner.limits.depth;
        let Some(direct) = self.direct else { return self.call_indirect(store, params, gas) };
        let mut counter = gas.min(i64::MAX.cast_unsigned());
        let len = P::TYPES.len().max(R::TYPES.len());
        // SAFETY: the instance lives as long as the store, and has slots for every function of its own.
        params.put_all(unsafe { std::slice::from_raw_parts_mut(direct.slots, len) }, inner);
        let is_metered = inner.is_metered();
        // SAFETY: the store is borrowed alone; `direct` was found in it.
        let call = || unsafe { enter_native(root, &direct.callee, direct.reference, depth, &mut counter) };
        // SAFETY: as above.
        unsafe { with_room(root, depth, call) }?;
        // SAFETY: as for the arguments.
        let slots = unsafe { std::slice::from_raw_parts(direct.slots, len) };
        let results = R::take_all(slots, store.inner_mut());
        Ok((results, if is_metered { counter } else { gas }))
    }

    #[cold]
    fn call_indirect(&self, store: &mut Store, params: P, mut gas: u64) -> Result<(R, u64), Trap> {
        let root = store.inner;
        let inner = store.inner_mut();
        let mut own = vec![0; P::TYPES.len().max(R::TYPES.len())];
        params.put_all(&mut own, inner);
        // SAFETY: the store is borrowed alone, and there are slots for all values.
        unsafe { enter(root, self.func, None, own.as_mut_ptr(), inner.limits.depth, &mut gas) }?;
        Ok((R::take_all(&own, store.inner_mut()), gas))
    }
}
