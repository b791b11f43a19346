//! `grantd key …`

use grantd_store::RemovedKey;
use grantd_tokens::{Seconds, Time};
use serde_json::{Value, json};

use super::arguments::KeyCommand;
use super::console::{Console, Fields, Form, date};
use super::failure::Failure;
use super::workplace::Workplace;
use crate::env;
use crate::keys::timeline::{Dates, JWKS_MAX_AGE, KeyState, PUBLISH_AHEAD, Start, states};
use crate::keys::{KeyEvent, Keys};

pub(super) async fn run(at: &Workplace, command: KeyCommand, console: &mut Console<'_>) -> Result<(), Failure> {
    let now = env::now();
    match command {
        KeyCommand::List => list(at, now, console).await,
        KeyCommand::Rotate { now: at_once } => {
            rotate(at, if at_once { Start::AtOnce } else { Start::Announced }, now, console).await
        }
        KeyCommand::Remove { kid, yes } => {
            let key = find(at, kid).await?;
            if !yes {
                let why = format!("every token that {} signed would be refused, and that cannot be undone", key.kid);
                let fix = format!("if that is what you want, run: grantd key remove {} --yes", key.kid);
                return Err(Failure::InTheWay { why, fix });
            }
            remove(at, &key, now, console).await
        }
    }
}

async fn list(at: &Workplace, now: Time, console: &mut Console<'_>) -> Result<(), Failure> {
    let dates = dates(at).await?;
    let states = states(&dates, now);
    let planned = |key: &Dates| (key.active_from + at.config.rotate_keys_every).max(now + PUBLISH_AHEAD);
    let kept = dates.iter().zip(states).map(|(key, state)| describe(key, state, planned(key)));
    let removed = at.store.removed_keys(at.issuer(), Time(0)).await?;
    let all = kept.chain(removed.iter().map(describe_removed)).collect();
    console.list(all, &["kid", "algorithm", "state", "since", "until"], NO_KEYS)
}

async fn rotate(at: &Workplace, start: Start, now: Time, console: &mut Console<'_>) -> Result<(), Failure> {
    let events = open(at).await?.rotate(start, now).await?;
    if events.is_empty() {
        let why = "the next key of each algorithm is announced already; `grantd key list` says when it begins";
        let fix = "wait for that, or let it begin at once: grantd key rotate --now";
        return Err(Failure::InTheWay { why: why.to_owned(), fix: fix.to_owned() });
    }
    if events.iter().any(|event| is_sudden(event, now)) {
        console.note(
            "a server that checks tokens and has not heard of the key looks for it when it first sees it, and may do so \
             once a minute only: until then it refuses tokens",
        );
    }
    tell(&events, console)
}

async fn remove(at: &Workplace, key: &Dates, now: Time, console: &mut Console<'_>) -> Result<(), Failure> {
    let events = open(at).await?.remove(&key.kid, now).await?;
    if events.is_empty() {
        return Err(Failure::Raced);
    }
    console.note(&format!(
        "no grantd on this database signs with the key or publishes it from now on, and its tokens are inactive at introspection; \
         who follows the revocation feed refuses them within its interval, and who only checks signatures when the key set that it \
         fetched before has ended: {} minutes after it was fetched, and a day if grantd cannot be reached",
        JWKS_MAX_AGE.0 / 60
    ));
    if events.iter().any(|event| is_sudden(event, now)) {
        console.note("and it may take a minute until it knows the key that signs now");
    }
    tell(&events, console)
}

/// Whether a key signs that others had no time to hear of.
fn is_sudden(event: &KeyEvent, now: Time) -> bool {
    match event {
        KeyEvent::Made(key) => key.active_from < now + PUBLISH_AHEAD,
        KeyEvent::Activated(key) => now.since(key.created_at) < Seconds::hours(1),
        KeyEvent::Removed(_) | KeyEvent::Retired(_) => false,
    }
}

async fn open(at: &Workplace) -> Result<Keys, Failure> {
    if dates(at).await?.is_empty() {
        let fix = "start the server: its first start makes one".to_owned();
        return Err(Failure::InTheWay { why: NO_KEYS.to_owned(), fix });
    }
    Ok(Keys::open_existing(at.store.clone(), at.issuer().clone(), &at.config.key_encryption_key).await?)
}

async fn find(at: &Workplace, kid: String) -> Result<Dates, Failure> {
    if let Some(key) = dates(at).await?.into_iter().find(|key| key.kid == kid) {
        return Ok(key);
    }
    let removed = at.store.removed_keys(at.issuer(), Time(0)).await?;
    match removed.into_iter().find(|key| key.kid == kid) {
        Some(key) => {
            let why = format!("the key {kid} was removed before, at {}", date(key.at));
            Err(Failure::InTheWay { why, fix: "nothing is left to be done".to_owned() })
        }
        None => Err(Failure::Absent { what: "key", id: kid }),
    }
}

async fn dates(at: &Workplace) -> Result<Vec<Dates>, Failure> {
    Ok(at.store.signing_keys(at.issuer()).await?.keys.iter().map(Dates::from).collect())
}

fn describe(key: &Dates, state: KeyState, planned: Time) -> Fields {
    let (state, since, until) = match state {
        KeyState::Next { from } => ("next", key.created_at, from),
        KeyState::Active { until } => ("active", key.active_from, until.unwrap_or(planned)),
        KeyState::Retired { since, until } => ("retired", since, until),
    };
    identity(key).with("state", state).with("since", date(since)).with("until", date(until))
}

fn describe_removed(key: &RemovedKey) -> Fields {
    let fields = Fields::default().with("kid", key.kid.as_str()).with("algorithm", key.algorithm.name());
    fields.with("state", "removed").with("since", date(key.at)).with("until", Value::Null)
}

fn identity(key: &Dates) -> Fields {
    Fields::default().with("kid", key.kid.as_str()).with("algorithm", key.algorithm.name())
}

/// What was done, in the order in which it was.
fn tell(events: &[KeyEvent], console: &mut Console<'_>) -> Result<(), Failure> {
    console.print(|output, form| match form {
        Form::Json => writeln!(output, "{}", events.iter().map(event_as_json).collect::<Value>()),
        Form::Human => events.iter().try_for_each(|event| writeln!(output, "{}", event_in_words(event))),
    })
}

fn event_as_json(event: &KeyEvent) -> Value {
    let one = |what: &str, key: &Dates, signs_from: Option<String>| json!({ "event": what, "kid": key.kid, "algorithm": key.algorithm.name(), "signs_from": signs_from });
    match event {
        KeyEvent::Made(key) => one("made", key, Some(date(key.active_from))),
        KeyEvent::Activated(key) => one("activated", key, Some(date(key.active_from))),
        KeyEvent::Removed(key) => one("removed", key, None),
        KeyEvent::Retired(key) => one("retired", key, None),
    }
}

fn event_in_words(event: &KeyEvent) -> String {
    let signs = |key: &Dates| format!("{} ({}) signs from {} on", key.kid, key.algorithm, date(key.active_from));
    match event {
        KeyEvent::Made(key) => format!("made: {}, and is published from now on", signs(key)),
        KeyEvent::Activated(key) => format!("earlier than announced: {}", signs(key)),
        KeyEvent::Removed(key) => format!("removed {} ({}); its private half is erased", key.kid, key.algorithm),
        KeyEvent::Retired(key) => format!("{} ({}) is not needed any more, and deleted", key.kid, key.algorithm),
    }
}

const NO_KEYS: &str = "there are no signing keys yet";
