//! The module's head, layout, terminators, references, definitions. Everything behind this part may
//! index the function's arenas with what it finds there.

use std::collections::HashSet;

use cranelift_entity::EntitySet;

use crate::entities::{Block, Func, Inst, Value};
use crate::function::{Imm, InstData, Module, ValueDef};
use crate::opcode::Opcode;

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
    for &(id, func) in module.instance.iter().flat_map(|instance| &instance.entries) {
        if module.functions.get(func).is_none() {
            add(None, format!("the entry {:#x} does not exist", id.to_bits()));
        }
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
