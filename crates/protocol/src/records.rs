//! What is kept: the nouns of the server. Plain data, no rules.
//!
//! A record belongs to one issuer (INV-08); the store adds that to every key, so no record repeats it.
//! State with stages is an enum with each stage's data, never a pair of nullable fields.

use std::collections::BTreeMap;

use grantd_tokens::{Algorithm, Digest, Seconds, Time};
use serde::{Deserialize, Serialize};

use crate::names::{
    ClientId, DetailTypeName, GrantId, Issuer, Network, RedirectUri, ResourceId, Scope, Scopes, UserId, Username,
};
use crate::token::grant_type::GrantType;
use crate::token::pkce::CodeChallenge;

/// Whether something may be used at all. An operator's switch; checked at every redemption (INV-02, INV-03).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    #[default]
    Active,
    /// Switched off: nothing is issued to it, and what it holds is refused.
    Disabled,
}

// ---- clients ----

/// A registered client (RFC 6749 §2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Client {
    /// How it names itself.
    pub id: ClientId,
    /// What the user is shown. The client's own word: text only, never markup.
    pub name: String,
    /// Where it runs, which decides what redirect URIs it may have.
    pub kind: ClientKind,
    /// The one method it authenticates by (CAUTH-01).
    pub authentication: ClientAuthentication,
    /// Compared byte for byte (REDIR-01), but for the port of a loopback literal (REDIR-02).
    pub redirect_uris: Vec<RedirectUri>,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// All it may ask for.
    pub scopes: Scopes,
    /// What it gets when it asks for nothing; never all of `scopes` by itself (AUTHZ-15).
    pub default_scopes: Scopes,
    /// The resources it may ask for; the first is the default.
    pub resources: Vec<ResourceId>,
    /// The types of authorization details it may ask for (RAR-03).
    pub detail_types: Vec<DetailTypeName>,
    /// The algorithm its access tokens are signed with, if it asked for another than the server's.
    pub access_token_algorithm: Option<Algorithm>,
    /// Whether the token request must repeat the redirect URI (CODE-07).
    pub redirect_uri_at_token: RedirectUriAtToken,
    /// Where a person finds the application, to start again.
    pub homepage: Option<String>,
    /// Whether it may be used.
    pub status: Status,
    /// When it was registered.
    pub registered_at: Time,
}

impl Client {
    /// Whether access can outlast its user's session: only with refresh tokens, and never in a browser, where they end with
    /// the session (SPA-01).
    pub fn may_act_alone(&self) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
            && self.kind != ClientKind::Browser
            && self.scopes.contains(&Scope::offline_access())
    }
}

/// Where a client runs (RFC 8252, and OAuth 2.0 for Browser-Based Applications).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// On a server.
    Web,
    /// In a browser, without a server of its own: always public (SPA-02).
    Browser,
    /// On a person's device: always public (NATIVE-01).
    Native,
    /// On a server, and never with a user.
    Service,
}

/// How a client shows that it is itself (RFC 6749 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// A public client.
    None,
    /// RFC 6749 §2.3.1, in the `Authorization` header.
    ClientSecretBasic {
        /// One, or two while one replaces the other (CAUTH-07).
        secrets: Vec<ClientSecret>,
    },
    /// RFC 6749 §2.3.1, in the body.
    ClientSecretPost {
        /// One, or two while one replaces the other (CAUTH-07).
        secrets: Vec<ClientSecret>,
    },
}

impl ClientAuthentication {
    /// The registered name of the method (RFC 7591 §2).
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic { .. } => "client_secret_basic",
            Self::ClientSecretPost { .. } => "client_secret_post",
        }
    }

    /// Whether the client proves anything at all.
    pub fn is_confidential(&self) -> bool {
        !matches!(self, Self::None)
    }
}

/// A client secret as it is kept: 256 random bits need no slow hash (CAUTH-06).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientSecret {
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// Until when it is accepted; `None` while it is the newest.
    pub expires_at: Option<Time>,
}

/// Whether a token request must repeat `redirect_uri`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectUriAtToken {
    /// OAuth 2.1 §10.2: PKCE does what it was for.
    #[default]
    Optional,
    /// RFC 6749 §4.1.3.
    Required,
}

// ---- resources ----

/// A protected resource (RFC 9728) and what can be asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resource {
    /// What stands in `resource` and in `aud`.
    pub id: ResourceId,
    /// What the user is shown.
    pub name: String,
    /// The scopes it understands.
    pub scopes: Vec<ScopeDeclaration>,
    /// The types of authorization details it understands.
    pub detail_types: Vec<DetailTypeDeclaration>,
    /// How long its access tokens live, if not as long as the server's setting says.
    pub access_token_lifetime: Option<Seconds>,
    /// Whether tokens are issued for it.
    pub status: Status,
}

impl Resource {
    /// Whether the resource defines this scope.
    pub fn defines(&self, scope: &Scope) -> bool {
        self.scopes.iter().any(|declared| declared.name == *scope)
    }

    /// The declaration of a type of authorization details, if it is this resource's.
    pub fn detail_type(&self, name: &DetailTypeName) -> Option<&DetailTypeDeclaration> {
        self.detail_types.iter().find(|declared| declared.name == *name)
    }
}

/// A scope, and what it lets a client do, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScopeDeclaration {
    /// The scope token.
    pub name: Scope,
    /// For the consent page: "See which letters have arrived".
    pub description: String,
}

/// A type of authorization details (RFC 9396 §2), declared by the resource that understands it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DetailTypeDeclaration {
    /// The value of `type`.
    pub name: DetailTypeName,
    /// For the consent page: "Lockboxes".
    pub title: String,
    /// What may be done with such a thing. An object names at least one of them, if there are any.
    pub actions: Vec<ActionDeclaration>,
    /// Further members an object of this type may have.
    pub fields: Vec<FieldDeclaration>,
    /// Where to ask which of these things a person has. Without it the client must name them itself.
    pub things_endpoint: Option<String>,
}

/// One of the `actions` of a type (RFC 9396 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ActionDeclaration {
    /// The value on the wire.
    pub name: String,
    /// For the consent page: "collect the letters".
    pub description: String,
}

/// A member of an authorization details object beyond the common ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FieldDeclaration {
    /// The member's name.
    pub name: String,
    /// For the consent page.
    pub title: String,
    /// What values it takes.
    pub kind: FieldKind,
    /// Whether an object must have it.
    #[serde(default)]
    pub required: bool,
}

/// What values a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Up to 256 characters.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these.
    OneOf(Vec<String>),
}

/// An authorization details object that passed its type's schema (RAR-02).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Detail {
    /// The resource that declares the type.
    pub resource: ResourceId,
    /// `type`.
    pub type_name: DetailTypeName,
    /// `actions`, in the order asked.
    pub actions: Vec<String>,
    /// `identifier`: which thing. In a request, `None` leaves the choice to the user; in a grant it is always there
    /// when the type has things.
    pub identifier: Option<String>,
    /// The declared fields that were sent.
    pub fields: BTreeMap<String, serde_json::Value>,
}

// ---- users and sessions ----

/// A resource owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// `sub`.
    pub id: UserId,
    /// What they type to sign in.
    pub username: Username,
    /// What they are called.
    pub name: Option<String>,
    /// Absent for a person who cannot sign in with a password.
    pub password: Option<PasswordHash>,
    /// Whether they may sign in, and whether what they granted is good.
    pub status: Status,
    /// Counts the changes of credentials that end what was granted before (REFRESH-16); a counter, not a time (INV-09).
    pub credentials_generation: u32,
    /// When the account was made.
    pub created_at: Time,
}

/// An argon2id hash in PHC form. Never printed.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The PHC string, for the verifier and the store alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(..)")
    }
}

/// A user's browser session, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// Hash of the cookie's value (SESS-01).
    pub id: Digest,
    /// Who signed in.
    pub user: UserId,
    /// When they proved who they are.
    pub authenticated_at: Time,
    /// When it was last used; moved at most once a minute.
    pub last_used_at: Time,
    /// The absolute end (SESS-04).
    pub expires_at: Time,
    /// Whether it was ended before that.
    pub state: SessionState,
}

/// Whether a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Good until it expires.
    Live,
    /// Signed out.
    Ended {
        /// When.
        at: Time,
    },
}

// ---- grants and what hangs from them ----

/// An authorization request that waits for its user (AUTHZ-31). Kept here, never in the browser (INV-05).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PendingRequest {
    /// Hash of the handle in the page's address.
    pub handle: Digest,
    /// Hash of the cookie of the browser that started it (SESS-03).
    pub browser: Digest,
    /// Where it came from (LIMITS-05).
    pub network: Network,
    /// The client that asked.
    pub client: ClientId,
    /// Where the answer goes. Verified again before it is used (REDIR-15).
    pub redirect_uri: RedirectUri,
    /// Returned unchanged (AUTHZ-11).
    pub state: Option<String>,
    /// As asked, after the server's and the client's limits.
    pub scopes: Scopes,
    /// As asked, or the default.
    pub resources: Vec<ResourceId>,
    /// As asked.
    pub details: Vec<Detail>,
    /// Never leaves the server (PKCE-06).
    pub code_challenge: CodeChallenge,
    /// Which of their things the user can choose from.
    pub offer: Offer,
    /// When it came.
    pub created_at: Time,
    /// When it is too late.
    pub expires_at: Time,
}

/// What the resources said that a person has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// Nobody was asked yet.
    NotAsked,
    /// The resources were asked for this user's things.
    Asked {
        /// Whose things.
        user: UserId,
        /// When.
        at: Time,
        /// One answer for each type that was asked about.
        answers: Vec<OfferedThings>,
    },
}

/// One resource's answer about one type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OfferedThings {
    /// Who answered.
    pub resource: ResourceId,
    /// About what.
    pub type_name: DetailTypeName,
    /// The answer.
    pub things: Things,
}

/// Whether a resource answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Things {
    /// It answered in time, and well.
    Known(Vec<Thing>),
    /// It did not. Only what needs no answer is offered.
    Unavailable,
}

/// One thing of a person's: a lockbox, an account, a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thing {
    /// What stands in `identifier`.
    pub identifier: String,
    /// What the person calls it.
    pub title: String,
    /// A second line, to tell it from the others.
    #[serde(default)]
    pub subtitle: Option<String>,
}

/// One approval: who let which client do what, to which of their things. Codes and tokens hang from it;
/// revoking it is one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Random.
    pub id: GrantId,
    /// Who approved.
    pub user: UserId,
    /// Whom.
    pub client: ClientId,
    /// In which session.
    pub session: Digest,
    /// What was left after the user's choice.
    pub scopes: Scopes,
    /// The resources that may be asked for a token; the first is the default (RESIND-05).
    pub resources: Vec<ResourceId>,
    /// Which things.
    pub details: Vec<Detail>,
    /// Whether it outlives the session.
    pub presence: Presence,
    /// When the user proved who they are.
    pub authenticated_at: Time,
    /// When it was given.
    pub created_at: Time,
    /// The absolute end of everything under it (REFRESH-12).
    pub expires_at: Time,
    /// Whether it stands.
    pub state: GrantState,
}

/// Whether a grant needs its session (REFRESH-16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It ends when the user signs out.
    WhileSignedIn,
    /// The user let it last (`offline_access`).
    Offline,
}

/// Whether a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// It does.
    Standing,
    /// It was taken back.
    Revoked {
        /// When.
        at: Time,
        /// Why.
        because: Revocation,
    },
}

/// Why a grant was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// Its code was redeemed twice (CODE-04).
    CodeReplayed,
    /// A spent refresh token was shown again (REFRESH-09).
    RefreshTokenReused,
    /// The user signed out, and the grant was for while they are signed in.
    SignedOut,
    /// The user's password or status changed.
    CredentialsChanged,
    /// The client was removed.
    ClientRemoved,
}

/// An authorization code (RFC 6749 §4.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Code {
    /// SHA-256 of the code (CODE-01).
    pub hash: Digest,
    /// What it gives.
    pub grant: GrantId,
    /// To whom (CODE-06).
    pub client: ClientId,
    /// Where it was sent (CODE-07).
    pub redirect_uri: RedirectUri,
    /// What the verifier must fit (PKCE-04).
    pub code_challenge: CodeChallenge,
    /// When it was issued.
    pub issued_at: Time,
    /// 60 seconds later at most (CODE-02).
    pub expires_at: Time,
    /// How many verifiers did not fit (CODE-09).
    pub wrong_verifiers: u8,
    /// Whether it was used.
    pub redemption: Redemption,
}

/// Whether a code was used. It is, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redemption {
    /// Not yet.
    Pending,
    /// It was.
    Redeemed {
        /// When.
        at: Time,
    },
}

/// A refresh token (RFC 6749 §1.5). The tokens of one grant are one family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefreshToken {
    /// SHA-256 of the token (REFRESH-02).
    pub hash: Digest,
    /// Its family.
    pub grant: GrantId,
    /// Which rotation it came from; orders the family without a clock (INV-09).
    pub generation: u32,
    /// When it was issued.
    pub issued_at: Time,
    /// The idle end (REFRESH-12); the grant has the absolute one.
    pub expires_at: Time,
    /// Whether it was used.
    pub spending: Spending,
}

/// Whether a refresh token was used. It is, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spending {
    /// The family's one live token.
    Unspent,
    /// Rotated away.
    Spent {
        /// When.
        at: Time,
        /// What took its place.
        successor: Digest,
    },
}

/// What a user agreed to, so that the same question is not asked twice (CONSENT-02).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Consent {
    /// Who agreed.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// The client as it was then: how it authenticates and where its answers go.
    pub fingerprint: Digest,
    /// The scopes they left ticked.
    pub scopes: Scopes,
    /// The resources.
    pub resources: Vec<ResourceId>,
    /// The details the client asked for.
    pub asked_details: Vec<Detail>,
    /// The details they left ticked.
    pub given_details: Vec<Detail>,
    /// When.
    pub given_at: Time,
}

// ---- throttling ----

/// What attempts are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKey {
    /// Sign-ins to one account, whether or not it exists.
    Account(Username),
    /// Sign-ins to one account from one network.
    AccountFrom(Username, Network),
    /// Sign-ins from one network.
    Network(Network),
    /// All sign-ins at one issuer.
    Everyone(Issuer),
    /// Wrong secrets of one client from one network (CAUTH-08).
    ClientFrom(ClientId, Network),
}

/// How many attempts there were in a window of time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempts {
    /// What they are counted by.
    pub key: AttemptKey,
    /// When the window opened.
    pub since: Time,
    /// How many there were.
    pub count: u32,
}
