//! The words for the kinds of clients and the forms of access tokens, wherever somebody writes one down.

use crate::records::{AccessTokenFormat, ClientKind};

impl ClientKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Web, Self::Browser, Self::Native, Self::Service];

    /// The word for it in configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Browser => "browser",
            Self::Native => "native",
            Self::Service => "service",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl AccessTokenFormat {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Opaque];

    /// The word for it in configuration and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}
