//! What comes next for a pending request: sign in, consent, or the answer. Every page posts its proof and returns here.

use grantd_tokens::{Digest, Secret};

use super::{AuthorizationResponse, Choice, VerifiedRedirectUri, approve};
use crate::changes::Change;
use crate::endpoint::{Env, Ledger};
use crate::facts::Facts;
use crate::login::{live_session, touch};
use crate::records::{Client, Consent, PendingRequest, Session, User};
use crate::redirect_uri::Destination;
use crate::refusals::Refusal;

/// What the browser does next.
#[derive(Debug)]
pub enum Step {
    /// It carries the code to the client.
    Answer(AuthorizationResponse),
    /// It shows a page.
    Show {
        /// Which.
        page: Page,
        /// The handle of the request, where it was just made. A page that was opened by its handle has it already.
        handle: Option<Secret>,
        /// The interaction cookie to set, where the browser had none.
        new_browser: Option<Secret>,
    },
}

/// The pages between a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Who are you?
    SignIn,
    /// May they?
    Consent,
}

/// Decides from the request, the session and what was agreed to before.
///
/// Does not check that the browser is the one that began the request: see [`crate::consent`] and [`crate::login`].
pub fn next_step(
    pending: &PendingRequest,
    facts: &Facts,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Step, Refusal> {
    match live_session(facts, env.settings, env.now) {
        Some(signed_in) => {
            touch(signed_in.0, env, ledger);
            next_step_for(pending, signed_in, facts, env, ledger)
        }
        None => Ok(Step::Show { page: Page::SignIn, handle: None, new_browser: None }),
    }
}

/// As [`next_step`], for a user who is signed in.
pub(crate) fn next_step_for(
    pending: &PendingRequest,
    (session, user): (&Session, &User),
    facts: &Facts,
    env: &mut Env<'_>,
    ledger: &mut Ledger,
) -> Result<Step, Refusal> {
    let client = ledger.require(facts.client.as_ref(), Refusal::ClientUnknown)?;
    let agreed = facts.consent.as_ref().filter(|consent| covers(consent, pending, client, user));
    let choice = agreed.map(|consent| {
        let details = consent.given_details.clone();
        let choice = Choice::of(pending, pending.scopes.clone(), details, &facts.resources);
        (consent, choice.with_names(consent.names.clone()))
    });
    let Some((consent, choice)) = choice.filter(|(_, choice)| !choice.is_empty()) else {
        return Ok(Step::Show { page: Page::Consent, handle: None, new_browser: None });
    };
    let redirect_uri = VerifiedRedirectUri::verify(pending.redirect_uri.as_str(), client);
    let redirect_uri = ledger.require(redirect_uri, Refusal::RedirectUriUnregistered)?;
    // Whoever takes it back at this moment is not answered by a grant that stands on it all the same (CONSENT-05).
    let Consent { user: by, client: to, given_at, .. } = consent.clone();
    ledger.if_answered(Change::UseConsent { user: by, client: to, given_at });
    let response = approve(pending, redirect_uri, choice, (session, client), env, ledger);
    Ok(Step::Answer(response))
}

/// CONSENT-02 and CONSENT-03: the same user, the same client as it was, no more scope, the same resources and details; and
/// never for a client that anybody could claim to be.
fn covers(consent: &Consent, pending: &PendingRequest, client: &Client, user: &User) -> bool {
    is_assured(client, pending)
        && consent.user == user.id
        && consent.client == client.id
        && consent.fingerprint == fingerprint(client)
        && pending.scopes.is_within(&consent.scopes)
        && pending.resources == consent.resources
        && pending.details == consent.asked_details
}

/// Whether the answer can reach nobody but this client: it proves itself, or it alone can receive at that address.
pub(crate) fn is_assured(client: &Client, pending: &PendingRequest) -> bool {
    let claimed = Destination::of(&pending.redirect_uri).is_some_and(|destination| destination.is_claimed());
    client.authentication.is_confidential() || claimed
}

/// The client as the user knew it when they agreed: how it authenticates and where its answers go.
pub(crate) fn fingerprint(client: &Client) -> Digest {
    let mut redirect_uris: Vec<&str> = client.redirect_uris.iter().map(crate::names::RedirectUri::as_str).collect();
    redirect_uris.sort_unstable();
    Digest::of(format!("{}\n{}", client.authentication.method(), redirect_uris.join("\n")).as_bytes())
}
