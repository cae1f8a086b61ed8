//! What of a WebAssembly module is not code: what the compiler knows and a runtime needs to make instances.
//!
//! The compiler fills a [`ModuleInfo`] from a validated module and puts it into the artifact, as bytes
//! ([`ModuleInfo::to_bytes`]); the runtime reads it back. Reading takes any bytes: what is not a module's description is an
//! error, and what is one holds indices that are in range ([`ModuleInfo::from_bytes`] checks them), so
//! nobody behind has to. It takes memory and time in proportion to the bytes.
//!
//! Index spaces are those of the specification (WebAssembly 2.0, section 2.5.1): imported things come first.

#![forbid(unsafe_code)]

mod bytes;
mod check;

use evmc_abi::InstanceShape;
use serde::{Deserialize, Serialize};

pub use check::InfoError;

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// binary32.
    F32,
    /// binary64.
    F64,
    /// 128-bit vector.
    V128,
    /// Reference to a function, or null.
    FuncRef,
    /// Reference to something of the embedder, or null.
    ExternRef,
}

impl ValType {
    /// The name in the text format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::FuncRef => "funcref",
            Self::ExternRef => "externref",
        }
    }

    /// Whether values are references.
    pub const fn is_reference(self) -> bool {
        matches!(self, Self::FuncRef | Self::ExternRef)
    }
}

/// Type of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FuncType {
    /// Parameters.
    pub params: Vec<ValType>,
    /// Results.
    pub results: Vec<ValType>,
}

/// Type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableType {
    /// Type of the elements, a reference.
    pub element: ValType,
    /// Fewest elements.
    pub min: u64,
    /// Most elements, if there is a limit.
    pub max: Option<u64>,
}

/// Type of a linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryType {
    /// Fewest pages.
    pub min: u64,
    /// Most pages, if there is a limit.
    pub max: Option<u64>,
}

/// Type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalType {
    /// Type of the value.
    pub value: ValType,
    /// Whether it can be changed.
    pub mutable: bool,
}

/// Something that a module takes from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Name of the module that it comes from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// What it must be.
    pub kind: ImportKind,
}

/// What an import must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportKind {
    /// A function of this signature: an index into [`ModuleInfo::types`].
    Function(u32),
    /// A table.
    Table(TableType),
    /// A linear memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
}

/// Something that a module gives to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is, with its index.
    pub item: Item,
}

/// Something with an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// A function.
    Function(u32),
    /// A table.
    Table(u32),
    /// A linear memory.
    Memory(u32),
    /// A global.
    Global(u32),
}

/// A step of a constant expression (with the proposal extended-const), for a machine with a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConstOp {
    /// Pushes bits, zero-extended, of this type; null references are 0.
    Const(ValType, u128),
    /// Pushes the value of a global.
    GlobalGet(u32),
    /// Pushes a reference to a function.
    RefFunc(u32),
    /// `i32.add`.
    I32Add,
    /// `i32.sub`.
    I32Sub,
    /// `i32.mul`.
    I32Mul,
    /// `i64.add`.
    I64Add,
    /// `i64.sub`.
    I64Sub,
    /// `i64.mul`.
    I64Mul,
}

/// A constant expression.
pub type ConstExpr = Vec<ConstOp>;

/// A global of the module's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Global {
    /// Its type.
    pub ty: GlobalType,
    /// Its first value.
    pub init: ConstExpr,
}

/// A table of the module's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its type.
    pub ty: TableType,
    /// What its elements are at first; null where there is nothing.
    pub init: Option<ConstExpr>,
}

/// When a segment is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SegmentMode {
    /// Copied when the module is instantiated, to this table or memory, at this offset.
    Active(u32, ConstExpr),
    /// Copied by instructions.
    Passive,
    /// Only declares references.
    Declared,
}

/// An element segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// When it is used.
    pub mode: SegmentMode,
    /// Type of the elements.
    pub ty: ValType,
    /// The elements.
    pub items: Vec<ConstExpr>,
}

/// A data segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// When it is used.
    pub mode: SegmentMode,
    /// The bytes.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
}

/// A function of the module's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its signature: an index into [`ModuleInfo::types`].
    pub signature: u32,
    /// Where its body begins in the module, in bytes.
    pub start: u32,
    /// Where its body ends.
    pub end: u32,
}

/// A module without its code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// Types of functions and of indirect calls, each once, in the order of the module's types: `sigN` of the IR is number N.
    pub types: Vec<FuncType>,
    /// Imports in order.
    pub imports: Vec<Import>,
    /// Functions of the module's own.
    pub functions: Vec<Function>,
    /// Tables of the module's own.
    pub tables: Vec<Table>,
    /// Linear memories of the module's own.
    pub memories: Vec<MemoryType>,
    /// Globals of the module's own.
    pub globals: Vec<Global>,
    /// Exports in order.
    pub exports: Vec<Export>,
    /// The function that is called when the module is instantiated.
    pub start: Option<u32>,
    /// Element segments.
    pub elements: Vec<Element>,
    /// Data segments.
    pub data: Vec<Data>,
    /// Functions of the module's own that have a record (exported, named by a constant expression or element segment, or run at
    /// instantiation), ascending, by index counted without the imported ones.
    pub referenced: Vec<u32>,
    /// Names of functions that the module tells, by index, ascending.
    pub names: Vec<(u32, String)>,
    /// Whether the code counts gas.
    pub metered: bool,
}

impl ModuleInfo {
    /// What has a place in the instance area.
    pub fn shape(&self) -> InstanceShape {
        let imported = |wanted: fn(&ImportKind) -> bool| {
            self.imports.iter().filter(|import| wanted(&import.kind)).count() as u32
        };
        InstanceShape {
            memories: imported(|kind| matches!(kind, ImportKind::Memory(_))) + self.memories.len() as u32,
            tables: imported(|kind| matches!(kind, ImportKind::Table(_))) + self.tables.len() as u32,
            imported_functions: imported(|kind| matches!(kind, ImportKind::Function(_))),
            imported_globals: imported(|kind| matches!(kind, ImportKind::Global(_))),
            own_globals: self.globals.len() as u32,
            signatures: self.types.len() as u32,
            referenced_functions: self.referenced.len() as u32,
        }
    }

    /// The signature of a function by its index, as an index into [`ModuleInfo::types`].
    pub fn signature(&self, function: u32) -> Option<u32> {
        let mut imported = self.imports.iter().filter_map(|import| match import.kind {
            ImportKind::Function(signature) => Some(signature),
            _ => None,
        });
        let count = imported.clone().count() as u32;
        match function.checked_sub(count) {
            None => imported.nth(function as usize),
            Some(own) => self.functions.get(own as usize).map(|function| function.signature),
        }
    }

    /// The name that the module tells of a function, by its index.
    pub fn name(&self, function: u32) -> Option<&str> {
        let at = self.names.binary_search_by_key(&function, |(index, _)| *index).ok()?;
        Some(&self.names[at].1)
    }

    /// The function, by index, whose body the offset in the module lies in.
    pub fn function_at(&self, offset: u32) -> Option<u32> {
        let own = self.functions.partition_point(|function| function.end <= offset);
        let function = self.functions.get(own)?;
        (function.start <= offset).then(|| self.shape().imported_functions + own as u32)
    }

    /// The description as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory fails for no value of this type.
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads a description and checks that what it refers to is there.
    ///
    /// # Errors
    /// The bytes are no description, or an index is out of range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InfoError> {
        let (info, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(InfoError::Format)?;
        if !rest.is_empty() {
            return Err(InfoError::Trailing(rest.len()));
        }
        check::check(&info)?;
        Ok(info)
    }
}
