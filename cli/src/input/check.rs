//! Looking for mistakes in code that is well-formed.

use super::error::Warning;

/// Greatest size of deployed code since Spurious Dragon (EIP-170), in bytes.
const EIP170_BYTES: usize = 24_576;

/// Instructions between the copy of the code and the return of it, at most.
const MAX_DISTANCE: usize = 8;

const CALLDATALOAD: u8 = 0x35;
const CALLDATASIZE: u8 = 0x36;
const CODECOPY: u8 = 0x39;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;
const RETURN: u8 = 0xf3;

/// What is odd about runtime code.
pub fn runtime_code(code: &[u8], origin: &str, contract: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let (origin, contract) = (origin.to_owned(), contract.to_owned());
    if looks_like_initcode(code) {
        let (origin, contract) = (origin.clone(), contract.clone());
        warnings.push(Warning::LooksLikeInitcode { origin, contract });
    } else if code.len() > EIP170_BYTES {
        let (bytes, limit) = (code.len(), EIP170_BYTES);
        warnings.push(Warning::BeyondEip170 { origin, contract, bytes, limit });
    }
    warnings
}

/// Whether code copies a part of itself and returns it before it looks at its calldata, as what Solidity
/// and Vyper generate for deployment does. A heuristic: it only ever causes a warning.
pub fn looks_like_initcode(code: &[u8]) -> bool {
    let mut since_copy = None;
    for opcode in opcodes(code) {
        match opcode {
            CALLDATALOAD | CALLDATASIZE => return false,
            RETURN if since_copy.is_some_and(|distance| distance <= MAX_DISTANCE) => return true,
            CODECOPY => since_copy = Some(0),
            _ => since_copy = since_copy.map(|distance| distance + 1),
        }
    }
    false
}

/// The opcodes of a linear disassembly.
fn opcodes(code: &[u8]) -> impl Iterator<Item = u8> {
    let mut pc = 0;
    std::iter::from_fn(move || {
        let opcode = *code.get(pc)?;
        let immediate = match opcode {
            PUSH1..=PUSH32 => usize::from(opcode - PUSH1) + 1,
            _ => 0,
        };
        pc += 1 + immediate;
        Some(opcode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constructor_is_recognised() {
        // PUSH1 10 DUP1 PUSH1 11 PUSH0 CODECOPY PUSH0 RETURN INVALID, then runtime code.
        assert!(looks_like_initcode(&[0x60, 10, 0x80, 0x60, 11, 0x5f, 0x39, 0x5f, 0xf3, 0xfe, 0x36]));
    }

    #[test]
    fn runtime_code_that_copies_is_not() {
        // CALLDATASIZE comes first.
        assert!(!looks_like_initcode(&[0x36, 0x60, 11, 0x5f, 0x39, 0x5f, 0xf3]));
        // The bytes are data of a PUSH.
        assert!(!looks_like_initcode(&[0x61, 0x39, 0xf3]));
    }
}
