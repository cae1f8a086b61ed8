//! A node component that executes blocks through alloy-evm's own block executor, with one line changed.
//!
//! `cargo run --release -p evmc-alloy --example block_executor`
//!
//! [`execute`] is what a node has: it makes an EVM with a factory, gives it to alloy-evm's `EthBlockExecutor`,
//! and takes receipts, requests and state changes. It runs a block twice, and the only difference is the factory:
//! stock, and with compiled code from a store. The outcomes must be equal, or the example fails.

#![forbid(unsafe_code)]

use std::{borrow::Cow, error::Error, path::Path, sync::Arc};

use alloy_consensus::{ReceiptEnvelope, SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_eips::eip4895::Withdrawal;
use alloy_evm::{
    EthEvmFactory, EvmEnv, EvmFactory,
    block::{BlockExecutionResult, BlockExecutor, BlockExecutorFactory},
    eth::{
        EthBlockExecutionCtx, EthBlockExecutorFactory, receipt_builder::AlloyReceiptBuilder, spec::EthSpec,
    },
};
use alloy_primitives::Signature;
use evmc_alloy::AotEvmFactory;
use evmc_backend_cranelift::Cranelift;
use evmc_compiler::{driver, frontend::evm::opcode::Fork};
use evmc_revm::{StoreCodes, on_large_stack};
use evmc_store::{StoreWriter, Trust};
use revm::{
    bytecode::{Bytecode, opcode::*},
    context::{BlockEnv, CfgEnv, TxEnv},
    database::{BundleState, CacheDB, EmptyDB, State, states::bundle_state::BundleRetention},
    primitives::{Address, B256, Bytes, TxKind, U256, address, hardfork::SpecId},
    state::AccountInfo,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What executing a block comes to.
type Outcome = (BlockExecutionResult<ReceiptEnvelope>, BundleState);

/// Executes a block, as nodes do.
fn execute<F>(evm_factory: F, block: &Block) -> Result<Outcome>
where
    F: EvmFactory<Spec = SpecId, BlockEnv = BlockEnv, Tx = TxEnv> + 'static,
{
    let executors =
        EthBlockExecutorFactory::new(AlloyReceiptBuilder::default(), EthSpec::mainnet(), evm_factory);
    let mut state = State::builder().with_database(block.before.clone()).with_bundle_update().build();
    let evm = executors.evm_factory().create_evm(&mut state, block.env.clone());
    let executor = executors.create_executor(evm, block.context.clone());
    let result = executor.execute_block(&block.transactions)?;
    state.merge_transitions(BundleRetention::Reverts);
    Ok((result, state.take_bundle()))
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    build_store(folder.path())?;
    let codes = Arc::new(StoreCodes::open(folder.path(), Trust::Anyone)?);
    let block = Block::new();
    let stock = execute(EthEvmFactory::default(), &block)?;
    // The line that changes.
    let native = || execute(AotEvmFactory::new(Arc::clone(&codes) as _), &block);
    // Deep calls need more native stack than a thread has by default; without it they are interpreted.
    let native = on_large_stack(native)??;
    compare(&stock, &native)?;
    println!("{} receipts and {} changed accounts are equal", native.0.receipts.len(), native.1.state.len());
    println!("{} gas; from the store: {:?}", native.0.gas_used, codes.counters());
    Ok(())
}

/// Fails unless two outcomes are the same.
fn compare(stock: &Outcome, native: &Outcome) -> Result<()> {
    if stock.0 == native.0 && stock.1 == native.1 {
        return Ok(());
    }
    Err(format!("stock: {stock:#?}\nnative: {native:#?}").into())
}

/// What `evmc build --store` does: compiles two of the three contracts.
fn build_store(folder: &Path) -> Result<()> {
    let config = driver::Config { fork: Fork::Cancun, ..driver::Config::default() };
    let backend = Cranelift::default();
    let compile = |code: Vec<u8>| Ok(driver::compile(&code, &config, &backend)?.artifact);
    let artifacts: Vec<_> = [sum(), relay()].into_iter().map(compile).collect::<Result<_>>()?;
    StoreWriter::open(folder, None)?.insert(&artifacts)?;
    Ok(())
}

const SENDER: Address = address!("0x000000000000000000000000000000000000ca11");
const SUM: Address = address!("0x0000000000000000000000000000000000005a5a");
const RELAY: Address = address!("0x0000000000000000000000000000000000004e4e");
const LEDGER: Address = address!("0x0000000000000000000000000000000000001ed6");

/// Adds up the numbers from 1 to that in the calldata, and stores, logs and returns the sum.
fn sum() -> Vec<u8> {
    let start = [PUSH0, CALLDATALOAD, PUSH0];
    let turn =
        [JUMPDEST, DUP2, ADD, SWAP1, PUSH1, 1, SWAP1, SUB, SWAP1, DUP2, PUSH1, start.len() as u8, JUMPI];
    let end =
        [DUP1, PUSH0, SSTORE, PUSH0, MSTORE, PUSH1, 0x51, PUSH1, 32, PUSH0, LOG1, PUSH1, 32, PUSH0, RETURN];
    [&start[..], &turn, &end].concat()
}

/// Calls [`sum`] with its own calldata and returns what that returns, or reverts.
fn relay() -> Vec<u8> {
    let copy = [PUSH1, 32, PUSH0, PUSH0, CALLDATACOPY];
    let target = [&[PUSH20][..], SUM.as_slice()].concat();
    let call = [&[PUSH1, 32, PUSH0, PUSH1, 32, PUSH0, PUSH0][..], &target, &[GAS, CALL]].concat();
    let done = (copy.len() + call.len() + 6) as u8;
    [&copy[..], &call, &[PUSH1, done, JUMPI, PUSH0, PUSH0, REVERT], &[JUMPDEST, PUSH1, 32, PUSH0, RETURN]]
        .concat()
}

/// Adds up what each sender has paid; it is not in the store, and interpreted.
fn ledger() -> Vec<u8> {
    vec![CALLER, SLOAD, CALLVALUE, ADD, CALLER, SSTORE]
}

/// A block with the state before it.
struct Block {
    before: CacheDB<EmptyDB>,
    env: EvmEnv,
    context: EthBlockExecutionCtx<'static>,
    transactions: Vec<Recovered<TxEnvelope>>,
}

impl Block {
    /// A block of mainnet's Cancun, made by hand.
    fn new() -> Self {
        let mut before = CacheDB::new(EmptyDB::new());
        let rich = AccountInfo { balance: U256::from(1_u64 << 62), ..AccountInfo::default() };
        before.insert_account_info(SENDER, rich);
        for (address, code) in [(SUM, sum()), (RELAY, relay()), (LEDGER, ledger())] {
            let code = Bytecode::new_raw(code.into());
            before.insert_account_info(address, AccountInfo::from_bytecode(code));
        }
        let block_env = BlockEnv {
            number: U256::from(19_500_000),
            timestamp: U256::from(1_711_300_000),
            gas_limit: 30_000_000,
            basefee: 7,
            beneficiary: Address::repeat_byte(0xfe),
            difficulty: U256::ZERO,
            prevrandao: Some(B256::repeat_byte(0x11)),
            ..BlockEnv::default()
        };
        let context = EthBlockExecutionCtx {
            parent_hash: B256::repeat_byte(0x22),
            parent_beacon_block_root: Some(B256::repeat_byte(0x33)),
            ommers: &[],
            withdrawals: Some(Cow::Owned(vec![Withdrawal {
                amount: 5,
                address: LEDGER,
                ..Withdrawal::default()
            }])),
            extra_data: Bytes::new(),
            tx_count_hint: None,
            slot_number: None,
        };
        let env = EvmEnv::new(CfgEnv::new_with_spec(SpecId::CANCUN), block_env);
        Self { before, env, context, transactions: transactions() }
    }
}

/// A transfer, calls, one that runs out of gas below a call, a payment, and a creation.
fn transactions() -> Vec<Recovered<TxEnvelope>> {
    let number = |number: u64| Bytes::from(U256::from(number).to_be_bytes_vec());
    let initcode = [PUSH1, STOP, PUSH0, MSTORE8, PUSH1, 1, PUSH0, RETURN];
    let calls = [
        (TxKind::Call(Address::repeat_byte(0xaa)), 1_000, Bytes::new(), 21_000),
        (TxKind::Call(SUM), 0, number(1_000), 200_000),
        (TxKind::Call(RELAY), 0, number(50), 200_000),
        (TxKind::Call(RELAY), 0, number(100_000), 200_000),
        (TxKind::Call(LEDGER), 70, Bytes::new(), 100_000),
        (TxKind::Create, 0, initcode.into(), 100_000),
    ];
    let transaction = |(nonce, (to, value, input, gas_limit))| {
        let transaction = TxEip1559 {
            chain_id: 1,
            nonce,
            gas_limit,
            max_fee_per_gas: 20,
            max_priority_fee_per_gas: 2,
            to,
            value: U256::from(value),
            input,
            ..TxEip1559::default()
        };
        // Senders are recovered before execution, so the signature does not matter here.
        let signed = transaction.into_signed(Signature::test_signature());
        Recovered::new_unchecked(TxEnvelope::from(signed), SENDER)
    };
    (0..).zip(calls).map(transaction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_runs() {
        main().unwrap();
    }

    #[test]
    fn the_block_does_what_it_says() {
        let (result, bundle) = execute(EthEvmFactory::default(), &Block::new()).unwrap();
        let statuses: Vec<_> = result.receipts.iter().map(|receipt| receipt.is_success()).collect();
        assert_eq!(statuses, [true, true, true, false, true, true]);
        let slot = bundle.state[&SUM].storage[&U256::ZERO].present_value;
        assert_eq!(slot, U256::from(50 * 51 / 2));
        assert_eq!(bundle.state[&LEDGER].info.as_ref().unwrap().balance, U256::from(5_000_000_070_u64));
    }
}
