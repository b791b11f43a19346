//! Mailroom's page.

use askama::Template;
use tokio::time::Instant;

use super::Mailroom;
use super::visitor::{Account, Key, Notice, SeenBox, SeenParcel, Visitor};
use crate::addresses::Addresses;
use crate::journal::{Entry, fingerprint};

/// The one page: an invitation, or what Mailroom could read.
#[derive(Template)]
#[template(path = "mailroom.html")]
pub(super) struct Home<'a> {
    notice: Option<Notice>,
    account: Option<AccountView<'a>>,
    journal: &'a [Entry],
    addresses: &'a Addresses,
    issuer: &'a str,
}

struct AccountView<'a> {
    boxes: &'a [SeenBox],
    parcels: &'a [SeenParcel],
    lockbox_key: KeyView,
    parcels_key: Option<KeyView>,
    voucher: Option<String>,
}

struct KeyView {
    fingerprint: String,
    opens: String,
    seconds_left: u64,
}

/// The notice is shown once.
pub(super) fn home<'a>(visitor: &'a mut Visitor, app: &'a Mailroom, now: Instant) -> Home<'a> {
    Home {
        notice: visitor.notice.take(),
        account: visitor.account.as_ref().map(|account| account_view(account, now)),
        journal: visitor.journal.entries(),
        addresses: &app.addresses,
        issuer: app.client.issuer(),
    }
}

fn account_view(account: &Account, now: Instant) -> AccountView<'_> {
    AccountView {
        boxes: &account.boxes,
        parcels: &account.seen_parcels,
        lockbox_key: key_view(&account.lockbox, now),
        parcels_key: account.parcels.as_ref().map(|key| key_view(key, now)),
        voucher: account.voucher.as_ref().map(|voucher| fingerprint(voucher.secret())),
    }
}

fn key_view(key: &Key, now: Instant) -> KeyView {
    KeyView {
        fingerprint: fingerprint(key.token.secret()),
        opens: if key.opens.is_empty() { "no box".to_owned() } else { key.opens.join(", ") },
        seconds_left: key.expires_at.saturating_duration_since(now).as_secs(),
    }
}
