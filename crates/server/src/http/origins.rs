//! Which web origins clients registered, by their redirect URIs: whose scripts may read token answers (TOKEN-12).

use std::collections::BTreeSet;
use std::sync::Arc;

use grantd_protocol::names::ClientId;
use grantd_protocol::records::{Client, ClientKind};
use grantd_protocol::uri::Uri;
use grantd_store::StoreFault;
use grantd_tokens::{Seconds, Time};
use tokio::sync::Mutex;

use crate::app::App;

/// A preflight may be answered from a list as old as this. It opens nothing: the real request is judged by its client.
const STALE_AFTER: Seconds = Seconds(5);
const PAGE: u32 = 500;

/// The origins of all clients, read at most once in a while.
#[derive(Debug, Default)]
pub struct Origins {
    known: Mutex<Option<(Time, Arc<BTreeSet<String>>)>>,
}

impl Origins {
    /// For a preflight, which does not say whose it is.
    pub async fn of_any_client(&self, app: &App) -> Arc<BTreeSet<String>> {
        let mut known = self.known.lock().await;
        let now = crate::env::now();
        if let Some((read_at, origins)) = &*known
            && now.since(*read_at) < STALE_AFTER
        {
            return Arc::clone(origins);
        }
        match read(app).await {
            Ok(origins) => {
                let origins = Arc::new(origins);
                *known = Some((now, Arc::clone(&origins)));
                origins
            }
            // The older list is as good for a preflight, and without one nobody is allowed. Read again at the next question.
            Err(_) => known.as_ref().map(|(_, origins)| Arc::clone(origins)).unwrap_or_default(),
        }
    }

    /// For a request that names its client.
    pub async fn of_client(&self, app: &App, client: &ClientId) -> Vec<String> {
        let client = app.store.client(&app.settings.issuer, client).await.ok().flatten();
        client.as_ref().map(origins_of).unwrap_or_default()
    }
}

/// All of them, or none: half a list would keep the others' apps from asking again.
async fn read(app: &App) -> Result<BTreeSet<String>, StoreFault> {
    let mut origins = BTreeSet::new();
    let mut after = None;
    loop {
        let clients = app.store.clients(&app.settings.issuer, after, PAGE).await?;
        let Some(last) = clients.last() else { return Ok(origins) };
        after = Some(last.id.clone());
        origins.extend(clients.iter().flat_map(origins_of));
    }
}

/// A native app has no origin of its own: any page on this computer could stand at its loopback address.
fn origins_of(client: &Client) -> Vec<String> {
    if client.kind == ClientKind::Native {
        return Vec::new();
    }
    client.redirect_uris.iter().filter_map(|uri| Uri::parse(uri.as_str())?.origin()).collect()
}
