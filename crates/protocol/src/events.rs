//! What an operator would want to know of (LOG-04): what happened, to what, with which evidence. Names and ids alone, never a
//! secret (LOG-01).
//!
//! A decision notes what only it knows ([`Note`], through [`crate::endpoint::Ledger::note`]).

use crate::names::{ClientId, GrantId, UserId};
use crate::records::Grant;

/// Something a decision noticed, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub kind: NoteKind,
    /// Whose grant.
    pub user: Option<UserId>,
    /// Whose client.
    pub client: Option<ClientId>,
    /// Which grant.
    pub grant: Option<GrantId>,
    /// What shows it, by name: never a secret.
    pub evidence: Vec<(&'static str, String)>,
}

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteKind {
    /// A refresh token was shown again a while after its first use, and its successor was unused (REFRESH-10).
    RefreshRetried,
    /// The same, at once: two requests of one client, two tabs.
    RefreshRaced,
    /// A spent refresh token was shown: a theft, or what looks like one (REFRESH-09).
    RefreshTokenReused,
    /// A client tried to end another's token (REVOKE-02).
    RevocationOfAnothersToken,
}

impl Note {
    /// A note about nobody yet.
    pub fn new(kind: NoteKind) -> Self {
        Self { kind, user: None, client: None, grant: None, evidence: Vec::new() }
    }

    /// About a grant, its user and its client.
    #[must_use]
    pub fn about(mut self, grant: &Grant) -> Self {
        self.user = Some(grant.user.clone());
        self.client = Some(grant.client.clone());
        self.grant = Some(grant.id.clone());
        self
    }

    /// With a piece of evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }
}
