//! THE table of host functions: all that compiled code can ask of the world.
//!
//! A host function takes the frame and a pointer to words: the arguments in the order of the row,
//! the first argument being the top of the EVM stack, overwritten by the results. It returns 0, or
//! the number of an [`crate::ExitCode`] that ends the frame at once.

use core::ops::BitOr;

use crate::frame::{Frame, Word};

/// Type of every host function.
pub type HostCall = unsafe extern "C" fn(frame: *mut Frame, words: *mut Word) -> u32;

/// What an operation may touch. Optimisations ask this, never the operation's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effects(u16);

impl Effects {
    /// Depends on its operands alone and changes nothing.
    pub const PURE: Self = Self(0);
    /// Reads VM memory.
    pub const READS_MEMORY: Self = Self(1);
    /// Writes VM memory.
    pub const WRITES_MEMORY: Self = Self(1 << 1);
    /// May change the length of VM memory.
    pub const GROWS_MEMORY: Self = Self(1 << 2);
    /// Reads state that host functions can change.
    pub const READS_HOST: Self = Self(1 << 3);
    /// Changes state that host functions can read.
    pub const WRITES_HOST: Self = Self(1 << 4);
    /// Reads the gas counter.
    pub const READS_GAS: Self = Self(1 << 5);
    /// Changes the gas counter.
    pub const WRITES_GAS: Self = Self(1 << 6);
    /// May end the frame.
    pub const MAY_EXIT: Self = Self(1 << 7);
    /// Reads the memory stack.
    pub const READS_STACK: Self = Self(1 << 8);
    /// Writes the memory stack.
    pub const WRITES_STACK: Self = Self(1 << 9);
    /// Ends a block.
    pub const TERMINATES: Self = Self(1 << 10);

    /// Charges gas that depends on operands, and so may end the frame.
    pub const METERED: Self = Self(Self::READS_GAS.0 | Self::WRITES_GAS.0 | Self::MAY_EXIT.0);

    /// Whether every effect of `other` is among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any effect of `other` is among these.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// All these sets together, in a constant.
    pub const fn all(effects: &[Self]) -> Self {
        let (mut sum, mut i) = (Self::PURE, 0);
        while i < effects.len() {
            sum = sum.union(effects[i]);
            i += 1;
        }
        sum
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no effect at all.
    pub const fn is_pure(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Effects {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// Defines the functions, their order in the table, and the questions one can ask of a row.
macro_rules! host_functions {
    ($($(#[$doc:meta])* $variant:ident $name:ident($args:literal) -> $results:literal, [$($effect:ident)*];)*) => {
        /// A host function. Its number is its place in [`HostTable`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum HostFn {
            $($(#[$doc])* $variant,)*
        }

        impl HostFn {
            /// Every function, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form of the IR.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name),)* }
            }

            /// Number of argument words.
            pub const fn args(self) -> usize {
                match self { $(Self::$variant => $args,)* }
            }

            /// Number of result words.
            pub const fn results(self) -> usize {
                match self { $(Self::$variant => $results,)* }
            }

            /// What the function may touch.
            pub const fn effects(self) -> Effects {
                match self { $(Self::$variant => const { Effects::all(&[$(Effects::$effect),*]) },)* }
            }

            /// The function with this name, or `None` where no such function exists.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|function| function.name() == name)
            }
        }

        /// The host functions as the frame points to them. The layout is part of the ABI.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct HostTable {
            $($(#[$doc])* pub $name: HostCall,)*
        }
    };
}

impl HostFn {
    /// Words that a call needs: room for the arguments and for the results.
    pub const fn words(self) -> usize {
        if self.args() > self.results() { self.args() } else { self.results() }
    }

    /// Offset of the function's pointer in [`HostTable`], in bytes.
    pub const fn table_offset(self) -> usize {
        self as usize * core::mem::size_of::<HostCall>()
    }
}

host_functions! {
    /// Unsigned division; 0 where the divisor is 0.
    Udiv udiv(2) -> 1, [];
    /// Signed division truncating towards zero; 0 where the divisor is 0, −2^255 / −1 wraps.
    Sdiv sdiv(2) -> 1, [];
    /// Unsigned remainder; 0 where the divisor is 0.
    Urem urem(2) -> 1, [];
    /// Signed remainder with the sign of the dividend; 0 where the divisor is 0.
    Srem srem(2) -> 1, [];
    /// `(a + b) mod n` without intermediate overflow; 0 where `n` is 0.
    Addmod addmod(3) -> 1, [];
    /// `(a · b) mod n` without intermediate overflow; 0 where `n` is 0.
    Mulmod mulmod(3) -> 1, [];
    /// `base^exponent mod 2^256`.
    Exp exp(2) -> 1, [];
    /// Keccak-256 of the 32 bytes of a word, the most significant first.
    KeccakWord keccak_word(1) -> 1, [];
    /// Keccak-256 of the 64 bytes of two words, the most significant byte of each first.
    KeccakPair keccak_pair(2) -> 1, [];

    /// Grows VM memory to hold `end` bytes (low 64 bits of the word) and charges for it.
    MemoryGrow memory_grow(1) -> 0, [METERED GROWS_MEMORY];
    /// The 32 bytes of calldata from an offset of any size, zero-padded at the end.
    CalldataLoad calldata_load(1) -> 1, [READS_HOST];
    /// `KECCAK256(offset, length)`, with memory growth and dynamic gas.
    Keccak256 keccak256(2) -> 1, [METERED READS_MEMORY GROWS_MEMORY];
    /// `CALLDATACOPY(memory offset, data offset, length)`.
    CalldataCopy calldata_copy(3) -> 0, [METERED READS_HOST WRITES_MEMORY GROWS_MEMORY];
    /// `CODECOPY(memory offset, code offset, length)`.
    CodeCopy code_copy(3) -> 0, [METERED READS_HOST WRITES_MEMORY GROWS_MEMORY];
    /// `RETURNDATACOPY(memory offset, data offset, length)`; out of range ends the frame.
    ReturndataCopy returndata_copy(3) -> 0, [METERED READS_HOST WRITES_MEMORY GROWS_MEMORY];
    /// `MCOPY(destination, source, length)` (EIP-5656).
    MemoryCopy memory_copy(3) -> 0, [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY];
    /// `EXTCODECOPY(account, memory offset, code offset, length)`.
    ExtcodeCopy extcode_copy(4) -> 0, [METERED READS_HOST WRITES_HOST WRITES_MEMORY GROWS_MEMORY];

    /// `BALANCE(account)`.
    Balance balance(1) -> 1, [METERED READS_HOST WRITES_HOST];
    /// `SELFBALANCE()`.
    Selfbalance selfbalance(0) -> 1, [METERED READS_HOST WRITES_HOST];
    /// `EXTCODESIZE(account)`.
    ExtcodeSize extcode_size(1) -> 1, [METERED READS_HOST WRITES_HOST];
    /// `EXTCODEHASH(account)`.
    ExtcodeHash extcode_hash(1) -> 1, [METERED READS_HOST WRITES_HOST];
    /// `BLOCKHASH(number)`.
    Blockhash blockhash(1) -> 1, [METERED READS_HOST WRITES_HOST];

    /// `ORIGIN()`.
    Origin origin(0) -> 1, [METERED READS_HOST];
    /// `GASPRICE()`.
    Gasprice gasprice(0) -> 1, [METERED READS_HOST];
    /// `COINBASE()`.
    Coinbase coinbase(0) -> 1, [METERED READS_HOST];
    /// `TIMESTAMP()`, in seconds.
    Timestamp timestamp(0) -> 1, [METERED READS_HOST];
    /// `NUMBER()`.
    Number number(0) -> 1, [METERED READS_HOST];
    /// `DIFFICULTY()`, from the Merge on `PREVRANDAO()` (EIP-4399).
    Prevrandao prevrandao(0) -> 1, [METERED READS_HOST];
    /// `GASLIMIT()` of the block.
    Gaslimit gaslimit(0) -> 1, [METERED READS_HOST];
    /// `CHAINID()` (EIP-1344).
    Chainid chainid(0) -> 1, [METERED READS_HOST];
    /// `BASEFEE()` (EIP-3198).
    Basefee basefee(0) -> 1, [METERED READS_HOST];
    /// `BLOBHASH(index)` (EIP-4844).
    Blobhash blobhash(1) -> 1, [METERED READS_HOST];
    /// `BLOBBASEFEE()` (EIP-7516).
    Blobbasefee blobbasefee(0) -> 1, [METERED READS_HOST];
    /// `SLOTNUM()` (EIP-7843).
    Slotnum slotnum(0) -> 1, [METERED READS_HOST];

    /// `SLOAD(key)`.
    Sload sload(1) -> 1, [METERED READS_HOST WRITES_HOST];
    /// `SSTORE(key, value)`.
    Sstore sstore(2) -> 0, [METERED READS_HOST WRITES_HOST];
    /// `TLOAD(key)` (EIP-1153).
    Tload tload(1) -> 1, [METERED READS_HOST];
    /// `TSTORE(key, value)` (EIP-1153).
    Tstore tstore(2) -> 0, [METERED READS_HOST WRITES_HOST];
    /// `LOG0(offset, length)`.
    Log0 log0(2) -> 0, [METERED READS_MEMORY GROWS_MEMORY WRITES_HOST];
    /// `LOG1(offset, length, topic)`.
    Log1 log1(3) -> 0, [METERED READS_MEMORY GROWS_MEMORY WRITES_HOST];
    /// `LOG2(offset, length, topic, topic)`.
    Log2 log2(4) -> 0, [METERED READS_MEMORY GROWS_MEMORY WRITES_HOST];
    /// `LOG3(offset, length, topic, topic, topic)`.
    Log3 log3(5) -> 0, [METERED READS_MEMORY GROWS_MEMORY WRITES_HOST];
    /// `LOG4(offset, length, topic, topic, topic, topic)`.
    Log4 log4(6) -> 0, [METERED READS_MEMORY GROWS_MEMORY WRITES_HOST];

    /// `CREATE(value, offset, length)`: the new address or 0.
    Create create(3) -> 1, [METERED READS_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `CREATE2(value, offset, length, salt)` (EIP-1014): the new address or 0.
    Create2 create2(4) -> 1, [METERED READS_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `CALL(gas, account, value, in offset, in length, out offset, out length)`: 1 or 0.
    Call call(7) -> 1, [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `CALLCODE(gas, account, value, in offset, in length, out offset, out length)`: 1 or 0.
    Callcode callcode(7) -> 1, [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `DELEGATECALL(gas, account, in offset, in length, out offset, out length)` (EIP-7): 1 or 0.
    Delegatecall delegatecall(6) -> 1, [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
    /// `STATICCALL(gas, account, in offset, in length, out offset, out length)` (EIP-214): 1 or 0.
    Staticcall staticcall(6) -> 1, [METERED READS_MEMORY WRITES_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];

    /// `RETURN(offset, length)`; always ends the frame.
    Return return_data(2) -> 0, [METERED READS_MEMORY GROWS_MEMORY];
    /// `REVERT(offset, length)` (EIP-140); always ends the frame.
    Revert revert(2) -> 0, [METERED READS_MEMORY GROWS_MEMORY];
    /// `SELFDESTRUCT(beneficiary)`; always ends the frame.
    Selfdestruct selfdestruct(1) -> 0, [METERED READS_HOST WRITES_HOST];
    /// `(opcode, item, item, item)`: an operation that takes its operands in two steps and lacks those
    /// of the second. The items are those of the first ([`two_step_operands`] of them); what they cost
    /// and whether they are allowed comes before the stack underflow. Always ends the frame.
    Underflow underflow(4) -> 0, [METERED READS_MEMORY GROWS_MEMORY READS_HOST WRITES_HOST];
}

impl HostFn {
    /// Whether the function never comes back to compiled code.
    pub const fn always_exits(self) -> bool {
        matches!(self, Self::Return | Self::Revert | Self::Selfdestruct | Self::Underflow)
    }
}

/// Operands that the EVM operation with this opcode takes in its first step, where it has two: revm
/// charges and checks something between them, so an underflow in the second is not the first failure.
pub const fn two_step_operands(opcode: u8) -> Option<u8> {
    match opcode {
        // LOG1 to LOG4: the memory range before the topics.
        0xa1..=0xa4 => Some(2),
        // CREATE2: value and initcode before the salt.
        0xf5 => Some(3),
        // CALL, CALLCODE: gas, account and value before the memory ranges.
        0xf1 | 0xf2 => Some(3),
        _ => None,
    }
}
