//! What Mailroom keeps about one browser, on the server.

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, TokenResponse};
use serde::Deserialize;
use tokio::time::Instant;

use crate::client::Tokens;
use crate::journal::Journal;
use crate::redirect::Departures;

/// One browser.
#[derive(Debug, Default)]
pub(super) struct Visitor {
    pub(super) departures: Departures,
    pub(super) account: Option<Account>,
    pub(super) journal: Journal,
    pub(super) notice: Option<Notice>,
}

/// What a person let Mailroom have.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) lockbox: Key,
    pub(super) parcels: Option<Key>,
    /// Taken out while it is being traded: two requests of one browser would only replace each other's.
    pub(super) voucher: Option<RefreshToken>,
    pub(super) boxes: Vec<SeenBox>,
    pub(super) seen_parcels: Vec<SeenParcel>,
}

/// An access token.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) token: AccessToken,
    pub(super) expires_at: Instant,
    /// The boxes it opens.
    pub(super) opens: Vec<String>,
}

impl Key {
    pub(super) fn new(tokens: &Tokens, now: Instant) -> Self {
        Self {
            token: tokens.access_token().clone(),
            expires_at: now + tokens.expires_in().unwrap_or(Duration::ZERO),
            opens: tokens.extra_fields().boxes(),
        }
    }
}

/// Which API a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Api {
    Lockbox,
    Parcels,
}

/// A box as Mailroom knows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeenBox {
    pub(super) identifier: String,
    pub(super) title: String,
    #[serde(default)]
    pub(super) subtitle: String,
    /// `None` for one that Mailroom has not read.
    pub(super) letters: Option<Vec<SeenLetter>>,
}

/// A letter that was read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeenLetter {
    pub(super) from: String,
    pub(super) subject: String,
}

/// A parcel that was asked about.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeenParcel {
    pub(super) number: String,
    pub(super) state: String,
}

/// What the last button brought, shown once.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) class: &'static str,
    pub(super) text: String,
}

impl Notice {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self { class: "good", text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { class: "bad", text: text.into() }
    }
}
