//! Types of functions, each once in a process, so that equality is equality of numbers.
//!
//! The number of a type is an address that belongs to it as long as anybody holds it. Types that nobody holds are
//! forgotten when the table has doubled since the last time.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use evmc_wasm_module::FuncType;

/// A type of functions.
#[derive(Clone, Debug)]
pub(crate) struct Type(Arc<FuncType>);

impl Type {
    /// The one that is equal to `ty`.
    pub(crate) fn of(ty: &FuncType) -> Self {
        let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let table = table.get_or_insert_default();
        if let Some(known) = table.types.get(ty).and_then(Weak::upgrade) {
            return Self(known);
        }
        if table.types.len() >= table.clean_at {
            table.types.retain(|_, known| known.strong_count() > 0);
            table.clean_at = (2 * table.types.len()).max(CLEAN_AT_LEAST);
        }
        let new = Arc::new(ty.clone());
        table.types.insert(ty.clone(), Arc::downgrade(&new));
        Self(new)
    }

    /// Its number: [`evmc_abi::wasm::FuncRecord::type_id`].
    pub(crate) fn id(&self) -> u64 {
        Arc::as_ptr(&self.0).addr() as u64
    }

    /// Slots that hold the arguments, and then the results, of a function.
    pub(crate) fn slots(&self) -> usize {
        self.0.params.len().max(self.0.results.len())
    }
}

impl Deref for Type {
    type Target = FuncType;

    fn deref(&self) -> &FuncType {
        &self.0
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Types below which the table is never cleaned.
const CLEAN_AT_LEAST: usize = 1024;

/// Every type.
#[derive(Default)]
struct Table {
    types: HashMap<FuncType, Weak<FuncType>>,
    clean_at: usize,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

#[cfg(test)]
mod tests {
    use super::*;
    use evmc_wasm_module::ValType;

    #[test]
    fn equal_types_have_equal_numbers() {
        let unary = |ty| FuncType { params: vec![ty], results: vec![] };
        let one = Type::of(&unary(ValType::I32));
        assert_eq!(one.id(), Type::of(&unary(ValType::I32)).id());
        assert_ne!(one.id(), Type::of(&unary(ValType::I64)).id());
    }

    #[test]
    fn types_that_nobody_holds_are_forgotten() {
        let kept = Type::of(&FuncType { params: vec![ValType::F32; 3], results: vec![] });
        for len in 0..10_000 {
            Type::of(&FuncType {
                params: vec![ValType::F64; len % 100],
                results: vec![ValType::I32; len / 100],
            });
        }
        assert!(TABLE.lock().expect("no panic").as_ref().is_some_and(|table| table.types.len() < 5000));
        assert_eq!(kept, Type::of(&kept));
    }
}
