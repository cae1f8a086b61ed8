//! Stretches: runs of operations whose static gas and stack needs are checked once.
//!
//! A stretch is a run of EVM operations in which only the last may do anything but move the stack
//! and compute: no operation before it reads gas, touches state, grows memory or leaves. When its
//! merged check fails, the frame is lost for certain, and which operation failed first follows from
//! static data alone: the bytecode of the stretch, one row per opcode, and gas and stack height at
//! its start. The interpreter charges an operation's static gas before it looks at the stack, so
//! that order is kept here.

use crate::exit::ExitCode;
use crate::frame::STACK_WORDS;

/// What the walk has to know of an opcode under the fork that the code was compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct OpRow {
    /// Static gas.
    pub static_gas: u16,
    /// Stack items that must be there.
    pub inputs: u8,
    /// Stack items after the operation, counted from below its inputs.
    pub outputs: u8,
    /// Bytes of immediate operand that follow the opcode.
    pub immediate: u8,
    /// [`OpRow::UNDERFLOW_IS_OVERFLOW`] and [`OpRow::REFUSES_STATIC`].
    pub flags: u8,
    /// Keeps the row at eight bytes; always 0.
    pub reserved: [u8; 2],
}

impl OpRow {
    /// Missing inputs are reported as stack overflow (`DUP` in revm).
    pub const UNDERFLOW_IS_OVERFLOW: u8 = 1;
    /// In a static frame the operation fails before it looks at the stack (EIP-214).
    pub const REFUSES_STATIC: u8 = 2;

    /// Why the operation fails at this stack height, and the height after it where it does not.
    fn stack_after(self, height: u32, is_static: bool) -> Result<u32, ExitCode> {
        if is_static && self.flags & Self::REFUSES_STATIC != 0 {
            return Err(ExitCode::StaticViolation);
        }
        match height.checked_sub(self.inputs.into()) {
            None if self.flags & Self::UNDERFLOW_IS_OVERFLOW != 0 => Err(ExitCode::StackOverflow),
            None => Err(ExitCode::StackUnderflow),
            Some(below) if below + u32::from(self.outputs) > STACK_WORDS as u32 => {
                Err(ExitCode::StackOverflow)
            }
            Some(below) => Ok(below + u32::from(self.outputs)),
        }
    }
}

/// The operations from byte `start` up to byte `end` of the bytecode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct StretchRange {
    /// Offset of the first operation, in bytes.
    pub start: u32,
    /// Offset behind the last operation, in bytes.
    pub end: u32,
}

/// The operation that fails first in a stretch, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Offset of the operation in the bytecode, in bytes.
    pub pc: u32,
    /// [`ExitCode::OutOfGas`], [`ExitCode::StackUnderflow`], [`ExitCode::StackOverflow`] or
    /// [`ExitCode::StaticViolation`].
    pub reason: ExitCode,
}

/// Walks `range` of `code` from `gas` and `height` (stack items) and finds the first failure, or
/// `None` where every operation passes its static checks.
pub fn first_failure(
    rows: &[OpRow; 256],
    code: &[u8],
    range: StretchRange,
    mut gas: u64,
    mut height: u32,
    is_static: bool,
) -> Option<Failure> {
    let end = code.len().min(range.end as usize);
    let mut pc = range.start as usize;
    while pc < end {
        let row = rows[code[pc] as usize];
        let fail = |reason| Some(Failure { pc: pc as u32, reason });
        let Some(left) = gas.checked_sub(row.static_gas.into()) else {
            return fail(ExitCode::OutOfGas);
        };
        match row.stack_after(height, is_static) {
            Ok(after) => (gas, height) = (left, after),
            Err(reason) => return fail(reason),
        }
        pc += 1 + row.immediate as usize;
    }
    None
}
