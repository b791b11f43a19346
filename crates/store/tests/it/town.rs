//! A town that lives in the store: one confidential client, one resource, one person, and the shell's loop over the real core.

use std::sync::atomic::{AtomicU64, Ordering};

use grantd_protocol::authorize::{AuthorizationRequest, AuthorizationResponse, Step};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::consent::{ConsentDecision, Decided, Verdict};
use grantd_protocol::endpoint::{Decision, Endpoint, Env, Next};
use grantd_protocol::forms::{BrowserState, FormOrigin, Purpose};
use grantd_protocol::login::{Credential, PasswordProof, SignIn, SignedIn};
use grantd_protocol::names::{Issuer, Network, RedirectUri, Scope, Username};
use grantd_protocol::parameters::{Parameters, encode};
use grantd_protocol::records::{
    Client, ClientAuthentication, ClientKind, ClientSecret, RedirectUriAtToken, Status, User,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::Settings;
use grantd_protocol::token::{Issued, TokenRequest};
use grantd_store::Store;
use grantd_tokens::{Digest, JwkSet, Random, Seconds, Secret, Time};

use crate::records::{client, client_id, resource, resource_id, scopes, user, username};

pub(crate) const NOW: Time = Time(1_800_000_000);
const CALLBACK: &str = "https://app.example/callback";
/// More than any race here needs: of a hundred who retry at once, each can be overtaken by all the others.
const MAX_ATTEMPTS: usize = 200;

/// Randomness that never repeats in this process, also between threads.
pub(crate) struct Counted;

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        for (byte, random) in bytes.iter_mut().zip(Digest::of(&number.to_be_bytes()).as_bytes()) {
            *byte = *random;
        }
    }
}

#[derive(Clone)]
pub(crate) struct Town {
    pub(crate) store: Store,
    pub(crate) issuer: Issuer,
    pub(crate) client_secret: Secret,
    pub(crate) code_verifier: Secret,
    pub(crate) now: Time,
}

/// What a browser and a client were given on the way to a code.
pub(crate) struct Approved {
    pub(crate) browser: BrowserState,
    pub(crate) code: Secret,
}

impl Town {
    pub(crate) async fn found(store: Store) -> Self {
        let town = Self {
            store,
            issuer: Issuer::new("https://id.example"),
            client_secret: Secret::random(&mut Counted),
            code_verifier: Secret::random(&mut Counted),
            now: NOW,
        };
        let secrets = vec![ClientSecret { hash: town.client_secret.hash(), expires_at: None }];
        let application = Client {
            kind: ClientKind::Web,
            authentication: ClientAuthentication::ClientSecretPost { secrets },
            redirect_uris: vec![RedirectUri::new(CALLBACK)],
            scopes: scopes("read offline_access"),
            resources: vec![resource_id(0)],
            access_token_algorithm: None,
            redirect_uri_at_token: RedirectUriAtToken::Optional,
            status: Status::Active,
            ..client(0, 0)
        };
        let changes = vec![
            Change::PutClient(application),
            Change::PutResource(resource(0, 1)),
            Change::AddUser { user: user(0, 0, 0), or: Refusal::NameTaken },
        ];
        assert_eq!(town.store.commit(&town.issuer, changes).await.unwrap(), Commit::Done);
        town
    }

    /// The loop of the shell: load, decide, commit, and again when another request was first.
    pub(crate) async fn run<E: Endpoint>(&self, endpoint: &E) -> Result<E::Answer, Refusal> {
        for _ in 0..MAX_ATTEMPTS {
            let decision = self.decide(endpoint).await;
            match self.store.commit(&self.issuer, decision.changes).await.unwrap() {
                Commit::Done => return decision.answer.map_err(|refused| refused.refusal),
                Commit::Stale => {}
                Commit::Refused(refusal) => return Err(refusal),
            }
        }
        panic!("stale {MAX_ATTEMPTS} times");
    }

    /// The first half of the loop: nothing is written yet.
    pub(crate) async fn decide<E: Endpoint>(&self, endpoint: &E) -> Decision<E::Answer> {
        let facts = self.store.load(&self.issuer, &endpoint.lookup()).await.unwrap();
        let settings = Settings::new(self.issuer.clone());
        let keys = JwkSet::default();
        let mut env = Env { now: self.now, random: &mut Counted, settings: &settings, keys: &keys };
        match endpoint.decide(&facts, &mut env) {
            Next::Done(decision) => decision,
            Next::Fetch(fetch) => panic!("nothing needs to be fetched here: {fetch:?}"),
        }
    }

    /// The same town, a while later.
    pub(crate) fn after(&self, passed: Seconds) -> Self {
        Self { now: self.now + passed, ..self.clone() }
    }

    /// A browser asks for the application, its person signs in and allows everything.
    pub(crate) async fn approve(&self) -> Approved {
        let query = form(&[
            ("client_id", client_id(0).as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "read offline_access"),
            ("code_challenge", &self.code_verifier.hash().to_base64url()),
            ("code_challenge_method", "S256"),
        ]);
        let request = AuthorizationRequest::parse(Some(query.as_bytes()), None).unwrap();
        let Step::Show { handle, new_browser, .. } =
            self.run(&request.from_browser(None, None, network())).await.unwrap()
        else {
            panic!("answered without a person");
        };
        let mut browser = BrowserState { browser: new_browser, session: None, handle };
        let SignedIn { session, step } = self.sign_in(&browser).await;
        browser.session = Some(session);
        let response = match step {
            // What was agreed to before is not asked again.
            Some(Step::Answer(response)) => response,
            _ => self.consent(&browser).await,
        };
        let location = response.location();
        let (_, query) = location.split_once('?').unwrap();
        let code = Secret::new(Parameters::parse(query.as_bytes(), 1000).unwrap().get("code").unwrap());
        Approved { browser, code }
    }

    async fn consent(&self, browser: &BrowserState) -> AuthorizationResponse {
        let decision = ConsentDecision {
            token: browser.form_token(Purpose::Consent),
            browser: browser.clone(),
            origin: FormOrigin::Own,
            verdict: Verdict::Allow,
            scopes: vec![Scope::parse("read").unwrap(), Scope::offline_access()],
            things: Vec::new(),
        };
        match self.run(&decision).await {
            Ok(Decided::Answer(response)) => response,
            other => panic!("no code: {other:?}"),
        }
    }

    async fn sign_in(&self, browser: &BrowserState) -> SignedIn {
        let User { id, password, credentials_generation, .. } = user(0, 0, 0);
        let credential = Credential { user: id, password: password.unwrap(), generation: credentials_generation };
        let sign_in = SignIn {
            token: browser.form_token(Purpose::SignIn),
            browser: browser.clone(),
            origin: FormOrigin::Own,
            username: Username::parse(username(0).as_str()),
            network: network(),
            proof: Some(PasswordProof { credential, rehashed: None }),
        };
        self.run(&sign_in).await.unwrap()
    }

    pub(crate) fn redemption(&self, code: &Secret) -> TokenRequest {
        self.token_request(&[
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("code_verifier", self.code_verifier.expose()),
        ])
    }

    pub(crate) fn refresh(&self, refresh_token: &Secret) -> TokenRequest {
        self.token_request(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())])
    }

    pub(crate) async fn redeem(&self, code: &Secret) -> Result<Issued, Refusal> {
        self.run(&self.redemption(code)).await
    }

    fn token_request(&self, parameters: &[(&str, &str)]) -> TokenRequest {
        let client = client_id(0);
        let credentials = [("client_id", client.as_str()), ("client_secret", self.client_secret.expose())];
        let body = form(&[parameters, &credentials].concat());
        TokenRequest::parse(None, None, body.as_bytes(), network()).unwrap()
    }
}

fn network() -> Network {
    Network::new("192.0.2.0/24")
}

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}
