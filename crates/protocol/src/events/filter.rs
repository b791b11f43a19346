//! Which events are asked for.

use grantd_tokens::Time;

use crate::names::{ClientId, GrantId, UserId};

use super::{Event, EventKind};

/// Which events are asked for: those that fit everything that is said. All, if nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// About this user.
    pub user: Option<UserId>,
    /// About this client.
    pub client: Option<ClientId>,
    /// About this grant.
    pub grant: Option<GrantId>,
    /// Of one of these kinds; of any, if none is named.
    pub kinds: Vec<EventKind>,
    /// Decided then or later.
    pub since: Option<Time>,
    /// Decided then or earlier.
    pub until: Option<Time>,
}

impl EventFilter {
    /// Whether this event is asked for.
    pub fn fits(&self, event: &Event) -> bool {
        self.user.as_ref().is_none_or(|user| event.user.as_ref() == Some(user))
            && self.client.as_ref().is_none_or(|client| event.client.as_ref() == Some(client))
            && self.grant.as_ref().is_none_or(|grant| event.grant.as_ref() == Some(grant))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && self.since.is_none_or(|since| since <= event.at)
            && self.until.is_none_or(|until| event.at <= until)
    }
}
