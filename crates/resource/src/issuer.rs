//! Who the issuer is, and where it answers what according to its own metadata (RFC 8414). Pure; `discovery.rs` does the
//! asking.

use crate::fetch::FetchFault;
use grantd_tokens::claims::ClaimFault;
use grantd_tokens::introspection_response::IntrospectionResponseError;
use grantd_tokens::json::{self, JsonFault, Limits};
use grantd_tokens::revocation_feed::RevocationFeedError;
use grantd_tokens::{JwkFault, Time};
use reqwest::Url;
use serde_json::Value;
use std::net::IpAddr;

/// Whether plain http is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// https only.
    Https,
    /// http as well, if the host is this machine (NEVER-07).
    HttpsOrLoopback,
}

impl Transport {
    pub(crate) fn allows(self, url: &Url) -> bool {
        match url.scheme() {
            "https" => url.has_host(),
            "http" => self == Transport::HttpsOrLoopback && is_loopback(url),
            _ => false,
        }
    }
}

/// An issuer identifier: an https URL without query and fragment (RFC 8414 §2), kept exactly as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer {
    identifier: String,
    url: Url,
    transport: Transport,
}

impl Issuer {
    pub(crate) fn parse(identifier: &str, transport: Transport) -> Option<Issuer> {
        let url = absolute_url(identifier, transport)?;
        Some(Issuer { identifier: identifier.to_owned(), url, transport })
    }

    pub(crate) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// Where the metadata may be: with the well-known part before the path (RFC 8414 §3.1), or else where OpenID
    /// Connect Discovery §4 puts it.
    pub(crate) fn metadata_urls(&self) -> [Url; 2] {
        let path = self.url.path().trim_end_matches('/');
        [format!("/.well-known/oauth-authorization-server{path}"), format!("{path}/.well-known/openid-configuration")]
            .map(|path| with_path(&self.url, &path))
    }

    /// Reads the metadata: its `issuer` must be this one, byte by byte (STATE-03, RFC 8414 §3.3), and the keys as safe
    /// to fetch. An endpoint that is not safe to talk to counts as absent.
    pub(crate) fn endpoints(&self, document: &[u8]) -> Result<Endpoints, IssuerFault> {
        let metadata = json::parse_object(document, Limits::DOCUMENT).map_err(IssuerFault::Metadata)?;
        let member = |name: &str| metadata.get(name).and_then(Value::as_str);
        let found = member("issuer").unwrap_or_default();
        if found != self.identifier {
            return Err(IssuerFault::AnotherIssuer { found: found.to_owned(), expected: self.identifier.clone() });
        }
        let url = |name: &str| member(name).and_then(|url| Url::parse(url).ok());
        let jwks_uri = url("jwks_uri").ok_or(IssuerFault::NoJwksUri)?;
        if !self.transport.allows(&jwks_uri) {
            return Err(IssuerFault::InsecureJwksUri);
        }
        let safe = |name: &str| url(name).filter(|url| self.transport.allows(url));
        Ok(Endpoints {
            jwks_uri,
            revocation_feed: safe("revocation_feed_endpoint"),
            introspection: safe("introspection_endpoint"),
        })
    }
}

/// What the metadata of an issuer names, as far as it is of use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) jwks_uri: Url,
    /// grantd's own member: no standard knows of a feed.
    pub(crate) revocation_feed: Option<Url>,
    /// RFC 8414 §2.
    pub(crate) introspection: Option<Url>,
}

/// What is wrong with an issuer: why there are no keys, no feed or no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerFault {
    /// A document could not be had.
    #[error("{url} could not be fetched: {fault}")]
    Fetch {
        /// Its address.
        url: String,
        /// Why.
        fault: FetchFault,
    },
    /// The metadata is not acceptable JSON.
    #[error("the metadata of the issuer is not acceptable: {0}")]
    Metadata(JsonFault),
    /// The metadata speaks of somebody else.
    #[error(
        "the metadata says its issuer is {found:?}, not {expected:?}; they must be equal byte by byte, to the last slash"
    )]
    AnotherIssuer {
        /// What it says.
        found: String,
        /// The configured issuer.
        expected: String,
    },
    /// The metadata does not say where the keys are.
    #[error("the metadata of the issuer has no `jwks_uri`")]
    NoJwksUri,
    /// The keys would come over plain http.
    #[error("the `jwks_uri` of the issuer is not an https URL")]
    InsecureJwksUri,
    /// The keys are not acceptable.
    #[error("the keys of the issuer are not acceptable: {0}")]
    Keys(#[from] JwkFault),
    /// The metadata lacks an endpoint that this guard needs, or names it by an unsafe address.
    #[error("the metadata of the issuer has no `{0}` that is an https URL")]
    NoEndpoint(&'static str),
    /// The revocation feed is not acceptable.
    #[error("the revocation feed of the issuer is not acceptable: {0}")]
    RevocationFeed(#[from] RevocationFeedError),
    /// The revocation feed is older than the one that is known.
    #[error("the revocation feed of the issuer is of {found}, and one of {held} is known")]
    RolledBack {
        /// Its `iat`.
        found: Time,
        /// The `iat` of the one that is known.
        held: Time,
    },
    /// A signed answer about a token is not acceptable.
    #[error("the signed answer of the issuer is not acceptable: {0}")]
    SignedAnswer(#[from] IntrospectionResponseError),
    /// An answer about a token is not acceptable JSON.
    #[error("the answer of the issuer about the token is not acceptable: {0}")]
    Answer(JsonFault),
    /// An answer about a token lacks what every use of the token depends on.
    #[error("in the answer of the issuer about the token, {0}")]
    AnswerClaim(ClaimFault),
    /// Nobody has been asked yet.
    #[error("the issuer has not answered yet")]
    NotKnown,
}

/// An absolute URL without query, fragment and user name, safe to rely on under this transport.
pub(crate) fn absolute_url(text: &str, transport: Transport) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_plain && transport.allows(&url)).then_some(url)
}

pub(crate) fn with_path(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
