//! Frames under compiled code end as under revm's interpreter: status, gas, logs, state.

#[allow(dead_code, reason = "shared with tests that count gas by frame")]
mod common;

use std::sync::Arc;

use common::{A, B, World, text, walker::Walkers};
use evmc_revm::AotEvm;
use revm::{
    ExecuteEvm,
    bytecode::opcode::*,
    primitives::{Address, U256, hardfork::SpecId},
};

/// Pushes the arguments so that the first is on top, then `opcode`.
fn op(opcode: u8, args: &[u32]) -> Vec<u8> {
    let mut code = Vec::new();
    for arg in args.iter().rev() {
        code.push(PUSH4);
        code.extend(arg.to_be_bytes());
    }
    code.push(opcode);
    code
}

const B_TAIL: u32 = 0xbbbb;

fn call_b(opcode: u8, gas: u32, value: u32) -> Vec<u8> {
    match opcode {
        CALL | CALLCODE => op(opcode, &[gas, B_TAIL, value, 4, 40, 64, 48]),
        _ => op(opcode, &[gas, B_TAIL, 4, 40, 64, 48]),
    }
}

fn run(parts: &[Vec<u8>]) -> String {
    World::new(&[(A, parts.concat())]).check()
}

/// Stores what is on the stack's top in slot 1 and returns the first 128 bytes of memory.
fn finish() -> Vec<u8> {
    [vec![PUSH1, 1, SSTORE], op(RETURN, &[0, 128])].concat()
}

#[test]
fn storage_logs_and_return() {
    let outcome = run(&[
        op(SSTORE, &[7, 5]),
        op(SLOAD, &[7]),
        op(MSTORE8, &[3, 0x1ff]),
        op(LOG2, &[1, 50, 8, 9]),
        op(TSTORE, &[1, 2]),
        op(KECCAK256, &[0, 64]),
        finish(),
    ]);
    assert!(outcome.starts_with("Success"), "{outcome}");
}

#[test]
fn data_operations() {
    run(&[
        op(CALLDATALOAD, &[60]),
        op(CALLDATALOAD, &[69]),
        op(CALLDATALOAD, &[70]),
        op(CALLDATACOPY, &[10, 50, 60]),
        op(CODECOPY, &[100, 2, 300]),
        op(MCOPY, &[5, 90, 64]),
        op(EXTCODECOPY, &[0xaaaa, 0, 0, 33]),
        vec![ADD, ADD],
        finish(),
    ]);
}

#[test]
fn environment() {
    for opcode in [
        ORIGIN,
        GASPRICE,
        COINBASE,
        TIMESTAMP,
        NUMBER,
        DIFFICULTY,
        GASLIMIT,
        CHAINID,
        BASEFEE,
        BLOBBASEFEE,
        SELFBALANCE,
        ADDRESS,
        CALLER,
        CALLVALUE,
        CALLDATASIZE,
        CODESIZE,
        MSIZE,
        GAS,
        RETURNDATASIZE,
        PC,
    ] {
        run(&[vec![opcode], finish()]);
    }
    for opcode in [BALANCE, EXTCODESIZE, EXTCODEHASH, BLOCKHASH, BLOBHASH] {
        run(&[op(opcode, &[0xaaaa]), op(opcode, &[0]), vec![ADD], finish()]);
    }
    let outcome = run(&[vec![SLOTNUM], finish()]);
    assert!(outcome.contains("NotActivated"), "{outcome}");
}

#[test]
fn arithmetic() {
    for opcode in [DIV, SDIV, MOD, SMOD, EXP, ADDMOD, MULMOD, SIGNEXTEND, SAR, BYTE] {
        let operands = [vec![PUSH1, 7, PUSH1, 11, NOT, PUSH1, 9, NOT], vec![opcode]].concat();
        run(&[operands, finish()]);
    }
}

#[test]
fn halts_have_the_interpreters_reason() {
    let cases: &[(&str, Vec<u8>)] = &[
        ("StackUnderflow", vec![PUSH1, 1, ADD]),
        ("StackOverflow", vec![JUMPDEST, PUSH0, PUSH0, JUMP]),
        ("StackOverflow", vec![DUP3]),
        ("InvalidJump", op(JUMP, &[1])),
        ("OpcodeNotFound", vec![0x0c]),
        ("InvalidFEOpcode", vec![INVALID]),
        ("InvalidOperand", vec![PUSH1, 1, NOT, MLOAD]),
        ("InvalidOperand", vec![PUSH1, 1, NOT, PUSH1, 0, RETURN]),
        ("Memory", vec![PUSH8, 255, 255, 255, 255, 255, 255, 255, 255, MLOAD]),
        ("Memory", op(MLOAD, &[u32::MAX])),
        ("Memory", op(LOG2, &[u32::MAX, 9])),
        ("StackUnderflow", op(LOG2, &[0, 9])),
        ("OutOfOffset", op(RETURNDATACOPY, &[0, 0, 1])),
        ("NotActivated", vec![SLOTNUM]),
    ];
    for (reason, code) in cases {
        let outcome = run(std::slice::from_ref(code));
        assert!(outcome.contains(reason), "{reason}: {outcome}");
    }
}

#[test]
fn every_gas_limit_ends_alike() {
    let inner = [op(SSTORE, &[1, 2]), op(LOG0, &[0, 100]), op(REVERT, &[0, 8])].concat();
    let outer = [
        op(EXP, &[3, 70_000]),
        op(MSTORE, &[100, 5]),
        call_b(CALL, 30_000, 1),
        op(RETURNDATACOPY, &[0, 0, 8]),
        op(SLOAD, &[7]),
        finish(),
    ]
    .concat();
    let mut world = World::new(&[(A, outer), (B, inner)]);
    for gas in (21_000..90_000).step_by(61) {
        world.gas = gas;
        world.check();
    }
}

#[test]
fn every_gas_limit_ends_alike_where_memory_is_there_already() {
    let inner = [op(SSTORE, &[1, 2]), op(SSTORE, &[1, 3]), op(SSTORE, &[7, 0]), op(SLOAD, &[7])].concat();
    let outer = [
        op(MSTORE, &[200, 5]),
        op(CALLDATACOPY, &[10, 60, 100]),
        op(CODECOPY, &[60, 3, 32]),
        call_b(STATICCALL, 5_000, 0),
        call_b(CALL, 30_000, 0),
        call_b(DELEGATECALL, 20_000, 0),
        finish(),
    ]
    .concat();
    let mut world = World::new(&[(A, outer), (B, inner)]);
    for gas in (21_000..110_000).step_by(97) {
        world.gas = gas;
        world.check();
    }
}

#[test]
fn copies_to_memory_that_is_there_already() {
    for opcode in [CALLDATACOPY, CODECOPY] {
        for (from, len) in [(0, 70), (60, 40), (69, 1), (70, 1), (u32::MAX, 90), (3, 0)] {
            let huge = [vec![PUSH1, len as u8, PUSH1, 0, NOT, PUSH1, 50], vec![opcode]].concat();
            let full = [op(MSTORE, &[0, 0xabcdef]), op(MSTORE, &[100, 0x123456])].concat();
            run(&[full, op(opcode, &[20, from, len]), huge, vec![MSIZE], finish()]);
        }
    }
}

#[test]
fn calls_come_back_to_memory_that_is_there_already() {
    let tails = [op(RETURN, &[20, 77]), op(REVERT, &[20, 77]), vec![INVALID], vec![STOP]];
    for (opcode, tail) in
        [CALL, DELEGATECALL, STATICCALL].into_iter().flat_map(|one| tails.iter().map(move |tail| (one, tail)))
    {
        let callee = [
            op(CALLDATACOPY, &[0, 0, 60]),
            vec![CALLVALUE, CALLER, ADDRESS, ADD, ADD],
            op(MSTORE, &[96]),
            tail.clone(),
        ];
        for gas in [u32::MAX, 100, 0] {
            let caller = [
                op(MSTORE, &[9, 0xabcdef]),
                op(MSTORE, &[160, 0]),
                call_b(opcode, gas, 0),
                vec![RETURNDATASIZE, ADD, MSIZE, ADD, GAS, ADD],
                finish(),
            ];
            World::new(&[(A, caller.concat()), (B, callee.concat())]).check();
        }
    }
}

#[test]
fn calls_of_precompiles_and_delegated_accounts() {
    let designator = [&[0xef, 0x01, 0x00][..], B.as_slice()].concat();
    let callee = [vec![ADDRESS, PUSH0, MSTORE], op(RETURN, &[0, 32])].concat();
    for to in [2, 4, 0xdddd, 0xeeee] {
        let call = op(CALL, &[50_000, to, 0, 0, 64, 64, 64]);
        let caller =
            [op(MSTORE, &[96, 0xabcdef]), call.clone(), call, vec![RETURNDATASIZE, ADD, ADD], finish()];
        let delegated = Address::from_word(U256::from(0xdddd).into());
        let world = World::new(&[(A, caller.concat()), (B, callee.clone()), (delegated, designator.clone())]);
        world.check();
    }
}

#[test]
fn every_kind_of_call() {
    let callee = [
        vec![CALLER, PUSH0, MSTORE, CALLVALUE, PUSH1, 32, MSTORE, ADDRESS, PUSH1, 64, MSTORE],
        op(CALLDATACOPY, &[90, 1, 60]),
        op(SSTORE, &[3, 4]),
        op(RETURN, &[20, 77]),
    ]
    .concat();
    for opcode in [CALL, CALLCODE, DELEGATECALL, STATICCALL] {
        for (gas, value) in [(100_000, 0), (100_000, 9), (10_000, 5000), (100, 0)] {
            let caller = [
                op(MSTORE, &[9, 0xabcdef]),
                call_b(opcode, gas, value),
                vec![RETURNDATASIZE, ADD, MSIZE, ADD],
                finish(),
            ]
            .concat();
            World::new(&[(A, caller), (B, callee.clone())]).check();
        }
    }
}

#[test]
fn memory_may_move_under_waiting_frames() {
    // More than what is reserved, in a frame whose calldata is in its caller's memory.
    let callee = [
        op(CALLDATALOAD, &[0]),
        op(MSTORE, &[80 << 20, 1]),
        op(CALLDATALOAD, &[1]),
        vec![ADD, PUSH0, MSTORE],
        op(RETURN, &[0, 32]),
    ]
    .concat();
    let caller =
        [op(MSTORE, &[9, 0xabcdef]), op(GAS, &[B_TAIL, 0, 4, 40, 64, 48]), vec![CALL], finish()].concat();
    let mut world = World::new(&[(A, caller), (B, callee)]);
    world.gas = 1 << 50;
    let outcome = world.check();
    assert!(outcome.contains("present_value: 1,"), "{outcome}");
}

#[test]
fn calls_to_what_has_no_code() {
    for callee in [1, 2, 4, 0x1234] {
        let code = [op(CALL, &[50_000, callee, 1, 0, 64, 0, 64]), finish()].concat();
        run(&[code]);
    }
}

#[test]
fn static_frames_refuse_changes() {
    let changes = [
        op(SSTORE, &[1, 2]),
        op(TSTORE, &[1, 2]),
        op(LOG0, &[0, 0]),
        op(CREATE, &[0, 0, 0]),
        op(SELFDESTRUCT, &[1]),
        op(CALL, &[0, 1, 1, 0, 0, 0, 0]),
        vec![SSTORE],
    ];
    for change in changes {
        let code = [call_b(STATICCALL, 50_000, 0), finish()].concat();
        World::new(&[(A, code), (B, change)]).check();
    }
}

#[test]
fn creations() {
    // Initcode that returns its own first bytes as the contract, or reverts, or is rejected.
    for tail in [op(RETURN, &[0, 9]), op(REVERT, &[0, 9]), vec![INVALID], vec![STOP]] {
        let initcode = [op(SSTORE, &[1, 2]), op(CODECOPY, &[0, 0, 9]), tail].concat();
        let mut code = Vec::new();
        for (i, byte) in initcode.iter().enumerate() {
            code.extend(op(MSTORE8, &[i as u32, (*byte).into()]));
        }
        let len = initcode.len() as u32;
        code.extend(op(CREATE, &[3, 0, len]));
        code.extend(op(CREATE2, &[2, 0, len, 42]));
        code.extend(op(CREATE2, &[2, 0, len, 42]));
        code.extend([RETURNDATASIZE, ADD, ADD, ADD]);
        code.extend(finish());
        World::new(&[(A, code)]).check();
        let create = World { create: true, calldata: initcode, ..World::new(&[]) };
        create.check();
    }
}

#[test]
fn self_destruct() {
    let code = [call_b(CALL, 100_000, 3), finish()].concat();
    World::new(&[(A, code), (B, op(SELFDESTRUCT, &[0x77]))]).check();
}

#[test]
fn every_fork() {
    let inner = [op(SSTORE, &[1, 2]), op(SELFDESTRUCT, &[0xaaaa])].concat();
    let outer = [op(EXP, &[3, 70_000]), call_b(CALL, 60_000, 1), op(SLOAD, &[7]), finish()].concat();
    let mut world = World::new(&[(A, outer), (B, inner)]);
    let walkers = || Arc::new(Walkers { native_stack_bytes: 4096 });
    let mut kept = AotEvm::new(world.context(world.database()), walkers());
    let mut fork = 0;
    while let Ok(spec) = SpecId::try_from(fork) {
        world.spec = spec;
        let fresh = world.check();
        for _ in 0..2 {
            kept.context_mut().modify_cfg(|cfg| cfg.set_spec_and_mainnet_gas_params(spec));
            assert_eq!(text(kept.transact(world.transaction())), fresh, "an EVM that is kept, {spec}");
        }
        fork += 1;
    }
}
