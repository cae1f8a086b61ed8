//! Compiles a module: one object, functions in order, one reused context.

use std::borrow::Cow;

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function as ClifFunction, UserFuncName};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::{CodegenError, Context};
use cranelift_entity::SecondaryMap;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{FuncId, Linkage, Module as _, ModuleReloc};
use cranelift_object::{ObjectBuilder, ObjectModule, ObjectProduct};
use evmc_abi::descriptor::TrapSite;
use evmc_abi::wasm::EntryId;
use evmc_backend::call_graph::isolate_entry;
use evmc_backend::legalize::{Outline, legalize};
use evmc_backend::native_stack::native_stack_bytes;
use evmc_backend::{BackendError, Convention, Object, OptLevel, Options};
use evmc_ir::{Func, Function, Module, Sig};

use crate::signature::{Interface, interfaces, reference_interfaces};
use crate::sites::trap_sites;
use crate::stack::argument_bytes;
use crate::target;
use crate::tier::{self, Budget, Effort};
use crate::translate::{Surroundings, Translator};
use crate::unwind::Unwind;

/// Bytes of return address and saved frame pointer, which frame layouts do not count.
const FRAME_HEADER: u64 = 16;

/// The object of a module.
pub(crate) fn object(module: &Module, options: &Options, outline: Outline) -> Result<Object, BackendError> {
    let legal = prepare(module, options, outline)?;
    let mut compiler = Compiler::new(&legal, options, false)?;
    compiler.functions()?;
    compiler.finish()
}

/// The machine code of a module as text.
pub(crate) fn assembly(module: &Module, options: &Options, outline: Outline) -> Result<String, BackendError> {
    let legal = prepare(module, options, outline)?;
    let mut compiler = Compiler::new(&legal, options, true)?;
    compiler.functions()?;
    Ok(compiler.text.unwrap_or_default())
}

/// The legal form of a module, whose entry no function calls. A module of WebAssembly is legal as it is.
fn prepare<'m>(
    module: &'m Module,
    options: &Options,
    outline: Outline,
) -> Result<Cow<'m, Module>, BackendError> {
    if module.instance.is_some() {
        module.functions.values().try_for_each(check_widths)?;
        return Ok(Cow::Borrowed(module));
    }
    let mut legal = legalize(module, outline);
    (options.legal_passes.0)(&mut legal);
    isolate_entry(&mut legal)?;
    Ok(Cow::Owned(legal))
}

/// Refuses values that would have to be split.
fn check_widths(func: &Function) -> Result<(), BackendError> {
    match func.values.values().all(|value| value.ty.bits() <= 128) {
        true => Ok(()),
        false => Err(BackendError::Invalid {
            function: func.name.clone(),
            reason: "a value in a module of WebAssembly has more than 128 bits".into(),
        }),
    }
}

/// A failure of the code generator.
fn internal(function: &str, error: &dyn std::fmt::Display) -> BackendError {
    BackendError::Internal { function: function.into(), reason: error.to_string() }
}

/// A failure to compile one function.
fn define_error(function: &str, error: &CodegenError) -> BackendError {
    match error {
        CodegenError::CodeTooLarge | CodegenError::ImplLimitExceeded => {
            BackendError::TooLarge { function: function.into(), reason: error.to_string() }
        }
        _ => BackendError::Internal { function: function.into(), reason: format!("{error:?}") },
    }
}

/// A module in the works.
struct Compiler<'a> {
    module: &'a Module,
    options: &'a Options,
    object: ObjectModule,
    /// The instruction set with the fastest settings.
    quick: OwnedTargetIsa,
    budget: Budget,
    context: Context,
    builder: FunctionBuilderContext,
    ids: SecondaryMap<Func, Option<FuncId>>,
    interfaces: SecondaryMap<Func, Option<Interface>>,
    references: SecondaryMap<Sig, Option<Interface>>,
    /// Accesses to linear memories of each function, from its start.
    trap_sites: Vec<(FuncId, Vec<TrapSite>)>,
    /// Bytes of native stack of each function.
    frames: SecondaryMap<Func, u64>,
    /// Functions that got less effort than the level asks.
    quick_functions: u32,
    unwind: Unwind,
    /// The machine code as text, where it is wanted.
    text: Option<String>,
}

impl<'a> Compiler<'a> {
    fn new(module: &'a Module, options: &'a Options, text: bool) -> Result<Self, BackendError> {
        let isa = target::isa(options, options.level)?;
        let quick = target::isa(options, OptLevel::None)?;
        let names = Box::new(|call| format!("evmc.missing.{call}"));
        let builder = ObjectBuilder::new(isa, "evmc", names).map_err(|error| internal("", &error))?;
        Ok(Self {
            module,
            options,
            object: ObjectModule::new(builder),
            quick,
            budget: Budget::default(),
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            ids: SecondaryMap::new(),
            interfaces: interfaces(module),
            references: reference_interfaces(module),
            trap_sites: Vec::new(),
            frames: SecondaryMap::new(),
            quick_functions: 0,
            unwind: Unwind::default(),
            text: text.then(String::new),
        })
    }

    /// Declares and compiles every function.
    fn functions(&mut self) -> Result<(), BackendError> {
        let module = self.module;
        for (id, func) in module.functions.iter() {
            let Some(interface) = &self.interfaces[id] else { continue };
            let (name, linkage) = match interface.convention {
                Convention::Entry if module.instance.is_none() => {
                    (self.options.entry_symbol.as_str(), Linkage::Export)
                }
                _ => (func.name.as_str(), Linkage::Local),
            };
            let declared = self.object.declare_function(name, linkage, &interface.signature);
            self.ids[id] = Some(declared.map_err(|error| internal(&func.name, &error))?);
        }
        let most_returned = self.interfaces.values().flatten().map(|callee| callee.results.memory).max();
        let most_returned = most_returned.unwrap_or(0);
        for (id, func) in module.functions.iter() {
            let (Some(own), Some(interface)) = (self.ids[id], self.interfaces[id].clone()) else { continue };
            let effort = self.budget.next(func);
            let keeps_near = module.instance.is_some() && tier::may_be_quick(effort, func);
            self.prepare(own, &interface);
            let around = Surroundings {
                object: &mut self.object,
                ids: &self.ids,
                interfaces: &self.interfaces,
                references: &self.references,
                most_returned,
                instance: module.instance.as_ref(),
                cpu: self.options.cpu,
                keeps_near,
            };
            let b = FunctionBuilder::new(&mut self.context.func, &mut self.builder);
            let accesses = Translator::run(func, b, &interface, around)?;
            let effort = tier::after_translation(effort, &self.context.func);
            self.quick_functions += u32::from(effort == Effort::Quick);
            self.frames[id] = self.define(own, &func.name, effort)?;
            if module.instance.is_some() {
                self.frames[id] += argument_bytes(module, func);
            }
            if let (Some(code), false) = (self.context.compiled_code(), accesses.is_empty()) {
                self.trap_sites.push((own, trap_sites(code, &accesses)));
            }
        }
        Ok(())
    }

    /// Empties the context for a function.
    fn prepare(&mut self, id: FuncId, interface: &Interface) {
        self.object.clear_context(&mut self.context);
        self.context.set_disasm(self.text.is_some());
        let name = UserFuncName::user(0, id.as_u32());
        self.context.func = ClifFunction::with_name_signature(name, interface.signature.clone());
    }

    /// Compiles what is in the context; gives the bytes of native stack it uses.
    fn define(&mut self, id: FuncId, name: &str, effort: Effort) -> Result<u64, BackendError> {
        let isa = match effort {
            Effort::Full => self.object.isa(),
            Effort::Quick => &*self.quick,
        };
        let compiled = self.context.compile(isa, &mut ControlPlane::default());
        compiled.map_err(|error| define_error(name, &error.inner))?;
        let Some(code) = self.context.compiled_code() else { return Ok(0) };
        let function = &self.context.func;
        let relocations = code.buffer.relocs().iter();
        let relocations: Vec<_> =
            relocations.map(|relocation| ModuleReloc::from_mach_reloc(relocation, function, id)).collect();
        let alignment = code.buffer.alignment.into();
        let defined = self.object.define_function_bytes(id, alignment, code.buffer.data(), &relocations);
        defined.map_err(|error| internal(name, &error))?;
        self.unwind.add(id, self.object.isa(), code).map_err(|error| internal(name, &error))?;
        if let (Some(all), Some(text)) = (&mut self.text, &code.vcode) {
            all.push_str(&format!("{name}:\n{text}\n"));
        }
        let layout = code.buffer.frame_layout();
        Ok(FRAME_HEADER + layout.map_or(0, |layout| layout.frame_to_fp_offset.into()))
    }

    fn finish(self) -> Result<Object, BackendError> {
        let mut product = self.object.finish();
        self.unwind.write(&mut product).map_err(|error| internal("", &error))?;
        let trap_sites = placed(&self.trap_sites, &product);
        let bytes = product.emit().map_err(|error| internal("", &error))?;
        Ok(Object {
            bytes,
            entry_symbol: self.options.entry_symbol.clone(),
            native_stack_bytes: native_stack_bytes(self.module, &self.frames),
            entries: entries(self.module),
            trap_sites,
            cpu_features: self.options.cpu.features(),
            backend: crate::NAME,
            functions: self.module.functions.len() as u32,
            quick_functions: self.quick_functions,
        })
    }
}

/// Symbols of the functions that an instance's entries name.
fn entries(module: &Module) -> Vec<(EntryId, String)> {
    let entries = module.instance.iter().flat_map(|instance| &instance.entries);
    entries.map(|&(id, func)| (id, module.functions[func].name.clone())).collect()
}

/// The accesses to linear memories, from the start of the code.
fn placed(functions: &[(FuncId, Vec<TrapSite>)], product: &ObjectProduct) -> Vec<TrapSite> {
    let mut all = Vec::new();
    for (function, sites) in functions {
        let start = product.object.symbol(product.function_symbol(*function)).value as u32;
        all.extend(sites.iter().map(|site| TrapSite { offset: start + site.offset, ..*site }));
    }
    all.sort_by_key(|site| site.offset);
    all
}
