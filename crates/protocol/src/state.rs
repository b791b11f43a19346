//! The reference store: the same load and commit over plain maps. It is the meaning of every [`Change`].
//!
//! Every driver must agree with it, change by change and load by load (the differential test); the models explore it.
//! Start at [`State::commit`]; what each change does is in `state/writing.rs`, what comes with which lookup in `state/reading.rs`.

mod reading;
mod writing;

use std::collections::BTreeMap;

use grantd_tokens::{Digest, Seconds, Time};

use crate::changes::{Change, Commit};
use crate::events::{Event, EventId};
use crate::facts::{Facts, Lookup};
use crate::names::{ClientId, GrantId, Issuer, ResourceId, UserId};
use crate::records::{
    AttemptKey, Attempts, Client, Code, Consent, Ended, EndedThing, Grant, OpaqueAccessToken, PendingRequest,
    Redemption, RefreshToken, Resource, Session, Spending, User,
};
use crate::settings::CLOCKS_APART;
use writing::Writing;

/// All that is kept, issuer by issuer (INV-08).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    issuers: BTreeMap<Issuer, Records>,
}

/// What is kept for one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Records {
    /// By id.
    pub clients: BTreeMap<ClientId, Client>,
    /// By id.
    pub resources: BTreeMap<ResourceId, Resource>,
    /// By id.
    pub users: BTreeMap<UserId, User>,
    /// By the hash of the cookie.
    pub sessions: BTreeMap<Digest, Session>,
    /// By the hash of the handle.
    pub pending: BTreeMap<Digest, PendingRequest>,
    /// By id.
    pub grants: BTreeMap<GrantId, Grant>,
    /// By the hash of the code.
    pub codes: BTreeMap<Digest, Code>,
    /// By the hash of the token.
    pub refresh_tokens: BTreeMap<Digest, RefreshToken>,
    /// By the hash of the token.
    pub access_tokens: BTreeMap<Digest, OpaqueAccessToken>,
    /// By what ended.
    pub ended: BTreeMap<EndedThing, Ended>,
    /// By who agreed, to whom.
    pub consents: BTreeMap<(UserId, ClientId), Consent>,
    /// By what is counted.
    pub attempts: BTreeMap<AttemptKey, Attempts>,
    /// By time, and by name within a second.
    pub events: BTreeMap<(Time, EventId), Event>,
}

/// A guard of a change. Named so that a model can show what goes wrong without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// What is added must be new.
    IsNew,
    /// A pending request can be answered only while it waits.
    StillWaits,
    /// A grant can be given only in a live session.
    SessionLives,
    /// A session can be opened only for an active user whose credentials are those that were verified.
    CredentialsStand,
    /// What was once agreed to can be acted on only while it stands.
    ConsentStands,
    /// Codes and refresh tokens can be added only to a standing grant.
    GrantStands,
    /// A code can be redeemed only once.
    Unredeemed,
    /// A refresh token can be spent only once.
    Unspent,
    /// A successor can be replaced only while nobody used it, and only by the token it was traded for.
    SuccessorUnused,
    /// What is decided on a grant holds only if nothing was taken back from it meanwhile.
    NotNarrowed,
    /// Only so many attempts fit into a window.
    AttemptsLeft,
    /// A password hash can be replaced only if it is the one that was verified.
    HashStands,
}

impl State {
    /// Writes all of `changes` or none.
    pub fn commit(&mut self, issuer: &Issuer, changes: &[Change]) -> Commit {
        self.commit_without(issuer, changes, None)
    }

    /// As [`State::commit`], with one guard taken out: for models that show what the guard is for. Only the reference
    /// store can do this; no driver has such a switch.
    pub fn commit_without(&mut self, issuer: &Issuer, changes: &[Change], without: Option<Guard>) -> Commit {
        let mut writing = Writing { records: self.issuers.get(issuer).cloned().unwrap_or_default(), without };
        for change in changes {
            match writing.apply(change) {
                Commit::Done => {}
                refused => return refused,
            }
        }
        self.issuers.insert(issuer.clone(), writing.records);
        Commit::Done
    }

    /// What is known about the things a lookup names. See [`Lookup`] for what comes with what.
    pub fn load(&self, issuer: &Issuer, lookup: &Lookup) -> Facts {
        self.issuers.get(issuer).map_or_else(|| Records::default().load(lookup), |records| records.load(lookup))
    }

    /// Removes what can have no effect any more (STORE-09): never a mark that still prevents reuse.
    pub fn sweep(&mut self, issuer: &Issuer, now: Time) {
        if let Some(records) = self.issuers.get_mut(issuer) {
            records.sweep(now);
        }
    }

    /// Everything of one issuer, for models and tests.
    pub fn records(&self, issuer: &Issuer) -> Option<&Records> {
        self.issuers.get(issuer)
    }
}

impl Records {
    fn sweep(&mut self, now: Time) {
        self.pending.retain(|_, pending| now < pending.expires_at);
        // An unredeemed code that is too late can give nothing any more, and neither can its grant.
        let codes = &self.codes;
        let never_redeemed = |grant: &GrantId| {
            codes
                .values()
                .any(|code| code.grant == *grant && code.redemption == Redemption::Pending && code.expires_at <= now)
        };
        self.grants.retain(|id, grant| now < grant.expires_at && !never_redeemed(id));
        let grants = &self.grants;
        self.codes.retain(|_, code| grants.contains_key(&code.grant));
        // Long spent, a token is known by its family (REFRESH-09): its own row says no more than the family's last one.
        let is_kept = |token: &RefreshToken| match token.spending {
            Spending::Unspent => true,
            Spending::Spent { at, .. } | Spending::Superseded { at, .. } => {
                token.family.is_none() || now.since(at) < SPENT_TOKENS_KEPT
            }
        };
        self.refresh_tokens.retain(|_, token| grants.contains_key(&token.grant) && is_kept(token));
        let has_grant = |token: &OpaqueAccessToken| token.grant.as_ref().is_none_or(|grant| grants.contains_key(grant));
        self.access_tokens.retain(|_, token| now < token.claims.exp && has_grant(token));
        // A resource server whose clock is late still has to hear of it (AT-11).
        self.ended.retain(|_, ended| now < ended.until + CLOCKS_APART);
        self.sessions
            .retain(|id, session| now < session.expires_at || grants.values().any(|grant| grant.session == *id));
        self.attempts.retain(|_, attempts| now.since(attempts.since).0 < SWEEP_ATTEMPTS_AFTER);
    }
}

/// A spent refresh token has a row of its own for so long: far longer than any lost-response window, and long enough to look at
/// what happened. A family so has a handful of rows, however long it lives.
pub const SPENT_TOKENS_KEPT: Seconds = Seconds(2 * 60 * 60);

/// Longer than any window, so that a sweep forgets nothing that still counts (seconds).
pub const SWEEP_ATTEMPTS_AFTER: i64 = 2 * 60 * 60;
