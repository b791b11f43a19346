//! Whether the clock of the machine is believed: a clock that is wrong must not clear away what its owner still needs.
//!
//! Everything else that a wrong clock does is over when it is right again; what is swept is gone. So a clock that jumped ahead
//! is believed only once it has run evenly for [`EVEN_FOR`]: by then somebody corrected it, or it is right, and the machine had
//! slept. A clock that went back is believed at once, since it clears away less. What is not noticed: a clock that runs fast,
//! one that has been wrong for longer than that, and one by which events were dated before the server was restarted. Pure. Start at [`Believed::judge`].

use grantd_tokens::{Seconds, Time};

/// How far the clock may be ahead of the time that has passed: more than clocks are corrected by while they run.
pub const AT_MOST_AHEAD: Seconds = Seconds::minutes(10);

/// How long a clock that jumped ahead has to run evenly until it is believed.
pub const EVEN_FOR: Seconds = Seconds::hours(1);

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the machine says that it is. May jump.
    pub time: Time,
    /// How long this process has watched, which no correction changes.
    pub passed: Seconds,
}

impl Moment {
    /// How much more the clock went on since `earlier` than has passed.
    fn ahead_of(self, earlier: Moment) -> Seconds {
        Seconds((self.time - earlier.time).0.saturating_sub(self.passed_since(earlier).0))
    }

    fn passed_since(self, earlier: Moment) -> Seconds {
        Seconds(self.passed.0.saturating_sub(earlier.passed.0))
    }
}

/// What is known about the clock.
#[derive(Clone, Copy, Debug)]
pub struct Believed {
    last: Moment,
    /// Where a clock that is not believed stood after its jump.
    jumped_to: Option<Moment>,
}

/// What a look at the clock tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is believed.
    Believed,
    /// It is believed again: it came back, or has run evenly since it jumped.
    BelievedAgain,
    /// It jumped ahead by this much since it was believed last, just now.
    Jumped(Seconds),
    /// It jumped a while ago.
    NotYet,
}

impl Believed {
    /// Begins with a moment of which it is known that it has been.
    pub fn since(time: Time) -> Self {
        Self { last: Moment { time, passed: Seconds(0) }, jumped_to: None }
    }

    /// Looks at the clock.
    pub fn judge(&mut self, at: Moment) -> Verdict {
        let ahead = at.ahead_of(self.last);
        match self.jumped_to {
            _ if ahead <= AT_MOST_AHEAD => {}
            Some(jump) if is_even(at.ahead_of(jump)) => {
                if at.passed_since(jump) < EVEN_FOR {
                    return Verdict::NotYet;
                }
            }
            _ => {
                self.jumped_to = Some(at);
                return Verdict::Jumped(ahead);
            }
        }
        self.last = at;
        if self.jumped_to.take().is_some() { Verdict::BelievedAgain } else { Verdict::Believed }
    }
}

fn is_even(ahead: Seconds) -> bool {
    (Seconds(-AT_MOST_AHEAD.0)..=AT_MOST_AHEAD).contains(&ahead)
}
