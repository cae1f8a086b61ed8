//! The EVM that the factory makes.

use alloy_evm::{Database, Evm, EvmEnv, eth::EthEvmContext, precompiles::PrecompilesMap};
use evmc_revm::{AotEvm, FrameCounts};
use revm::{
    Context, ExecuteEvm, Inspector, SystemCallEvm,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::result::{EVMError, HaltReason, ResultAndState},
    handler::EvmTr,
    primitives::{Address, Bytes, hardfork::SpecId},
};

/// An [`AotEvm`] with the interface and the types of [`EthEvm`](alloy_evm::EthEvm).
///
/// While its inspector is enabled, transactions are interpreted and the inspector sees every operation;
/// while it is not, they run natively as far as there is code. System calls are never inspected, as in the stock EVM.
pub struct AotEthEvm<DB: Database, I> {
    evm: AotEvm<EthEvmContext<DB>, PrecompilesMap>,
    inspector: I,
    is_inspecting: bool,
}

impl<DB: Database, I> AotEthEvm<DB, I> {
    /// An EVM whose inspector is enabled if `is_inspecting`.
    pub const fn new(
        evm: AotEvm<EthEvmContext<DB>, PrecompilesMap>,
        inspector: I,
        is_inspecting: bool,
    ) -> Self {
        Self { evm, inspector, is_inspecting }
    }

    /// How frames were run since the EVM was made.
    pub const fn counts(&self) -> FrameCounts {
        self.evm.counts()
    }

    /// The EVM below.
    pub fn into_inner(self) -> AotEvm<EthEvmContext<DB>, PrecompilesMap> {
        self.evm
    }
}

impl<DB, I> Evm for AotEthEvm<DB, I>
where
    DB: Database,
    I: Inspector<EthEvmContext<DB>>,
{
    type DB = DB;
    type Tx = TxEnv;
    type Error = EVMError<DB::Error>;
    type HaltReason = HaltReason;
    type Spec = SpecId;
    type BlockEnv = BlockEnv;
    type Precompiles = PrecompilesMap;
    type Inspector = I;

    fn block(&self) -> &BlockEnv {
        &self.evm.context().block
    }

    fn cfg_env(&self) -> &CfgEnv {
        &self.evm.context().cfg
    }

    fn chain_id(&self) -> u64 {
        self.cfg_env().chain_id
    }

    fn transact_raw(&mut self, tx: TxEnv) -> Result<ResultAndState<HaltReason>, Self::Error> {
        if self.is_inspecting {
            self.evm.inspected(&mut self.inspector).transact(tx)
        } else {
            self.evm.transact(tx)
        }
    }

    fn transact_system_call(
        &mut self,
        caller: Address,
        contract: Address,
        data: Bytes,
    ) -> Result<ResultAndState<HaltReason>, Self::Error> {
        self.evm.system_call_with_caller(caller, contract, data)
    }

    fn finish(self) -> (DB, EvmEnv) {
        let Context { block: block_env, cfg: cfg_env, journaled_state, .. } = self.evm.into_context();
        (journaled_state.database, EvmEnv { block_env, cfg_env })
    }

    fn set_inspector_enabled(&mut self, enabled: bool) {
        self.is_inspecting = enabled;
    }

    fn components(&self) -> (&DB, &I, &PrecompilesMap) {
        let (ctx, _, precompiles, _) = self.evm.all();
        (&ctx.journaled_state.database, &self.inspector, precompiles)
    }

    fn components_mut(&mut self) -> (&mut DB, &mut I, &mut PrecompilesMap) {
        let (ctx, _, precompiles, _) = self.evm.all_mut();
        (&mut ctx.journaled_state.database, &mut self.inspector, precompiles)
    }
}
