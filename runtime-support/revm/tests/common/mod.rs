//! The same transaction on revm's interpreter and on compiled code.

pub mod calls;
pub mod walker;

use std::{fmt::Debug, sync::Arc};

use evmc_revm::{AotEvm, CodeSource, FrameCounts};
use revm::{
    Context, Database, ExecuteEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::TxEnv,
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
    primitives::{Address, Bytes, TxKind, U256, address, hardfork::SpecId},
    state::AccountInfo,
};

pub const CALLER: Address = address!("0xca00000000000000000000000000000000000000");
pub const A: Address = address!("0x000000000000000000000000000000000000aaaa");
pub const B: Address = address!("0x000000000000000000000000000000000000bbbb");

/// Contracts with their code, and a transaction to the first.
pub struct World {
    pub contracts: Vec<(Address, Vec<u8>)>,
    pub calldata: Vec<u8>,
    pub gas: u64,
    pub value: u64,
    pub create: bool,
    pub spec: SpecId,
}

impl World {
    pub fn new(contracts: &[(Address, Vec<u8>)]) -> Self {
        Self {
            contracts: contracts.to_vec(),
            calldata: (1..=70).collect(),
            gas: 1_000_000,
            value: 0,
            create: false,
            spec: SpecId::OSAKA,
        }
    }

    pub fn database(&self) -> CacheDB<EmptyDB> {
        let mut db = CacheDB::new(EmptyDB::new());
        let rich = AccountInfo { balance: U256::from(1_u64 << 60), ..Default::default() };
        db.insert_account_info(CALLER, rich);
        for (address, code) in &self.contracts {
            let code = Bytecode::new_raw(Bytes::copy_from_slice(code));
            let info = AccountInfo { balance: U256::from(1000), ..AccountInfo::from_bytecode(code) };
            db.insert_account_info(*address, info);
            db.insert_account_storage(*address, U256::from(7), U256::from(77)).unwrap();
        }
        db
    }

    pub fn transaction(&self) -> TxEnv {
        TxEnv {
            caller: CALLER,
            gas_limit: self.gas,
            kind: if self.create { TxKind::Create } else { TxKind::Call(self.contracts[0].0) },
            data: self.calldata.clone().into(),
            value: U256::from(self.value),
            ..TxEnv::default()
        }
    }

    pub fn context<DB: Database>(&self, db: DB) -> MainnetContext<DB> {
        Context::mainnet()
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(self.spec);
                cfg.disable_nonce_check = true;
                cfg.tx_gas_limit_cap = Some(u64::MAX);
            })
            .modify_block_chained(|block| block.gas_limit = u64::MAX)
            .with_db(db)
    }

    /// Runs interpreted and natively, and checks that all is equal; returns the outcome as text
    /// and how frames were run. The native run is made twice: in the second the EVM has the code ready, and
    /// calls take the short way.
    pub fn compare<DB>(&self, db: impl Fn() -> DB, source: Arc<dyn CodeSource>) -> (String, FrameCounts)
    where
        DB: Database<Error: Debug>,
    {
        let expected = self.context(db()).build_mainnet().transact(self.transaction());
        let mut evm = AotEvm::new(self.context(db()), source);
        let actual = evm.transact(self.transaction());
        let counts = evm.take_counts();
        let again = evm.transact(self.transaction());
        let (expected, actual) = (text(expected), text(actual));
        assert_eq!(actual, expected);
        assert_eq!(text(again), expected, "the second time");
        assert_eq!(evm.counts(), counts, "the second time");
        (actual, counts)
    }

    /// [`Self::compare`] with every frame walked.
    pub fn check(&self) -> String {
        let source = Arc::new(walker::Walkers { native_stack_bytes: 4096 });
        let (outcome, counts) = self.compare(|| self.database(), source);
        assert_eq!(counts.interpreted(), 0);
        outcome
    }
}

/// Result and state in an order that does not depend on hashing.
pub fn text<R: Debug, E: Debug>(outcome: Result<revm::context::result::ExecResultAndState<R>, E>) -> String {
    match outcome {
        Err(error) => format!("{error:?}"),
        Ok(outcome) => {
            let mut text = format!("{:?}\n", outcome.result);
            let mut accounts: Vec<_> = outcome.state.into_iter().collect();
            accounts.sort_by_key(|(address, _)| *address);
            for (address, account) in accounts {
                let mut slots: Vec<_> = account.storage.into_iter().collect();
                slots.sort_by_key(|(key, _)| *key);
                text += &format!("{address} {:?} {:?} {slots:?}\n", account.status, account.info);
            }
            text
        }
    }
}
