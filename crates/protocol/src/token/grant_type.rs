//! The grant types offered (RFC 6749 §1.3): one list, and metadata, registration and dispatch follow from it.

use serde::{Deserialize, Serialize};

/// A value of `grant_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All that is offered.
    pub const ALL: &'static [Self] = &[Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant type of this name, if it is offered.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant_type| grant_type.as_str() == text)
    }
}
