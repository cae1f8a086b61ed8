//! Calls of system contracts around the transactions.
//!
//! A contract that is not deployed is not called: before the transactions the EIPs say so, and after them it keeps
//! partial states, such as those of test files, executable.

use alloy_primitives::{Address, Bytes, address};
use revm::primitives::hardfork::SpecId;

use crate::block::Block;

/// Stores the roots of beacon blocks (EIP-4788).
const BEACON_ROOTS: Address = address!("0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02");

/// Stores the hashes of blocks (EIP-2935).
const BLOCK_HASHES: Address = address!("0x0000F90827F1C53a10cb7A02335B175320002935");

/// Takes requests for withdrawal (EIP-7002).
const WITHDRAWAL_REQUESTS: Address = address!("0x00000961Ef480Eb55e80D19ad83579A64c007002");

/// Takes requests for consolidation (EIP-7251).
const CONSOLIDATION_REQUESTS: Address = address!("0x0000BBdDc7CE488642fb579F8B00f3a590007251");

/// The contracts that give out requests, with the requests' type (EIP-7685).
pub(crate) const REQUESTS: [(Address, u8); 2] = [(WITHDRAWAL_REQUESTS, 1), (CONSOLIDATION_REQUESTS, 2)];

/// The calls of system contracts before the transactions: contract and data.
pub fn before(block: &Block) -> impl Iterator<Item = (Address, Bytes)> {
    let spec = block.spec();
    let beacon_root = block.parent_beacon_root.filter(|_| spec.is_enabled_in(SpecId::CANCUN));
    let parent_hash = block.parent_hash.filter(|_| spec.is_enabled_in(SpecId::PRAGUE));
    let calls = [(BEACON_ROOTS, beacon_root), (BLOCK_HASHES, parent_hash)];
    calls.into_iter().filter_map(|(contract, word)| Some((contract, Bytes::from(word?.0))))
}

/// Whether system contracts are asked for requests after the transactions.
pub(crate) fn has_requests(block: &Block) -> bool {
    block.spec().is_enabled_in(SpecId::PRAGUE)
}
