//! The decision itself, pure: token, keys and time in, [`Access`] or the broken rule out.

use crate::access::Access;
use crate::guard::Api;
use grantd_tokens::{AccessTokenError, Expected, JwkSet, Secret, Time, access_token};
use std::sync::Arc;

/// Holds a token against RFC 9068 §4 with the issuer and resource of this API (RS-06). `keys` must be those of that
/// issuer.
pub(crate) fn verify(token: &Secret, keys: &JwkSet, api: &Arc<Api>, now: Time) -> Result<Access, AccessTokenError> {
    let expected = Expected { issuer: api.issuer.identifier(), audience: &api.resource };
    access_token::verify(token.expose(), keys, expected, now).map(|token| Access::new(api, token))
}
