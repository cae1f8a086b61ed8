//! What a worker's EVM reads: the state as its transaction is to see it.

use std::{fmt, sync::Arc};

use revm::{
    Database, DatabaseRef,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    primitives::{Address, B256, KECCAK_EMPTY, U256},
    state::AccountInfo,
};

use crate::{
    access::ListIndex, cache::Base, committed::CommittedState, reads::Reads, versions::Versions,
    yields::Yields,
};

/// Why a read has no value.
#[derive(Debug)]
pub(crate) enum ViewError<E> {
    /// The state before the block cannot be read.
    Base(E),
    /// Whatever the transaction would see here, it is not going to hold: executing it ahead of its turn is in vain.
    InVain,
}

impl<E: fmt::Display> fmt::Display for ViewError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(error) => error.fmt(f),
            Self::InVain => f.write_str("the transaction has to wait for its turn"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ViewError<E> {}

impl<E: DBErrorMarker> DBErrorMarker for ViewError<E> {}

/// The state ahead of a transaction's turn.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// What the transactions before wrote, as far as they have been executed.
    pub(crate) versions: Arc<Versions>,
    /// The transaction's number.
    pub(crate) number: usize,
    /// Gets the fees of every transaction, so that its balance is not known before the turn.
    pub(crate) beneficiary: Address,
    /// The account that is only paid, if it turns out to have no code.
    pub(crate) recipient: Option<Address>,
    /// The recipient has no code, and this balance was shown.
    pub(crate) paid_from: Option<U256>,
    /// What was read.
    pub(crate) reads: Reads,
}

impl Ahead {
    fn basic<D: DatabaseRef>(
        &mut self,
        base: &D,
        address: Address,
    ) -> Result<Option<AccountInfo>, ViewError<D::Error>> {
        let (info, is_old) = match self.versions.basic(&address, self.number) {
            Some(info) => (info, false),
            None => (base.basic_ref(address).map_err(ViewError::Base)?, true),
        };
        let has_no_code = info.as_ref().is_none_or(AccountInfo::is_empty_code_hash);
        let is_paid = has_no_code && self.recipient == Some(address);
        if is_paid {
            self.paid_from = Some(info.as_ref().map_or(U256::ZERO, |info| info.balance));
        } else if address == self.beneficiary {
            return Err(ViewError::InVain);
        }
        self.reads.account(address, info.as_ref(), is_paid, is_old);
        Ok(info)
    }

    fn storage<D: DatabaseRef>(&mut self, base: &D, address: Address, slot: U256) -> Result<U256, D::Error> {
        let (value, is_old) = match self.versions.storage(&address, &slot, self.number) {
            Some(value) => (value, false),
            None => (base.storage_ref(address, slot)?, true),
        };
        self.reads.slot(address, slot, value, is_old);
        Ok(value)
    }
}

/// The state that a transaction sees.
#[derive(Debug)]
pub(crate) enum View {
    /// The state after all before it.
    Committed(CommittedState),
    /// The same according to the block's access list.
    Listed {
        /// The list.
        list: Arc<ListIndex>,
        /// The transaction's number.
        number: usize,
    },
    /// The same as far as it is known.
    Ahead(Box<Ahead>),
}

/// The database of a worker's EVM.
#[derive(Debug)]
pub(crate) struct LaneDb<D> {
    /// The state before the block.
    pub(crate) base: Base<D>,
    /// What has become of it since.
    pub(crate) view: View,
    /// Where to yield.
    pub(crate) yields: Yields,
    /// The code of accounts without code. Each worker has its own, since each use counts references: threads would
    /// get in each other's way.
    no_code: Bytecode,
}

impl<D> LaneDb<D> {
    /// A database that shows `base`.
    pub(crate) fn new(base: Base<D>, yields: Yields) -> Self {
        let no_code = Bytecode::new_legacy(Default::default());
        Self { base, view: View::Committed(CommittedState::default()), yields, no_code }
    }
}

impl<D: DatabaseRef> Database for LaneDb<D> {
    type Error = ViewError<D::Error>;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        self.yields.here();
        let base = &self.base;
        let mut info = match &mut self.view {
            View::Committed(state) => state.basic(base, address).map_err(ViewError::Base),
            View::Listed { list, number } => list.basic(base, address, *number).map_err(ViewError::Base),
            View::Ahead(ahead) => ahead.basic(base, address),
        }?;
        if let Some(info) = &mut info
            && info.code_hash == KECCAK_EMPTY
            && info.code.is_none()
        {
            info.code = Some(self.no_code.clone());
        }
        Ok(info)
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Self::Error> {
        self.base.code_by_hash_ref(code_hash).map_err(ViewError::Base)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.yields.here();
        let base = &self.base;
        match &mut self.view {
            View::Committed(state) => state.storage(base, address, slot),
            View::Listed { list, number } => list.storage(base, address, slot, *number),
            View::Ahead(ahead) => ahead.storage(base, address, slot),
        }
        .map_err(ViewError::Base)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.base.block_hash_ref(number).map_err(ViewError::Base)
    }
}
