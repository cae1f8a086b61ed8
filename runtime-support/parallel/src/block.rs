//! A block as the engine sees it: rules, environment and transactions, whatever file it came from.

use revm::{
    context::{BlockEnv, CfgEnv, TxEnv},
    primitives::{Address, B256, U256, hardfork::SpecId},
};

/// Wei in a gwei, the unit of withdrawals.
const WEI_PER_GWEI: u64 = 1_000_000_000;

/// A block to execute.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Fork, chain and limits.
    pub cfg: CfgEnv,
    /// What the operations of the EVM see of the block.
    pub env: BlockEnv,
    /// The transactions, with their senders.
    pub transactions: Vec<TxEnv>,
    /// Hash of the parent, which EIP-2935 stores; `None` leaves that system call out.
    pub parent_hash: Option<B256>,
    /// Root of the parent's beacon block, which EIP-4788 stores; `None` leaves that system call out.
    pub parent_beacon_root: Option<B256>,
    /// Withdrawals (EIP-4895), applied after the transactions.
    pub withdrawals: Vec<Withdrawal>,
}

impl Block {
    /// The fork whose rules are in force.
    pub const fn spec(&self) -> SpecId {
        self.cfg.spec
    }
}

/// A withdrawal from the beacon chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Who gets it.
    pub address: Address,
    /// How much, in gwei.
    pub amount_gwei: u64,
}

impl Withdrawal {
    /// How much, in wei.
    pub fn amount_wei(&self) -> U256 {
        U256::from(self.amount_gwei) * U256::from(WEI_PER_GWEI)
    }
}
