//! Bytecode to operations and basic blocks.
//!
//! [`Code::decode`] finds the valid jump destinations by the raw scan that the EVM specifies (every
//! `0x5b` that is no operand of a `PUSH`; the operands of EIP-8024 are scanned like opcodes), then
//! cuts the code into basic blocks. A block begins at offset 0, at a `JUMPDEST` or behind a
//! `JUMPI`, and ends behind the operation that leaves it or before the next `JUMPDEST`. Bytes that
//! no block covers cannot be executed. Operations are not stored: a block's iterator decodes them
//! again, which is as fast as reading them.
//!
//! Not here: where jumps go (`cfg`), what a stretch costs (`gas`).

use cranelift_entity::{EntityRef, PrimaryMap, entity_impl};
use ruint::aliases::U256;

use super::opcode::{self, Fork, Op, OpInfo};

/// A basic block; numbered in the order of the bytecode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(u32);
entity_impl!(BlockId, "bb");

/// How a basic block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `JUMP`.
    Jump,
    /// `JUMPI`; not taken it goes on at the block given, or stops at the end of the code.
    JumpIf(Option<BlockId>),
    /// Before a `JUMPDEST`, the start of the block given.
    Fall(BlockId),
    /// Its last operation ends the frame.
    Halt,
    /// The code ends, which is a `STOP`.
    End,
}

/// A basic block: the operations from offset `start` up to offset `end`, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Offset of the first operation.
    pub start: u32,
    /// Offset behind the last operation; beyond the code where that has a truncated operand.
    pub end: u32,
    /// How the block ends.
    pub exit: Exit,
}

/// A decoded operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Offset of the opcode, in bytes.
    pub pc: u32,
    /// The opcode under the code's fork.
    pub info: &'static OpInfo,
    /// The immediate operand, most significant byte first; bytes behind the code's end are 0.
    pub immediate: U256,
    /// Offset of the operation behind it, in bytes. An invalid immediate is not skipped: it may be
    /// a `JUMPDEST`.
    pub next: u32,
}

impl Operation {
    /// What the operation does, [`Op::Unknown`] where the fork does not have it.
    pub fn op(&self) -> Op {
        if self.info.is_defined() { self.info.op } else { Op::Unknown }
    }

    /// The immediate of an EIP-8024 operation.
    pub fn stack_immediate(&self) -> u8 {
        self.immediate.byte(0)
    }

    /// Whether an EIP-8024 immediate encodes nothing, which ends the frame.
    pub fn has_invalid_immediate(&self) -> bool {
        match self.op() {
            Op::DupN | Op::SwapN => opcode::decode_single(self.stack_immediate()).is_none(),
            Op::Exchange => opcode::decode_pair(self.stack_immediate()).is_none(),
            _ => false,
        }
    }

    /// Whether the operation always ends the frame.
    pub fn halts(&self) -> bool {
        self.info.halts() || self.has_invalid_immediate()
    }
}

/// Bytecode with its jump destinations and basic blocks under a fork.
#[derive(Clone, Debug)]
pub struct Code<'a> {
    bytes: &'a [u8],
    fork: Fork,
    /// One bit per byte of code.
    jumpdests: Vec<u64>,
    blocks: PrimaryMap<BlockId, Block>,
}

impl<'a> Code<'a> {
    /// Decodes `bytes`, of any content, under `fork`. Linear in their number, which must be below
    /// 2^31.
    pub fn decode(bytes: &'a [u8], fork: Fork) -> Self {
        let mut code = Self { bytes, fork, jumpdests: scan_jumpdests(bytes), blocks: PrimaryMap::new() };
        code.blocks = code.cut_blocks();
        code
    }

    /// The bytecode.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The fork whose rules hold.
    pub fn fork(&self) -> Fork {
        self.fork
    }

    /// Whether a jump to offset `pc` is valid.
    pub fn is_jumpdest(&self, pc: usize) -> bool {
        pc < self.bytes.len() && self.jumpdests[pc / 64] >> (pc % 64) & 1 != 0
    }

    /// The basic blocks, in the order of the bytecode. The first one begins at offset 0.
    pub fn blocks(&self) -> &PrimaryMap<BlockId, Block> {
        &self.blocks
    }

    /// The block that a jump to `target` enters, or `None` where that is not a valid destination.
    pub fn jump_target(&self, target: U256) -> Option<BlockId> {
        let pc = usize::try_from(target).ok().filter(|&pc| self.is_jumpdest(pc))?;
        self.block_at(pc as u32)
    }

    /// The block that begins at offset `pc`.
    pub fn block_at(&self, pc: u32) -> Option<BlockId> {
        let index = self.blocks.as_values_slice().binary_search_by_key(&pc, |block| block.start);
        index.ok().map(BlockId::new)
    }

    /// The operations of a block, in order.
    pub fn operations(&self, block: BlockId) -> Operations<'_> {
        let Block { start, end, .. } = self.blocks[block];
        Operations { code: self, pc: start, end }
    }

    /// The operation at offset `pc`; behind the end of the code there is `STOP`.
    pub fn operation(&self, pc: u32) -> Operation {
        let at = pc as usize;
        let byte = self.bytes.get(at).copied().unwrap_or(0);
        let info = &opcode::table(self.fork)[usize::from(byte)];
        let width = if info.is_defined() { usize::from(info.immediate) } else { 0 };
        let mut operand = [0; 32];
        let given = self.bytes.get(at + 1..).unwrap_or_default();
        let given = &given[..given.len().min(width)];
        operand[32 - width..32 - width + given.len()].copy_from_slice(given);
        let immediate = U256::from_be_bytes(operand);
        let mut operation = Operation { pc, info, immediate, next: pc + 1 + width as u32 };
        if operation.has_invalid_immediate() {
            operation.next = pc + 1;
        }
        operation
    }

    fn cut_blocks(&self) -> PrimaryMap<BlockId, Block> {
        let mut blocks = PrimaryMap::new();
        let mut start = Some(0);
        while let Some(pc) = start {
            let following = BlockId::new(blocks.len() + 1);
            let block = self.block_from(pc, following);
            start = match block.exit {
                Exit::JumpIf(Some(_)) | Exit::Fall(_) => Some(block.end),
                Exit::Jump | Exit::Halt => self.next_jumpdest(block.end),
                Exit::JumpIf(None) | Exit::End => None,
            };
            blocks.push(block);
        }
        blocks
    }

    /// The block that begins at `start`; `following` is the number of the next one.
    fn block_from(&self, start: u32, following: BlockId) -> Block {
        let mut pc = start;
        let exit = loop {
            if pc as usize >= self.bytes.len() {
                break Exit::End;
            }
            if pc != start && self.is_jumpdest(pc as usize) {
                break Exit::Fall(following);
            }
            let operation = self.operation(pc);
            pc = operation.next;
            match operation.op() {
                Op::Jump => break Exit::Jump,
                Op::JumpI => {
                    break Exit::JumpIf(((pc as usize) < self.bytes.len()).then_some(following));
                }
                _ if operation.halts() => break Exit::Halt,
                _ => {}
            }
        };
        Block { start, end: pc, exit }
    }

    /// The first jump destination at or behind offset `from`.
    fn next_jumpdest(&self, from: u32) -> Option<u32> {
        let mut word = from as usize / 64;
        let mut bits = self.jumpdests.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.jumpdests.get(word)?;
        }
        Some((word * 64) as u32 + bits.trailing_zeros())
    }
}

/// Iterator over the operations of a block.
#[derive(Clone, Debug)]
pub struct Operations<'c> {
    code: &'c Code<'c>,
    pc: u32,
    end: u32,
}

impl Iterator for Operations<'_> {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        if self.pc >= self.end {
            return None;
        }
        let operation = self.code.operation(self.pc);
        self.pc = operation.next;
        Some(operation)
    }
}

/// The bitmap of valid jump destinations of `bytes`.
fn scan_jumpdests(bytes: &[u8]) -> Vec<u64> {
    const JUMPDEST: u8 = 0x5b;
    const PUSH1: u8 = 0x60;
    const PUSH32: u8 = 0x7f;
    let mut bitmap = vec![0; bytes.len().div_ceil(64)];
    let mut pc = 0;
    while let Some(&byte) = bytes.get(pc) {
        if byte == JUMPDEST {
            bitmap[pc / 64] |= 1 << (pc % 64);
        }
        pc += if (PUSH1..=PUSH32).contains(&byte) { usize::from(byte - PUSH1) + 2 } else { 1 };
    }
    bitmap
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(bytes: &[u8], fork: Fork) -> Vec<(u32, u32, Exit)> {
        let code = Code::decode(bytes, fork);
        code.blocks().values().map(|block| (block.start, block.end, block.exit)).collect()
    }

    #[test]
    fn empty_code_is_one_block_that_stops() {
        assert_eq!(blocks(&[], Fork::Osaka), [(0, 0, Exit::End)]);
    }

    #[test]
    fn blocks_end_at_jumps_halts_and_before_jumpdests() {
        // PUSH1 6 PUSH1 1 JUMPI | STOP | JUMPDEST POP | JUMPDEST INVALID | ADD is dead | JUMPDEST
        let bytes = [0x60, 6, 0x60, 1, 0x57, 0x00, 0x5b, 0x50, 0x5b, 0xfe, 0x01, 0x5b];
        let expected = [
            (0, 5, Exit::JumpIf(Some(BlockId::new(1)))),
            (5, 6, Exit::Halt),
            (6, 8, Exit::Fall(BlockId::new(3))),
            (8, 10, Exit::Halt),
            (11, 12, Exit::End),
        ];
        assert_eq!(blocks(&bytes, Fork::Osaka), expected);
    }

    #[test]
    fn a_jumpdest_inside_a_push_is_none() {
        let code = [0x60, 0x5b, 0x5b];
        let code = Code::decode(&code, Fork::Osaka);
        assert!(!code.is_jumpdest(1) && code.is_jumpdest(2) && !code.is_jumpdest(3));
        assert_eq!(code.jump_target(U256::MAX), None);
        assert_eq!(code.jump_target(U256::from(2)), Some(BlockId::new(1)));
        assert_eq!(code.jump_target(U256::from(2) << 64), None);
    }

    #[test]
    fn a_truncated_push_is_padded_on_the_right() {
        let bytes = [0x62, 0xab];
        let code = Code::decode(&bytes, Fork::Osaka);
        let operations: Vec<_> = code.operations(BlockId::new(0)).collect();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].immediate, U256::from(0xab_0000));
    }

    #[test]
    fn invalid_immediates_hide_no_jumpdest() {
        for fork in [Fork::Osaka, Fork::Amsterdam] {
            assert_eq!(blocks(&[0xe6, 0x5b], fork), [(0, 1, Exit::Halt), (1, 2, Exit::End)]);
        }
        assert_eq!(blocks(&[0xe6, 0x80, 0x5b], Fork::Amsterdam)[0].1, 2);
    }
}
