//! What is said about a token (RFC 7662 §2.2), plain or to be signed (RFC 9701 §5).

use grantd_tokens::introspection_response::IntrospectionResponse;
use grantd_tokens::{AccessTokenClaims, Time};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::names::{ClientId, Issuer};
use crate::records::{Grant, RefreshToken};
use crate::refusals::Refusal;

/// The answer to somebody who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introspected {
    /// It is good, and this is what for.
    Active(Box<Active>),
    /// It is good for nothing, and nothing else is said (INTRO-03). Why is for the operator.
    Inactive(Refusal),
}

/// What an active token is good for (INTRO-04). What it has not is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Active {
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    client_id: String,
    sub: String,
    /// Of a refresh token none: it is for this server alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    iss: String,
    exp: Time,
    iat: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Of a refresh token none: the registry knows types of access tokens only (RFC 6749 §7.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details: Vec<Value>,
}

impl Active {
    pub(super) fn of_access_token(token: AccessTokenClaims) -> Self {
        Self {
            scope: token.scope,
            client_id: token.client_id,
            sub: token.sub,
            aud: Some(token.aud),
            iss: token.iss,
            exp: token.exp,
            iat: token.iat,
            jti: Some(token.jti),
            token_type: Some("Bearer"),
            auth_time: token.auth_time,
            acr: token.acr,
            authorization_details: token.authorization_details,
        }
    }

    pub(super) fn of_refresh_token(token: &RefreshToken, grant: &Grant, issuer: &Issuer) -> Self {
        Self {
            scope: (!grant.scopes.is_empty()).then(|| grant.scopes.to_string()),
            client_id: grant.client.as_str().to_owned(),
            sub: grant.user.as_str().to_owned(),
            aud: None,
            iss: issuer.as_str().to_owned(),
            exp: token.expires_at.min(grant.expires_at),
            iat: token.issued_at,
            jti: None,
            token_type: None,
            auth_time: None,
            acr: None,
            authorization_details: Vec::new(),
        }
    }
}

impl Introspected {
    /// The members of the answer. Of an inactive token `active` alone, whatever the reason.
    pub fn members(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let mut members = Map::from_iter([("active".to_owned(), json!(matches!(self, Self::Active(_))))]);
        if let Self::Active(active) = self
            && let Value::Object(said) = serde_json::to_value(active)?
        {
            members.extend(said);
        }
        Ok(members)
    }

    /// The same, to be signed for whoever asked and for nobody else (INTRO-06).
    pub fn to_sign(
        &self,
        issuer: &Issuer,
        caller: &ClientId,
        now: Time,
    ) -> Result<IntrospectionResponse, serde_json::Error> {
        Ok(IntrospectionResponse {
            iss: issuer.as_str().to_owned(),
            aud: caller.as_str().to_owned(),
            iat: now,
            token_introspection: self.members()?,
        })
    }
}
