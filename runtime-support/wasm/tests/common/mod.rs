//! Modules whose functions are closures.

use std::sync::Arc;

use evmc_wasm::module_info::{
    Export, FuncType, Function, Import, ImportKind, Item, MemoryType, ModuleInfo, ValType,
};
use evmc_wasm::{Code, Exit, InstanceView, Module};

/// What a function does: the view, the depth that is left, values, gas.
pub type Body = fn(&mut InstanceView<'_>, u64, &mut Vec<u128>, &mut u64) -> Result<(), Exit>;

/// An engine of closures.
struct Closures(Vec<Body>);

impl Code for Closures {
    fn call(
        &self,
        view: &mut InstanceView<'_>,
        function: u32,
        depth: u64,
        values: &mut Vec<u128>,
        gas: &mut u64,
    ) -> Result<(), Exit> {
        self.0[function as usize](view, depth, values, gas)
    }

    fn native_stack_bytes(&self) -> u64 {
        256
    }
}

/// A module with functions of the types with the given numbers; each is exported as `f0`, `f1`, …
pub fn module(mut info: ModuleInfo, bodies: &[(u32, Body)]) -> Module {
    let imported = info.shape().imported_functions;
    for (index, &(signature, _)) in bodies.iter().enumerate() {
        let index = index as u32;
        info.functions.push(Function { signature, start: 100 * (index + 1), end: 100 * (index + 1) + 50 });
        info.names.push((imported + index, format!("name{index}")));
        info.referenced.push(index);
        info.exports.push(Export { name: format!("f{index}"), item: Item::Function(imported + index) });
    }
    let code = Closures(bodies.iter().map(|(_, body)| *body).collect());
    Module::with_code(info, Arc::new(code)).expect("a sound module")
}

/// A type of functions.
pub fn ty(params: &[ValType], results: &[ValType]) -> FuncType {
    FuncType { params: params.to_vec(), results: results.to_vec() }
}

/// An import from the module `env`.
pub fn import(name: &str, kind: ImportKind) -> Import {
    Import { module: "env".into(), name: name.into(), kind }
}

/// An export.
pub fn export(name: &str, item: Item) -> Export {
    Export { name: name.into(), item }
}

/// A type of memories.
pub fn pages(min: u64, max: Option<u64>) -> MemoryType {
    MemoryType { min, max }
}
