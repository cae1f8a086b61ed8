//! Modules: what they declare, and code that runs them.

use std::collections::HashMap;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use evmc_abi::descriptor::{Backend, FLAG_METERED, Language};
use evmc_abi::wasm::{EntryId, EntryKind, MAX_PAGES};
use evmc_abi::{EntryPoint, InstanceShape};
use evmc_artifact::Artifact;
use evmc_loader::LoadedCode;
use evmc_wasm_module::{ConstOp, Import, ImportKind, Item, ModuleInfo, SegmentMode};

use crate::constant;
use crate::error::ModuleError;
use crate::registry::Type;
use crate::trap::Exit;
use crate::view::InstanceView;

/// Runs the functions of a module otherwise than by native code.
pub trait Code: Send + Sync {
    /// Calls a function of the module's own, by its index without the imported ones, in the instance of the view. The
    /// values are its arguments and become its results. Gas left is a number with a sign, negative when it is overdrawn.
    ///
    /// # Errors
    /// How the function ended otherwise.
    fn call(
        &self,
        view: &mut InstanceView<'_>,
        function: u32,
        depth: u64,
        values: &mut Vec<u128>,
        gas: &mut u64,
    ) -> Result<(), Exit>;

    /// Upper bound of the native stack that a call needs for each unit of logical depth, in bytes.
    fn native_stack_bytes(&self) -> u64;
}

/// A module; clones are the same module.
#[derive(Clone)]
pub struct Module(pub(crate) Arc<ModuleData>);

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.0.shape).finish()
    }
}

/// A module as instances need it.
pub(crate) struct ModuleData {
    pub(crate) info: ModuleInfo,
    pub(crate) shape: InstanceShape,
    /// The types of `info`, by the same index.
    pub(crate) types: Box<[Type]>,
    pub(crate) engine: Engine,
    exports: HashMap<String, Item>,
    /// Slots that the largest arguments or results take.
    pub(crate) slots: usize,
}

/// What runs a module.
#[expect(clippy::large_enum_variant, reason = "there is one for each module, and it stays where it is")]
pub(crate) enum Engine {
    /// Machine code.
    Native(Native),
    /// Something else.
    Foreign(Arc<dyn Code>),
}

/// Which code can call which without help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Convention {
    /// The backend of machine code.
    backend: Option<Backend>,
    metered: bool,
}

impl Module {
    /// Maps an artifact.
    ///
    /// # Errors
    /// The artifact is not one, not of WebAssembly, or not for this machine.
    pub fn from_artifact(file: &[u8]) -> Result<Self, ModuleError> {
        let artifact = Artifact::check(file)?;
        if artifact.language() != Language::Wasm {
            return Err(ModuleError::Language);
        }
        let code = LoadedCode::load(&artifact)?;
        let info = ModuleInfo::from_bytes(code.module())?;
        if info.metered != (code.descriptor().flags & FLAG_METERED != 0) {
            return Err(ModuleError::Metering);
        }
        let native = Native::new(code, artifact.backend(), &info)?;
        Self::new(info, Engine::Native(native))
    }

    /// A module whose functions `code` runs.
    ///
    /// # Errors
    /// The description contradicts itself.
    pub fn with_code(info: ModuleInfo, code: Arc<dyn Code>) -> Result<Self, ModuleError> {
        Self::new(info, Engine::Foreign(code))
    }

    fn new(info: ModuleInfo, engine: Engine) -> Result<Self, ModuleError> {
        constant::check(&info)?;
        check_types(&info)?;
        let types: Box<[Type]> = info.types.iter().map(Type::of).collect();
        let slots = types.iter().map(Type::slots).max().unwrap_or_default();
        let exports = info.exports.iter().map(|export| (export.name.clone(), export.item)).collect();
        Ok(Self(Arc::new(ModuleData { shape: info.shape(), types, engine, exports, slots, info })))
    }

    /// What the module declares.
    pub fn info(&self) -> &ModuleInfo {
        &self.0.info
    }

    /// What it takes from others, in the order in which an instance is given it.
    pub fn imports(&self) -> &[Import] {
        &self.0.info.imports
    }
}

impl ModuleData {
    /// What it gives to others under a name.
    pub(crate) fn export(&self, name: &str) -> Option<Item> {
        self.exports.get(name).copied()
    }

    /// The type of a function of its own.
    pub(crate) fn own_type(&self, function: u32) -> &Type {
        &self.types[self.info.functions[function as usize].signature as usize]
    }

    /// Which code can call it.
    pub(crate) fn convention(&self) -> Convention {
        let backend = match &self.engine {
            Engine::Native(native) => Some(native.backend),
            Engine::Foreign(_) => None,
        };
        Convention { backend, metered: self.info.metered }
    }

    /// Native stack for each unit of logical depth, in bytes.
    pub(crate) fn native_stack_bytes(&self) -> u64 {
        match &self.engine {
            Engine::Native(native) => native.code.native_stack_bytes(),
            Engine::Foreign(code) => code.native_stack_bytes(),
        }
    }

    /// Its machine code.
    pub(crate) const fn native(&self) -> Option<&Native> {
        match &self.engine {
            Engine::Native(native) => Some(native),
            Engine::Foreign(_) => None,
        }
    }
}

impl Convention {
    /// Whether it is machine code.
    pub(crate) const fn is_native(self) -> bool {
        self.backend.is_some()
    }

    /// Whether gas is counted.
    pub(crate) const fn is_metered(self) -> bool {
        self.metered
    }
}

/// Machine code with its entries.
pub(crate) struct Native {
    pub(crate) code: LoadedCode,
    backend: Backend,
    /// By signature: calls a function of it.
    enter: Box<[EntryPoint]>,
    /// By signature: a function of it that calls the host.
    host: Box<[NonNull<u8>]>,
    /// Functions of the module's own.
    functions: Box<[NonNull<u8>]>,
}

// SAFETY: the pointers are addresses of code, which lives as long as `code` and is never written to.
unsafe impl Send for Native {}
// SAFETY: as above.
unsafe impl Sync for Native {}

impl Native {
    fn new(code: LoadedCode, backend: Backend, info: &ModuleInfo) -> Result<Self, ModuleError> {
        let found: HashMap<u32, NonNull<u8>> = code.entries().collect();
        let all = |kind, count: usize| -> Result<Box<[NonNull<u8>]>, ModuleError> {
            let ids = (0..count as u32).map(|number| EntryId { kind, number });
            ids.map(|id| found.get(&id.to_bits()).copied().ok_or(ModuleError::Entry(id))).collect()
        };
        let enter = all(EntryKind::Enter, info.types.len())?;
        // SAFETY: the artifact names these as entry points, which are functions of this type.
        let enter = enter.iter().map(|at| unsafe { std::mem::transmute::<NonNull<u8>, EntryPoint>(*at) });
        Ok(Self {
            enter: enter.collect(),
            host: all(EntryKind::CallHost, info.types.len())?,
            functions: all(EntryKind::Function, info.functions.len())?,
            code,
            backend,
        })
    }

    /// What calls a function of a signature.
    #[inline(always)]
    pub(crate) fn enter(&self, signature: u32) -> EntryPoint {
        self.enter[signature as usize]
    }

    /// The function of a signature that calls the host.
    pub(crate) fn host(&self, signature: u32) -> *const u8 {
        self.host[signature as usize].as_ptr()
    }

    /// A function of the module's own.
    pub(crate) fn function(&self, function: u32) -> *const u8 {
        self.functions[function as usize].as_ptr()
    }
}

/// Checks what the description's types must fulfil, whatever code there is.
fn check_types(info: &ModuleInfo) -> Result<(), ModuleError> {
    let fails = |holds: bool, what| if holds { Ok(()) } else { Err(ModuleError::Type(what)) };
    let tables = info.imports.iter().filter_map(|import| match import.kind {
        ImportKind::Table(ty) => Some(ty),
        _ => None,
    });
    let tables: Vec<_> = tables.chain(info.tables.iter().map(|table| table.ty)).collect();
    for table in &tables {
        fails(table.element.is_reference(), "a table of something else than references")?;
        fails(table.min <= u64::from(u32::MAX), "a table too large for its indices")?;
    }
    fails(info.memories.iter().all(|ty| ty.min <= MAX_PAGES), "a memory too large for its addresses")?;
    for element in &info.elements {
        fails(element.ty.is_reference(), "an element segment of something else than references")?;
        if let SegmentMode::Active(table, _) = element.mode {
            let fits = tables.get(table as usize).is_some_and(|ty| ty.element == element.ty);
            fails(fits, "an element segment of another type than its table")?;
        }
    }
    let start = info.start.and_then(|start| info.signature(start)).map(|at| &info.types[at as usize]);
    let is_plain = start.is_none_or(|ty| ty.params.is_empty() && ty.results.is_empty());
    fails(is_plain, "a start function with parameters or results")?;
    check_referenced(info)
}

/// Checks that every function that a reference may point to has a record.
fn check_referenced(info: &ModuleInfo) -> Result<(), ModuleError> {
    let imported = info.shape().imported_functions;
    let has_record = |function: u32| match function.checked_sub(imported) {
        None => true,
        Some(own) => info.referenced.binary_search(&own).is_ok(),
    };
    let exported = info.exports.iter().filter_map(|export| match export.item {
        Item::Function(function) => Some(function),
        _ => None,
    });
    let items = info.elements.iter().flat_map(|element| &element.items);
    let globals = info.globals.iter().map(|global| &global.init);
    let tables = info.tables.iter().filter_map(|table| table.init.as_ref());
    let named = items.chain(globals).chain(tables).flatten().filter_map(|step| match step {
        ConstOp::RefFunc(function) => Some(*function),
        _ => None,
    });
    let is_strict = info.referenced.is_sorted_by(|a, b| a < b);
    if is_strict && exported.chain(named).all(has_record) {
        return Ok(());
    }
    Err(ModuleError::Type("a function without a record is referred to"))
}
