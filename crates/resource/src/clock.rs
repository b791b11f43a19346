//! The clock: the system's, or one that a test moves by hand. The only file of this crate that reads the time.

use grantd_tokens::{Seconds, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The operating system.
    #[default]
    System,
    /// A test.
    Stepped(SteppedClock),
}

impl Clock {
    /// The present moment. A system clock before 1970 reads as 1970, where every token lies in the future and is
    /// refused.
    pub fn now(&self) -> Time {
        match self {
            Clock::System => system_time(),
            Clock::Stepped(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct SteppedClock(Arc<AtomicI64>);

impl SteppedClock {
    /// A clock that shows this moment.
    pub fn at(moment: Time) -> SteppedClock {
        SteppedClock(Arc::new(AtomicI64::new(moment.0)))
    }

    /// The moment it shows.
    pub fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Seconds) {
        self.0.fetch_add(by.0, Ordering::SeqCst);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place of this crate where the time comes in")]
fn system_time() -> Time {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX))
}
