//! Text to tokens, in one pass. Comments run from `;` to the end of the line.

use super::ParseError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, `_` and inner dots, not starting with a digit: mnemonics, `v1`, `block2`.
    Word,
    /// `%` and a function's name.
    Name,
    /// Digits, with `0x` or a minus sign before them.
    Number,
    /// One of `( ) { } : , = @`.
    Punctuation,
    /// `->`.
    Arrow,
    /// `..`.
    Dots,
    /// Behind the last token.
    End,
}

/// A token: a range of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Line, counted from 1.
    pub(super) line: u32,
    /// Column in bytes, counted from 1.
    pub(super) column: u32,
}

/// The tokens of `text`, the last of kind [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                at += 1;
                line += 1;
                line_start = at;
            }
            b' ' | b'\t' | b'\r' => at += 1,
            b';' => at += length(&bytes[at..], |byte| byte != b'\n'),
            _ => {
                let column = (at - line_start) as u32 + 1;
                let Some((kind, length)) = token(&bytes[at..]) else {
                    let found = text[at..].chars().next().unwrap_or_default();
                    let message = format!("unexpected character {found:?}");
                    return Err(ParseError { line, column, message });
                };
                tokens.push(Token { kind, start: at, end: at + length, line, column });
                at += length;
            }
        }
    }
    let (end, column) = (bytes.len(), (bytes.len() - line_start) as u32 + 1);
    tokens.push(Token { kind: Kind::End, start: end, end, line, column });
    Ok(tokens)
}

/// Kind and length in bytes of the token that `rest` starts with.
fn token(rest: &[u8]) -> Option<(Kind, usize)> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let name = |byte: u8| word(byte) || byte == b'$';
    let digits = |rest: &[u8]| length(rest, |byte| byte.is_ascii_alphanumeric());
    match *rest {
        [b'%', ..] => Some((Kind::Name, 1 + length(&rest[1..], name))),
        [b'-', b'>', ..] => Some((Kind::Arrow, 2)),
        [b'.', b'.', ..] => Some((Kind::Dots, 2)),
        [b'-', next, ..] if next.is_ascii_digit() => Some((Kind::Number, 1 + digits(&rest[1..]))),
        [first, ..] if first.is_ascii_digit() => Some((Kind::Number, digits(rest))),
        [first, ..] if first.is_ascii_alphabetic() || first == b'_' => Some((Kind::Word, length(rest, word))),
        [b'(' | b')' | b'{' | b'}' | b':' | b',' | b'=' | b'@', ..] => Some((Kind::Punctuation, 1)),
        _ => None,
    }
}

/// How many bytes at the start satisfy `belongs`.
fn length(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}
