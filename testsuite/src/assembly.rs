//! EVM assembly as text, over the [assembler](crate::asm) that programs use.
//!
//! ```text
//! ; a comment
//!     PUSH 0x40        ; as many bytes as the number needs, PUSH0 for 0
//!     PUSH2 0x0007     ; exactly two bytes
//!     PUSH @loop       ; the offset of a label, always PUSH2
//!     JUMP
//! loop:                ; a JUMPDEST
//!     DUPN 0x80        ; opcodes with an immediate byte
//!     db 0xfe00        ; raw bytes
//! ```
//!
//! One operation stands on one line, in any case of letters. Mnemonics are those of the newest fork,
//! so that a test can hold opcodes that its fork lacks. A text of nothing but hexadecimal digits is
//! taken as the bytes themselves.

use std::collections::HashMap;

use evmc_compiler::frontend::evm::opcode::{self, Fork, OpInfo};
use ruint::aliases::U256;

use crate::asm::{Assembler, Label};

/// Why a text is not assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for AsmError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for AsmError {}

/// Assembles a program.
///
/// # Errors
/// The first line that is not an operation, a label or a comment, or names an unknown label.
pub fn assemble(text: &str) -> Result<Vec<u8>, AsmError> {
    let lines = || text.lines().enumerate().map(|(index, line)| (index + 1, statement(line)));
    if let Some(bytes) = plain_hex(lines().map(|(_, line)| line)) {
        return Ok(bytes);
    }
    let mut program = Program::default();
    for (line, statement) in lines() {
        program.line = line;
        program.add(statement).map_err(|message| AsmError { line, message })?;
    }
    program.finish()
}

/// A line without comment and spaces around it.
fn statement(line: &str) -> &str {
    line.split(';').next().unwrap_or_default().trim()
}

/// The bytes of a program that is written as hexadecimal digits.
fn plain_hex<'t>(lines: impl Iterator<Item = &'t str>) -> Option<Vec<u8>> {
    let digits: String = lines.collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { hex::decode(digits).ok() } else { None }
}

/// A label by its name.
struct Named {
    label: Label,
    is_placed: bool,
    /// Line of the first use.
    line: usize,
}

/// A program being assembled.
#[derive(Default)]
struct Program {
    asm: Assembler,
    labels: HashMap<String, Named>,
    /// The line being assembled.
    line: usize,
}

impl Program {
    fn add(&mut self, statement: &str) -> Result<(), String> {
        if let Some(name) = statement.strip_suffix(':') {
            return self.place(name.trim());
        }
        let mut words = statement.split_whitespace();
        let Some(name) = words.next() else { return Ok(()) };
        let operand = words.next();
        if words.next().is_some() {
            return Err("more than one operand".into());
        }
        match (name.to_ascii_uppercase().as_str(), operand) {
            ("DB", Some(bytes)) => {
                let digits = bytes.strip_prefix("0x").unwrap_or(bytes);
                let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
                self.asm.bytes(&bytes);
            }
            ("PUSH", Some(operand)) => match operand.strip_prefix('@') {
                Some(name) => {
                    let label = self.label(name).label;
                    self.asm.push_label(label);
                }
                None => drop(self.asm.push(number(operand)?)),
            },
            (name, operand) => self.operation(name, operand)?,
        }
        Ok(())
    }

    fn label(&mut self, name: &str) -> &mut Named {
        let (asm, line) = (&mut self.asm, self.line);
        let new = || Named { label: asm.label(), is_placed: false, line };
        self.labels.entry(name.to_string()).or_insert_with(new)
    }

    fn place(&mut self, name: &str) -> Result<(), String> {
        let named = self.label(name);
        let label = named.label;
        if std::mem::replace(&mut named.is_placed, true) {
            return Err(format!("the label `{name}` stands twice"));
        }
        if self.asm.len() > usize::from(u16::MAX) {
            return Err(format!("the label `{name}` is behind the first 64 KiB"));
        }
        self.asm.place(label);
        Ok(())
    }

    /// An operation by its own name, with an operand of its immediate's length.
    fn operation(&mut self, name: &str, operand: Option<&str>) -> Result<(), String> {
        let info = by_name(name).ok_or_else(|| format!("unknown operation `{name}`"))?;
        let length = usize::from(info.immediate);
        let value = match operand {
            None if length == 0 => U256::ZERO,
            None => return Err(format!("`{name}` needs an operand of {length} bytes")),
            Some(_) if length == 0 => return Err(format!("`{name}` has no operand")),
            Some(operand) => number(operand)?,
        };
        if value.byte_len() > length {
            return Err(format!("`{value}` is longer than {length} bytes"));
        }
        self.asm.byte(info.opcode).bytes(&value.to_be_bytes::<32>()[32 - length..]);
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, AsmError> {
        let unplaced = self.labels.iter().filter(|(_, named)| !named.is_placed);
        match unplaced.min_by_key(|(_, named)| named.line) {
            Some((name, named)) => Err(AsmError { line: named.line, message: format!("no label `{name}`") }),
            None => Ok(self.asm.finish()),
        }
    }
}

/// The row of a mnemonic under the newest fork.
fn by_name(name: &str) -> Option<&'static OpInfo> {
    let name = match name {
        "PREVRANDAO" => "DIFFICULTY",
        "SHA3" => "KECCAK256",
        name => name,
    };
    let rows = opcode::table(Fork::Amsterdam);
    rows.iter().find(|row| row.name == name && row.is_defined())
}

fn number(text: &str) -> Result<U256, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number of up to 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_pushes_and_raw_bytes() {
        let text = "
            push @end ; forward
            push 0
            push 256
            push3 0x40
            jump
            db 0xfefe
        end:
            stop";
        let expected = "61000e 5f 610100 62000040 56 fefe 5b 00".replace(' ', "");
        assert_eq!(hex::encode(assemble(text).unwrap()), expected);
    }

    #[test]
    fn hexadecimal_digits_are_the_bytes() {
        assert_eq!(assemble("; comment\n0x6001\n6002").unwrap(), [0x60, 1, 0x60, 2]);
    }

    #[test]
    fn mistakes_are_located() {
        let error = |text| assemble(text).unwrap_err().to_string();
        assert_eq!(error("stop\nfrob"), "2: unknown operation `FROB`");
        assert_eq!(error("push @x"), "1: no label `x`");
        assert_eq!(error("push1 256"), "1: `256` is longer than 1 bytes");
        assert_eq!(error("add 1"), "1: `ADD` has no operand");
        assert_eq!(error("x:\nx:"), "2: the label `x` stands twice");
    }
}
