//! The reference store: the same load and commit over plain maps. It is the meaning of every [`Change`].
//!
//! Every driver must agree with it, change by change and load by load (the differential test); the models explore it.
//! Start at [`State::commit`].

use std::collections::BTreeMap;

use grantd_tokens::{Digest, Time};

use crate::changes::{Change, Commit};
use crate::facts::{Facts, Lookup, WAITING_COUNTED_TO, Waiting};
use crate::names::{ClientId, GrantId, Issuer, ResourceId, Scopes, UserId};
use crate::records::{
    AttemptKey, Attempts, Client, Code, Consent, Grant, GrantState, PendingRequest, Presence, Redemption, RefreshToken,
    Resource, Revocation, Session, SessionState, Spending, Status, User,
};

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
    /// By who agreed, to whom.
    pub consents: BTreeMap<(UserId, ClientId), Consent>,
    /// By what is counted.
    pub attempts: BTreeMap<AttemptKey, Attempts>,
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
    /// Codes and refresh tokens can be added only to a standing grant.
    GrantStands,
    /// A code can be redeemed only once.
    Unredeemed,
    /// A refresh token can be spent only once.
    Unspent,
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
        self.issuers.get(issuer).map(|records| records.load(lookup)).unwrap_or_default()
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
    fn load(&self, lookup: &Lookup) -> Facts {
        let code = lookup.code.as_ref().and_then(|hash| self.codes.get(hash));
        let refresh_token = lookup.refresh_token.as_ref().and_then(|hash| self.refresh_tokens.get(hash));
        let grant_id = code.map(|code| &code.grant).or(refresh_token.map(|token| &token.grant));
        let grant = grant_id.and_then(|id| self.grants.get(id));
        let session = lookup.session.as_ref().and_then(|id| self.sessions.get(id));
        let pending = lookup.pending.as_ref().and_then(|handle| self.pending.get(handle));
        let client_id = lookup.client.as_ref().or(pending.map(|pending| &pending.client));
        let client = client_id.and_then(|id| self.clients.get(id));
        let user = match (grant, &lookup.username) {
            (Some(grant), _) => self.users.get(&grant.user),
            (None, Some(username)) => self.users.values().find(|user| user.username == *username),
            (None, None) => session.and_then(|session| self.users.get(&session.user)),
        };
        let consent =
            user.zip(client).and_then(|(user, client)| self.consents.get(&(user.id.clone(), client.id.clone())));
        Facts {
            client: client.cloned(),
            resources: client.map(|client| self.resources_of(client)).unwrap_or_default(),
            scopes_elsewhere: client.map(|client| self.scopes_elsewhere(client, lookup)).unwrap_or_default(),
            code: code.cloned(),
            refresh_token: refresh_token.cloned(),
            grant: grant.cloned(),
            grant_session: grant.and_then(|grant| self.sessions.get(&grant.session)).cloned(),
            session: session.cloned(),
            user: user.cloned(),
            pending: pending.cloned(),
            consent: consent.cloned(),
            attempts: lookup.attempts.iter().filter_map(|key| self.attempts.get(key)).cloned().collect(),
            waiting: self.waiting(lookup),
        }
    }

    fn resources_of(&self, client: &Client) -> Vec<Resource> {
        client.resources.iter().filter_map(|id| self.resources.get(id)).cloned().collect()
    }

    fn scopes_elsewhere(&self, client: &Client, lookup: &Lookup) -> Scopes {
        let own = self.resources_of(client);
        lookup.scopes.filtered(|scope| {
            let defines = |resource: &Resource| resource.defines(scope);
            !own.iter().any(defines) && self.resources.values().any(defines)
        })
    }

    fn waiting(&self, lookup: &Lookup) -> Waiting {
        let Some(network) = &lookup.waiting else { return Waiting::default() };
        let up_to = |count: usize, limit: u32| u32::try_from(count).map_or(limit, |count| count.min(limit));
        let from_network = self.pending.values().filter(|pending| pending.network == *network).count();
        Waiting {
            from_network: up_to(from_network, WAITING_COUNTED_TO.from_network),
            in_all: up_to(self.pending.len(), WAITING_COUNTED_TO.in_all),
        }
    }

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
        self.refresh_tokens.retain(|_, token| grants.contains_key(&token.grant));
        self.sessions
            .retain(|id, session| now < session.expires_at || grants.values().any(|grant| grant.session == *id));
        self.attempts.retain(|_, attempts| now.since(attempts.since).0 < SWEEP_ATTEMPTS_AFTER);
    }
}

/// Longer than any window, so that a sweep forgets nothing that still counts (seconds).
pub const SWEEP_ATTEMPTS_AFTER: i64 = 2 * 60 * 60;

struct Writing {
    records: Records,
    without: Option<Guard>,
}

impl Writing {
    fn apply(&mut self, change: &Change) -> Commit {
        match change {
            Change::AddPending(_)
            | Change::Offer { .. }
            | Change::CompletePending { .. }
            | Change::AddSession { .. }
            | Change::TouchSession { .. }
            | Change::EndSession { .. }
            | Change::KeepConsent(_) => self.apply_to_browser(change),
            Change::AddGrant(_)
            | Change::AddCode(_)
            | Change::RedeemCode { .. }
            | Change::CountWrongVerifier { .. }
            | Change::RevokeGrant { .. }
            | Change::AddRefreshToken(_)
            | Change::SpendRefreshToken { .. } => self.apply_to_grants(change),
            Change::CountAttempt { .. } | Change::ForgetAttempts { .. } => self.apply_to_attempts(change),
            _ => self.apply_for_operator(change),
        }
    }

    /// `Done` if the condition holds, or if the model took this guard out.
    fn guarded(&mut self, guard: Guard, holds: bool, write: impl FnOnce(&mut Records)) -> Commit {
        if holds || self.without == Some(guard) {
            write(&mut self.records);
            Commit::Done
        } else {
            Commit::Stale
        }
    }

    fn written(&mut self, write: impl FnOnce(&mut Records)) -> Commit {
        write(&mut self.records);
        Commit::Done
    }

    fn apply_to_browser(&mut self, change: &Change) -> Commit {
        match change.clone() {
            Change::AddPending(pending) => {
                let new = !self.records.pending.contains_key(&pending.handle);
                self.guarded(Guard::IsNew, new, |records| {
                    records.pending.insert(pending.handle, pending);
                })
            }
            Change::Offer { pending, offer } => {
                let waits = self.records.pending.contains_key(&pending);
                self.guarded(Guard::StillWaits, waits, |records| {
                    if let Some(request) = records.pending.get_mut(&pending) {
                        request.offer = offer;
                    }
                })
            }
            Change::CompletePending { pending } => {
                let waits = self.records.pending.contains_key(&pending);
                self.guarded(Guard::StillWaits, waits, |records| {
                    records.pending.remove(&pending);
                })
            }
            Change::AddSession { session, credentials_generation } => {
                let user = self.records.users.get(&session.user);
                let stands = user.is_some_and(|user| {
                    user.status == Status::Active && user.credentials_generation == credentials_generation
                });
                if self.records.sessions.contains_key(&session.id) {
                    return Commit::Stale;
                }
                self.guarded(Guard::CredentialsStand, stands, |records| {
                    records.sessions.insert(session.id, session);
                })
            }
            Change::TouchSession { session, at } => {
                let lives = self.session_lives(&session);
                self.guarded(Guard::SessionLives, lives, |records| {
                    if let Some(session) = records.sessions.get_mut(&session) {
                        session.last_used_at = at;
                    }
                })
            }
            Change::EndSession { session, at } => self.written(|records| records.end_session(&session, at)),
            Change::KeepConsent(consent) => self.written(|records| {
                records.consents.insert((consent.user.clone(), consent.client.clone()), consent);
            }),
            _ => Commit::Done,
        }
    }

    fn apply_to_grants(&mut self, change: &Change) -> Commit {
        match change.clone() {
            Change::AddGrant(grant) => {
                let lives = self.session_lives(&grant.session);
                if self.records.grants.contains_key(&grant.id) {
                    return Commit::Stale;
                }
                self.guarded(Guard::SessionLives, lives, |records| {
                    records.grants.insert(grant.id.clone(), grant);
                })
            }
            Change::AddCode(code) => {
                let stands = self.grant_stands(&code.grant);
                if self.records.codes.contains_key(&code.hash) {
                    return Commit::Stale;
                }
                self.guarded(Guard::GrantStands, stands, |records| {
                    records.codes.insert(code.hash, code);
                })
            }
            Change::RedeemCode { code, at } => {
                let found = self.records.codes.get(&code);
                let unredeemed = found.is_some_and(|code| code.redemption == Redemption::Pending);
                self.guarded(Guard::Unredeemed, unredeemed, |records| {
                    if let Some(code) = records.codes.get_mut(&code) {
                        code.redemption = Redemption::Redeemed { at };
                    }
                })
            }
            Change::CountWrongVerifier { code } => self.written(|records| {
                if let Some(code) = records.codes.get_mut(&code) {
                    code.wrong_verifiers = code.wrong_verifiers.saturating_add(1);
                }
            }),
            Change::RevokeGrant { grant, at, because } => {
                self.written(|records| records.revoke(at, because, |held| held.id == grant))
            }
            Change::AddRefreshToken(token) => {
                let stands = self.grant_stands(&token.grant);
                if self.records.refresh_tokens.contains_key(&token.hash) {
                    return Commit::Stale;
                }
                self.guarded(Guard::GrantStands, stands, |records| {
                    records.refresh_tokens.insert(token.hash, token);
                })
            }
            Change::SpendRefreshToken { token, successor, at } => {
                let found = self.records.refresh_tokens.get(&token);
                let unspent = found.is_some_and(|token| token.spending == Spending::Unspent);
                self.guarded(Guard::Unspent, unspent, |records| {
                    if let Some(token) = records.refresh_tokens.get_mut(&token) {
                        token.spending = Spending::Spent { at, successor };
                    }
                })
            }
            _ => Commit::Done,
        }
    }

    fn apply_to_attempts(&mut self, change: &Change) -> Commit {
        match change.clone() {
            Change::CountAttempt { key, at, window, limit, or } => {
                let open = self.records.attempts.get(&key).filter(|attempts| at.since(attempts.since) < window);
                let (since, count) = open.map_or((at, 0), |attempts| (attempts.since, attempts.count));
                if count >= limit && self.without != Some(Guard::AttemptsLeft) {
                    return Commit::Refused(or);
                }
                let attempts = Attempts { key: key.clone(), since, count: count.saturating_add(1) };
                self.written(|records| {
                    records.attempts.insert(key, attempts);
                })
            }
            Change::ForgetAttempts { key } => self.written(|records| {
                records.attempts.remove(&key);
            }),
            _ => Commit::Done,
        }
    }

    fn apply_for_operator(&mut self, change: &Change) -> Commit {
        match change.clone() {
            Change::PutClient(client) => self.written(|records| {
                records.clients.insert(client.id.clone(), client);
            }),
            Change::RemoveClient { client, at } => self.written(|records| {
                records.clients.remove(&client);
                records.consents.retain(|(_, to), _| *to != client);
                records.revoke(at, Revocation::ClientRemoved, |grant| grant.client == client);
            }),
            Change::PutResource(resource) => self.written(|records| {
                records.resources.insert(resource.id.clone(), resource);
            }),
            Change::RemoveResource { resource } => self.written(|records| {
                records.resources.remove(&resource);
            }),
            Change::AddUser { user, or } => {
                let taken =
                    self.records.users.values().any(|held| held.id == user.id || held.username == user.username);
                if taken && self.without != Some(Guard::IsNew) {
                    return Commit::Refused(or);
                }
                self.written(|records| {
                    records.users.insert(user.id.clone(), user);
                })
            }
            Change::RehashPassword { user, was, now } => {
                let stands = self.records.users.get(&user).is_some_and(|user| user.password.as_ref() == Some(&was));
                self.guarded(Guard::HashStands, stands, |records| {
                    if let Some(user) = records.users.get_mut(&user) {
                        user.password = Some(now);
                    }
                })
            }
            Change::SetPassword { user, password, at } => self.written(|records| {
                if let Some(held) = records.users.get_mut(&user) {
                    held.password = Some(password);
                    held.credentials_generation = held.credentials_generation.saturating_add(1);
                }
                records.end_access_of(&user, at);
            }),
            Change::SetUserStatus { user, status, at } => self.written(|records| {
                if let Some(held) = records.users.get_mut(&user) {
                    held.status = status;
                }
                if status == Status::Disabled {
                    records.end_access_of(&user, at);
                }
            }),
            Change::RemoveUser { user, at } => self.written(|records| {
                records.end_access_of(&user, at);
                records.users.remove(&user);
                records.consents.retain(|(who, _), _| *who != user);
            }),
            _ => Commit::Done,
        }
    }

    fn session_lives(&self, session: &Digest) -> bool {
        self.records.sessions.get(session).is_some_and(|session| session.state == SessionState::Live)
    }

    fn grant_stands(&self, grant: &GrantId) -> bool {
        self.records.grants.get(grant).is_some_and(|grant| grant.state == GrantState::Standing)
    }
}

impl Records {
    fn end_session(&mut self, session: &Digest, at: Time) {
        if let Some(session) = self.sessions.get_mut(session).filter(|session| session.state == SessionState::Live) {
            session.state = SessionState::Ended { at };
        }
        let in_it = |grant: &Grant| grant.session == *session && grant.presence == Presence::WhileSignedIn;
        self.revoke(at, Revocation::SignedOut, in_it);
    }

    fn end_access_of(&mut self, user: &UserId, at: Time) {
        for session in self.sessions.values_mut().filter(|session| session.user == *user) {
            if session.state == SessionState::Live {
                session.state = SessionState::Ended { at };
            }
        }
        self.revoke(at, Revocation::CredentialsChanged, |grant| grant.user == *user);
    }

    fn revoke(&mut self, at: Time, because: Revocation, which: impl Fn(&Grant) -> bool) {
        for grant in self.grants.values_mut().filter(|grant| which(grant)) {
            if grant.state == GrantState::Standing {
                grant.state = GrantState::Revoked { at, because };
            }
        }
    }
}
