//! Blocks made up by tests and benchmarks.
//!
//! * [`BlockBuilder`]: accounts and transactions to a block with the state before it.
//! * [`reference`]: a block executed by plain revm, as far from the engine as it gets.
//! * [`adversarial`]: blocks in which transactions depend on each other in every way that is hard.
//! * [`stored`]: stores of what real blocks run. [`matrix`]: real blocks in all ways, compared.
//! * [`slow`]: a state that is slow to read.
//! * [`synthetic`]: blocks of many similar transactions, to measure with.

pub mod adversarial;
pub mod matrix;
mod programs;
pub mod reference;
pub mod slow;
pub mod stored;
pub mod synthetic;

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use evmc_parallel::{Block, PreState, Withdrawal};
use revm::{
    context::{
        BlockEnv, CfgEnv, TransactionType, TxEnv,
        either::Either,
        transaction::{Authorization, RecoveredAuthority, RecoveredAuthorization},
    },
    primitives::hardfork::SpecId,
};

/// Gets the fees of made-up blocks.
pub const BENEFICIARY: Address = Address::repeat_byte(0xfe);

/// Wei of an account that has enough.
pub const PLENTY: u128 = 1 << 100;

/// Price of gas, in wei, above the base fee.
const GAS_PRICE: u128 = 20;

/// Base fee, in wei.
const BASE_FEE: u64 = 7;

/// Gas limit of a transaction that need not care.
const GAS_LIMIT: u64 = 1_000_000;

/// Gas limit of a block that need not care.
const BLOCK_GAS_LIMIT: u64 = 1 << 40;

/// A block with the state before it.
#[derive(Clone, Debug)]
pub struct MadeBlock {
    /// What is special about it.
    pub name: &'static str,
    /// The block.
    pub block: Arc<Block>,
    /// The state before it.
    pub state: Arc<PreState>,
}

/// Puts a block together.
#[derive(Debug)]
pub struct BlockBuilder {
    /// The block so far.
    pub block: Block,
    /// The state before it.
    pub state: PreState,
    nonces: BTreeMap<Address, u64>,
}

/// The address of the account with this number; none is small enough to be a precompiled contract.
pub fn account(number: u64) -> Address {
    let mut bytes = [0xac; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// A number as a word of calldata.
pub fn word(value: impl Into<U256>) -> Vec<u8> {
    value.into().to_be_bytes_vec()
}

/// An address as a word of calldata.
pub fn address_word(address: Address) -> Vec<u8> {
    address.into_word().to_vec()
}

impl BlockBuilder {
    /// An empty block under these rules.
    pub fn new(spec: SpecId) -> Self {
        let mut cfg = CfgEnv::new_with_spec(spec);
        cfg.set_spec_and_mainnet_gas_params(spec);
        let is_london = spec.is_enabled_in(SpecId::LONDON);
        let env = BlockEnv {
            number: U256::from(1000),
            beneficiary: BENEFICIARY,
            gas_limit: BLOCK_GAS_LIMIT,
            basefee: if is_london { BASE_FEE } else { 0 },
            prevrandao: spec.is_enabled_in(SpecId::MERGE).then_some(B256::ZERO),
            ..BlockEnv::default()
        };
        let block = Block { cfg, env, ..Block::default() };
        Self { block, state: PreState::default(), nonces: BTreeMap::new() }
    }

    /// Gives an account so many wei.
    pub fn fund(&mut self, address: Address, wei: u128) -> &mut Self {
        self.state.insert(address, U256::from(wei), 0, &Bytes::new(), []);
        self
    }

    /// Gives each account plenty.
    pub fn fund_all(&mut self, addresses: impl IntoIterator<Item = Address>) -> &mut Self {
        for address in addresses {
            self.fund(address, PLENTY);
        }
        self
    }

    /// Puts code at an address.
    pub fn contract(&mut self, address: Address, code: &[u8], storage: &[(u64, u64)]) -> &mut Self {
        let storage = storage.iter().map(|&(slot, value)| (U256::from(slot), U256::from(value)));
        self.state.insert(address, U256::ZERO, 1, &Bytes::copy_from_slice(code), storage);
        self
    }

    /// The sender's next nonce, which is then used.
    pub fn take_nonce(&mut self, sender: Address) -> u64 {
        let nonce = self.nonces.entry(sender).or_default();
        *nonce += 1;
        *nonce - 1
    }

    /// Adds a transaction as it is.
    pub fn push(&mut self, tx: TxEnv) -> &mut Self {
        self.block.transactions.push(tx);
        self
    }

    /// A legacy transaction of `from` with its next nonce.
    pub fn tx(&mut self, from: Address, kind: TxKind, value: u128, data: Vec<u8>) -> TxEnv {
        TxEnv {
            caller: from,
            gas_limit: GAS_LIMIT,
            gas_price: GAS_PRICE,
            kind,
            value: U256::from(value),
            data: data.into(),
            nonce: self.take_nonce(from),
            chain_id: None,
            ..TxEnv::default()
        }
    }

    /// Adds a payment of `wei`, with the gas that it needs and no more.
    pub fn pay(&mut self, from: Address, to: Address, wei: u128) -> &mut Self {
        let tx = self.tx(from, TxKind::Call(to), wei, Vec::new());
        self.push(TxEnv { gas_limit: 21_000, ..tx })
    }

    /// Adds a call.
    pub fn call(&mut self, from: Address, to: Address, data: Vec<u8>) -> &mut Self {
        let tx = self.tx(from, TxKind::Call(to), 0, data);
        self.push(tx)
    }

    /// Adds a creation.
    pub fn create(&mut self, from: Address, initcode: Vec<u8>) -> &mut Self {
        let tx = self.tx(from, TxKind::Create, 0, initcode);
        self.push(tx)
    }

    /// Adds a call that first sets the code of accounts (EIP-7702): each delegates to a target, and has the nonce that it
    /// will have then.
    pub fn delegate(
        &mut self,
        from: Address,
        to: Address,
        data: Vec<u8>,
        delegations: &[(Address, Address)],
    ) -> &mut Self {
        let tx = self.tx(from, TxKind::Call(to), 0, data);
        let authorization = |&(authority, address): &(Address, Address)| {
            let nonce = self.take_nonce(authority);
            let inner = Authorization { chain_id: U256::ZERO, address, nonce };
            let authority = RecoveredAuthority::Valid(authority);
            Either::Right(RecoveredAuthorization::new_unchecked(inner, authority))
        };
        let authorization_list = delegations.iter().map(authorization).collect();
        let tx_type = TransactionType::Eip7702 as u8;
        let chain_id = Some(self.block.cfg.chain_id);
        self.push(TxEnv { tx_type, authorization_list, gas_priority_fee: Some(1), chain_id, ..tx })
    }

    /// Adds a withdrawal.
    pub fn withdraw(&mut self, address: Address, amount_gwei: u64) -> &mut Self {
        self.block.withdrawals.push(Withdrawal { address, amount_gwei });
        self
    }

    /// The block.
    pub fn finish(self, name: &'static str) -> MadeBlock {
        MadeBlock { name, block: Arc::new(self.block), state: Arc::new(self.state) }
    }
}
