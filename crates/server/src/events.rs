//! What the operator is told of (LOG-04): names, rule ids and record ids, never a secret (LOG-01).
//!
//! Which events there are is decided in `grantd_protocol::events`. Owns what becomes of them: kept in one commit with what they
//! tell of, and a line in the log. Start at [`tell`]; `run.rs` and [`with_events`] see to it that no change goes without.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use grantd_protocol::changes::Change;
use grantd_protocol::endpoint::Refused;
use grantd_protocol::events::{self, Event, EventKind, Source, Told};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::names::{AccessTokenId, ClientId, Issuer, UserId};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Store, StoreFault};
use grantd_tokens::{Seconds, Time};

use crate::app::{App, Fault};
use crate::env::{self, OsRandom};

/// Whether an event is in the database as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is.
    InTheDatabase,
    /// The log is the only place: a stranger's requests, as many as they like to send, must not fill the disk.
    InTheLogAlone,
}

/// Events are kept if their decision writes anyway. A failed sign-in writes nothing itself, but was counted, and so limited, before.
/// That there was no room any more is kept once in a window for each account or client.
pub fn kept(app: &App, changes: &[Change], events: &[Event]) -> Kept {
    let is_limited = |event: &Event| match event.kind {
        EventKind::SignInFailed => true,
        EventKind::Throttled => app.throttled.is_first(event, app.settings.limits.attempt_window),
        _ => false,
    };
    if changes.is_empty() && !events.iter().any(is_limited) { Kept::InTheLogAlone } else { Kept::InTheDatabase }
}

/// One line for an event.
pub fn tell(event: &Event, kept: Kept) {
    let evidence = (!event.evidence.is_empty()).then(|| serde_json::json!(event.evidence).to_string());
    let refusal = event.refusal.as_deref().and_then(|name| Refusal::ALL.iter().find(|refusal| refusal.name() == name));
    tracing::info!(
        event = event.kind.name(),
        event_id = (kept == Kept::InTheDatabase).then(|| event.id.as_str()),
        source = event.source.name(),
        rule = event.rule,
        refusal = event.refusal.as_deref(),
        user = event.user.as_ref().map(UserId::as_str),
        client = event.client.as_ref().map(ClientId::as_str),
        grant = event.grant.as_ref().map(grantd_protocol::names::GrantId::as_str),
        evidence,
        "{}",
        refusal.map_or(event.kind.says(), |refusal| refusal.says())
    );
}

/// Tells of a request for which there was no room any more: the write that would have counted it said so.
pub async fn tell_of_throttling(app: &App, refusal: Refusal, facts: &Facts) -> Result<(), Fault> {
    let refused = Refused::from(refusal);
    let within_second = env::within_second();
    let told =
        Told { changes: &[], notes: &[], refused: Some(&refused), facts, source: Source::Request, within_second };
    let events = app.with_env(|env| events::of(&told, env.now, env.random));
    let kept = kept(app, &[], &events);
    if kept == Kept::InTheDatabase {
        let records = events.iter().cloned().map(Change::Record).collect();
        app.store.commit(&app.settings.issuer, records).await?;
    }
    for event in &events {
        tell(event, kept);
    }
    Ok(())
}

/// Who was throttled in the present window. Of this process; another has its own.
#[derive(Debug, Default)]
pub struct Throttled(Mutex<BTreeMap<Whom, Time>>);

type Whom = (Option<String>, Option<UserId>, Option<ClientId>);

/// More in one window are in the log alone.
const MAX_THROTTLED: usize = 1_000;

impl Throttled {
    fn is_first(&self, event: &Event, window: Seconds) -> bool {
        let whom = (event.refusal.clone(), event.user.clone(), event.client.clone());
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.get(&whom).is_some_and(|since| event.at.since(*since) < window) {
            return false;
        }
        since.retain(|_, since| event.at.since(*since) < window);
        let has_room = since.len() < MAX_THROTTLED;
        if has_room {
            since.insert(whom, event.at);
        }
        has_room
    }
}

/// What an operator or the configuration changes, with the events of it: what would change nothing is left out.
pub async fn with_events(
    store: &Store,
    issuer: &Issuer,
    changes: Vec<Change>,
    source: Source,
) -> Result<Vec<Change>, StoreFault> {
    let mut all = Vec::with_capacity(changes.len() * 2);
    for change in changes {
        let before = before(store, issuer, &change).await?;
        let changes = std::slice::from_ref(&change);
        let told =
            Told { changes, notes: &[], refused: None, facts: &before, source, within_second: env::within_second() };
        let events = events::of(&told, env::now(), &mut OsRandom);
        let puts = matches!(change, Change::PutClient(_) | Change::PutResource(_));
        if !(puts && events.is_empty()) {
            all.push(change);
        }
        all.extend(events.into_iter().map(Change::Record));
    }
    Ok(all)
}

/// What stood where something is put now.
async fn before(store: &Store, issuer: &Issuer, change: &Change) -> Result<Facts, StoreFault> {
    let mut facts = Facts::default();
    match change {
        Change::PutClient(client) => facts.client = store.client(issuer, &client.id).await?,
        Change::PutResource(resource) => facts.resources.extend(store.resource(issuer, &resource.id).await?),
        Change::RevokeGrant { grant, .. } | Change::NarrowGrant { grant, .. } => {
            // Every access token of a grant names it, so that a name that no token has finds it, too.
            let of_grant = AccessTokenId::of(Some(grant), &mut OsRandom);
            facts.grant =
                store.load(issuer, &Lookup { access_token_id: Some(of_grant), ..Lookup::default() }).await?.grant;
        }
        _ => {}
    }
    Ok(facts)
}

/// One line for each event among the changes, once they are written.
pub fn tell_recorded(changes: &[Change]) {
    for change in changes {
        if let Change::Record(event) = change {
            tell(event, Kept::InTheDatabase);
        }
    }
}
