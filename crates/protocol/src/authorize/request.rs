//! An authorization request, and the checks that stand before any page of a user's.

use grantd_tokens::{Digest, Secret};

use super::{Asked, ErrorRedirect, Step, VerifiedRedirectUri, next_step};
use crate::changes::Change;
use crate::endpoint::{Decision, Endpoint, Env, Evidence, Ledger, Next, Refused};
use crate::facts::{Facts, Lookup};
use crate::names::{ClientId, Network, RedirectUri, Scopes};
use crate::parameters::{Parameters, ParametersFault};
use crate::records::{Client, Offer, PendingRequest, Status};
use crate::refusals::Refusal;

/// AUTHZ-30: no parameter is longer.
const MAX_PARAMETER_BYTES: usize = 8 * 1024;
const MAX_STATE_CHARS: usize = 4096;

/// A request to the authorization endpoint, by GET or POST.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    parameters: Parameters,
    client: ClientId,
    /// The interaction cookie, if the browser has one; else one is made.
    browser: Option<Secret>,
    session: Option<Digest>,
    network: Network,
}

impl AuthorizationRequest {
    /// Reads the parameters (AUTHZ-01 … 04). `query` is the raw query of the URL, `body` the raw form of a POST; one of the
    /// two carries the request, never both (AUTHZ-02).
    pub fn parse(query: Option<&[u8]>, body: Option<&[u8]>) -> Result<Self, Refusal> {
        let text = match (query.filter(|query| !query.is_empty()), body) {
            (Some(_), Some(_)) => return Err(Refusal::AuthorizeTwice),
            (query, body) => body.or(query).unwrap_or_default(),
        };
        let parameters = Parameters::parse(text, MAX_PARAMETER_BYTES).map_err(|fault| match fault {
            ParametersFault::TooLong => Refusal::AuthorizeTooLarge,
            ParametersFault::NotFormEncoding | ParametersFault::TooMany => Refusal::AuthorizeMalformed,
        })?;
        if parameters.repeats("client_id") || parameters.repeats("redirect_uri") {
            return Err(Refusal::ClientIdRepeated);
        }
        let client = ClientId::new(parameters.get("client_id").ok_or(Refusal::ClientIdMissing)?);
        Ok(Self { parameters, client, browser: None, session: None, network: Network::new("") })
    }

    /// Adds what is known of the browser: its interaction cookie, its session cookie, and where it is.
    #[must_use]
    pub fn from_browser(mut self, browser: Option<Secret>, session: Option<&Secret>, network: Network) -> Self {
        self.browser = browser;
        self.session = session.map(Secret::hash);
        self.network = network;
        self
    }

    /// Nothing before the redirect URI is verified may redirect (AUTHZ-29, REDIR-10).
    fn judge(&self, facts: &Facts, env: &mut Env<'_>, ledger: &mut Ledger) -> Result<Step, Refused> {
        let client = ledger.require(facts.client.as_ref(), Refusal::ClientUnknown)?;
        ledger.ensure(client.status == Status::Active, Refusal::ClientSwitchedOff)?;
        let redirect_uri = self.verified_redirect_uri(client, ledger)?;

        let state = self.parameters.get("state").map(str::to_owned);
        let state_is_usable = !self.parameters.repeats("state") && state.as_deref().is_none_or(is_returnable);
        let told = ErrorRedirect::new(
            redirect_uri.clone(),
            state.clone().filter(|_| state_is_usable),
            env.settings.issuer.clone(),
        );
        let go_on = |ledger: &mut Ledger, env: &mut Env<'_>| {
            ledger.ensure(state_is_usable, Refusal::StateTooLong)?;
            let asked = Asked::judge(&self.parameters, client, facts, ledger)?;
            self.proceed(asked, (redirect_uri, state), facts, env, ledger)
        };
        go_on(ledger, env).map_err(|refusal| match refusal {
            // A page of this server with 503: a flood is not passed on to the clients (LIMITS-05).
            Refusal::TooManyWaiting => Refused::from(refusal),
            _ => Refused { refusal, redirect: Some(Box::new(told)), evidence: None },
        })
    }

    fn verified_redirect_uri(&self, client: &Client, ledger: &mut Ledger) -> Result<VerifiedRedirectUri, Refused> {
        let only = match client.redirect_uris.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let sent = self.parameters.get("redirect_uri").or(only.map(RedirectUri::as_str));
        let sent = ledger.require(sent, Refusal::RedirectUriMissing)?;
        let verified = VerifiedRedirectUri::verify(sent, client);
        ledger.require(verified, Refusal::RedirectUriUnregistered).map_err(|refusal| {
            Refused::from(refusal).with_evidence(Evidence {
                what: "redirect_uri",
                sent: sent.to_owned(),
                accepted: nearest_first(sent, &client.redirect_uris),
            })
        })
    }

    fn proceed(
        &self,
        asked: Asked,
        (redirect_uri, state): (VerifiedRedirectUri, Option<String>),
        facts: &Facts,
        env: &mut Env<'_>,
        ledger: &mut Ledger,
    ) -> Result<Step, Refusal> {
        let handle = Secret::random(env.random);
        let browser = self.browser.clone().unwrap_or_else(|| Secret::random(env.random));
        let pending = PendingRequest {
            handle: handle.hash(),
            browser: browser.hash(),
            network: self.network.clone(),
            client: self.client.clone(),
            redirect_uri: redirect_uri.uri().clone(),
            state,
            scopes: asked.scopes,
            resources: asked.resources,
            details: asked.details,
            code_challenge: asked.code_challenge,
            offer: Offer::NotAsked,
            created_at: env.now,
            expires_at: env.now + env.settings.lifetimes.pending_request,
        };
        let step = next_step(&pending, facts, env, ledger)?;
        Ok(match step {
            Step::Answer(response) => Step::Answer(response),
            Step::Show { page, .. } => {
                let limits = &env.settings.limits;
                let room = facts.waiting.from_network < limits.pending_per_network
                    && facts.waiting.in_all < limits.pending_in_all;
                ledger.ensure(room, Refusal::TooManyWaiting)?;
                ledger.if_answered(Change::AddPending(pending));
                Step::Show { page, handle: Some(handle), new_browser: self.browser.is_none().then_some(browser) }
            }
        })
    }
}

impl Endpoint for AuthorizationRequest {
    type Answer = Step;

    fn lookup(&self) -> Lookup {
        Lookup {
            client: Some(self.client.clone()),
            session: self.session,
            scopes: self.parameters.get("scope").and_then(Scopes::parse).unwrap_or_default(),
            waiting: Some(self.network.clone()),
            ..Lookup::default()
        }
    }

    fn decide(&self, facts: &Facts, env: &mut Env<'_>) -> Next<Step> {
        Decision::reached_by(|ledger| self.judge(facts, env, ledger)).into()
    }
}

/// AUTHZ-11: whatever can be sent back as it came.
fn is_returnable(state: &str) -> bool {
    state.chars().count() <= MAX_STATE_CHARS && state.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
}

/// The registered URIs, the one that begins most like `sent` first: for the developer who made a slip.
fn nearest_first(sent: &str, registered: &[RedirectUri]) -> Vec<String> {
    let common =
        |uri: &RedirectUri| uri.as_str().bytes().zip(sent.bytes()).take_while(|(one, other)| one == other).count();
    let mut nearest: Vec<&RedirectUri> = registered.iter().collect();
    nearest.sort_by_key(|uri| std::cmp::Reverse(common(uri)));
    nearest.into_iter().map(|uri| uri.as_str().to_owned()).collect()
}
