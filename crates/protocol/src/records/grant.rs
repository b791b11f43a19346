//! What was decided: grants, what hangs from them, and what was agreed to.

use grantd_tokens::{AccessTokenClaims, Digest, Time};
use serde::{Deserialize, Serialize};

use super::{Detail, Thing};
use crate::names::{
    AccessTokenId, ClientId, DetailTypeName, GrantId, Network, RedirectUri, ResourceId, Scopes, UserId,
};
use crate::token::pkce::CodeChallenge;

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
    /// What was left after the user's choice, and after everything taken back since.
    pub scopes: Scopes,
    /// The resources that may be asked for a token.
    pub resources: Vec<ResourceId>,
    /// The one that a token is for if none is asked for (RESIND-05): the first when the grant was given. It stays that also when it
    /// was taken back, because the client will go on sending the token there, and must not hand it one that opens another.
    #[serde(default)]
    pub default_resource: Option<ResourceId>,
    /// Which things.
    pub details: Vec<Detail>,
    /// What it was given for, whatever was taken back since: when it is added, the same scopes and details.
    pub given: Given,
    /// What those are called, as far as it was known.
    #[serde(default)]
    pub names: Vec<NamedThing>,
    /// Whether it outlives the session.
    pub presence: Presence,
    /// When the user proved who they are.
    pub authenticated_at: Time,
    /// When it was given.
    pub created_at: Time,
    /// The absolute end of everything under it (REFRESH-12).
    pub expires_at: Time,
    /// When something was last issued under it.
    pub last_used_at: Time,
    /// How often something was taken back from it. What was decided on an older count is stale.
    pub narrowings: u32,
    /// Whether it stands.
    pub state: GrantState,
}

/// What a grant was given for. It tells a client that repeats what it once got (RFC 6749 §6 lets it) from one that asks for more;
/// nothing is issued for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Given {
    /// The scopes.
    pub scopes: Scopes,
    /// The things.
    pub details: Vec<Detail>,
}

/// What a resource called a thing when its owner let somebody use it: to show it to them again, and for nothing else (CONSENT-05).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedThing {
    /// Whose it is to name.
    pub resource: ResourceId,
    /// Of which type.
    pub type_name: DetailTypeName,
    /// The thing.
    pub thing: Thing,
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
    /// The client was switched off.
    ClientDisabled,
    /// The client gave its refresh token back (RFC 7009).
    GivenBack,
    /// The user ended it (CONSENT-05).
    EndedByUser,
    /// An operator ended it.
    EndedByOperator,
    /// The database was restored from a backup, and nobody knows what became of the grant since (STORE-08).
    Restored,
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
    /// The grant whose tokens are its family.
    pub grant: GrantId,
    /// Digest of the part that all tokens of the family have in common: by it a spent one is known when its own row is gone.
    #[serde(default)]
    pub family: Option<Digest>,
    /// How many tokens of the family were there before it, replaced ones among them; orders it without a clock (INV-09).
    pub generation: u32,
    /// When it was issued.
    pub issued_at: Time,
    /// The idle end (REFRESH-12); the grant has the absolute one.
    pub expires_at: Time,
    /// The access token that was issued beside it, which ends with it if it is replaced unused (REFRESH-10).
    #[serde(default)]
    pub beside: Option<IssuedAccessToken>,
    /// Where it was sent: evidence when it is shown again from elsewhere.
    #[serde(default)]
    pub sent_to: Option<Network>,
    /// Whether it was used.
    pub spending: Spending,
}

/// An access token by name: enough to end it before its time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssuedAccessToken {
    /// Its `jti`.
    pub id: AccessTokenId,
    /// Its `exp`.
    pub expires_at: Time,
}

/// Whether a refresh token was used. It is, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spending {
    /// The family's one live token.
    Unspent,
    /// Rotated away.
    Spent {
        /// When it was first used: the lost-response window begins here, however often it is shown (REFRESH-10).
        at: Time,
        /// What took its place.
        successor: Digest,
    },
    /// Never used: its predecessor was shown again, as if the answer that carried this one had been lost. Good for nothing;
    /// shown, it counts as spent (REFRESH-11).
    Superseded {
        /// When.
        at: Time,
        /// What its predecessor got instead.
        by: Digest,
    },
}

/// An access token in its opaque form (AT-07): what it says is here, not in the token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpaqueAccessToken {
    /// SHA-256 of the token.
    pub hash: Digest,
    /// The grant it was issued under; none for a client's own.
    pub grant: Option<GrantId>,
    /// What it says.
    pub claims: AccessTokenClaims,
}

/// Something that ended before its time and may still be in somebody's hands as a signed token (AT-11).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedThing {
    /// One access token.
    AccessToken(AccessTokenId),
    /// All that a client holds for itself.
    Client(ClientId),
}

/// When it ended, and how long that must be remembered: until the last token it is about has expired.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ended {
    /// What.
    pub thing: EndedThing,
    /// When. Of a client, what was issued up to here is dead, and what it is issued later is not.
    pub at: Time,
    /// From then on it can be forgotten.
    pub until: Time,
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
    /// What those are called, as far as it was known.
    #[serde(default)]
    pub names: Vec<NamedThing>,
    /// When.
    pub given_at: Time,
}
