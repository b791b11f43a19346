//! Every way this crate says no: the status, the challenge of RFC 6750 §3, and a body that a client's developer
//! understands.

use crate::credentials::NoToken;
use crate::guard::Api;
use axum::Json;
use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use grantd_tokens::{AccessTokenError, Ended};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A request that was refused; as a response it carries the challenge and explains itself. Never contains the token
/// (RS-15).
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    api: Arc<Api>,
    reason: Reason,
}

/// Which rule refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request brings no usable token.
    NoToken(NoToken),
    /// The token breaks a rule.
    InvalidToken(AccessTokenError),
    /// The token's details of this type are not what the API understands.
    UnreadableDetails { details_type: String },
    /// The token lacks a scope.
    InsufficientScope { needed: String },
    /// The token is good, but not for this; in the API's own words.
    Forbidden { description: String },
    /// The issuer says that the token is worth nothing (RFC 7662 §2.2).
    Inactive,
    /// The token ended before its time (AT-11).
    Ended(Ended),
    /// Something that the judgement needs cannot be had (INV-07).
    Unavailable(Unavailable),
}

/// What cannot be had from the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Its keys.
    Keys,
    /// News about what was revoked, lately enough.
    Revocations,
    /// An answer about the token.
    Introspection,
}

impl Refusal {
    pub(crate) fn new(api: &Arc<Api>, reason: Reason) -> Refusal {
        Refusal { api: Arc::clone(api), reason }
    }

    /// The HTTP status (RFC 6750 §3.1).
    pub fn status(&self) -> StatusCode {
        match &self.reason {
            Reason::NoToken(NoToken::Absent)
            | Reason::InvalidToken(_)
            | Reason::Inactive
            | Reason::Ended(_)
            | Reason::UnreadableDetails { .. } => StatusCode::UNAUTHORIZED,
            Reason::NoToken(NoToken::Repeated | NoToken::AlsoInQuery | NoToken::NotToken68) => StatusCode::BAD_REQUEST,
            Reason::InsufficientScope { .. } | Reason::Forbidden { .. } => StatusCode::FORBIDDEN,
            Reason::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The error code (RFC 6750 §3.1); none for a request that simply brought no token, as the section asks.
    pub fn error(&self) -> Option<&'static str> {
        match &self.reason {
            Reason::NoToken(NoToken::Absent) => None,
            Reason::NoToken(NoToken::Repeated | NoToken::AlsoInQuery | NoToken::NotToken68) => Some("invalid_request"),
            Reason::InvalidToken(_) | Reason::Inactive | Reason::Ended(_) | Reason::UnreadableDetails { .. } => {
                Some("invalid_token")
            }
            Reason::InsufficientScope { .. } | Reason::Forbidden { .. } => Some("insufficient_scope"),
            Reason::Unavailable(_) => Some("temporarily_unavailable"),
        }
    }

    /// What was wrong and what was expected, for the developer of the client.
    pub fn description(&self) -> String {
        match &self.reason {
            Reason::NoToken(NoToken::Absent) => format!(
                "this API needs an access token from {} in the header: Authorization: Bearer <token>",
                self.api.issuer.identifier()
            ),
            Reason::NoToken(NoToken::Repeated) => "the request has more than one Authorization header".to_owned(),
            Reason::NoToken(NoToken::AlsoInQuery) => {
                "the request has a token in its query as well as in its Authorization header; send it in the header alone".to_owned()
            }
            Reason::NoToken(NoToken::NotToken68) => {
                "the Authorization header is not of the form: Bearer <token>".to_owned()
            }
            Reason::InvalidToken(error) => error.to_string(),
            Reason::UnreadableDetails { details_type } => {
                format!("the authorization details of type {details_type} in the token are not of the form this API expects")
            }
            Reason::InsufficientScope { needed } => format!("this needs the scope {needed}, which the token does not have"),
            Reason::Forbidden { description } => description.clone(),
            Reason::Inactive => "the issuer says that the token is not active: unknown, expired or revoked".to_owned(),
            Reason::Ended(ended) => ended.to_string(),
            Reason::Unavailable(what) => match what {
                Unavailable::Keys => "the keys of the issuer cannot be fetched at the moment; try again",
                Unavailable::Revocations => {
                    "the issuer cannot be asked at the moment whether tokens were revoked; try again"
                }
                Unavailable::Introspection => "the issuer cannot be asked about the token at the moment; try again",
            }
            .to_owned(),
        }
    }

    /// Which rule the token broke, if that is why.
    pub fn token_error(&self) -> Option<&AccessTokenError> {
        match &self.reason {
            Reason::InvalidToken(error) => Some(error),
            _ => None,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1); none when the fault is ours.
    pub fn challenge(&self) -> Option<String> {
        let scope = match &self.reason {
            Reason::Unavailable(_) => return None,
            Reason::InsufficientScope { needed } => Some(needed.as_str()),
            _ => None,
        };
        let description = self.error().map(|_| self.description());
        let attributes = [
            ("realm", Some(self.api.realm.as_str())),
            ("error", self.error()),
            ("error_description", description.as_deref()),
            ("scope", scope),
            ("resource_metadata", Some(self.api.metadata_url.as_str())),
        ];
        let attributes: Vec<String> = attributes
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}=\"{}\"", quotable(value?))))
            .collect();
        Some(format!("Bearer {}", attributes.join(", ")))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body { error: self.error(), error_description: quotable(&self.description()) };
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // `quotable` leaves nothing that a header cannot hold.
        if let Some(challenge) = self.challenge().and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quotable(&self.description()))
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.reason).finish()
    }
}

impl std::error::Error for Refusal {}

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    error_description: String,
}

/// Long enough for every sentence of ours; proxies cut headers at a few kilobytes.
const MAX_QUOTED: usize = 600;

/// The text with only the characters that RFC 6750 §3 allows between quotes, so that nothing can end the quotes early
/// or start a new header line.
fn quotable(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    text.chars().take(MAX_QUOTED).map(|c| if allowed(c) { c } else { '?' }).collect()
}
