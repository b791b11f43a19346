//! HTTP: bytes to requests, answers to bytes. One file an endpoint, and what all answers have in common; no rules.
//!
//! See `router.rs` for the paths, `listen` for what stands in front of all of them, `grantd_protocol` for every decision.

pub mod account;
pub mod answer;
pub mod authorize;
pub mod back_channel;
pub mod consent;
pub mod cookies;
pub mod cors;
pub mod form;
pub mod headers;
pub mod home;
pub mod inactive_answers;
pub mod introspect;
pub mod login;
pub mod metadata;
pub mod not_now;
pub mod origins;
pub mod revocations;
pub mod revoke;
pub mod token;
pub mod visit;

/// How browsers reach the issuer. Decides what may be promised to them (HSTS) and which cookies they send back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The issuer is `https`: the only choice outside development (NEVER-07).
    Https,
    /// The issuer is `http` on a loopback address: development only.
    LoopbackHttp,
}
