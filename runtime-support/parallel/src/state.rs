//! State in memory, as a block finds it.
//!
//! Code is kept by hash: accounts with the same code share one object, so that its jump destinations are looked
//! for once, and once only however many blocks run on the state.

use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    database_interface::DBErrorMarker,
    primitives::{
        Address, AddressMap, B256, B256Map, Bytes, HashMap, KECCAK_EMPTY, StorageKeyMap, U256, keccak256,
    },
    state::AccountInfo,
};
use thiserror::Error;

/// Something is asked for that the state does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// The hash of an older block.
    #[error("the hash of block {0} is not known")]
    BlockHash(u64),
    /// A code that no account has.
    #[error("there is no code with the hash {0}")]
    Code(B256),
}

impl DBErrorMarker for StateError {}

/// One account.
#[derive(Clone, Debug, Default)]
struct PreAccount {
    info: AccountInfo,
    /// Slots that are not zero.
    storage: StorageKeyMap<U256>,
}

/// The accounts before a block. What is not here does not exist, or is zero.
#[derive(Clone, Debug, Default)]
pub struct PreState {
    accounts: AddressMap<PreAccount>,
    codes: B256Map<Bytecode>,
    block_hashes: HashMap<u64, B256>,
}

impl PreState {
    /// Puts an account into the state, in place of any that was there.
    ///
    /// The code is taken as it is, also where it only looks like a delegation (EIP-7702).
    pub fn insert(
        &mut self,
        address: Address,
        balance: U256,
        nonce: u64,
        code: &Bytes,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) {
        // Without code there is nothing to share, and nothing for threads to count.
        let (code_hash, code) = if code.is_empty() {
            (KECCAK_EMPTY, None)
        } else {
            let hash = keccak256(code);
            (hash, Some(self.codes.entry(hash).or_insert_with(|| bytecode(code)).clone()))
        };
        let info = AccountInfo { balance, nonce, code_hash, code, ..AccountInfo::default() };
        let storage = storage.into_iter().filter(|(_, value)| !value.is_zero()).collect();
        self.accounts.insert(address, PreAccount { info, storage });
    }

    /// Makes the hash of an older block known.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }

    /// The distinct codes of all accounts, by hash.
    pub fn codes(&self) -> impl Iterator<Item = (&B256, &Bytecode)> {
        self.codes.iter()
    }

    /// All addresses, in no order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.accounts.keys()
    }
}

/// Code with its jump destinations.
fn bytecode(code: &Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code.clone()))
}

impl DatabaseRef for PreState {
    type Error = StateError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, StateError> {
        Ok(self.accounts.get(&address).map(|account| account.info.clone()))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, StateError> {
        self.codes.get(&code_hash).cloned().ok_or(StateError::Code(code_hash))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let account = self.accounts.get(&address);
        Ok(account.and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, StateError> {
        self.block_hashes.get(&number).copied().ok_or(StateError::BlockHash(number))
    }
}
