//! What tokens are held to: vectors of the RFCs, malformed input, attacks on JOSE, and time.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod access_token;
mod forge;
mod introspection_response;
mod json;
mod jwk;
mod jws;
mod key;
mod random_input;
mod revocation_feed;
mod secret;
mod time;
mod vectors;
