//! What tokens are signed with: made at first start, kept encrypted, published as a key set, and renewed.
//!
//! Owns the keys in memory. Which key signs when stands in `timeline.rs`, how the keys are changed in `rotation.rs`, where the
//! key-encryption key comes from in `key_encryption_key.rs`. Another process may change the keys at any time: whoever signs or
//! verifies calls [`Keys::follow`] or [`Keys::fresh`] first. Start at [`Keys::open`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use grantd_protocol::events::Source;
use grantd_protocol::names::Issuer;
use grantd_store::{KeysRevision, Store, StoreFault, StoredKey};
use grantd_tokens::{Algorithm, Digest, Jwk, JwkSet, KeyEncryptionKey, PrivateKey, Time};

mod key_encryption_key;
mod rotation;
pub mod timeline;

pub use key_encryption_key::{KekFault, KekSource};
pub use rotation::{KeyEvent, tend};

use timeline::Dates;

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
         put back the key-encryption key that this database was made with; every node on one database needs the same"
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
    /// Others changed them at the same time, again and again.
    #[error("other processes changed the signing keys {0} times in a row")]
    Contention(u32),
}

/// The keys of one issuer.
pub struct Keys {
    store: Store,
    issuer: Issuer,
    kek: KeyEncryptionKey,
    source_name: String,
    /// Who changes them through this.
    source: Source,
    /// Held by the one task that reads or changes them: what is read later is put in place later.
    changing: tokio::sync::Mutex<()>,
    current: RwLock<Arc<KeyRing>>,
}

/// The keys of one moment, of all that were not removed: announced, signing and retired ones.
#[derive(Debug)]
pub struct KeyRing {
    /// Which moment.
    pub revision: KeysRevision,
    dates: Vec<Dates>,
    private: BTreeMap<String, Arc<PrivateKey>>,
    /// The public halves. A token that none of them verifies is none of ours, or no longer (KEYS-03).
    pub public: JwkSet,
    /// The public halves as a key set (RFC 7517 §5), ready to send.
    pub jwks: Bytes,
    /// Changes with the key set.
    pub etag: String,
}

impl Keys {
    /// Opens the keys of an issuer, and makes the one for `algorithm` if there is none.
    pub async fn open(store: Store, issuer: Issuer, kek: &KekSource, algorithm: Algorithm) -> Result<Self, KeyFault> {
        // A new key-encryption key would open none of the keys there are, and stand where the right one has to come back.
        let is_first_start = store.signing_keys(&issuer).await?.keys.is_empty();
        let opened = if is_first_start { kek.open_or_create()? } else { kek.open()? };
        let keys = Self::with(store, issuer, (opened, kek.to_string()), Source::Server).await?;
        keys.ensure(algorithm).await?;
        Ok(keys)
    }

    /// Opens the keys that are there, for an operator's command. Makes nothing.
    pub async fn open_existing(store: Store, issuer: Issuer, kek: &KekSource) -> Result<Self, KeyFault> {
        Self::with(store, issuer, (kek.open()?, kek.to_string()), Source::CommandLine).await
    }

    async fn with(
        store: Store,
        issuer: Issuer,
        (kek, source_name): (KeyEncryptionKey, String),
        source: Source,
    ) -> Result<Self, KeyFault> {
        let ring = read(&store, &issuer, &kek, &source_name).await?;
        let (changing, current) = (tokio::sync::Mutex::new(()), RwLock::new(Arc::new(ring)));
        Ok(Self { store, issuer, kek, source_name, source, changing, current })
    }

    /// Whether [`Keys::open`] could open the keys that are there. Makes nothing.
    pub async fn check(store: &Store, issuer: &Issuer, kek: &KekSource) -> Result<(), KeyFault> {
        let stored = store.signing_keys(issuer).await?.keys;
        if stored.is_empty() {
            return Ok(());
        }
        let key_encryption_key = kek.open()?;
        stored.iter().try_for_each(|key| unseal(key, issuer, &key_encryption_key, &kek.to_string()).map(drop))
    }

    /// The key to sign with at this moment.
    pub fn signing(&self, algorithm: Algorithm) -> Result<Arc<PrivateKey>, KeyFault> {
        self.ring().signing(algorithm, crate::env::now()).ok_or(KeyFault::Missing(algorithm))
    }

    /// The keys as this process knows them. Another may have changed them since: see [`Keys::fresh`].
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys of now, whoever changed them (KEYS-03). One small read; fails where that fails.
    pub async fn fresh(&self) -> Result<Arc<KeyRing>, KeyFault> {
        self.follow(self.store.keys_revision(&self.issuer).await?).await?;
        Ok(self.ring())
    }

    /// Reads the keys anew if those in memory are older than this.
    pub async fn follow(&self, revision: KeysRevision) -> Result<(), KeyFault> {
        if self.ring().revision >= revision { Ok(()) } else { Box::pin(self.catch_up(revision)).await }
    }

    async fn catch_up(&self, revision: KeysRevision) -> Result<(), KeyFault> {
        let _alone = self.changing.lock().await;
        if self.ring().revision >= revision {
            return Ok(());
        }
        self.reload().await?;
        tracing::info!(event = "keys_changed", "another process changed the signing keys");
        Ok(())
    }

    /// Only with `changing` held.
    async fn reload(&self) -> Result<(), KeyFault> {
        let ring = read(&self.store, &self.issuer, &self.kek, &self.source_name).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }
}

impl KeyRing {
    fn of(revision: KeysRevision, dates: Vec<Dates>, opened: Vec<PrivateKey>) -> Result<Self, KeyFault> {
        let public: Vec<Jwk> = opened.iter().map(|key| key.jwk().clone()).collect();
        let public = JwkSet::new(public).map_err(|_| KeyFault::Set)?;
        let jwks = Bytes::from(serde_json::to_vec(&public).map_err(|_| KeyFault::Set)?);
        let etag = format!("\"{}\"", Digest::of(&jwks).to_base64url());
        let private = opened.into_iter().map(|key| (key.kid().to_owned(), Arc::new(key))).collect();
        Ok(Self { revision, dates, private, public, jwks, etag })
    }

    /// The key that signs at this moment. Every node with these keys chooses the same.
    pub fn signing(&self, algorithm: Algorithm, now: Time) -> Option<Arc<PrivateKey>> {
        let active = timeline::active(&self.dates, algorithm, now)?;
        self.private.get(&active.kid).cloned()
    }

    /// When each key begins and ends.
    pub fn dates(&self) -> &[Dates] {
        &self.dates
    }
}

async fn read(store: &Store, issuer: &Issuer, kek: &KeyEncryptionKey, source_name: &str) -> Result<KeyRing, KeyFault> {
    let stored = store.signing_keys(issuer).await?;
    let dates = stored.keys.iter().map(Dates::from).collect();
    let opened = stored.keys.iter().map(|key| unseal(key, issuer, kek, source_name)).collect::<Result<_, _>>()?;
    KeyRing::of(stored.revision, dates, opened)
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
