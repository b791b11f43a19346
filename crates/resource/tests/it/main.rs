//! A real API on a loopback listener, a real issuer on another, and requests between them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod access;
mod api;
mod challenges;
mod closed;
mod configuration;
mod credentials;
mod introspection;
mod issuer;
mod key_rotation;
mod metadata;
mod metadata_of_the_issuer;
mod quiet;
mod revocations;
mod token_rules;
