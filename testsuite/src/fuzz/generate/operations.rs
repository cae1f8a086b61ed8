//! Values, and statements without jumps.

use evmc_compiler::frontend::evm::opcode::Fork;

use super::{Generator, edge_word, trimmed};
use crate::{asm, fuzz::program::Item};

/// Operations on words, weighed by how much can go wrong.
const COMPUTE: &[&str] = &[
    "ADD",
    "ADD",
    "MUL",
    "MUL",
    "SUB",
    "SUB",
    "DIV",
    "SDIV",
    "MOD",
    "SMOD",
    "ADDMOD",
    "MULMOD",
    "EXP",
    "SIGNEXTEND",
    "LT",
    "GT",
    "SLT",
    "SGT",
    "EQ",
    "ISZERO",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "BYTE",
    "SHL",
    "SHR",
    "SAR",
    "CLZ",
];

/// Values of the environment.
const ENVIRONMENT: &[&str] = &[
    "ADDRESS",
    "ORIGIN",
    "CALLER",
    "CALLVALUE",
    "CALLDATASIZE",
    "CODESIZE",
    "GASPRICE",
    "RETURNDATASIZE",
    "COINBASE",
    "TIMESTAMP",
    "NUMBER",
    "DIFFICULTY",
    "GASLIMIT",
    "CHAINID",
    "SELFBALANCE",
    "BASEFEE",
    "BLOBBASEFEE",
    "PC",
    "MSIZE",
    "GAS",
    "SLOTNUM",
];

impl Generator<'_> {
    /// Pushes a number.
    pub(super) fn constant(&mut self) {
        let bytes = trimmed(edge_word(self.rng));
        // Some immediates are wider than the number.
        let bytes = match self.chance(5) {
            true => [vec![0; 32 - bytes.len()], bytes].concat(),
            false => bytes,
        };
        self.push_bytes(bytes);
    }

    fn small(&mut self, below: u64) {
        let number = self.rng.u64(..below);
        self.push_number(number);
    }

    /// Pushes a value of any origin.
    pub(super) fn value(&mut self) {
        match self.rng.u8(..20) {
            0..6 => self.constant(),
            6..9 if self.height > 0 => self.dup(),
            9..12 => {
                self.small(130);
                self.op("CALLDATALOAD");
            }
            12 => {
                self.offset();
                self.op("MLOAD");
            }
            13 => {
                self.small(4);
                self.op("SLOAD");
            }
            14 => {
                self.small(4);
                self.op("TLOAD");
            }
            15..18 => {
                let name = self.rng.choice(ENVIRONMENT).copied().unwrap_or("GAS");
                self.op(name);
            }
            _ => self.small(40),
        }
    }

    /// Makes sure of `count` operands that may be consumed.
    fn need(&mut self, count: usize) {
        while self.free() < count {
            self.value();
        }
        // Fresh operands keep old values alive, as expressions do.
        for _ in 0..count {
            if self.chance(50) && self.free() <= 12 {
                self.value();
            }
        }
    }

    pub(super) fn compute(&mut self) {
        for _ in 0..self.rng.usize(1..6) {
            let name = self.rng.choice(COMPUTE).copied().unwrap_or("ADD");
            let inputs = usize::from(self.info(asm::opcode(name)).inputs);
            self.need(inputs);
            self.op(name);
        }
    }

    /// `DUP` of any item that it reaches; the present height is not 0.
    pub(super) fn dup(&mut self) {
        let depth = self.rng.usize(1..=self.height.min(16)) as u8;
        self.items.push(Item::Bytes(vec![asm::opcode("DUP1") + depth - 1]));
        self.height += 1;
    }

    pub(super) fn shuffle(&mut self) {
        for _ in 0..self.rng.usize(1..6) {
            self.need(2);
            match self.rng.u8(..8) {
                0..3 => self.dup(),
                3..6 => {
                    let depth = self.rng.usize(1..=(self.free() - 1).min(16)) as u8;
                    self.items.push(Item::Bytes(vec![asm::opcode("SWAP1") + depth - 1]));
                }
                6 if self.fork >= Fork::Amsterdam => self.deep(),
                _ => self.pop(),
            }
        }
    }

    /// An EIP-8024 operation with whatever immediate; what it does to the stack is not known then.
    fn deep(&mut self) {
        let name = self.rng.choice(["DUPN", "SWAPN", "EXCHANGE"]).unwrap_or("DUPN");
        self.items.push(Item::Bytes(vec![asm::opcode(name), self.rng.u8(..)]));
        self.height += usize::from(name == "DUPN");
    }

    /// Pushes an offset into memory: mostly near the start, sometimes out of all bounds.
    pub(super) fn offset(&mut self) {
        match self.rng.u8(..40) {
            0 => self.constant(),
            1 => self.push_number(1 << 32),
            2 => self.small(100_000),
            3..6 => {
                self.small(160);
                self.op("CALLDATALOAD");
                self.push_number(0x3ff);
                self.op("AND");
            }
            6..16 => {
                let word = self.rng.u64(..8) * 32;
                self.push_number(word);
            }
            16..20 => self.small(1_000),
            _ => self.small(200),
        }
    }

    /// Pushes a length in bytes.
    pub(super) fn length(&mut self) {
        match self.rng.u8(..24) {
            0 => self.constant(),
            1 => self.small(5_000),
            2..8 => self.push_number(0),
            8..14 => self.push_number(32),
            _ => self.small(100),
        }
    }

    /// Pushes length and offset of a piece of memory, the offset on top.
    pub(super) fn range(&mut self) {
        self.length();
        self.offset();
    }

    pub(super) fn memory(&mut self) {
        match self.rng.u8(..16) {
            0..6 => {
                self.need(1);
                self.offset();
                self.op("MSTORE");
            }
            6..8 => {
                self.need(1);
                self.offset();
                self.op("MSTORE8");
            }
            8..11 => {
                self.offset();
                self.op("MLOAD");
            }
            11 => {
                self.range();
                self.offset();
                self.op("MCOPY");
            }
            12 => self.copy("RETURNDATACOPY"),
            13 => self.copy("CODECOPY"),
            14 => self.copy("CALLDATACOPY"),
            _ => {
                self.range();
                self.offset();
                self.any_address();
                self.op("EXTCODECOPY");
            }
        }
    }

    fn copy(&mut self, name: &str) {
        self.range();
        self.offset();
        self.op(name);
    }

    pub(super) fn storage(&mut self) {
        let (store, load) = if self.chance(70) { ("SSTORE", "SLOAD") } else { ("TSTORE", "TLOAD") };
        if self.chance(60) {
            self.need(1);
            self.small(5);
            self.op(store);
        } else {
            self.small(5);
            self.op(load);
        }
    }

    pub(super) fn log(&mut self) {
        let topics = self.rng.u8(..5);
        (0..topics).for_each(|_| self.value());
        self.range();
        self.items.push(Item::Bytes(vec![asm::opcode("LOG0") + topics]));
        self.height -= usize::from(topics) + 2;
    }

    pub(super) fn hash(&mut self) {
        if self.chance(50) {
            self.store_to_hash();
        } else {
            self.range();
        }
        self.op("KECCAK256");
    }

    /// Stores one or two words behind one another, as mappings do, and pushes their range.
    fn store_to_hash(&mut self) {
        let start = self.rng.u64(..6) * 32;
        let bytes = self.rng.u64(1..3) * 32;
        for word in (start..start + bytes).step_by(32) {
            self.value();
            self.push_number(word);
            self.op("MSTORE");
        }
        self.push_number(bytes);
        self.push_number(start);
    }

    /// Something about an account or a block.
    pub(super) fn account(&mut self) {
        match self.rng.u8(..6) {
            0 => {
                self.small(1_100);
                self.op("BLOCKHASH");
            }
            1 => {
                self.small(3);
                self.op("BLOBHASH");
            }
            _ => {
                self.any_address();
                let name = self.rng.choice(["BALANCE", "EXTCODESIZE", "EXTCODEHASH"]).unwrap_or("BALANCE");
                self.op(name);
            }
        }
    }

    /// What no compiler emits.
    pub(super) fn odd(&mut self) {
        match self.rng.u8(..6) {
            // More items than there are, in the main program below the stack itself.
            0 => (0..self.rng.usize(1..30)).for_each(|_| self.pop()),
            1 => (0..self.rng.usize(1..20)).for_each(|_| self.items.push(Item::Bytes(vec![0x5b]))),
            2 => self.items.push(Item::Bytes(vec![self.rng.u8(..)])),
            3 => (0..self.rng.usize(900..1100)).for_each(|_| self.op("PC")),
            4 => {
                self.value();
                self.op("JUMP");
            }
            _ => {
                self.value();
                self.value();
                self.op("JUMPI");
            }
        }
    }
}
