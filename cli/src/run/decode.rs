//! From bytes back to values: outputs, reverts and logs.

use alloy_dyn_abi::{DynSolType, DynSolValue, EventExt, FunctionExt, JsonAbiExt};
use alloy_json_abi::{Event, Function, JsonAbi};
use alloy_primitives::{Log, hex};

/// Selector of `Error(string)`, what `require` with a message reverts with.
const ERROR_SELECTOR: [u8; 4] = hex!("08c379a0");

/// Selector of `Panic(uint256)`, what a failed `assert` or a checked overflow reverts with.
const PANIC_SELECTOR: [u8; 4] = hex!("4e487b71");

/// Knows what bytes mean, as far as an ABI says it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder<'a> {
    /// The contract's ABI.
    pub abi: Option<&'a JsonAbi>,
    /// The function that was called.
    pub function: Option<&'a Function>,
}

impl Decoder<'_> {
    /// The values that a call returned; empty where they are not known.
    pub fn output(&self, data: &[u8]) -> Vec<String> {
        let decoded = self.function.and_then(|function| function.abi_decode_output(data).ok());
        decoded.unwrap_or_default().iter().map(text).collect()
    }

    /// What a revert says, in words.
    pub fn revert(&self, data: &[u8]) -> Option<String> {
        let (selector, rest) = data.split_first_chunk::<4>()?;
        match *selector {
            ERROR_SELECTOR => DynSolType::String.abi_decode_params(rest).ok().map(|value| text(&value)),
            PANIC_SELECTOR => {
                let (code, _) = DynSolType::Uint(256).abi_decode_params(rest).ok()?.as_uint()?;
                let code = code.try_into().unwrap_or(u64::MAX);
                Some(format!("panic {code:#04x}: {}", panic_meaning(code)))
            }
            _ => {
                let errors = self.abi?.errors();
                let error = errors.into_iter().find(|error| error.selector() == *selector)?;
                Some(format!("{}({})", error.name, list(&error.abi_decode_input(rest).ok()?)))
            }
        }
    }

    /// A log as `Transfer(from: …, to: …, value: …)`.
    pub fn log(&self, log: &Log) -> Option<String> {
        let is_meant = |event: &&Event| {
            let topics = log.data.topics();
            !event.anonymous
                && topics.first() == Some(&event.selector())
                && topics.len() == 1 + event.inputs.iter().filter(|input| input.indexed).count()
        };
        let event = self.abi?.events().find(is_meant)?;
        let decoded = event.decode_log(&log.data).ok()?;
        let (mut indexed, mut body) = (decoded.indexed.iter(), decoded.body.iter());
        let argument = |input: &alloy_json_abi::EventParam| {
            let value = if input.indexed { indexed.next() } else { body.next() };
            let value = value.map(text).unwrap_or_default();
            if input.name.is_empty() { value } else { format!("{}: {value}", input.name) }
        };
        let arguments: Vec<_> = event.inputs.iter().map(argument).collect();
        Some(format!("{}({})", event.name, arguments.join(", ")))
    }
}

/// A value as people write it.
fn text(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Address(value) => value.to_string(),
        DynSolValue::Function(value) => value.to_string(),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(&word[..*size]),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::String(text) => format!("{text:?}"),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => format!("[{}]", list(values)),
        DynSolValue::Tuple(values) => format!("({})", list(values)),
    }
}

/// Values with commas between.
fn list(values: &[DynSolValue]) -> String {
    values.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The codes of `Panic(uint256)`, from Solidity's documentation of `assert`.
fn panic_meaning(code: u64) -> &'static str {
    match code {
        0x00 => "generic compiler panic",
        0x01 => "assertion failed",
        0x11 => "arithmetic overflow or underflow",
        0x12 => "division by zero",
        0x21 => "conversion to an enum out of range",
        0x22 => "incorrectly encoded storage byte array",
        0x31 => "pop of an empty array",
        0x32 => "index out of bounds",
        0x41 => "too much memory or an array too large",
        0x51 => "call of an uninitialised function",
        _ => "unknown code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn reverts_are_put_in_words() {
        let mut message = ERROR_SELECTOR.to_vec();
        message.extend(DynSolValue::Tuple(vec!["too late".to_owned().into()]).abi_encode_params());
        assert_eq!(Decoder::default().revert(&message).as_deref(), Some("\"too late\""));
        let mut panic = PANIC_SELECTOR.to_vec();
        panic.extend(U256::from(0x12).to_be_bytes::<32>());
        assert_eq!(Decoder::default().revert(&panic).as_deref(), Some("panic 0x12: division by zero"));
        assert_eq!(Decoder::default().revert(&[1, 2]), None);
    }
}
