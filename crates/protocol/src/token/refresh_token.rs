//! `grant_type=refresh_token` (RFC 6749 §6): a voucher that only this business can trade in, once.
//!
//! Owns the difference between a retry and a theft. What each showing of a token means is decided in [`Showing::of`], and
//! nowhere else; why it is safe is explored in `tests/it/model`.

use grantd_tokens::{Seconds, Time};

use super::issue::{Issued, NextRefreshToken, Share, issue};
use super::refresh_secret::RefreshSecret;
use super::request::RefreshToken as Asked;
use super::{Request, Wanted};
use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::events::{EventKind, Note};
use crate::facts::Facts;
use crate::names::{Network, Scopes};
use crate::records::{Grant, GrantState, RefreshToken, Revocation, Spending};
use crate::refusals::Refusal;
use crate::standing::Tradable;

pub(super) fn judge(
    asked: &Asked,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Issued, Refusal> {
    let Accepted { showing, live, share } =
        accept(asked.scope.as_ref(), request.wanted(), request.network, env, ledger)?;
    let next = RefreshSecret::next(&asked.refresh_token, env.random);
    trade(&showing, &next, env.now, ledger);
    let mut issued = issue(share, NextRefreshToken::after(live, next), request, env, ledger)?;
    issued.replaced_answers = showing.replaced_answers();
    Ok(issued)
}

/// A refresh token that is good for something, and for what.
pub(super) struct Accepted<'a> {
    pub(super) showing: Showing<'a>,
    /// The one of its family that lives: itself, or what it was traded for.
    live: &'a RefreshToken,
    share: Share<'a>,
}

/// All that is asked of a token before something is issued for it.
pub(super) fn accept<'a>(
    scope: Option<&Scopes>,
    wanted: Wanted<'a>,
    network: &Network,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<Accepted<'a>, Refusal> {
    let Wanted { facts, client, .. } = wanted;
    let of_grant = |grant: &&Grant| facts.refresh_token.as_ref().is_none_or(|token| token.grant == grant.id);
    // By the token's own row, or else by its family.
    let grant = ledger.require(facts.grant.as_ref().filter(of_grant), Refusal::RefreshTokenUnknown)?;
    ledger.ensure(grant.client == client.id, Refusal::RefreshTokenOfAnotherClient)?;
    ledger.ensure(grant.state == GrantState::Standing, Refusal::RefreshGrantGone)?;

    let showing = Showing::of(facts, env);
    // Nothing ends: whoever retries without a pause is hardly a thief, and has an answer that works.
    ledger.ensure(showing.replaced_answers() <= MAX_REPLACED_ANSWERS, Refusal::RefreshRetriedTooOften)?;
    note(&showing, grant, network, ledger);
    // The sender is proved, and the token was spent before: one of the two who hold it is a thief (REFRESH-09).
    if let Showing::Reuse(_) = showing {
        let because = Revocation::RefreshTokenReused;
        ledger.always(Change::RevokeGrant { grant: grant.id.clone(), at: env.now, because });
    }
    let live = ledger.require(showing.live(), Refusal::RefreshTokenReused)?;
    Tradable { token: live, grant }.ensure(facts, env.now, ledger)?;
    let share = Share::of_refresh(grant, scope, wanted, ledger)?;
    Ok(Accepted { showing, live, share })
}

/// What it means that a refresh token is shown, by a sender who is proved.
pub(super) enum Showing<'a> {
    /// It is the one unspent token of its family.
    FirstUse(&'a RefreshToken),
    /// It was spent just now, and nobody used what it was traded for: the answer was lost, or another tab was quicker
    /// (REFRESH-10).
    LostResponse { token: &'a RefreshToken, unused: &'a RefreshToken, after: Seconds },
    /// It was spent, and that is all there is to say (REFRESH-09, REFRESH-11).
    Reuse(Option<&'a RefreshToken>),
}

impl<'a> Showing<'a> {
    fn of(facts: &'a Facts, env: &Env<'_>) -> Self {
        let window = env.settings.lifetimes.lost_response;
        // A family without the token's own row: it was spent long ago.
        let Some(token) = &facts.refresh_token else { return Self::Reuse(None) };
        match token.spending {
            Spending::Unspent => Self::FirstUse(token),
            Spending::Spent { at, successor } => {
                // A clock that was set back says nothing of how long it has been. It makes the window longer; what keeps a family
                // from forking is not the window.
                let after = Seconds(env.now.since(at).0.max(0));
                let unused = facts.successor.as_ref().filter(|held| held.hash == successor);
                match unused.filter(|held| held.spending == Spending::Unspent) {
                    Some(unused) if after < window => Self::LostResponse { token, unused, after },
                    _ => Self::Reuse(Some(token)),
                }
            }
            Spending::Superseded { .. } => Self::Reuse(Some(token)),
        }
    }

    /// If it is good for something, the one of its family that lives. The idle end is that one's: what is shown again was used in
    /// time. Refused as idle it would leave a thief who used it just before its end with what they got.
    fn live(&self) -> Option<&'a RefreshToken> {
        match self {
            Self::FirstUse(token) => Some(token),
            Self::LostResponse { unused, .. } => Some(unused),
            Self::Reuse(_) => None,
        }
    }

    /// How many answers another one takes the place of: each that replaced one is a generation further.
    fn replaced_answers(&self) -> u32 {
        match self {
            Self::LostResponse { token, unused, .. } => unused.generation.saturating_sub(token.generation),
            Self::FirstUse(_) | Self::Reuse(_) => 0,
        }
    }
}

/// Spends what is shown, or replaces what it was traded for: either way the family has one unspent token (REFRESH-08).
fn trade(showing: &Showing<'_>, next: &RefreshSecret, at: Time, ledger: &mut Ledger) {
    let next = next.token.hash();
    match showing {
        Showing::FirstUse(token) => {
            ledger.if_answered(Change::SpendRefreshToken { token: token.hash, successor: next, at });
        }
        Showing::LostResponse { token, unused, .. } => {
            let (predecessor, unused_hash) = (token.hash, unused.hash);
            ledger.if_answered(Change::ReplaceSuccessor { predecessor, unused: unused_hash, replacement: next, at });
            // Whoever got the lost answer after all holds nothing of it that works.
            if let Some(beside) = unused.beside.clone().filter(|beside| !at.is_past(beside.expires_at)) {
                ledger.if_answered(Change::EndAccessToken { token: beside, at });
            }
        }
        Showing::Reuse(_) => {}
    }
}

/// What the operator is told of everything but an ordinary first use (REFRESH-09, LOG-04).
fn note(showing: &Showing<'_>, grant: &Grant, network: &Network, ledger: &mut Ledger) {
    let (kind, token, after) = match showing {
        Showing::FirstUse(_) => return,
        Showing::LostResponse { token, after, .. } if *after <= AT_ONCE => {
            (EventKind::RefreshRaced, Some(*token), Some(*after))
        }
        Showing::LostResponse { token, after, .. } => (EventKind::RefreshRetried, Some(*token), Some(*after)),
        Showing::Reuse(token) => (EventKind::RefreshTokenReused, *token, None),
    };
    let spending = match token.map(|token| token.spending) {
        Some(Spending::Spent { .. }) => "spent",
        Some(Spending::Superseded { .. }) => "replaced before it was used",
        Some(Spending::Unspent) => "unspent",
        None => "spent long ago",
    };
    let mut evidence = Note::new(kind).about(grant).with("token", spending).with("shown_from", network.as_str());
    if let Some(token) = token {
        evidence = evidence.with("generation", token.generation.to_string());
        if let Some(sent_to) = &token.sent_to {
            evidence = evidence.with("sent_to", sent_to.as_str());
        }
    }
    if let Some(after) = after {
        evidence = evidence.with("seconds_after_first_use", after.0.to_string());
    }
    ledger.note(evidence);
}

/// How often one token is answered again within its window. Each answer leaves rows behind: a spent token, an ended access token, an
/// event.
const MAX_REPLACED_ANSWERS: u32 = 100;

/// Two showings so close together are two requests at once rather than one and its retry. A difference in words alone.
const AT_ONCE: Seconds = Seconds(1);
