//! Signing keys as they are kept: sealed. Whoever opens them has the key-encryption key; the store never does (KEYS-04).

use grantd_tokens::{Algorithm, SealedKey, Time};

/// A sealed signing key, and since when it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The key, encrypted and bound to its issuer.
    pub sealed: SealedKey,
    /// When it was made.
    pub created_at: Time,
}

impl StoredKey {
    /// The algorithm of the key inside.
    pub fn algorithm(&self) -> Algorithm {
        self.sealed.algorithm
    }

    /// The name of the key inside.
    pub fn kid(&self) -> &str {
        &self.sealed.kid
    }
}
