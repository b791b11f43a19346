//! The real clock and the real dice. Nobody else in the server may ask for either.

use std::time::{SystemTime, UNIX_EPOCH};

use grantd_tokens::{Random, Time};

/// The time of this moment, in whole seconds (INV-09).
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// How far this moment is into its second, in microseconds: orders what is told of within one, and nothing else.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn within_second() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros()
}

/// This moment as nobody can set it: good for how long something took, and for nothing else.
pub fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The operating system's randomness (KEYS-14).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Without randomness every secret would be guessable. Nothing that this process could still do is safe.
            std::process::abort();
        }
    }
}
