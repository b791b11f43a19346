//! The words for the kinds of clients, wherever somebody writes one down.

use crate::records::ClientKind;

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
