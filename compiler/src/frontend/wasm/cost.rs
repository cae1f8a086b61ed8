//! What operators cost: a table that is data, with a version and a hash.
//!
//! The format is that of `costs.toml` beside this file, which is the standard table and explains itself. The hash is over a
//! canonical form, so that two files that say the same in other words have the same one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use thiserror::Error;
use wasmparser::Operator;

use super::operator;

/// Costs of operators and of what depends on operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostTable {
    version: u32,
    block: u16,
    dynamic: DynamicCosts,
    /// By number of the operator.
    operators: Vec<u16>,
}

/// Costs of what depends on operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicCosts {
    /// Of a page that a memory is to grow by.
    pub page: u16,
    /// Bytes of a chunk of a memory, a power of two.
    pub chunk_bytes: u16,
    /// Of a begun chunk that is filled or copied.
    pub chunk: u16,
    /// Of an element of a table.
    pub element: u16,
}

/// Why a text is no table of costs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CostError {
    /// It is not of the format.
    #[error("{0}")]
    Format(String),
    /// There is no such operator.
    #[error("there is no operator `{0}`")]
    UnknownOperator(String),
    /// Two groups name one operator.
    #[error("the operator `{0}` is in two groups")]
    Twice(String),
    /// The length of a chunk is not a power of two.
    #[error("`chunk_bytes` is not a power of two")]
    ChunkBytes,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    block: u16,
    default: u16,
    dynamic: DynamicCosts,
    groups: BTreeMap<String, Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    cost: u16,
    operators: Vec<String>,
}

static STANDARD: LazyLock<CostTable> =
    LazyLock::new(|| CostTable::parse(include_str!("costs.toml")).expect("the standard table is one"));

impl CostTable {
    /// The table that modules are compiled with where nothing else is asked for.
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// Reads a table.
    ///
    /// # Errors
    /// See [`CostError`].
    pub fn parse(text: &str) -> Result<Self, CostError> {
        let file: File = toml::from_str(text).map_err(|error| CostError::Format(error.to_string()))?;
        if !file.dynamic.chunk_bytes.is_power_of_two() {
            return Err(CostError::ChunkBytes);
        }
        let numbers: BTreeMap<&str, usize> =
            operator::names().iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
        let mut costs = vec![None; operator::COUNT];
        for group in file.groups.into_values() {
            for name in group.operators {
                let Some(&number) = numbers.get(name.as_str()).filter(|_| !name.is_empty()) else {
                    return Err(CostError::UnknownOperator(name));
                };
                if costs[number].replace(group.cost).is_some() {
                    return Err(CostError::Twice(name));
                }
            }
        }
        let operators = costs.into_iter().map(|cost| cost.unwrap_or(file.default)).collect();
        Ok(Self { version: file.version, block: file.block, dynamic: file.dynamic, operators })
    }

    /// Number of the table's version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Cost of a basic block.
    pub fn block(&self) -> u64 {
        self.block.into()
    }

    /// Costs of what depends on operands.
    pub fn dynamic(&self) -> DynamicCosts {
        self.dynamic
    }

    /// Cost of an operator.
    pub fn operator(&self, operator: &Operator<'_>) -> u64 {
        self.operators[operator::index(operator)].into()
    }

    /// BLAKE3 of what the table says: its version, block and dynamic costs, and each operator with its cost in the order of
    /// names, one a line.
    pub fn hash(&self) -> [u8; 32] {
        let DynamicCosts { page, chunk_bytes, chunk, element } = self.dynamic;
        let mut lines = vec![
            format!("version {}", self.version),
            format!("block {}", self.block),
            format!("page {page}"),
            format!("chunk {chunk_bytes} {chunk}"),
            format!("element {element}"),
        ];
        let names = operator::names().iter().zip(&self.operators).filter(|(name, _)| !name.is_empty());
        let costs: BTreeMap<_, _> = names.collect();
        lines.extend(costs.into_iter().map(|(name, cost)| format!("{name} {cost}")));
        blake3::hash((lines.join("\n") + "\n").as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "version = 3\nblock = 2\ndefault = 1\n[dynamic]\npage = 1\nchunk_bytes = 8\nchunk = 1\nelement = 1\n";

    #[test]
    fn the_standard_table_knows_all_groups() {
        let table = CostTable::standard();
        assert_eq!(table.operator(&Operator::I32Add), 1);
        assert_eq!(table.operator(&Operator::I32DivS), 12);
        assert_eq!(table.operator(&Operator::End), 0);
    }

    #[test]
    fn the_hash_is_of_what_is_said() {
        let plain = CostTable::parse(&format!("{SMALL}[groups]\n")).unwrap();
        let same =
            CostTable::parse(&format!("{SMALL}[groups.a]\ncost = 1\noperators = [\"i32.add\"]\n")).unwrap();
        let other =
            CostTable::parse(&format!("{SMALL}[groups.a]\ncost = 2\noperators = [\"i32.add\"]\n")).unwrap();
        assert_eq!(plain.hash(), same.hash());
        assert_ne!(plain.hash(), other.hash());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let group = |name: &str, op: &str| format!("[groups.{name}]\ncost = 2\noperators = [\"{op}\"]\n");
        let unknown = CostTable::parse(&format!("{SMALL}{}", group("a", "i32.sum")));
        assert_eq!(unknown, Err(CostError::UnknownOperator("i32.sum".into())));
        let twice = CostTable::parse(&format!("{SMALL}{}{}", group("a", "nop"), group("b", "nop")));
        assert_eq!(twice, Err(CostError::Twice("nop".into())));
        let odd = CostTable::parse(
            &SMALL.replace("= 8", "= 7").replace("element = 1\n", "element = 1\n[groups]\n"),
        );
        assert_eq!(odd, Err(CostError::ChunkBytes));
        assert!(matches!(CostTable::parse("version = 1"), Err(CostError::Format(_))));
    }
}
