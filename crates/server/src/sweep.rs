//! Clearing away what can have no effect any more (STORE-09). A job of its own; nobody waits for it. With a clock that is not
//! [`believed`], nothing is cleared away by age.

pub mod believed;

use std::sync::Weak;
use std::time::Duration;

use grantd_protocol::events::{EventFilter, Source};
use grantd_store::{Lease, StoreFault};
use grantd_tokens::{Seconds, Time};
use tokio::time::Instant;

use crate::app::App;
use crate::env;
use believed::{AT_MOST_AHEAD, Believed, EVEN_FOR, Moment, Verdict};

const EVERY: Duration = Duration::from_mins(1);

/// Sweeps once a minute for as long as the server lives, unless another node does.
pub async fn sweep(app: Weak<App>) {
    let mut minute = tokio::time::interval(EVERY);
    let mut watch = Watch { began: env::instant(), believed: None };
    let mut sweeps = 0_u32;
    loop {
        minute.tick().await;
        let Some(app) = app.upgrade() else { return };
        match is_to_sweep(&app, &mut watch).await {
            Ok(Some(believed)) => {
                clear_away(&app, believed, sweeps.is_multiple_of(60)).await;
                sweeps = sweeps.wrapping_add(1);
            }
            Ok(None) => {}
            Err(fault) => {
                tracing::warn!(event = "fault", %fault, "could not see whether there is anything to clear away");
            }
        }
    }
}

/// If it is this node's turn: the time, if it is believed. Every node watches the clock, so that it knows when its turn comes.
async fn is_to_sweep(app: &App, watch: &mut Watch) -> Result<Option<Option<Time>>, StoreFault> {
    let believed = watch.believed_time(app).await?;
    let is_ours = app.duties.is_ours(&app.store, &app.settings.issuer, Lease::Sweeping).await?;
    Ok(is_ours.then_some(believed))
}

/// One that fails keeps none of the others from being done.
async fn clear_away(app: &App, believed: Option<Time>, counts_events: bool) {
    if counts_events && let Err(fault) = forget_events_beyond_the_most(app).await {
        tracing::warn!(event = "fault", %fault, "could not clear away the events that are too many");
    }
    if let Some(now) = believed
        && let Err(fault) = clear_away_by_age(app, now).await
    {
        tracing::warn!(event = "fault", %fault, "could not clear away what has expired");
    }
}

async fn clear_away_by_age(app: &App, now: Time) -> Result<(), StoreFault> {
    let swept = app.store.sweep(&app.settings.issuer, now).await?;
    tracing::debug!(event = "swept", ?swept, "cleared away what has expired");
    app.store.forget_events(&app.settings.issuer, now - app.settings.events.keep).await.map(drop)
}

/// The clock, as this process has watched it.
struct Watch {
    began: Instant,
    believed: Option<Believed>,
}

impl Watch {
    async fn believed_time(&mut self, app: &App) -> Result<Option<Time>, StoreFault> {
        let believed = match &mut self.believed {
            Some(believed) => believed,
            none => none.insert(Believed::since(known_to_have_been(app).await?)),
        };
        let passed = env::instant().duration_since(self.began).as_secs();
        let at = Moment { time: env::now(), passed: Seconds(i64::try_from(passed).unwrap_or(i64::MAX)) };
        Ok(is_believed(believed.judge(at)).then_some(at.time))
    }
}

/// The moment of the newest event that a request left; of a database without one, this moment. What the server does by itself
/// at a start is dated by the clock in question.
async fn known_to_have_been(app: &App) -> Result<Time, StoreFault> {
    let newest = app.store.events(&app.settings.issuer, EventFilter::default(), EVENTS_LOOKED_AT).await?;
    let of_a_request = newest.iter().rev().find(|event| event.source == Source::Request);
    Ok(of_a_request.map_or_else(env::now, |event| event.at))
}

const EVENTS_LOOKED_AT: usize = 500;

fn is_believed(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Believed => true,
        Verdict::BelievedAgain => {
            tracing::info!(event = "clock_believed", "the clock is believed again; what has expired is cleared away");
            true
        }
        Verdict::Jumped(by) => {
            tracing::warn!(
                event = "clock_jumped",
                seconds = by.0,
                "the clock is further on than grantd can account for (more than {} seconds); nothing is cleared away until it is \
                 back, or has run evenly for {} seconds. If the machine slept or the server was not running, do nothing; \
                 otherwise set the clock right before then",
                AT_MOST_AHEAD.0,
                EVEN_FOR.0
            );
            false
        }
        Verdict::NotYet => false,
    }
}

/// To see whether there are too many, all of them are looked at. No clock has a say in it.
async fn forget_events_beyond_the_most(app: &App) -> Result<(), StoreFault> {
    let (issuer, most) = (&app.settings.issuer, app.settings.events.most);
    let forgotten = app.store.forget_events_beyond(issuer, most).await?;
    if forgotten > 0 {
        tracing::warn!(
            event = "events_forgotten",
            forgotten,
            most,
            "there were too many events; the oldest of the lightest are gone (events.most)"
        );
    }
    Ok(())
}
