//! The text form: [`print`] and [`parse`] are inverse to one another.
//!
//! ```text
//! ; a comment
//! entry %main
//! memory_stack
//! stretch0 = 0..12
//!
//! function %main() {
//! block0:
//!     gas.charge 21, stretch0
//!     v0 = const.i256 0x40
//!     v1, v2 = add_carry.i256 v0, v0
//!     v3 = host.sload v1
//!     branch v2, block1(v3), block2
//! block1(v4: i256):
//!     v5, v6 = call %pair(v4)
//!     switch.i256 v5, 0x1: block2, default: block2
//! block2 cold:
//!     exit stop
//! }
//! ```
//!
//! An instruction is its results, its mnemonic with the controlling type where it has one, its
//! operands, and then its immediate: one rule for every row of the table. One instruction stands on
//! one line. Numbers are decimal or `0x…`; a constant may be negative. Value and block numbers are
//! kept, so that a dump names what the program holds; instructions are numbered anew.
//!
//! A module of WebAssembly says so in its head, with what its instances have, the signatures of functions that are called
//! by reference, and entries by number; an instruction that can trap ends with `@` and the offset in its source:
//!
//! ```text
//! instance metered memories = 1, own_globals = 2
//! sig0 = (i64, i32) -> i32
//! entry 0x80000000 %f
//! ```
//!
//! Line order within the head is free; functions come behind it. A function's parameters are those
//! of its first block; the head repeats their types.

mod lexer;
mod parser;
mod printer;

use evmc_abi::InstanceShape;

pub use parser::{ParseError, SourceMap, parse, parse_with_lines};
pub use printer::{print, print_function, print_inst};

/// What an instance has, by the names of the text form.
pub(crate) fn shape_fields(mut shape: InstanceShape) -> Vec<(&'static str, u32)> {
    SHAPE_FIELDS.iter().map(|&name| (name, shape_field(&mut shape, name).map_or(0, |field| *field))).collect()
}

const SHAPE_FIELDS: [&str; 7] = [
    "memories",
    "tables",
    "imported_functions",
    "imported_globals",
    "own_globals",
    "signatures",
    "referenced_functions",
];

/// The field of this name.
fn shape_field<'s>(shape: &'s mut InstanceShape, name: &str) -> Option<&'s mut u32> {
    Some(match name {
        "memories" => &mut shape.memories,
        "tables" => &mut shape.tables,
        "imported_functions" => &mut shape.imported_functions,
        "imported_globals" => &mut shape.imported_globals,
        "own_globals" => &mut shape.own_globals,
        "signatures" => &mut shape.signatures,
        "referenced_functions" => &mut shape.referenced_functions,
        _ => return None,
    })
}
