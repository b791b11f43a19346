//! The only outbound HTTP of the server (FETCH-01…06).
//!
//! Owns where a request may go, how much may come back, and how long and how often. Does not own what the document means,
//! nor who may name a URL. Start at [`Fetcher::get`]; where it may go is judged in `destination`, how often in `pace`.

mod destination;
mod pace;

use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use grantd_tokens::Secret;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect, retry};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::network::Network;
use destination::{Destination, Guard, Reach};
use pace::Pace;

pub use destination::{HostPort, InPlain, NotAHostPort, is_public};
pub use pace::Allowance;

/// Fetches documents that somebody named.
#[derive(Debug)]
pub struct Fetcher {
    allow: Vec<HostPort>,
    in_plain: InPlain,
    refuse: Vec<Network>,
    extra_ca: Vec<Certificate>,
    operator: Pace,
    outsider: Pace,
    clients: Clients,
}

/// What the operator decides about outbound requests.
#[derive(Debug)]
pub struct FetchSettings {
    /// Hosts that may be reached although their address, port or scheme is not allowed otherwise; `http` on loopback only.
    pub allow: Vec<HostPort>,
    /// Whether the operator's own URLs may be plain HTTP on loopback without an exception.
    pub in_plain: InPlain,
    /// Networks that are refused beside those that are refused anyway.
    pub refuse: Vec<Network>,
    /// Certificates, as PEM, that are trusted beside the system's.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// For URLs that the operator configured.
    pub operator: Allowance,
    /// For URLs that clients or users brought.
    pub outsider: Allowance,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            in_plain: InPlain::ByException,
            refuse: Vec::new(),
            extra_ca_pem: None,
            operator: Allowance { total: 64, per_host: 16, burst: 200, per_second: 100 },
            outsider: Allowance { total: 32, per_host: 4, burst: 30, per_second: 1 },
        }
    }
}

/// One document to fetch.
#[derive(Debug)]
pub struct Fetch<'a> {
    /// Where it is.
    pub url: &'a str,
    /// Who named the URL.
    pub named_by: NamedBy,
    /// A token made for this request.
    pub bearer: Option<&'a Secret>,
    /// The media types that will do, best first; anything else is refused.
    pub accept: &'a [&'a str],
    /// The largest body that is taken.
    pub max_bytes: usize,
    /// For everything together: waiting for a turn, resolving, connecting, and the last byte.
    pub timeout: Duration,
}

/// Who named a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The configuration: failures are told at once, and logged as warnings.
    Operator,
    /// A client or a user: a failure takes as long as the longest one, so that its duration maps nobody's network (FETCH-05).
    Outsider,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// All of its bytes, as sent.
    pub body: Bytes,
    /// Its media type, without parameters: one of those that were asked for.
    pub media_type: String,
}

/// There is no document. Why is for the log alone: the text is the same for every reason (FETCH-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the remote document could not be fetched")]
pub struct FetchFault;

/// The fetcher cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
#[error("the extra CA certificates cannot be used: write one or more PEM certificates")]
pub struct BadExtraCa;

impl Fetcher {
    /// Says loudly in the log what is allowed beyond the rule. The system's certificates are read when they are first needed.
    pub fn new(settings: FetchSettings) -> Result<Self, BadExtraCa> {
        let extra_ca = match &settings.extra_ca_pem {
            Some(pem) => Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty()).ok_or(BadExtraCa)?,
            None => Vec::new(),
        };
        for exception in &settings.allow {
            tracing::warn!(%exception, "outbound requests to this host and port are allowed, wherever it leads");
        }
        if !extra_ca.is_empty() {
            tracing::warn!(count = extra_ca.len(), "outbound requests trust further certificates beside the system's");
        }
        Ok(Self {
            allow: settings.allow,
            in_plain: settings.in_plain,
            refuse: settings.refuse,
            extra_ca,
            operator: Pace::new(settings.operator),
            outsider: Pace::new(settings.outsider),
            clients: Clients::default(),
        })
    }

    /// Fetches one document with GET: no redirect is followed, no cookie kept, no proxy asked, nothing unpacked (FETCH-02).
    pub async fn get(&self, fetch: Fetch<'_>) -> Result<Fetched, FetchFault> {
        let deadline = Instant::now() + fetch.timeout;
        let in_plain = match fetch.named_by {
            NamedBy::Operator => self.in_plain,
            NamedBy::Outsider => InPlain::ByException,
        };
        let destination = match Destination::parse(fetch.url, &self.allow, &self.refuse, in_plain) {
            Ok(destination) => destination,
            // Known from the URL alone: an answer at once tells nothing that its author does not know.
            Err(why) => {
                tracing::info!(%why, "refused an outbound request");
                return Err(FetchFault);
            }
        };
        let outcome = timeout_at(deadline, self.attempt(&destination, &fetch)).await.unwrap_or(Err(Why::TimedOut));
        let Err(why) = outcome else { return outcome.map_err(|_| FetchFault) };
        let host = destination.host();
        match fetch.named_by {
            NamedBy::Operator => tracing::warn!(host, %why, "an outbound request failed"),
            NamedBy::Outsider => {
                tracing::debug!(host, %why, "an outbound request failed");
                sleep_until(deadline).await;
            }
        }
        Err(FetchFault)
    }

    async fn attempt(&self, destination: &Destination, fetch: &Fetch<'_>) -> Result<Fetched, Why> {
        let pace = match fetch.named_by {
            NamedBy::Operator => &self.operator,
            NamedBy::Outsider => &self.outsider,
        };
        let _turn = pace.turn(destination.host()).await?;
        let mut asking = self.client(destination.reach())?.get(destination.url().clone());
        asking = asking
            .header(ACCEPT, fetch.accept.join(", "))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(bearer) = fetch.bearer {
            asking = asking.bearer_auth(bearer.expose());
        }
        let mut response = asking.send().await?;
        if response.status() != http::StatusCode::OK {
            return Err(Why::Status(response.status().as_u16()));
        }
        let media_type = acceptable(response.headers(), fetch.accept)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > fetch.max_bytes {
                return Err(Why::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { body: body.freeze(), media_type })
    }

    /// One client for each reach, made when first needed.
    fn client(&self, reach: Reach) -> Result<&Client, Why> {
        let kept = match reach {
            Reach::Public => &self.clients.public,
            Reach::Anywhere => &self.clients.anywhere,
            Reach::LoopbackInPlain => &self.clients.loopback,
        };
        if let Some(client) = kept.get() {
            return Ok(client);
        }
        let made = self.build(reach)?;
        Ok(kept.get_or_init(|| made))
    }

    fn build(&self, reach: Reach) -> Result<Client, Why> {
        let builder = Client::builder()
            .dns_resolver(Guard::new(reach, self.refuse.clone()))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .http1_max_headers(64)
            // A kept connection would outlive the judgement of its address.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("grantd/", env!("CARGO_PKG_VERSION")));
        let builder = match reach {
            Reach::Public | Reach::Anywhere => builder.https_only(true).tls_certs_merge(self.extra_ca.clone()),
            Reach::LoopbackInPlain => builder.tls_certs_only([]),
        };
        Ok(builder.build()?)
    }
}

#[derive(Debug, Default)]
struct Clients {
    public: OnceLock<Client>,
    anywhere: OnceLock<Client>,
    loopback: OnceLock<Client>,
}

/// Why there is no document: for the log.
#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("it is no URL with a host and without user name or password")]
    NotAUrl,
    #[error("it is not https at port 443, and no exception names its host and port")]
    NotAllowed,
    #[error("it leads to an address that is not public")]
    ForbiddenAddress,
    #[error("too many requests to this host, or to too many hosts, in too short a time")]
    TooMany,
    #[error("it took too long")]
    TimedOut,
    #[error("the answer had status {0} instead of 200")]
    Status(u16),
    #[error("the answer was of another media type, or packed")]
    MediaType,
    #[error("the answer was too large")]
    TooLarge,
    #[error("{0}")]
    Http(String),
}

impl From<reqwest::Error> for Why {
    fn from(error: reqwest::Error) -> Self {
        // The path and query may hold a secret; the host is told beside this.
        let error = error.without_url();
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::Http(text)
    }
}

/// The answer's media type, if it is one of those asked for and the bytes are not packed (FETCH-04).
fn acceptable(headers: &HeaderMap, accept: &[&str]) -> Result<String, Why> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Why::MediaType);
    }
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(Why::MediaType)?;
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if accept.iter().any(|wanted| *wanted == essence) { Ok(essence) } else { Err(Why::MediaType) }
}
