//! `grant_type=refresh_token` (RFC 6749 §6): a voucher that only this business can trade in, once.

use grantd_tokens::Secret;

use super::Request;
use super::issue::{Issued, NextRefreshToken, Share, issue};
use super::request::RefreshToken;
use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::records::{Grant, GrantState, Presence, Revocation, SessionState, Spending, Status};
use crate::refusals::Refusal;

pub(super) fn judge(
    asked: &RefreshToken,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Issued, Refusal> {
    let facts = request.facts;
    let client = request.client.client();
    let token = ledger.require(facts.refresh_token.as_ref(), Refusal::RefreshTokenUnknown)?;
    let grant = facts.grant.as_ref().filter(|grant| grant.id == token.grant);
    let grant = ledger.require(grant, Refusal::RefreshTokenUnknown)?;
    ledger.ensure(grant.client == client.id, Refusal::RefreshTokenOfAnotherClient)?;
    ledger.ensure(grant.state == GrantState::Standing, Refusal::RefreshGrantGone)?;

    // The sender is proved, and the token was spent before: one of the two who hold it is a thief (REFRESH-09).
    if token.spending != Spending::Unspent {
        let because = Revocation::RefreshTokenReused;
        ledger.always(Change::RevokeGrant { grant: grant.id.clone(), at: env.now, because });
    }
    ledger.ensure(token.spending == Spending::Unspent, Refusal::RefreshTokenReused)?;
    ledger.ensure(!env.now.is_past(token.expires_at), Refusal::RefreshTokenIdle)?;
    ledger.ensure(!env.now.is_past(grant.expires_at), Refusal::RefreshGrantEnded)?;
    still_stands(grant, request, env, ledger)?;

    let share = Share::of_refresh(grant, asked.scope.as_ref(), request, ledger)?;
    let successor = Secret::random(env.random);
    let spent = Change::SpendRefreshToken { token: token.hash, successor: successor.hash(), at: env.now };
    ledger.if_answered(spent);
    issue(share, NextRefreshToken::after(token, successor), request, env, ledger)
}

/// INV-02 and REFRESH-16: the user, and the session unless the user let access last and the client may still have it last
/// (REFRESH-15).
fn still_stands(grant: &Grant, request: &Request<'_>, env: &Env<'_>, ledger: &mut Ledger) -> Result<(), Refusal> {
    let facts = request.facts;
    let user = facts.user.as_ref().filter(|user| user.id == grant.user);
    ledger.ensure(user.is_some_and(|user| user.status == Status::Active), Refusal::RefreshUserGone)?;
    let lasts = grant.presence == Presence::Offline && request.client.client().may_act_alone();
    let session = facts.grant_session.as_ref().filter(|session| session.id == grant.session);
    let lives =
        session.is_some_and(|session| session.state == SessionState::Live && !env.now.is_past(session.expires_at));
    ledger.ensure(lasts || lives, Refusal::RefreshSessionEnded)
}
