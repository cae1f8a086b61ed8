//! The state in which the transactions so far have left the accounts, over the state before the block.
//!
//! Only what was changed is here; everything else is read from the state before. revm has put the changes of a
//! transaction in a form in which the rules of EIP-161 hold on every fork: a touched account that is empty is
//! to be removed. [`CommittedState::credit`] follows the same rules for payments that no EVM made.

use revm::{
    DatabaseRef,
    primitives::{Address, AddressMap, StorageKeyMap, U256, hardfork::SpecId, hash_map::Entry},
    state::{Account, AccountInfo, EvmState},
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
    pub fn info_of(&self, address: &Address) -> Option<Option<&AccountInfo>> {
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
        write(address, changed, self);
    }

    /// Takes over what a transaction changed.
    pub(crate) fn apply_all(&mut self, changes: &Changes) {
        for address in &changes.resets {
            self.reset(*address);
        }
        for (address, info) in &changes.infos {
            self.infos.insert(*address, info.clone());
        }
        for slots in changes.slots.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some((address, ..)) = slots.first() else { continue };
            let storage = self.storages.entry(*address).or_default();
            storage.slots.extend(slots.iter().map(|(_, slot, value)| (*slot, *value)));
        }
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
                self.reset(address);
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

/// What a transaction changed, in little space: it is handed from one processor to another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Accounts that were created or removed, so that their storage is empty but for `slots`.
    pub(crate) resets: Vec<Address>,
    /// Balance, nonce and code; `None` for an account that does not exist any more.
    pub(crate) infos: Vec<(Address, Option<AccountInfo>)>,
    /// Slots with their values, together for each account.
    pub(crate) slots: Vec<(Address, U256, U256)>,
}

impl Changes {
    /// What was changed in a journal's final state.
    pub(crate) fn of(state: &EvmState) -> Self {
        let mut changes = Self::default();
        state.iter().for_each(|(address, account)| write(*address, account, &mut changes));
        changes
    }
}

/// What takes the changes of an account.
pub(crate) trait Sink {
    /// The account was created or removed: its storage is empty now.
    fn reset(&mut self, address: Address);

    /// The account is this now.
    fn info(&mut self, address: Address, info: Option<&AccountInfo>);

    /// These slots have these values now.
    fn slots<'a>(&mut self, address: Address, slots: impl Iterator<Item = (&'a U256, U256)>);
}

/// Tells what a transaction made of an account.
pub(crate) fn write(address: Address, changed: &Account, sink: &mut impl Sink) {
    if !changed.is_touched() {
        return;
    }
    if is_removed(changed) {
        sink.reset(address);
        sink.info(address, None);
        return;
    }
    let is_created = changed.is_created();
    if is_created {
        sink.reset(address);
    }
    if is_created || changed.is_changed() {
        sink.info(address, Some(&changed.info));
    }
    let mut written = changed.changed_storage_slots().peekable();
    if written.peek().is_some() {
        sink.slots(address, written.map(|(key, slot)| (key, slot.present_value)));
    }
}

impl Sink for CommittedState {
    fn reset(&mut self, address: Address) {
        self.storages.insert(address, CommittedStorage { is_reset: true, ..CommittedStorage::default() });
    }

    fn info(&mut self, address: Address, info: Option<&AccountInfo>) {
        self.infos.insert(address, info.cloned());
    }

    fn slots<'a>(&mut self, address: Address, slots: impl Iterator<Item = (&'a U256, U256)>) {
        let storage = self.storages.entry(address).or_default();
        storage.slots.extend(slots.map(|(key, value)| (*key, value)));
    }
}

impl Sink for Changes {
    fn reset(&mut self, address: Address) {
        self.resets.push(address);
    }

    fn info(&mut self, address: Address, info: Option<&AccountInfo>) {
        self.infos.push((address, info.cloned()));
    }

    fn slots<'a>(&mut self, address: Address, slots: impl Iterator<Item = (&'a U256, U256)>) {
        self.slots.extend(slots.map(|(key, value)| (address, *key, value)));
    }
}

/// Whether a transaction removed the account that it touched.
pub(crate) fn is_removed(changed: &Account) -> bool {
    changed.is_selfdestructed() || (changed.is_empty() && !changed.is_created())
}
