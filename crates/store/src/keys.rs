//! Signing keys as they are kept: sealed. Whoever opens them has the key-encryption key; the store never does (KEYS-04).
//!
//! Owns which changes there are and under which guard they are written: each only while the keys are those that it was decided
//! upon. When a key signs and for how long it is published is decided by whoever changes them.

use grantd_protocol::changes::Commit;
use grantd_protocol::events::Event;
use grantd_protocol::names::Issuer;
use grantd_tokens::{Algorithm, SealedKey, Time};

use crate::Store;
use crate::fault::StoreFault;
use crate::reads;
use crate::rows;
use crate::statements as sql;
use crate::writes::Step;

/// A sealed signing key, and its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// The key, encrypted and bound to its issuer.
    pub sealed: SealedKey,
    /// When it was made. From then on it is published.
    pub created_at: Time,
    /// From when on it may sign.
    pub active_from: Time,
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

/// What is left of a key that was removed (KEYS-03): its name. The private half is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedKey {
    /// The algorithm it signed with.
    pub algorithm: Algorithm,
    /// Its name, as it stands in the header of its tokens.
    pub kid: String,
    /// When it was removed: no token of it is good from then on.
    pub at: Time,
}

/// How often an issuer's signing keys were changed. Of two, the greater is the later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeysRevision(pub(crate) i64);

/// The signing keys of an issuer at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredKeys {
    /// Which moment.
    pub revision: KeysRevision,
    /// All that were not removed, the oldest first. They stay sealed.
    pub keys: Vec<StoredKey>,
}

/// A change of an issuer's signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Keeps a key. Stale if one of this algorithm and name is there, or was removed.
    Add(StoredKey),
    /// Lets a key sign from another moment on.
    Activate {
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its name.
        kid: String,
        /// From when on.
        at: Time,
    },
    /// Removes a key: erases its private half and leaves its name (KEYS-03).
    Remove {
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its name.
        kid: String,
        /// Since when.
        at: Time,
    },
    /// Deletes a key that no good token needs any more. Nothing is left of it.
    Forget {
        /// Its algorithm.
        algorithm: Algorithm,
        /// Its name.
        kid: String,
    },
    /// Keeps an event with what it tells of.
    Record(Event),
}

impl Store {
    /// The signing keys of the issuer that were not removed, and how often they were changed until then.
    pub async fn signing_keys(&self, issuer: &Issuer) -> Result<StoredKeys, StoreFault> {
        let issuer = issuer.clone();
        self.driver.read(move |reading| reads::signing_keys(reading, &issuer)).await
    }

    /// How often the issuer's signing keys were changed. Sees every change that was done before it.
    pub async fn keys_revision(&self, issuer: &Issuer) -> Result<KeysRevision, StoreFault> {
        let issuer = issuer.clone();
        self.driver.glance(move |reading| reads::keys_revision(reading, &issuer)).await
    }

    /// The keys that were removed at `since` or later, the first first. A name is forgotten when its last token has long expired.
    pub async fn removed_keys(&self, issuer: &Issuer, since: Time) -> Result<Vec<RemovedKey>, StoreFault> {
        let issuer = issuer.clone();
        self.driver.read(move |reading| reads::removed_keys(reading, &issuer, since)).await
    }

    /// Writes all of `changes` or none, and only while the keys are those of `seen`: of two processes that decided upon the same
    /// keys, one is first and the other is [`Commit::Stale`]. [`Commit::Done`] is durable.
    pub async fn change_signing_keys(
        &self,
        issuer: &Issuer,
        seen: KeysRevision,
        changes: &[KeyChange],
    ) -> Result<Commit, StoreFault> {
        let mut steps = vec![
            Step::always(sql::BEGIN_KEYS_REVISIONS, vec![issuer.as_str().into()]),
            Step::or_stale(sql::ADVANCE_KEYS_REVISION, vec![issuer.as_str().into(), seen.into()]),
        ];
        for change in changes {
            steps.push(step(issuer, change)?);
        }
        Ok(self.driver.write(steps).await?.commit)
    }
}

fn step(issuer: &Issuer, change: &KeyChange) -> Result<Step, StoreFault> {
    let named = |algorithm: &Algorithm, kid: &String| {
        vec![issuer.as_str().into(), algorithm.name().into(), kid.as_str().into()]
    };
    let timed = |algorithm, kid, at: &Time| [named(algorithm, kid), vec![(*at).into()]].concat();
    Ok(match change {
        KeyChange::Add(key) => Step::or_stale(sql::ADD_SIGNING_KEY, rows::signing_key_values(issuer, key)?),
        KeyChange::Activate { algorithm, kid, at } => {
            Step::or_stale(sql::ACTIVATE_SIGNING_KEY, timed(algorithm, kid, at))
        }
        KeyChange::Remove { algorithm, kid, at } => Step::or_stale(sql::REMOVE_SIGNING_KEY, timed(algorithm, kid, at)),
        KeyChange::Record(event) => Step::always(sql::ADD_EVENT, rows::event_values(issuer, event)?),
        KeyChange::Forget { algorithm, kid } => Step::or_stale(sql::FORGET_SIGNING_KEY, named(algorithm, kid)),
    })
}
