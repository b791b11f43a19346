//! Private signing keys: made here, kept encrypted, never printed (KEYS-04).

use crate::algorithm::Algorithm;
use crate::crypto::{self, Refused, SigningKey};
use crate::jwk::{Jwk, JwkFault, PublicKey};
use crate::secret::Random;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A key that signs with exactly one algorithm (KEYS-01). Cheap to clone; its memory is wiped when the last clone goes.
#[derive(Clone)]
pub struct PrivateKey {
    jwk: Jwk,
    signing: Arc<SigningKey>,
}

impl PrivateKey {
    /// A new key, named by its RFC 7638 thumbprint: P-256, Ed25519, or RSA with 3072 bits (KEYS-05). RSA takes up to
    /// seconds.
    pub fn generate(algorithm: Algorithm) -> Result<PrivateKey, KeyFault> {
        PrivateKey::from_signing(SigningKey::generate(algorithm).map_err(|Refused| KeyFault::Generation)?)
    }

    /// Reads an unencrypted PKCS #8 key; refuses one of another kind than `algorithm` needs.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<PrivateKey, KeyFault> {
        PrivateKey::from_signing(SigningKey::from_pkcs8(algorithm, pkcs8).map_err(|Refused| KeyFault::NotThatKey)?)
    }

    /// The unencrypted key in PKCS #8, wiped on drop. To keep it, use [`PrivateKey::seal`].
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        self.signing.to_pkcs8().map_err(|Refused| KeyFault::Encoding)
    }

    /// The name of the key: the thumbprint of its public part.
    pub fn kid(&self) -> &str {
        self.jwk.kid()
    }

    /// The only algorithm this key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.jwk.algorithm()
    }

    /// The public part.
    pub fn public(&self) -> &PublicKey {
        self.jwk.key()
    }

    /// The public part as it is published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The raw JWS signature over these bytes (RFC 7518 §3). [`jws::sign`](crate::jws::sign) makes whole tokens.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        self.signing.sign(message).map_err(|Refused| KeyFault::Signing)
    }

    /// Encrypts the key for keeping, bound to `issuer` and to its own name: moved to another issuer's row, it does not
    /// open.
    pub fn seal(&self, with: &KeyEncryptionKey, issuer: &str) -> Result<SealedKey, KeyFault> {
        let aad = sealing_context(issuer, self.algorithm(), self.kid());
        let ciphertext = crypto::seal(&with.0, &aad, &self.to_pkcs8()?).map_err(|Refused| KeyFault::Encoding)?;
        Ok(SealedKey { kid: self.kid().to_owned(), algorithm: self.algorithm(), ciphertext })
    }

    fn from_signing(signing: SigningKey) -> Result<PrivateKey, KeyFault> {
        let numbers = signing.public_numbers().map_err(|Refused| KeyFault::Encoding)?;
        let public = PublicKey::from_numbers(numbers)?;
        let jwk = Jwk::new(public.thumbprint().to_base64url(), public)?;
        Ok(PrivateKey { jwk, signing: Arc::new(signing) })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, {}, ..)", self.algorithm(), self.kid())
    }
}

/// A private key under AES-256-GCM: what may be stored (KEYS-04).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SealedKey {
    /// The name of the key inside.
    pub kid: String,
    /// The algorithm of the key inside.
    pub algorithm: Algorithm,
    /// Nonce, ciphertext and tag; base64url in JSON.
    #[serde(with = "base64url")]
    pub ciphertext: Vec<u8>,
}

impl SealedKey {
    /// Decrypts; refuses if anything differs from when it was sealed: key-encryption key, issuer, name, algorithm, any
    /// byte.
    pub fn unseal(&self, with: &KeyEncryptionKey, issuer: &str) -> Result<PrivateKey, KeyFault> {
        let aad = sealing_context(issuer, self.algorithm, &self.kid);
        let pkcs8 = crypto::open(&with.0, &aad, &self.ciphertext).map_err(|Refused| KeyFault::CannotUnseal)?;
        PrivateKey::from_pkcs8(self.algorithm, &pkcs8)
    }
}

/// The key that encrypts signing keys at rest. Comes from a file or the environment; wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyEncryptionKey([u8; 32]);

impl KeyEncryptionKey {
    /// A new key of 256 bits.
    pub fn generate(random: &mut dyn Random) -> KeyEncryptionKey {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        KeyEncryptionKey(bytes)
    }

    /// Takes 32 bytes that must be as good as random.
    pub const fn from_bytes(bytes: [u8; 32]) -> KeyEncryptionKey {
        KeyEncryptionKey(bytes)
    }

    /// Reads what [`KeyEncryptionKey::to_base64url`] wrote; surrounding white space, as editors leave it, is no fault.
    pub fn parse(text: &str) -> Option<KeyEncryptionKey> {
        let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text.trim()).ok()?);
        bytes.as_slice().try_into().ok().map(KeyEncryptionKey)
    }

    /// 43 characters for the key file. Wiped on drop.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey(..)")
    }
}

/// What went wrong with a private key. Never contains key material.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyFault {
    /// The library could not make a key.
    #[error("a signing key could not be generated")]
    Generation,
    /// Not PKCS #8, or the key of another algorithm.
    #[error("this is not a PKCS #8 private key for that algorithm")]
    NotThatKey,
    /// A key in memory could not be written.
    #[error("the signing key could not be encoded")]
    Encoding,
    /// A signature could not be made.
    #[error("the signature could not be made")]
    Signing,
    /// The sealed key does not open.
    #[error("the stored signing key does not open: wrong key-encryption key, another issuer, or damaged data")]
    CannotUnseal,
    /// The public part breaks a rule for keys.
    #[error(transparent)]
    Public(#[from] JwkFault),
}

/// The additional data of the encryption. Each part is followed by a zero byte, which no issuer or thumbprint contains,
/// so that no two contexts are spelled alike.
fn sealing_context(issuer: &str, algorithm: Algorithm, kid: &str) -> Vec<u8> {
    ["grantd signing key v1", issuer, algorithm.name(), kid].map(|part| [part.as_bytes(), &[0]].concat()).concat()
}

mod base64url {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
