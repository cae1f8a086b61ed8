//! What bombs are built of: a module whose function 0 is `run: [i32] -> [i32]`, with a memory, a table and a global.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, InstructionSink, MemArg, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TypeSection, ValType,
};

/// Pages of the memory.
const PAGES: u64 = 600;

/// Where a word is.
pub const fn word(index: usize) -> MemArg {
    MemArg { offset: 4 * index as u64, align: 2, memory_index: 0 }
}

/// Sections that grow.
pub struct Parts {
    types: TypeSection,
    functions: FunctionSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Parts {
    /// A module without functions. Type 0 is `[i32] -> [i32]`.
    pub fn new() -> Self {
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32], [ValType::I32]);
        Self {
            types,
            functions: FunctionSection::new(),
            elements: ElementSection::new(),
            code: CodeSection::new(),
            data: DataSection::new(),
        }
    }

    /// Adds a type, and tells its number.
    pub fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.types.len() - 1
    }

    /// Adds a function of type 0 with 32-bit locals beside its parameter, and writes its body.
    pub fn function(&mut self, locals: u32, body: impl FnOnce(&mut InstructionSink<'_>)) {
        self.function_of(0, locals, body);
    }

    /// Adds a function, and writes its body.
    pub fn function_of(&mut self, ty: u32, locals: u32, body: impl FnOnce(&mut InstructionSink<'_>)) {
        let mut function = Function::new([(locals, ValType::I32)]);
        let mut sink = function.instructions();
        body(&mut sink);
        sink.end();
        self.functions.function(ty);
        self.code.function(&function);
    }

    /// Adds a passive segment of references to function 0.
    pub fn elements(&mut self, count: usize) {
        self.elements.passive(Elements::Functions(vec![0; count].into()));
    }

    /// Adds a segment of data at the start of the memory.
    pub fn data(&mut self, bytes: usize) {
        self.data.active(0, &ConstExpr::i32_const(0), std::iter::repeat_n(0x55, bytes));
    }

    /// The bytes of the module.
    pub fn finish(self) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.functions);
        module.section(&table()).section(&memory()).section(&global());
        let mut exports = ExportSection::new();
        exports.export("run", ExportKind::Func, 0);
        module.section(&exports).section(&self.elements).section(&self.code).section(&self.data);
        module.finish()
    }
}

fn table() -> TableSection {
    let mut tables = TableSection::new();
    let element_type = RefType::FUNCREF;
    tables.table(TableType { element_type, minimum: 1, maximum: None, table64: false, shared: false });
    tables
}

fn memory() -> MemorySection {
    let mut memories = MemorySection::new();
    let (memory64, shared, page_size_log2) = (false, false, None);
    memories.memory(MemoryType { minimum: PAGES, maximum: None, memory64, shared, page_size_log2 });
    memories
}

fn global() -> GlobalSection {
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i32_const(0));
    globals
}
