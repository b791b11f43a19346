//! What every JWT of an issuer is held to, before its own kind is: type, key, signature, `iss` (KEYS-12).
//!
//! Knows no claim but `iss`: audience and time differ from kind to kind.

use crate::claims::{ClaimFault, Claims};
use crate::json::Limits;
use crate::jwk::JwkSet;
use crate::jws::{InvalidSignature, Malformed, Unverified};

/// The claims of a JWT of the expected type that the expected issuer signed.
pub(crate) struct Issued {
    pub(crate) claims: Claims,
    /// The key that signed it.
    pub(crate) kid: String,
}

impl Issued {
    /// `keys` must be those of this issuer.
    pub(crate) fn open(text: &str, typ: &'static str, keys: &JwkSet, issuer: &str) -> Result<Issued, IssuedFault> {
        Issued::check(Unverified::parse(text)?, typ, keys, issuer)
    }

    /// As [`Issued::open`], for a document that may be longer than a token.
    pub(crate) fn open_document(
        text: &str,
        limits: Limits,
        typ: &'static str,
        keys: &JwkSet,
        issuer: &str,
    ) -> Result<Issued, IssuedFault> {
        Issued::check(Unverified::parse_within(text, limits)?, typ, keys, issuer)
    }

    fn check(
        unverified: Unverified<'_>,
        typ: &'static str,
        keys: &JwkSet,
        issuer: &str,
    ) -> Result<Issued, IssuedFault> {
        // First of all, so that an ID token, logout token or request object of the same issuer is told what it is (RS-07).
        if !unverified.is_typ(typ) {
            return Err(IssuedFault::WrongType { found: unverified.typ().map(str::to_owned), expected: typ });
        }
        let kid = unverified.kid().ok_or(IssuedFault::MissingKid)?.to_owned();
        let Some(key) = keys.find(&kid) else { return Err(IssuedFault::UnknownKey { kid }) };
        let claims = unverified.verify(key)?.into_claims();
        let iss = claims.required_string("iss")?;
        if iss != issuer {
            return Err(IssuedFault::WrongIssuer { found: iss.to_owned(), expected: issuer.to_owned() });
        }
        Ok(Issued { claims, kid })
    }
}

/// Why a text is not a JWT of this kind, by this issuer. Never contains the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IssuedFault {
    /// Not a JWT that is read here.
    #[error("not a signed JWT: {0}")]
    NotAJwt(#[from] Malformed),
    /// A JWT of another kind.
    #[error("its `typ` is {found:?}, not {expected}")]
    WrongType {
        /// Its `typ`.
        found: Option<String>,
        /// The kind that was asked for.
        expected: &'static str,
    },
    /// The header names no key.
    #[error("its header has no `kid`, so its key cannot be found")]
    MissingKid,
    /// The issuer has no such key.
    #[error("it is signed with the key {kid:?}, which is not among the known keys of the issuer")]
    UnknownKey {
        /// The key it names.
        kid: String,
    },
    /// The signature does not fit the key.
    #[error("its signature is not valid")]
    BadSignature,
    /// From another issuer.
    #[error("it is from the issuer {found:?}, not {expected:?}")]
    WrongIssuer {
        /// Its `iss`.
        found: String,
        /// The expected one.
        expected: String,
    },
    /// A claim is absent or of the wrong kind.
    #[error(transparent)]
    Claim(#[from] ClaimFault),
}

impl From<InvalidSignature> for IssuedFault {
    fn from(_: InvalidSignature) -> IssuedFault {
        IssuedFault::BadSignature
    }
}
