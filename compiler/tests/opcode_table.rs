//! The table of operations equals the reference interpreter's: static gas, stack effect,
//! activation, immediates, under every fork.

use evmc_abi::{OpRow, fork};
use evmc_compiler::frontend::evm::opcode::{self, Fork, Op, OpInfo, Status};
use revm::bytecode::Bytecode;
use revm::bytecode::opcode::OPCODE_INFO;
use revm::context_interface::cfg::gas_params::{GasId, GasParams};
use revm::interpreter::host::DummyHost;
use revm::interpreter::instructions::{gas_table_spec, instruction_table};
use revm::interpreter::interpreter::{EthInterpreter, ExtBytecode};
use revm::interpreter::{InputsImpl, InstructionResult, Interpreter, SharedMemory};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Bytes, U256};

fn spec(fork: Fork) -> SpecId {
    SpecId::try_from_u8(fork as u8).expect("forks have the numbers of SpecId")
}

/// Executes one opcode on `height` zeros; gives its result and the height behind it.
fn step(opcode: u8, fork: Fork, height: usize) -> (Result<(), InstructionResult>, usize) {
    step_in(opcode, fork, height, false)
}

/// As [`step`], in a static frame or not.
fn step_in(opcode: u8, fork: Fork, height: usize, is_static: bool) -> (Result<(), InstructionResult>, usize) {
    let code = Bytes::copy_from_slice(&[opcode, 0x80, 0, 0x5b]);
    let mut interpreter = Interpreter::<EthInterpreter>::new(
        SharedMemory::new(),
        ExtBytecode::new(Bytecode::new_legacy(code)),
        InputsImpl::default(),
        is_static,
        spec(fork),
        u64::MAX / 2,
    );
    for _ in 0..height {
        assert!(interpreter.stack.push(U256::ZERO));
    }
    let table = instruction_table::<EthInterpreter, DummyHost>();
    let mut host = DummyHost::new(spec(fork));
    let result = interpreter.step(&table, &gas_table_spec(spec(fork)), &mut host);
    (result, interpreter.stack.len())
}

#[test]
fn every_fork_is_known_and_no_more() {
    assert_eq!(Fork::ALL.len(), SpecId::NEXT as usize + 1);
    assert_eq!(Fork::default() as u8, SpecId::default() as u8);
    for fork in Fork::ALL {
        let name: &str = spec(fork).into();
        assert_eq!(name.parse(), Ok(fork));
    }
}

#[test]
fn static_gas_is_equal() {
    for fork in Fork::ALL {
        let expected = gas_table_spec(spec(fork));
        let ours = opcode::table(fork).map(|info| info.static_gas);
        assert_eq!(ours, expected, "{fork}");
    }
}

#[test]
fn exp_byte_gas_is_equal() {
    for fork in Fork::ALL {
        let params = GasParams::new_spec(spec(fork));
        assert_eq!(u64::from(opcode::exp_byte_gas(fork)), params.get(GasId::exp_byte_gas()), "{fork}");
    }
}

#[test]
fn names_stack_effects_and_immediates_are_equal() {
    for info in opcode::table(Fork::Amsterdam) {
        let Some(expected) = OPCODE_INFO[usize::from(info.opcode)] else {
            assert_eq!(info.status, Status::Undefined);
            continue;
        };
        assert_eq!(info.name, expected.name());
        assert_eq!((info.inputs, info.outputs), (expected.inputs(), expected.outputs()), "{}", info.name);
        assert_eq!(info.immediate, expected.immediate_size(), "{}", info.name);
    }
}

/// The opcodes that [`step`] can execute: the dummy host has no block randomness.
#[test]
fn the_runtime_knows_which_forks_share_code() {
    for fork in Fork::ALL {
        let rules = fork::rules(fork as u16).expect("every fork has rules");
        let same = |other: &Fork| {
            opcode::table(*other) == opcode::table(fork)
                && opcode::exp_byte_gas(*other) == opcode::exp_byte_gas(fork)
        };
        let first = Fork::ALL.into_iter().find(same).expect("a fork is equal to itself");
        assert_eq!(rules.class, first as u16, "{fork:?}");
        assert_eq!(rules.gas_table_hash, opcode::gas_table_hash(fork), "{fork:?}");
    }
    assert_eq!(fork::rules(Fork::ALL.len() as u16), None);
}

fn executable(fork: Fork) -> impl Iterator<Item = &'static OpInfo> {
    opcode::table(fork).iter().filter(|info| info.op != Op::Prevrandao)
}

/// What executing the opcode on a tall stack says about its status.
fn executed_status(info: &OpInfo, fork: Fork) -> Status {
    match step(info.opcode, fork, 40).0 {
        Err(InstructionResult::NotActivated) => Status::NotActivated,
        Err(InstructionResult::OpcodeNotFound) => Status::Undefined,
        _ => Status::Defined,
    }
}

#[test]
fn activation_is_equal() {
    for fork in Fork::ALL {
        for info in executable(fork) {
            assert_eq!(info.status, executed_status(info, fork), "{} under {fork}", info.name);
        }
    }
}

#[test]
fn executed_stack_effects_are_equal() {
    for info in executable(Fork::Amsterdam).filter(|info| info.is_defined()) {
        let (result, height) = step(info.opcode, Fork::Amsterdam, 200);
        if result.is_ok() {
            assert_eq!(height + usize::from(info.inputs), 200 + usize::from(info.outputs), "{}", info.name);
        }
        let inputs = usize::from(info.inputs);
        if inputs > 0 {
            let expected = match info.row().flags & OpRow::UNDERFLOW_IS_OVERFLOW {
                0 => InstructionResult::StackUnderflow,
                _ => InstructionResult::StackOverflow,
            };
            assert_eq!(step(info.opcode, Fork::Amsterdam, inputs - 1).0, Err(expected), "{}", info.name);
        }
    }
}

#[test]
fn static_refusals_are_equal() {
    for info in executable(Fork::Amsterdam) {
        let result = step_in(info.opcode, Fork::Amsterdam, 0, true).0;
        let refused = result == Err(InstructionResult::StateChangeDuringStaticCall);
        assert_eq!(info.row().flags & OpRow::REFUSES_STATIC != 0, refused, "{}", info.name);
    }
}
