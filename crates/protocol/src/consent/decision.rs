//! The user's decision, and what it grants: the stored request minus what was unticked (CONSENT-04, AUTHZ-14).

use grantd_tokens::Secret;

use super::offer::answer;
use super::{OfferedItem, offered};
use crate::authorize::{AuthorizationResponse, Choice, ErrorRedirect, VerifiedRedirectUri, approve, fingerprint};
use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Ledger, Next, Refused};
use crate::facts::{Facts, Lookup};
use crate::forms::{BrowserState, FormOrigin, Purpose};
use crate::login::{live_session, waiting_request};
use crate::names::Scope;
use crate::records::{Client, Consent, PendingRequest, Session, Things, User};
use crate::refusals::Refusal;

/// A posted consent form.
#[derive(Clone, Debug)]
pub struct ConsentDecision {
    /// The browser's cookies and the handle.
    pub browser: BrowserState,
    /// The form's anti-forgery token.
    pub token: Option<Secret>,
    /// Where the form came from.
    pub origin: FormOrigin,
    /// What the user pressed.
    pub verdict: Verdict,
    /// The scopes left ticked. What was not asked for is ignored.
    pub scopes: Vec<Scope>,
    /// The keys of the lines left ticked. What was not offered is ignored.
    pub things: Vec<String>,
}

/// What the user pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, to what is ticked.
    Allow,
    /// No.
    Deny,
    /// I am somebody else: sign out and ask again.
    SwitchAccount,
}

/// What comes of it. A denial is a refusal that travels to the client (AUTHZ-27).
#[derive(Debug)]
pub enum Decided {
    /// The code is on its way.
    Answer(AuthorizationResponse),
    /// Nothing was left ticked, yet Allow was pressed: show the page again and say so.
    NothingChosen,
    /// Signed out; the same request waits for another user.
    SignInAgain,
    /// The session is over; sign in, and the request is still there.
    SessionOver,
}

impl Endpoint for ConsentDecision {
    type Answer = Decided;

    fn lookup(&self) -> Lookup {
        Lookup { pending: self.browser.handle_hash(), session: self.browser.session_hash(), ..Lookup::default() }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Decided> {
        Decision::reached_by(|ledger| self.judge(facts, env, ledger)).into()
    }
}

impl ConsentDecision {
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<Decided, Refused> {
        let (pending, client) = waiting_request(&self.browser, facts, env, ledger)?;
        let genuine = self.browser.is_genuine(Purpose::Consent, self.token.as_ref(), self.origin);
        ledger.ensure(genuine, Refusal::ConsentForged)?;
        let redirect_uri = VerifiedRedirectUri::verify(pending.redirect_uri.as_str(), client);
        let redirect_uri = ledger.require(redirect_uri, Refusal::RedirectUriUnregistered)?;
        let Some((session, user)) = live_session(facts, env.settings, env.now) else {
            return Ok(Decided::SessionOver);
        };
        match self.verdict {
            Verdict::Deny => {
                // The request is spent with the answer, whichever it is.
                ledger.always(Change::CompletePending { pending: pending.handle });
                let told = ErrorRedirect::new(redirect_uri, pending.state.clone(), env.settings.issuer.clone());
                ledger.ensure(false, Refusal::UserDenied).map_err(|refusal| Refused {
                    refusal,
                    redirect: Some(Box::new(told)),
                    evidence: None,
                })?;
                Ok(Decided::SessionOver)
            }
            Verdict::SwitchAccount => {
                ledger.if_answered(Change::EndSession { session: session.id, at: env.now });
                Ok(Decided::SignInAgain)
            }
            Verdict::Allow => Ok(self.allow(pending, redirect_uri, (session, user, client), facts, env, ledger)),
        }
    }

    fn allow(
        &self,
        pending: &PendingRequest,
        redirect_uri: VerifiedRedirectUri,
        (session, user, client): (&Session, &User, &Client),
        facts: &Facts,
        env: &mut Env<'_>,
        ledger: &mut Ledger,
    ) -> Decided {
        let choice = self.choice(pending, user, facts);
        if choice.is_empty() {
            return Decided::NothingChosen;
        }
        ledger.if_answered(Change::CompletePending { pending: pending.handle });
        // What nobody could tick was not left out by choice: the next request asks again.
        if !is_unanswered(pending, user) {
            ledger.if_answered(Change::KeepConsent(Consent {
                user: user.id.clone(),
                client: client.id.clone(),
                fingerprint: fingerprint(client),
                scopes: choice.scopes().clone(),
                resources: pending.resources.clone(),
                asked_details: pending.details.clone(),
                given_details: choice.details().to_vec(),
                names: choice.names().to_vec(),
                given_at: env.now,
            }));
        }
        Decided::Answer(approve(pending, redirect_uri, choice, (session, client), env, ledger))
    }

    fn choice(&self, pending: &PendingRequest, user: &User, facts: &Facts) -> Choice {
        let lines = offered(pending, &facts.resources, &user.id);
        let ticked: Vec<_> = lines.into_iter().filter(|line| self.things.contains(&line.key)).collect();
        let names = ticked.iter().filter_map(OfferedItem::name).collect();
        let scopes = pending.scopes.filtered(|scope| self.scopes.contains(scope));
        let details = ticked.into_iter().map(|line| line.detail).collect();
        Choice::of(pending, scopes, details, &facts.resources).with_names(names)
    }
}

/// Whether a resource failed to say which things the user has.
fn is_unanswered(pending: &PendingRequest, user: &User) -> bool {
    pending.details.iter().any(|detail| matches!(answer(pending, detail, &user.id), Some(Things::Unavailable)))
}
