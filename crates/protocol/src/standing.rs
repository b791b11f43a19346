//! Whether that on which a refresh token rests is still there. Asked when one is traded in, and when one is introspected.

use grantd_tokens::Time;

use crate::endpoint::Ledger;
use crate::facts::Facts;
use crate::records::{Grant, Presence, RefreshToken, SessionState, Status};
use crate::refusals::Refusal;

/// A refresh token of a standing grant, shown by its client: the `client` of the facts.
pub(crate) struct Tradable<'a> {
    pub(crate) token: &'a RefreshToken,
    pub(crate) grant: &'a Grant,
}

impl Tradable<'_> {
    /// REFRESH-12, INV-02 and REFRESH-16: the time of the token and of the grant, the user, and the session unless the user
    /// let access last and the client may still have it last (REFRESH-15).
    ///
    /// Does not check whether the token was spent, nor whose it is.
    pub(crate) fn ensure(&self, facts: &Facts, now: Time, ledger: &mut Ledger) -> Result<(), Refusal> {
        let Self { token, grant } = self;
        ledger.ensure(!now.is_past(token.expires_at), Refusal::RefreshTokenIdle)?;
        ledger.ensure(!now.is_past(grant.expires_at), Refusal::RefreshGrantEnded)?;
        let user = facts.user.as_ref().filter(|user| user.id == grant.user);
        ledger.ensure(user.is_some_and(|user| user.status == Status::Active), Refusal::RefreshUserGone)?;
        let may_last = facts.client.as_ref().is_some_and(|client| client.id == grant.client && client.may_act_alone());
        let lasts = grant.presence == Presence::Offline && may_last;
        let session = facts.grant_session.as_ref().filter(|session| session.id == grant.session);
        let lives =
            session.is_some_and(|session| session.state == SessionState::Live && !now.is_past(session.expires_at));
        ledger.ensure(lasts || lives, Refusal::RefreshSessionEnded)
    }
}
