//! Changing the keys: made for the first time, rotated, removed, forgotten. The only place that does, for the server and for the
//! commands.
//!
//! What is to be changed is decided in `timeline.rs` upon the keys of one moment, and written only if they are still those:
//! of several processes one is first, and the others look again. Start at [`tend`] and [`Keys::rotate`].

use std::sync::Weak;
use std::time::Duration;

use grantd_protocol::changes::Commit;
use grantd_protocol::events::{self, Event, EventKind, Note, Source, Told};
use grantd_protocol::facts::Facts;
use grantd_store::{KeyChange, Lease, StoredKey};
use grantd_tokens::{Algorithm, PrivateKey, Seconds, Time};

use super::timeline::{self, Dates, Start, Step};
use super::{KeyFault, Keys};
use crate::app::App;
use crate::env::{self, OsRandom};
use crate::events::{Kept, tell};

const EVERY: Duration = Duration::from_mins(1);
/// Others can be first this often before something is wrong.
const MAX_ATTEMPTS: u32 = 10;

/// What was done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// It was made, and is published.
    Made(Dates),
    /// It was announced, and begins earlier than it was to.
    Activated(Dates),
    /// It was given up: its tokens are refused (KEYS-03).
    Removed(Dates),
    /// Its last token has expired; it is not published any more (KEYS-02).
    Retired(Dates),
}

/// Keeps the keys in order, once a minute for as long as the server lives (KEYS-02), unless another node does.
pub async fn tend(app: Weak<App>, rotate_every: Seconds) {
    let mut minute = tokio::time::interval(EVERY);
    loop {
        minute.tick().await;
        let Some(app) = app.upgrade() else { return };
        if let Err(fault) = tend_if_ours(&app, rotate_every).await {
            tracing::error!(event = "fault", %fault, "the signing keys could not be looked after");
        }
    }
}

/// One node is enough. If two believe to be it, one of them is first, and the other looks again.
async fn tend_if_ours(app: &App, rotate_every: Seconds) -> Result<(), KeyFault> {
    if app.duties.is_ours(&app.store, &app.settings.issuer, Lease::TendingKeys).await? {
        app.keys.tend(env::now(), rotate_every).await?;
    }
    Ok(())
}

impl Keys {
    /// Makes a key of this algorithm unless there is one. Another node that made one first wins.
    pub async fn ensure(&self, algorithm: Algorithm) -> Result<(), KeyFault> {
        let now = env::now();
        self.change(now, |keys| timeline::first(keys, algorithm, now)).await.map(drop)
    }

    /// Does what is due at `now`: announces the next key in time, and forgets the one whose last token has expired.
    pub async fn tend(&self, now: Time, rotate_every: Seconds) -> Result<Vec<KeyEvent>, KeyFault> {
        self.change(now, |keys| timeline::due(keys, now, rotate_every)).await
    }

    /// Gives every key that signs a successor, whatever its age. Nothing is done where one is announced already, unless it is to
    /// begin at once.
    pub async fn rotate(&self, start: Start, now: Time) -> Result<Vec<KeyEvent>, KeyFault> {
        self.change(now, |keys| timeline::rotate(keys, start, now)).await
    }

    /// Gives up a key, in one durable change: its private half is erased, its tokens are refused, another signs (KEYS-03). Nothing
    /// is done if there is no such key.
    pub async fn remove(&self, kid: &str, now: Time) -> Result<Vec<KeyEvent>, KeyFault> {
        self.change(now, |keys| timeline::remove(keys, kid, now)).await
    }

    /// Decides upon the keys of now and writes that, or looks again if they were changed meanwhile. What it returns is durable.
    async fn change(&self, now: Time, decide: impl Fn(&[Dates]) -> Vec<Step>) -> Result<Vec<KeyEvent>, KeyFault> {
        let _alone = self.changing.lock().await;
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.store.signing_keys(&self.issuer).await?;
            let steps = decide(&stored.keys.iter().map(Dates::from).collect::<Vec<_>>());
            if steps.is_empty() {
                if stored.revision > self.ring().revision {
                    self.reload().await?;
                }
                return Ok(Vec::new());
            }
            let (mut changes, mut events) = (Vec::new(), Vec::new());
            for step in steps {
                let (change, event) = self.prepare(step, now).await?;
                changes.push(change);
                events.push(event);
            }
            let told = told(&events, now, self.source);
            changes.extend(told.iter().cloned().map(KeyChange::Record));
            match self.store.change_signing_keys(&self.issuer, stored.revision, &changes).await? {
                Commit::Done => {
                    for event in &told {
                        tell(event, Kept::InTheDatabase);
                    }
                    self.reload().await?;
                    return Ok(events);
                }
                Commit::Stale | Commit::Refused(_) => {}
            }
        }
        Err(KeyFault::Contention(MAX_ATTEMPTS))
    }

    async fn prepare(&self, step: Step, now: Time) -> Result<(KeyChange, KeyEvent), KeyFault> {
        Ok(match step {
            Step::Make { algorithm, active_from } => {
                let sealed = generate(algorithm).await?.seal(&self.kek, self.issuer.as_str())?;
                let stored = StoredKey { sealed, created_at: now, active_from };
                let made = Dates::from(&stored);
                (KeyChange::Add(stored), KeyEvent::Made(made))
            }
            Step::Activate { key, at } => {
                let activated = Dates { active_from: at, ..key.clone() };
                (KeyChange::Activate { algorithm: key.algorithm, kid: key.kid, at }, KeyEvent::Activated(activated))
            }
            Step::Remove { key } => {
                let change = KeyChange::Remove { algorithm: key.algorithm, kid: key.kid.clone(), at: now };
                (change, KeyEvent::Removed(key))
            }
            Step::Forget { key } => {
                (KeyChange::Forget { algorithm: key.algorithm, kid: key.kid.clone() }, KeyEvent::Retired(key))
            }
        })
    }
}

/// RSA takes seconds: not on the threads that answer requests.
async fn generate(algorithm: Algorithm) -> Result<PrivateKey, KeyFault> {
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm)).await;
    Ok(made.map_err(|_| KeyFault::Missing(algorithm))??)
}

/// As they are kept, in their order, and told to the operator (LOG-04).
fn told(done: &[KeyEvent], now: Time, source: Source) -> Vec<Event> {
    let notes: Vec<Note> = done.iter().map(KeyEvent::note).collect();
    let facts = Facts::default();
    let told =
        Told { changes: &[], notes: &notes, refused: None, facts: &facts, source, within_second: env::within_second() };
    events::of(&told, now, &mut OsRandom)
}

impl KeyEvent {
    fn note(&self) -> Note {
        let (kind, key) = match self {
            Self::Made(key) => (EventKind::KeyMade, key),
            Self::Activated(key) => (EventKind::KeyActivated, key),
            Self::Removed(key) => (EventKind::KeyRemoved, key),
            Self::Retired(key) => (EventKind::KeyRetired, key),
        };
        Note::new(kind)
            .with("kid", key.kid.as_str())
            .with("algorithm", key.algorithm.name())
            .with("active_from", key.active_from.0.to_string())
    }
}
