//! A small assembler for EVM code in tests.
//!
//! ```text
//! ; a comment
//!     PUSH 0x40        ; as many bytes as the number needs, PUSH0 for 0
//!     PUSH2 0x0007     ; exactly two bytes
//!     PUSH @loop       ; the offset of a label, always PUSH2
//!     JUMP
//! loop:                ; a JUMPDEST
//! here=                ; a label without a JUMPDEST
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

const PUSH0: u8 = 0x5f;
const JUMPDEST: u8 = 0x5b;

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

/// A place for a label's offset.
struct Use {
    name: String,
    /// Where the two bytes go.
    at: usize,
    line: usize,
}

/// A program being assembled.
#[derive(Default)]
struct Program {
    bytes: Vec<u8>,
    /// The line being assembled.
    line: usize,
    labels: HashMap<String, usize>,
    uses: Vec<Use>,
}

impl Program {
    fn add(&mut self, statement: &str) -> Result<(), String> {
        if let Some(label) = statement.strip_suffix([':', '=']) {
            let offset = self.bytes.len();
            if statement.ends_with(':') {
                self.bytes.push(JUMPDEST);
            }
            let is_new = self.labels.insert(label.trim().to_string(), offset).is_none();
            return if is_new { Ok(()) } else { Err(format!("the label `{label}` stands twice")) };
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
                self.bytes.extend(hex::decode(digits).map_err(|error| error.to_string())?);
                Ok(())
            }
            ("PUSH", Some(operand)) => self.push(operand),
            (name, operand) => self.operation(name, operand),
        }
    }

    /// `PUSH` of the length that fits.
    fn push(&mut self, operand: &str) -> Result<(), String> {
        if let Some(label) = operand.strip_prefix('@') {
            self.bytes.extend([PUSH0 + 2, 0, 0]);
            let at = self.bytes.len() - 2;
            self.uses.push(Use { name: label.to_string(), at, line: self.line });
            return Ok(());
        }
        let value = number(operand)?;
        let length = value.byte_len();
        self.bytes.push(PUSH0 + length as u8);
        self.bytes.extend(&value.to_be_bytes::<32>()[32 - length..]);
        Ok(())
    }

    /// An operation by its own name, with an operand of its immediate's length.
    fn operation(&mut self, name: &str, operand: Option<&str>) -> Result<(), String> {
        let info = by_name(name).ok_or_else(|| format!("unknown operation `{name}`"))?;
        self.bytes.push(info.opcode);
        let length = usize::from(info.immediate);
        match operand {
            None if length == 0 => Ok(()),
            None => Err(format!("`{name}` needs an operand of {length} bytes")),
            Some(_) if length == 0 => Err(format!("`{name}` has no operand")),
            Some(operand) => {
                let value = number(operand)?;
                if value.byte_len() > length {
                    return Err(format!("`{operand}` is longer than {length} bytes"));
                }
                self.bytes.extend(&value.to_be_bytes::<32>()[32 - length..]);
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<Vec<u8>, AsmError> {
        for Use { name, at, line } in self.uses {
            let offset = self.labels.get(&name).and_then(|&offset| u16::try_from(offset).ok());
            let Some(offset) = offset else {
                return Err(AsmError { line, message: format!("no label `{name}` within 64 KiB") });
            };
            self.bytes[at..at + 2].copy_from_slice(&offset.to_be_bytes());
        }
        Ok(self.bytes)
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
        assert_eq!(error("push @x"), "1: no label `x` within 64 KiB");
        assert_eq!(error("push1 256"), "1: `256` is longer than 1 bytes");
        assert_eq!(error("add 1"), "1: `ADD` has no operand");
        assert_eq!(error("x:\nx:"), "2: the label `x` stands twice");
    }
}
