//! Access lists of blocks (EIP-7928).
//!
//! The list names every account and slot that the block accessed, and for each change the number of the
//! transaction that made it: 0 for what precedes the transactions, 1 for the first of them, and one more than
//! their count for what follows. With it, what any transaction starts from is known without executing the ones
//! before.
//!
//! * `record`: the list of an execution. * `index`: a list as a worker reads it.
//!
//! The EIP is for forks on which no account that existed before a transaction is removed by it. For older forks the list
//! also holds zeros for the slots that a removal cleared and the block accessed, so that it is complete there too.
//! What it cannot say is whether an account that is empty exists: before EIP-161 it is of no use to a worker.

mod index;
mod record;

use alloy_eip7928::AccountChanges;
use alloy_rlp::Decodable;

pub(crate) use index::ListIndex;
pub(crate) use record::ListRecord;

/// The access list of a block, in the order that EIP-7928 prescribes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList(pub Vec<AccountChanges>);

impl AccessList {
    /// The list as RLP.
    pub fn to_rlp(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        alloy_rlp::encode_list(&self.0, &mut bytes);
        bytes
    }

    /// Reads a list from RLP.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_rlp(mut bytes: &[u8]) -> Result<Self, alloy_rlp::Error> {
        let accounts = Vec::decode(&mut bytes)?;
        if !bytes.is_empty() {
            return Err(alloy_rlp::Error::UnexpectedLength);
        }
        Ok(Self(accounts))
    }

    /// Where another list differs first, in words; `None` where they are equal.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let pairs = self.0.iter().zip(&other.0);
        let unequal = pairs.filter(|(ours, theirs)| ours != theirs).map(|(ours, theirs)| {
            let part = if ours.address == theirs.address { "the entry" } else { "the address" };
            format!("{part} of {} or {}", ours.address, theirs.address)
        });
        let counts = (self.0.len() != other.0.len())
            .then(|| format!("{} accounts instead of {}", other.0.len(), self.0.len()));
        unequal.chain(counts).next()
    }
}
