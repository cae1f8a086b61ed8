//! `KECCAK256` of words that are known, without memory.
//!
//! Most hashes are of one or two words that were stored just before: the place of an array, or of an entry of
//! a mapping (Solidity's layout of storage). Where all of them are known, the hash is one of values: a
//! host function without effects, so that equal ones are computed once, or a constant. What the operation
//! did besides stays, in revm's order: it pays for the words, ends the frame where the offset exceeds 64
//! bits, and grows memory. These checks are mostly superfluous, since the words are there, and go by the
//! pass `ensure`.

use evmc_abi::HostFn;
use evmc_ir::cursor::Replacements;
use evmc_ir::{Block, Builder, Function, Imm, Inst, Opcode, Type, Value};
use ruint::aliases::U256;
use sha3::{Digest, Keccak256};
use smallvec::SmallVec;

use crate::analysis::check;

/// Gas for each word that is hashed, besides the static gas: `G_keccak256word` of the Yellow Paper.
const GAS_PER_WORD: u64 = 6;

/// Bytes of a word.
const WORD: u64 = 32;

/// Hashes that can do without memory.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    /// For blocks in order, each with the words as they are in memory.
    list: Vec<(Block, Inst, SmallVec<[Value; 2]>)>,
}

impl Hashes {
    /// Notes a hash, in the order of the instructions of a block.
    pub fn push(&mut self, block: Block, inst: Inst, words: SmallVec<[Value; 2]>) {
        self.list.push((block, inst, words));
    }

    /// Rewrites them where some values were replaced; gives how many they are.
    pub fn rewrite(&self, function: &mut Function, replaced: &mut Replacements) -> usize {
        for of_block in self.list.chunk_by(|a, b| a.0 == b.0) {
            let block = of_block[0].0;
            let insts = std::mem::take(&mut function.blocks[block].insts);
            let mut hashes = of_block.iter().peekable();
            let mut b = Builder::new(function);
            b.resume(block);
            for inst in insts {
                if let Some((_, _, words)) = hashes.next_if(|hash| hash.1 == inst) {
                    let words = words.iter().map(|&word| replaced.resolve(word)).collect();
                    rewrite(&mut b, inst, words);
                }
                b.func.blocks[block].insts.push(inst);
            }
        }
        self.list.len()
    }
}

/// Writes what goes before a hash of `words`, and makes it one without memory.
fn rewrite(b: &mut Builder, inst: Inst, words: SmallVec<[Value; 2]>) {
    let count = words.len() as u64;
    let gas = b.small(Type::I64, GAS_PER_WORD * count);
    b.effect(Opcode::GasChargeDyn, &[gas]);
    let offset = b.func.insts[inst].args[0];
    match b.func.constant(offset).and_then(|offset| u64::try_from(offset).ok()?.checked_add(WORD * count)) {
        Some(end) => {
            let end = b.small(Type::I64, end);
            b.effect(Opcode::MemEnsure, &[end]);
        }
        None => _ = check::write(b, offset, WORD * count),
    }
    let constants: Option<SmallVec<[U256; 2]>> = words.iter().map(|&word| constant(b.func, word)).collect();
    match constants {
        Some(words) => {
            let constant = b.func.constants.push(hash(&words));
            let data = &mut b.func.insts[inst];
            (data.opcode, data.ty, data.imm) = (Opcode::Const, Some(Type::I256), Imm::Constant(constant));
            data.args.clear();
        }
        None => {
            let args = words.iter().map(|&word| reversed(b, word)).collect();
            let host = if count == 1 { HostFn::KeccakWord } else { HostFn::KeccakPair };
            let data = &mut b.func.insts[inst];
            (data.imm, data.args) = (Imm::Host(host), args);
        }
    }
}

/// The EVM word whose bytes in memory are those of `word`, if it is a constant.
fn constant(function: &Function, word: Value) -> Option<U256> {
    let reversed = |word: U256| U256::from_le_bytes(word.to_be_bytes::<32>());
    function.constant(word).map(reversed).or_else(|| function.constant(original(function, word)?))
}

/// The EVM word whose bytes in memory are those of `word`.
fn reversed(b: &mut Builder, word: Value) -> Value {
    original(b.func, word).unwrap_or_else(|| b.unary(Opcode::Bswap, word))
}

/// What a reversal of bytes was made from.
fn original(function: &Function, word: Value) -> Option<Value> {
    let data = function.defining_inst(word).filter(|data| data.opcode == Opcode::Bswap)?;
    Some(data.args[0])
}

/// The Keccak-256 hash of the bytes of words.
fn hash(words: &[U256]) -> U256 {
    let mut hasher = Keccak256::new();
    words.iter().for_each(|word| hasher.update(word.to_be_bytes::<32>()));
    U256::from_be_slice(&hasher.finalize())
}
