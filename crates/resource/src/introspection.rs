//! Asking the issuer about every token (RFC 7662, RS-14): nothing that ended passes, at the price of a call.
//!
//! Owns the call, its credentials and the short memory for good answers; what an answer must say stands in
//! `introspected.rs`. Start at [`Introspector::judge`].

use crate::access::Granted;
use crate::challenge::{Reason, Unavailable};
use crate::clock::Clock;
use crate::discovery::Discovery;
use crate::fetch::Posted;
use crate::guard::Api;
use crate::introspected::{self, Judged};
use crate::issuer::IssuerFault;
use crate::keys::Keys;
use crate::trouble::Trouble;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use grantd_tokens::introspection_response::{self, IntrospectionResponseError};
use grantd_tokens::json::{self, Limits};
use grantd_tokens::{Claims, Digest, Expected, IssuedFault, JwkSet, Seconds, Secret, Time};
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use url::form_urlencoded::byte_serialize;

/// How the issuer is asked about tokens: as which client, and what is remembered.
#[derive(Clone, Debug)]
#[must_use = "`GuardBuilder::introspect` takes it"]
pub struct Introspection {
    client_id: String,
    client_secret: Secret,
    cache_for: Seconds,
    form: Form,
}

/// How the answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Protected by TLS alone.
    Json,
    /// Signed as well (RFC 9701).
    Signed,
}

impl Introspection {
    /// Asks as this client, which the issuer must know: `client_secret_basic`, each half percent-encoded (RFC 6749 §2.3.1).
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Introspection {
        Introspection {
            client_id: client_id.into(),
            client_secret: Secret::new(client_secret),
            cache_for: MAX_CACHED,
            form: Form::Json,
        }
    }

    /// Asks for signed answers (RFC 9701) and takes no others: type, signature, issuer, audience and age are checked.
    pub fn signed(mut self) -> Introspection {
        self.form = Form::Signed;
        self
    }

    /// Remembers a good answer for at most this long; 30 seconds unless said, never more, and never beyond the `exp` of
    /// the token. A revoked token may be let in for as long. Zero remembers nothing.
    pub fn cache_for(mut self, length: Seconds) -> Introspection {
        self.cache_for = length.clamp(Seconds(0), MAX_CACHED);
        self
    }
}

/// Asks, and remembers. Clones share the memory.
#[derive(Clone)]
pub(crate) struct Introspector {
    asking: Arc<Introspection>,
    discovery: Discovery,
    keys: Keys,
    clock: Clock,
    remembered: Arc<Mutex<HashMap<Digest, Remembered>>>,
    trouble: Arc<Trouble>,
}

struct Remembered {
    granted: Arc<Granted>,
    asked_at: Time,
    until: Time,
}

impl Introspector {
    pub(crate) fn new(asking: Introspection, discovery: Discovery, keys: Keys, clock: Clock) -> Introspector {
        Introspector {
            asking: Arc::new(asking),
            discovery,
            keys,
            clock,
            remembered: Arc::default(),
            trouble: Arc::default(),
        }
    }

    /// What the token grants, as the issuer says now, or said a moment ago. Whatever goes wrong with asking refuses.
    pub(crate) async fn judge(&self, token: &Secret, api: &Api) -> Result<Arc<Granted>, Reason> {
        let asked_at = self.clock.now();
        let name = token.hash();
        if let Some(granted) = self.recall(&name, asked_at) {
            return Ok(granted);
        }
        let judged = match self.ask(token).await {
            Ok(answer) => introspected::judge(&answer, api, self.clock.now()),
            Err(fault) => Err(Judged::Unusable(fault)),
        };
        let outcome = match &judged {
            Err(Judged::Unusable(fault)) => Err(fault),
            Ok(_) | Err(Judged::Inactive | Judged::Broken(_)) => Ok(()),
        };
        self.trouble.note("introspection", self.discovery.issuer(), outcome);
        let granted = Arc::new(judged.map_err(Reason::from)?);
        self.remember(name, &granted, asked_at);
        Ok(granted)
    }

    /// Whether there is somebody to ask.
    pub(crate) async fn ready(&self) -> Result<(), IssuerFault> {
        let endpoints = self.discovery.endpoints().await?;
        endpoints.introspection.ok_or(NO_ENDPOINT)?;
        match self.asking.form {
            Form::Json => Ok(()),
            Form::Signed => self.keys.current().await.map(drop),
        }
    }

    async fn ask(&self, token: &Secret) -> Result<Claims, IssuerFault> {
        let url = self.discovery.endpoints().await?.introspection.ok_or(NO_ENDPOINT)?;
        let form = [("token", token.expose()), ("token_type_hint", "access_token")];
        let media_type = match self.asking.form {
            Form::Json => "application/json",
            Form::Signed => introspection_response::MEDIA_TYPE,
        };
        let posted = Posted { url: &url, credentials: self.credentials()?, form: &form, media_type };
        let body = self.discovery.post(posted).await?;
        let answer = match self.asking.form {
            Form::Json => json::parse_object(&body, Limits::DOCUMENT).map_err(IssuerFault::Answer)?,
            Form::Signed => self.open(&String::from_utf8_lossy(&body)).await?,
        };
        Ok(Claims::new(answer))
    }

    /// Checks a signed answer with the keys that are known, and once more with newer ones if it names another.
    async fn open(&self, text: &str) -> Result<Map<String, Value>, IssuerFault> {
        let expected = Expected { issuer: self.discovery.issuer(), audience: &self.asking.client_id };
        let verify = |keys: &JwkSet| introspection_response::verify(text, keys, expected, self.clock.now());
        let opened = match verify(&*self.keys.current().await?) {
            Err(IntrospectionResponseError::Issued(IssuedFault::UnknownKey { .. })) => {
                verify(&*self.keys.newer().await?)
            }
            opened => opened,
        };
        opened.map_err(IssuerFault::from)
    }

    fn credentials(&self) -> Result<HeaderValue, IssuerFault> {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.asking.client_id), encoded(self.asking.client_secret.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair)))
            // Base64 fits every header.
            .map_err(|_| IssuerFault::NotKnown)?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn recall(&self, name: &Digest, now: Time) -> Option<Arc<Granted>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.get(name)?;
        // The first half: a clock that was set back must not keep an answer alive for as long.
        (found.asked_at <= now && !now.is_past(found.until)).then(|| Arc::clone(&found.granted))
    }

    fn remember(&self, name: Digest, granted: &Arc<Granted>, asked_at: Time) {
        let until = granted.exp.min(asked_at + self.asking.cache_for);
        if asked_at.is_past(until) {
            return;
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, one| !asked_at.is_past(one.until));
        }
        // Still full: begin anew, which costs some questions, rather than search for the oldest at each request.
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(name, Remembered { granted: Arc::clone(granted), asked_at, until });
    }
}

impl From<Judged> for Reason {
    fn from(judged: Judged) -> Reason {
        match judged {
            Judged::Inactive => Reason::Inactive,
            Judged::Broken(error) => Reason::InvalidToken(error),
            Judged::Unusable(_) => Reason::Unavailable(Unavailable::Introspection),
        }
    }
}

/// RS-14.
const MAX_CACHED: Seconds = Seconds(30);
/// A few megabytes, if tokens say much.
const MAX_REMEMBERED: usize = 4_096;
const NO_ENDPOINT: IssuerFault = IssuerFault::NoEndpoint("introspection_endpoint");
