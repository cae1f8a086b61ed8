//! What is in a module of WebAssembly, or in an artifact that was made from one.

use evmc_ir::{Imm, Module as Ir, Opcode};
use evmc_wasm_module::{FuncType, GlobalType, ImportKind, Item, MemoryType, ModuleInfo, TableType, ValType};
use serde::Serialize;

use super::Cost;

/// Something that a module takes from others.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// Name of the module that it comes from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What it must be.
    pub kind: String,
}

/// Something that a module gives to others.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    /// Its name.
    pub name: String,
    /// What it is, with its index.
    pub item: String,
}

/// A function of a module's own.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionReport {
    /// Its index, imported functions included.
    pub index: u32,
    /// The name that the module tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its signature.
    pub signature: String,
    /// Size of its body in the module, in bytes.
    pub bytes: u32,
    /// Gas of every operator once, what depends on operands left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gas: Option<u64>,
}

/// What is in a module.
#[derive(Clone, Debug, Serialize)]
pub struct ModuleReport {
    /// Where it was read from.
    pub origin: String,
    /// Size of the module, in bytes, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// Whether the code counts gas.
    pub metered: bool,
    /// What it takes.
    pub imports: Vec<ImportReport>,
    /// What it gives.
    pub exports: Vec<ExportReport>,
    /// Memories of its own.
    pub memories: Vec<String>,
    /// Tables of its own.
    pub tables: Vec<String>,
    /// Globals of its own.
    pub globals: Vec<String>,
    /// Index of the function that is called when it is instantiated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    /// Segments of data.
    pub data_segments: usize,
    /// Bytes in all of them.
    pub data_bytes: usize,
    /// Segments of elements.
    pub element_segments: usize,
    /// Elements in all of them.
    pub elements: usize,
    /// Work that compiling it is, in the units of `--max-work`, where the module is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<u64>,
    /// Functions of its own.
    pub functions: Vec<FunctionReport>,
    /// What compiling it costs, where that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compiled: Option<Cost>,
}

impl ModuleReport {
    /// The report on a module; with its IR, also what its functions cost.
    pub fn new(origin: &str, bytes: Option<usize>, info: &ModuleInfo, ir: Option<&Ir>) -> Self {
        let imported = info.shape().imported_functions;
        let function = |(own, function): (usize, &evmc_wasm_module::Function)| {
            let index = imported + own as u32;
            FunctionReport {
                index,
                name: info.name(index).map(str::to_owned),
                signature: signature(&info.types[function.signature as usize]),
                bytes: function.end - function.start,
                gas: ir.filter(|_| info.metered).and_then(|ir| static_gas(ir, own)),
            }
        };
        Self {
            origin: origin.to_owned(),
            bytes,
            metered: info.metered,
            imports: imports(info),
            exports: exports(info),
            memories: info.memories.iter().map(memory).collect(),
            tables: info.tables.iter().map(|own| table(&own.ty)).collect(),
            globals: info.globals.iter().map(|own| global(&own.ty)).collect(),
            start: info.start,
            data_segments: info.data.len(),
            data_bytes: info.data.iter().map(|data| data.bytes.len()).sum(),
            element_segments: info.elements.len(),
            elements: info.elements.iter().map(|element| element.items.len()).sum(),
            functions: info.functions.iter().enumerate().map(function).collect(),
            work: None,
            compiled: None,
        }
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let counted = if self.metered { "gas counted" } else { "gas not counted" };
        let size = self.bytes.map_or(String::new(), |bytes| format!("{bytes} bytes, "));
        let mut text = format!("module        {} ({size}{counted})\n", self.origin);
        let mut line = |name: &str, value: &str| text += &format!("{name:<13} {value}\n");
        for import in &self.imports {
            line("import", &format!("{}.{}: {}", import.module, import.name, import.kind));
        }
        for export in &self.exports {
            line("export", &format!("{}: {}", export.name, export.item));
        }
        self.memories.iter().for_each(|memory| line("memory", memory));
        self.tables.iter().for_each(|table| line("table", table));
        self.globals.iter().for_each(|global| line("global", global));
        if let Some(start) = self.start {
            line("start", &format!("function {start}"));
        }
        line("data", &format!("{} bytes in {} segments", self.data_bytes, self.data_segments));
        line("elements", &format!("{} in {} segments", self.elements, self.element_segments));
        if let Some(work) = self.work {
            line("work", &format!("{work} units"));
        }
        if let Some(Cost { cpu_s, artifact_bytes }) = self.compiled {
            line("artifact", &format!("{artifact_bytes} bytes, {:.1} ms", cpu_s * 1e3));
        }
        line("functions", &self.functions.len().to_string());
        text + &self.functions.iter().map(FunctionReport::to_line).collect::<String>()
    }
}

impl FunctionReport {
    /// A line of the report for people.
    fn to_line(&self) -> String {
        let name = self.name.as_deref().unwrap_or("");
        let gas = self.gas.map_or(String::new(), |gas| format!(", {gas} gas"));
        format!("  {:>5} {name} {}: {} bytes{gas}\n", self.index, self.signature, self.bytes)
    }
}

/// Gas that a function of the module's own pays in all its blocks together, as the frontend adds it up.
fn static_gas(ir: &Ir, own: usize) -> Option<u64> {
    let function = ir.functions.values().nth(own)?;
    let paid = |block: &evmc_ir::Block| -> u64 {
        let amounts = function.block_insts(*block).filter_map(|(_, data)| match (data.opcode, &data.imm) {
            (Opcode::GasPay, Imm::Amount(amount)) => Some(*amount),
            _ => None,
        });
        amounts.sum()
    };
    Some(function.layout.iter().map(paid).sum())
}

fn imports(info: &ModuleInfo) -> Vec<ImportReport> {
    let report = |import: &evmc_wasm_module::Import| ImportReport {
        module: import.module.clone(),
        name: import.name.clone(),
        kind: match &import.kind {
            ImportKind::Function(ty) => format!("function {}", signature(&info.types[*ty as usize])),
            ImportKind::Table(ty) => format!("table {}", table(ty)),
            ImportKind::Memory(ty) => format!("memory {}", memory(ty)),
            ImportKind::Global(ty) => format!("global {}", global(ty)),
        },
    };
    info.imports.iter().map(report).collect()
}

fn exports(info: &ModuleInfo) -> Vec<ExportReport> {
    let item = |item| match item {
        Item::Function(index) => format!("function {index}"),
        Item::Table(index) => format!("table {index}"),
        Item::Memory(index) => format!("memory {index}"),
        Item::Global(index) => format!("global {index}"),
    };
    let report = |export: &evmc_wasm_module::Export| ExportReport {
        name: export.name.clone(),
        item: item(export.item),
    };
    info.exports.iter().map(report).collect()
}

/// A signature as people write it: `(i32, i64) -> f32`.
pub fn signature(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(|ty| ty.name()).collect::<Vec<_>>().join(", ");
    match ty.results.as_slice() {
        [] => format!("({})", list(&ty.params)),
        [one] => format!("({}) -> {}", list(&ty.params), one.name()),
        results => format!("({}) -> ({})", list(&ty.params), list(results)),
    }
}

fn memory(ty: &MemoryType) -> String {
    limits(ty.min, ty.max, "pages")
}

fn table(ty: &TableType) -> String {
    format!("of {}, {}", ty.element.name(), limits(ty.min, ty.max, "elements"))
}

fn global(ty: &GlobalType) -> String {
    if ty.mutable { format!("mut {}", ty.value.name()) } else { ty.value.name().to_owned() }
}

fn limits(min: u64, max: Option<u64>, what: &str) -> String {
    match max {
        Some(max) => format!("{min} to {max} {what}"),
        None => format!("{min} {what} or more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_short() {
        use ValType::{I32, I64};
        let ty = |params: &[ValType], results: &[ValType]| FuncType {
            params: params.to_vec(),
            results: results.to_vec(),
        };
        assert_eq!(signature(&ty(&[], &[])), "()");
        assert_eq!(signature(&ty(&[I32, I64], &[I32])), "(i32, i64) -> i32");
        assert_eq!(signature(&ty(&[], &[I32, I64])), "() -> (i32, i64)");
    }
}
