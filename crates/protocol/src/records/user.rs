//! Who decides: users, and their browser sessions.

use grantd_tokens::{Digest, Time};
use serde::{Deserialize, Serialize};

use super::Status;
use crate::names::{UserId, Username};

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
