//! Types of WebAssembly as those of the module description and of the IR.

use evmc_ir::Type;
use evmc_wasm_module::{FuncType, GlobalType, MemoryType, TableType, ValType};

/// A type of the decoder in the description. Typed references are in no module that validates.
pub(super) fn value(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => reference(ty),
    }
}

/// A type of references.
pub(super) fn reference(ty: wasmparser::RefType) -> ValType {
    if ty.is_extern_ref() { ValType::ExternRef } else { ValType::FuncRef }
}

/// A type of functions.
pub(super) fn function(ty: &wasmparser::FuncType) -> FuncType {
    let values = |types: &[wasmparser::ValType]| types.iter().map(|&ty| value(ty)).collect();
    FuncType { params: values(ty.params()), results: values(ty.results()) }
}

/// A type of tables.
pub(super) fn table(ty: wasmparser::TableType) -> TableType {
    TableType { element: reference(ty.element_type), min: ty.initial, max: ty.maximum }
}

/// A type of memories.
pub(super) fn memory(ty: wasmparser::MemoryType) -> MemoryType {
    MemoryType { min: ty.initial, max: ty.maximum }
}

/// A type of globals.
pub(super) fn global(ty: wasmparser::GlobalType) -> GlobalType {
    GlobalType { value: value(ty.content_type), mutable: ty.mutable }
}

/// What values of a type are in the IR.
pub(super) fn ir(ty: ValType) -> Type {
    match ty {
        ValType::I32 => Type::I32,
        ValType::I64 | ValType::FuncRef | ValType::ExternRef => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        ValType::V128 => Type::V128,
    }
}

/// A list of one type.
pub(super) fn single(ty: ValType) -> &'static [Type] {
    match ty {
        ValType::I32 => &[Type::I32],
        ValType::I64 | ValType::FuncRef | ValType::ExternRef => &[Type::I64],
        ValType::F32 => &[Type::F32],
        ValType::F64 => &[Type::F64],
        ValType::V128 => &[Type::V128],
    }
}
