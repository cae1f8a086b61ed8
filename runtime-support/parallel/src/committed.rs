//! The state in which the transactions so far have left the accounts, over the state before the block.
//!
//! Only what was changed is here; everything else is read from the state before. revm has put the changes of a
//! transaction in a form in which the rules of EIP-161 hold on every fork: a touched account that is empty is
//! to be removed. [`CommittedState::credit`] follows the same rules for payments that no EVM made.

use revm::{
    DatabaseRef,
    primitives::{Address, AddressMap, StorageKeyMap, U256, hardfork::SpecId},
    state::{Account, AccountInfo},
};

/// An account that was changed.
#[derive(Clone, Debug, Default)]
pub struct CommittedAccount {
    /// Balance, nonce and code; `None` where the account does not exist.
    pub info: Option<AccountInfo>,
    /// Slots that were written since the storage was last reset.
    pub storage: StorageKeyMap<U256>,
    /// The account was created or removed: slots that are not in `storage` are zero.
    pub is_reset: bool,
}

/// Accounts that were changed.
#[derive(Clone, Debug, Default)]
pub struct CommittedState {
    accounts: AddressMap<CommittedAccount>,
}

impl CommittedState {
    /// The account, if it was changed.
    #[inline]
    pub fn get(&self, address: &Address) -> Option<&CommittedAccount> {
        self.accounts.get(address)
    }

    /// All accounts that were changed, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &CommittedAccount)> {
        self.accounts.iter()
    }

    /// Balance, nonce and code of an account, `None` where it does not exist.
    ///
    /// # Errors
    /// Those of `base`.
    #[inline]
    pub fn basic<D: DatabaseRef>(&self, base: &D, address: Address) -> Result<Option<AccountInfo>, D::Error> {
        match self.accounts.get(&address) {
            Some(account) => Ok(account.info.clone()),
            None => base.basic_ref(address),
        }
    }

    /// The value of a slot.
    ///
    /// # Errors
    /// Those of `base`.
    #[inline]
    pub fn storage<D: DatabaseRef>(&self, base: &D, address: Address, slot: U256) -> Result<U256, D::Error> {
        match self.accounts.get(&address).and_then(|account| account.written(slot)) {
            Some(value) => Ok(value),
            None => base.storage_ref(address, slot),
        }
    }

    /// Takes over what a transaction made of an account.
    pub fn apply(&mut self, address: Address, changed: Account) {
        if !changed.is_touched() {
            return;
        }
        let account = self.accounts.entry(address).or_default();
        if is_removed(&changed) {
            *account = CommittedAccount { is_reset: true, ..CommittedAccount::default() };
            return;
        }
        if changed.is_created() {
            account.storage.clear();
            account.is_reset = true;
        }
        let written = changed.storage.into_iter().filter(|(_, slot)| slot.is_changed());
        account.storage.extend(written.map(|(key, slot)| (key, slot.present_value)));
        account.info = Some(changed.info);
    }

    /// Pays `amount` wei to an account as a transaction does that only touches and pays it; gives the info before and
    /// after. An amount that does not fit is not paid, as in revm.
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
        let before = self.basic(base, address)?;
        let mut info = before.clone().unwrap_or_default();
        info.balance = info.balance.checked_add(amount).unwrap_or(info.balance);
        let is_removed = info.is_empty() && spec.is_enabled_in(SpecId::SPURIOUS_DRAGON);
        let after = (!is_removed).then_some(info);
        if is_removed && before.is_none() {
            return Ok(Credited { before, after });
        }
        let account = self.accounts.entry(address).or_default();
        if after.is_none() {
            *account = CommittedAccount { is_reset: true, ..CommittedAccount::default() };
        }
        account.info.clone_from(&after);
        Ok(Credited { before, after })
    }
}

/// What a payment did to an account.
#[derive(Clone, Debug)]
pub struct Credited {
    /// The account before.
    pub before: Option<AccountInfo>,
    /// The account after.
    pub after: Option<AccountInfo>,
}

impl CommittedAccount {
    /// The value of a slot as far as this block has set it.
    #[inline]
    pub fn written(&self, slot: U256) -> Option<U256> {
        match self.storage.get(&slot) {
            Some(value) => Some(*value),
            None => self.is_reset.then_some(U256::ZERO),
        }
    }
}

/// Whether a transaction removed the account that it touched.
pub(crate) fn is_removed(changed: &Account) -> bool {
    changed.is_selfdestructed() || (changed.is_empty() && !changed.is_created())
}
