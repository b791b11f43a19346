//! The user's browser session: is it live, and whose is it?

use grantd_tokens::{Seconds, Time};

use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, Lookup};
use crate::forms::BrowserState;
use crate::records::{Client, PendingRequest, Session, SessionState, Status, User};
use crate::refusals::Refusal;
use crate::settings::Settings;

/// The session named and its user, if it is live: not ended, neither idle nor old (SESS-04), and its user active.
pub fn live_session<'a>(facts: &'a Facts, settings: &Settings, now: Time) -> Option<(&'a Session, &'a User)> {
    let session = facts.session.as_ref()?;
    let user = facts.user.as_ref()?;
    let lives = is_live(session, settings, now);
    (lives && user.id == session.user && user.status == Status::Active).then_some((session, user))
}

/// Whether a session was not ended, and is neither idle nor old (SESS-04). Does not look at its user.
pub(crate) fn is_live(session: &Session, settings: &Settings, now: Time) -> bool {
    session.state == SessionState::Live
        && !now.is_past(session.expires_at)
        && !now.is_past(session.last_used_at + settings.lifetimes.session_idle)
}

/// The pending request of this very browser, still in time, with its client (AUTHZ-31, SESS-03, INV-03).
pub(crate) fn waiting_request<'a>(
    browser: &BrowserState,
    facts: &'a Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<(&'a PendingRequest, &'a Client), Refusal> {
    let pending = ledger.require(facts.pending.as_ref(), Refusal::RequestGone)?;
    ledger.ensure(!env.now.is_past(pending.expires_at), Refusal::RequestGone)?;
    let same_browser = browser.browser_hash().is_some_and(|browser| browser.matches(&pending.browser));
    ledger.ensure(same_browser, Refusal::RequestOfAnotherBrowser)?;
    let client = facts.client.as_ref().filter(|client| client.id == pending.client);
    let client = ledger.require(client, Refusal::ClientUnknown)?;
    ledger.ensure(client.status == Status::Active, Refusal::ClientSwitchedOff)?;
    Ok((pending, client))
}

/// Opening a page that only wants to know who is signed in. Moves the idle end along.
#[derive(Clone, Debug)]
pub struct SessionUse {
    /// The browser's cookies.
    pub browser: BrowserState,
}

/// `last_used_at` moves at most this often: a page view is not worth a disk write each time.
pub(crate) const TOUCH_EVERY: Seconds = Seconds(60);

/// Moves `last_used_at` along, if that is due.
pub(crate) fn touch(session: &Session, env: &Env<'_>, ledger: &mut Ledger) {
    if env.now.since(session.last_used_at) >= TOUCH_EVERY {
        ledger.if_answered(Change::TouchSession { session: session.id, at: env.now });
    }
}

impl Endpoint for SessionUse {
    type Answer = Option<User>;

    fn lookup(&self) -> Lookup {
        Lookup { session: self.browser.session_hash(), ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Option<User>> {
        Decision::reached_by(|ledger| {
            let signed_in = live_session(facts, env.settings, env.now);
            if let Some((session, _)) = signed_in {
                touch(session, env, ledger);
            }
            Ok(signed_in.map(|(_, user)| user.clone()))
        })
        .into()
    }
}
