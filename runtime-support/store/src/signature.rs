//! Who vouches for a store.
//!
//! What is signed is the index' checksum behind a text that says what it is, so that no signature made for
//! something else fits. As the index holds the checksum of every artifact, that covers all that can run.

use std::fs;
use std::path::Path;

use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::error::StoreError;
use crate::format::IndexSignature;

/// What stands in front of the checksum in what is signed.
const PURPOSE: &[u8] = b"evmc store index\0";

/// A secret key that signs what is written.
#[derive(Debug)]
pub struct Signer(SigningKey);

impl Signer {
    /// Reads an Ed25519 key in PEM form (PKCS #8, RFC 8410), as `openssl genpkey -algorithm ed25519` makes it.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Key`].
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let text = fs::read_to_string(path).map_err(StoreError::io(path))?;
        let key = SigningKey::from_pkcs8_pem(&text);
        key.map(Self).map_err(|error| StoreError::Key { path: path.to_owned(), reason: error.to_string() })
    }

    /// The public key, for [`Trust::Keys`].
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, checksum: &[u8; 32]) -> IndexSignature {
        let signature = self.0.sign(&message(checksum)).to_bytes();
        IndexSignature { key: self.public(), signature }
    }
}

/// Whose signature an index must bear.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Nobody's: whoever can write the directory is trusted. A signature that is there must still fit.
    #[default]
    Anyone,
    /// One of these public keys.
    Keys(Vec<[u8; 32]>),
}

impl Trust {
    /// Trusts the public key in a PEM file (RFC 8410), as `openssl pkey -pubout` writes it, besides those
    /// trusted so far.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Key`].
    pub fn and_key_of(self, path: &Path) -> Result<Self, StoreError> {
        let text = fs::read_to_string(path).map_err(StoreError::io(path))?;
        let key = VerifyingKey::from_public_key_pem(&text)
            .map_err(|error| StoreError::Key { path: path.to_owned(), reason: error.to_string() })?;
        let mut keys = match self {
            Self::Anyone => Vec::new(),
            Self::Keys(keys) => keys,
        };
        keys.push(key.to_bytes());
        Ok(Self::Keys(keys))
    }

    /// Whether an index with this checksum and signature may be used.
    pub(crate) fn check(
        &self,
        path: &Path,
        checksum: &[u8; 32],
        signature: Option<&IndexSignature>,
    ) -> Result<(), StoreError> {
        match (self, signature) {
            (Self::Anyone, None) => return Ok(()),
            (Self::Keys(_), None) => return Err(StoreError::Unsigned(path.to_owned())),
            (Self::Keys(keys), Some(signature)) if !keys.contains(&signature.key) => {
                let key = signature.key.iter().map(|byte| format!("{byte:02x}")).collect();
                return Err(StoreError::Untrusted { path: path.to_owned(), key });
            }
            _ => {}
        }
        let fits = signature.is_some_and(|found| {
            let signature = Signature::from_bytes(&found.signature);
            let key = VerifyingKey::from_bytes(&found.key);
            key.is_ok_and(|key| key.verify_strict(&message(checksum), &signature).is_ok())
        });
        if fits { Ok(()) } else { Err(StoreError::Signature(path.to_owned())) }
    }
}

fn message(checksum: &[u8; 32]) -> Vec<u8> {
    [PURPOSE, checksum].concat()
}
