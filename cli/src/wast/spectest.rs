//! The module `spectest`, which the specification's tests import from.

use evmc_wasm::{CreateError, Extern, Val};
use evmc_wasm_module::{FuncType, GlobalType, MemoryType, TableType, ValType};

use crate::wasm::Machine;

/// Its name.
const NAME: &str = "spectest";

/// The functions, which print their arguments elsewhere and do nothing here.
const FUNCTIONS: [(&str, &[ValType]); 7] = [
    ("print", &[]),
    ("print_i32", &[ValType::I32]),
    ("print_i64", &[ValType::I64]),
    ("print_f32", &[ValType::F32]),
    ("print_f64", &[ValType::F64]),
    ("print_i32_f32", &[ValType::I32, ValType::F32]),
    ("print_f64_f64", &[ValType::F64, ValType::F64]),
];

/// Names what the module consists of.
///
/// # Errors
/// A limit of the store is in the way.
pub fn define(machine: &mut Machine) -> Result<(), CreateError> {
    for (name, params) in FUNCTIONS {
        let ty = FuncType { params: params.to_vec(), results: Vec::new() };
        let function = machine.store().host_func(&ty, |_, _, _| Ok(()));
        machine.define(NAME, name, Extern::Func(function));
    }
    let globals = [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6_f32.to_bits())),
        ("global_f64", Val::F64(666.6_f64.to_bits())),
    ];
    for (name, value) in globals {
        let ty = GlobalType { value: value.ty(), mutable: false };
        let global = machine.store().create_global(ty, value)?;
        machine.define(NAME, name, Extern::Global(global));
    }
    let ty = TableType { element: ValType::FuncRef, min: 10, max: Some(20) };
    let table = machine.store().create_table(ty, Val::FuncRef(None))?;
    machine.define(NAME, "table", Extern::Table(table));
    let memory = machine.store().create_memory(MemoryType { min: 1, max: Some(2) })?;
    machine.define(NAME, "memory", Extern::Memory(memory));
    Ok(())
}
