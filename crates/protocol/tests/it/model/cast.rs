//! Who takes part in every scenario: one person, the client they use, another client, and the store before anything happens.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::forms::{BrowserState, FormOrigin, Purpose};
use grantd_protocol::login::{Credential, PasswordProof};
use grantd_protocol::names::{ClientId, Issuer, Network, RedirectUri, ResourceId, Scope, Scopes, UserId, Username};
use grantd_protocol::records::{
    AccessTokenFormat, Client, ClientAuthentication, ClientKind, ClientSecret, Offer, PasswordHash, PendingRequest,
    RedirectUriAtToken, Resource, ScopeDeclaration, Session, SessionState, Status, User,
};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::state::State;
use grantd_protocol::token::grant_type::GrantType;
use grantd_protocol::token::pkce::CodeChallenge;
use grantd_tokens::{Digest, Random, Secret, Time};

/// The moment at which every scenario begins.
pub(crate) const START: Time = Time(1_000_000);

/// What the client's verifier is; 43 characters (RFC 7636 §4.1).
pub(crate) const VERIFIER: &str = "the-verifier-that-only-the-owner-has-0123456";
pub(crate) const WRONG_VERIFIER: &str = "a-verifier-that-somebody-has-made-up-0123456";

/// `read write offline_access` or less: what the client asks for, and what the user lets it have.
pub(crate) const ASKED: &str = "read write";
/// What is left of it when the user takes something back.
pub(crate) const LEFT: &str = "read";

/// Whether the owner of the code has a secret of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Owner {
    Confidential,
    Public,
}

pub(crate) fn issuer() -> Issuer {
    Issuer::new("https://as.example")
}

pub(crate) fn network() -> Network {
    Network::new("192.0.2.0/24")
}

pub(crate) fn resource() -> ResourceId {
    ResourceId::new("https://api.example/")
}

pub(crate) fn redirect_uri() -> RedirectUri {
    RedirectUri::new("https://app.example/callback")
}

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

/// The store before anything happens: two clients, a resource, a person who is signed in and looks at the consent page.
pub(crate) fn store(owner: Owner) -> State {
    let mut state = State::default();
    let changes = [
        Change::PutResource(the_resource()),
        Change::PutClient(client("web", owner, "web-secret")),
        Change::PutClient(client("other", Owner::Confidential, "other-secret")),
        Change::AddUser { user: person(), or: Refusal::NameTaken },
        Change::AddSession { session: session(), credentials_generation: 0 },
        Change::AddPending(pending()),
    ];
    assert_eq!(state.commit(&issuer(), &changes), Commit::Done);
    state
}

fn the_resource() -> Resource {
    let declared = |name: &str| ScopeDeclaration { name: Scope::parse(name).unwrap(), description: name.to_owned() };
    Resource {
        id: resource(),
        name: "Letters".to_owned(),
        scopes: ["read", "write", "admin"].map(declared).into(),
        detail_types: Vec::new(),
        access_token_lifetime: None,
        access_token_format: AccessTokenFormat::Jwt,
        status: Status::Active,
    }
}

fn client(id: &str, owner: Owner, secret: &str) -> Client {
    let secrets = vec![ClientSecret { hash: Secret::new(secret).hash(), expires_at: None }];
    Client {
        id: ClientId::new(id),
        name: id.to_owned(),
        kind: if owner == Owner::Public { ClientKind::Native } else { ClientKind::Web },
        authentication: match owner {
            Owner::Confidential => ClientAuthentication::ClientSecretPost { secrets },
            Owner::Public => ClientAuthentication::None,
        },
        redirect_uris: vec![redirect_uri()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: scopes("read write admin"),
        default_scopes: Scopes::default(),
        resources: vec![resource()],
        introspects: Vec::new(),
        detail_types: Vec::new(),
        access_token_algorithm: None,
        redirect_uri_at_token: RedirectUriAtToken::Optional,
        homepage: None,
        status: Status::Active,
        registered_at: START,
    }
}

pub(crate) fn person() -> User {
    User {
        id: UserId::new("u-ada"),
        username: username(),
        name: None,
        password: Some(password()),
        status: Status::Active,
        credentials_generation: 0,
        created_at: START,
    }
}

pub(crate) fn username() -> Username {
    Username::parse("ada").unwrap()
}

fn password() -> PasswordHash {
    PasswordHash::new("$argon2id$as-it-was")
}

pub(crate) fn new_password() -> PasswordHash {
    PasswordHash::new("$argon2id$reset")
}

/// The password fitted, as it stood when the scenario began.
pub(crate) fn proof(rehashed: bool) -> PasswordProof {
    PasswordProof {
        credential: Credential { user: person().id, password: password(), generation: 0 },
        rehashed: rehashed.then(|| PasswordHash::new("$argon2id$stronger")),
    }
}

fn session() -> Session {
    Session {
        id: browser().session_hash().unwrap(),
        user: person().id,
        authenticated_at: START,
        last_used_at: START,
        expires_at: Time(i64::MAX),
        state: SessionState::Live,
    }
}

fn pending() -> PendingRequest {
    PendingRequest {
        handle: browser().handle_hash().unwrap(),
        browser: browser().browser_hash().unwrap(),
        network: network(),
        client: ClientId::new("web"),
        redirect_uri: redirect_uri(),
        state: None,
        scopes: scopes(ASKED),
        resources: vec![resource()],
        details: Vec::new(),
        code_challenge: CodeChallenge::parse(&Digest::of(VERIFIER.as_bytes()).to_base64url()).unwrap(),
        offer: Offer::NotAsked,
        created_at: START,
        expires_at: START + grantd_tokens::Seconds(600),
    }
}

/// The person's browser: its cookies, and the consent page that it shows.
pub(crate) fn browser() -> BrowserState {
    BrowserState {
        browser: Some(Secret::new("browser-cookie")),
        session: Some(Secret::new("session-cookie")),
        handle: Some(Secret::new("handle")),
    }
}

/// The same browser on a page that is about no request.
pub(crate) fn without_request() -> BrowserState {
    BrowserState { handle: None, ..browser() }
}

/// A form of this server's, sent from this browser.
pub(crate) fn form(browser: &BrowserState, purpose: Purpose) -> (Option<Secret>, FormOrigin) {
    (browser.form_token(purpose), FormOrigin::Own)
}

/// Randomness that only counts. Names are given at the commit, by how many gifts there were before: a name that nobody
/// ever saw is no part of a state, so that equal states have equal names.
pub(crate) struct Counted {
    gift: u8,
    draw: u8,
}

impl Counted {
    pub(crate) fn for_gift(gift: usize) -> Self {
        Self { gift: u8::try_from(gift).unwrap(), draw: 0 }
    }
}

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
        bytes[0] = self.gift;
        bytes[1] = self.draw;
        self.draw += 1;
    }
}

fn nth(gift: usize, draw: u8) -> Secret {
    let mut random = Counted { draw, ..Counted::for_gift(gift) };
    Secret::random(&mut random)
}

/// The code that came with a gift: drawn after the grant's id.
pub(crate) fn code_of(gift: u8) -> Secret {
    nth(usize::from(gift), 1)
}

/// The session that came with a gift: the only thing drawn.
pub(crate) fn session_of(gift: usize) -> Secret {
    nth(gift, 0)
}
