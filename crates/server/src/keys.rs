//! What tokens are signed with: made at first start, kept encrypted, published as a key set.
//!
//! Owns the keys in memory and the key-encryption key's file. Does not own rotation yet; the store keeps every key with
//! its age, so that it can come. Start at [`Keys::open`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use grantd_protocol::names::Issuer;
use grantd_store::{Store, StoreFault, StoredKey};
use grantd_tokens::{Algorithm, Digest, JwkSet, KeyEncryptionKey, PrivateKey};

mod key_encryption_key;

pub use key_encryption_key::{KekFault, KekSource};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekFault),
    /// The store.
    #[error("cannot read or keep signing keys: {0}")]
    Store(#[from] StoreFault),
    /// It was sealed with another key-encryption key, or changed on disk.
    #[error(
        "the signing key {kid} in the database does not open with the key-encryption key from {source_name}; \
         put back the key-encryption key that this database was made with"
    )]
    Sealed {
        /// Which key.
        kid: String,
        /// Where the key-encryption key came from.
        source_name: String,
    },
    /// The cryptographic library.
    #[error("cannot make a signing key: {0}")]
    Crypto(#[from] grantd_tokens::KeyFault),
    /// The key set could not be written.
    #[error("the signing keys cannot be published together")]
    Set,
    /// No key of this algorithm is in memory yet.
    #[error("there is no {} key yet", .0.name())]
    Missing(Algorithm),
}

/// The keys of one issuer.
pub struct Keys {
    store: Store,
    issuer: Issuer,
    kek: KeyEncryptionKey,
    source_name: String,
    making: tokio::sync::Mutex<()>,
    current: RwLock<Arc<KeyRing>>,
}

/// The keys of one moment.
#[derive(Debug, Default)]
pub struct KeyRing {
    signing: BTreeMap<Algorithm, Arc<PrivateKey>>,
    /// The key set (RFC 7517 §5), ready to send.
    pub jwks: Bytes,
    /// Changes with the key set.
    pub etag: String,
}

impl Keys {
    /// Opens the keys of an issuer, and makes the one for `algorithm` if there is none.
    pub async fn open(store: Store, issuer: Issuer, kek: &KekSource, algorithm: Algorithm) -> Result<Self, KeyFault> {
        // A new key-encryption key would open none of the keys there are, and stand where the right one has to come back.
        let is_first_start = store.signing_keys(&issuer).await?.is_empty();
        let keys = Self {
            store,
            issuer,
            kek: if is_first_start { kek.open_or_create()? } else { kek.open()? },
            source_name: kek.to_string(),
            making: tokio::sync::Mutex::new(()),
            current: RwLock::new(Arc::default()),
        };
        keys.reload().await?;
        keys.ensure(algorithm).await?;
        Ok(keys)
    }

    /// Whether [`Keys::open`] could open the keys that are there. Makes nothing.
    pub async fn check(store: &Store, issuer: &Issuer, kek: &KekSource) -> Result<(), KeyFault> {
        let stored = store.signing_keys(issuer).await?;
        if stored.is_empty() {
            return Ok(());
        }
        let key_encryption_key = kek.open()?;
        stored.iter().try_for_each(|key| unseal(key, issuer, &key_encryption_key, &kek.to_string()).map(drop))
    }

    /// Makes a key of this algorithm unless there is one. Another node that made one first wins.
    pub async fn ensure(&self, algorithm: Algorithm) -> Result<(), KeyFault> {
        let _alone = self.making.lock().await;
        if self.signing(algorithm).is_ok() {
            return Ok(());
        }
        // RSA takes seconds: not on the threads that answer requests.
        let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
        let key = made.map_err(|_| KeyFault::Missing(algorithm))??;
        let sealed = key.seal(&self.kek, self.issuer.as_str())?;
        let stored = StoredKey { sealed, created_at: crate::env::now() };
        self.store.add_signing_key(&self.issuer, stored).await?;
        tracing::info!(event = "key_made", kid = key.kid(), algorithm = algorithm.name(), "a signing key was made");
        self.reload().await
    }

    /// The key to sign with. The oldest of its algorithm: every node chooses the same.
    pub fn signing(&self, algorithm: Algorithm) -> Result<Arc<PrivateKey>, KeyFault> {
        self.ring().signing.get(&algorithm).cloned().ok_or(KeyFault::Missing(algorithm))
    }

    /// The keys of this moment.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn reload(&self) -> Result<(), KeyFault> {
        let mut stored = self.store.signing_keys(&self.issuer).await?;
        stored.sort_by(|one, other| (one.created_at, one.kid()).cmp(&(other.created_at, other.kid())));
        let mut signing = BTreeMap::new();
        let mut public = Vec::new();
        for key in &stored {
            let opened = unseal(key, &self.issuer, &self.kek, &self.source_name)?;
            public.push(opened.jwk().clone());
            signing.entry(key.algorithm()).or_insert_with(|| Arc::new(opened));
        }
        let set = JwkSet::new(public).map_err(|_| KeyFault::Set)?;
        let jwks = Bytes::from(serde_json::to_vec(&set).map_err(|_| KeyFault::Set)?);
        let etag = format!("\"{}\"", Digest::of(&jwks).to_base64url());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(KeyRing { signing, jwks, etag });
        Ok(())
    }
}

fn unseal(key: &StoredKey, issuer: &Issuer, kek: &KeyEncryptionKey, source_name: &str) -> Result<PrivateKey, KeyFault> {
    let sealed = || KeyFault::Sealed { kid: key.kid().to_owned(), source_name: source_name.to_owned() };
    key.sealed.unseal(kek, issuer.as_str()).map_err(|_| sealed())
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("ring", &self.ring().etag).finish_non_exhaustive()
    }
}

/// Where a key-encryption key is looked for if nothing is configured: beside the database.
pub fn beside(database: &std::path::Path) -> KekSource {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".key");
    KekSource::File(database.parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name)))
}
