//! The checks that stand before an access of VM memory: how they are written, and read back from the IR.
//!
//! An access is written as: end the frame where the offset exceeds 64 bits; take the low 64
//! bits; add the length, saturating; `mem.ensure`; load or store. Passes that remove or merge checks
//! want to know which root and distance they are about ([`Place`]).

use evmc_abi::ExitCode;
use evmc_ir::{Builder, Function, Imm, InstData, Opcode, Type, Value};
use ruint::aliases::U256;

use super::place::{Place, Places};

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Ends the frame with `invalid_operand` where a word exceeds 64 bits.
    Fits {
        /// The word.
        place: Place,
    },
    /// Grows memory to hold `length` bytes from the low 64 bits of the place; the end saturates.
    Ensure {
        /// Where the bytes begin.
        place: Place,
        /// How many they are.
        length: u64,
    },
}

impl Check {
    /// The check that an instruction makes, if it makes one.
    pub fn of(function: &Function, places: &Places, data: &InstData) -> Option<Self> {
        match data.opcode {
            Opcode::ExitIf if data.imm == Imm::Exit(ExitCode::InvalidOperand) => {
                let place = places.get(limited_word(function, data.args[0])?);
                place.root.map(|_| Self::Fits { place })
            }
            Opcode::MemEnsure => Some(ensured(function, places, data.args[0])),
            _ => None,
        }
    }

    /// What it is about.
    pub fn place(self) -> Place {
        match self {
            Self::Fits { place } | Self::Ensure { place, .. } => place,
        }
    }
}

/// Writes the checks of `length` bytes from a word on; gives the offset in 64 bits.
pub fn write(b: &mut Builder, offset: Value, length: u64) -> Value {
    let limit = b.constant(Type::I256, U256::from(u64::MAX));
    let too_large = b.binary(Opcode::Ugt, offset, limit);
    b.exit_if(ExitCode::InvalidOperand, too_large);
    let offset = b.convert(Opcode::Trunc, Type::I64, offset);
    let end = saturating_end(b, offset, length);
    b.effect(Opcode::MemEnsure, &[end]);
    offset
}

/// `offset + length`, or the largest number where that wraps: nobody can pay for it.
fn saturating_end(b: &mut Builder, offset: Value, length: u64) -> Value {
    let length = b.small(Type::I64, length);
    let (end, wraps) = b.pair(Opcode::AddCarry, Type::I64, &[offset, length]);
    let most = b.small(Type::I64, u64::MAX);
    b.select(wraps, most, end)
}

/// The word that a condition compares with 64 bits.
fn limited_word(function: &Function, condition: Value) -> Option<Value> {
    let data = function.defining_inst(condition)?;
    let most = function.constant(*data.args.get(1)?)?;
    let is_limit = data.opcode == Opcode::Ugt && data.ty == Some(Type::I256);
    (is_limit && most == U256::from(u64::MAX)).then_some(data.args[0])
}

/// What is known to be ensured by an end. One that is not the saturating sum of something is a root by
/// itself: an ordinary sum may have wrapped.
fn ensured(function: &Function, places: &Places, end: Value) -> Check {
    if let Some(Place { root: None, offset }) = Some(places.get(end)) {
        return Check::Ensure { place: Place { root: None, offset: 0 }, length: offset as u64 };
    }
    let (place, length) =
        saturating_sum(function, places, end).unwrap_or((Place { root: Some(end), offset: 0 }, 0));
    Check::Ensure { place, length }
}

/// Place and length of `select(carry, 2^64 - 1, sum)` over an `add_carry` of a constant.
fn saturating_sum(function: &Function, places: &Places, end: Value) -> Option<(Place, u64)> {
    let select = function.defining_inst(end).filter(|data| data.opcode == Opcode::Select)?;
    let &[carry, most, sum] = &select.args[..] else { return None };
    let add = function.defining_inst(sum).filter(|data| data.opcode == Opcode::AddCarry)?;
    let is_sum = add.ty == Some(Type::I64) && add.results[..] == [sum, carry];
    if !is_sum || function.constant(most)? != U256::from(u64::MAX) {
        return None;
    }
    let length = u64::try_from(function.constant(add.args[1])?).ok().filter(|&length| length <= 1 << 32)?;
    Some((places.get(add.args[0]), length))
}
