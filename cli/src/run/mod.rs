//! Running single transactions on a world of one's own: what `evmc run` does.
//!
//! A [`Session`] holds the world between transactions, so a contract can be deployed and then called. Gas
//! is free and unlimited by the block, as with `eth_call`: what is looked at is the code.
//!
//! Not here: the command line, which is `commands::run`.

mod calldata;
mod decode;
mod report;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use revm::{
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{ExecutionResult, HaltReason},
    },
    primitives::hardfork::SpecId,
};

pub use calldata::{Call, CalldataError, constructor_arguments};
pub use decode::Decoder;
pub use report::{Report, StateChange, Transition};

use crate::{
    engine::{Engine, TxError, TxInput},
    fork::{Fork, ForkRules},
    world::{Account, World},
};

/// Address at which runtime code is put unless the user says another.
pub const CONTRACT: Address = address!("c0de000000000000000000000000000000000000");

/// Sender unless the user says another.
pub const CALLER: Address = address!("ca11000000000000000000000000000000000000");

/// Balance of a sender that the given state does not have, in wei.
const CALLER_BALANCE: U256 = U256::from_limbs([0, 0, 1, 0]);

/// The part of a transaction that stays the same in a session.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Who sends.
    pub address: Address,
    /// In wei.
    pub value: U256,
    /// Gas limit.
    pub gas: u64,
}

/// A world, and how transactions are run on it.
pub struct Session<'a> {
    engine: &'a dyn Engine,
    fork: Fork,
    sender: Sender,
    world: Arc<World>,
}

/// What a transaction of a session came to.
#[derive(Clone, Debug)]
pub struct Executed {
    /// Its result.
    pub result: Result<ExecutionResult<HaltReason>, TxError>,
    /// The world before.
    pub before: Arc<World>,
    /// The world after.
    pub after: Arc<World>,
    /// Time of execution; the median where it was repeated.
    pub time: Duration,
}

impl<'a> Session<'a> {
    /// A session that starts with `world`; the sender gets an account if it has none.
    pub fn new(engine: &'a dyn Engine, fork: Fork, sender: Sender, mut world: World) -> Self {
        if world.get(&sender.address).is_none() {
            world.insert(sender.address, Account::new(CALLER_BALANCE, 0, Bytes::new(), []));
        }
        Self { engine, fork, sender, world: Arc::new(world) }
    }

    /// What runs the transactions.
    pub fn engine(&self) -> &dyn Engine {
        self.engine
    }

    /// The rules that apply.
    pub fn fork(&self) -> Fork {
        self.fork
    }

    /// Puts code at an address; the balance and the storage that are there stay.
    pub fn install(&mut self, address: Address, code: Bytes) {
        let world = Arc::make_mut(&mut self.world);
        let found = world.get(&address).cloned().unwrap_or_default();
        let nonce = found.info.nonce.max(1);
        world.insert(address, Account::new(found.info.balance, nonce, code, found.storage));
    }

    /// The transaction with this recipient and data in the state that the session has reached.
    pub fn input(&self, kind: TxKind, data: Bytes) -> TxInput {
        let nonce = self.world.get(&self.sender.address).map_or(0, |sender| sender.info.nonce);
        let spec = self.fork.spec();
        let mut cfg = CfgEnv::new_with_spec(spec);
        cfg.set_spec_and_mainnet_gas_params(spec);
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let block = BlockEnv {
            number: U256::ONE,
            gas_limit: u64::MAX,
            prevrandao: spec.is_enabled_in(SpecId::MERGE).then_some(B256::ZERO),
            ..BlockEnv::default()
        };
        let tx = TxEnv {
            caller: self.sender.address,
            gas_limit: self.sender.gas,
            kind,
            value: self.sender.value,
            data,
            nonce,
            ..TxEnv::default()
        };
        TxInput { world: Arc::clone(&self.world), block, cfg, tx }
    }

    /// Runs a transaction `repeat` times from the same state, and takes over what it changed.
    ///
    /// Must be called on a stack as the engine needs it.
    pub fn execute(&mut self, input: &TxInput, repeat: u32) -> Executed {
        let mut worker = self.engine.worker();
        let mut run = || {
            let start = Instant::now();
            let result = worker.transact(input);
            (result, start.elapsed())
        };
        let (result, first) = run();
        let mut times = vec![first];
        times.extend((1..repeat).map(|_| run().1));
        times.sort_unstable();
        let before = Arc::clone(&self.world);
        let result = result.map(|done| {
            Arc::make_mut(&mut self.world).apply(&done.state);
            done.result
        });
        Executed { result, before, after: Arc::clone(&self.world), time: times[times.len() / 2] }
    }
}
