//! What a token *is*: secrets, keys, JOSE, and the JWT profiles built on it.
//!
//! Pure: no clock, no I/O, no async. The time is an argument ([`Time`]), randomness is an argument ([`Random`]). The
//! one exception stands in `crypto.rs`: key generation, ECDSA signing and sealing draw from the operating system inside
//! the cryptographic library, because a caller that repeats a nonce there gives the key away (RFC 8725 §3.5).
//!
//! Start at [`AccessTokenClaims::mint`] and [`access_token::verify`]; beside them stand the other things an issuer signs
//! for resource servers, [`revocation_feed`] and [`introspection_response`]. The layers below are [`jws`] (signatures),
//! [`jwk`] (public keys), [`key`] (private keys, encrypted at rest), [`json`] (strict reading), [`secret`] and
//! [`time`].

pub mod access_token;
pub mod algorithm;
pub mod claims;
mod crypto;
pub mod introspection_response;
mod issued;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod key;
pub mod revocation_feed;
pub mod secret;
pub mod time;

pub use access_token::{AccessToken, AccessTokenClaims, AccessTokenError, Expected};
pub use algorithm::Algorithm;
pub use claims::Claims;
pub use introspection_response::IntrospectionResponse;
pub use issued::IssuedFault;
pub use jwk::{Jwk, JwkFault, JwkSet, PublicKey};
pub use key::{KeyEncryptionKey, KeyFault, PrivateKey, SealedKey};
pub use revocation_feed::{Ended, Mark, RevocationFeed};
pub use secret::{Digest, Random, Secret};
pub use time::{Seconds, Time};
