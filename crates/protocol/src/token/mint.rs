//! From claims to bytes: the only place of the core that touches a signing key. Called before the commit, so that nothing
//! is spent for a token that cannot be made; what it gives is sent after (law 4).

use std::sync::Arc;

use grantd_tokens::{Algorithm, PrivateKey, jws::SignFault};
use serde::Serialize;

use super::{Form, Issued};
use crate::details;

/// A token response (RFC 6749 §5.1, RFC 9396 §7). Serialised once, into the answer; never logged.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Also when there is none: a client takes a missing `scope` to be all that it asked for (RFC 6749 §5.1).
    scope: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<serde_json::Value>,
}

/// Writes what was issued. `key_of` gives the key that a signed one is signed with.
pub fn mint<F: From<SignFault>>(
    issued: &Issued,
    key_of: impl FnOnce(Algorithm) -> Result<Arc<PrivateKey>, F>,
) -> Result<TokenResponse, F> {
    let access_token = match &issued.form {
        Form::Signed(algorithm) => issued.access_token.mint(&*key_of(*algorithm)?)?,
        Form::Opaque(token) => token.expose().to_owned(),
    };
    Ok(TokenResponse {
        access_token,
        // Nothing is bound to a key yet, and the answer says so (TOKEN-08).
        token_type: "Bearer",
        expires_in: issued.expires_in.0,
        refresh_token: issued.refresh_token.as_ref().map(|token| token.expose().to_owned()),
        scope: issued.scope.to_string(),
        authorization_details: issued.authorization_details.iter().map(details::to_json).collect(),
    })
}
