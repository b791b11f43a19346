//! Authorization server metadata (RFC 8414), as a client believes it: from the issuer itself, about itself, or not at all (STATE-03).

use serde::Deserialize;
use url::Url;

use crate::back_channel::BackChannel;
use crate::fault::DemoFault;
use crate::redirect::{ExpectedIssuer, IssParameter};

/// What a client needs to know of an authorization server.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Who answers, and how it says so.
    pub issuer: ExpectedIssuer,
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where codes are traded.
    pub token_endpoint: String,
    /// Where tokens are given back (RFC 7009), if there is such a place.
    pub revocation_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Fetches the document from where RFC 8414 §3.1 says.
    pub async fn fetch(issuer: &str, back_channel: &BackChannel) -> Result<Self, DemoFault> {
        let fault = |why: String| DemoFault::Metadata { issuer: issuer.to_owned(), why };
        let url = well_known(issuer).ok_or_else(|| fault("it is no URL".to_owned()))?;
        let answer = back_channel.get(url.as_str()).await.map_err(|error| fault(error.to_string()))?;
        if answer.status != http::StatusCode::OK {
            return Err(fault(format!("{url} answered {}", answer.status)));
        }
        Self::parse(&answer.body, issuer).map_err(fault)
    }

    /// Reads a document, and refuses one about somebody else: endpoints of one issuer never mix with another's.
    pub fn parse(body: &[u8], configured_issuer: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if document.issuer != configured_issuer {
            return Err(format!("it speaks for another issuer, {:?}", document.issuer));
        }
        let promised = document.authorization_response_iss_parameter_supported;
        let iss = if promised { IssParameter::Promised } else { IssParameter::NotPromised };
        Ok(Self {
            issuer: ExpectedIssuer { identifier: document.issuer, iss },
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            revocation_endpoint: document.revocation_endpoint,
        })
    }
}

/// RFC 8414 §3.1: the well-known part stands between host and path.
fn well_known(issuer: &str) -> Option<Url> {
    let mut url = Url::parse(issuer).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    Some(url)
}
