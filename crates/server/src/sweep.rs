//! Clearing away what can have no effect any more (STORE-09). A job of its own; nobody waits for it.

use std::sync::Weak;
use std::time::Duration;

use grantd_store::StoreFault;

use crate::app::App;

const EVERY: Duration = Duration::from_mins(1);

/// Sweeps once a minute for as long as the server lives.
pub async fn sweep(app: Weak<App>) {
    let mut minute = tokio::time::interval(EVERY);
    let mut minutes = 0;
    loop {
        minute.tick().await;
        let Some(app) = app.upgrade() else { return };
        forget_events(&app, &mut minutes).await;
        match app.store.sweep(&app.settings.issuer, crate::env::now()).await {
            Ok(swept) => tracing::debug!(event = "swept", ?swept, "cleared away what has expired"),
            Err(fault) => tracing::warn!(event = "fault", %fault, "could not clear away what has expired"),
        }
    }
}

/// Events go when they are old; once an hour, also when there are too many: to see that, all of them are looked at.
async fn forget_events(app: &App, minutes: &mut u32) {
    let looks_at_all = minutes.is_multiple_of(60);
    *minutes = minutes.wrapping_add(1);
    if let Err(fault) = forget_old_events(app, looks_at_all).await {
        tracing::warn!(event = "fault", %fault, "could not clear away old events");
    }
}

async fn forget_old_events(app: &App, looks_at_all: bool) -> Result<(), StoreFault> {
    let (issuer, kept) = (&app.settings.issuer, &app.settings.events);
    app.store.forget_events(issuer, crate::env::now() - kept.keep).await?;
    if looks_at_all && let Some(until) = app.store.events_are_too_many_before(issuer, kept.most).await? {
        let forgotten = app.store.forget_events(issuer, until).await?;
        if forgotten > 0 {
            let most = kept.most;
            tracing::warn!(
                event = "events_forgotten",
                forgotten,
                most,
                "there were too many events; the oldest are gone (events.most)"
            );
        }
    }
    Ok(())
}
