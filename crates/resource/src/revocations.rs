//! Following the revocation feed of the issuer (AT-11): what ended before its time is refused within one poll.
//!
//! Owns when to ask, which feed counts, and what to do without one; what a feed *means* is said in
//! [`grantd_tokens::revocation_feed`]. One task per guard asks and publishes what it saw; requests only look. Start at
//! [`Revocations::judge`].

use crate::challenge::{Reason, Unavailable};
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::fetch::{Answer, Wanted};
use crate::issuer::IssuerFault;
use crate::keys::Keys;
use crate::trouble::Trouble;
use grantd_tokens::claims::CLOCK_SKEW;
use grantd_tokens::json::Limits;
use grantd_tokens::revocation_feed::{self, RevocationFeedError};
use grantd_tokens::{AccessToken, IssuedFault, JwkSet, RevocationFeed, Seconds, Time};
use reqwest::Url;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How the revocation feed is followed. From the moment an access is ended until it is refused here passes at most the
/// interval and the time of one fetch, as long as the issuer can be reached; see [`WhenUnavailable`] for when it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following {
    pub(crate) every: Seconds,
    pub(crate) when_unavailable: WhenUnavailable,
}

impl Following {
    /// Asks for the feed this often. Between a second and an hour; an unchanged feed costs one `304` each time.
    ///
    /// If the issuer cannot be asked, all requests are refused once ten intervals have passed without an answer: the
    /// safe choice. See [`Following::when_unavailable`] for another.
    pub fn every(interval: Seconds) -> Following {
        let age = Seconds(interval.0.saturating_mul(10));
        Following { every: interval, when_unavailable: WhenUnavailable::RefuseAfter(age) }
    }

    /// Chooses what happens while the issuer cannot be asked.
    #[must_use]
    pub fn when_unavailable(mut self, choice: WhenUnavailable) -> Following {
        self.when_unavailable = choice;
        self
    }

    pub(crate) fn is_sensible(self) -> bool {
        let outlasts_the_interval = match self.when_unavailable {
            WhenUnavailable::RefuseAfter(age) => age > self.every,
            WhenUnavailable::AcceptUntilExpiry => true,
        };
        (Seconds(1)..=Seconds::hours(1)).contains(&self.every) && outlasts_the_interval
    }
}

/// What happens to good tokens while nobody can say whether they were revoked. What is known to be revoked stays refused
/// either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// 503 for everybody once the issuer has not confirmed its feed for this long, and before the first feed: nothing
    /// that was revoked is let in for longer. Longer than the interval.
    RefuseAfter(Seconds),
    /// Tokens stay good until they expire, as if there were no feed: the API outlives its issuer, and what is revoked
    /// meanwhile works until its `exp`.
    AcceptUntilExpiry,
}

/// What a guard sees of the feed. Clones see the same; when the last one is dropped, the task that asks ends.
#[derive(Clone)]
pub(crate) struct Revocations {
    seen: watch::Receiver<Seen>,
    /// Until the first request, when there is a runtime to run it on.
    poller: Arc<Mutex<Option<Poller>>>,
    trouble: Arc<Trouble>,
    when_unavailable: WhenUnavailable,
    clock: Clock,
}

/// What came of asking so far.
#[derive(Clone, Default)]
struct Seen {
    feed: Option<Arc<RevocationFeed>>,
    /// When the issuer last said that this is its feed.
    confirmed_at: Time,
    /// Whether the first attempt is over.
    is_asked: bool,
}

impl Revocations {
    pub(crate) fn new(following: Following, discovery: Discovery, keys: Keys, clock: Clock) -> Revocations {
        let (sender, seen) = watch::channel(Seen::default());
        let trouble = Arc::<Trouble>::default();
        let poller = Poller {
            every: following.every,
            discovery,
            keys,
            clock: clock.clone(),
            trouble: Arc::clone(&trouble),
            held: None,
            seen: sender,
        };
        let poller = Arc::new(Mutex::new(Some(poller)));
        Revocations { seen, poller, trouble, when_unavailable: following.when_unavailable, clock }
    }

    /// Refuses a token that ended before its time, or everybody when that cannot be known and the operator chose so.
    pub(crate) async fn judge(&self, token: &AccessToken) -> Result<(), Reason> {
        let seen = self.look().await;
        if let Some(ended) = seen.feed.as_ref().and_then(|feed| feed.refuses(token)) {
            return Err(Reason::Ended(ended));
        }
        if !self.is_good_enough(&seen) {
            return Err(Reason::Unavailable(Unavailable::Revocations));
        }
        Ok(())
    }

    /// Whether tokens can be judged now, and if not, why.
    pub(crate) async fn ready(&self) -> Result<(), IssuerFault> {
        let seen = self.look().await;
        if self.is_good_enough(&seen) { Ok(()) } else { Err(self.trouble.current().unwrap_or(IssuerFault::NotKnown)) }
    }

    /// Waits for nothing but the very first answer, and for that not long.
    async fn look(&self) -> Seen {
        self.start();
        let mut seen = self.seen.clone();
        // Neither outcome matters: without an answer there is no feed, and the caller judges that.
        let _: Result<_, _> = timeout(FIRST_WAIT, seen.wait_for(|seen| seen.is_asked)).await.map(drop);
        self.seen.borrow().clone()
    }

    fn start(&self) {
        let poller = self.poller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(poller) = poller {
            tokio::spawn(poller.run());
        }
    }

    fn is_good_enough(&self, seen: &Seen) -> bool {
        match self.when_unavailable {
            WhenUnavailable::AcceptUntilExpiry => true,
            WhenUnavailable::RefuseAfter(age) => {
                let age_of_feed = self.clock.now().since(seen.confirmed_at);
                // A clock that was set back must not make an old feed young for as long.
                seen.feed.is_some() && age_of_feed < age && age_of_feed > Seconds(-age.0)
            }
        }
    }
}

/// The one task that asks. Everything it learns goes through `seen`.
struct Poller {
    every: Seconds,
    discovery: Discovery,
    keys: Keys,
    clock: Clock,
    trouble: Arc<Trouble>,
    held: Option<Held>,
    seen: watch::Sender<Seen>,
}

/// The feed that counts, and what to ask for its successor with.
struct Held {
    feed: Arc<RevocationFeed>,
    etag: Option<String>,
    url: Url,
}

impl Poller {
    async fn run(mut self) {
        let every = Duration::from_secs(self.every.0.unsigned_abs());
        let mut ticks = interval(every);
        // After a slow answer the next question comes an interval later, not at once.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.seen.closed() => return,
            }
            let asked_at = self.clock.now();
            let answer = self.ask().await;
            self.publish(asked_at, answer.as_ref().copied());
        }
    }

    fn publish(&self, asked_at: Time, answer: Result<(), &IssuerFault>) {
        self.trouble.note("revocations", self.discovery.issuer(), answer);
        let feed = self.held.as_ref().map(|held| Arc::clone(&held.feed));
        self.seen.send_modify(|seen| {
            if answer.is_ok() {
                seen.confirmed_at = asked_at;
            }
            seen.feed = feed;
            seen.is_asked = true;
        });
    }

    async fn ask(&mut self) -> Result<(), IssuerFault> {
        let endpoints = self.discovery.endpoints().await?;
        let url = endpoints.revocation_feed.ok_or(IssuerFault::NoEndpoint("revocation_feed_endpoint"))?;
        // Past its `exp` a feed cannot be confirmed, only replaced; and an entity tag means something only where it came
        // from.
        let now = self.clock.now();
        let known = self.held.as_ref().filter(|held| held.url == url && !now.is_past(held.feed.exp));
        let wanted = Wanted {
            url: &url,
            media_type: revocation_feed::MEDIA_TYPE,
            etag: known.and_then(|held| held.etag.as_deref()),
            limits: Limits::REVOCATION_FEED,
        };
        if let Answer::Document { body, etag, .. } = self.discovery.get(wanted).await? {
            let feed = self.open(body).await?;
            self.take(Held { feed: Arc::new(feed), etag, url }).await?;
        }
        Ok(())
    }

    /// Checks the feed with the keys that are known, and once more with newer ones if it names another.
    async fn open(&self, body: Vec<u8>) -> Result<RevocationFeed, IssuerFault> {
        let text: Arc<str> = String::from_utf8_lossy(&body).into();
        let keys = self.keys.current().await?;
        let opened = match self.verify(&text, &keys).await {
            Err(RevocationFeedError::Issued(IssuedFault::UnknownKey { .. })) => {
                // Not held to one request a minute, as a stranger's token would be (RS-08): it is the issuer that speaks, once
                // an interval, and what it says may be that a key was removed.
                let keys = self.keys.changed().await?;
                self.verify(&text, &keys).await
            }
            opened => opened,
        };
        opened.map_err(IssuerFault::from)
    }

    /// On a thread of its own: a feed may have megabytes, and requests are being served.
    async fn verify(&self, text: &Arc<str>, keys: &JwkSet) -> Result<RevocationFeed, RevocationFeedError> {
        // What the held feed says is removed must not sign the feed that brings it back.
        let keys = match &self.held {
            Some(held) => keys.without(|kid| held.feed.refuses_key(kid)),
            None => keys.clone(),
        };
        let (text, issuer, now) = (Arc::clone(text), self.discovery.issuer().to_owned(), self.clock.now());
        let verified = tokio::task::spawn_blocking(move || revocation_feed::verify(&text, &keys, &issuer, now)).await;
        // A task that did not come back has verified nothing.
        verified.unwrap_or(Err(RevocationFeedError::Issued(IssuedFault::BadSignature)))
    }

    /// Not one from before the held one; but the nodes of an issuer sign each for itself, and their clocks differ a little.
    async fn take(&mut self, new: Held) -> Result<(), IssuerFault> {
        // Once the held feed has expired, so has every older one that lived as long: what comes now is no replay, but an issuer
        // whose clock was set back.
        if let Some(held) = &self.held
            && new.feed.iat + CLOCK_SKEW < held.feed.iat
            && !self.clock.now().is_past(held.feed.exp)
        {
            return Err(IssuerFault::RolledBack { found: new.feed.iat, held: held.feed.iat });
        }
        let keys = self.keys.current().await?;
        let withdrawn = keys.keys().iter().any(|key| new.feed.refuses_key(key.kid()));
        self.held = Some(new);
        if withdrawn {
            // Its tokens are refused from now on, whatever comes of this; keys report their own trouble.
            drop(self.keys.changed().await);
        }
        Ok(())
    }
}

/// How long a request waits for the first feed.
const FIRST_WAIT: Duration = Duration::from_secs(5);
