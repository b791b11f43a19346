//! Tokens as an attacker, or a careless issuer, would make them: any header, any payload, a true signature.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use grantd_tokens::{Algorithm, Jwk, PrivateKey};
use serde_json::{Map, Value};
use std::sync::LazyLock;

pub(crate) static ES256: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(Algorithm::Es256).unwrap());
pub(crate) static EDDSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(Algorithm::EdDsa).unwrap());
pub(crate) static RS256: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(Algorithm::Rs256).unwrap());

pub(crate) fn key(algorithm: Algorithm) -> &'static PrivateKey {
    match algorithm {
        Algorithm::Es256 => &ES256,
        Algorithm::EdDsa => &EDDSA,
        Algorithm::Rs256 => &RS256,
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A token with exactly these bytes as header and payload, truly signed.
pub(crate) fn signed(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>, key: &PrivateKey) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url(signature))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn jwk(value: Value) -> Jwk {
    Jwk::from_object(&object(value)).unwrap()
}
