//! `/account/access`, the page: who may do what, since when, and where else the user is signed in.

use grantd_tokens::Time;

use super::held::{Application, applications};
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next};
use crate::facts::{Facts, HOLDINGS_SHOWN, Lookup};
use crate::forms::BrowserState;
use crate::login::{is_live, live_session, touch};
use crate::records::{Client, Session, User};

/// Opening the page.
#[derive(Clone, Debug)]
pub struct AccessPage {
    /// The browser's cookies.
    pub browser: BrowserState,
}

/// What comes of it.
#[derive(Debug)]
pub enum Shown {
    /// The page.
    Page(Box<Overview>),
    /// Nobody is signed in here.
    SignIn,
}

/// What the page says. Text of clients and resources is text: whoever renders it escapes it (CONSENT-06).
#[derive(Debug)]
pub struct Overview {
    /// Who looks.
    pub user: User,
    /// When.
    pub now: Time,
    /// Who may do something now.
    pub applications: Vec<Application>,
    /// Who may do nothing now, and would get it again without a question.
    pub remembered: Vec<Remembered>,
    /// The sessions of this user in other browsers.
    pub elsewhere: Vec<Session>,
    /// Whether there may be more than is shown.
    pub completeness: Completeness,
}

/// A consent that stands although nothing is granted under it now (CONSENT-02).
#[derive(Clone, Debug)]
pub struct Remembered {
    /// To whom.
    pub client: Client,
    /// Since when.
    pub given_at: Time,
}

/// Whether a bounded list is the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It is.
    Whole,
    /// There are more grants than are listed. All can be ended, and none can be narrowed: what is not listed would stay as it is.
    Cut,
}

impl Completeness {
    pub(super) fn of(facts: &Facts) -> Self {
        if facts.holdings.grants.len() < HOLDINGS_SHOWN { Self::Whole } else { Self::Cut }
    }
}

impl Endpoint for AccessPage {
    type Answer = Shown;

    fn lookup(&self) -> Lookup {
        Lookup { session: self.browser.session_hash(), holdings: true, ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Shown> {
        Decision::reached_by(|ledger| Ok(shown(facts, env, ledger))).into()
    }
}

fn shown(facts: &Facts, env: &Env<'_>, ledger: &mut Ledger) -> Shown {
    let Some((session, user)) = live_session(facts, env.settings, env.now) else { return Shown::SignIn };
    touch(session, env, ledger);
    let holdings = &facts.holdings;
    let applications = applications(holdings, env.now);
    let idle = |id| applications.iter().all(|application: &Application| application.client.id != id);
    let consents = holdings.consents.iter().filter(|consent| idle(consent.client.clone()));
    let remembered = consents.filter_map(|consent| {
        let client = holdings.clients.iter().find(|client| client.id == consent.client)?;
        Some(Remembered { client: client.clone(), given_at: consent.given_at })
    });
    let elsewhere = |other: &&Session| other.id != session.id && is_live(other, env.settings, env.now);
    Shown::Page(Box::new(Overview {
        user: user.clone(),
        now: env.now,
        remembered: remembered.collect(),
        applications,
        elsewhere: holdings.sessions.iter().filter(elsewhere).cloned().collect(),
        completeness: Completeness::of(facts),
    }))
}
