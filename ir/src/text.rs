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
//! Line order within the head is free; functions come behind it. A function's parameters are those
//! of its first block; the head repeats their types.

mod lexer;
mod parser;
mod printer;

pub use parser::{ParseError, SourceMap, parse, parse_with_lines};
pub use printer::{print, print_function, print_inst};
