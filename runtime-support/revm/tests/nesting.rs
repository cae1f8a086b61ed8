//! Nested frames: depth, the native stack, and errors that end all of them.

#[allow(dead_code, reason = "shared with tests that count gas by frame")]
mod common;

use std::{error::Error, fmt, sync::Arc};

use common::{A, B, World, walker::Walkers};
use evmc_abi::{ExitCode, OpRow, StretchRange};
use evmc_revm::{AotEvm, CodeSource, FaultKind, FrameCode, HostView, on_large_stack};
use revm::{
    Database, ExecuteEvm, MainBuilder,
    bytecode::{Bytecode, opcode::*},
    context_interface::DBErrorMarker,
    database::{CacheDB, EmptyDB},
    primitives::{Address, B256, StorageKey, StorageValue, U256, hardfork::SpecId},
    state::AccountInfo,
};

/// Calls itself with nearly all gas until that is refused, with the depth in calldata, memory and
/// storage; no opcode younger than Homestead.
fn recursive() -> Vec<u8> {
    let zero = [PUSH1, 0];
    [
        &zero[..],
        &[CALLDATALOAD, PUSH1, 1, ADD, DUP1],
        &zero,
        &[MSTORE],
        &zero,
        &zero,
        &[PUSH1, 32],
        &zero,
        &zero,
        &[ADDRESS, PUSH3, 1, 0, 0, GAS, SUB, CALL],
        &[ADD],
        &zero,
        &[MLOAD, SSTORE],
    ]
    .concat()
}

fn deep_world() -> World {
    let mut world = World::new(&[(A, recursive())]);
    world.calldata = Vec::new();
    // Before EIP-150 all gas may be handed on, so depth 1,024 is cheap.
    world.spec = SpecId::HOMESTEAD;
    world.gas = 200_000_000;
    world
}

#[test]
fn a_worker_holds_1024_nested_native_frames() {
    let counts = on_large_stack(|| {
        let world = deep_world();
        let source = Arc::new(Walkers { native_stack_bytes: 512 << 10 });
        world.compare(|| world.database(), source).1
    })
    .expect("a thread");
    assert_eq!(counts.interpreted(), 0);
    assert_eq!(counts.native, 1025);
}

#[test]
fn a_short_stack_has_the_subtree_interpreted() {
    let world = deep_world();
    let source = Arc::new(Walkers { native_stack_bytes: 4096 });
    let (_, counts) = world.compare(|| world.database(), source);
    assert!(counts.native > 10, "{counts:?}");
    assert!(counts.without_stack > 10, "{counts:?}");
    assert_eq!(counts.native + counts.without_stack, 1025);
}

#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}
impl DBErrorMarker for Broken {}

/// A database that fails where slot 13 or the account 0xdead is read, and panics at slot 14.
struct BrokenDb(CacheDB<EmptyDB>);

impl Database for BrokenDb {
    type Error = Broken;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Broken> {
        let dead = Address::from_word(B256::from(U256::from(0xdead)));
        if address == dead { Err(Broken) } else { self.0.basic(address).map_err(|_| Broken) }
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Broken> {
        self.0.code_by_hash(hash).map_err(|_| Broken)
    }

    fn storage(&mut self, address: Address, key: StorageKey) -> Result<StorageValue, Broken> {
        assert!(key != 14, "unlucky slot");
        if key == 13 { Err(Broken) } else { self.0.storage(address, key).map_err(|_| Broken) }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Broken> {
        self.0.block_hash(number).map_err(|_| Broken)
    }
}

#[test]
fn database_errors_end_all_frames() {
    let call = |to: [u8; 2]| vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, PUSH2, to[0], to[1], GAS, CALL, POP];
    let bad_slot = vec![PUSH1, 13, SLOAD];
    let bad_account = vec![PUSH2, 0xde, 0xad, BALANCE];
    let nested = |inner: &Vec<u8>| [call([0xbb, 0xbb]), inner.clone()].concat();
    for inner in [&bad_slot, &bad_account, &call([0xde, 0xad])] {
        for outer in [inner.clone(), nested(inner), nested(&vec![STOP])] {
            let world = World::new(&[(A, outer), (B, inner.clone())]);
            let source = Arc::new(Walkers { native_stack_bytes: 4096 });
            let (outcome, _) = world.compare(|| BrokenDb(world.database()), source);
            assert!(outcome.contains("Broken"), "{outcome}");
        }
    }
}

#[test]
fn a_panic_under_compiled_code_is_an_error_of_the_transaction() {
    let call_b = vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, PUSH2, 0xbb, 0xbb, GAS, CALL, POP];
    let world = World::new(&[(A, call_b), (B, vec![PUSH1, 14, SLOAD])]);
    let source = Arc::new(Walkers { native_stack_bytes: 4096 });
    let mut evm = AotEvm::new(world.context(BrokenDb(world.database())), source);
    evm.recover_from_faults(false);
    let error = evm.transact(world.transaction()).expect_err("an error");
    let text = format!("{error:?}");
    assert!(text.contains("sload") && text.contains("unlucky slot"), "{text}");
}

#[test]
fn delegated_accounts_run_the_targets_code() {
    let designator = [&[0xef, 0x01, 0x00][..], B.as_slice()].concat();
    let code = vec![ADDRESS, PUSH0, SSTORE, CODESIZE, PUSH1, 1, SSTORE];
    World::new(&[(A, designator), (B, code)]).check();
}

/// Code that leaves at once, with this exit code.
struct Leaves(ExitCode);

impl FrameCode for Leaves {
    fn run(&self, _: &mut HostView<'_>) -> ExitCode {
        self.0
    }

    fn uses_memory_stack(&self) -> bool {
        false
    }

    fn native_stack_bytes(&self) -> usize {
        0
    }

    fn op_rows(&self) -> &[OpRow; 256] {
        &[OpRow { static_gas: 0, inputs: 0, outputs: 0, immediate: 0, flags: 0, reserved: [0; 2] }; 256]
    }

    fn stretch(&self, _: u32) -> Option<StretchRange> {
        None
    }
}

impl CodeSource for Leaves {
    fn lookup(&self, _: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        Some(Arc::new(Leaves(self.0)))
    }
}

#[test]
fn impossible_exits_are_errors_of_the_transaction() {
    let world = World::new(&[(A, vec![STOP])]);
    for exit in [ExitCode::Host, ExitCode::Stretch, ExitCode::Unreachable] {
        let mut evm = AotEvm::new(world.context(world.database()), Arc::new(Leaves(exit)));
        evm.recover_from_faults(false);
        let error = evm.transact(world.transaction()).expect_err("an error");
        assert!(format!("{error:?}").contains(exit.name()), "{error:?}");
    }
}

#[test]
fn after_an_impossible_exit_the_transaction_is_interpreted() {
    let call_b = vec![PUSH0, PUSH0, PUSH0, PUSH0, PUSH0, PUSH2, 0xbb, 0xbb, GAS, CALL, PUSH0, SSTORE];
    let world = World::new(&[(A, call_b), (B, vec![PUSH1, 1, PUSH0, SSTORE])]);
    let expected =
        common::text(world.context(world.database()).build_mainnet().transact(world.transaction()));
    for exit in [ExitCode::Host, ExitCode::Stretch, ExitCode::Unreachable] {
        let mut evm = AotEvm::new(world.context(world.database()), Arc::new(Leaves(exit)));
        assert_eq!(common::text(evm.transact(world.transaction())), expected);
        let counts = evm.take_counts();
        assert_eq!((counts.native, counts.after_fault, counts.faults.of(FaultKind::Exit)), (1, 2, 1));
        // Code that has failed is not run again; the other one was not run yet.
        assert_eq!(common::text(evm.transact(world.transaction())), expected);
        assert_eq!((evm.counts().without_code, evm.counts().faults.total()), (1, 1));
    }
}
