//! That a description is whole: every index names something.

use crate::{ConstOp, ImportKind, Item, ModuleInfo, SegmentMode};

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
    /// The bodies of functions are not in order.
    #[error("the bodies of functions are not in order")]
    Order,
}

/// Checks every index.
pub(crate) fn check(info: &ModuleInfo) -> Result<(), InfoError> {
    let space = Space::of(info);
    for import in &info.imports {
        if let ImportKind::Function(signature) = import.kind {
            within("signature", signature, info.types.len())?;
        }
    }
    for function in &info.functions {
        within("signature", function.signature, info.types.len())?;
    }
    let in_order = |pair: &[crate::Function]| pair[0].start <= pair[0].end && pair[0].end <= pair[1].start;
    if !info.functions.windows(2).all(in_order) || !info.referenced.is_sorted() || !info.names.is_sorted() {
        return Err(InfoError::Order);
    }
    for &function in &info.referenced {
        within("function", function, info.functions.len())?;
    }
    for export in &info.exports {
        space.item(export.item)?;
    }
    if let Some(function) = info.start {
        space.item(Item::Function(function))?;
    }
    space.segments(info)
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

    fn expression(&self, steps: &[ConstOp]) -> Result<(), InfoError> {
        steps.iter().try_for_each(|step| match *step {
            ConstOp::GlobalGet(index) => self.item(Item::Global(index)),
            ConstOp::RefFunc(index) => self.item(Item::Function(index)),
            _ => Ok(()),
        })
    }

    fn segments(&self, info: &ModuleInfo) -> Result<(), InfoError> {
        for global in &info.globals {
            self.expression(&global.init)?;
        }
        for init in info.tables.iter().filter_map(|table| table.init.as_ref()) {
            self.expression(init)?;
        }
        for element in &info.elements {
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
