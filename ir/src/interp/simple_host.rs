//! A small world in memory, for tests.

use std::collections::{BTreeMap, HashMap, VecDeque};

use evmc_abi::{ExitCode, Field, HostFn};
use ruint::aliases::U256;

use crate::eval::eval;
use crate::opcode::Opcode;
use crate::types::Type;

use super::Host;

/// Longest memory that the host grants, in bytes.
const MAX_MEMORY: u64 = 1 << 28;

/// A world with memory, calldata and storage, and with answers prepared for everything else.
///
/// Memory grows in words of 32 bytes at the EVM's price; where that cannot be paid, the frame ends with
/// [`ExitCode::Host`], as it does where the runtime's host functions find a reason. Storage and transient storage are maps and
/// cost nothing. `return_data` and `revert` keep their output. Other functions take the next
/// prepared answer; where none is left, their results are 0.
#[derive(Clone, Debug, Default)]
pub struct SimpleHost {
    /// The VM memory.
    pub memory: Vec<u8>,
    /// The calldata.
    pub calldata: Vec<u8>,
    /// Storage by key.
    pub storage: BTreeMap<U256, U256>,
    /// Transient storage by key.
    pub transient: BTreeMap<U256, U256>,
    /// Fields of the frame; others read as 0.
    pub fields: HashMap<Field, U256>,
    /// Answers of functions that the host does not model, in the order of the calls.
    pub answers: VecDeque<Result<Vec<U256>, ExitCode>>,
    /// Calls of host functions so far, with their arguments.
    pub calls: Vec<(HostFn, Vec<U256>)>,
    /// What `return_data` or `revert` gave.
    pub output: Vec<u8>,
}

impl SimpleHost {
    /// Price of a memory of so many words, in gas.
    fn memory_price(words: u64) -> u64 {
        3 * words + words * words / 512
    }

    fn grow(&mut self, end: u64, gas: &mut u64) -> Result<(), ExitCode> {
        if end > MAX_MEMORY {
            return Err(ExitCode::Host);
        }
        let [old, new] = [self.memory.len() as u64 / 32, end.div_ceil(32)];
        if new > old {
            let price = Self::memory_price(new) - Self::memory_price(old);
            *gas = gas.checked_sub(price).ok_or(ExitCode::Host)?;
            self.memory.resize(new as usize * 32, 0);
        }
        Ok(())
    }

    /// The 32 bytes of calldata from `offset` on.
    fn calldata_word(&self, offset: U256) -> U256 {
        let mut word = [0; 32];
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.calldata.len());
        let there = &self.calldata[start..];
        let length = there.len().min(32);
        word[..length].copy_from_slice(&there[..length]);
        U256::from_be_bytes(word)
    }

    /// Ends the frame with a range of memory as output.
    fn finish(&mut self, offset: U256, length: U256, gas: &mut u64) -> Result<(), ExitCode> {
        if !length.is_zero() {
            let number = |bits| u64::try_from(bits).map_err(|_| ExitCode::Host);
            let (offset, length) = (number(offset)?, number(length)?);
            let end = offset.checked_add(length).ok_or(ExitCode::Host)?;
            self.grow(end, gas)?;
            self.output = self.memory[offset as usize..end as usize].to_vec();
        }
        Err(ExitCode::Host)
    }

    /// Gives the next prepared answer.
    fn answer(&mut self, words: &mut [U256]) -> Result<(), ExitCode> {
        let results = self.answers.pop_front().unwrap_or_else(|| Ok(Vec::new()))?;
        for (index, word) in words.iter_mut().enumerate() {
            *word = results.get(index).copied().unwrap_or_default();
        }
        Ok(())
    }
}

/// The operation that a pure host function computes.
fn operation(function: HostFn) -> Option<Opcode> {
    Some(match function {
        HostFn::Udiv => Opcode::Udiv,
        HostFn::Sdiv => Opcode::Sdiv,
        HostFn::Urem => Opcode::Urem,
        HostFn::Srem => Opcode::Srem,
        HostFn::Addmod => Opcode::Addmod,
        HostFn::Mulmod => Opcode::Mulmod,
        HostFn::Exp => Opcode::Exp,
        _ => return None,
    })
}

impl Host for SimpleHost {
    fn call(&mut self, function: HostFn, words: &mut [U256], gas: &mut u64) -> Result<(), ExitCode> {
        self.calls.push((function, words[..function.args()].to_vec()));
        let read = |map: &BTreeMap<U256, U256>, key| map.get(key).copied().unwrap_or_default();
        match function {
            HostFn::MemoryGrow => self.grow(words[0].as_limbs()[0], gas)?,
            HostFn::CalldataLoad => words[0] = self.calldata_word(words[0]),
            HostFn::Sload => words[0] = read(&self.storage, &words[0]),
            HostFn::Tload => words[0] = read(&self.transient, &words[0]),
            HostFn::Sstore => drop(self.storage.insert(words[0], words[1])),
            HostFn::Tstore => drop(self.transient.insert(words[0], words[1])),
            HostFn::Return | HostFn::Revert => return self.finish(words[0], words[1], gas),
            HostFn::Selfdestruct | HostFn::Underflow => return Err(ExitCode::Host),
            _ => match operation(function) {
                Some(opcode) => {
                    let args = &words[..function.args()];
                    words[0] = eval(opcode, Type::I256, Type::I256, args).unwrap_or_default()[0];
                }
                None => self.answer(&mut words[..function.results()])?,
            },
        }
        Ok(())
    }

    fn memory(&self) -> &[u8] {
        &self.memory
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    fn field(&self, field: Field) -> U256 {
        match field {
            Field::CalldataLen => U256::from(self.calldata.len()),
            field => self.fields.get(&field).copied().unwrap_or_default(),
        }
    }
}
