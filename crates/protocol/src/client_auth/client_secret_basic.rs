//! `client_secret_basic` (RFC 6749 §2.3.1): HTTP Basic whose two halves are form-encoded first.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use grantd_tokens::Secret;

use crate::names::ClientId;
use crate::parameters::decode;
use crate::refusals::Refusal;

/// Reads the value of an `Authorization` header: strict base64, strict UTF-8, the first colon splits (CAUTH-04).
pub(super) fn parse(header: &[u8]) -> Result<(ClientId, Secret), Refusal> {
    let text = std::str::from_utf8(header).map_err(|_| Refusal::BasicMalformed)?;
    let (scheme, credentials) = text.split_once(' ').ok_or(Refusal::BasicMalformed)?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Err(Refusal::BasicMalformed);
    }
    let bytes = BASE64_STANDARD.decode(credentials.trim()).map_err(|_| Refusal::BasicMalformed)?;
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or(Refusal::BasicMalformed)?;
    let (client, secret) = bytes.split_at(colon);
    let client = decode(client).map_err(|_| Refusal::BasicMalformed)?;
    let secret = decode(secret.get(1..).unwrap_or_default()).map_err(|_| Refusal::BasicMalformed)?;
    Ok((ClientId::new(client), Secret::new(secret)))
}
