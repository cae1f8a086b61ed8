//! Fields of a JSON document, with errors that name them.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::alloc::Number;

/// Longest text of a value that an error repeats, in bytes.
const MAX_SHOWN_BYTES: usize = 80;

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// Where it is, such as `transactions[3].gasLimit`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// How a field is reached from the top of the document.
#[derive(Clone, Copy, Debug)]
enum Path<'a> {
    Top,
    Member(&'a Path<'a>, &'a str),
    Element(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => f.write_str("the document"),
            Self::Member(Path::Top, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// A value in a document.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    value: &'a Value,
    path: Path<'a>,
}

/// What a field is, or why it is not.
pub type Read<T> = Result<T, FieldError>;

impl<'a> Field<'a> {
    /// The document itself.
    pub const fn top(value: &'a Value) -> Self {
        Self { value, path: Path::Top }
    }

    /// An error about this field.
    pub fn error(&self, reason: impl Into<String>) -> FieldError {
        FieldError { field: self.path.to_string(), reason: reason.into() }
    }

    /// An error that says what this field should be.
    fn is_not(&self, what: &str) -> FieldError {
        let text = self.value.to_string();
        let end = text.floor_char_boundary(MAX_SHOWN_BYTES);
        let dots = if end < text.len() { "…" } else { "" };
        self.error(format!("{}{dots} is not {what}", &text[..end]))
    }

    fn map(&self) -> Read<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.is_not("an object"))
    }

    /// Does `read` with a member; `null` counts as absent.
    pub fn optional<T>(&self, name: &str, read: impl FnOnce(Field<'_>) -> Read<T>) -> Read<Option<T>> {
        match self.map()?.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(Field { value, path: Path::Member(&self.path, name) }).map(Some),
        }
    }

    /// Does `read` with a member that must be there.
    pub fn member<T>(&self, name: &str, read: impl FnOnce(Field<'_>) -> Read<T>) -> Read<T> {
        let missing = || FieldError {
            field: Path::Member(&self.path, name).to_string(),
            reason: "is missing".to_owned(),
        };
        self.optional(name, read)?.ok_or_else(missing)
    }

    /// Does `read` with each element of a list.
    pub fn list<T>(&self, mut read: impl FnMut(Field<'_>) -> Read<T>) -> Read<Vec<T>> {
        let list = self.value.as_array().ok_or_else(|| self.is_not("a list"))?;
        let field = |(index, value)| Field { value, path: Path::Element(&self.path, index) };
        list.iter().enumerate().map(|one| read(field(one))).collect()
    }

    /// Does `read` with each member and its name.
    pub fn entries<T>(&self, mut read: impl FnMut(&str, Field<'_>) -> Read<T>) -> Read<Vec<T>> {
        let field = |name, value| Field { value, path: Path::Member(&self.path, name) };
        self.map()?.iter().map(|(name, value)| read(name, field(name, value))).collect()
    }

    /// Whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Text that `T` can be read from; `what` says what it should be.
    pub fn parse<T: std::str::FromStr>(&self, what: &str) -> Read<T> {
        let parsed = self.value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.is_not(what))
    }

    /// A number of at most `bits` bits.
    fn narrow<T: TryFrom<U256>>(&self, bits: u32) -> Read<T> {
        let number = as_number(*self)?;
        number.try_into().map_err(|_| self.is_not(&format!("a number of at most {bits} bits")))
    }
}

/// Text.
pub fn as_text(field: Field<'_>) -> Read<String> {
    field.value.as_str().map(str::to_owned).ok_or_else(|| field.is_not("text"))
}

/// An address.
pub fn as_address(field: Field<'_>) -> Read<Address> {
    field.parse("an address of 20 bytes")
}

/// A word of 32 bytes.
pub fn as_word(field: Field<'_>) -> Read<B256> {
    field.parse("a value of 32 bytes")
}

/// Bytes in hexadecimal.
pub fn as_bytes(field: Field<'_>) -> Read<Bytes> {
    field.parse("bytes in hexadecimal")
}

/// A number of 256 bits.
pub fn as_number(field: Field<'_>) -> Read<U256> {
    match field.value.as_u64() {
        Some(number) => Ok(U256::from(number)),
        None => field.parse::<Number>("a number of at most 256 bits").map(|number| number.0),
    }
}

/// A number of at most 128 bits.
pub fn as_u128(field: Field<'_>) -> Read<u128> {
    field.narrow(128)
}

/// A number of at most 64 bits.
pub fn as_u64(field: Field<'_>) -> Read<u64> {
    field.narrow(64)
}

/// A number of at most 8 bits.
pub fn as_u8(field: Field<'_>) -> Read<u8> {
    field.narrow(8)
}

/// The name of a member as a number, for maps by number.
pub fn key<T: std::str::FromStr>(name: &str, field: &Field<'_>, what: &str) -> Read<T> {
    name.parse().map_err(|_| field.error(format!("the name is not {what}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_name_the_field() {
        let document = json!({"a": [{"b": "0x1"}, {"b": "0xg"}], "c": 3});
        let top = Field::top(&document);
        let read = top.member("a", |list| list.list(|one| one.member("b", as_number)));
        assert_eq!(
            read.map_err(|error| error.to_string()),
            Err("a[1].b: \"0xg\" is not a number of at most 256 bits".to_owned())
        );
        let missing = top.member("d", as_u64).map_err(|error| error.to_string());
        assert_eq!(missing, Err("d: is missing".to_owned()));
        assert!(top.member("c", as_text).is_err() && top.member("c", as_u8) == Ok(3));
    }
}
