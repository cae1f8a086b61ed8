//! Compiles a module: LLVM's module with all functions, the passes, and the object file.

use std::collections::{BTreeMap, HashSet};

use cranelift_entity::SecondaryMap;
use evmc_abi::wasm::EntryId;
use evmc_abi::{HostFn, InstanceShape};
use evmc_backend::call_graph::isolate_entry;
use evmc_backend::{BackendError, Convention, CpuLevel, Object, Options};
use evmc_ir::{Func, Module, Sig};
use inkwell::context::Context;
use inkwell::intrinsics::Intrinsic;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::{Linkage, Module as LlvmModule};
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::{FileType, TargetMachine};
use inkwell::types::{BasicTypeEnum, FunctionType};
use inkwell::values::{FunctionValue, MetadataValue};

use crate::alias::Regions;
use crate::attributes::Attributes;
use crate::config::Config;
use crate::locations::{Locations, trap_sites};
use crate::signature::{Interface, interfaces, signature_interfaces};
use crate::stack_use::native_stack_bytes;
use crate::tail_calls;
use crate::target;
use crate::translate::{Done, Refusal, Translator};
use crate::value::Types;

/// Name of every LLVM module; the object file holds it.
const MODULE_NAME: &str = "evmc";

/// How much more often the usual side of a branch is taken than the rare one.
const USUAL_WEIGHT: u64 = 2000;

/// The object of a module.
pub(crate) fn object(module: &Module, options: &Options, config: &Config) -> Result<Object, BackendError> {
    let module = prepared(module)?;
    let context = Context::create();
    let (unit, machine) = optimised(&context, &module, options, config, module.instance.is_some())?;
    let bytes = emit(&unit.module, &machine, FileType::Object)?;
    Ok(Object {
        bytes: bytes.as_slice().to_vec(),
        entry_symbol: options.entry_symbol.clone(),
        native_stack_bytes: native_stack_bytes(&module, &unit.names, bytes.as_slice())?,
        entries: unit.entries(&module),
        trap_sites: if module.instance.is_some() { trap_sites(bytes.as_slice())? } else { Vec::new() },
        backend: crate::NAME,
        functions: module.functions.len() as u32,
        quick_functions: 0,
        cpu_features: if unit.is_x86 { options.cpu.features() } else { CpuLevel::Baseline.features() },
    })
}

/// The machine code of a module as text.
pub(crate) fn assembly(module: &Module, options: &Options, config: &Config) -> Result<String, BackendError> {
    let module = prepared(module)?;
    let context = Context::create();
    let (unit, machine) = optimised(&context, &module, options, config, false)?;
    let text = emit(&unit.module, &machine, FileType::Assembly)?;
    Ok(String::from_utf8_lossy(text.as_slice()).into_owned())
}

/// A module whose entry, if it has one, nobody calls.
fn prepared(module: &Module) -> Result<Module, BackendError> {
    let mut module = module.clone();
    if module.instance.is_none() {
        isolate_entry(&mut module)?;
    }
    Ok(module)
}

/// What the code generator makes of a module.
fn emit(
    module: &LlvmModule<'_>,
    machine: &TargetMachine,
    kind: FileType,
) -> Result<MemoryBuffer<'static>, BackendError> {
    machine.write_to_memory_buffer(module, kind).map_err(|error| internal("", &error))
}

/// LLVM's module behind all passes, and the machine that it is for; with offsets in the source where `has_locations`.
fn optimised<'c>(
    context: &'c Context,
    module: &Module,
    options: &Options,
    config: &Config,
    has_locations: bool,
) -> Result<(Unit<'c>, TargetMachine), BackendError> {
    let level = config.level(options.level);
    let machine = target::machine(options, config, level.codegen(), target::uses_vectors(module))?;
    let mut unit = Unit::new(context, module, options, &machine);
    unit.locations = has_locations.then(|| Locations::new(context, &unit.module));
    unit.functions(module, options)?;
    if let Some(locations) = &unit.locations {
        locations.finish();
    }
    unit.module.verify().map_err(|error| internal("", &error))?;
    let passes = unit.module.run_passes(
        &level.passes(module.instance.is_some()),
        &machine,
        PassBuilderOptions::create(),
    );
    passes.map_err(|error| internal("", &error))?;
    if module.instance.is_some() {
        tail_calls::settle(&unit.module);
    }
    Ok((unit, machine))
}

/// A failure of the code generator.
fn internal(function: &str, error: &dyn std::fmt::Display) -> BackendError {
    BackendError::Internal { function: function.into(), reason: error.to_string() }
}

/// What is known of conditions, as metadata.
#[derive(Clone, Debug)]
pub(crate) struct Weights<'c> {
    /// The first target is rarely taken.
    pub rarely: MetadataValue<'c>,
    /// The second target is rarely taken.
    pub usually: MetadataValue<'c>,
    /// LLVM's number of this kind of metadata.
    pub kind: u32,
    /// Of a condition of which nobody can tell what it will be.
    pub unforeseeable: MetadataValue<'c>,
    /// LLVM's number of that kind of metadata.
    pub unforeseeable_kind: u32,
}

impl<'c> Weights<'c> {
    fn new(context: &'c Context) -> Self {
        let name = context.metadata_string("branch_weights");
        let number = |weight| context.i32_type().const_int(weight, false).into();
        let node = |yes, no| context.metadata_node(&[name.into(), number(yes), number(no)]);
        Self {
            rarely: node(1, USUAL_WEIGHT),
            usually: node(USUAL_WEIGHT, 1),
            kind: context.get_kind_id("prof"),
            unforeseeable: context.metadata_node(&[]),
            unforeseeable_kind: context.get_kind_id("unpredictable"),
        }
    }
}

/// A module in the works.
#[derive(Debug)]
pub(crate) struct Unit<'c> {
    pub context: &'c Context,
    /// LLVM's module.
    pub module: LlvmModule<'c>,
    pub types: Types<'c>,
    pub regions: Regions<'c>,
    pub attributes: Attributes,
    pub weights: Weights<'c>,
    /// What the instance has, in modules of WebAssembly.
    pub instance: Option<InstanceShape>,
    /// Whether functions of WebAssembly count gas.
    pub is_metered: bool,
    /// Offsets in the source, where they are wanted.
    pub locations: Option<Locations<'c>>,
    /// Conventions of the functions.
    pub interfaces: SecondaryMap<Func, Option<Interface<'c>>>,
    /// Conventions of functions that are called by reference.
    pub signatures: SecondaryMap<Sig, Option<Interface<'c>>>,
    /// Symbols of the functions.
    names: SecondaryMap<Func, String>,
    /// LLVM's functions, before the passes: those may remove some.
    pub functions: SecondaryMap<Func, Option<FunctionValue<'c>>>,
    /// Functions that stand for calls of host functions.
    pub outlined: BTreeMap<HostFn, FunctionValue<'c>>,
    /// Function that grows VM memory.
    pub grow: Option<FunctionValue<'c>>,
    /// Functions that end the runtime's innermost entry, by the type that they would return.
    pub leaves: BTreeMap<String, FunctionValue<'c>>,
    intrinsics: BTreeMap<(&'static str, String), FunctionValue<'c>>,
    /// Whether the target is x86-64.
    pub is_x86: bool,
    /// Processor features.
    pub cpu: CpuLevel,
}

impl<'c> Unit<'c> {
    fn new(context: &'c Context, module: &Module, options: &Options, machine: &TargetMachine) -> Self {
        let types = Types::new(context);
        let is_x86 = target::is_x86(options);
        let own = context.create_module(MODULE_NAME);
        own.set_triple(&machine.get_triple());
        own.set_data_layout(&machine.get_target_data().get_data_layout());
        Self {
            context,
            module: own,
            types,
            regions: Regions::new(context),
            attributes: Attributes::new(context, module.instance.is_some()),
            weights: Weights::new(context),
            instance: module.instance.as_ref().map(|instance| instance.shape),
            is_metered: module.instance.as_ref().is_some_and(|instance| instance.metered),
            locations: None,
            interfaces: interfaces(module, &types, is_x86),
            signatures: signature_interfaces(module, &types, is_x86),
            names: SecondaryMap::new(),
            functions: SecondaryMap::new(),
            outlined: BTreeMap::new(),
            grow: None,
            leaves: BTreeMap::new(),
            intrinsics: BTreeMap::new(),
            is_x86,
            cpu: options.cpu,
        }
    }

    /// Declares and translates every function.
    fn functions(&mut self, module: &Module, options: &Options) -> Result<(), BackendError> {
        let entries = module.instance.iter().flat_map(|instance| &instance.entries);
        let entries: HashSet<Func> = entries.map(|&(_, func)| func).collect();
        for (id, func) in module.functions.iter() {
            let Some(interface) = self.interfaces[id].clone() else { continue };
            let function = match (&self.instance, interface.convention) {
                (None, Convention::Entry) => self.add_entry(&options.entry_symbol, interface.ty),
                (None, _) => self.add_internal(&func.name, interface.ty, interface.number),
                // Names come from the input, and some names mean something to LLVM.
                _ => self.add_internal(&format!("wasm.{}", func.name), interface.ty, interface.number),
            };
            if entries.contains(&id) {
                self.export(function);
            }
            if interface.memory > 0 {
                self.attributes.mark_result_memory(function, function.count_params() - 1);
            }
            if let Some(locations) = &self.locations {
                locations.add(function);
            }
            self.names[id] = function.get_name().to_string_lossy().into_owned();
            self.functions[id] = Some(function);
        }
        for (id, func) in module.functions.iter() {
            if let (Some(function), Some(interface)) = (self.functions[id], self.interfaces[id].clone()) {
                Translator::run(self, func, function, interface)?;
            }
        }
        Ok(())
    }

    /// Adds the entry point.
    fn add_entry(&self, name: &str, ty: FunctionType<'c>) -> FunctionValue<'c> {
        let function = self.module.add_function(name, ty, None);
        self.export(function);
        self.attributes.mark_function(function);
        function
    }

    /// Makes a function one that the linker sees.
    fn export(&self, function: FunctionValue<'c>) {
        let global = function.as_global_value();
        global.set_linkage(Linkage::External);
        global.set_visibility(inkwell::GlobalVisibility::Hidden);
        global.set_alignment(evmc_abi::descriptor::ENTRY_ALIGN);
    }

    /// Symbols of the functions that the instance's entries name.
    fn entries(&self, module: &Module) -> Vec<(EntryId, String)> {
        let entries = module.instance.iter().flat_map(|instance| &instance.entries);
        entries.map(|&(id, func)| (id, self.names[func].clone())).collect()
    }

    /// Adds a function that only this module sees.
    pub fn add_internal(&self, name: &str, ty: FunctionType<'c>, convention: u32) -> FunctionValue<'c> {
        let function = self.module.add_function(name, ty, Some(Linkage::Internal));
        function.set_call_conventions(convention);
        self.attributes.mark_function(function);
        function
    }

    /// An intrinsic that is overloaded by these types.
    pub fn intrinsic(&mut self, name: &'static str, types: &[BasicTypeEnum<'c>]) -> Done<FunctionValue<'c>> {
        let names = types.iter().map(|ty| ty.print_to_string().to_string());
        let key = (name, names.collect::<Vec<_>>().join(" "));
        if let Some(&function) = self.intrinsics.get(&key) {
            return Ok(function);
        }
        let declaration = Intrinsic::find(name).and_then(|found| found.get_declaration(&self.module, types));
        let function = declaration.ok_or(Refusal::Unavailable("in this LLVM"))?;
        self.intrinsics.insert(key, function);
        Ok(function)
    }
}
