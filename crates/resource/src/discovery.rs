//! The metadata of one issuer, kept and renewed: where its keys, its revocation feed and its introspection endpoint are.
//!
//! Owns when to ask for the metadata; `issuer.rs` knows what it means, `fetch.rs` how to ask. Start at
//! [`Discovery::endpoints`].

use crate::clock::Clock;
use crate::fetch::{self, Answer, FetchFault, Posted, Wanted};
use crate::issuer::{Endpoints, Issuer, IssuerFault};
use grantd_tokens::json::Limits;
use grantd_tokens::{Seconds, Time};
use reqwest::{Client, Url};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

/// Clones share what is known.
#[derive(Clone)]
pub(crate) struct Discovery {
    issuer: Issuer,
    client: Client,
    clock: Clock,
    known: Arc<RwLock<Known>>,
    /// Held by the one task that is asking.
    asking: Arc<Mutex<()>>,
}

#[derive(Default)]
enum Known {
    #[default]
    Nothing,
    Endpoints {
        endpoints: Box<Endpoints>,
        at: Time,
        until: Time,
    },
    Fault {
        fault: IssuerFault,
        at: Time,
    },
}

impl Discovery {
    pub(crate) fn new(issuer: Issuer, client: Client, clock: Clock) -> Discovery {
        Discovery { issuer, client, clock, known: Arc::default(), asking: Arc::default() }
    }

    /// The issuer, as configured.
    pub(crate) fn issuer(&self) -> &str {
        self.issuer.identifier()
    }

    /// What the metadata names, asked for if it is not known or has grown old. A failure stands for a few seconds, however
    /// many want to know.
    pub(crate) async fn endpoints(&self) -> Result<Endpoints, IssuerFault> {
        if let Some(known) = self.known() {
            return known;
        }
        let _asking = self.asking.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let answer = self.ask().await;
        let now = self.clock.now();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = match &answer {
            Ok((endpoints, max_age)) => {
                Known::Endpoints { endpoints: Box::new(endpoints.clone()), at: now, until: now + lifetime(*max_age) }
            }
            Err(fault) => Known::Fault { fault: fault.clone(), at: now },
        };
        answer.map(|(endpoints, _)| endpoints)
    }

    /// Forgets what the metadata said, because it led nowhere: the issuer may have moved. What was said a moment ago is kept
    /// for that moment, so that an endpoint that is down does not make everybody ask for the metadata each time.
    pub(crate) fn forget(&self) {
        let now = self.clock.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Known::Endpoints { at, until, .. } = &mut *known {
            // The earlier of the two: a clock that was set back must not keep them for as long.
            *until = (*until).min(now.min(*at) + PAUSE);
        }
    }

    /// Fetches a document that the metadata names; if that fails, the metadata is asked for again next time.
    pub(crate) async fn get(&self, wanted: Wanted<'_>) -> Result<Answer, IssuerFault> {
        let url = wanted.url.to_string();
        self.fetched(url, fetch::get(&self.client, wanted).await)
    }

    /// Posts a form to where the metadata says; if that fails, the metadata is asked for again next time.
    pub(crate) async fn post(&self, posted: Posted<'_>) -> Result<Vec<u8>, IssuerFault> {
        let url = posted.url.to_string();
        self.fetched(url, fetch::post(&self.client, posted).await)
    }

    fn fetched<T>(&self, url: String, answer: Result<T, FetchFault>) -> Result<T, IssuerFault> {
        answer.map_err(|fault| {
            self.forget();
            IssuerFault::Fetch { url, fault }
        })
    }

    fn known(&self) -> Option<Result<Endpoints, IssuerFault>> {
        let now = self.clock.now();
        match &*self.known.read().unwrap_or_else(PoisonError::into_inner) {
            Known::Endpoints { endpoints, until, .. } if !now.is_past(*until) => Some(Ok(Endpoints::clone(endpoints))),
            // A clock that was set back must not silence us for as long.
            Known::Fault { fault, at } if (Seconds(0)..PAUSE).contains(&now.since(*at)) => Some(Err(fault.clone())),
            _ => None,
        }
    }

    async fn ask(&self) -> Result<(Endpoints, Option<Seconds>), IssuerFault> {
        let [oauth, openid] = self.issuer.metadata_urls();
        let answer = match self.metadata(&oauth).await {
            Err(IssuerFault::Fetch { fault: FetchFault::Status(404), .. }) => self.metadata(&openid).await?,
            other => other?,
        };
        let Answer::Document { body, max_age, .. } = answer else {
            // `get` answers so only to who names an entity tag.
            return Err(IssuerFault::NotKnown);
        };
        Ok((self.issuer.endpoints(&body)?, max_age))
    }

    async fn metadata(&self, url: &Url) -> Result<Answer, IssuerFault> {
        self.get(Wanted { url, media_type: "application/json", etag: None, limits: Limits::DOCUMENT }).await
    }
}

/// Short: the API may simply have started before its issuer.
const PAUSE: Seconds = Seconds(5);

/// How long a document is kept: what the issuer says, within a minute and an hour. Below would be a burden on it, above
/// would keep removed keys alive.
pub(crate) fn lifetime(max_age: Option<Seconds>) -> Seconds {
    max_age.unwrap_or(Seconds::minutes(5)).clamp(Seconds::minutes(1), Seconds::hours(1))
}
