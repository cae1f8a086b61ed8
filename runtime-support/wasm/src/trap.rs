//! How a call ends otherwise than with results.

use std::borrow::Cow;
use std::fmt;

use evmc_abi::ExitCode;

use crate::store::InstanceId;

/// The end of a function as an engine tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Why.
    pub code: ExitCode,
    /// Offset of the operation in its module, in bytes; 0 where that is not known.
    pub source: u32,
}

/// Why a call gave no results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The program: a trap of the specification, or that its gas or logical depth is used up.
    Program(ExitCode),
    /// A host function gave this error.
    Host(String),
    /// A host function panicked.
    Panicked(String),
    /// The function does not take such arguments.
    Arguments,
    /// The system refused memory or a thread.
    System(String),
    /// Compiled code did what it never should: a defect of the compiler.
    Defect(String),
}

/// Where a program was when its call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The instance whose code it was.
    pub instance: InstanceId,
    /// Offset of the operation in the module, in bytes.
    pub offset: u32,
    /// Index of the function; `None` where the offset lies in none.
    pub function: Option<u32>,
    /// The name that the module tells of it.
    pub name: Option<String>,
}

/// The end of a call without results. All gas that it had is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Why.
    pub cause: Cause,
    /// Where, if it is known.
    pub place: Option<Place>,
}

impl Trap {
    /// The failure of a host function.
    pub fn host(message: impl Into<String>) -> Self {
        Cause::Host(message.into()).into()
    }

    /// Why, in the words of the specification's tests where they have some.
    pub fn message(&self) -> Cow<'_, str> {
        match &self.cause {
            Cause::Program(code) => message(*code).into(),
            Cause::Host(message) => message.into(),
            Cause::Panicked(message) => format!("a host function panicked: {message}").into(),
            Cause::Arguments => "the function does not take these arguments".into(),
            Cause::System(message) => message.into(),
            Cause::Defect(message) => format!("defect of the compiler: {message}").into(),
        }
    }

    /// The exit code under which generated code hands it on.
    pub(crate) const fn code(&self) -> ExitCode {
        match self.cause {
            Cause::Program(code) => code,
            _ => ExitCode::Host,
        }
    }
}

impl From<Cause> for Trap {
    fn from(cause: Cause) -> Self {
        Self { cause, place: None }
    }
}

impl From<ExitCode> for Trap {
    fn from(code: ExitCode) -> Self {
        Cause::Program(code).into()
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        let Some(place) = &self.place else { return Ok(()) };
        if let Some(function) = place.function {
            write!(f, " in function {function}")?;
        }
        if let Some(name) = &place.name {
            write!(f, " ({name})")?;
        }
        write!(f, " at offset {:#x}", place.offset)
    }
}

impl std::error::Error for Trap {}

/// An exit code in the words of the specification's tests.
const fn message(code: ExitCode) -> &'static str {
    match code {
        ExitCode::OutOfGas => "all gas consumed",
        ExitCode::CallStackExhausted => "call stack exhausted",
        ExitCode::UnreachableExecuted => "unreachable",
        ExitCode::MemoryOutOfBounds => "out of bounds memory access",
        ExitCode::TableOutOfBounds => "out of bounds table access",
        ExitCode::UndefinedElement => "undefined element",
        ExitCode::UninitializedElement => "uninitialized element",
        ExitCode::IndirectCallTypeMismatch => "indirect call type mismatch",
        ExitCode::IntegerDivideByZero => "integer divide by zero",
        ExitCode::IntegerOverflow => "integer overflow",
        ExitCode::InvalidConversionToInteger => "invalid conversion to integer",
        other => other.name(),
    }
}
