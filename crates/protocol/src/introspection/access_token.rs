//! An access token, shown by whoever it is used at: is it good now, and for what?

use grantd_tokens::AccessTokenClaims;
use grantd_tokens::claims::CLOCK_SKEW;

use super::answer::Active;
use crate::details;
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::names::AccessTokenId;
use crate::records::{Client, Ended, EndedThing, Grant, GrantState, Status};
use crate::refusals::Refusal;

pub(super) fn judge(
    token: AccessTokenClaims,
    caller: &Client,
    facts: &Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<Active, Refusal> {
    // Before anything else is looked at: whoever it is not meant for learns nothing (INTRO-02).
    let is_meant = caller.introspects.iter().any(|resource| resource.as_str() == token.aud);
    ledger.ensure(is_meant, Refusal::AccessTokenForAnother)?;
    still_good(token, facts, env, ledger).map(Active::of_access_token)
}

/// What the token is good for now, whoever asks.
pub(crate) fn still_good(
    mut token: AccessTokenClaims,
    facts: &Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<AccessTokenClaims, Refusal> {
    ledger.ensure(!env.now.is_past(token.exp), Refusal::AccessTokenExpired)?;
    ledger.ensure(token.iat <= env.now + CLOCK_SKEW, Refusal::AccessTokenNotYetValid)?;
    let ended = facts.ended.as_ref().is_none_or(|ended| ended.iter().any(|ended| ends(ended, &token)));
    ledger.ensure(!ended, Refusal::AccessTokenEnded)?;
    // With this one the server itself asks which things a person has; no client has a URL as its id (DCR-04).
    if token.client_id == env.settings.issuer.as_str() {
        return Ok(token);
    }
    let holder = facts.holder.as_ref().filter(|client| client.id.as_str() == token.client_id);
    let in_use = holder.is_some_and(|client| client.status == Status::Active);
    ledger.ensure(in_use, Refusal::AccessTokenClientGone)?;
    if let Some(id) = AccessTokenId::new(token.jti.clone()).grant() {
        let grant = facts.grant.as_ref().filter(|grant| grant.id == id);
        let grant = ledger.require(grant, Refusal::AccessTokenGrantGone)?;
        still_granted(&mut token, grant, facts, ledger)?;
    }
    Ok(token)
}

/// Whether this is about the token, or about all that its client held for itself at that time.
fn ends(ended: &Ended, token: &AccessTokenClaims) -> bool {
    match &ended.thing {
        EndedThing::AccessToken(id) => id.as_str() == token.jti,
        EndedThing::Client(id) => id.as_str() == token.client_id && token.iat <= ended.at,
    }
}

/// AT-11: what its user took back since is no longer in it.
fn still_granted(
    token: &mut AccessTokenClaims,
    grant: &Grant,
    facts: &Facts,
    ledger: &mut Ledger,
) -> Result<(), Refusal> {
    let belongs = grant.client.as_str() == token.client_id && grant.user.as_str() == token.sub;
    ledger.ensure(belongs && grant.state == GrantState::Standing, Refusal::AccessTokenGrantGone)?;
    let user = facts.user.as_ref().filter(|user| user.id == grant.user);
    ledger.ensure(user.is_some_and(|user| user.status == Status::Active), Refusal::AccessTokenUserGone)?;

    let reachable = grant.resources.iter().any(|resource| resource.as_str() == token.aud);
    ledger.ensure(reachable, Refusal::AccessTokenTakenBack)?;
    let granted = |scope: &&str| grant.scopes.iter().any(|granted| granted.as_str() == *scope);
    let left: Vec<&str> = token.scope.iter().flat_map(|scope| scope.split(' ')).filter(granted).collect();
    token.scope = (!left.is_empty()).then(|| left.join(" "));
    token.authorization_details.retain(|detail| details::still_granted(&grant.details, detail));
    let left_any = token.scope.is_some() || !token.authorization_details.is_empty();
    ledger.ensure(left_any, Refusal::AccessTokenTakenBack)
}
