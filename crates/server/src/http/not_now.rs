//! Trouble of our own, as callers see it: 503, when to come again, and no word on what is wrong (INV-07). Nothing was issued.
//!
//! The one place that makes such an answer, whatever its body. Owns what the log says: a server with more to do than it can do
//! must not spend its time on saying so. Start at [`not_now`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use grantd_store::StoreFault;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use crate::app::Fault;
use crate::env;
use crate::keys::KeyFault;
use crate::password::PasswordFault;
use crate::revocations::FeedFault;

/// Long enough for a queue to empty and a database to come back; programs that obey it do not make things worse.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("5");

/// Gives an answer the status and the time of trouble of our own, and tells the operator.
pub fn not_now(trouble: &impl Trouble, mut answer: Response) -> Response {
    if trouble.is_overload() {
        SHED.tell(trouble);
    } else {
        tracing::error!(event = "fault", fault = %trouble, "a request could not be decided");
    }
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    answer.headers_mut().insert(RETRY_AFTER, COME_AGAIN);
    answer
}

/// What can go wrong without the caller's doing.
pub trait Trouble: std::fmt::Display {
    /// Whether there was only too much to do.
    fn is_overload(&self) -> bool;
}

impl Trouble for StoreFault {
    fn is_overload(&self) -> bool {
        matches!(self, Self::Busy)
    }
}

impl Trouble for KeyFault {
    fn is_overload(&self) -> bool {
        matches!(self, Self::Store(fault) if fault.is_overload())
    }
}

impl Trouble for FeedFault {
    fn is_overload(&self) -> bool {
        match self {
            Self::Store(fault) => fault.is_overload(),
            Self::Keys(fault) => fault.is_overload(),
            Self::Sign(_) | Self::TooMany | Self::Unmade => false,
        }
    }
}

impl Trouble for Fault {
    fn is_overload(&self) -> bool {
        match self {
            Self::Store(fault) => fault.is_overload(),
            Self::Keys(fault) => fault.is_overload(),
            Self::Password(fault) => *fault == PasswordFault::Busy,
            Self::Contention(_) => true,
            Self::Token(_) | Self::Answer(_) | Self::Page(_) => false,
        }
    }
}

/// What was shed in this process and not yet told of.
struct Shed(Mutex<Untold>);

struct Untold {
    requests: u64,
    told_at: Option<Instant>,
}

static SHED: Shed = Shed(Mutex::new(Untold { requests: 0, told_at: None }));

/// One line for all that was shed in so long.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Shed {
    fn tell(&self, trouble: &impl Trouble) {
        let now = env::instant();
        let requests = {
            let mut untold = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            untold.requests += 1;
            if untold.told_at.is_some_and(|told_at| now.duration_since(told_at) < TELL_EVERY) {
                return;
            }
            untold.told_at = Some(now);
            std::mem::take(&mut untold.requests)
        };
        tracing::warn!(event = "overloaded", requests, fault = %trouble, "there is more to do than can be done in time; told to come again");
    }
}
