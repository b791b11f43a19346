//! Plain numbers with units. There is no ambient clock here: whoever needs the time is given it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// A moment: whole seconds since 1970-01-01T00:00:00Z (INV-09).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// A length of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub i64);

impl Time {
    /// Whether something that expires at `expiry` is over: at the very second of its expiry it already is (INV-09).
    pub fn is_past(self, expiry: Time) -> bool {
        self >= expiry
    }

    /// The time from `earlier` until this moment; negative if `earlier` is in fact later.
    pub fn since(self, earlier: Time) -> Seconds {
        self - earlier
    }
}

impl Seconds {
    /// This many minutes.
    pub const fn minutes(minutes: i64) -> Seconds {
        Seconds(minutes.saturating_mul(60))
    }

    /// This many hours.
    pub const fn hours(hours: i64) -> Seconds {
        Seconds(hours.saturating_mul(60 * 60))
    }

    /// This many days of 24 hours.
    pub const fn days(days: i64) -> Seconds {
        Seconds(days.saturating_mul(24 * 60 * 60))
    }
}

/// Saturates: a lifetime of "for ever" is the last representable moment, never one in the past.
impl Add<Seconds> for Time {
    type Output = Time;

    fn add(self, length: Seconds) -> Time {
        Time(self.0.saturating_add(length.0))
    }
}

/// Saturates.
impl Sub<Seconds> for Time {
    type Output = Time;

    fn sub(self, length: Seconds) -> Time {
        Time(self.0.saturating_sub(length.0))
    }
}

/// Saturates.
impl Sub<Time> for Time {
    type Output = Seconds;

    fn sub(self, earlier: Time) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
