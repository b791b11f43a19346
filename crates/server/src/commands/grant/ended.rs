//! What a change ended along with whoever it was about: read back from the grants, so that what is said is what happened.

use std::collections::BTreeSet;

use grantd_protocol::changes::Change;
use grantd_protocol::names::GrantId;
use grantd_protocol::records::{GrantState, Revocation};
use grantd_store::{GrantList, GrantsOf};
use grantd_tokens::Time;
use serde_json::{Value, json};

use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;

/// The grants that a change ended.
#[derive(Debug, Default)]
pub(in crate::commands) struct EndedGrants {
    grants: BTreeSet<GrantId>,
    clients: BTreeSet<String>,
    users: BTreeSet<String>,
}

/// Which grants a change ends, when and why.
#[derive(Debug)]
pub(in crate::commands) struct Ending {
    pub(in crate::commands) of: GrantsOf,
    pub(in crate::commands) moment: Time,
    pub(in crate::commands) because: Revocation,
}

impl EndedGrants {
    /// Writes the change, and finds what it ended.
    pub(in crate::commands) async fn by(change: Change, ending: Ending, at: &Workplace) -> Result<Self, Failure> {
        // Times are in seconds: what ended just before for the same reason is not of this change.
        let before = ending.find(at, &Self::default()).await?;
        at.commit(vec![change]).await?;
        ending.find(at, &before).await
    }

    pub(in crate::commands) fn json(&self) -> Value {
        json!({ "grants": self.grants.len(), "clients": self.clients, "users": self.users.len() })
    }

    /// As the sentence goes on.
    pub(in crate::commands) fn in_words(&self) -> String {
        match self.grants.len() {
            0 => "no grant stood".to_owned(),
            1 => format!("1 grant ended, to {}", self.to_whom()),
            more => format!("{more} grants ended, to {}", self.to_whom()),
        }
    }

    fn to_whom(&self) -> String {
        let named: Vec<&str> = self.clients.iter().map(String::as_str).take(NAMED).collect();
        match self.clients.len().saturating_sub(NAMED) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

impl Ending {
    async fn find(&self, at: &Workplace, before: &EndedGrants) -> Result<EndedGrants, Failure> {
        let list = GrantList { of: self.of.clone(), ..GrantList::default() };
        let this = GrantState::Revoked { at: self.moment, because: self.because };
        let (mut ended, mut after) = (EndedGrants::default(), None);
        loop {
            let page = at.store.grants(at.issuer(), &list, after, PAGE).await?;
            for grant in page.grants {
                if grant.state == this && !before.grants.contains(&grant.id) {
                    ended.grants.insert(grant.id);
                    ended.clients.insert(grant.client.as_str().to_owned());
                    ended.users.insert(grant.user.as_str().to_owned());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }
}

const PAGE: u32 = 500;
const NAMED: usize = 10;
