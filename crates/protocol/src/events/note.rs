//! What a decision noticed beyond what its changes say.

use crate::names::{ClientId, GrantId, UserId};
use crate::records::Grant;
use crate::refusals::Refusal;

use super::EventKind;

/// Something a decision noticed, and what shows it. Becomes an event ([`super::of`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub kind: EventKind,
    /// Whose grant.
    pub user: Option<UserId>,
    /// Whose client.
    pub client: Option<ClientId>,
    /// Which grant.
    pub grant: Option<GrantId>,
    /// The refusal it led to.
    pub(super) refusal: Option<Refusal>,
    /// What shows it, by name: never a secret.
    pub evidence: Vec<(&'static str, String)>,
}

impl Note {
    /// A note about nobody yet.
    pub fn new(kind: EventKind) -> Self {
        Self { kind, user: None, client: None, grant: None, refusal: None, evidence: Vec::new() }
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

    pub(super) fn of_user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    pub(super) fn of_client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    pub(super) fn of_grant(mut self, grant: &GrantId) -> Self {
        self.grant = Some(grant.clone());
        self
    }
}
