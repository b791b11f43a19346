//! What can go wrong around the demonstration itself. What a server refuses is no fault: that is often the point.

use std::net::SocketAddr;

/// Why the demonstration cannot start or go on. Never contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    /// No address to listen on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// What was tried last.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    HttpClient(#[source] reqwest::Error),
    /// The authorization server is not there, or its metadata is not what it must be.
    #[error("cannot use the metadata of {issuer}: {why}")]
    Metadata {
        /// The issuer as configured.
        issuer: String,
        /// What was found.
        why: String,
    },
    /// An API's guard cannot be configured.
    #[error(transparent)]
    Guard(#[from] grantd_resource::ConfigurationFault),
    /// An address is no URL.
    #[error("{0:?} is no URL")]
    Url(String),
    /// A request of the demonstration's own got no answer.
    #[error("no usable answer from {to}: {why}")]
    NoAnswer {
        /// Who was asked, without query.
        to: String,
        /// What happened.
        why: String,
    },
    /// Nobody came back to the native app in time.
    #[error("nobody came back with an answer within {minutes} minutes")]
    NobodyCame {
        /// How long it waited.
        minutes: u64,
    },
    /// The authorization response was dropped.
    #[error("the answer was dropped: {0}")]
    Dropped(#[from] crate::redirect::Dropped),
    /// The token endpoint refused.
    #[error("the token endpoint refused: {0}")]
    TokenRefused(String),
    /// The script saw something else than it must.
    #[error("step {step}, {title}: expected {expected}, but saw {seen}")]
    Step {
        /// Its number.
        step: usize,
        /// Its title.
        title: String,
        /// What must happen.
        expected: String,
        /// What happened.
        seen: String,
    },
    /// The text cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}
