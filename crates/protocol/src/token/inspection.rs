//! What the token endpoint would say, if the right client showed a code or a refresh token now. For [`crate::inspection`].
//!
//! The checks are those of the grants themselves; only what the client has to prove is left out. Whoever calls throws away what the
//! ledger would have written.

use super::authorization_code::redeemable;
use super::grant_type::GrantType;
use super::refresh_token::{Showing, accept};
use super::request::Target;
use super::{Wanted, pkce};
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::names::Network;
use crate::records::{Client, Code, Status};
use crate::refusals::Refusal;

/// What a refresh token would be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The family's live token.
    First,
    /// One that was spent just now: as if the answer had been lost (REFRESH-10).
    Retry,
}

/// A code, shown with the verifier and the redirect URI that fit it.
pub(crate) fn of_code(code: &Code, facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Result<(), Refusal> {
    let client = client_of(facts, GrantType::AuthorizationCode, ledger)?;
    ledger.ensure(code.client == client.id, Refusal::CodeOfAnotherClient)?;
    pkce::not_guessed_at(code, env.settings.limits.wrong_verifiers, ledger)?;
    let target = target_of(facts);
    let wanted = Wanted { facts, target: &target, client };
    redeemable(code, Some(code.redirect_uri.as_str()), wanted, env, ledger).map(drop)
}

/// A refresh token, shown for whatever was granted.
pub(crate) fn of_refresh_token(facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Result<Use, Refusal> {
    let client = client_of(facts, GrantType::RefreshToken, ledger)?;
    let target = target_of(facts);
    let wanted = Wanted { facts, target: &target, client };
    Ok(match accept(None, wanted, &Network::new("nowhere"), env, ledger)?.showing {
        Showing::FirstUse(_) => Use::First,
        Showing::LostResponse { .. } | Showing::Reuse(_) => Use::Retry,
    })
}

/// As after client authentication.
fn client_of<'a>(facts: &'a Facts, grant_type: GrantType, ledger: &mut Ledger) -> Result<&'a Client, Refusal> {
    let client = ledger.require(facts.client.as_ref(), Refusal::NoSuchClient)?;
    ledger.ensure(client.status == Status::Active, Refusal::ClientDisabled)?;
    ledger.ensure(client.grant_types.contains(&grant_type), Refusal::GrantTypeUnregistered)?;
    Ok(client)
}

/// The grant's default; where that was taken back, another that the client may still ask for.
fn target_of(facts: &Facts) -> Target {
    let left = facts.grant.as_ref().and_then(|grant| {
        let default = grant.default_resource.as_ref().filter(|default| grant.resources.contains(default));
        default.or(grant.resources.first()).cloned()
    });
    Target { resource: left, details: None }
}
