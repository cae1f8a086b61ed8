//! Values of WebAssembly as people write and read them.
//!
//! Written as other command lines write them: integers in signed decimal, floats in the shortest form that
//! reads back, vectors as one unsigned number of 128 bits, references by whether they are null. Reading takes
//! more: hexadecimal, and integers above the signed range.

use std::fmt;

use evmc_wasm::Val;
use evmc_wasm_module::ValType;
use thiserror::Error;

/// Why a text is not a value of a type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not {}", expected(*ty))]
pub struct ValueError {
    /// The type.
    pub ty: ValType,
    /// The text.
    pub text: String,
}

/// What is expected of a text.
const fn expected(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "an i32: a number of 32 bits, such as 7, -1 or 0xff",
        ValType::I64 => "an i64: a number of 64 bits, such as 7, -1 or 0xff",
        ValType::F32 => "an f32, such as 1.5, -2e9, -inf, nan or nan:0x1",
        ValType::F64 => "an f64, such as 1.5, -2e9, -inf, nan or nan:0x1",
        ValType::V128 => "a v128: an unsigned number of 128 bits, such as 7 or 0xff",
        ValType::FuncRef => "a funcref; only null can be written",
        ValType::ExternRef => "an externref; only null can be written",
    }
}

/// Reads a value of a type.
///
/// # Errors
/// The text is not such a value.
pub fn parse(ty: ValType, text: &str) -> Result<Val, ValueError> {
    let value = match ty {
        ValType::I32 => integer(text, 32).map(|bits| Val::I32(bits as i32)),
        ValType::I64 => integer(text, 64).map(|bits| Val::I64(bits as i64)),
        ValType::F32 => f32_bits(text).map(Val::F32),
        ValType::F64 => f64_bits(text).map(Val::F64),
        ValType::V128 => magnitude(text).map(Val::V128),
        ValType::FuncRef | ValType::ExternRef => (text == "null").then(|| Val::zero(ty)),
    };
    value.ok_or_else(|| ValueError { ty, text: text.to_owned() })
}

/// A value as text.
#[derive(Clone, Copy, Debug)]
pub struct Shown(pub Val);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Val::I32(value) => write!(f, "{value}"),
            Val::I64(value) => write!(f, "{value}"),
            Val::F32(bits) => write!(f, "{}", f32::from_bits(bits)),
            Val::F64(bits) => write!(f, "{}", f64::from_bits(bits)),
            Val::V128(bits) => write!(f, "{bits}"),
            Val::FuncRef(None) => f.write_str("<null funcref>"),
            Val::FuncRef(Some(_)) => f.write_str("<funcref>"),
            Val::ExternRef(None) => f.write_str("<null externref>"),
            Val::ExternRef(Some(_)) => f.write_str("<externref>"),
        }
    }
}

/// A number of so many bits, signed or unsigned, as its bits.
fn integer(text: &str, width: u32) -> Option<u128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = magnitude(digits)?;
    if negative {
        (magnitude <= 1 << (width - 1)).then(|| magnitude.wrapping_neg())
    } else {
        (magnitude < 1 << width).then_some(magnitude)
    }
}

/// The bits of a binary32.
fn f32_bits(text: &str) -> Option<u32> {
    let (is_negative, payload) = match nan(text, f32::MANTISSA_DIGITS - 1) {
        Some(found) => found,
        None => return text.parse::<f32>().ok().map(f32::to_bits),
    };
    Some(u32::from(is_negative) << 31 | f32::INFINITY.to_bits() | payload as u32)
}

/// The bits of a binary64.
fn f64_bits(text: &str) -> Option<u64> {
    let (is_negative, payload) = match nan(text, f64::MANTISSA_DIGITS - 1) {
        Some(found) => found,
        None => return text.parse::<f64>().ok().map(f64::to_bits),
    };
    Some(u64::from(is_negative) << 63 | f64::INFINITY.to_bits() | payload)
}

/// Sign and payload of a NaN with so many bits for it; without one it is the canonical one. `None` for all other texts.
fn nan(text: &str, width: u32) -> Option<(bool, u64)> {
    let (is_negative, word) = match text.strip_prefix('-') {
        Some(word) => (true, word),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let word = word.to_ascii_lowercase();
    if word == "nan" {
        return Some((is_negative, 1 << (width - 1)));
    }
    let digits = word.strip_prefix("nan:0x")?;
    let payload = magnitude(&format!("0x{digits}"))?;
    (1..1 << width).contains(&payload).then_some((is_negative, payload as u64))
}

/// A number without sign, in decimal or hexadecimal.
fn magnitude(text: &str) -> Option<u128> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u128::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text reads as, written again.
    fn again(ty: ValType, text: &str) -> String {
        parse(ty, text).map_or_else(|error| error.to_string(), |value| Shown(value).to_string())
    }

    #[test]
    fn integers_are_written_signed() {
        for (text, written) in [("-1", "-1"), ("0xffffffff", "-1"), ("4294967295", "-1"), ("+7", "7")] {
            assert_eq!(again(ValType::I32, text), written);
        }
        assert_eq!(again(ValType::I32, "-2147483648"), "-2147483648");
        assert_eq!(again(ValType::I64, "9223372036854775808"), "-9223372036854775808");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["4294967296", "-2147483649", "--1", "0x", "", "1.0", "0x-1", "+-1"] {
            assert!(parse(ValType::I32, text).is_err(), "{text}");
        }
        assert!(parse(ValType::V128, "-1").is_err());
        assert!(parse(ValType::FuncRef, "0").is_err());
    }

    #[test]
    fn nans_have_signs_and_payloads() {
        let f32_of = |text| parse(ValType::F32, text).ok();
        assert_eq!(f32_of("nan"), Some(Val::F32(0x7fc0_0000)));
        assert_eq!(f32_of("-nan"), Some(Val::F32(0xffc0_0000)));
        assert_eq!(f32_of("-nan:0x1"), Some(Val::F32(0xff80_0001)));
        assert_eq!([f32_of("nan:0x0"), f32_of("nan:0x800000"), f32_of("nan:1")], [None; 3]);
        assert_eq!(parse(ValType::F64, "nan:0x4").ok(), Some(Val::F64(0x7ff0_0000_0000_0004)));
    }

    #[test]
    fn floats_vectors_and_references() {
        assert_eq!(again(ValType::F32, "1.5"), "1.5");
        assert_eq!(again(ValType::F64, "-inf"), "-inf");
        assert_eq!(again(ValType::F64, "nan"), "NaN");
        assert_eq!(again(ValType::V128, "0x10"), "16");
        assert_eq!(again(ValType::ExternRef, "null"), "<null externref>");
        assert_eq!(Shown(Val::ExternRef(Some(0))).to_string(), "<externref>");
    }
}
