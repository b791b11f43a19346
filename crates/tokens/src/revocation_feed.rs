//! The revocation feed: which JWT access tokens are no longer good although their time is not over (AT-11).
//!
//! A small signed document that the authorization server publishes and resource servers pull:
//! [`RevocationFeed::mint`] on the one side, [`verify`] on the other. An entry is a [`Mark`], so whoever reads the feed
//! recognizes what they have seen and learns nothing of the rest. The server leaves an entry out again once the last
//! token it speaks of has expired; that bounds the document by the lifetime of tokens, not by the age of the server.

use crate::access_token::AccessToken;
use crate::claims::{ClaimFault, Claims, TimeFault};
use crate::issued::{Issued, IssuedFault};
use crate::json::Limits;
use crate::jwk::JwkSet;
use crate::jws::{self, SignFault};
use crate::key::PrivateKey;
use crate::secret::Digest;
use crate::time::Time;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The `typ` that tells the feed from every token (RFC 8725 §3.11).
pub const TYP: &str = "revocation-feed+jwt";

/// The media type it is served with.
pub const MEDIA_TYPE: &str = "application/revocation-feed+jwt";

/// Everything of one issuer that ended early. Sets and maps in order, so that equal content is equal text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RevocationFeed {
    /// The authorization server.
    pub iss: String,
    /// When it was made: of two feeds the later one counts.
    pub iat: Time,
    /// From this moment on it may no longer be taken for current.
    pub exp: Time,
    /// Grants that ended, by grant id: all their tokens are refused.
    pub grants: BTreeSet<Mark>,
    /// Single tokens that ended, by whole `jti`.
    pub tokens: BTreeSet<Mark>,
    /// Clients that ended, by `client_id`, and when: tokens made until that moment are refused, later ones are not.
    pub clients: BTreeMap<Mark, Time>,
    /// Signing keys that were removed before their time, by `kid`: nothing they signed is good.
    pub keys: BTreeSet<Mark>,
}

impl RevocationFeed {
    /// Signs it as a JWT of type `revocation-feed+jwt`; refuses to make one that no reader would take.
    pub fn mint(&self, key: &PrivateKey) -> Result<String, SignFault> {
        jws::sign_within(Limits::REVOCATION_FEED, TYP, key, self)
    }

    /// What of this token ended, if anything did. Judges nothing else about it.
    pub fn refuses(&self, token: &AccessToken) -> Option<Ended> {
        if self.keys.contains(&Mark::of(&token.kid)) {
            return Some(Ended::Key);
        }
        if token.grant().is_some_and(|grant| self.grants.contains(&Mark::of(grant))) {
            return Some(Ended::Grant);
        }
        if self.tokens.contains(&Mark::of(&token.jti)) {
            return Some(Ended::Token);
        }
        self.clients.get(&Mark::of(&token.client_id)).is_some_and(|at| token.iat <= *at).then_some(Ended::Client)
    }

    /// Whether nothing signed with this key is good any more, this feed's successors included.
    pub fn refuses_key(&self, kid: &str) -> bool {
        self.keys.contains(&Mark::of(kid))
    }

    fn read(claims: &Claims) -> Result<RevocationFeed, ClaimFault> {
        Ok(RevocationFeed {
            iss: claims.required_string("iss")?.to_owned(),
            iat: claims.required_numeric_date("iat")?,
            exp: claims.required_numeric_date("exp")?,
            grants: marks(claims, "grants")?,
            tokens: marks(claims, "tokens")?,
            clients: moments(claims, "clients")?,
            keys: marks(claims, "keys")?,
        })
    }
}

/// Reads a feed: of the right type, signed by a key of this issuer, not expired, all its members there and of their kind
/// (unknown ones are ignored). `keys` must be those of the issuer.
///
/// Does not know which feed was read before: a reader keeps the one with the latest `iat`.
pub fn verify(text: &str, keys: &JwkSet, issuer: &str, now: Time) -> Result<RevocationFeed, RevocationFeedError> {
    let Issued { claims, kid } = Issued::open_document(text, Limits::REVOCATION_FEED, TYP, keys, issuer)?;
    claims.ensure_current(now)?;
    let feed = RevocationFeed::read(&claims).map_err(IssuedFault::from)?;
    // Whoever holds a removed key must not be the one who says what was removed.
    if feed.refuses_key(&kid) {
        return Err(RevocationFeedError::SignedByRemovedKey { kid });
    }
    Ok(feed)
}

/// What of a token ended before its time, in a sentence for the developer of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ended {
    /// Its grant.
    #[error("the access that this token stands for was ended, by its user, by an operator, or because it was misused")]
    Grant,
    /// This very token.
    #[error("the token was revoked")]
    Token,
    /// Its client.
    #[error("the client that this token was issued to was disabled after it was issued")]
    Client,
    /// The key that signed it.
    #[error("the key that signed this token was withdrawn by the issuer; ask for a new token")]
    Key,
}

/// Why a text is not a feed that may be taken. Never contains the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RevocationFeedError {
    /// Not a feed by this issuer.
    #[error(transparent)]
    Issued(#[from] IssuedFault),
    /// Its time is over, or has not come.
    #[error(transparent)]
    Time(#[from] TimeFault),
    /// Signed by a key that it names as removed.
    #[error("it is signed with the key {kid:?}, which it says is removed")]
    SignedByRemovedKey {
        /// That key.
        kid: String,
    },
}

/// Half of a SHA-256 over an identifier, 22 characters of base64url: enough to recognize the identifier, useless to find
/// it. Two of 2⁴⁰ identifiers share a mark with a probability of 2⁻⁴⁹.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark([u8; 16]);

impl Mark {
    /// The mark of a grant id, `jti`, `client_id` or `kid`.
    pub fn of(identifier: &str) -> Mark {
        let digest = Digest::of(identifier.as_bytes());
        let mut mark = [0; 16];
        mark.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Mark(mark)
    }

    /// Reads what [`Mark::to_base64url`] wrote, and nothing else.
    pub fn parse(text: &str) -> Option<Mark> {
        BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Mark)
    }

    /// Its form on the wire.
    pub fn to_base64url(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mark({})", self.to_base64url())
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mark, D::Error> {
        let text = String::deserialize(deserializer)?;
        Mark::parse(&text).ok_or_else(|| serde::de::Error::custom("not a mark: 16 bytes in base64url"))
    }
}

fn marks(claims: &Claims, claim: &'static str) -> Result<BTreeSet<Mark>, ClaimFault> {
    let marks = claims.get(claim).ok_or(ClaimFault::Missing(claim))?.as_array().ok_or(ClaimFault::Invalid(claim))?;
    let marks = marks.iter().map(|mark| mark.as_str().and_then(Mark::parse));
    marks.collect::<Option<_>>().ok_or(ClaimFault::Invalid(claim))
}

fn moments(claims: &Claims, claim: &'static str) -> Result<BTreeMap<Mark, Time>, ClaimFault> {
    let members = claims.get(claim).ok_or(ClaimFault::Missing(claim))?.as_object().ok_or(ClaimFault::Invalid(claim))?;
    let moment = |value: &Value| value.as_i64().map(Time);
    let moments = members.iter().map(|(mark, at)| Some((Mark::parse(mark)?, moment(at)?)));
    moments.collect::<Option<_>>().ok_or(ClaimFault::Invalid(claim))
}
