//! The clock and the environment: a benchmark is about the machine that it runs on, and asks for both here only.
#![expect(clippy::disallowed_methods, reason = "what is measured is time on this machine; nothing is decided by it")]

use std::time::{Duration, Instant, SystemTime};

use grantd_tokens::Time;

/// A moment, to measure from.
pub fn instant() -> Instant {
    Instant::now()
}

/// The time of day, for records and for the head of a report.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// An environment variable that `cargo run` sets.
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}
