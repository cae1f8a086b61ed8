//! The module's head, layout, terminators, references, definitions. Everything behind this part may
//! index the function's arenas with what it finds there.

use std::collections::HashSet;

use cranelift_entity::EntitySet;

use evmc_abi::wasm::{EntryId, EntryKind};

use crate::entities::{Block, Func, Inst, Sig, Value};
use crate::function::{Function, Imm, InstData, Instance, Module, ValueDef};
use crate::opcode::Opcode;
use crate::types::Type;

use super::{Report, Rule, VerifyError};

/// Checks what is not within one function.
pub(super) fn check_module(module: &Module, errors: &mut Vec<VerifyError>) {
    let mut add = |func: Option<Func>, message: String| {
        let place = String::new();
        errors.push(VerifyError { rule: Rule::Module, func, block: None, inst: None, message, place });
    };
    let mut names = HashSet::new();
    for (func, function) in &module.functions {
        if !is_name(&function.name) {
            add(Some(func), format!("{:?} is not a printable name", function.name));
        } else if !names.insert(&function.name) {
            add(Some(func), format!("the name %{} is used twice", function.name));
        }
    }
    for (stretch, range) in &module.stretches {
        if range.end < range.start {
            add(None, format!("{stretch} ends before its start"));
        }
    }
    for (signature, ty) in &module.signatures {
        if ty.params.first() != Some(&Type::I64) {
            add(None, format!("{signature} does not take the depth first"));
        }
    }
    if let Some(instance) = &module.instance {
        check_instance(module, instance, |message| add(None, message));
    }
    let Some(entry) = module.entry else { return };
    match module.functions.get(entry) {
        None => add(None, format!("the entry {entry} does not exist")),
        Some(function) => {
            let params = function.entry().and_then(|block| function.blocks.get(block));
            if params.is_some_and(|block| !block.params.is_empty()) || !function.results.is_empty() {
                add(Some(entry), format!("the entry %{} has parameters or results", function.name));
            }
        }
    }
}

/// Checks what makes a module one of WebAssembly.
fn check_instance(module: &Module, instance: &Instance, mut add: impl FnMut(String)) {
    if module.entry.is_some() {
        add("an instance has entries by number, not one".into());
    }
    let shape = instance.shape;
    let counts = crate::text::shape_fields(shape).into_iter().map(|(_, count)| u64::from(count));
    if counts.sum::<u64>() > MAX_PLACES {
        add(format!("an instance has at most {MAX_PLACES} places"));
    }
    if shape.signatures as usize != module.signatures.len() {
        add(format!(
            "the instance has {} signatures, the module {}",
            shape.signatures,
            module.signatures.len()
        ));
    }
    let mut seen = HashSet::new();
    for &(id, func) in &instance.entries {
        let number = id.to_bits();
        if !seen.insert(id) {
            add(format!("the entry {number:#x} stands twice"));
        }
        match module.functions.get(func) {
            None => add(format!("the entry {number:#x} does not exist")),
            Some(function) if !has_form(module, function, id) => {
                add(format!("the entry {number:#x} cannot be %{}: it is of another type", function.name));
            }
            Some(_) => {}
        }
    }
}

/// Most things that have a place in an instance.
const MAX_PLACES: u64 = 1 << 26;

/// Whether a function has the type that the kind of an entry asks for.
fn has_form(module: &Module, function: &Function, id: EntryId) -> bool {
    let params = function.entry().and_then(|entry| function.blocks.get(entry)).map(|block| &block.params[..]);
    let types =
        params.unwrap_or_default().iter().map(|&param| function.values.get(param).map(|data| data.ty));
    match id.kind {
        EntryKind::Enter => types.len() == 0 && function.results.is_empty(),
        EntryKind::CallHost => module.signatures.get(Sig::from_u32(id.number)).is_some_and(|signature| {
            types.eq(signature.params.iter().copied().map(Some)) && function.results == signature.results
        }),
        EntryKind::Function => types.flatten().next() == Some(Type::I64),
    }
}

/// Whether the text form can write the name.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.$".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// Checks layout, terminators, references and definitions of a function.
pub(super) fn check(report: &mut Report<'_>) {
    if report.function.layout.is_empty() {
        report.add(Rule::Layout, None, None, "no entry block".into());
    }
    let mut laid_out = EntitySet::new();
    for &block in &report.function.layout {
        if report.function.blocks.get(block).is_none() {
            report.add(Rule::Reference, Some(block), None, format!("{block} does not exist"));
        } else if !laid_out.insert(block) {
            report.add(Rule::Layout, Some(block), None, format!("{block} is in the layout twice"));
        }
    }
    if laid_out.keys().count() != report.function.layout.len() {
        return;
    }
    let mut placed = EntitySet::new();
    for &block in &report.function.layout {
        check_block(report, block, &laid_out, &mut placed);
    }
}

fn check_block(
    report: &mut Report<'_>,
    block: Block,
    laid_out: &EntitySet<Block>,
    placed: &mut EntitySet<Inst>,
) {
    let data = &report.function.blocks[block];
    for (number, &param) in data.params.iter().enumerate() {
        check_definition(report, block, None, param, ValueDef::Param(block, number as u32));
    }
    for (index, &inst) in data.insts.iter().enumerate() {
        let Some(inst_data) = report.function.insts.get(inst) else {
            report.add(Rule::Reference, Some(block), None, format!("{inst} does not exist"));
            continue;
        };
        if !placed.insert(inst) {
            let message = format!("{inst} is in the layout twice");
            report.add(Rule::Layout, Some(block), Some(inst), message);
        }
        let last = index + 1 == data.insts.len();
        if inst_data.opcode.is_terminator() && !last {
            let message = "a terminator before the end of its block".into();
            report.add(Rule::Terminator, Some(block), Some(inst), message);
        } else if last && !inst_data.opcode.is_terminator() {
            let message = "the block does not end with a terminator".into();
            report.add(Rule::Terminator, Some(block), Some(inst), message);
        }
        check_references(report, block, inst, inst_data, laid_out);
    }
    if data.insts.is_empty() {
        report.add(Rule::Terminator, Some(block), None, "the block is empty".into());
    }
}

fn check_references(
    report: &mut Report<'_>,
    block: Block,
    inst: Inst,
    data: &InstData,
    laid_out: &EntitySet<Block>,
) {
    for (number, &result) in data.results.iter().enumerate() {
        let def = ValueDef::Result(inst, number as u32);
        check_definition(report, block, Some(inst), result, def);
    }
    let targets = data.targets();
    let passed = targets.iter().flat_map(|target| &target.args);
    for &value in data.args.iter().chain(passed) {
        if report.function.values.get(value).is_none() {
            let message = format!("{value} does not exist");
            report.add(Rule::Reference, Some(block), Some(inst), message);
        }
    }
    for target in &targets {
        if !laid_out.contains(target.block) {
            let message = format!("{} is not in the layout", target.block);
            report.add(Rule::Reference, Some(block), Some(inst), message);
        } else if report.function.entry() == Some(target.block) {
            let message = format!("{} is the entry block and a target", target.block);
            report.add(Rule::Layout, Some(block), Some(inst), message);
        }
    }
    check_immediate(report, block, inst, data);
}

fn check_immediate(report: &mut Report<'_>, block: Block, inst: Inst, data: &InstData) {
    let module = report.module;
    let missing = match data.imm {
        Imm::Constant(constant) => {
            report.function.constants.get(constant).is_none().then(|| constant.to_string())
        }
        Imm::Function(func) => module.functions.get(func).is_none().then(|| func.to_string()),
        Imm::Signature(signature) | Imm::Element { signature, .. } => {
            module.signatures.get(signature).is_none().then(|| signature.to_string())
        }
        Imm::Charge { stretch, .. } | Imm::Stretch(stretch) => {
            module.stretches.get(stretch).is_none().then(|| stretch.to_string())
        }
        _ => None,
    };
    if let Some(name) = missing {
        report.add(Rule::Reference, Some(block), Some(inst), format!("{name} does not exist"));
    }
    let entry = module.entry;
    if entry.is_some() && matches!(data.imm, Imm::Function(func) if Some(func) == entry) {
        report.add(Rule::Module, Some(block), Some(inst), "the entry is called".into());
    }
    if data.opcode == Opcode::Ret && Some(report.func) == entry {
        report.add(Rule::Module, Some(block), Some(inst), "the entry returns".into());
    }
}

/// Checks that `value` exists and names `def` as its definition.
fn check_definition(report: &mut Report<'_>, block: Block, inst: Option<Inst>, value: Value, def: ValueDef) {
    match report.function.values.get(value) {
        None => report.add(Rule::Reference, Some(block), inst, format!("{value} does not exist")),
        Some(data) if data.def != def => {
            let message = format!("{value} is defined here, but names {:?}", data.def);
            report.add(Rule::Definition, Some(block), inst, message);
        }
        Some(_) => {}
    }
}
