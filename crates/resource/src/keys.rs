//! The keys of one issuer, kept and renewed within bounds (RS-08).
//!
//! Owns when to ask and what to keep; `discovery.rs` knows where, `fetch.rs` how to ask. Each [`Keys`] belongs to one
//! issuer, so that keys of two issuers never meet. Start at [`Keys::current`].

use crate::clock::Clock;
use crate::discovery::{Discovery, lifetime};
use crate::fetch::{Answer, Wanted as Document};
use crate::issuer::IssuerFault;
use grantd_tokens::json::Limits;
use grantd_tokens::{JwkSet, Seconds, Time};
use reqwest::Url;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::Mutex;

/// Clones share one cache.
#[derive(Clone)]
pub(crate) struct Keys {
    discovery: Discovery,
    clock: Clock,
    cache: Arc<RwLock<Cache>>,
    /// Held by the one task that is asking.
    asking: Arc<Mutex<()>>,
}

/// What makes a look at the issuer worth while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Keys that have not grown old.
    Fresh,
    /// A key that the kept set does not have.
    Newer,
    /// A set that the issuer itself has changed, by its own word.
    Changed,
}

impl Keys {
    pub(crate) fn new(discovery: Discovery, clock: Clock) -> Keys {
        Keys { discovery, clock, cache: Arc::default(), asking: Arc::default() }
    }

    /// The keys, asked for if there are none or they have grown old.
    pub(crate) async fn current(&self) -> Result<Arc<JwkSet>, IssuerFault> {
        self.look(Wanted::Fresh).await
    }

    /// The keys, asked for again because one was missing, unless they were asked for within the last minute.
    pub(crate) async fn newer(&self) -> Result<Arc<JwkSet>, IssuerFault> {
        self.look(Wanted::Newer).await
    }

    /// The keys, asked for again in any case: for news from the issuer, never because of what a request brought.
    pub(crate) async fn changed(&self) -> Result<Arc<JwkSet>, IssuerFault> {
        self.look(Wanted::Changed).await
    }

    async fn look(&self, wanted: Wanted) -> Result<Arc<JwkSet>, IssuerFault> {
        if self.is_due(wanted) {
            // A task of its own: a caller that hangs up must not leave a half-made attempt behind.
            let keys = self.clone();
            if let Err(fault) = tokio::spawn(async move { keys.ask_once(wanted).await }).await {
                tracing::error!(%fault, "the task that fetches keys ended early");
            }
        }
        self.read().kept(self.clock.now())
    }

    /// Single flight: who waited for the lock finds the answer already there.
    async fn ask_once(&self, wanted: Wanted) {
        let _asking = self.asking.lock().await;
        if !self.is_due(wanted) {
            return;
        }
        let answer = self.ask(self.clock.now()).await;
        // Not before: until there is an answer, whoever comes waits for it. Nor counted from the question: after a slow failure
        // each of those who waited would find it due again, and ask one after the other.
        let answered_at = self.clock.now();
        self.update(|cache| {
            cache.asked_at = Some(answered_at);
            cache.fault = answer.clone().err();
        });
        match answer {
            Ok(()) => tracing::debug!(issuer = self.discovery.issuer(), "fetched the keys of the issuer"),
            Err(fault) => {
                tracing::warn!(issuer = self.discovery.issuer(), %fault, "could not fetch the keys of the issuer");
                // What the metadata says may be what is wrong.
                self.discovery.forget();
            }
        }
    }

    async fn ask(&self, now: Time) -> Result<(), IssuerFault> {
        let jwks_uri = self.discovery.endpoints().await?.jwks_uri;
        // An entity tag means something only where it came from.
        let etag = self.read().etag.clone().filter(|(from, _)| *from == jwks_uri).map(|(_, etag)| etag);
        let wanted = Document {
            url: &jwks_uri,
            media_type: "application/json",
            etag: etag.as_deref(),
            limits: Limits::DOCUMENT,
        };
        match self.discovery.get(wanted).await? {
            Answer::Unchanged { max_age } => self.update(|cache| cache.confirm(now, max_age)),
            Answer::Document { body, etag, max_age } => {
                let set = Arc::new(JwkSet::parse(&body)?);
                self.update(|cache| {
                    cache.set = Some(set);
                    cache.etag = etag.map(|etag| (jwks_uri, etag));
                    cache.confirm(now, max_age);
                });
            }
        }
        Ok(())
    }

    fn is_due(&self, wanted: Wanted) -> bool {
        self.read().is_due(wanted, self.clock.now())
    }

    fn read(&self) -> RwLockReadGuard<'_, Cache> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Cache)) {
        change(&mut self.cache.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What is known, and since when.
#[derive(Default)]
struct Cache {
    set: Option<Arc<JwkSet>>,
    /// Of the set, and where it came from.
    etag: Option<(Url, String)>,
    /// When the set was last seen at the issuer.
    confirmed_at: Time,
    /// Until when it need not be looked at again.
    fresh_until: Time,
    /// The last attempt, whatever came of it.
    asked_at: Option<Time>,
    /// What was wrong with it.
    fault: Option<IssuerFault>,
}

impl Cache {
    fn is_due(&self, wanted: Wanted, now: Time) -> bool {
        if wanted == Wanted::Changed {
            return true;
        }
        let pause = if self.set.is_some() { PAUSE } else { PAUSE_WITHOUT_KEYS };
        // A clock that was set back must not silence us for as long.
        let may_ask = self.asked_at.is_none_or(|asked| !(Seconds(0)..pause).contains(&now.since(asked)));
        let has_reason = self.set.is_none() || wanted == Wanted::Newer || now.is_past(self.fresh_until);
        may_ask && has_reason
    }

    /// The kept set, even if it could not be renewed: an issuer that is down must not take its resource servers along.
    /// But not for ever.
    fn kept(&self, now: Time) -> Result<Arc<JwkSet>, IssuerFault> {
        match &self.set {
            Some(set) if !now.is_past(self.confirmed_at + MAX_UNCONFIRMED) => Ok(Arc::clone(set)),
            _ => Err(self.fault.clone().unwrap_or(IssuerFault::NotKnown)),
        }
    }

    fn confirm(&mut self, now: Time, max_age: Option<Seconds>) {
        self.confirmed_at = now;
        self.fresh_until = now + lifetime(max_age);
    }
}

/// RS-08: an unknown `kid` costs the issuer at most one request a minute, whoever sends how many.
const PAUSE: Seconds = Seconds::minutes(1);
/// Shorter while there are no keys at all: the API may simply have started before its issuer.
const PAUSE_WITHOUT_KEYS: Seconds = Seconds(5);
/// How long a removed key may live on in here while the issuer cannot be asked.
const MAX_UNCONFIRMED: Seconds = Seconds::days(1);
