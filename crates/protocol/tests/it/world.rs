//! A world for scenarios: the reference state, a clock that is stepped by hand, and randomness that counts. It drives endpoints
//! through the same loop as the real shell: load, decide, commit, and again when another request was first.

use std::collections::BTreeMap;

use grantd_protocol::authorize::{AuthorizationRequest, Page, Step};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::{ConsentDecision, ConsentPage, Decided, Shown, Verdict, View};
use grantd_protocol::endpoint::{Decision, Endpoint, Env, Fetch, Next, Refused};
use grantd_protocol::events::{self, Event, Note, Source, Told};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::forms::{FormOrigin, Purpose};
use grantd_protocol::login::{Admission, Admitted, PasswordProof, SignIn, SignOut, SignedIn};
use grantd_protocol::names::{ClientId, Issuer, Network, ResourceId, Scope, UserId, Username};
use grantd_protocol::parameters::encode;
use grantd_protocol::records::{Client, ClientAuthentication, Grant, Offer, OfferedThings, Resource, Things};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::state::{Records, State};
use grantd_protocol::token::{Issued, TokenRequest};
use grantd_tokens::{JwkSet, Random, Seconds, Secret, Time};

use crate::forms_of_the_wire::{Browser, Form, TokenCall, parameter_of};
use crate::town::{self, boxes_of, hash_of, password_of, secret_of};

/// RFC 7636 App. B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// As often as the shell looks again.
const MAX_ATTEMPTS: usize = 3;

/// Randomness that repeats itself from run to run, and never within one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(u64);

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        let number = self.0.to_be_bytes();
        bytes.fill(0xA5);
        for (slot, byte) in bytes.iter_mut().zip(number) {
            *slot = byte;
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) settings: Settings,
    /// What the server's own tokens are signed with.
    pub(crate) keys: JwkSet,
    pub(crate) now: Time,
    pub(crate) dice: Counted,
    /// What the lockbox API answers when it is asked which things a person has.
    pub(crate) things: BTreeMap<UserId, Things>,
    /// Every question that was asked of it.
    pub(crate) asked: Vec<Fetch>,
    /// What an operator would have been told.
    pub(crate) told: Vec<Event>,
}

impl World {
    /// The town of [`crate::town`], at an arbitrary moment, with nobody signed in.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            settings: Settings::new(Issuer::new(town::ISSUER)),
            keys: JwkSet::default(),
            now: Time(1_800_000_000),
            dice: Counted::default(),
            things: [town::ALICE, town::BOB]
                .into_iter()
                .map(|name| (town::user_id(name), Things::Known(boxes_of(name))))
                .collect(),
            asked: Vec::new(),
            told: Vec::new(),
        };
        let clients = town::clients().into_iter().map(Change::PutClient);
        let resources = town::resources().into_iter().map(Change::PutResource);
        let users = town::users().into_iter().map(|user| Change::AddUser { user, or: Refusal::NameTaken });
        for change in clients.chain(resources).chain(users) {
            world.operate(change);
        }
        world
    }

    // ---- the clock, the operator, the store ----

    pub(crate) fn advance(&mut self, by: Seconds) {
        self.now = self.now + by;
    }

    /// What `taking` takes from the one grant there is, its user takes back.
    pub(crate) fn narrow(&mut self, taking: impl FnOnce(&mut Grant)) {
        let mut grant = self.records().grants.values().next().unwrap().clone();
        taking(&mut grant);
        let Grant { id, narrowings, scopes, resources, details, .. } = grant;
        self.operate(Change::NarrowGrant { grant: id, narrowings, scopes, resources, details });
    }

    /// What an operator does; it always succeeds.
    pub(crate) fn operate(&mut self, change: Change) {
        assert_eq!(self.commit(&[change]), Commit::Done);
    }

    pub(crate) fn edit_client(&mut self, id: &str, edit: impl FnOnce(&mut Client)) {
        let mut client = self.client(id);
        let before = client.status;
        edit(&mut client);
        let (id, status, at) = (client.id.clone(), client.status, self.now);
        self.operate(Change::PutClient(client));
        if status != before {
            self.operate(Change::SetClientStatus { client: id, status, at });
        }
    }

    pub(crate) fn edit_resource(&mut self, id: &str, edit: impl FnOnce(&mut Resource)) {
        let mut resource = self.records().resources[&ResourceId::new(id)].clone();
        edit(&mut resource);
        self.operate(Change::PutResource(resource));
    }

    pub(crate) fn client(&self, id: &str) -> Client {
        self.records().clients[&ClientId::new(id)].clone()
    }

    pub(crate) fn records(&self) -> &Records {
        self.state.records(&self.settings.issuer).unwrap()
    }

    pub(crate) fn load(&self, lookup: &Lookup) -> Facts {
        self.state.load(&self.settings.issuer, lookup)
    }

    pub(crate) fn commit(&mut self, changes: &[Change]) -> Commit {
        self.state.commit(&self.settings.issuer, changes)
    }

    // ---- the shell ----

    /// The loop of the shell.
    pub(crate) fn run<E: Endpoint>(&mut self, endpoint: &E) -> Result<E::Answer, Refused> {
        for _ in 0..MAX_ATTEMPTS {
            let facts = self.load(&endpoint.lookup());
            let decision = match self.decide_on(endpoint, &facts) {
                Next::Done(decision) => decision,
                Next::Fetch(fetch) => {
                    self.fetch(fetch);
                    continue;
                }
            };
            match self.commit(&decision.changes) {
                Commit::Done => {
                    let Decision { answer, changes, notes, .. } = decision;
                    self.tell(&changes, &notes, answer.as_ref().err(), &facts);
                    return answer;
                }
                Commit::Stale => {}
                Commit::Refused(refusal) => {
                    let refused = Refused::from(refusal);
                    self.tell(&[], &[], Some(&refused), &facts);
                    return Err(refused);
                }
            }
        }
        panic!("contention: the decision was stale {MAX_ATTEMPTS} times");
    }

    pub(crate) fn tell(&mut self, changes: &[Change], notes: &[Note], refused: Option<&Refused>, facts: &Facts) {
        let told = Told { changes, notes, refused, facts, source: Source::Request, within_second: 0 };
        self.told.extend(events::of(&told, self.now, &mut self.dice));
    }

    /// The first half of the loop: nothing is written yet.
    pub(crate) fn decide<E: Endpoint>(&mut self, endpoint: &E) -> Next<E::Answer> {
        let facts = self.load(&endpoint.lookup());
        self.decide_on(endpoint, &facts)
    }

    /// A decision on facts that a test has tampered with.
    pub(crate) fn decide_on<E: Endpoint>(&mut self, endpoint: &E, facts: &Facts) -> Next<E::Answer> {
        let mut env = Env { now: self.now, random: &mut self.dice, settings: &self.settings, keys: &self.keys };
        endpoint.decide(facts, &mut env)
    }

    /// As [`World::decide`], for an endpoint that fetches nothing.
    pub(crate) fn decision<E: Endpoint>(&mut self, endpoint: &E) -> Decision<E::Answer> {
        match self.decide(endpoint) {
            Next::Done(decision) => decision,
            Next::Fetch(fetch) => panic!("a fetch was not expected: {fetch:?}"),
        }
    }

    fn fetch(&mut self, fetch: Fetch) {
        let Fetch::Things { pending, user, questions } = fetch.clone();
        self.asked.push(fetch);
        let things = self.things.get(&user).cloned().unwrap_or(Things::Unavailable);
        let answers = questions
            .into_iter()
            .map(|question| OfferedThings {
                resource: question.resource,
                type_name: question.type_name,
                things: things.clone(),
            })
            .collect();
        let offer = Offer::Asked { user, at: self.now, answers };
        assert_eq!(self.commit(&[Change::Offer { pending, offer }]), Commit::Done);
    }

    // ---- the front channel ----

    pub(crate) fn authorize(&mut self, browser: &mut Browser, form: &Form) -> Result<Step, Refused> {
        let request = AuthorizationRequest::parse(Some(form.encoded().as_bytes()), None)?;
        let request = request.from_browser(browser.cookie.clone(), browser.session.as_ref(), browser.network.clone());
        let step = self.run(&request)?;
        if let Step::Show { handle, new_browser, .. } = &step {
            browser.handle.clone_from(handle);
            if new_browser.is_some() {
                browser.cookie.clone_from(new_browser);
            }
        }
        Ok(step)
    }

    /// Signs in with the right password.
    pub(crate) fn sign_in(&mut self, browser: &mut Browser, username: &str) -> Result<SignedIn, Refused> {
        self.sign_in_with(browser, username, &password_of(username))
    }

    /// Signs in without any application that asks, in a browser that opened the sign-in page.
    pub(crate) fn sign_in_at(&mut self, browser: &mut Browser, username: &str) {
        browser.handle = None;
        browser.cookie.get_or_insert_with(|| Secret::random(&mut self.dice));
        self.sign_in(browser, username).unwrap();
    }

    pub(crate) fn sign_in_with(
        &mut self,
        browser: &mut Browser,
        username: &str,
        password: &str,
    ) -> Result<SignedIn, Refused> {
        let token = browser.state().form_token(Purpose::SignIn);
        let username = Username::parse(username);
        let admission = Admission::Try {
            browser: browser.state(),
            token: token.clone(),
            origin: FormOrigin::Own,
            username: username.clone(),
            network: browser.network.clone(),
        };
        let Admitted::Attempt(credential) = self.run(&admission)? else { panic!("not an attempt") };
        let proof = credential
            .filter(|credential| credential.password == hash_of(password))
            .map(|credential| PasswordProof { credential, rehashed: None });
        let signed_in = self.run(&SignIn {
            browser: browser.state(),
            token,
            origin: FormOrigin::Own,
            username,
            network: browser.network.clone(),
            proof,
        })?;
        browser.session = Some(signed_in.session.clone());
        Ok(signed_in)
    }

    pub(crate) fn sign_out(&mut self, browser: &mut Browser) -> Result<(), Refused> {
        let token = browser.state().form_token(Purpose::SignOut);
        self.run(&SignOut { browser: browser.state(), token, origin: FormOrigin::Own })?;
        browser.session = None;
        Ok(())
    }

    pub(crate) fn consent_page(&mut self, browser: &Browser) -> Result<Shown, Refused> {
        self.run(&ConsentPage { browser: browser.state() })
    }

    /// The page, which must be shown.
    pub(crate) fn view(&mut self, browser: &Browser) -> View {
        match self.consent_page(browser) {
            Ok(Shown::Page(view)) => *view,
            other => panic!("no consent page: {other:?}"),
        }
    }

    /// The form of the page with everything ticked.
    pub(crate) fn ticked(&mut self, browser: &Browser, verdict: Verdict) -> ConsentDecision {
        let view = self.view(browser);
        let offline = view.lasts_while_away.map(|_| Scope::offline_access());
        let scopes = view.resources.iter().flat_map(|resource| resource.scopes.clone()).chain(offline).collect();
        let details = view.resources.iter().flat_map(|resource| &resource.details);
        let things = details.flat_map(|detail| &detail.items).map(|item| item.key.clone()).collect();
        let token = browser.state().form_token(Purpose::Consent);
        ConsentDecision { browser: browser.state(), token, origin: FormOrigin::Own, verdict, scopes, things }
    }

    /// Sees the page, and presses the button with everything ticked.
    pub(crate) fn consent(&mut self, browser: &Browser, verdict: Verdict) -> Result<Decided, Refused> {
        let form = self.ticked(browser, verdict);
        self.run(&form)
    }

    /// Asks, signs in as Alice where that is needed, and allows everything: the address that the browser is sent to.
    pub(crate) fn approve_in(&mut self, browser: &mut Browser, form: &Form) -> String {
        let mut step = self.authorize(browser, form).unwrap();
        if matches!(step, Step::Show { page: Page::SignIn, .. }) {
            step = self.sign_in(browser, town::ALICE).unwrap().step.unwrap();
        }
        let response = match step {
            Step::Answer(response) => response,
            Step::Show { .. } => match self.consent(browser, Verdict::Allow).unwrap() {
                Decided::Answer(response) => response,
                other => panic!("not answered: {other:?}"),
            },
        };
        response.location()
    }

    /// As [`World::approve_in`], in a browser of its own: the code.
    pub(crate) fn approve(&mut self, client: &str, scope: &str) -> Secret {
        let form = self.request_of(client).with("scope", scope);
        self.approve_form(&form)
    }

    pub(crate) fn approve_form(&mut self, form: &Form) -> Secret {
        let location = self.approve_in(&mut Browser::new(), form);
        code_in(&location)
    }

    /// A good authorization request of this client, for `boxes:list`.
    pub(crate) fn request_of(&self, client: &str) -> Form {
        let redirect_uri = self.client(client).redirect_uris.first().map(|uri| uri.as_str().to_owned());
        Form::new(&[
            ("client_id", client),
            ("redirect_uri", &redirect_uri.unwrap_or_default()),
            ("response_type", "code"),
            ("scope", "boxes:list"),
            ("state", "the state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
    }

    // ---- the back channel ----

    /// A call with the registered proof of who this client is.
    pub(crate) fn call_of(&self, client: &str, form: Form) -> TokenCall {
        let network = Network::new("198.51.100.0/24");
        let secret = secret_of(client);
        match self.client(client).authentication {
            ClientAuthentication::None => {
                TokenCall { form: form.with("client_id", client), authorization: None, network }
            }
            ClientAuthentication::ClientSecretPost { .. } => TokenCall {
                form: form.with("client_id", client).with("client_secret", secret.expose()),
                authorization: None,
                network,
            },
            ClientAuthentication::ClientSecretBasic { .. } => {
                TokenCall { form, authorization: Some(basic(client, secret.expose())), network }
            }
        }
    }

    pub(crate) fn redemption_of(&self, client: &str, code: &Secret) -> TokenCall {
        let form = [("grant_type", "authorization_code"), ("code", code.expose()), ("code_verifier", VERIFIER)];
        self.call_of(client, Form::new(&form))
    }

    pub(crate) fn refresh_of(&self, client: &str, token: &Secret) -> TokenCall {
        self.call_of(client, Form::new(&[("grant_type", "refresh_token"), ("refresh_token", token.expose())]))
    }

    pub(crate) fn token(&mut self, call: &TokenCall) -> Result<Issued, Refused> {
        let request = parsed(call)?;
        self.run(&request)
    }

    pub(crate) fn redeem(&mut self, client: &str, code: &Secret) -> Result<Issued, Refused> {
        self.token(&self.redemption_of(client, code))
    }

    pub(crate) fn refresh(&mut self, client: &str, token: &Secret) -> Result<Issued, Refused> {
        self.token(&self.refresh_of(client, token))
    }
}

/// The call as the endpoint reads it.
pub(crate) fn parsed(call: &TokenCall) -> Result<TokenRequest, Refusal> {
    let authorization = call.authorization.as_ref().map(String::as_bytes);
    TokenRequest::parse(None, authorization, call.form.encoded().as_bytes(), call.network.clone())
}

/// HTTP Basic as RFC 6749 §2.3.1 has it: both halves form-encoded first.
pub(crate) fn basic(client: &str, secret: &str) -> String {
    use base64::Engine as _;
    let credentials = format!("{}:{}", encode(client), encode(secret));
    format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(credentials))
}

pub(crate) fn code_in(location: &str) -> Secret {
    Secret::new(parameter_of(location, "code").unwrap())
}

/// Which rule refused; panics with the answer if none did.
pub(crate) fn refusal<A: std::fmt::Debug>(answer: Result<A, Refused>) -> Refusal {
    match answer {
        Ok(answer) => panic!("answered: {answer:?}"),
        Err(refused) => refused.refusal,
    }
}
