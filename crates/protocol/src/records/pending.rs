//! What waits for its user: a request, and what they can choose from.

use grantd_tokens::{Digest, Time};
use serde::{Deserialize, Serialize};

use super::Detail;
use crate::names::{ClientId, DetailTypeName, Network, RedirectUri, ResourceId, Scopes, UserId};
use crate::token::pkce::CodeChallenge;

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
