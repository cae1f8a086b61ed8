//! The address that belongs to a secret key.

use alloy_primitives::{Address, B256};
use k256::ecdsa::SigningKey;

/// The account that a secp256k1 key controls (yellow paper, appendix F), or `None` where the key is zero
/// or not less than the order of the curve.
pub fn address_of_key(key: &B256) -> Option<Address> {
    let key = SigningKey::from_slice(key.as_slice()).ok()?;
    let point = key.verifying_key().to_encoded_point(false);
    Some(Address::from_raw_public_key(&point.as_bytes()[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    #[test]
    fn the_key_of_the_state_tests_has_their_sender() {
        let key = b256!("45a915e4d060149eb4365960e6a7a45f334393093061116b197e3240065ff2d8");
        let sender = address!("a94f5374fce5edbc8e2a8697c15331677e6ebf0b");
        assert_eq!(address_of_key(&key), Some(sender));
        assert_eq!(address_of_key(&B256::ZERO), None);
    }
}
