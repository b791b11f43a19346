//! `/account/access`, the buttons: narrow, end, end all, sign out elsewhere.

use grantd_tokens::Secret;

use super::held::standing;
use super::narrow::{Kept, Left};
use super::page::Completeness;
use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, Lookup};
use crate::forms::{BrowserState, FormOrigin, Purpose};
use crate::login::live_session;
use crate::names::{ClientId, Scope};
use crate::records::{Revocation, Session, User};
use crate::refusals::Refusal;

/// A posted form of the page.
#[derive(Clone, Debug)]
pub struct AccessChange {
    /// The browser's cookies.
    pub browser: BrowserState,
    /// The form's anti-forgery token.
    pub token: Option<Secret>,
    /// Where the form came from.
    pub origin: FormOrigin,
    /// What the user pressed.
    pub wish: Wish,
}

/// What the user wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// One application may do only this any more.
    Narrow {
        /// Which. One that the user gave nothing is ignored.
        client: ClientId,
        /// The scopes left ticked. What is not held is ignored.
        scopes: Vec<Scope>,
        /// The keys of the things left ticked. What is not held is ignored.
        things: Vec<String>,
    },
    /// One application may do nothing any more, and has to ask again.
    End {
        /// Which. One that the user gave nothing is ignored.
        client: ClientId,
    },
    /// No application may do anything any more.
    EndAll,
    /// Every session but this one ends.
    SignOutElsewhere,
}

impl Wish {
    /// What the form that says so is for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Narrow { .. } => Purpose::NarrowAccess,
            Self::End { .. } => Purpose::EndAccess,
            Self::EndAll => Purpose::EndAllAccess,
            Self::SignOutElsewhere => Purpose::SignOutElsewhere,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A part was taken back. The application's next token carries the rest.
    Narrowed,
    /// One application may do nothing any more.
    Ended,
    /// Nobody may.
    AllEnded,
    /// The other sessions have ended.
    SignedOutElsewhere,
    /// There was nothing to take back.
    Nothing,
    /// The application has more grants than can be narrowed at once; nothing was changed, and it can be ended.
    TooMany,
    /// The session is over; sign in first.
    SessionOver,
}

impl Endpoint for AccessChange {
    type Answer = Changed;

    fn lookup(&self) -> Lookup {
        Lookup { session: self.browser.session_hash(), holdings: true, ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Changed> {
        Decision::reached_by(|ledger| Ok(self.judge(facts, env, ledger)?)).into()
    }
}

impl AccessChange {
    fn judge(&self, facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Result<Changed, Refusal> {
        let genuine = self.browser.is_genuine(self.wish.purpose(), self.token.as_ref(), self.origin);
        ledger.ensure(genuine, Refusal::FormForged)?;
        let Some((session, user)) = live_session(facts, env.settings, env.now) else {
            return Ok(Changed::SessionOver);
        };
        Ok(match &self.wish {
            Wish::Narrow { client, scopes, things } => {
                narrow(client, Kept { scopes, things }, user, facts, env, ledger)
            }
            Wish::End { client } => end(client, user, facts, env, ledger),
            Wish::EndAll => {
                ledger.if_answered(ending(user, None, env));
                Changed::AllEnded
            }
            Wish::SignOutElsewhere => sign_out_elsewhere(session, user, env, ledger),
        })
    }
}

fn narrow(
    client: &ClientId,
    kept: Kept<'_>,
    user: &User,
    facts: &Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Changed {
    let holdings = &facts.holdings;
    let of_client = standing(holdings, env.now).filter(|grant| grant.client == *client);
    let left: Vec<_> = of_client.map(|grant| (grant, Left::of(grant, kept, &holdings.resources))).collect();
    if left.iter().all(|(_, left)| *left == Left::Everything) {
        return Changed::Nothing;
    }
    if left.iter().all(|(_, left)| *left == Left::Nothing) {
        return end(client, user, facts, env, ledger);
    }
    if Completeness::of(facts) == Completeness::Cut {
        return Changed::TooMany;
    }
    for (grant, left) in left {
        let (grant, narrowings) = (grant.id.clone(), grant.narrowings);
        match left {
            Left::Everything => {}
            Left::Some { scopes, resources, details } => {
                ledger.if_answered(Change::NarrowGrant { grant, narrowings, scopes, resources, details });
            }
            Left::Nothing => {
                ledger.if_answered(Change::RevokeGrant { grant, at: env.now, because: Revocation::EndedByUser });
            }
        }
    }
    // The next request asks again: agreed to before, it would give back what was taken.
    ledger.if_answered(Change::ForgetConsent { user: user.id.clone(), client: client.clone() });
    Changed::Narrowed
}

/// Of an application that is not listed, nothing is known to be there (and nothing of a made-up name is written down), unless the
/// list was cut.
fn end(client: &ClientId, user: &User, facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Changed {
    let holdings = &facts.holdings;
    let held = holdings.grants.iter().any(|grant| grant.client == *client)
        || holdings.consents.iter().any(|consent| consent.client == *client);
    if !held && Completeness::of(facts) == Completeness::Whole {
        return Changed::Nothing;
    }
    ledger.if_answered(ending(user, Some(client.clone()), env));
    Changed::Ended
}

fn ending(user: &User, client: Option<ClientId>, env: &Env<'_>) -> Change {
    Change::EndAccess { user: user.id.clone(), client, at: env.now, because: Revocation::EndedByUser }
}

fn sign_out_elsewhere(session: &Session, user: &User, env: &Env<'_>, ledger: &mut Ledger) -> Changed {
    ledger.if_answered(Change::EndOtherSessions { user: user.id.clone(), keep: session.id, at: env.now });
    Changed::SignedOutElsewhere
}
