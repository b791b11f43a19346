//! A refresh token, shown by its own client: is it the one that it may trade in?

use super::answer::Active;
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::records::{Grant, GrantState, RefreshToken, Spending};
use crate::refusals::Refusal;
use crate::standing::Tradable;

pub(super) fn judge(
    token: &RefreshToken,
    grant: &Grant,
    facts: &Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<Active, Refusal> {
    // A spent one within the lost-response window is good for a retry, but the family's live token is its successor.
    ledger.ensure(token.spending == Spending::Unspent, Refusal::RefreshTokenSpent)?;
    ledger.ensure(grant.state == GrantState::Standing, Refusal::RefreshGrantGone)?;
    Tradable { token, grant }.ensure(facts, env.now, ledger)?;
    Ok(Active::of_refresh_token(token, grant, &env.settings.issuer))
}
