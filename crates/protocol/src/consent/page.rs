//! The consent page: everything a person needs to know to decide (CONSENT-01).

use grantd_tokens::Seconds;

use super::OfferedItem;
use super::offer::{answer, offered, questions};
use crate::authorize::is_assured;
use crate::authorize::{Page, Step, next_step};
use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Fetch, Ledger, Next, Refused};
use crate::facts::{Facts, Lookup};
use crate::forms::BrowserState;
use crate::login::{live_session, waiting_request};
use crate::names::{RedirectUri, Scope};
use crate::records::{Client, Detail, Offer, PendingRequest, Resource, Things, User};
use crate::redirect_uri::Destination;
use crate::refusals::Refusal;

/// After a resource failed to answer, it is asked again on a reload, but not sooner than this.
const ASK_AGAIN_AFTER: Seconds = Seconds(3);

/// Opening the consent page.
#[derive(Clone, Debug)]
pub struct ConsentPage {
    /// The browser's cookies and the handle.
    pub browser: BrowserState,
}

/// What comes of it.
#[derive(Debug)]
pub enum Shown {
    /// The page.
    Page(Box<View>),
    /// Another step is due: sign in, or the answer at once.
    Elsewhere(Step),
}

/// What the page says. Text of the client and of the resources is text: whoever renders it escapes it (CONSENT-06).
#[derive(Debug)]
pub struct View {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub destination: Destination,
    /// Who decides.
    pub user: User,
    /// The resources asked for, with what of them is asked.
    pub resources: Vec<ResourceView>,
    /// How long access lasts at the most while the user is signed in.
    pub lasts_while_signed_in: Seconds,
    /// How long it lasts at the most when the user is away; `None` if that was not asked for.
    pub lasts_while_away: Option<Seconds>,
    /// Whether nobody but this client can receive the answer (CONSENT-03).
    pub assured: bool,
    /// Where the answer goes, byte for byte.
    pub redirect_uri: RedirectUri,
}

/// One resource on the page.
#[derive(Debug)]
pub struct ResourceView {
    /// The resource.
    pub resource: Resource,
    /// The scopes asked for that it defines.
    pub scopes: Vec<Scope>,
    /// The details asked for.
    pub details: Vec<DetailView>,
}

/// One of the details asked for.
#[derive(Debug)]
pub struct DetailView {
    /// As the client asked.
    pub asked: Detail,
    /// The lines that can be ticked.
    pub items: Vec<OfferedItem>,
    /// Whether the resource could say which things the user has.
    pub things: Answered,
}

/// Whether a resource answered the question for things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It did, or there was nothing to ask.
    Yes,
    /// It did not, or not in time.
    No,
}

impl Endpoint for ConsentPage {
    type Answer = Shown;

    fn lookup(&self) -> Lookup {
        Lookup { pending: self.browser.handle_hash(), session: self.browser.session_hash(), ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Shown> {
        match self.fetch_first(facts, env) {
            Some(fetch) => Next::Fetch(fetch),
            None => Decision::reached_by(|ledger| self.judge(facts, env, ledger)).into(),
        }
    }
}

impl ConsentPage {
    /// The things of whoever is signed in now must be known before the page is drawn. Nothing is asked for a browser that
    /// will not be shown the page: a link alone makes no resource tell what a stranger has (SESS-03).
    fn fetch_first(&self, facts: &Facts, env: &Env<'_>) -> Option<Fetch> {
        let (pending, _) = waiting_request(&self.browser, facts, env, &mut Ledger::default()).ok()?;
        let (_, user) = live_session(facts, env.settings, env.now)?;
        let questions = questions(pending, &facts.resources);
        let due = match &pending.offer {
            Offer::Asked { user: asked_about, at, answers } if *asked_about == user.id => {
                let missing = answers.iter().any(|answer| answer.things == Things::Unavailable);
                missing && env.now.since(*at) >= ASK_AGAIN_AFTER
            }
            Offer::Asked { .. } | Offer::NotAsked => true,
        };
        (due && !questions.is_empty()).then(|| Fetch::Things {
            pending: pending.handle,
            user: user.id.clone(),
            questions,
        })
    }

    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<Shown, Refused> {
        let (pending, client) = waiting_request(&self.browser, facts, env, ledger)?;
        let step = next_step(pending, facts, env, ledger)?;
        match step {
            Step::Show { page: Page::Consent, .. } => {}
            Step::Answer(_) => {
                ledger.if_answered(Change::CompletePending { pending: pending.handle });
                return Ok(Shown::Elsewhere(step));
            }
            Step::Show { page: Page::SignIn, .. } => return Ok(Shown::Elsewhere(step)),
        }
        let (_, user) = ledger.require(live_session(facts, env.settings, env.now), Refusal::SessionNeeded)?;
        Ok(Shown::Page(Box::new(view(pending, client, user, facts, env, ledger)?)))
    }
}

fn view(
    pending: &PendingRequest,
    client: &Client,
    user: &User,
    facts: &Facts,
    env: &Env<'_>,
    ledger: &mut Ledger,
) -> Result<View, Refusal> {
    let redirect_uri = crate::authorize::VerifiedRedirectUri::verify(pending.redirect_uri.as_str(), client);
    let redirect_uri = ledger.require(redirect_uri, Refusal::RedirectUriUnregistered)?;
    let destination = ledger.require(Destination::of(&pending.redirect_uri), Refusal::RedirectUriUnregistered)?;
    let items = offered(pending, &facts.resources, &user.id);
    let asked_for = facts.resources.iter().filter(|resource| pending.resources.contains(&resource.id));
    let mut shown: Vec<Scope> = Vec::new();
    let resources = asked_for
        .map(|resource| {
            // A scope that two resources define is one choice, shown once.
            let new = |scope: &&Scope| resource.defines(scope) && !shown.contains(scope);
            let scopes: Vec<Scope> = pending.scopes.iter().filter(new).cloned().collect();
            shown.extend(scopes.iter().cloned());
            ResourceView { resource: resource.clone(), scopes, details: details_of(resource, pending, &items, user) }
        })
        .collect();
    let lifetimes = &env.settings.lifetimes;
    let offline = pending.scopes.contains(&Scope::offline_access());
    Ok(View {
        client: client.clone(),
        destination,
        user: user.clone(),
        resources,
        lasts_while_signed_in: lifetimes.session,
        lasts_while_away: offline.then_some(lifetimes.refresh_token),
        assured: is_assured(client, pending),
        redirect_uri: redirect_uri.uri().clone(),
    })
}

fn details_of(resource: &Resource, pending: &PendingRequest, items: &[OfferedItem], user: &User) -> Vec<DetailView> {
    let of_resource = pending.details.iter().enumerate().filter(|(_, detail)| detail.resource == resource.id);
    of_resource
        .map(|(position, detail)| {
            let mine = |item: &&OfferedItem| item.asked == position;
            let unanswered = matches!(answer(pending, detail, &user.id), Some(Things::Unavailable));
            DetailView {
                asked: detail.clone(),
                items: items.iter().filter(mine).cloned().collect(),
                things: if unanswered { Answered::No } else { Answered::Yes },
            }
        })
        .collect()
}
