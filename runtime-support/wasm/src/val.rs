//! Values as the embedder sees them, and how they lie in slots.

use evmc_abi::wasm::Slot;
use evmc_wasm_module::ValType;

use crate::store::{Func, StoreInner};

/// A value. Floating-point numbers are their bits, so that equality is that of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Val {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a binary32.
    F32(u32),
    /// The bits of a binary64.
    F64(u64),
    /// A vector.
    V128(u128),
    /// A reference to a function, or null.
    FuncRef(Option<Func>),
    /// A reference to something that the embedder numbers, or null.
    ExternRef(Option<u32>),
}

impl Val {
    /// Its type.
    pub const fn ty(self) -> ValType {
        match self {
            Self::I32(_) => ValType::I32,
            Self::I64(_) => ValType::I64,
            Self::F32(_) => ValType::F32,
            Self::F64(_) => ValType::F64,
            Self::V128(_) => ValType::V128,
            Self::FuncRef(_) => ValType::FuncRef,
            Self::ExternRef(_) => ValType::ExternRef,
        }
    }

    /// Zero, or the null reference.
    pub const fn zero(ty: ValType) -> Self {
        match ty {
            ValType::I32 => Self::I32(0),
            ValType::I64 => Self::I64(0),
            ValType::F32 => Self::F32(0),
            ValType::F64 => Self::F64(0),
            ValType::V128 => Self::V128(0),
            ValType::FuncRef => Self::FuncRef(None),
            ValType::ExternRef => Self::ExternRef(None),
        }
    }

    /// Its bits.
    pub(crate) fn to_slot(self, store: &mut StoreInner) -> Slot {
        match self {
            Self::I32(value) => value.put(store),
            Self::I64(value) => value.put(store),
            Self::F32(bits) => Slot::from(bits),
            Self::F64(bits) => Slot::from(bits),
            Self::V128(bits) => bits,
            Self::FuncRef(func) => func.put(store),
            Self::ExternRef(number) => ExternRef(number).put(store),
        }
    }

    /// The value of a type with these bits.
    pub(crate) fn from_slot(ty: ValType, slot: Slot, store: &StoreInner) -> Self {
        match ty {
            ValType::I32 => Self::I32(slot as i32),
            ValType::I64 => Self::I64(slot as i64),
            ValType::F32 => Self::F32(slot as u32),
            ValType::F64 => Self::F64(slot as u64),
            ValType::V128 => Self::V128(slot),
            ValType::FuncRef => Self::FuncRef(WasmValue::take(slot, store)),
            ValType::ExternRef => Self::ExternRef(ExternRef::take(slot, store).0),
        }
    }
}

/// A reference to something that the embedder numbers, or null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExternRef(pub Option<u32>);

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that stands for a type of WebAssembly.
pub trait WasmValue: Copy + sealed::Sealed {
    /// That type.
    const TYPE: ValType;

    /// The bits of a value.
    #[doc(hidden)]
    fn put(self, store: &mut StoreInner) -> Slot;

    /// The value with these bits.
    #[doc(hidden)]
    fn take(slot: Slot, store: &StoreInner) -> Self;
}

macro_rules! wasm_values {
    ($($ty:ty: $variant:ident, $put:expr, $take:expr;)*) => {$(
        impl sealed::Sealed for $ty {}

        impl WasmValue for $ty {
            const TYPE: ValType = ValType::$variant;

            #[inline(always)]
            fn put(self, _: &mut StoreInner) -> Slot {
                const PUT: fn($ty) -> Slot = $put;
                PUT(self)
            }

            #[inline(always)]
            fn take(slot: Slot, _: &StoreInner) -> Self {
                const TAKE: fn(Slot) -> $ty = $take;
                TAKE(slot)
            }
        }
    )*};
}

wasm_values! {
    i32: I32, |value| Slot::from(value.cast_unsigned()), |slot| slot as i32;
    u32: I32, |value| Slot::from(value), |slot| slot as u32;
    i64: I64, |value| Slot::from(value.cast_unsigned()), |slot| slot as i64;
    u64: I64, |value| Slot::from(value), |slot| slot as u64;
    f32: F32, |value| Slot::from(value.to_bits()), |slot| f32::from_bits(slot as u32);
    f64: F64, |value| Slot::from(value.to_bits()), |slot| f64::from_bits(slot as u64);
    u128: V128, |value| value, |slot| slot;
    ExternRef: ExternRef,
        |value| value.0.map_or(0, |number| Slot::from(number) + 1),
        |slot| ExternRef(slot.checked_sub(1).map(|number| number as u32));
}

impl sealed::Sealed for Option<Func> {}

impl WasmValue for Option<Func> {
    const TYPE: ValType = ValType::FuncRef;

    fn put(self, store: &mut StoreInner) -> Slot {
        self.map_or(0, |func| Slot::from(store.reference(func)))
    }

    fn take(slot: Slot, store: &StoreInner) -> Self {
        store.func_of(slot as u64)
    }
}

/// Arguments or results of a function: nothing, a value, or a tuple.
pub trait WasmValues: Copy {
    /// Their types.
    const TYPES: &'static [ValType];

    /// Writes them to slots, of which there are enough.
    #[doc(hidden)]
    fn put_all(self, slots: &mut [Slot], store: &mut StoreInner);

    /// Reads them from slots, of which there are enough.
    #[doc(hidden)]
    fn take_all(slots: &[Slot], store: &StoreInner) -> Self;
}

impl<T: WasmValue> WasmValues for T {
    const TYPES: &'static [ValType] = &[T::TYPE];

    #[inline(always)]
    fn put_all(self, slots: &mut [Slot], store: &mut StoreInner) {
        slots[0] = self.put(store);
    }

    #[inline(always)]
    fn take_all(slots: &[Slot], store: &StoreInner) -> Self {
        T::take(slots[0], store)
    }
}

macro_rules! tuples {
    ($(($($ty:ident $at:tt),*))*) => {$(
        impl<$($ty: WasmValue),*> WasmValues for ($($ty,)*) {
            const TYPES: &'static [ValType] = &[$($ty::TYPE),*];

            #[inline(always)]
            #[expect(clippy::allow_attributes, reason = "which of them hold depends on the length")]
            #[allow(unused_variables, reason = "the empty tuple")]
            fn put_all(self, slots: &mut [Slot], store: &mut StoreInner) {
                $(slots[$at] = self.$at.put(store);)*
            }

            #[inline(always)]
            #[expect(clippy::allow_attributes, reason = "which of them hold depends on the length")]
            #[allow(unused_variables, clippy::unused_unit, reason = "the empty tuple")]
            fn take_all(slots: &[Slot], store: &StoreInner) -> Self {
                ($($ty::take(slots[$at], store),)*)
            }
        }
    )*};
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
