//! The state in which the transactions so far have left the accounts, over the state before the block.
//!
//! Only what was changed is here; everything else is read from the state before. revm has put the changes of a
//! transaction in a form in which the rules of EIP-161 hold on every fork: a touched account that is empty is
//! to be removed. [`CommittedState::credit`] follows the same rules for payments that no EVM made.

use revm::{
    DatabaseRef,
    primitives::{Address, AddressMap, StorageKeyMap, U256, hardfork::SpecId, hash_map::Entry},
    state::{Account, AccountInfo},
};

/// Slots of an account that were changed.
#[derive(Clone, Debug, Default)]
pub struct CommittedStorage {
    /// Slots that were written since the storage was last reset.
    pub slots: StorageKeyMap<U256>,
    /// The account was created or removed: slots that are not in `slots` are zero.
    pub is_reset: bool,
}

/// Accounts and slots that were changed. They are apart, since most accounts have no slots, and most changes of slots
/// leave the account as it is.
#[derive(Clone, Debug, Default)]
pub struct CommittedState {
    infos: AddressMap<Option<AccountInfo>>,
    storages: AddressMap<CommittedStorage>,
}

impl CommittedState {
    /// Nothing is changed yet; there is room for so many accounts.
    pub(crate) fn with_capacity(accounts: usize) -> Self {
        let infos = AddressMap::with_capacity_and_hasher(accounts, Default::default());
        Self { infos, storages: AddressMap::default() }
    }

    /// Balance, nonce and code of an account if any of them was changed; the inner `None` stands for an account that does not
    /// exist any more.
    #[inline]
    pub fn info(&self, address: &Address) -> Option<Option<&AccountInfo>> {
        self.infos.get(address).map(Option::as_ref)
    }

    /// The slots of an account that were changed, if there are any.
    pub fn storage_of(&self, address: &Address) -> Option<&CommittedStorage> {
        self.storages.get(address)
    }

    /// The value of a slot if it was changed.
    #[inline]
    pub fn slot(&self, address: &Address, slot: &U256) -> Option<U256> {
        let storage = self.storages.get(address)?;
        match storage.slots.get(slot) {
            Some(value) => Some(*value),
            None => storage.is_reset.then_some(U256::ZERO),
        }
    }

    /// All accounts of which anything was changed, in no order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        let others = self.storages.keys().filter(|address| !self.infos.contains_key(*address));
        self.infos.keys().chain(others)
    }

    /// Balance, nonce and code of an account, `None` where it does not exist.
    ///
    /// # Errors
    /// Those of `base`.
    #[inline]
    pub fn basic<D: DatabaseRef>(&self, base: &D, address: Address) -> Result<Option<AccountInfo>, D::Error> {
        match self.infos.get(&address) {
            Some(info) => Ok(info.clone()),
            None => base.basic_ref(address),
        }
    }

    /// The value of a slot.
    ///
    /// # Errors
    /// Those of `base`.
    #[inline]
    pub fn storage<D: DatabaseRef>(&self, base: &D, address: Address, slot: U256) -> Result<U256, D::Error> {
        match self.slot(&address, &slot) {
            Some(value) => Ok(value),
            None => base.storage_ref(address, slot),
        }
    }

    /// Takes over what a transaction made of an account.
    pub fn apply(&mut self, address: Address, changed: &Account) {
        if !changed.is_touched() {
            return;
        }
        if is_removed(changed) {
            self.remove(address);
            return;
        }
        let is_created = changed.is_created();
        let mut written = changed.changed_storage_slots().peekable();
        if is_created || written.peek().is_some() {
            let storage = self.storages.entry(address).or_default();
            if is_created {
                storage.slots.clear();
                storage.is_reset = true;
            }
            storage.slots.extend(written.map(|(key, slot)| (*key, slot.present_value)));
        }
        if is_created || changed.is_changed() {
            self.infos.insert(address, Some(changed.info.clone()));
        }
    }

    fn remove(&mut self, address: Address) {
        self.infos.insert(address, None);
        self.storages.insert(address, CommittedStorage { is_reset: true, ..CommittedStorage::default() });
    }

    /// Pays `amount` wei to an account as a transaction does that only touches and pays it. An amount that does not fit is not
    /// paid, as in revm.
    ///
    /// # Errors
    /// Those of `base`.
    pub fn credit<D: DatabaseRef>(
        &mut self,
        base: &D,
        address: Address,
        amount: U256,
        spec: SpecId,
    ) -> Result<Credited, D::Error> {
        let info = match self.infos.entry(address) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(base.basic_ref(address)?),
        };
        let existed = info.is_some();
        let paid = info.get_or_insert_default();
        let before = paid.balance;
        paid.balance = before.checked_add(amount).unwrap_or(before);
        let after = paid.balance;
        // A touched account that is empty is removed (EIP-161).
        if after.is_zero() && paid.is_empty() && spec.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            *info = None;
            if existed {
                self.remove(address);
            }
        }
        Ok(Credited { before, after })
    }
}

/// What a payment did to a balance, in wei.
#[derive(Clone, Copy, Debug)]
pub struct Credited {
    /// The balance before.
    pub before: U256,
    /// The balance after.
    pub after: U256,
}

/// Whether a transaction removed the account that it touched.
pub(crate) fn is_removed(changed: &Account) -> bool {
    changed.is_selfdestructed() || (changed.is_empty() && !changed.is_created())
}
