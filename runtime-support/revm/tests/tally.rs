//! Gas of interpreted code, as a source is told of it.

#[allow(dead_code, reason = "shared with tests that compare outcomes")]
mod common;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use common::{
    A, B, World,
    calls::{INTRINSIC, callee, caller, world},
    walker::Walkers,
};
use evmc_revm::{AotEvm, CodeSource, FrameCode};
use revm::{
    ExecuteEvm,
    bytecode::{Bytecode, opcode::*},
    primitives::{Address, B256, hardfork::SpecId, keccak256},
};

/// Gas of the precompile at 4 for 32 bytes.
const IDENTITY: u64 = 18;

/// A source that walks some codes, if it has code at all, and remembers what others burn.
#[derive(Default)]
struct Ledger {
    walked: Vec<B256>,
    gas: Mutex<BTreeMap<B256, u64>>,
    told: Mutex<u64>,
    is_off: bool,
}

impl Ledger {
    fn gas(&self, code: &[u8]) -> u64 {
        self.gas.lock().expect("no panic").get(&keccak256(code)).copied().unwrap_or_default()
    }

    fn told(&self) -> u64 {
        *self.told.lock().expect("no panic")
    }
}

impl CodeSource for Ledger {
    fn lookup(
        &self,
        hash: B256,
        code: &Bytecode,
        spec: SpecId,
        initcode: bool,
    ) -> Option<Arc<dyn FrameCode>> {
        let is_in = self.walked.contains(&hash);
        is_in.then(|| Walkers { native_stack_bytes: 4096 }.lookup(hash, code, spec, initcode)).flatten()
    }

    fn serves_initcode(&self) -> bool {
        false
    }

    fn counts_gas(&self) -> bool {
        !self.is_off
    }

    fn interpreted(&self, code_hash: B256, code: &Bytecode, spec: SpecId, gas: u64) {
        assert_eq!((keccak256(code.original_byte_slice()), spec), (code_hash, SpecId::OSAKA));
        *self.gas.lock().expect("no panic").entry(code_hash).or_default() += gas;
        *self.told.lock().expect("no panic") += 1;
    }
}

/// Gas of [`callee`].
const CALLEE_GAS: u64 = 2_118;

/// Runs `caller(B)` over `callee` and gives the gas that it used.
fn run(evm: &mut AotEvm<revm::handler::MainnetContext<impl revm::Database>>, world: &World) -> u64 {
    let outcome = evm.transact(world.transaction());
    outcome.expect("a valid transaction").result.tx_gas_used()
}

#[test]
fn each_code_has_its_own_gas() {
    let (world, ledger) = (world(callee()), Arc::new(Ledger::default()));
    let mut evm = AotEvm::new(world.context(world.database()), Arc::clone(&ledger) as _);
    let used = run(&mut evm, &world);
    assert_eq!(ledger.told(), 0, "nothing is told while a transaction may run");
    evm.take_counts();
    assert_eq!((ledger.gas(&callee()), ledger.told()), (CALLEE_GAS, 2));
    assert_eq!(ledger.gas(&caller(B)), used - INTRINSIC - IDENTITY - CALLEE_GAS);
    run(&mut evm, &world);
    run(&mut evm, &world);
    assert_eq!(ledger.gas(&callee()), 2 * CALLEE_GAS, "told when the next one begins");
    drop(evm);
    assert_eq!((ledger.gas(&callee()), ledger.told()), (3 * CALLEE_GAS, 6), "and at the end");
}

#[test]
fn native_frames_are_left_out() {
    let world = world(callee());
    for (walked, caller_is_told) in [(callee(), true), (caller(B), false)] {
        let ledger = Arc::new(Ledger { walked: vec![keccak256(&walked)], ..Ledger::default() });
        let mut evm = AotEvm::new(world.context(world.database()), Arc::clone(&ledger) as _);
        let used = run(&mut evm, &world);
        drop(evm);
        let callers = used - INTRINSIC - IDENTITY - CALLEE_GAS;
        let expected = if caller_is_told { (callers, 0) } else { (0, CALLEE_GAS) };
        assert_eq!((ledger.gas(&caller(B)), ledger.gas(&callee())), expected);
    }
}

#[test]
fn a_frame_without_gas_has_burned_all_of_it() {
    let endless = vec![JUMPDEST, PUSH1, 0, JUMP];
    let (world, ledger) = (world(endless.clone()), Arc::new(Ledger::default()));
    let mut evm = AotEvm::new(world.context(world.database()), Arc::clone(&ledger) as _);
    let used = run(&mut evm, &world);
    drop(evm);
    assert_eq!(ledger.gas(&endless) + ledger.gas(&caller(B)), used - INTRINSIC - IDENTITY);
    assert!(ledger.gas(&endless) > world.gas / 2);
}

#[test]
fn creations_and_sources_that_do_not_ask_are_left_out() {
    let mut create = world(callee());
    (create.create, create.calldata) = (true, vec![PUSH1, 1, PUSH1, 2, SSTORE]);
    let off = Ledger { is_off: true, ..Ledger::default() };
    for (world, ledger) in [(create, Ledger::default()), (world(callee()), off)] {
        let ledger = Arc::new(ledger);
        let mut evm = AotEvm::new(world.context(world.database()), Arc::clone(&ledger) as _);
        run(&mut evm, &world);
        drop(evm);
        assert_eq!(ledger.told(), 0);
    }
}

#[test]
fn codes_in_the_same_place_do_not_mix() {
    // More callees than there are places.
    let address = |n: u16| Address::left_padding_from(&(0x1000 + n).to_be_bytes());
    let body = |n: u16| [&[PUSH2][..], &n.to_be_bytes(), &[PUSH1, 0, MSTORE, STOP]].concat();
    let mut calls = Vec::new();
    let mut contracts = vec![(A, Vec::new())];
    for n in (0..100_u16).chain(0..100) {
        let to = (0x1000 + n).to_be_bytes();
        calls.extend([PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH1, 0, PUSH2, to[0], to[1], GAS, STATICCALL, POP]);
        contracts.push((address(n), body(n)));
    }
    contracts[0].1 = calls;
    let (world, ledger) =
        (World { calldata: Vec::new(), ..World::new(&contracts) }, Arc::new(Ledger::default()));
    let mut evm = AotEvm::new(world.context(world.database()), Arc::clone(&ledger) as _);
    let used = run(&mut evm, &world);
    drop(evm);
    for n in 0..100 {
        assert_eq!(ledger.gas(&body(n)), 2 * 12, "two pushes, a store, a word of memory");
    }
    assert_eq!(ledger.gas(&world.contracts[0].1), used - INTRINSIC - 200 * 12);
}
