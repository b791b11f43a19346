//! The decision about a JWT, pure: token, keys and time in, what it says or the broken rule out.

use crate::guard::Api;
use grantd_tokens::{AccessToken, AccessTokenError, Expected, JwkSet, Secret, Time, access_token};

/// Holds a token against RFC 9068 §4 with the issuer and resource of this API (RS-06). `keys` must be those of that
/// issuer.
pub(crate) fn verify(token: &Secret, keys: &JwkSet, api: &Api, now: Time) -> Result<AccessToken, AccessTokenError> {
    let expected = Expected { issuer: api.issuer.identifier(), audience: &api.resource };
    access_token::verify(token.expose(), keys, expected, now)
}
