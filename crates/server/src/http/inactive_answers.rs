//! How often a caller may be told that a token is not active (INTRO-07).
//!
//! Good tokens cost nothing here: a stranger who sends garbage to an API makes the API ask, and must not lock out the people
//! with good tokens by it. What is bounded is guessing: whoever asks about what never was is answered 100 times a second, after
//! the first 1000. Counted by each process for itself, and forgotten with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use grantd_protocol::names::ClientId;
use grantd_tokens::Time;

/// As many at once.
const BURST: u32 = 1_000;
/// And so many more in each second.
const PER_SECOND: i64 = 100;
/// More than an issuer has resource servers. Only authenticated clients are counted.
const MAX_CALLERS: usize = 10_000;

/// What is left to each caller.
#[derive(Debug, Default)]
pub struct InactiveAnswers {
    buckets: Mutex<BTreeMap<ClientId, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    at: Time,
}

impl InactiveAnswers {
    /// Takes one for this caller, who is authenticated. `false` if there is none left at this moment.
    pub fn take(&self, caller: &ClientId, now: Time) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CALLERS && !buckets.contains_key(caller) {
            // A full bucket is as good as none.
            buckets.retain(|_, bucket| bucket.filled(now).left < BURST);
            if buckets.len() >= MAX_CALLERS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(caller.clone()).or_insert(Bucket { left: BURST, at: now });
        *bucket = bucket.filled(now);
        let taken = bucket.left.checked_sub(1);
        bucket.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

impl Bucket {
    /// As it is now. A clock that was set back fills nothing, and starts anew from there.
    fn filled(self, now: Time) -> Self {
        let more = now.since(self.at).0.max(0).saturating_mul(PER_SECOND);
        let more = u32::try_from(more).unwrap_or(BURST);
        Self { left: self.left.saturating_add(more).min(BURST), at: now }
    }
}
