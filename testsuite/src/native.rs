//! Modules of the IR as contracts that run natively.
//!
//! A module is compiled by a backend, linked, checked, loaded and installed as the code
//! of an account; transactions to that account run it inside revm.

use std::sync::Arc;

use evmc_abi::descriptor::{Backend as Kind, Counters, Language, compiler_build};
use evmc_abi::{CpuFeatures, OpRow, StretchRange};
use evmc_artifact::Artifact;
use evmc_backend::{Backend, Options};
use evmc_compiler::link::{Metadata, link};
use evmc_ir::Module;
use evmc_loader::LoadedCode;
use evmc_revm::{AotEvm, CodeSource, FrameCode, NativeCode};
use revm::bytecode::Bytecode;
use revm::context::TxEnv;
use revm::context::result::ExecutionResult;
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::{Address, B256, Bytes, TxKind, U256, hardfork::SpecId};
use revm::state::AccountInfo;
use revm::{Context, ExecuteEvm, MainContext};

const CALLER: Address = Address::repeat_byte(0xca);
const CONTRACT: Address = Address::repeat_byte(0xaa);

/// A compiled module.
pub struct Native(Arc<dyn FrameCode>);

/// Gives the same code for every lookup.
struct Always(Arc<dyn FrameCode>);

impl CodeSource for Always {
    fn lookup(&self, _: B256, _: &Bytecode, _: SpecId, _: bool) -> Option<Arc<dyn FrameCode>> {
        Some(Arc::clone(&self.0))
    }
}

impl Native {
    /// Compiles a module for the machine's level, whatever is wrong as text.
    pub fn build(module: &Module, options: &Options, backend: &dyn Backend) -> Result<Self, String> {
        let object = backend.compile(module, options).map_err(|error| error.to_string())?;
        let stretches: Vec<StretchRange> = module.stretches.values().copied().collect();
        let metadata = Metadata {
            language: Language::Evm,
            fork: 0,
            code_hash: [0; 32],
            code_len: stretches.iter().map(|stretch| stretch.end).max().unwrap_or(0).max(1),
            gas_table_hash: [0; 32],
            backend: Kind::ALL.iter().copied().find(|kind| kind.name() == backend.name()).ok_or("backend")?,
            opt_level: 2,
            cpu_features: CpuFeatures::BASELINE,
            compiler_build: compiler_build("evmc test"),
            uses_memory_stack: module.uses_memory_stack,
            metered: true,
            native_stack_bytes: object.native_stack_bytes,
            counters: Counters::default(),
            op_rows: &[OpRow::default(); 256],
            stretches: &stretches,
            module: &[],
        };
        let file = link(&object.bytes, &object.entry_symbol, &metadata).map_err(|error| error.to_string())?;
        let checked = Artifact::check(&file).map_err(|error| error.to_string())?;
        let loaded = LoadedCode::load(&checked).map_err(|error| error.to_string())?;
        NativeCode::trust(loaded).map(|code| Self(Arc::new(code))).ok_or_else(|| "not EVM code".into())
    }

    /// The code, for a frame.
    pub fn code(&self) -> Arc<dyn FrameCode> {
        Arc::clone(&self.0)
    }

    /// Runs a transaction with this code, `gas` beyond what the calldata may cost.
    pub fn run(&self, calldata: &[u8], gas: u64) -> ExecutionResult {
        let code = Bytecode::new_raw(Bytes::from_static(&[0]));
        let mut db = CacheDB::new(EmptyDB::new());
        db.insert_account_info(CONTRACT, AccountInfo::from_bytecode(code));
        let rich = AccountInfo { balance: U256::from(1_u64 << 60), ..Default::default() };
        db.insert_account_info(CALLER, rich);
        let context = Context::mainnet().with_db(db).modify_cfg_chained(|cfg| {
            cfg.set_spec_and_mainnet_gas_params(SpecId::CANCUN);
            cfg.disable_nonce_check = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        });
        let context = context.modify_block_chained(|block| block.gas_limit = u64::MAX);
        let transaction = TxEnv {
            caller: CALLER,
            gas_limit: gas,
            kind: TxKind::Call(CONTRACT),
            data: Bytes::copy_from_slice(calldata),
            ..TxEnv::default()
        };
        let mut evm = AotEvm::new(context, Arc::new(Always(Arc::clone(&self.0))));
        evm.recover_from_faults(false);
        let outcome =
            evm.transact(transaction).unwrap_or_else(|error| panic!("the transaction is valid: {error:?}"));
        outcome.result
    }
}
