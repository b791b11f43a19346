//! Who the issuer is, and where its keys are according to its own metadata (RFC 8414). Pure; `fetch.rs` does the
//! asking.

use crate::fetch::FetchFault;
use grantd_tokens::JwkFault;
use grantd_tokens::json::{self, JsonFault, Limits};
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
    /// to fetch.
    pub(crate) fn jwks_uri(&self, document: &[u8]) -> Result<Url, IssuerFault> {
        let metadata = json::parse_object(document, Limits::DOCUMENT).map_err(IssuerFault::Metadata)?;
        let member = |name: &str| metadata.get(name).and_then(Value::as_str);
        let found = member("issuer").unwrap_or_default();
        if found != self.identifier {
            return Err(IssuerFault::AnotherIssuer { found: found.to_owned(), expected: self.identifier.clone() });
        }
        let jwks_uri = member("jwks_uri").and_then(|uri| Url::parse(uri).ok()).ok_or(IssuerFault::NoJwksUri)?;
        if !self.transport.allows(&jwks_uri) {
            return Err(IssuerFault::InsecureJwksUri);
        }
        Ok(jwks_uri)
    }
}

/// Why there are no keys of the issuer.
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
    /// Nobody has been asked yet.
    #[error("the keys of the issuer are not known yet")]
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
