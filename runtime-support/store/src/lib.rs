//! Directories of compiled artifacts, which a node opens and any number of builders fill.
//!
//! ```text
//! DIR/index            which artifacts there are: sorted rows with a checksum, perhaps signed
//! DIR/packs/ID.pack    the artifacts, many in one file
//! DIR/quarantine/…     artifacts that are not to be run, one small file each
//! DIR/lock             held by who changes the directory
//! ```
//!
//! * [`StoreKey`]: what an artifact is for, by which it is found.
//! * [`Store`]: an opened store. It is a snapshot: the index is mapped into memory, read without locks, and
//!   does not change while others write. [`Store::artifact`] finds and checks.
//! * [`StoreWriter`]: adds artifacts, repairs, and collects garbage.
//! * [`Trust`] and [`Signer`]: whose signature an index must bear.
//!
//! Files are only ever made whole under another name and renamed, packs before the index that names them,
//! and never changed afterwards. So whoever is killed in between leaves the store as it was, with at most
//! a file that nobody names; [`StoreWriter::collect_garbage`] removes it. Writers hold a lock and merge with
//! what others wrote; readers take none. A store is copied by copying its directory.
//!
//! **What is refused.** The index has a checksum, and each row the checksum of its artifact, so a signature
//! of the index is one of all artifacts. An artifact is checked each time it is loaded: that it is whole, the one
//! that the row names, and made for the code, the fork, the gas table, this ABI and this processor.
//! Damage anywhere costs the artifact that it hits, which is then interpreted; it never runs.
//!
//! What this crate does not do: map or run code, or know of EVMs. Removing or shortening the index of a store
//! in place, instead of renaming another over it, is what no program may do while a node has it open.

mod error;
mod file;
mod format;
mod garbage;
mod index;
mod key;
mod pack;
mod signature;
mod store;
mod writer;

pub use error::StoreError;
pub use garbage::Collected;
pub use index::Row;
pub use key::StoreKey;
pub use signature::{Signer, Trust};
pub use store::{Refusal, Statistics, Store, Wanted};
pub use writer::{Inserted, Repaired, StoreWriter};
