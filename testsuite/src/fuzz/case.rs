//! A world of contracts and what is done to it.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use evmc::{
    engine::TxInput,
    fork::{Fork, ForkRules},
    world::{Account, World},
};
use fastrand::Rng;
use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    primitives::hardfork::SpecId,
};

use super::{generate, mutate, program::Program, soup};

/// Who sends the transactions.
pub const SENDER: Address = Address::with_last_byte(0xee);

/// The first contract; the others have the addresses behind it, the last of them an EIP-7702 delegation to
/// the first from Prague on.
pub const FIRST_CONTRACT: u8 = 0x40;

/// Most gas of a transaction. Endless loops run until it is used up.
const MAX_GAS: u64 = 2_000_000;

/// Gas of a transaction before its first operation, without calldata.
const INTRINSIC_GAS: u64 = 21_000;

/// What the sender and each contract own, in wei.
const BALANCE: u64 = 1 << 40;

/// A call of one of the contracts, or a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Number of the contract that is called; `None` runs the first contract's code as initcode.
    pub to: Option<usize>,
    /// Calldata.
    pub data: Vec<u8>,
    /// Gas limit.
    pub gas: u64,
    /// In wei.
    pub value: u64,
}

/// A world of contracts, and transactions that are each run on it as it was at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it was made from.
    pub seed: u64,
    /// The rules.
    pub fork: Fork,
    /// The contracts.
    pub contracts: Vec<Program>,
    /// What is done.
    pub transactions: Vec<Transaction>,
}

/// Address of a contract.
pub fn address(contract: usize) -> Address {
    Address::with_last_byte(FIRST_CONTRACT + contract as u8)
}

impl Case {
    /// The case of this seed. `corpus` has real contracts to start from, and may be empty.
    pub fn generate(seed: u64, corpus: &[Vec<u8>]) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Half of the cases on the newest fork of mainnet, as that is where it matters most.
        let fork = if rng.bool() { Fork::Osaka } else { Fork::ALL[rng.usize(..Fork::ALL.len())] };
        let (contracts, selectors) = match rng.u8(..10) {
            0..7 => (structured_world(&mut rng, fork), Vec::new()),
            7 => (vec![soup::program(&mut rng, fork), generate::program(&mut rng, fork)], Vec::new()),
            _ if corpus.is_empty() => (vec![soup::program(&mut rng, fork)], Vec::new()),
            _ => {
                let code = mutate::contract(&mut rng, corpus);
                let selectors = mutate::selectors(&code);
                (vec![Program::from_bytes(&code)], selectors)
            }
        };
        let transactions =
            (0..rng.usize(3..8)).map(|_| transaction(&mut rng, contracts.len(), &selectors)).collect();
        Self { seed, fork, contracts, transactions }
    }

    /// The world before each transaction.
    pub fn world(&self) -> World {
        let mut world = World::default();
        world.insert(SENDER, Account::new(U256::from(BALANCE), 0, Bytes::new(), []));
        for (number, program) in self.contracts.iter().enumerate() {
            let code = program.assemble();
            // Code from 0xef on is either a delegation, which comes below, or cannot be deployed.
            let code = if code.first() == Some(&0xef) { vec![0xfe] } else { code };
            let slots = (0..3).map(|slot| (U256::from(slot), U256::from(slot + number as u64)));
            world.insert(address(number), Account::new(U256::from(BALANCE), 1, code.into(), slots));
        }
        if self.fork >= Fork::Prague {
            let delegation = [&[0xef, 0x01, 0x00], address(0).as_slice()].concat();
            let account = Account::new(U256::from(BALANCE), 1, delegation.into(), []);
            world.insert(address(self.contracts.len()), account);
        }
        world
    }

    /// What an engine is given for a transaction on `world`.
    pub fn input(&self, world: &Arc<World>, transaction: &Transaction) -> TxInput {
        let spec = self.fork.spec();
        let mut cfg = CfgEnv::new_with_spec(spec);
        cfg.set_spec_and_mainnet_gas_params(spec);
        let block = BlockEnv {
            number: U256::from(1000),
            timestamp: U256::from(1_700_000_000),
            gas_limit: 1 << 40,
            prevrandao: spec.is_enabled_in(SpecId::MERGE).then_some(B256::repeat_byte(0x5a)),
            ..BlockEnv::default()
        };
        let (kind, data) = match transaction.to {
            Some(contract) => (TxKind::Call(address(contract)), transaction.data.clone()),
            None => (TxKind::Create, self.contracts[0].assemble()),
        };
        let tx = TxEnv {
            caller: SENDER,
            gas_limit: transaction.gas,
            kind,
            value: U256::from(transaction.value),
            data: data.into(),
            ..TxEnv::default()
        };
        TxInput { world: Arc::clone(world), block, cfg, tx }
    }
}

fn structured_world(rng: &mut Rng, fork: Fork) -> Vec<Program> {
    (0..rng.usize(1..4)).map(|_| generate::program(rng, fork)).collect()
}

fn transaction(rng: &mut Rng, contracts: usize, selectors: &[[u8; 4]]) -> Transaction {
    let to = match rng.u8(..12) {
        0 => None,
        1 => Some(rng.usize(..=contracts)),
        2..5 => Some(rng.usize(..contracts)),
        _ => Some(0),
    };
    let gas = match rng.u8(..6) {
        0 => INTRINSIC_GAS + rng.u64(..3_000),
        1 => INTRINSIC_GAS + rng.u64(..60_000),
        2 => INTRINSIC_GAS + rng.u64(..400_000),
        _ => MAX_GAS,
    };
    let value = if rng.u8(..4) == 0 { rng.u64(..3) } else { 0 };
    Transaction { to, data: calldata(rng, selectors), gas, value }
}

/// A selector, if there are any, and a few words; sometimes cut off.
fn calldata(rng: &mut Rng, selectors: &[[u8; 4]]) -> Vec<u8> {
    let mut data = Vec::new();
    if !selectors.is_empty() {
        data.extend(selectors[rng.usize(..selectors.len())]);
    }
    for _ in 0..rng.usize(..6) {
        data.extend(generate::edge_word(rng).to_be_bytes::<32>());
    }
    if rng.u8(..4) == 0 {
        data.truncate(rng.usize(..=data.len()));
    }
    data
}
