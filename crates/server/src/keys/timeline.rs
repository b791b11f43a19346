//! When a signing key is announced, signs, is kept for what it signed, and goes (KEYS-02, KEYS-03).
//!
//! Pure: from the times of the keys and the present moment, every node derives the same. Owns every length of the timeline and
//! what is to be changed when; writes nothing. Start at [`states`] and [`due`]; `docs/operations/keys.md` draws it.

use std::collections::BTreeSet;

use grantd_protocol::settings::{CLOCKS_APART, LONGEST_ACCESS_TOKEN};
use grantd_store::StoredKey;
use grantd_tokens::{Algorithm, Seconds, Time};

/// How long whoever fetched the key set may use it before asking again: the `max-age` it is sent with.
pub const JWKS_MAX_AGE: Seconds = Seconds::minutes(5);
/// How long a key is published before it signs (KEYS-02). Many times [`JWKS_MAX_AGE`]: some libraries keep a key set for hours,
/// whatever its answer said.
pub const PUBLISH_AHEAD: Seconds = Seconds::days(1);
/// Usual time between one key and the next.
pub const ROTATE_EVERY: Seconds = Seconds::days(30);
/// At least so long, so that a key that retires is gone before the next but one is made.
pub const ROTATE_AT_LEAST: Seconds = Seconds::days(2);
/// At most so long (KEYS-02): rotation that happens once in years is rotation that nobody knows to work.
pub const ROTATE_AT_MOST: Seconds = Seconds::days(366);
/// How long a key is published after its successor began to sign.
pub const KEPT: Seconds = Seconds(LONGEST_ACCESS_TOKEN.0 + CLOCKS_APART.0);

const _: () = assert!(PUBLISH_AHEAD.0 > JWKS_MAX_AGE.0 && PUBLISH_AHEAD.0 >= 60 * 60, "KEYS-02");
const _: () = assert!(ROTATE_AT_LEAST.0 >= PUBLISH_AHEAD.0 + KEPT.0, "KEYS-02");

/// The times of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dates {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its name.
    pub kid: String,
    /// Since when it is published.
    pub created_at: Time,
    /// From when on it may sign.
    pub active_from: Time,
}

impl From<&StoredKey> for Dates {
    fn from(key: &StoredKey) -> Self {
        let (created_at, active_from) = (key.created_at, key.active_from);
        Self { algorithm: key.algorithm(), kid: key.kid().to_owned(), created_at, active_from }
    }
}

/// What a key is at a moment. All but removed ones are published; of those there is nothing left to be in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Announced: published, and not signing yet.
    Next {
        /// When it begins to sign.
        from: Time,
    },
    /// The one that signs.
    Active {
        /// When its successor begins, if there is one already.
        until: Option<Time>,
    },
    /// Signs no more, and is published for the tokens that it signed.
    Retired {
        /// When its successor began.
        since: Time,
        /// When its last token has expired.
        until: Time,
    },
}

/// A change that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new key is needed.
    Make {
        /// For this algorithm.
        algorithm: Algorithm,
        /// To sign from then on.
        active_from: Time,
    },
    /// A key that was announced begins earlier.
    Activate {
        /// Which.
        key: Dates,
        /// When.
        at: Time,
    },
    /// A key is given up: its tokens are refused from now on.
    Remove {
        /// Which.
        key: Dates,
    },
    /// The last token of a retired key has expired.
    Forget {
        /// Which.
        key: Dates,
    },
}

/// When the successor of a key is to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After everybody had time to hear of it.
    Announced,
    /// Now: those who keep a key set and do not look again for a key that they do not know refuse its tokens for a while.
    AtOnce,
}

/// The state of each key, in their order.
pub fn states(keys: &[Dates], now: Time) -> Vec<KeyState> {
    keys.iter().map(|key| state(keys, key, now)).collect()
}

/// The key of this algorithm that signs: the newest whose time has come. Where the clock is behind them all, the first.
pub fn active(keys: &[Dates], algorithm: Algorithm, now: Time) -> Option<&Dates> {
    let come = of(keys, algorithm).filter(|key| now.is_past(key.active_from)).max_by_key(|key| order(key));
    come.or_else(|| of(keys, algorithm).min_by_key(|key| order(key)))
}

/// What is to be done at this moment: announce a successor in time, and delete what is not needed any more.
pub fn due(keys: &[Dates], now: Time, rotate_every: Seconds) -> Vec<Step> {
    let mut steps = Vec::new();
    for active in every_active(keys, now) {
        let announced = now + PUBLISH_AHEAD;
        let has_grown_old = announced.is_past(active.active_from + rotate_every);
        match successor(keys, active) {
            None if has_grown_old => {
                steps.push(Step::Make { algorithm: active.algorithm, active_from: announced });
            }
            // Announced by a clock that was far ahead: rotation must not wait until that has become true.
            Some(next) if has_grown_old && next.active_from > announced + CLOCKS_APART => {
                steps.push(Step::Activate { key: next.clone(), at: announced });
            }
            None | Some(_) => {}
        }
    }
    let has_ended =
        |key: &&Dates| matches!(state(keys, key, now), KeyState::Retired { until, .. } if now.is_past(until));
    steps.extend(keys.iter().filter(has_ended).map(|key| Step::Forget { key: key.clone() }));
    steps
}

/// The first key of an algorithm. Nobody was told of it before: there was no other to sign with meanwhile.
pub fn first(keys: &[Dates], algorithm: Algorithm, now: Time) -> Vec<Step> {
    match active(keys, algorithm, now) {
        Some(_) => Vec::new(),
        None => vec![Step::Make { algorithm, active_from: now }],
    }
}

/// A successor for every key that signs, without waiting for its age. Nothing where there is one already, unless it is to begin at
/// once.
pub fn rotate(keys: &[Dates], start: Start, now: Time) -> Vec<Step> {
    every_active(keys, now)
        .filter_map(|active| match (start, successor(keys, active)) {
            (Start::Announced, Some(_)) => None,
            (Start::Announced, None) => {
                Some(Step::Make { algorithm: active.algorithm, active_from: now + PUBLISH_AHEAD })
            }
            (Start::AtOnce, next) => Some(succeed_at_once(next, active.algorithm, after(active, now))),
        })
        .collect()
}

/// Gives up a key (KEYS-03). If it is the one that signs, another does so from the same moment on: the announced one, or a new one;
/// never one that had retired.
pub fn remove(keys: &[Dates], kid: &str, now: Time) -> Vec<Step> {
    let Some(key) = keys.iter().find(|key| key.kid == kid) else { return Vec::new() };
    let mut steps = vec![Step::Remove { key: key.clone() }];
    if active(keys, key.algorithm, now) == Some(key) {
        steps.push(succeed_at_once(successor(keys, key), key.algorithm, after(key, now)));
    }
    steps
}

fn succeed_at_once(next: Option<&Dates>, algorithm: Algorithm, at: Time) -> Step {
    match next {
        Some(next) => Step::Activate { key: next.clone(), at },
        None => Step::Make { algorithm, active_from: at },
    }
}

/// Now, and in any case after this key: of two that began in the same second, the later made would not be the newer.
fn after(key: &Dates, now: Time) -> Time {
    now.max(key.active_from + Seconds(1))
}

fn state(keys: &[Dates], key: &Dates, now: Time) -> KeyState {
    let next = successor(keys, key).map(|next| next.active_from);
    match active(keys, key.algorithm, now) {
        Some(active) if active == key => KeyState::Active { until: next },
        Some(active) if order(active) > order(key) => {
            let since = next.unwrap_or(now);
            KeyState::Retired { since, until: since + KEPT }
        }
        Some(_) | None => KeyState::Next { from: key.active_from },
    }
}

fn every_active(keys: &[Dates], now: Time) -> impl Iterator<Item = &Dates> {
    let algorithms: BTreeSet<Algorithm> = keys.iter().map(|key| key.algorithm).collect();
    algorithms.into_iter().filter_map(move |algorithm| active(keys, algorithm, now))
}

/// The key that comes after this one.
fn successor<'a>(keys: &'a [Dates], key: &Dates) -> Option<&'a Dates> {
    of(keys, key.algorithm).filter(|other| order(other) > order(key)).min_by_key(|other| order(other))
}

fn of(keys: &[Dates], algorithm: Algorithm) -> impl Iterator<Item = &Dates> {
    keys.iter().filter(move |key| key.algorithm == algorithm)
}

fn order(key: &Dates) -> (Time, &str) {
    (key.active_from, &key.kid)
}
