//! `grant_type=authorization_code` (RFC 6749 §4.1.3): a receipt, and proof of being the business that it was made out to.

use super::issue::{FirstRefreshToken, Issued, Share, issue};
use super::request::AuthorizationCode;
use super::{Request, Wanted, pkce};
use crate::authorize::VerifiedRedirectUri;
use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::names::RedirectUri;
use crate::records::{
    Client, Code, Ended, EndedThing, Grant, GrantState, Presence, Redemption, RedirectUriAtToken, Revocation,
    SessionState, Status,
};
use crate::refusals::Refusal;

pub(super) fn judge(
    asked: &AuthorizationCode,
    request: &Request<'_>,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Issued, Refusal> {
    let facts = request.facts;
    let client = request.client.client();
    let code = ledger.require(facts.code.as_ref(), Refusal::CodeUnknown)?;
    ledger.ensure(code.client == client.id, Refusal::CodeOfAnotherClient)?;
    let verified = pkce::verify(asked.code_verifier.as_ref(), code, env.settings.limits.wrong_verifiers, ledger)?;
    let share = redeemable(code, asked.redirect_uri.as_deref(), request.wanted(), env, ledger)?;
    ledger.if_answered(Change::RedeemCode { code: code.hash, at: env.now });
    issue(share, FirstRefreshToken::after(verified), request, env, ledger)
}

/// What a code gives to its client, once that has shown its verifier.
pub(super) fn redeemable<'a>(
    code: &Code,
    redirect_uri: Option<&str>,
    wanted: Wanted<'a>,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<Share<'a>, Refusal> {
    let grant = ledger.require(wanted.facts.grant.as_ref(), Refusal::CodeGrantGone)?;
    // Only now: a stranger who saw the code must not be able to end the grant (CODE-05).
    if code.redemption != Redemption::Pending {
        let because = Revocation::CodeReplayed;
        ledger.always(Change::RevokeGrant { grant: grant.id.clone(), at: env.now, because });
    }
    ledger.ensure(code.redemption == Redemption::Pending, Refusal::CodeReplayed)?;
    ledger.ensure(!env.now.is_past(code.expires_at), Refusal::CodeExpired)?;
    redirect_uri_fits(redirect_uri, code, wanted.client, ledger)?;
    still_stands(grant, wanted.facts, env, ledger)?;
    Share::of_code(grant, wanted, ledger)
}

/// CODE-07, and INV-03: a redirect URI that the client no longer has gives nothing.
fn redirect_uri_fits(sent: Option<&str>, code: &Code, client: &Client, ledger: &mut Ledger) -> Result<(), Refusal> {
    let must_repeat = client.redirect_uri_at_token == RedirectUriAtToken::Required;
    ledger.ensure(sent.is_some() || !must_repeat, Refusal::RedirectUriNotRepeated)?;
    let same = |sent: &str| RedirectUri::new(sent) == code.redirect_uri;
    ledger.ensure(sent.is_none_or(same), Refusal::RedirectUriDiffers)?;
    let registered = VerifiedRedirectUri::verify(code.redirect_uri.as_str(), client).is_some();
    ledger.ensure(registered, Refusal::RedirectUriWithdrawn)
}

/// INV-01, INV-02, INV-03, CODE-11: the grant, its client and user, and the session it was given in.
fn still_stands(grant: &Grant, facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Result<(), Refusal> {
    let stands = grant.state == GrantState::Standing && !env.now.is_past(grant.expires_at);
    ledger.ensure(stands, Refusal::CodeGrantGone)?;
    // Decided before the client ended and kept after it, a grant did not end with the others.
    let ended = |ended: &Ended| ended.thing == EndedThing::Client(grant.client.clone()) && grant.created_at <= ended.at;
    let outlived = facts.ended.as_ref().is_none_or(|all| all.iter().any(ended));
    ledger.ensure(!outlived, Refusal::CodeGrantGone)?;
    let user = facts.user.as_ref().filter(|user| user.id == grant.user);
    ledger.ensure(user.is_some_and(|user| user.status == Status::Active), Refusal::CodeUserGone)?;
    // The user let it last beyond the session, but the code itself is the session's.
    let session = facts.grant_session.as_ref().filter(|session| session.id == grant.session);
    let lives = session.is_some_and(|session| {
        session.state == SessionState::Live
            && (grant.presence == Presence::Offline || !env.now.is_past(session.expires_at))
    });
    ledger.ensure(lives, Refusal::CodeSessionEnded)
}
