//! Code as hexadecimal text.
//!
//! Digits of either case, with or without `0x`, with white space anywhere. Placeholders of libraries that
//! are not linked yet are found here as well, since they stand where forty digits of an address belong.

use thiserror::Error;

/// What is wrong with hexadecimal text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HexError {
    /// A character that is no digit.
    #[error("{found:?} at offset {offset} is not a hexadecimal digit")]
    Digit {
        /// Offset in the text, in bytes.
        offset: usize,
        /// The character.
        found: char,
    },
    /// Half a byte is missing.
    #[error("odd number of hexadecimal digits ({digits})")]
    Odd {
        /// How many digits there are.
        digits: usize,
    },
}

/// Length of a placeholder in the text: as long as the address that it stands for.
const PLACEHOLDER_DIGITS: usize = 40;

/// The place of a library's address in code that is not linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The library as the text names it: a hash (`$…$`) or the beginning of its name.
    pub library: String,
    /// Offset of the address in the code, in bytes.
    pub offset: usize,
}

/// Decodes hexadecimal text.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    let skipped = prefix_bytes(text);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    let characters = text.char_indices().filter(|(offset, _)| *offset >= skipped);
    for (offset, found) in characters.filter(|(_, found)| !found.is_ascii_whitespace()) {
        let digit = found.to_digit(16).ok_or(HexError::Digit { offset, found })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(HexError::Odd { digits: bytes.len() * 2 + 1 }),
    }
}

/// The placeholders in hexadecimal text, in order. Both forms of solc are known: `__$hash$__` and, before
/// version 0.5, `__File.sol:Library____`.
pub fn placeholders(text: &str) -> Vec<Placeholder> {
    let text = &text[prefix_bytes(text)..];
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..].find("__").map(|start| rest + start) {
        let end = (start + PLACEHOLDER_DIGITS).min(text.len());
        let end = text.ceil_char_boundary(end);
        let digits = text[..start].chars().filter(|c| !c.is_ascii_whitespace()).count();
        let library = text[start..end].trim_matches('_').to_owned();
        found.push(Placeholder { library, offset: digits / 2 });
        rest = end;
    }
    found
}

/// Bytes of white space and `0x` in front of the digits.
fn prefix_bytes(text: &str) -> usize {
    let digits = text.trim_start();
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    text.len() - digits.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_case_and_white_space_do_not_matter() {
        assert_eq!(decode(" 0x60 0A\n5b"), Ok(vec![0x60, 0x0a, 0x5b]));
        assert_eq!(decode("600a5B"), Ok(vec![0x60, 0x0a, 0x5b]));
        assert_eq!(decode(""), Ok(vec![]));
    }

    #[test]
    fn errors_have_an_offset() {
        assert_eq!(decode("0x6g"), Err(HexError::Digit { offset: 3, found: 'g' }));
        assert_eq!(decode("60é"), Err(HexError::Digit { offset: 2, found: 'é' }));
        assert_eq!(decode("0x600"), Err(HexError::Odd { digits: 3 }));
    }

    #[test]
    fn both_kinds_of_placeholder_are_found() {
        let new = "0x6073__$1234567890123456789012345678901234$__63";
        let found = placeholders(new);
        assert_eq!(found[0].library, "$1234567890123456789012345678901234$");
        assert_eq!((found.len(), found[0].offset), (1, 2));
        let old = format!("73{:_<40}73{:_<40}", "__Math.sol:Math", "__A");
        let names: Vec<_> = placeholders(&old).into_iter().map(|p| (p.library, p.offset)).collect();
        assert_eq!(names, [("Math.sol:Math".to_owned(), 1), ("A".to_owned(), 22)]);
        assert!(placeholders("__").len() == 1 && placeholders("6001").is_empty());
    }
}
