//! IR to text. Linear in the output; never panics, so that a broken module can be shown.

use core::fmt::{self, Display, Write};

use ruint::aliases::U256;

use crate::entities::{Block, Func, Inst, Value};
use crate::function::{BlockCall, Function, Imm, InstData, Instance, Module};
use crate::opcode::Opcode;

/// The text of a module.
pub fn print(module: &Module) -> String {
    show(|out| write_module(out, module))
}

/// The text of one function.
pub fn print_function(module: &Module, function: &Function) -> String {
    show(|out| write_function(out, module, function))
}

/// The text of one instruction, without indentation and line end.
pub fn print_inst(module: &Module, function: &Function, inst: Inst) -> String {
    show(|out| match function.insts.get(inst) {
        Some(data) => write_sourced(out, module, function, inst, data),
        None => write!(out, "{inst}"),
    })
}

/// Collects what `write` writes; writing to a string does not fail.
fn show(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    let written = write(&mut out);
    debug_assert!(written.is_ok());
    out
}

fn write_module(out: &mut String, module: &Module) -> fmt::Result {
    if let Some(entry) = module.entry {
        writeln!(out, "entry {}", Name(module, entry))?;
    }
    if module.uses_memory_stack {
        writeln!(out, "memory_stack")?;
    }
    for (sig, signature) in &module.signatures {
        write!(out, "{sig} = (")?;
        separated(out, &signature.params)?;
        out.push(')');
        if !signature.results.is_empty() {
            out.push_str(" -> ");
            separated(out, &signature.results)?;
        }
        out.push('\n');
    }
    if let Some(instance) = &module.instance {
        write_instance(out, module, instance)?;
    }
    for (stretch, range) in &module.stretches {
        writeln!(out, "{stretch} = {}..{}", range.start, range.end)?;
    }
    for function in module.functions.values() {
        if !out.is_empty() {
            out.push('\n');
        }
        write_function(out, module, function)?;
    }
    Ok(())
}

fn write_instance(out: &mut String, module: &Module, instance: &Instance) -> fmt::Result {
    out.push_str("instance");
    if instance.metered {
        out.push_str(" metered");
    }
    let fields = super::shape_fields(instance.shape);
    let declared = fields.iter().filter(|(_, number)| *number > 0);
    for (i, (name, number)) in declared.enumerate() {
        write!(out, "{} {name} = {number}", if i == 0 { "" } else { "," })?;
    }
    out.push('\n');
    for &(id, func) in &instance.entries {
        writeln!(out, "entry {:#x} {}", id.to_bits(), Name(module, func))?;
    }
    Ok(())
}

fn write_function(out: &mut String, module: &Module, function: &Function) -> fmt::Result {
    write!(out, "function %{}(", function.name)?;
    let params = function.entry().and_then(|entry| function.blocks.get(entry));
    let types = params.into_iter().flat_map(|data| &data.params);
    separated(out, types.filter_map(|&value| Some(function.values.get(value)?.ty)))?;
    out.push(')');
    if !function.results.is_empty() {
        out.push_str(" -> ");
        separated(out, &function.results)?;
    }
    out.push_str(" {\n");
    for &block in &function.layout {
        write_block(out, module, function, block)?;
    }
    out.push_str("}\n");
    Ok(())
}

fn write_block(out: &mut String, module: &Module, function: &Function, block: Block) -> fmt::Result {
    write!(out, "{block}")?;
    let Some(data) = function.blocks.get(block) else { return writeln!(out, ":") };
    if !data.params.is_empty() {
        out.push('(');
        separated(out, data.params.iter().map(|&value| Typed(function, value)))?;
        out.push(')');
    }
    writeln!(out, "{}:", if data.cold { " cold" } else { "" })?;
    for &inst in &data.insts {
        out.push_str("    ");
        match function.insts.get(inst) {
            Some(data) => write_sourced(out, module, function, inst, data)?,
            None => write!(out, "{inst}")?,
        }
        out.push('\n');
    }
    Ok(())
}

/// An instruction, and where it comes from if that is known.
fn write_sourced(
    out: &mut String,
    module: &Module,
    function: &Function,
    inst: Inst,
    data: &InstData,
) -> fmt::Result {
    write_inst(out, module, function, data)?;
    match function.sources[inst] {
        0 => Ok(()),
        source => write!(out, " @{source}"),
    }
}

fn write_inst(out: &mut String, module: &Module, function: &Function, data: &InstData) -> fmt::Result {
    if !data.results.is_empty() {
        separated(out, &data.results)?;
        out.push_str(" = ");
    }
    out.push_str(data.opcode.row().name);
    if let Imm::Host(function) = data.imm {
        write!(out, ".{}", function.name())?;
    }
    if let Imm::Runtime(function) = data.imm {
        write!(out, ".{}", function.name())?;
    }
    if let Some(ty) = data.ty {
        write!(out, ".{ty}")?;
    }
    if matches!(data.opcode, Opcode::Call | Opcode::RetCall) {
        if let Imm::Function(callee) = data.imm {
            write!(out, " {}", Name(module, callee))?;
        }
        out.push('(');
        separated(out, &data.args)?;
        out.push(')');
        return Ok(());
    }
    for (i, arg) in data.args.iter().enumerate() {
        write!(out, "{}{arg}", if i == 0 { " " } else { ", " })?;
    }
    let separator = if data.args.is_empty() { " " } else { ", " };
    write_imm(out, function, &data.imm, separator)
}

/// Writes an immediate other than those that belong to the mnemonic, behind `separator`.
fn write_imm(out: &mut String, function: &Function, imm: &Imm, separator: &str) -> fmt::Result {
    if !matches!(imm, Imm::None | Imm::Host(_) | Imm::Runtime(_) | Imm::Function(_)) {
        out.push_str(separator);
    }
    match imm {
        Imm::None | Imm::Host(_) | Imm::Runtime(_) | Imm::Function(_) => Ok(()),
        Imm::Constant(constant) => match function.constants.get(*constant) {
            Some(bits) => write_bits(out, bits),
            None => write!(out, "{constant}"),
        },
        Imm::Amount(gas) => write!(out, "{gas}"),
        Imm::Linear { memory, offset } => write!(out, "{memory}, {offset}"),
        Imm::Index(index) => write!(out, "{index}"),
        Imm::Element { table, signature } => write!(out, "{table}, {signature}"),
        Imm::Signature(signature) => write!(out, "{signature}"),
        Imm::Charge { gas, stretch } => write!(out, "{gas}, {stretch}"),
        Imm::Exit(code) => out.write_str(code.name()),
        Imm::Field(field) => out.write_str(field.name()),
        Imm::Shape(shape) => out.write_str(shape.name()),
        Imm::Lane(lane) => write!(out, "{lane}"),
        Imm::Shuffle(bytes) => separated(out, bytes),
        Imm::Offset(offset) => write!(out, "{offset}"),
        Imm::Stretch(stretch) => write!(out, "{stretch}"),
        Imm::Jump(target) => write_target(out, target),
        Imm::Branch(targets) => {
            write_target(out, &targets[0])?;
            out.push_str(", ");
            write_target(out, &targets[1])
        }
        Imm::Switch(table) => {
            for (bits, target) in &table.cases {
                write_bits(out, bits)?;
                out.push_str(": ");
                write_target(out, target)?;
                out.push_str(", ");
            }
            out.push_str("default: ");
            write_target(out, &table.default)
        }
    }
}

fn write_target(out: &mut String, target: &BlockCall) -> fmt::Result {
    write!(out, "{}", target.block)?;
    if !target.args.is_empty() {
        out.push('(');
        separated(out, &target.args)?;
        out.push(')');
    }
    Ok(())
}

fn write_bits(out: &mut String, bits: &U256) -> fmt::Result {
    match bits.as_limbs() {
        [low, 0, 0, 0] => write!(out, "{low:#x}"),
        _ => write!(out, "{bits:#x}"),
    }
}

/// Writes items with commas between them.
fn separated<T: Display>(out: &mut String, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (i, item) in items.into_iter().enumerate() {
        write!(out, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// A function's name, or its number where it does not exist.
struct Name<'m>(&'m Module, Func);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.functions.get(self.1) {
            Some(function) => write!(f, "%{}", function.name),
            None => self.1.fmt(f),
        }
    }
}

/// A value with its type.
struct Typed<'f>(&'f Function, Value);

impl Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.values.get(self.1) {
            Some(data) => write!(f, "{}: {}", self.1, data.ty),
            None => self.1.fmt(f),
        }
    }
}
