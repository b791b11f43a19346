//! Clearing away what can have no effect any more (STORE-09). A job of its own; nobody waits for it.

use std::sync::Weak;
use std::time::Duration;

use crate::app::App;

const EVERY: Duration = Duration::from_mins(1);

/// Sweeps once a minute for as long as the server lives.
pub async fn sweep(app: Weak<App>) {
    let mut minute = tokio::time::interval(EVERY);
    loop {
        minute.tick().await;
        let Some(app) = app.upgrade() else { return };
        match app.store.sweep(&app.settings.issuer, crate::env::now()).await {
            Ok(swept) => tracing::debug!(event = "swept", ?swept, "cleared away what has expired"),
            Err(fault) => tracing::warn!(event = "fault", %fault, "could not clear away what has expired"),
        }
    }
}
