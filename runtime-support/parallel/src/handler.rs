//! revm's rules of a transaction, save for one: who has earned the fee gets it from the committer.
//!
//! Every transaction pays the block's beneficiary. Were that a change like any other, each would depend on all
//! before it. But adding is commutative, and almost no transaction looks at that balance: so the fee is handed
//! out as a number, for [`crate::Committer`] to add. Where the transaction has loaded the beneficiary's account, for
//! whatever reason, it is paid within the transaction as ever.

use std::{cell::Cell, marker::PhantomData};

use revm::{
    DatabaseRef,
    context::{
        Block as _, ContextTr, Transaction as _,
        result::{EVMError, HaltReason, InvalidTransaction},
    },
    handler::{FrameResult, Handler, post_execution},
    interpreter::Gas,
    primitives::{U256, hardfork::SpecId},
};

use crate::{
    lane::{LaneContext, LaneEvm},
    view::ViewError,
};

/// Why revm has no result.
pub(crate) type LaneError<E> = EVMError<ViewError<E>, InvalidTransaction>;

/// The rules of a transaction.
pub(crate) struct BlockHandler<D> {
    /// The fee that the beneficiary is owed, unless it was paid.
    pub(crate) fee: Cell<Option<U256>>,
    defers_fee: bool,
    base: PhantomData<D>,
}

impl<D> BlockHandler<D> {
    /// Rules for one transaction. `defers_fee`: the committer may be the one to pay.
    pub(crate) const fn new(defers_fee: bool) -> Self {
        Self { fee: Cell::new(None), defers_fee, base: PhantomData }
    }
}

impl<D: DatabaseRef> Handler for BlockHandler<D> {
    type Evm = LaneEvm<D>;
    type Error = LaneError<D::Error>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(&self, evm: &mut Self::Evm, result: &mut FrameResult) -> Result<(), Self::Error> {
        let context = evm.context_mut();
        let is_loaded = context.journaled_state.inner.state.contains_key(&context.block.beneficiary);
        if is_loaded || !self.defers_fee {
            return post_execution::reward_beneficiary(context, result.gas()).map_err(From::from);
        }
        self.fee.set(Some(fee(context, result.gas())));
        Ok(())
    }
}

/// What the beneficiary earns: the price of the gas used, less the base fee from London on (EIP-1559).
fn fee<D: DatabaseRef>(context: &LaneContext<D>, gas: &Gas) -> U256 {
    let base_fee = u128::from(context.block().basefee());
    let price = context.tx().effective_gas_price(base_fee);
    let is_london = context.cfg().spec().is_enabled_in(SpecId::LONDON);
    let tip = if is_london { price.saturating_sub(base_fee) } else { price };
    // State gas that is left over was not used (EIP-8037).
    let used = gas.used().saturating_sub(gas.reservoir());
    U256::from(tip.wrapping_mul(u128::from(used)))
}
