//! The JWT profile for access tokens (RFC 9068): [`AccessTokenClaims::mint`] on the authorization server, [`verify`] on
//! the resource server. What is signed by one is what the other reads.

use crate::claims::{ClaimFault, TimeFault};
use crate::issued::{Issued, IssuedFault};
use crate::jwk::JwkSet;
use crate::jws::{self, Malformed, SignFault, Unverified};
use crate::key::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `typ` that tells access tokens from every other JWT (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// What an access token says (RFC 9068 §2.2). The order of the fields is the order on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// The authorization server that made it.
    pub iss: String,
    /// The user, or the client itself where no user took part.
    pub sub: String,
    /// The one resource it is for; written as a string (AT-04).
    pub aud: String,
    /// The client it was issued to.
    pub client_id: String,
    /// From this moment on it is worthless.
    pub exp: Time,
    /// When it was made.
    pub iat: Time,
    /// Its name: unique, not secret, good for logs. See [`grant_of`].
    pub jti: String,
    /// The granted scopes, space-separated; absent if there are none (AT-03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The granted details for this resource (RFC 9396 §9.1); absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<Value>,
    /// When the user last proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Time>,
    /// How strong that proof was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

impl AccessTokenClaims {
    /// Signs the claims as a token of type `at+jwt` with `kid` (AT-01). Judges none of them: what may be granted was
    /// decided before.
    pub fn mint(&self, key: &PrivateKey) -> Result<String, SignFault> {
        jws::sign(TYP, key, self)
    }
}

/// What a resource server demands of every token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expected<'a> {
    /// The issuer, compared byte by byte.
    pub issuer: &'a str,
    /// The resource server's own identifier, which must be among the audience.
    pub audience: &'a str,
}

/// Holds a bearer token against every rule of RFC 9068 §4 and RFC 8725 §3 (RS-06). `keys` must be those of the expected
/// issuer.
///
/// Does not know of revocation, nor what the token allows: scopes and details are for whoever serves the request.
pub fn verify(token: &str, keys: &JwkSet, expected: Expected<'_>, now: Time) -> Result<AccessToken, AccessTokenError> {
    let issued = Issued::open(token, TYP, keys, expected.issuer)?;
    let aud = issued.claims.audience()?;
    if !aud.contains(&expected.audience) {
        let found = aud.into_iter().map(str::to_owned).collect();
        return Err(AccessTokenError::WrongAudience { found, expected: expected.audience.to_owned() });
    }
    issued.claims.ensure_current(now)?;
    AccessToken::read(issued)
}

/// As [`verify`], for the authorization server that made the token and is asked about it (RFC 7662 §2.2): whoever it is
/// for, and whether its time is over or not, which the caller judges.
pub fn verify_own(token: &str, keys: &JwkSet, issuer: &str) -> Result<AccessToken, AccessTokenError> {
    AccessToken::read(Issued::open(token, TYP, keys, issuer)?)
}

/// Which token a text says that it is, and whose. Nobody has checked that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// Its `jti`.
    pub jti: String,
    /// Its `client_id`.
    pub client_id: String,
}

/// Reads the names off a text that looks like an access token: good for finding the records that [`verify_own`] and
/// whoever calls it need, and for nothing else. `None` for a JWT of another type, and for what is none.
pub fn claimed(text: &str) -> Option<Claimed> {
    let unverified = Unverified::parse(text).ok().filter(|unverified| unverified.is_typ(TYP))?;
    let named = |claim| unverified.claimed(claim).filter(|name| name.len() <= MAX_NAME).map(str::to_owned);
    Some(Claimed { jti: named("jti")?, client_id: named("client_id")? })
}

/// The grant that a token of this `jti` hangs on: grantd names its tokens `<grant>.<own part>`, so that a grant that ended
/// takes them along without a look-up. `None` for a token without a grant, and for names of another form.
pub fn grant_of(jti: &str) -> Option<&str> {
    let is_base64url = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let (grant, own) = jti.split_once('.')?;
    (is_base64url(grant) && is_base64url(own)).then_some(grant)
}

/// An access token that passed [`verify`] or [`verify_own`], and only such a one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AccessToken {
    /// The authorization server that made it.
    pub iss: String,
    /// The user or client it speaks for; unique only together with `iss` (RS-10).
    pub sub: String,
    /// Everyone it is for; ours is among them.
    pub aud: Vec<String>,
    /// The client that uses it.
    pub client_id: String,
    /// When it ends.
    pub exp: Time,
    /// When it was made.
    pub iat: Time,
    /// Its name.
    pub jti: String,
    /// The scopes, one by one.
    pub scopes: Vec<String>,
    /// Objects with a string `type`, otherwise unchecked (RFC 9396 §2).
    pub authorization_details: Vec<Value>,
    /// When the user last proved who they are.
    pub auth_time: Option<Time>,
    /// How strong that proof was.
    pub acr: Option<String>,
    /// The key that signed it.
    pub kid: String,
}

impl AccessToken {
    /// The grant it hangs on; see [`grant_of`].
    pub fn grant(&self) -> Option<&str> {
        grant_of(&self.jti)
    }

    fn read(Issued { claims, kid }: Issued) -> Result<AccessToken, AccessTokenError> {
        // RFC 9449 §7.1, RFC 8705 §3: bound to a key, and nobody here has seen a proof of that key (RS-09).
        if claims.get("cnf").is_some() {
            return Err(AccessTokenError::SenderConstrained);
        }
        Ok(AccessToken {
            iss: claims.required_string("iss")?.to_owned(),
            sub: claims.required_string("sub")?.to_owned(),
            aud: claims.audience()?.into_iter().map(str::to_owned).collect(),
            client_id: claims.required_string("client_id")?.to_owned(),
            exp: claims.required_numeric_date("exp")?,
            iat: claims.required_numeric_date("iat")?,
            jti: claims.required_string("jti")?.to_owned(),
            scopes: claims.scopes()?,
            authorization_details: claims.authorization_details()?,
            auth_time: claims.numeric_date("auth_time")?,
            acr: claims.string("acr")?.map(str::to_owned),
            kid,
        })
    }
}

/// Which rule a token broke, in a sentence for the developer who sent it.
///
/// A sentence never contains the token. It quotes claims only after the signature was found good, and of the header
/// only `typ` and `kid`; quotes are ASCII, short, and free of `"` and `\`, so that they fit an RFC 6750
/// `error_description`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AccessTokenError {
    /// Not a JWT that is read here.
    #[error("the token is not a signed JWT as RFC 9068 describes: {0}")]
    NotAJwt(Malformed),
    /// A JWT of another kind.
    #[error("the token is not an access token: its `typ` is {}, not at+jwt (was an ID token sent?)", shown_option(found.as_deref()))]
    WrongType {
        /// Its `typ`.
        found: Option<String>,
    },
    /// The header names no key.
    #[error("the header of the token has no `kid`, so its key cannot be found")]
    MissingKid,
    /// The issuer has no such key.
    #[error(
        "the token is signed with the key {}, which is not among the keys of the issuer as this API last saw them",
        shown(kid)
    )]
    UnknownKey {
        /// The key it names.
        kid: String,
    },
    /// The signature does not fit the key.
    #[error("the signature of the token is not valid")]
    BadSignature,
    /// From another authorization server.
    #[error("the token is from the issuer {}; this API takes tokens from {}", shown(found), shown(expected))]
    WrongIssuer {
        /// Its `iss`.
        found: String,
        /// Ours.
        expected: String,
    },
    /// For another resource.
    #[error(
        "the token is for {}; this API is {} (ask for it with the `resource` parameter)",
        shown_list(found),
        shown(expected)
    )]
    WrongAudience {
        /// Its `aud`.
        found: Vec<String>,
        /// Ours.
        expected: String,
    },
    /// Its time is over.
    #[error("the token expired {} seconds ago", now.since(*exp))]
    Expired {
        /// When it ended.
        exp: Time,
        /// Our clock.
        now: Time,
    },
    /// Its time has not come.
    #[error("the token is not valid yet: its `{claim}` is {} seconds ahead of the clock of this API", at.since(*now))]
    NotYetValid {
        /// `nbf` or `iat`.
        claim: &'static str,
        /// What it says.
        at: Time,
        /// Our clock.
        now: Time,
    },
    /// A claim that RFC 9068 §2.2 requires is absent.
    #[error("the token has no claim `{0}`, which RFC 9068 requires")]
    MissingClaim(&'static str),
    /// A claim is of the wrong kind.
    #[error("the claim `{0}` of the token is not of the kind that its specification says")]
    InvalidClaim(&'static str),
    /// Bound to a key by `cnf`.
    #[error("the token is bound to a key and cannot be used as a bearer token")]
    SenderConstrained,
}

impl From<IssuedFault> for AccessTokenError {
    fn from(fault: IssuedFault) -> AccessTokenError {
        match fault {
            IssuedFault::NotAJwt(malformed) => AccessTokenError::NotAJwt(malformed),
            IssuedFault::WrongType { found, .. } => AccessTokenError::WrongType { found },
            IssuedFault::MissingKid => AccessTokenError::MissingKid,
            IssuedFault::UnknownKey { kid } => AccessTokenError::UnknownKey { kid },
            IssuedFault::BadSignature => AccessTokenError::BadSignature,
            IssuedFault::WrongIssuer { found, expected } => AccessTokenError::WrongIssuer { found, expected },
            IssuedFault::Claim(fault) => fault.into(),
        }
    }
}

impl From<ClaimFault> for AccessTokenError {
    fn from(fault: ClaimFault) -> AccessTokenError {
        match fault {
            ClaimFault::Missing(claim) => AccessTokenError::MissingClaim(claim),
            ClaimFault::Invalid(claim) => AccessTokenError::InvalidClaim(claim),
        }
    }
}

impl From<TimeFault> for AccessTokenError {
    fn from(fault: TimeFault) -> AccessTokenError {
        match fault {
            TimeFault::Expired { exp, now } => AccessTokenError::Expired { exp, now },
            TimeFault::NotYetValid { claim, at, now } => AccessTokenError::NotYetValid { claim, at, now },
            TimeFault::Claim(fault) => fault.into(),
        }
    }
}

/// Longer than any name that grantd gives.
const MAX_NAME: usize = 512;

/// A quoted value may be this long.
const MAX_SHOWN: usize = 100;

/// A value fit for a sentence: only the characters of RFC 6750 §3 `error_description`, and not too many.
fn shown(value: &str) -> String {
    let mut text: String = value
        .chars()
        .take(MAX_SHOWN)
        .map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '?' })
        .collect();
    if value.chars().nth(MAX_SHOWN).is_some() {
        text.push_str("...");
    }
    text
}

fn shown_option(value: Option<&str>) -> String {
    value.map_or_else(|| "absent".to_owned(), shown)
}

fn shown_list(values: &[String]) -> String {
    shown(&values.join(", "))
}
