//! What a change ended along with whoever it was about: read back from the grants, so that what is said is what happened.

use std::collections::BTreeSet;

use grantd_protocol::records::{GrantState, Revocation};
use grantd_store::{GrantList, GrantsOf};
use grantd_tokens::Time;
use serde_json::{Value, json};

use crate::commands::failure::Failure;
use crate::commands::workplace::Workplace;

/// The grants that a change ended.
#[derive(Debug, Default)]
pub(in crate::commands) struct EndedGrants {
    count: u64,
    clients: BTreeSet<String>,
    users: BTreeSet<String>,
}

impl EndedGrants {
    /// Those that ended at this moment, for this reason.
    pub(in crate::commands) async fn find(
        at: &Workplace,
        of: GrantsOf,
        moment: Time,
        reason: Revocation,
    ) -> Result<Self, Failure> {
        let list = GrantList { of, ..GrantList::default() };
        let (mut ended, mut after) = (Self::default(), None);
        loop {
            let page = at.store.grants(at.issuer(), &list, after, PAGE).await?;
            for grant in page.grants {
                if grant.state == (GrantState::Revoked { at: moment, because: reason }) {
                    ended.count += 1;
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

    pub(in crate::commands) fn json(&self) -> Value {
        json!({ "grants": self.count, "clients": self.clients, "users": self.users.len() })
    }

    /// As the sentence goes on.
    pub(in crate::commands) fn in_words(&self) -> String {
        match self.count {
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

const PAGE: u32 = 500;
const NAMED: usize = 10;
