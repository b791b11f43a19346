//! What a verified token allows: the only thing a handler sees of it.

use crate::challenge::{Reason, Refusal};
use crate::guard::Api;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use grantd_tokens::{AccessToken, Time};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// Proof that the request brought a good access token for this API, and what the token says. Made by
/// [`Guard`](crate::Guard) alone; an axum handler takes it as an argument.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    api: Arc<Api>,
    token: Arc<Granted>,
}

/// What a token says, whether it said so itself or its issuer was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) client_id: String,
    pub(crate) exp: Time,
    pub(crate) jti: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) authorization_details: Vec<Value>,
    pub(crate) auth_time: Option<Time>,
    pub(crate) acr: Option<String>,
}

impl From<AccessToken> for Granted {
    fn from(token: AccessToken) -> Granted {
        Granted {
            iss: token.iss,
            sub: token.sub,
            client_id: token.client_id,
            exp: token.exp,
            jti: Some(token.jti),
            scopes: token.scopes,
            authorization_details: token.authorization_details,
            auth_time: token.auth_time,
            acr: token.acr,
        }
    }
}

impl Access {
    pub(crate) fn new(api: &Arc<Api>, token: Arc<Granted>) -> Access {
        Access { api: Arc::clone(api), token }
    }

    /// Refuses with 403 `insufficient_scope` unless the token has this scope (RS-04).
    pub fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        self.require_scopes(&[scope])
    }

    /// Refuses unless the token has all of these scopes; the challenge names them all, so that the client asks once.
    pub fn require_scopes(&self, scopes: &[&str]) -> Result<(), Refusal> {
        if scopes.iter().all(|scope| self.has_scope(scope)) {
            return Ok(());
        }
        Err(Refusal::new(&self.api, Reason::InsufficientScope { needed: scopes.join(" ") }))
    }

    /// Whether the token has this scope, compared byte by byte.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.token.scopes.iter().any(|granted| granted == scope)
    }

    /// The scopes of the token.
    pub fn scopes(&self) -> &[String] {
        &self.token.scopes
    }

    /// The authorization details of this type (RFC 9396), read as `T`; empty if there are none.
    ///
    /// One that cannot be read as `T` refuses them all: half-understood permissions are no permissions.
    pub fn details<T: DeserializeOwned>(&self, details_type: &str) -> Result<Vec<T>, Refusal> {
        self.token
            .authorization_details
            .iter()
            .filter(|details| details.get("type").and_then(Value::as_str) == Some(details_type))
            .map(T::deserialize)
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::new(&self.api, Reason::UnreadableDetails { details_type: details_type.to_owned() }))
    }

    /// A refusal for what the token does not cover, in the API's own words: 403 `insufficient_scope` with the
    /// challenge. Say what is missing, and nothing about things the caller may not know of.
    pub fn forbid(&self, description: impl Into<String>) -> Refusal {
        Refusal::new(&self.api, Reason::Forbidden { description: description.into() })
    }

    /// Who the token speaks for: the only key under which an API should know its users (RS-10).
    pub fn principal(&self) -> Principal {
        Principal { issuer: self.token.iss.clone(), subject: self.token.sub.clone() }
    }

    /// The authorization server that made the token.
    pub fn issuer(&self) -> &str {
        &self.token.iss
    }

    /// The user, or the client itself; unique only within the issuer. See [`Access::principal`].
    pub fn subject(&self) -> &str {
        &self.token.sub
    }

    /// The client that uses the token.
    pub fn client_id(&self) -> &str {
        &self.token.client_id
    }

    /// The name of the token: not secret, good for logs. A JWT always has one; an issuer that is asked about a token need
    /// not say it.
    pub fn token_id(&self) -> Option<&str> {
        self.token.jti.as_deref()
    }

    /// From this moment on the token is refused.
    pub fn expires_at(&self) -> Time {
        self.token.exp
    }

    /// When the user last proved who they are, if the issuer says.
    pub fn authenticated_at(&self) -> Option<Time> {
        self.token.auth_time
    }

    /// How strong that proof was, if the issuer says.
    pub fn acr(&self) -> Option<&str> {
        self.token.acr.as_deref()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Access").field(&self.token).finish()
    }
}

/// A user of an issuer. Neither half alone names anybody (RS-10).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    /// The authorization server.
    pub issuer: String,
    /// Its name for the user.
    pub subject: String,
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = Unguarded;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Access, Unguarded> {
        parts.extensions.get::<Access>().cloned().ok_or_else(Unguarded::report)
    }
}

/// A handler asked for [`Access`] on a route without [`Guard::layer`](crate::Guard::layer): a fault of this server,
/// answered with 500. The handler does not run (RS-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this route is not behind the layer of a grantd_resource::Guard")]
pub struct Unguarded(());

impl Unguarded {
    pub(crate) fn report() -> Unguarded {
        let unguarded = Unguarded(());
        tracing::error!("{unguarded}");
        unguarded
    }
}

impl IntoResponse for Unguarded {
    fn into_response(self) -> Response {
        let body = json!({"error": "server_error", "error_description": self.to_string()});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
    }
}
