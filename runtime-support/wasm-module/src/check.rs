//! That a description is whole: every index names something, what is searched is sorted, and constant expressions give a
//! value. Types of values are only held to what no reader can do without: those of tables and of the start function.

use crate::{ConstOp, ImportKind, Item, ModuleInfo, SegmentMode, ValType};

/// Why bytes are no description of a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// They are not of its format.
    #[error("not a description of a module: {0}")]
    Format(postcard::Error),
    /// Something refers to what is not there.
    #[error("{what} {index} does not exist")]
    Missing {
        /// What it should be.
        what: &'static str,
        /// Its index.
        index: u32,
    },
    /// Bytes follow.
    #[error("{0} bytes behind the description")]
    Trailing(usize),
    /// Something that must ascend does not.
    #[error("{0} are not in order")]
    Order(&'static str),
    /// A type that is not possible where it stands.
    #[error("{0} has an impossible type")]
    Type(&'static str),
    /// A constant expression that takes what it did not push, or does not leave one value.
    #[error("a constant expression does not give one value")]
    Expression,
}

/// Checks every index, and what else readers rely on.
pub(crate) fn check(info: &ModuleInfo) -> Result<(), InfoError> {
    order(info)?;
    let space = Space::of(info);
    for import in &info.imports {
        match import.kind {
            ImportKind::Function(signature) => within("signature", signature, info.types.len())?,
            ImportKind::Table(table) => reference("a table", table.element)?,
            ImportKind::Memory(_) | ImportKind::Global(_) => {}
        }
    }
    for function in &info.functions {
        within("signature", function.signature, info.types.len())?;
    }
    for &function in &info.referenced {
        within("function", function, info.functions.len())?;
    }
    for export in &info.exports {
        space.item(export.item)?;
    }
    if let Some(function) = info.start {
        space.item(Item::Function(function))?;
        let ty = info.signature(function).and_then(|signature| info.types.get(signature as usize));
        if ty.is_none_or(|ty| !ty.params.is_empty() || !ty.results.is_empty()) {
            return Err(InfoError::Type("the start function"));
        }
    }
    space.segments(info)
}

/// Bodies do not overlap and ascend, and so do the lists that are searched.
fn order(info: &ModuleInfo) -> Result<(), InfoError> {
    let ends = info.functions.iter().flat_map(|function| [function.start, function.end]);
    let ascending = |ordered, what| if ordered { Ok(()) } else { Err(InfoError::Order(what)) };
    ascending(ends.is_sorted(), "bodies of functions")?;
    ascending(info.referenced.is_sorted_by(|a, b| a < b), "referenced functions")?;
    ascending(info.names.is_sorted_by(|(a, _), (b, _)| a < b), "names")
}

fn reference(what: &'static str, ty: ValType) -> Result<(), InfoError> {
    if ty.is_reference() { Ok(()) } else { Err(InfoError::Type(what)) }
}

fn within(what: &'static str, index: u32, count: usize) -> Result<(), InfoError> {
    if (index as usize) < count { Ok(()) } else { Err(InfoError::Missing { what, index }) }
}

/// How many of each kind there are, imported ones included.
struct Space {
    functions: usize,
    tables: usize,
    memories: usize,
    globals: usize,
}

impl Space {
    fn of(info: &ModuleInfo) -> Self {
        let shape = info.shape();
        Self {
            functions: shape.imported_functions as usize + info.functions.len(),
            tables: shape.tables as usize,
            memories: shape.memories as usize,
            globals: shape.imported_globals as usize + info.globals.len(),
        }
    }

    fn item(&self, item: Item) -> Result<(), InfoError> {
        match item {
            Item::Function(index) => within("function", index, self.functions),
            Item::Table(index) => within("table", index, self.tables),
            Item::Memory(index) => within("memory", index, self.memories),
            Item::Global(index) => within("global", index, self.globals),
        }
    }

    /// Each step finds its operands, and one value is left.
    fn expression(&self, steps: &[ConstOp]) -> Result<(), InfoError> {
        let mut height = 0usize;
        for step in steps {
            match *step {
                ConstOp::GlobalGet(index) => self.item(Item::Global(index))?,
                ConstOp::RefFunc(index) => self.item(Item::Function(index))?,
                ConstOp::Const(..) => {}
                ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul => height = taken(height)?,
                ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => height = taken(height)?,
            }
            height += 1;
        }
        if height == 1 { Ok(()) } else { Err(InfoError::Expression) }
    }

    fn segments(&self, info: &ModuleInfo) -> Result<(), InfoError> {
        for global in &info.globals {
            self.expression(&global.init)?;
        }
        for table in &info.tables {
            reference("a table", table.ty.element)?;
            table.init.iter().try_for_each(|init| self.expression(init))?;
        }
        for element in &info.elements {
            reference("an element segment", element.ty)?;
            self.mode(&element.mode, Item::Table)?;
            element.items.iter().try_for_each(|item| self.expression(item))?;
        }
        info.data.iter().try_for_each(|data| self.mode(&data.mode, Item::Memory))
    }

    fn mode(&self, mode: &SegmentMode, item: fn(u32) -> Item) -> Result<(), InfoError> {
        match mode {
            SegmentMode::Active(index, offset) => {
                self.item(item(*index))?;
                self.expression(offset)
            }
            SegmentMode::Passive | SegmentMode::Declared => Ok(()),
        }
    }
}

/// The height without two operands.
fn taken(height: usize) -> Result<usize, InfoError> {
    height.checked_sub(2).ok_or(InfoError::Expression)
}
