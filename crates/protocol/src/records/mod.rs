//! What is kept: the nouns of the server. Plain data, no rules.
//!
//! A record belongs to one issuer (INV-08); the store adds that to every key, so no record repeats it.
//! State with stages is an enum with each stage's data, never a pair of nullable fields.

mod attempts;
mod client;
mod grant;
mod pending;
mod resource;
mod user;

use serde::{Deserialize, Serialize};

pub use attempts::{AttemptKey, Attempts};
pub use client::{Client, ClientAuthentication, ClientKind, ClientSecret, RedirectUriAtToken};
pub use grant::{
    Code, Consent, Ended, EndedThing, Given, Grant, GrantState, IssuedAccessToken, NamedThing, OpaqueAccessToken,
    Presence, Redemption, RefreshToken, Revocation, Spending,
};
pub use pending::{Offer, OfferedThings, PendingRequest, Thing, Things};
pub use resource::{
    AccessTokenFormat, ActionDeclaration, Detail, DetailTypeDeclaration, FieldDeclaration, FieldKind, Resource,
    ScopeDeclaration,
};
pub use user::{PasswordHash, Session, SessionState, User};

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
