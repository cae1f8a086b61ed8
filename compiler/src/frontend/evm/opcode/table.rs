//! THE table of EVM operations, and what each fork changed.
//!
//! One row per opcode that any fork has, with the static gas it had first, then one [`Delta`] per
//! fork: the opcodes it activates and the static gas it changes. The tables of
//! [`super::table`] are these, applied in order. Gas is in units of gas and is what is charged
//! before the operation looks at its operands; whatever depends on operands or state is charged by
//! the operation itself and does not stand here.

use super::{Fork, Op, OpInfo, Status};

/// What a fork changes against the fork before it.
struct Delta {
    fork: Fork,
    /// Opcodes that become available.
    activates: &'static [u8],
    /// New static gas of opcodes.
    gas: &'static [(u8, u16)],
    /// New price of `EXP` per byte of its exponent, in gas.
    exp_byte_gas: Option<u16>,
}

/// A fork that changes nothing; the rows of [`DELTAS`] say what differs.
const fn same(fork: Fork) -> Delta {
    Delta { fork, activates: &[], gas: &[], exp_byte_gas: None }
}

const fn op(
    opcode: u8,
    name: &'static str,
    op: Op,
    inputs: u8,
    outputs: u8,
    immediate: u8,
    static_gas: u16,
) -> OpInfo {
    OpInfo { opcode, name, op, inputs, outputs, immediate, static_gas, status: Status::Defined }
}

const DELTAS: [Delta; 15] = [
    Delta { exp_byte_gas: Some(10), ..same(Fork::Frontier) },
    // EIP-7
    Delta { activates: &[0xf4], ..same(Fork::Homestead) },
    // EIP-150
    Delta {
        gas: &[
            (0x31, 400),
            (0x3b, 700),
            (0x3c, 700),
            (0x54, 200),
            (0xf1, 700),
            (0xf2, 700),
            (0xf4, 700),
            (0xfa, 700),
            (0xff, 5000),
        ],
        ..same(Fork::Tangerine)
    },
    // EIP-160
    Delta { exp_byte_gas: Some(50), ..same(Fork::SpuriousDragon) },
    // EIP-211, EIP-214, EIP-140
    Delta { activates: &[0x3d, 0x3e, 0xfa, 0xfd], ..same(Fork::Byzantium) },
    // EIP-145, EIP-1052, EIP-1014
    Delta { activates: &[0x1b, 0x1c, 0x1d, 0x3f, 0xf5], ..same(Fork::Petersburg) },
    // EIP-1344, EIP-1884
    Delta { activates: &[0x46, 0x47], gas: &[(0x31, 700), (0x3f, 700), (0x54, 800)], ..same(Fork::Istanbul) },
    // EIP-2929: the warm price; what a cold access costs more is charged by the operation.
    Delta {
        gas: &[
            (0x31, 100),
            (0x3b, 100),
            (0x3c, 100),
            (0x3f, 100),
            (0x54, 100),
            (0xf1, 100),
            (0xf2, 100),
            (0xf4, 100),
            (0xfa, 100),
        ],
        ..same(Fork::Berlin)
    },
    // EIP-3198
    Delta { activates: &[0x48], ..same(Fork::London) },
    same(Fork::Merge),
    // EIP-3855
    Delta { activates: &[0x5f], ..same(Fork::Shanghai) },
    // EIP-4844, EIP-7516, EIP-1153, EIP-5656
    Delta { activates: &[0x49, 0x4a, 0x5c, 0x5d, 0x5e], ..same(Fork::Cancun) },
    same(Fork::Prague),
    // EIP-7939
    Delta { activates: &[0x1e], ..same(Fork::Osaka) },
    // EIP-7843, EIP-8024; EIP-8038: a second database read
    Delta { activates: &[0x4b, 0xe6, 0xe7, 0xe8], gas: &[(0x3b, 200), (0x3c, 200)], ..same(Fork::Amsterdam) },
];

/// Every operation but the numbered families `PUSH1`-`PUSH32`, `DUP`, `SWAP`: opcode, name,
/// operation, stack items taken, stack items put, immediate bytes, first static gas.
#[rustfmt::skip]
const OPS: &[OpInfo] = &[
    op(0x00, "STOP", Op::Stop, 0, 0, 0, 0),
    op(0x01, "ADD", Op::Add, 2, 1, 0, 3),
    op(0x02, "MUL", Op::Mul, 2, 1, 0, 5),
    op(0x03, "SUB", Op::Sub, 2, 1, 0, 3),
    op(0x04, "DIV", Op::Div, 2, 1, 0, 5),
    op(0x05, "SDIV", Op::Sdiv, 2, 1, 0, 5),
    op(0x06, "MOD", Op::Mod, 2, 1, 0, 5),
    op(0x07, "SMOD", Op::Smod, 2, 1, 0, 5),
    op(0x08, "ADDMOD", Op::AddMod, 3, 1, 0, 8),
    op(0x09, "MULMOD", Op::MulMod, 3, 1, 0, 8),
    op(0x0a, "EXP", Op::Exp, 2, 1, 0, 10),
    op(0x0b, "SIGNEXTEND", Op::SignExtend, 2, 1, 0, 5),
    op(0x10, "LT", Op::Lt, 2, 1, 0, 3),
    op(0x11, "GT", Op::Gt, 2, 1, 0, 3),
    op(0x12, "SLT", Op::Slt, 2, 1, 0, 3),
    op(0x13, "SGT", Op::Sgt, 2, 1, 0, 3),
    op(0x14, "EQ", Op::Eq, 2, 1, 0, 3),
    op(0x15, "ISZERO", Op::IsZero, 1, 1, 0, 3),
    op(0x16, "AND", Op::And, 2, 1, 0, 3),
    op(0x17, "OR", Op::Or, 2, 1, 0, 3),
    op(0x18, "XOR", Op::Xor, 2, 1, 0, 3),
    op(0x19, "NOT", Op::Not, 1, 1, 0, 3),
    op(0x1a, "BYTE", Op::Byte, 2, 1, 0, 3),
    op(0x1b, "SHL", Op::Shl, 2, 1, 0, 3),
    op(0x1c, "SHR", Op::Shr, 2, 1, 0, 3),
    op(0x1d, "SAR", Op::Sar, 2, 1, 0, 3),
    op(0x1e, "CLZ", Op::Clz, 1, 1, 0, 5),
    op(0x20, "KECCAK256", Op::Keccak256, 2, 1, 0, 30),
    op(0x30, "ADDRESS", Op::Address, 0, 1, 0, 2),
    op(0x31, "BALANCE", Op::Balance, 1, 1, 0, 20),
    op(0x32, "ORIGIN", Op::Origin, 0, 1, 0, 2),
    op(0x33, "CALLER", Op::Caller, 0, 1, 0, 2),
    op(0x34, "CALLVALUE", Op::CallValue, 0, 1, 0, 2),
    op(0x35, "CALLDATALOAD", Op::CallDataLoad, 1, 1, 0, 3),
    op(0x36, "CALLDATASIZE", Op::CallDataSize, 0, 1, 0, 2),
    op(0x37, "CALLDATACOPY", Op::CallDataCopy, 3, 0, 0, 3),
    op(0x38, "CODESIZE", Op::CodeSize, 0, 1, 0, 2),
    op(0x39, "CODECOPY", Op::CodeCopy, 3, 0, 0, 3),
    op(0x3a, "GASPRICE", Op::GasPrice, 0, 1, 0, 2),
    op(0x3b, "EXTCODESIZE", Op::ExtCodeSize, 1, 1, 0, 20),
    op(0x3c, "EXTCODECOPY", Op::ExtCodeCopy, 4, 0, 0, 20),
    op(0x3d, "RETURNDATASIZE", Op::ReturnDataSize, 0, 1, 0, 2),
    op(0x3e, "RETURNDATACOPY", Op::ReturnDataCopy, 3, 0, 0, 3),
    op(0x3f, "EXTCODEHASH", Op::ExtCodeHash, 1, 1, 0, 400),
    op(0x40, "BLOCKHASH", Op::BlockHash, 1, 1, 0, 20),
    op(0x41, "COINBASE", Op::Coinbase, 0, 1, 0, 2),
    op(0x42, "TIMESTAMP", Op::Timestamp, 0, 1, 0, 2),
    op(0x43, "NUMBER", Op::Number, 0, 1, 0, 2),
    op(0x44, "DIFFICULTY", Op::Prevrandao, 0, 1, 0, 2),
    op(0x45, "GASLIMIT", Op::GasLimit, 0, 1, 0, 2),
    op(0x46, "CHAINID", Op::ChainId, 0, 1, 0, 2),
    op(0x47, "SELFBALANCE", Op::SelfBalance, 0, 1, 0, 5),
    op(0x48, "BASEFEE", Op::BaseFee, 0, 1, 0, 2),
    op(0x49, "BLOBHASH", Op::BlobHash, 1, 1, 0, 3),
    op(0x4a, "BLOBBASEFEE", Op::BlobBaseFee, 0, 1, 0, 2),
    op(0x4b, "SLOTNUM", Op::SlotNum, 0, 1, 0, 2),
    op(0x50, "POP", Op::Pop, 1, 0, 0, 2),
    op(0x51, "MLOAD", Op::Mload, 1, 1, 0, 3),
    op(0x52, "MSTORE", Op::Mstore, 2, 0, 0, 3),
    op(0x53, "MSTORE8", Op::Mstore8, 2, 0, 0, 3),
    op(0x54, "SLOAD", Op::Sload, 1, 1, 0, 50),
    op(0x55, "SSTORE", Op::Sstore, 2, 0, 0, 0),
    op(0x56, "JUMP", Op::Jump, 1, 0, 0, 8),
    op(0x57, "JUMPI", Op::JumpI, 2, 0, 0, 10),
    op(0x58, "PC", Op::Pc, 0, 1, 0, 2),
    op(0x59, "MSIZE", Op::Msize, 0, 1, 0, 2),
    op(0x5a, "GAS", Op::Gas, 0, 1, 0, 2),
    op(0x5b, "JUMPDEST", Op::JumpDest, 0, 0, 0, 1),
    op(0x5c, "TLOAD", Op::Tload, 1, 1, 0, 100),
    op(0x5d, "TSTORE", Op::Tstore, 2, 0, 0, 100),
    op(0x5e, "MCOPY", Op::Mcopy, 3, 0, 0, 3),
    op(0x5f, "PUSH0", Op::Push, 0, 1, 0, 2),
    op(0xa0, "LOG0", Op::Log(0), 2, 0, 0, 375),
    op(0xa1, "LOG1", Op::Log(1), 3, 0, 0, 375),
    op(0xa2, "LOG2", Op::Log(2), 4, 0, 0, 375),
    op(0xa3, "LOG3", Op::Log(3), 5, 0, 0, 375),
    op(0xa4, "LOG4", Op::Log(4), 6, 0, 0, 375),
    op(0xe6, "DUPN", Op::DupN, 0, 1, 1, 3),
    op(0xe7, "SWAPN", Op::SwapN, 0, 0, 1, 3),
    op(0xe8, "EXCHANGE", Op::Exchange, 0, 0, 1, 3),
    op(0xf0, "CREATE", Op::Create, 3, 1, 0, 0),
    op(0xf1, "CALL", Op::Call, 7, 1, 0, 40),
    op(0xf2, "CALLCODE", Op::CallCode, 7, 1, 0, 40),
    op(0xf3, "RETURN", Op::Return, 2, 0, 0, 0),
    op(0xf4, "DELEGATECALL", Op::DelegateCall, 6, 1, 0, 40),
    op(0xf5, "CREATE2", Op::Create2, 4, 1, 0, 0),
    op(0xfa, "STATICCALL", Op::StaticCall, 6, 1, 0, 40),
    op(0xfd, "REVERT", Op::Revert, 2, 0, 0, 0),
    op(0xfe, "INVALID", Op::Invalid, 0, 0, 0, 0),
    op(0xff, "SELFDESTRUCT", Op::SelfDestruct, 1, 0, 0, 0),
];

const PUSH_NAMES: [&str; 32] = [
    "PUSH1", "PUSH2", "PUSH3", "PUSH4", "PUSH5", "PUSH6", "PUSH7", "PUSH8", "PUSH9", "PUSH10", "PUSH11",
    "PUSH12", "PUSH13", "PUSH14", "PUSH15", "PUSH16", "PUSH17", "PUSH18", "PUSH19", "PUSH20", "PUSH21",
    "PUSH22", "PUSH23", "PUSH24", "PUSH25", "PUSH26", "PUSH27", "PUSH28", "PUSH29", "PUSH30", "PUSH31",
    "PUSH32",
];

const DUP_NAMES: [&str; 16] = [
    "DUP1", "DUP2", "DUP3", "DUP4", "DUP5", "DUP6", "DUP7", "DUP8", "DUP9", "DUP10", "DUP11", "DUP12",
    "DUP13", "DUP14", "DUP15", "DUP16",
];

const SWAP_NAMES: [&str; 16] = [
    "SWAP1", "SWAP2", "SWAP3", "SWAP4", "SWAP5", "SWAP6", "SWAP7", "SWAP8", "SWAP9", "SWAP10", "SWAP11",
    "SWAP12", "SWAP13", "SWAP14", "SWAP15", "SWAP16",
];

/// Every opcode of every fork, all of them defined.
const fn every_operation() -> [OpInfo; 256] {
    let mut table = [op(0, "UNKNOWN", Op::Unknown, 0, 0, 0, 0); 256];
    let mut i = 0;
    while i < 256 {
        table[i].opcode = i as u8;
        table[i].status = Status::Undefined;
        i += 1;
    }
    let mut i = 0;
    while i < OPS.len() {
        table[OPS[i].opcode as usize] = OPS[i];
        i += 1;
    }
    let mut n = 1;
    while n <= 32 {
        table[0x5f + n as usize] = op(0x5f + n, PUSH_NAMES[n as usize - 1], Op::Push, 0, 1, n, 3);
        n += 1;
    }
    let mut n = 1;
    while n <= 16 {
        table[0x7f + n as usize] = op(0x7f + n, DUP_NAMES[n as usize - 1], Op::Dup(n), n, n + 1, 0, 3);
        table[0x8f + n as usize] = op(0x8f + n, SWAP_NAMES[n as usize - 1], Op::Swap(n), n + 1, n + 1, 0, 3);
        n += 1;
    }
    table
}

/// Sets the status of every opcode in `opcodes`.
const fn mark(mut table: [OpInfo; 256], opcodes: &[u8], status: Status) -> [OpInfo; 256] {
    let mut i = 0;
    while i < opcodes.len() {
        table[opcodes[i] as usize].status = status;
        i += 1;
    }
    table
}

/// The tables of all forks, oldest first.
pub(super) static TABLES: [[OpInfo; 256]; 15] = tables();

/// Price of `EXP` per byte of the exponent in every fork, oldest first, in gas.
pub(super) static EXP_BYTE_GAS: [u16; 15] = exp_byte_gas();

const fn tables() -> [[OpInfo; 256]; 15] {
    let mut table = every_operation();
    let mut fork = 0;
    while fork < DELTAS.len() {
        table = mark(table, DELTAS[fork].activates, Status::NotActivated);
        fork += 1;
    }
    let mut tables = [table; 15];
    let mut fork = 0;
    while fork < DELTAS.len() {
        let delta = &DELTAS[fork];
        assert!(delta.fork as usize == fork, "one delta per fork, in order");
        table = mark(table, delta.activates, Status::Defined);
        let mut i = 0;
        while i < delta.gas.len() {
            table[delta.gas[i].0 as usize].static_gas = delta.gas[i].1;
            i += 1;
        }
        tables[fork] = table;
        fork += 1;
    }
    tables
}

const fn exp_byte_gas() -> [u16; 15] {
    let (mut prices, mut price, mut fork) = ([0; 15], 0, 0);
    while fork < DELTAS.len() {
        if let Some(changed) = DELTAS[fork].exp_byte_gas {
            price = changed;
        }
        prices[fork] = price;
        fork += 1;
    }
    prices
}
