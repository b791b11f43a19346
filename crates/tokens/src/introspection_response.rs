//! Signed answers to introspection (RFC 9701): [`IntrospectionResponse::mint`] on the authorization server, [`verify`] on
//! the resource server that asked.

use crate::access_token::Expected;
use crate::claims::{CLOCK_SKEW, ClaimFault};
use crate::issued::{Issued, IssuedFault};
use crate::jwk::JwkSet;
use crate::jws::{self, SignFault};
use crate::key::PrivateKey;
use crate::time::{Seconds, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The `typ` that tells the answer from the token it speaks of (RFC 9701 §5, §8.1).
pub const TYP: &str = "token-introspection+jwt";

/// The media type by which it is asked for and sent (RFC 9701 §4, §5).
pub const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// An answer and who it is for (RFC 9701 §5). It has neither `sub` nor `exp` at its top level, so that even a careless
/// reader does not take it for a token (§8.1, INTRO-06).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntrospectionResponse {
    /// The authorization server.
    pub iss: String,
    /// Whoever asked, by `client_id`.
    pub aud: String,
    /// When it was made.
    pub iat: Time,
    /// What RFC 7662 §2.2 says about the token; of an inactive one `active` alone (INTRO-03).
    pub token_introspection: Map<String, Value>,
}

impl IntrospectionResponse {
    /// Signs it as a JWT of type `token-introspection+jwt`.
    pub fn mint(&self, key: &PrivateKey) -> Result<String, SignFault> {
        jws::sign(TYP, key, self)
    }
}

/// Lets the `token_introspection` out of an answer of the right type, signed by a key of the expected issuer, for the
/// expected audience (the `client_id` of the caller), made just now. `keys` must be those of that issuer.
///
/// Says nothing about the token: whether it is active, for this API, or in its time.
pub fn verify(
    text: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
    now: Time,
) -> Result<Map<String, Value>, IntrospectionResponseError> {
    let claims = Issued::open(text, TYP, keys, expected.issuer)?.claims;
    let aud = claims.audience().map_err(IssuedFault::from)?;
    if !aud.contains(&expected.audience) {
        return Err(IntrospectionResponseError::WrongAudience);
    }
    let iat = claims.required_numeric_date("iat").map_err(IssuedFault::from)?;
    if !(now - MAX_AGE..=now + CLOCK_SKEW).contains(&iat) {
        return Err(IntrospectionResponseError::NotOfNow { iat, now });
    }
    match claims.get("token_introspection") {
        Some(Value::Object(answer)) => Ok(answer.clone()),
        Some(_) => Err(IssuedFault::Claim(ClaimFault::Invalid("token_introspection")).into()),
        None => Err(IssuedFault::Claim(ClaimFault::Missing("token_introspection")).into()),
    }
}

/// Why a text is not a signed answer for us. Never contains the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IntrospectionResponseError {
    /// Not an answer by this issuer.
    #[error(transparent)]
    Issued(#[from] IssuedFault),
    /// An answer to somebody else.
    #[error("its `aud` is not the client that asked")]
    WrongAudience,
    /// An answer of another time.
    #[error("it was made at {iat}, and it is {now}")]
    NotOfNow {
        /// When it was made.
        iat: Time,
        /// Our clock.
        now: Time,
    },
}

/// An answer older than this was not made for the question that was just asked. Wide enough for clocks that are not set
/// well.
const MAX_AGE: Seconds = Seconds::minutes(1);
