//! Values that open something. They are never printed, compare in constant time and are wiped on drop; what is stored
//! is their [`Digest`] (CAUTH-06, KEYS-15, LOG-02).

use crate::crypto;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A source of unpredictable bytes. The server's is the operating system; a test's counts.
pub trait Random {
    /// Overwrites all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// A code, token, verifier, client secret or password, as it crossed the wire.
///
/// Deliberately without `Display`, `Deref` and `Serialize`: it leaves only through [`Secret::expose`], which is easy to
/// find.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret that came from outside. Says nothing about its strength.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    /// A new secret of 256 bits, written as 43 characters of base64url (CAUTH-06, AT-07).
    pub fn random(random: &mut dyn Random) -> Secret {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        random.fill(bytes.as_mut_slice());
        Secret(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice()))
    }

    /// The secret itself: for the answer that hands it out, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be stored and looked up: SHA-256. Only for secrets of high entropy; passwords need a slow hash.
    pub fn hash(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

/// In constant time, whatever the two lengths: digests of equal length are compared (KEYS-15).
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.hash().matches(&other.hash())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A SHA-256 digest: what is kept of a secret.
///
/// `==`, `Ord` and `Hash` are the ordinary ones, for maps and records. A decision uses [`Digest::matches`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(crypto::sha256(bytes))
    }

    /// Takes a digest that was computed before.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 43 characters of base64url without padding: the form in rows, and of RFC 7638 thumbprints.
    pub fn to_base64url(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`Digest::to_base64url`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Digest> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Digest)
    }

    /// Equality in constant time (KEYS-15).
    #[must_use]
    pub fn matches(&self, other: &Digest) -> bool {
        crypto::constant_time_eq(&self.0, &other.0)
    }
}

/// The first four characters: enough to tell two log lines apart, useless for anything else.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fingerprint: String = self.to_base64url().chars().take(4).collect();
        write!(f, "Digest({fingerprint}..)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        Digest::parse(&text).ok_or_else(|| serde::de::Error::custom("not a SHA-256 digest in base64url"))
    }
}
