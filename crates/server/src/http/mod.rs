//! What every HTTP answer of the server has in common: headers, cookies, cross-origin rules.
//!
//! Knows nothing of endpoints and rules; see `listen` for what stands in front of all of them.

pub mod cookies;
pub mod cors;
pub mod headers;

/// How browsers reach the issuer. Decides what may be promised to them (HSTS) and which cookies they send back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The issuer is `https`: the only choice outside development (NEVER-07).
    Https,
    /// The issuer is `http` on a loopback address: development only.
    LoopbackHttp,
}
