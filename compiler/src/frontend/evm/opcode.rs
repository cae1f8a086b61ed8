//! The EVM's operations under every fork: names, stack effect, static gas, activation.
//!
//! Everything that the compiler knows about an opcode comes from one table per fork
//! ([`table`]), written as data in `opcode/table.rs` as "the previous fork, then the
//! differences". Lowering asks the row of the fork it compiles for; no code anywhere compares
//! forks. A test holds the tables against those of the reference interpreter.

mod fork;
mod immediate;
mod table;

use evmc_abi::OpRow;

pub use fork::{Fork, UnknownFork};
pub use immediate::{decode_pair, decode_single};

/// What an operation does, without its fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A byte that no fork gives a meaning.
    Unknown,
    /// Ends the frame without output.
    Stop,
    /// `a + b`, wrapping.
    Add,
    /// `a * b`, wrapping.
    Mul,
    /// `a - b`, wrapping.
    Sub,
    /// Unsigned division, 0 by 0.
    Div,
    /// Signed division, 0 by 0.
    Sdiv,
    /// Unsigned remainder, 0 by 0.
    Mod,
    /// Signed remainder, 0 by 0.
    Smod,
    /// `(a + b) mod n` without overflow.
    AddMod,
    /// `(a * b) mod n` without overflow.
    MulMod,
    /// `a` to the power `b`, wrapping.
    Exp,
    /// Sign extension from a byte index.
    SignExtend,
    /// Unsigned less.
    Lt,
    /// Unsigned greater.
    Gt,
    /// Signed less.
    Slt,
    /// Signed greater.
    Sgt,
    /// Equality.
    Eq,
    /// Whether the operand is 0.
    IsZero,
    /// Bitwise and.
    And,
    /// Bitwise or.
    Or,
    /// Bitwise exclusive or.
    Xor,
    /// Bitwise complement.
    Not,
    /// Byte of a word, most significant first.
    Byte,
    /// Shift left (EIP-145).
    Shl,
    /// Logical shift right (EIP-145).
    Shr,
    /// Arithmetic shift right (EIP-145).
    Sar,
    /// Count of leading zero bits (EIP-7939).
    Clz,
    /// Hash of a memory range.
    Keccak256,
    /// Account whose storage is worked on.
    Address,
    /// Balance of an account.
    Balance,
    /// Sender of the transaction.
    Origin,
    /// Account that called.
    Caller,
    /// Value of the call, in wei.
    CallValue,
    /// 32 bytes of calldata.
    CallDataLoad,
    /// Length of the calldata, in bytes.
    CallDataSize,
    /// Copies calldata to memory.
    CallDataCopy,
    /// Length of the code, in bytes.
    CodeSize,
    /// Copies code to memory.
    CodeCopy,
    /// Effective gas price, in wei.
    GasPrice,
    /// Code length of an account, in bytes.
    ExtCodeSize,
    /// Copies an account's code to memory.
    ExtCodeCopy,
    /// Length of the returndata, in bytes (EIP-211).
    ReturnDataSize,
    /// Copies returndata to memory (EIP-211).
    ReturnDataCopy,
    /// Code hash of an account (EIP-1052).
    ExtCodeHash,
    /// Hash of a recent block.
    BlockHash,
    /// Beneficiary of the block.
    Coinbase,
    /// Time of the block, in seconds.
    Timestamp,
    /// Number of the block.
    Number,
    /// `DIFFICULTY`; randomness of the beacon chain from the Merge on (EIP-4399).
    Prevrandao,
    /// Gas limit of the block.
    GasLimit,
    /// Chain id (EIP-1344).
    ChainId,
    /// Balance of the executing account (EIP-1884).
    SelfBalance,
    /// Base fee of the block, in wei (EIP-3198).
    BaseFee,
    /// Versioned hash of a blob (EIP-4844).
    BlobHash,
    /// Blob base fee, in wei (EIP-7516).
    BlobBaseFee,
    /// Slot number of the block (EIP-7843).
    SlotNum,
    /// Drops the top item.
    Pop,
    /// Loads a word from memory.
    Mload,
    /// Stores a word to memory.
    Mstore,
    /// Stores a byte to memory.
    Mstore8,
    /// Loads from storage.
    Sload,
    /// Stores to storage.
    Sstore,
    /// Jump.
    Jump,
    /// Jump if the condition is not 0.
    JumpI,
    /// Offset of this operation, in bytes.
    Pc,
    /// Length of memory, in bytes.
    Msize,
    /// Gas left after this operation.
    Gas,
    /// Marks a place to jump to.
    JumpDest,
    /// Loads from transient storage (EIP-1153).
    Tload,
    /// Stores to transient storage (EIP-1153).
    Tstore,
    /// Copies inside memory (EIP-5656).
    Mcopy,
    /// Copies a deep item (EIP-8024).
    DupN,
    /// Exchanges the top with a deep item (EIP-8024).
    SwapN,
    /// Exchanges two items (EIP-8024).
    Exchange,
    /// Creates a contract.
    Create,
    /// Calls an account.
    Call,
    /// Calls code on the own storage.
    CallCode,
    /// Ends the frame with output.
    Return,
    /// Calls code as the own (EIP-7).
    DelegateCall,
    /// Creates a contract at a chosen address (EIP-1014).
    Create2,
    /// Calls without state changes (EIP-214).
    StaticCall,
    /// Ends the frame and undoes it (EIP-140).
    Revert,
    /// The designated invalid opcode (EIP-141).
    Invalid,
    /// Ends the account.
    SelfDestruct,
    /// `PUSH0` to `PUSH32`: pushes the immediate, zero where it has no bytes.
    Push,
    /// `DUP1` to `DUP16`: copies the nth item from the top.
    Dup(u8),
    /// `SWAP1` to `SWAP16`: exchanges the top with the nth item below it.
    Swap(u8),
    /// `LOG0` to `LOG4`, with the number of topics.
    Log(u8),
}

impl Op {
    /// Whether a stretch ends behind this operation: it has dynamic gas, may grow memory, touches
    /// state, observes gas, or leaves the block. A merged gas charge never reaches over it.
    ///
    /// The EIP-8024 operations end a stretch because their stack needs stand in the immediate.
    pub const fn ends_stretch(self) -> bool {
        use Op::*;
        self.leaves_block()
            || self.has_stack_immediate()
            || matches!(
                self,
                Exp | Keccak256
                    | Balance
                    | SelfBalance
                    | ExtCodeSize
                    | ExtCodeCopy
                    | ExtCodeHash
                    | BlockHash
                    | CallDataCopy
                    | CodeCopy
                    | ReturnDataCopy
                    | Mcopy
                    | Mload
                    | Mstore
                    | Mstore8
                    | Sload
                    | Sstore
                    | Tload
                    | Tstore
                    | Gas
                    | Log(_)
                    | Create
                    | Create2
                    | Call
                    | CallCode
                    | DelegateCall
                    | StaticCall
            )
    }

    /// Whether control never goes on to the next operation, except past a `JUMPI` not taken.
    pub const fn leaves_block(self) -> bool {
        matches!(self, Self::Jump | Self::JumpI) || self.halts()
    }

    /// Whether the operation always ends the frame.
    pub const fn halts(self) -> bool {
        use Op::*;
        matches!(self, Stop | Return | Revert | Invalid | SelfDestruct | Unknown)
    }

    /// Whether the immediate says which stack items are meant (EIP-8024).
    pub const fn has_stack_immediate(self) -> bool {
        matches!(self, Self::DupN | Self::SwapN | Self::Exchange)
    }
}

/// Whether an opcode means anything under a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It works.
    Defined,
    /// It belongs to a later fork: charges its static gas, then halts.
    NotActivated,
    /// It belongs to no fork: halts.
    Undefined,
}

/// A row of the table: an opcode under one fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpInfo {
    /// The byte.
    pub opcode: u8,
    /// Mnemonic, `UNKNOWN` where there is none.
    pub name: &'static str,
    /// What it does where [`OpInfo::status`] is [`Status::Defined`].
    pub op: Op,
    /// Stack items that must be there; for the EIP-8024 operations 0, whatever their immediate.
    pub inputs: u8,
    /// Stack items after the operation, counted from below its inputs.
    pub outputs: u8,
    /// Bytes of immediate operand that follow a defined opcode.
    pub immediate: u8,
    /// Gas charged before anything else, also where the opcode is not activated.
    pub static_gas: u16,
    /// Whether the fork has it.
    pub status: Status,
}

impl OpInfo {
    /// Whether the opcode works under this fork.
    pub fn is_defined(&self) -> bool {
        self.status == Status::Defined
    }

    /// Whether the operation always ends the frame under this fork.
    pub fn halts(&self) -> bool {
        !self.is_defined() || self.op.halts()
    }

    /// Whether a stretch ends behind the operation under this fork; see [`Op::ends_stretch`].
    pub fn ends_stretch(&self) -> bool {
        !self.is_defined() || self.op.ends_stretch()
    }

    /// Stack items that must be there before the operation begins. One that takes its operands in two
    /// steps looks for those of the second itself.
    pub fn first_inputs(&self) -> u8 {
        evmc_abi::host::two_step_operands(self.opcode).unwrap_or(self.inputs)
    }

    /// The row as the runtime's stretch walk wants it: gas and the stack checks that follow from
    /// the opcode alone. An operation that halts before it looks at the stack has none of these,
    /// and the EIP-8024 operations look at their immediate first.
    pub fn row(&self) -> OpRow {
        let (inputs, outputs, immediate) = match self.status {
            Status::Defined if self.op.has_stack_immediate() => (0, 0, self.immediate),
            Status::Defined => (self.first_inputs(), self.outputs, self.immediate),
            Status::NotActivated | Status::Undefined => (0, 0, 0),
        };
        OpRow {
            static_gas: self.static_gas,
            inputs,
            outputs,
            immediate,
            flags: self.row_flags(),
            reserved: [0; 2],
        }
    }
}

impl OpInfo {
    fn row_flags(&self) -> u8 {
        match self.op {
            _ if !self.is_defined() => 0,
            Op::Dup(_) => OpRow::UNDERFLOW_IS_OVERFLOW,
            Op::Sstore | Op::Tstore | Op::Log(_) | Op::Create | Op::Create2 | Op::SelfDestruct => {
                OpRow::REFUSES_STATIC
            }
            _ => 0,
        }
    }
}

/// The operations under `fork`, indexed by opcode.
pub fn table(fork: Fork) -> &'static [OpInfo; 256] {
    &table::TABLES[fork as usize]
}

/// The rows that the runtime's stretch walk needs under `fork`, indexed by opcode.
pub fn rows(fork: Fork) -> [OpRow; 256] {
    table(fork).map(|info| info.row())
}

/// BLAKE3 of all that charging gas under `fork` takes from the table.
pub fn gas_table_hash(fork: Fork) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for row in rows(fork) {
        hasher.update(&row.static_gas.to_le_bytes());
        hasher.update(&[row.inputs, row.outputs, row.immediate, row.flags]);
    }
    hasher.update(&exp_byte_gas(fork).to_le_bytes());
    hasher.finalize().into()
}

/// What `EXP` charges under `fork` for each byte of its exponent, besides its static gas.
pub fn exp_byte_gas(fork: Fork) -> u16 {
    table::EXP_BYTE_GAS[fork as usize]
}
