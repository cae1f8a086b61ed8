//! What of its module a body sees.

use std::sync::atomic::{AtomicU64, Ordering};

use cranelift_entity::PrimaryMap;
use evmc_ir::{Func, Sig, Signature, Type};
use evmc_wasm_module::{FuncType, ImportKind, ModuleInfo};

use super::{types, work};
use crate::frontend::wasm::decode::Decoded;
use crate::frontend::wasm::{CostTable, WasmConfig, WasmError};

/// A type of functions in the IR.
struct FunctionType {
    /// The logical depth, then the parameters.
    params: Vec<Type>,
    results: Vec<Type>,
    signature: Option<Sig>,
}

/// What of its module a body sees.
pub(in crate::frontend::wasm) struct Environment<'m> {
    info: &'m ModuleInfo,
    /// By index of the type.
    types: Vec<FunctionType>,
    /// The type of each function, imported ones first.
    functions: &'m [u32],
    imported_functions: u32,
    globals: Vec<Type>,
    pub(super) costs: &'m CostTable,
    pub(super) metered: bool,
    limit: u64,
    work: AtomicU64,
}

/// What a call goes to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    /// An imported function.
    Imported(u32),
    /// A function of the module's own.
    Own(Func),
}

impl<'m> Environment<'m> {
    /// The environment of a module's bodies.
    pub(in crate::frontend::wasm) fn new(decoded: &'m Decoded<'_>, config: &'m WasmConfig) -> Self {
        let info = &decoded.info;
        let types = decoded.types.iter().zip(&decoded.signatures);
        let imported = info.imports.iter().filter_map(|import| match import.kind {
            ImportKind::Global(ty) => Some(ty.value),
            _ => None,
        });
        let own = info.globals.iter().map(|global| global.ty.value);
        Self {
            info,
            types: types.map(|(ty, &signature)| FunctionType::new(ty, signature)).collect(),
            functions: &decoded.function_types,
            imported_functions: info.shape().imported_functions,
            globals: imported.chain(own).map(types::ir).collect(),
            costs: &config.costs,
            metered: config.metered,
            limit: config.limits.work,
            work: AtomicU64::new(decoded.work()),
        }
    }

    /// The signatures of the module.
    pub(in crate::frontend::wasm) fn signatures(&self) -> PrimaryMap<Sig, Signature> {
        let signature = |ty| {
            let FunctionType { params, results, .. } = FunctionType::new(ty, None);
            Signature { params, results }
        };
        self.info.types.iter().map(signature).collect()
    }

    /// Whether the module counts gas.
    pub(in crate::frontend::wasm) fn is_metered(&self) -> bool {
        self.metered
    }

    /// Parameters without the logical depth, and results, of a function of the module's own.
    pub(super) fn own(&self, func: Func) -> (&[Type], &[Type]) {
        self.function_type(self.functions[(self.imported_functions + func.as_u32()) as usize])
    }

    /// Parameters without the logical depth, and results, of a type.
    pub(super) fn function_type(&self, ty: u32) -> (&[Type], &[Type]) {
        let ty = &self.types[ty as usize];
        (&ty.params[1..], &ty.results)
    }

    /// The signature of a type that a call names.
    pub(super) fn signature(&self, ty: u32) -> Sig {
        self.types[ty as usize].signature.expect("calls name types that are numbered")
    }

    /// What a function is, and its type.
    pub(super) fn callee(&self, function: u32) -> (Callee, u32) {
        let callee = match function.checked_sub(self.imported_functions) {
            None => Callee::Imported(function),
            Some(own) => Callee::Own(Func::from_u32(own)),
        };
        (callee, self.functions[function as usize])
    }

    /// The number of a function of the module's own among those that have references.
    pub(super) fn referenced(&self, func: Func) -> u32 {
        self.info.referenced.partition_point(|&function| function < func.as_u32()) as u32
    }

    /// Type of a global.
    pub(super) fn global(&self, global: u32) -> Type {
        self.globals[global as usize]
    }

    /// Counts work.
    ///
    /// # Errors
    /// That of all functions together is more than the limit.
    pub(in crate::frontend::wasm) fn spend(&self, work: u64) -> Result<(), WasmError> {
        let before = self.work.fetch_add(work, Ordering::Relaxed);
        if before + work <= self.limit {
            return Ok(());
        }
        Err(WasmError::TooLarge { offset: 0, what: work::WHAT, limit: self.limit })
    }

    /// The work that was counted.
    pub(in crate::frontend::wasm) fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }
}

impl FunctionType {
    fn new(ty: &FuncType, signature: Option<u32>) -> Self {
        let params = ty.params.iter().map(|&ty| types::ir(ty));
        Self {
            params: [Type::I64].into_iter().chain(params).collect(),
            results: ty.results.iter().map(|&ty| types::ir(ty)).collect(),
            signature: signature.map(Sig::from_u32),
        }
    }
}
