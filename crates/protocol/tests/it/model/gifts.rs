//! What came of commits and cannot be taken back: the history of a scenario, told without looking at the store.

use std::collections::BTreeSet;

use grantd_protocol::records::IssuedAccessToken;
use grantd_tokens::{Digest, Seconds, Secret, Time};

use super::ask::{Ask, Sender};

/// One thing that was given. Its position names the secrets that were handed out with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Gift {
    Code,
    Denial,
    Tokens(Tokens),
    Session,
    Admission,
    User,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tokens {
    pub(crate) paid_with: Payment,
    /// When that was decided.
    pub(crate) at: Time,
    pub(crate) to: Sender,
    pub(crate) answer: Delivery,
    pub(crate) refresh_token: String,
    pub(crate) access_token: IssuedAccessToken,
}

/// What a token answer cost; by the gift it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payment {
    Code(u8),
    RefreshToken(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Delivery {
    Underway,
    Arrived,
    Lost,
}

/// What had become of a refresh token when a request looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct History {
    pub(crate) first_used: Option<i32>,
    /// Its predecessor was shown again, and got another.
    pub(crate) replaced: bool,
    /// What it was traded for last was traded in, too.
    pub(crate) successor_used: bool,
}

impl Tokens {
    pub(crate) fn hash(&self) -> Digest {
        Secret::new(self.refresh_token.clone()).hash()
    }
}

/// The tokens that were given, by the position that names them.
pub(crate) fn tokens(gifts: &[Gift]) -> impl Iterator<Item = (u8, &Tokens)> {
    (0..).zip(gifts).filter_map(|(at, gift)| match gift {
        Gift::Tokens(tokens) => Some((at, tokens)),
        Gift::Code | Gift::Denial | Gift::Session | Gift::Admission | Gift::User => None,
    })
}

/// The gifts that were paid with this, in order.
pub(crate) fn paid_with(gifts: &[Gift], payment: Payment) -> impl Iterator<Item = (u8, &Tokens)> {
    tokens(gifts).filter(move |(_, tokens)| tokens.paid_with == payment)
}

pub(crate) fn is_used(gifts: &[Gift], token: u8) -> bool {
    paid_with(gifts, Payment::RefreshToken(token)).next().is_some()
}

/// Whether another took the place of this token.
pub(crate) fn is_replaced(gifts: &[Gift], token: u8) -> bool {
    let Gift::Tokens(held) = &gifts[usize::from(token)] else { return false };
    let last = paid_with(gifts, held.paid_with).last();
    matches!(held.paid_with, Payment::RefreshToken(_)) && last.is_some_and(|(last, _)| last != token)
}

/// The tokens that nobody used or replaced.
pub(crate) fn unspent(gifts: &[Gift]) -> BTreeSet<u8> {
    tokens(gifts).map(|(at, _)| at).filter(|at| !is_used(gifts, *at) && !is_replaced(gifts, *at)).collect()
}

impl History {
    pub(crate) fn of(ask: Ask, gifts: &[Gift], start: Time) -> Self {
        let Ask::Refresh { token, .. } = ask else { return Self::default() };
        let mut successors = paid_with(gifts, Payment::RefreshToken(token));
        let first_used = successors.next().map(|(_, first)| i32::try_from(first.at.since(start).0).unwrap());
        let last = paid_with(gifts, Payment::RefreshToken(token)).last();
        Self {
            first_used,
            replaced: is_replaced(gifts, token),
            successor_used: last.is_some_and(|(last, _)| is_used(gifts, last)),
        }
    }

    /// How long ago it was used for the first time, if it was.
    pub(crate) fn used_for(self, at: Seconds) -> Option<Seconds> {
        self.first_used.map(|first| Seconds((at.0 - i64::from(first)).max(0)))
    }
}
