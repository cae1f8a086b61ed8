//! The state that a transaction runs on, held in memory.
//!
//! State tests and `evmc run` both start from a handful of accounts, run one transaction, and look at
//! what became of them. A [`World`] is those accounts: it is the database that an engine reads, it takes
//! the changes that the transaction made ([`World::apply`]), and it can say its state root
//! ([`World::state_root`]). Nothing is shared or cached between worlds, so a result can only depend on
//! what the test says.
//!
//! Not here: rewards, withdrawals, and anything else that a block does around its transactions.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    convert::Infallible,
    sync::Arc,
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::HashMap};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount};
use revm::{
    DatabaseRef,
    database_interface::WrapDatabaseRef,
    state::{Account as EvmAccount, AccountInfo, Bytecode, EvmState},
};

/// One account: what the state trie holds of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Balance, nonce and code.
    pub info: AccountInfo,
    /// Storage slots that are not zero.
    pub storage: HashMap<U256, U256>,
}

impl Account {
    /// An account with the given contents; slots that are zero are left out.
    ///
    /// The code is taken as it is, also where it only looks like an EIP-7702 delegation.
    pub fn new(
        balance: U256,
        nonce: u64,
        code: Bytes,
        storage: impl IntoIterator<Item = (U256, U256)>,
    ) -> Self {
        let code_hash = keccak256(&code);
        let code = Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        let info = AccountInfo { balance, nonce, code_hash, code: Some(code), ..AccountInfo::default() };
        Self { info, storage: storage.into_iter().filter(|(_, value)| !value.is_zero()).collect() }
    }

    /// The account's storage root (yellow paper, section 4.1).
    fn storage_root(&self) -> B256 {
        let leaves = self.storage.iter().map(|(slot, value)| {
            (keccak256(slot.to_be_bytes::<32>()), alloy_rlp::encode_fixed_size(value).to_vec())
        });
        trie_root(leaves.collect())
    }

    /// The account as the RLP value of a leaf of the state trie.
    fn to_leaf(&self) -> Vec<u8> {
        let AccountInfo { nonce, balance, code_hash, .. } = self.info;
        alloy_rlp::encode(TrieAccount::new(nonce, balance, self.storage_root(), code_hash))
    }
}

/// A set of accounts by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    accounts: BTreeMap<Address, Account>,
}

/// The world as revm's `Database`.
pub type WorldDb = WrapDatabaseRef<Arc<World>>;

impl World {
    /// Puts an account into the world, in place of any that was there.
    pub fn insert(&mut self, address: Address, account: Account) {
        self.accounts.insert(address, account);
    }

    /// The account at `address`, if it exists.
    pub fn get(&self, address: &Address) -> Option<&Account> {
        self.accounts.get(address)
    }

    /// All accounts in the order of their addresses.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts.iter()
    }

    /// The database view that engines read.
    pub fn database(self: &Arc<Self>) -> WorldDb {
        WrapDatabaseRef(Arc::clone(self))
    }

    /// Takes over what a transaction changed.
    ///
    /// `changes` is the journal's finalised state. revm has put it in the form in which the rules of
    /// EIP-161 hold on every fork: a touched empty account is to be removed.
    pub fn apply(&mut self, changes: &EvmState) {
        for (address, changed) in changes.iter().filter(|(_, account)| account.is_touched()) {
            let removed = changed.is_selfdestructed() || (changed.is_empty() && !changed.is_created());
            if removed {
                self.accounts.remove(address);
            } else {
                self.replace(*address, changed);
            }
        }
    }

    /// Writes one surviving account.
    fn replace(&mut self, address: Address, changed: &EvmAccount) {
        let account = match self.accounts.entry(address) {
            Entry::Vacant(entry) => entry.insert(Account::default()),
            Entry::Occupied(entry) => entry.into_mut(),
        };
        if changed.is_created() {
            account.storage.clear();
        }
        // A delegation that was only read may come without its code: keep the one we have.
        let code = changed.info.code.clone().or_else(|| account.info.code.take());
        account.info = AccountInfo { code, account_id: None, ..changed.info.clone() };
        for (slot, value) in &changed.storage {
            match value.present_value {
                U256::ZERO => account.storage.remove(slot),
                present => account.storage.insert(*slot, present),
            };
        }
    }

    /// The state root: the hash of the Merkle Patricia trie over all accounts.
    pub fn state_root(&self) -> B256 {
        let leaves = self.accounts.iter().map(|(address, account)| (keccak256(address), account.to_leaf()));
        trie_root(leaves.collect())
    }

    /// The first place where two worlds differ, in words, or `None` where they are equal.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let addresses = self.accounts.keys().chain(other.accounts.keys());
        addresses.filter_map(|address| self.account_difference(other, address)).next()
    }

    /// How the account at `address` differs between two worlds.
    fn account_difference(&self, other: &Self, address: &Address) -> Option<String> {
        let (ours, theirs) = match (self.get(address), other.get(address)) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (None, None) => return None,
            (Some(_), None) => return Some(format!("account {address} exists, not in the reference")),
            (None, Some(_)) => return Some(format!("account {address} is missing")),
        };
        let (a, b) = (&ours.info, &theirs.info);
        if a.balance != b.balance {
            return Some(format!("balance of {address}: {} instead of {}", a.balance, b.balance));
        }
        if a.nonce != b.nonce {
            return Some(format!("nonce of {address}: {} instead of {}", a.nonce, b.nonce));
        }
        if a.code_hash != b.code_hash {
            return Some(format!("code of {address}: hash {} instead of {}", a.code_hash, b.code_hash));
        }
        let slots = ours.storage.keys().chain(theirs.storage.keys());
        let value = |account: &Account, slot| account.storage.get(slot).copied().unwrap_or_default();
        slots
            .map(|slot| (slot, value(ours, slot), value(theirs, slot)))
            .find(|(_, a, b)| a != b)
            .map(|(slot, a, b)| format!("slot {slot:#x} of {address}: {a:#x} instead of {b:#x}"))
    }
}

impl DatabaseRef for World {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|account| account.info.clone()))
    }

    /// Never asked for: every account carries its code.
    fn code_by_hash_ref(&self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let account = self.accounts.get(&address);
        Ok(account.and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default())
    }

    /// The hash that state tests assume for an ancestor: Keccak-256 of its number in decimal.
    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(keccak256(number.to_string()))
    }
}

/// Root of a trie whose keys are hashes; `leaves` may come in any order.
fn trie_root(mut leaves: Vec<(B256, Vec<u8>)>) -> B256 {
    if leaves.is_empty() {
        return EMPTY_ROOT_HASH;
    }
    leaves.sort_unstable_by_key(|(key, _)| *key);
    let mut builder = HashBuilder::default();
    for (key, value) in &leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_world_has_the_empty_root() {
        assert_eq!(World::default().state_root(), EMPTY_ROOT_HASH);
    }

    #[test]
    fn a_zero_slot_does_not_count() {
        let storage = [(U256::ONE, U256::ZERO)];
        let with = Account::new(U256::ONE, 0, Bytes::new(), storage);
        assert_eq!(with, Account::new(U256::ONE, 0, Bytes::new(), []));
    }

    #[test]
    fn differences_are_named() {
        let address = Address::with_last_byte(7);
        let world = |value| {
            let mut world = World::default();
            let storage = [(U256::from(2), U256::from(value))];
            world.insert(address, Account::new(U256::ONE, 0, Bytes::new(), storage));
            world
        };
        assert_eq!(world(1).first_difference(&world(1)), None);
        let difference = world(1).first_difference(&world(3)).expect("they differ");
        assert!(difference.contains("slot 0x2") && difference.ends_with("0x1 instead of 0x3"));
    }
}
