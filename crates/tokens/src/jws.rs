//! Signed JWTs in compact form (RFC 7515 §7.1): [`sign`] makes them, [`Unverified::parse`] reads them, and only
//! [`Unverified::verify`] lets the claims out.
//!
//! What the claims must *say* is the business of each kind of token (KEYS-12): see
//! [`access_token`](crate::access_token).

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::crypto::Refused;
use crate::json::{self, JsonFault, Limits};
use crate::jwk::{Jwk, is_kid};
use crate::key::{KeyFault, PrivateKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// Signs `claims`, which must serialize to a JSON object, as a JWT of type `typ`.
pub fn sign(typ: &str, key: &PrivateKey, claims: &impl Serialize) -> Result<String, SignFault> {
    sign_within(Limits::JWT, typ, key, claims)
}

/// As [`sign`], for the kinds of JWT that are documents rather than tokens and may be longer.
pub fn sign_within(limits: Limits, typ: &str, key: &PrivateKey, claims: &impl Serialize) -> Result<String, SignFault> {
    let header = Header { alg: key.algorithm(), typ, kid: key.kid() };
    let header = serde_json::to_vec(&header).map_err(|_| SignFault::Claims)?;
    let payload = serde_json::to_vec(claims).map_err(|_| SignFault::Claims)?;
    if payload.first() != Some(&b'{') {
        return Err(SignFault::Claims);
    }
    let mut token = BASE64_URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > limits.max_bytes {
        return Err(SignFault::TooLong(limits.max_bytes));
    }
    Ok(token)
}

/// A well-formed JWT whose signature nobody has checked: it can be asked which key it names, and nobody
/// outside this crate learns anything of its claims but two names ([`claimed`](crate::access_token::claimed)).
pub struct Unverified<'a> {
    /// Header, dot, payload: what was signed.
    signing_input: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    claims: Map<String, Value>,
}

impl<'a> Unverified<'a> {
    /// Reads the compact form strictly: three parts of unpadded base64url, at most 16 KiB, header and payload JSON
    /// objects without duplicate members, no `crit`, no `b64`, one of our algorithms (KEYS-06, KEYS-07).
    ///
    /// A nested JWT is not an object and thus refused (KEYS-13). Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are
    /// never looked at.
    pub fn parse(token: &'a str) -> Result<Unverified<'a>, Malformed> {
        Unverified::parse_within(token, Limits::JWT)
    }

    /// As [`Unverified::parse`], for the kinds of JWT that are documents rather than tokens and may be longer. The
    /// header is held to the limits of every header.
    pub fn parse_within(token: &'a str, limits: Limits) -> Result<Unverified<'a>, Malformed> {
        if token.len() > limits.max_bytes {
            return Err(Malformed::TooLong(limits.max_bytes));
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::NotThreeParts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Malformed::NotThreeParts)?;
        if payload.contains('.') {
            return Err(Malformed::NotThreeParts);
        }
        let header = object(header, Part::Header, Limits::JWT)?;
        // RFC 7515 §4.1.11: nothing is understood here, so nothing may be critical. RFC 7797 §7: `b64` is never
        // understood.
        if header.contains_key("crit") {
            return Err(Malformed::Critical);
        }
        if header.contains_key("b64") {
            return Err(Malformed::UnencodedPayload);
        }
        let algorithm = text(&header, "alg")?.ok_or(Malformed::Header("alg"))?;
        let algorithm = Algorithm::parse(algorithm).ok_or(Malformed::UnsupportedAlgorithm)?;
        let kid = text(&header, "kid")?.map(str::to_owned);
        if kid.as_deref().is_some_and(|kid| !is_kid(kid)) {
            return Err(Malformed::Header("kid"));
        }
        let typ = text(&header, "typ")?.map(str::to_owned);
        let claims = object(payload, Part::Payload, limits)?;
        let signature = octets(signature, Part::Signature)?;
        Ok(Unverified { signing_input, signature, algorithm, kid, typ, claims })
    }

    /// The name of the key it claims to be signed with: good for looking one up, and for nothing else (KEYS-09).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type it claims to have, as written.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What a claim says, true or not. For [`access_token::claimed`](crate::access_token::claimed) alone.
    pub(crate) fn claimed(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// Whether it claims to be of this type; letter case and the `application/` prefix do not matter (RFC 7515 §4.1.9).
    pub fn is_typ(&self, expected: &str) -> bool {
        let Some(typ) = self.typ.as_deref() else { return false };
        let short = match typ.split_at_checked("application/".len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
            _ => typ,
        };
        short.eq_ignore_ascii_case(expected)
    }

    /// Checks the signature with the key's algorithm; the header may only agree (KEYS-01). Lets the claims out.
    ///
    /// Does not look at `typ` nor at any claim.
    pub fn verify(self, key: &Jwk) -> Result<Verified, InvalidSignature> {
        if self.algorithm != key.algorithm() {
            return Err(InvalidSignature);
        }
        key.key().verify(self.signing_input.as_bytes(), &self.signature).map_err(|Refused| InvalidSignature)?;
        Ok(Verified { claims: Claims::new(self.claims) })
    }
}

/// Neither the token nor its claims.
impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The claims of a JWT whose signature was checked. Made by [`Unverified::verify`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    claims: Claims,
}

impl Verified {
    /// The claims: signed, but not yet held against any rule.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, taken out.
    pub fn into_claims(self) -> Claims {
        self.claims
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verified(..)")
    }
}

/// Why a text is not a JWT that is read here. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Longer than its kind may be; for a token that is 16 KiB.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// Not `header.payload.signature`.
    #[error("a JWT has three parts with a dot between them")]
    NotThreeParts,
    /// A part has padding, white space, or letters outside the base64url alphabet.
    #[error("its {0} is not base64url without padding")]
    NotBase64Url(Part),
    /// A part is not acceptable JSON.
    #[error("its {0} is not acceptable JSON: {1}")]
    NotJson(Part, JsonFault),
    /// A header parameter is absent or of the wrong kind.
    #[error("the `{0}` of its header is missing or not valid")]
    Header(&'static str),
    /// An algorithm that is not offered; `none` and HMAC are among them.
    #[error("its `alg` is not one of ES256, EdDSA, RS256")]
    UnsupportedAlgorithm,
    /// The header has `crit`.
    #[error("its header has `crit`, and no extension is understood")]
    Critical,
    /// The header has `b64`.
    #[error("its header has `b64`, which is not supported")]
    UnencodedPayload,
}

/// A part of the compact form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Signature => "signature",
        })
    }
}

/// The signature does not fit: other bytes, another key, or an algorithm that is not the key's. Not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the signature is not valid")]
pub struct InvalidSignature;

/// Why a token could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignFault {
    /// The claims are not a JSON object.
    #[error("the claims do not serialize to a JSON object")]
    Claims,
    /// The token would be longer than any verifier here reads.
    #[error("the token would be longer than {0} bytes")]
    TooLong(usize),
    /// The key could not sign.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

#[derive(Serialize)]
struct Header<'a> {
    alg: Algorithm,
    typ: &'a str,
    kid: &'a str,
}

fn octets(text: &str, part: Part) -> Result<Vec<u8>, Malformed> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed::NotBase64Url(part))
}

fn object(text: &str, part: Part, limits: Limits) -> Result<Map<String, Value>, Malformed> {
    json::parse_object(&octets(text, part)?, limits).map_err(|fault| Malformed::NotJson(part, fault))
}

fn text<'a>(header: &'a Map<String, Value>, parameter: &'static str) -> Result<Option<&'a str>, Malformed> {
    match header.get(parameter) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed::Header(parameter)),
    }
}
