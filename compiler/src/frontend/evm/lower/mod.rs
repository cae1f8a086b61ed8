//! EVM operations to IR, one small function per kind of operation.
//!
//! What is here knows neither where the stack lies nor where a jump goes: it pops, computes and
//! pushes. The two tiers around it decide that. [`specialised`] lowers a recovered function, whose
//! stack slots are SSA values and whose jumps are edges. [`generic`] lowers any code, with the stack
//! in the frame's memory and jumps through a dispatcher; it is right for everything, and it is what
//! an open jump of specialised code leaves for.
//!
//! Not here: gas and stack checks, which belong to stretches ([`super::gas`]) and are emitted by the
//! tiers in front of the operations that they pay for.

mod arith;
pub mod generic;
mod memory;
pub mod specialised;
mod stack;

use evmc_abi::{ExitCode, Field, HostFn};
use evmc_ir::{Builder, Opcode, Type, Value};
use ruint::aliases::U256;

use self::stack::OperandStack;
use super::decode::Operation;
use super::opcode::{self, Fork, Op, Status};

/// The lowering of one block: builder, operand stack, and what is known along the way.
struct Lowering<'f> {
    b: Builder<'f>,
    stack: OperandStack,
    fork: Fork,
    /// Length of the bytecode, in bytes.
    code_len: u64,
    /// Bytes of memory that this block has made sure of.
    ensured: u64,
}

impl Lowering<'_> {
    fn pop(&mut self) -> Value {
        self.stack.pop(&mut self.b)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn push_constant(&mut self, value: U256) {
        let value = self.b.constant(Type::I256, value);
        self.push(value);
    }

    /// Pops a host function's arguments, calls it, pushes its results.
    fn host(&mut self, function: HostFn) {
        let args: Vec<Value> = (0..function.args()).map(|_| self.pop()).collect();
        for result in self.b.host(function, &args) {
            self.push(result);
        }
        if function.always_exits() {
            self.b.unreachable();
        }
    }

    /// Ends the frame where an operation does so by itself; whether it does.
    fn halt(&mut self, operation: &Operation) -> bool {
        let Some(code) = halt_code(operation) else { return false };
        match operation.info.op {
            // Also before its fork, this one is refused in a static frame first.
            Op::Create2 => self.first_step(operation, &[]),
            _ => self.b.exit(code),
        }
        true
    }

    /// An operation whose second step lacks operands: the first one may fail before that.
    fn underflow_in_second_step(&mut self, operation: &Operation) {
        let items: Vec<Value> = (0..operation.info.first_inputs()).map(|_| self.pop()).collect();
        self.first_step(operation, &items);
    }

    /// Runs the first step of an operation that has no second, with these items or zeros.
    fn first_step(&mut self, operation: &Operation, items: &[Value]) {
        let zero = self.b.small(Type::I256, 0);
        let mut args = vec![self.b.small(Type::I256, operation.info.opcode.into())];
        args.extend(items);
        args.resize(HostFn::Underflow.args(), zero);
        self.b.host(HostFn::Underflow, &args);
        self.b.unreachable();
    }

    /// Lowers an operation that neither jumps nor halts without the host.
    fn operation(&mut self, operation: &Operation) {
        match operation.info.op {
            Op::Push => self.push_constant(operation.immediate),
            Op::Pop => self.stack.drop_top(),
            Op::Dup(depth) => self.stack.dup(&mut self.b, depth.into()),
            Op::Swap(depth) => self.stack.swap(&mut self.b, 1, usize::from(depth) + 1),
            Op::DupN => self.stack.dup(&mut self.b, stack_needs(operation).into()),
            Op::SwapN => self.stack.swap(&mut self.b, 1, stack_needs(operation).into()),
            Op::Exchange => {
                let (n, m) = opcode::decode_pair(operation.stack_immediate()).unwrap_or((0, 0));
                self.stack.swap(&mut self.b, usize::from(n) + 1, usize::from(m) + 1);
            }
            Op::JumpDest => {}
            Op::Pc => self.push_constant(U256::from(operation.pc)),
            Op::CodeSize => self.push_constant(U256::from(self.code_len)),
            Op::Gas => self.gas(),
            Op::Mload => self.mload(),
            Op::Mstore => self.mstore(),
            Op::Mstore8 => self.mstore8(),
            Op::Msize => self.push_number(Field::MemoryLen),
            Op::CallDataLoad => self.calldata_load(),
            Op::CallDataSize => self.push_number(Field::CalldataLen),
            Op::ReturnDataSize => self.push_number(Field::ReturndataLen),
            Op::Address => self.push_word(Field::Address),
            Op::Caller => self.push_word(Field::Caller),
            Op::CallValue => self.push_word(Field::Callvalue),
            op => match host_function(op) {
                Some(function) => self.host(function),
                None => self.compute(op),
            },
        }
    }

    /// Lowers an operation on words alone.
    fn compute(&mut self, op: Op) {
        match op {
            Op::Add => self.binary(Opcode::Add),
            Op::Mul => self.binary(Opcode::Mul),
            Op::Sub => self.binary(Opcode::Sub),
            Op::Div => self.binary(Opcode::Udiv),
            Op::Sdiv => self.binary(Opcode::Sdiv),
            Op::Mod => self.binary(Opcode::Urem),
            Op::Smod => self.binary(Opcode::Srem),
            Op::AddMod => self.ternary(Opcode::Addmod),
            Op::MulMod => self.ternary(Opcode::Mulmod),
            Op::Exp => self.exp(),
            Op::SignExtend => self.binary(Opcode::SignExtend),
            Op::Lt => self.compare(Opcode::Ult),
            Op::Gt => self.compare(Opcode::Ugt),
            Op::Slt => self.compare(Opcode::Slt),
            Op::Sgt => self.compare(Opcode::Sgt),
            Op::Eq => self.compare(Opcode::Eq),
            Op::IsZero => self.is_zero(),
            Op::And => self.binary(Opcode::And),
            Op::Or => self.binary(Opcode::Or),
            Op::Xor => self.binary(Opcode::Xor),
            Op::Not => self.unary(Opcode::Not),
            Op::Byte => self.binary(Opcode::Byte),
            Op::Shl => self.shift(Opcode::Shl),
            Op::Shr => self.shift(Opcode::Lshr),
            Op::Sar => self.shift(Opcode::Ashr),
            Op::Clz => self.unary(Opcode::Clz),
            other => unreachable!("{other:?} is lowered by the tiers"),
        }
    }
}

/// The code with which an operation ends the frame by itself, if it does.
fn halt_code(operation: &Operation) -> Option<ExitCode> {
    match operation.info.status {
        Status::NotActivated => return Some(ExitCode::NotActivated),
        Status::Undefined => return Some(ExitCode::OpcodeNotFound),
        Status::Defined => {}
    }
    match operation.op() {
        Op::Stop => Some(ExitCode::Stop),
        Op::Invalid => Some(ExitCode::InvalidOpcode),
        _ if operation.has_invalid_immediate() => Some(ExitCode::InvalidImmediate),
        _ => None,
    }
}

/// Stack items that an operation needs which checks them itself: one of two steps, or an EIP-8024
/// operation, whose immediate is valid.
fn stack_needs(operation: &Operation) -> u16 {
    let immediate = operation.stack_immediate();
    match operation.op() {
        Op::DupN => opcode::decode_single(immediate).unwrap_or(0),
        Op::SwapN => opcode::decode_single(immediate).map_or(0, |n| n + 1),
        Op::Exchange => opcode::decode_pair(immediate).map_or(0, |(_, m)| m + 1),
        _ => operation.info.inputs.into(),
    }
}

/// The host function that does all of an operation's work, if one does.
fn host_function(op: Op) -> Option<HostFn> {
    Some(match op {
        Op::Keccak256 => HostFn::Keccak256,
        Op::Balance => HostFn::Balance,
        Op::Origin => HostFn::Origin,
        Op::CallDataCopy => HostFn::CalldataCopy,
        Op::CodeCopy => HostFn::CodeCopy,
        Op::GasPrice => HostFn::Gasprice,
        Op::ExtCodeSize => HostFn::ExtcodeSize,
        Op::ExtCodeCopy => HostFn::ExtcodeCopy,
        Op::ReturnDataCopy => HostFn::ReturndataCopy,
        Op::ExtCodeHash => HostFn::ExtcodeHash,
        Op::BlockHash => HostFn::Blockhash,
        Op::Coinbase => HostFn::Coinbase,
        Op::Timestamp => HostFn::Timestamp,
        Op::Number => HostFn::Number,
        Op::Prevrandao => HostFn::Prevrandao,
        Op::GasLimit => HostFn::Gaslimit,
        Op::ChainId => HostFn::Chainid,
        Op::SelfBalance => HostFn::Selfbalance,
        Op::BaseFee => HostFn::Basefee,
        Op::BlobHash => HostFn::Blobhash,
        Op::BlobBaseFee => HostFn::Blobbasefee,
        Op::SlotNum => HostFn::Slotnum,
        Op::Sload => HostFn::Sload,
        Op::Sstore => HostFn::Sstore,
        Op::Tload => HostFn::Tload,
        Op::Tstore => HostFn::Tstore,
        Op::Mcopy => HostFn::MemoryCopy,
        Op::Log(0) => HostFn::Log0,
        Op::Log(1) => HostFn::Log1,
        Op::Log(2) => HostFn::Log2,
        Op::Log(3) => HostFn::Log3,
        Op::Log(_) => HostFn::Log4,
        Op::Create => HostFn::Create,
        Op::Create2 => HostFn::Create2,
        Op::Call => HostFn::Call,
        Op::CallCode => HostFn::Callcode,
        Op::DelegateCall => HostFn::Delegatecall,
        Op::StaticCall => HostFn::Staticcall,
        Op::Return => HostFn::Return,
        Op::Revert => HostFn::Revert,
        Op::SelfDestruct => HostFn::Selfdestruct,
        _ => return None,
    })
}
