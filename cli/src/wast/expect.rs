//! What a script expects of results, and whether they are that.

use std::fmt::Write;

use evmc_wasm::Val;
use evmc_wasm_module::ValType;
use wast::{
    core::{AbstractHeapType, HeapType, NanPattern, V128Const, V128Pattern, WastArgCore, WastRetCore},
    token::{F32, F64},
};

use crate::wasm::value::Shown;

/// Something of a script that has no place in this profile of WebAssembly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

/// An argument of a script as a value.
///
/// # Errors
/// It is of a type that does not exist here.
pub fn argument(arg: &WastArgCore<'_>) -> Result<Val, Foreign> {
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(vector(value)),
        WastArgCore::RefNull(heap) => Val::zero(reference_type(heap)?),
        WastArgCore::RefExtern(number) => external(*number),
        WastArgCore::RefHost(_) => return Err(Foreign),
    })
}

/// The reference that stands for `ref.extern N` of scripts.
const fn external(number: u32) -> Val {
    Val::ExternRef(Some(number))
}

/// The type of references to such things.
fn reference_type(heap: &HeapType<'_>) -> Result<ValType, Foreign> {
    match heap {
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Func } => Ok(ValType::FuncRef),
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Extern } => Ok(ValType::ExternRef),
        _ => Err(Foreign),
    }
}

/// The bits of a vector.
fn vector(value: &V128Const) -> u128 {
    u128::from_le_bytes(value.to_le_bytes())
}

/// Why results are not what a script expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// They are others.
    Wrong(String),
    /// Nobody can tell: the expectation is about something that has no place here.
    Foreign,
}

impl From<Foreign> for Mismatch {
    fn from(Foreign: Foreign) -> Self {
        Self::Foreign
    }
}

/// Whether results are what a script expects.
///
/// # Errors
/// What is wrong.
pub fn results(got: &[Val], expected: &[&WastRetCore<'_>]) -> Result<(), Mismatch> {
    if got.len() != expected.len() {
        return Err(Mismatch::Wrong(format!("{} results, {} expected", got.len(), expected.len())));
    }
    for (number, (got, expected)) in got.iter().zip(expected).enumerate() {
        if !result(got, expected)? {
            let place = if number == 0 { String::new() } else { format!("result {number}: ") };
            return Err(Mismatch::Wrong(format!("{place}{} expected, got {}", pattern(expected), told(got))));
        }
    }
    Ok(())
}

/// Whether a result is what a script expects.
fn result(got: &Val, expected: &WastRetCore<'_>) -> Result<bool, Foreign> {
    let is = |value: Val| *got == value;
    Ok(match expected {
        WastRetCore::I32(value) => is(Val::I32(*value)),
        WastRetCore::I64(value) => is(Val::I64(*value)),
        WastRetCore::F32(pattern) => matches!(got, Val::F32(bits) if single(*bits, pattern)),
        WastRetCore::F64(pattern) => matches!(got, Val::F64(bits) if double(*bits, pattern)),
        WastRetCore::V128(pattern) => matches!(got, Val::V128(bits) if lanes(*bits, pattern)),
        WastRetCore::RefNull(None) => matches!(got, Val::FuncRef(None) | Val::ExternRef(None)),
        WastRetCore::RefNull(Some(heap)) => null_of(got, heap)?,
        WastRetCore::RefExtern(Some(number)) => is(external(*number)),
        WastRetCore::RefExtern(None) => matches!(got, Val::ExternRef(Some(_))),
        WastRetCore::RefFunc(None) => matches!(got, Val::FuncRef(Some(_))),
        WastRetCore::Either(cases) => either(got, cases)?,
        _ => return Err(Foreign),
    })
}

/// Whether a result is a null reference of a type; the types that hold nothing but null are told apart from
/// those above them by nobody.
fn null_of(got: &Val, heap: &HeapType<'_>) -> Result<bool, Foreign> {
    let ty = match heap {
        HeapType::Abstract { shared: false, ty: AbstractHeapType::NoFunc } => ValType::FuncRef,
        HeapType::Abstract { shared: false, ty: AbstractHeapType::NoExtern } => ValType::ExternRef,
        other => reference_type(other)?,
    };
    Ok(*got == Val::zero(ty))
}

/// Whether a result is one of several.
fn either(got: &Val, cases: &[WastRetCore<'_>]) -> Result<bool, Foreign> {
    for case in cases {
        if result(got, case)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The quiet NaN of binary32 with nothing else in its payload.
const CANONICAL_F32: u32 = 0x7fc0_0000;

/// The same of binary64.
const CANONICAL_F64: u64 = 0x7ff8_0000_0000_0000;

/// Whether bits are the binary32 that is expected. A canonical NaN has either sign, an arithmetic one any
/// payload with the first bit set.
fn single(bits: u32, expected: &NanPattern<F32>) -> bool {
    match expected {
        NanPattern::CanonicalNan => bits & !(1 << 31) == CANONICAL_F32,
        NanPattern::ArithmeticNan => bits & CANONICAL_F32 == CANONICAL_F32,
        NanPattern::Value(value) => bits == value.bits,
    }
}

/// Whether bits are the binary64 that is expected.
fn double(bits: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::CanonicalNan => bits & !(1 << 63) == CANONICAL_F64,
        NanPattern::ArithmeticNan => bits & CANONICAL_F64 == CANONICAL_F64,
        NanPattern::Value(value) => bits == value.bits,
    }
}

/// Whether a vector has the lanes that are expected.
fn lanes(bits: u128, expected: &V128Pattern) -> bool {
    let lane = |width: u32, number: usize| (bits >> (width * number as u32)) as u64;
    match expected {
        V128Pattern::I8x16(lanes) => bits == vector(&V128Const::I8x16(*lanes)),
        V128Pattern::I16x8(lanes) => bits == vector(&V128Const::I16x8(*lanes)),
        V128Pattern::I32x4(lanes) => bits == vector(&V128Const::I32x4(*lanes)),
        V128Pattern::I64x2(lanes) => bits == vector(&V128Const::I64x2(*lanes)),
        V128Pattern::F32x4(lanes) => {
            lanes.iter().enumerate().all(|(number, expected)| single(lane(32, number) as u32, expected))
        }
        V128Pattern::F64x2(lanes) => {
            lanes.iter().enumerate().all(|(number, expected)| double(lane(64, number), expected))
        }
    }
}

/// A value for a message: with its type, and with its bits where the text does not tell them.
pub fn told(value: &Val) -> String {
    let text = format!("{} {}", value.ty().name(), Shown(*value));
    match value {
        Val::F32(bits) => format!("{text} (0x{bits:08x})"),
        Val::F64(bits) => format!("{text} (0x{bits:016x})"),
        Val::V128(bits) => format!("v128 0x{bits:032x}"),
        Val::ExternRef(Some(number)) => format!("externref {number}"),
        _ => text,
    }
}

/// Values for a message.
pub fn told_all(values: &[Val]) -> String {
    if values.is_empty() {
        return "nothing".to_owned();
    }
    values.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// An expectation for a message.
fn pattern(expected: &WastRetCore<'_>) -> String {
    let value = match expected {
        WastRetCore::I32(value) => Val::I32(*value),
        WastRetCore::I64(value) => Val::I64(*value),
        WastRetCore::F32(NanPattern::Value(value)) => Val::F32(value.bits),
        WastRetCore::F64(NanPattern::Value(value)) => Val::F64(value.bits),
        WastRetCore::F32(pattern) => return format!("f32 {}", nan(pattern)),
        WastRetCore::F64(pattern) => return format!("f64 {}", nan(pattern)),
        WastRetCore::V128(pattern) => return vector_pattern(pattern),
        WastRetCore::RefExtern(Some(number)) => external(*number),
        WastRetCore::Either(cases) => {
            return format!("either {}", cases.iter().map(self::pattern).collect::<Vec<_>>().join(" or "));
        }
        WastRetCore::RefNull(_) => return "a null reference".to_owned(),
        WastRetCore::RefFunc(_) => return "a funcref".to_owned(),
        WastRetCore::RefExtern(None) => return "an externref".to_owned(),
        _ => return "another reference".to_owned(),
    };
    told(&value)
}

/// A kind of NaN as scripts write it.
fn nan<T>(pattern: &NanPattern<T>) -> &'static str {
    match pattern {
        NanPattern::CanonicalNan => "nan:canonical",
        NanPattern::ArithmeticNan => "nan:arithmetic",
        NanPattern::Value(_) => "value",
    }
}

/// An expected vector for a message: as bits, or by lane where there are kinds of NaN.
fn vector_pattern(pattern: &V128Pattern) -> String {
    let bits = match pattern {
        V128Pattern::I8x16(lanes) => vector(&V128Const::I8x16(*lanes)),
        V128Pattern::I16x8(lanes) => vector(&V128Const::I16x8(*lanes)),
        V128Pattern::I32x4(lanes) => vector(&V128Const::I32x4(*lanes)),
        V128Pattern::I64x2(lanes) => vector(&V128Const::I64x2(*lanes)),
        V128Pattern::F32x4(lanes) => {
            return lane_patterns("f32x4", lanes, |value| format!("0x{:08x}", value.bits));
        }
        V128Pattern::F64x2(lanes) => {
            return lane_patterns("f64x2", lanes, |value| format!("0x{:016x}", value.bits));
        }
    };
    format!("v128 0x{bits:032x}")
}

/// Expected lanes for a message.
fn lane_patterns<T>(shape: &str, lanes: &[NanPattern<T>], value: impl Fn(&T) -> String) -> String {
    let mut text = format!("v128 {shape}");
    for lane in lanes {
        let lane = match lane {
            NanPattern::Value(bits) => value(bits),
            other => nan(other).to_owned(),
        };
        write!(text, " {lane}").unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a value is what the text form of an expectation says.
    fn is(value: Val, expected: &str) -> bool {
        let buffer = wast::parser::ParseBuffer::new(expected).expect("tokens");
        let expected: wast::parser::Result<OneRet<'_>> = wast::parser::parse(&buffer);
        results(&[value], &[&expected.expect("an expectation").0]).is_ok()
    }

    /// An expectation in parentheses.
    struct OneRet<'a>(WastRetCore<'a>);

    impl<'a> wast::parser::Parse<'a> for OneRet<'a> {
        fn parse(parser: wast::parser::Parser<'a>) -> wast::parser::Result<Self> {
            parser.parens(|inner| inner.parse()).map(Self)
        }
    }

    #[test]
    fn kinds_of_nan() {
        let canonical = "(f32.const nan:canonical)";
        assert!(is(Val::F32(0x7fc0_0000), canonical) && is(Val::F32(0xffc0_0000), canonical));
        assert!(!is(Val::F32(0x7fc0_0001), canonical) && !is(Val::F32(0x7f80_0000), canonical));
        let arithmetic = "(f64.const nan:arithmetic)";
        assert!(is(Val::F64(0x7ff8_0000_0000_0001), arithmetic));
        assert!(!is(Val::F64(0x7ff4_0000_0000_0000), arithmetic));
        assert!(!is(Val::F64(0x3ff0_0000_0000_0000), arithmetic));
    }

    #[test]
    fn zeros_have_signs_and_types_count() {
        assert!(!is(Val::F32(0x8000_0000), "(f32.const 0)"));
        assert!(!is(Val::I64(1), "(i32.const 1)"));
        assert!(is(Val::I32(-1), "(i32.const 0xffffffff)"));
    }

    #[test]
    fn lanes_and_alternatives() {
        let value = Val::V128(0x7fc0_0000_3f80_0000_0000_0000_ffc0_0000);
        assert!(is(value, "(v128.const f32x4 nan:canonical 0 1 nan:arithmetic)"));
        assert!(!is(value, "(v128.const f32x4 nan:canonical 0 1 1)"));
        assert!(is(Val::V128(1), "(v128.const i64x2 1 0)"));
        assert!(is(Val::I32(2), "(either (i32.const 1) (i32.const 2))"));
        assert!(!is(Val::I32(3), "(either (i32.const 1) (i32.const 2))"));
    }

    #[test]
    fn references() {
        assert!(is(Val::zero(ValType::FuncRef), "(ref.null)"));
        assert!(is(Val::zero(ValType::ExternRef), "(ref.null extern)"));
        assert!(!is(Val::zero(ValType::ExternRef), "(ref.null func)"));
        assert!(is(external(0), "(ref.extern 0)") && !is(external(0), "(ref.extern 1)"));
        assert!(is(external(7), "(ref.extern)") && !is(Val::zero(ValType::ExternRef), "(ref.extern)"));
    }
}
