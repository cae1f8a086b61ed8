//! The factory.

use std::{fmt, sync::Arc};

use alloy_evm::{Database, EvmEnv, EvmFactory, eth::EthEvmContext, precompiles::PrecompilesMap};
use evmc_revm::{AotEvm, CodeSource};
use revm::{
    Context, Inspector, MainContext,
    context::{BlockEnv, DBErrorMarker, TxEnv},
    context_interface::result::{EVMError, HaltReason},
    inspector::NoOpInspector,
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};

use crate::evm::AotEthEvm;

/// Makes EVMs that run natively what `source` has code for; otherwise as
/// [`EthEvmFactory`](alloy_evm::EthEvmFactory).
///
/// Clones share the source.
#[derive(Clone)]
pub struct AotEvmFactory {
    source: Arc<dyn CodeSource>,
}

impl AotEvmFactory {
    /// A factory whose EVMs take code from `source`.
    pub const fn new(source: Arc<dyn CodeSource>) -> Self {
        Self { source }
    }

    fn evm<DB: Database, I>(
        &self,
        db: DB,
        env: EvmEnv,
        inspector: I,
        is_inspecting: bool,
    ) -> AotEthEvm<DB, I> {
        let precompiles = Precompiles::new(PrecompileSpecId::from_spec_id(env.cfg_env.spec));
        let context = Context::mainnet().with_block(env.block_env).with_cfg(env.cfg_env).with_db(db);
        let evm = AotEvm::with_precompiles(
            context,
            Arc::clone(&self.source),
            PrecompilesMap::from_static(precompiles),
        );
        AotEthEvm::new(evm, inspector, is_inspecting)
    }
}

impl fmt::Debug for AotEvmFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AotEvmFactory").finish_non_exhaustive()
    }
}

impl EvmFactory for AotEvmFactory {
    type Evm<DB: Database, I: Inspector<EthEvmContext<DB>>> = AotEthEvm<DB, I>;
    type Context<DB: Database> = EthEvmContext<DB>;
    type Tx = TxEnv;
    type Error<DBError: DBErrorMarker> = EVMError<DBError>;
    type HaltReason = HaltReason;
    type Spec = SpecId;
    type BlockEnv = BlockEnv;
    type Precompiles = PrecompilesMap;

    fn create_evm<DB: Database>(&self, db: DB, env: EvmEnv) -> AotEthEvm<DB, NoOpInspector> {
        self.evm(db, env, NoOpInspector, false)
    }

    fn create_evm_with_inspector<DB: Database, I: Inspector<EthEvmContext<DB>>>(
        &self,
        db: DB,
        env: EvmEnv,
        inspector: I,
    ) -> AotEthEvm<DB, I> {
        self.evm(db, env, inspector, true)
    }
}
