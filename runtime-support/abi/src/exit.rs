//! Why compiled code came back to its runtime.

/// Defines the codes, their names in the IR's text form, and the conversions between them.
macro_rules! exit_codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Why compiled code came back. The numbers are part of the ABI.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum ExitCode {
            $($(#[$doc])* $variant = $number,)*
        }

        impl ExitCode {
            /// Every code, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the text form of the IR.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The code with this number, or `None` where no such code exists.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The code with this name, or `None` where no such code exists.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.name() == name)
            }
        }
    };
}

exit_codes! {
    /// Ended normally without output; `Frame::gas` holds what is left.
    Stop = 1, "stop";
    /// A host function ended the frame; the runtime holds result, output and gas.
    Host = 2, "host";
    /// A merged check failed: `Frame::exit_stretch` and `Frame::exit_height` say where and
    /// `Frame::gas` holds the gas before the charge. See [`crate::stretch`].
    Stretch = 3, "stretch";
    /// Not enough gas for a static or dynamic charge.
    OutOfGas = 4, "out_of_gas";
    /// An offset or length operand above 2^64 − 1 whose memory nobody could pay for.
    InvalidOperand = 5, "invalid_operand";
    /// Jump to something that is not a `JUMPDEST`.
    InvalidJump = 6, "invalid_jump";
    /// The byte is not an opcode of any fork.
    OpcodeNotFound = 7, "opcode_not_found";
    /// The designated invalid opcode `0xfe` (EIP-141).
    InvalidOpcode = 8, "invalid_opcode";
    /// The opcode belongs to a later fork.
    NotActivated = 9, "not_activated";
    /// An operation needed more operands than the stack held.
    StackUnderflow = 10, "stack_underflow";
    /// An operation pushed the 1,025th stack item.
    StackOverflow = 11, "stack_overflow";
    /// The immediate operand of an EIP-8024 opcode is not a valid one.
    InvalidImmediate = 12, "invalid_immediate";
    /// Compiled code reached a place that it had proved unreachable: a compiler defect.
    Unreachable = 13, "unreachable";
    /// A state-changing operation in a static frame (EIP-214).
    StaticViolation = 14, "static_violation";
    /// WebAssembly: calls are nested too deeply, by the logical depth that each function charges.
    CallStackExhausted = 15, "call_stack_exhausted";
    /// WebAssembly: the instruction `unreachable`.
    UnreachableExecuted = 16, "unreachable_executed";
    /// WebAssembly: an access outside a linear memory.
    MemoryOutOfBounds = 17, "memory_out_of_bounds";
    /// WebAssembly: an access outside a table, or outside an element segment.
    TableOutOfBounds = 18, "table_out_of_bounds";
    /// WebAssembly: an indirect call through an index outside its table.
    UndefinedElement = 19, "undefined_element";
    /// WebAssembly: an indirect call through an empty element of a table.
    UninitializedElement = 20, "uninitialized_element";
    /// WebAssembly: an indirect call of a function of another type.
    IndirectCallTypeMismatch = 21, "indirect_call_type_mismatch";
    /// WebAssembly: an integer division by zero.
    IntegerDivideByZero = 22, "integer_divide_by_zero";
    /// WebAssembly: the result of a division or conversion does not fit its type.
    IntegerOverflow = 23, "integer_overflow";
    /// WebAssembly: the conversion of a NaN to an integer.
    InvalidConversionToInteger = 24, "invalid_conversion_to_integer";
}
