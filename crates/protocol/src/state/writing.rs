//! Change → what becomes of the records, and under which guard.

use grantd_tokens::{Digest, Time};

use crate::changes::{Change, Commit};
use crate::names::{ClientId, GrantId, UserId};
use crate::records::{
    Attempts, Client, Ended, EndedThing, Grant, GrantState, Presence, Redemption, Revocation, Session, SessionState,
    Spending, Status,
};
use crate::settings::LONGEST_ACCESS_TOKEN;

use super::{Guard, Records};

/// The records as they will be, if every guard holds.
pub(super) struct Writing {
    pub(super) records: Records,
    pub(super) without: Option<Guard>,
}

impl Writing {
    pub(super) fn apply(&mut self, change: &Change) -> Commit {
        match change {
            Change::AddPending(_)
            | Change::Offer { .. }
            | Change::CompletePending { .. }
            | Change::AddSession { .. }
            | Change::TouchSession { .. }
            | Change::EndSession { .. }
            | Change::EndOtherSessions { .. }
            | Change::KeepConsent(_)
            | Change::UseConsent { .. }
            | Change::ForgetConsent { .. } => self.apply_to_browser(change),
            Change::AddGrant(_)
            | Change::AddCode(_)
            | Change::RedeemCode { .. }
            | Change::CountWrongVerifier { .. }
            | Change::RevokeGrant { .. }
            | Change::UseGrant { .. }
            | Change::NarrowGrant { .. }
            | Change::EndAccess { .. } => self.apply_to_grants(change),
            Change::AddAccessToken(_)
            | Change::EndAccessToken { .. }
            | Change::AddRefreshToken(_)
            | Change::SpendRefreshToken { .. }
            | Change::ReplaceSuccessor { .. } => self.apply_to_tokens(change),
            Change::CountAttempt { .. } | Change::ForgetAttempts { .. } => self.apply_to_attempts(change),
            Change::Record(event) => self.written(|records| {
                let key = (event.at, event.id.clone());
                records.events.entry(key).or_insert_with(|| event.clone());
            }),
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
            Change::EndOtherSessions { user, keep, at } => {
                self.written(|records| records.end_sessions_of(&user, Some(keep), at))
            }
            Change::UseConsent { user, client, given_at } => {
                let held = self.records.consents.get(&(user, client));
                let stands = held.is_some_and(|consent| consent.given_at == given_at);
                self.guarded(Guard::ConsentStands, stands, |_| {})
            }
            Change::ForgetConsent { user, client } => self.written(|records| {
                records.consents.remove(&(user, client));
            }),
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
            Change::UseGrant { grant, narrowings, at } => {
                self.on_grant(&grant, narrowings, |grant| grant.last_used_at = at)
            }
            Change::NarrowGrant { grant, narrowings, scopes, resources, details } => {
                self.on_grant(&grant, narrowings, |grant| {
                    grant.scopes = scopes;
                    grant.resources = resources;
                    grant.details = details;
                    grant.narrowings = grant.narrowings.saturating_add(1);
                })
            }
            Change::EndAccess { user, client, at, because } => self.written(|records| {
                let concerned = |of: &ClientId| client.as_ref().is_none_or(|client| client == of);
                records.consents.retain(|(who, to), _| *who != user || !concerned(to));
                records.revoke(at, because, |grant| grant.user == user && concerned(&grant.client));
            }),
            _ => Commit::Done,
        }
    }

    /// Under both guards of a grant: that it stands, and that nothing was taken back from it since it was read.
    fn on_grant(&mut self, id: &GrantId, narrowings: u32, write: impl FnOnce(&mut Grant)) -> Commit {
        let stands = self.grant_stands(id);
        let unchanged = self.records.grants.get(id).is_some_and(|grant| grant.narrowings == narrowings);
        if !unchanged && self.without != Some(Guard::NotNarrowed) {
            return Commit::Stale;
        }
        self.guarded(Guard::GrantStands, stands, |records| {
            if let Some(grant) = records.grants.get_mut(id) {
                write(grant);
            }
        })
    }

    fn apply_to_tokens(&mut self, change: &Change) -> Commit {
        match change.clone() {
            Change::AddAccessToken(token) => {
                let stands = token.grant.as_ref().is_none_or(|grant| self.grant_stands(grant));
                if self.records.access_tokens.contains_key(&token.hash) {
                    return Commit::Stale;
                }
                self.guarded(Guard::GrantStands, stands, |records| {
                    records.access_tokens.insert(token.hash, token);
                })
            }
            Change::EndAccessToken { token, at } => {
                let thing = EndedThing::AccessToken(token.id);
                self.written(|records| records.end(Ended { thing, at, until: token.expires_at }))
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
            Change::ReplaceSuccessor { predecessor, unused, replacement, at } => {
                let holds = self.is_unused_successor(&unused, &predecessor);
                self.guarded(Guard::SuccessorUnused, holds, |records| {
                    if let Some(token) = records.refresh_tokens.get_mut(&unused) {
                        token.spending = Spending::Superseded { at, by: replacement };
                    }
                    if let Some(token) = records.refresh_tokens.get_mut(&predecessor)
                        && let Spending::Spent { successor, .. } = &mut token.spending
                    {
                        *successor = replacement;
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
                let status = records.clients.get(&client.id).map_or(client.status, |held| held.status);
                records.clients.insert(client.id.clone(), Client { status, ..client });
            }),
            Change::SetClientStatus { client, status, at } => self.written(|records| {
                if let Some(held) = records.clients.get_mut(&client) {
                    held.status = status;
                }
                if status == Status::Disabled {
                    records.end_access_to(&client, at, Revocation::ClientDisabled);
                }
            }),
            Change::RemoveClient { client, at } => self.written(|records| {
                records.clients.remove(&client);
                records.consents.retain(|(_, to), _| *to != client);
                records.end_access_to(&client, at, Revocation::ClientRemoved);
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

    /// Whether this was traded for that, and nobody used it.
    fn is_unused_successor(&self, token: &Digest, predecessor: &Digest) -> bool {
        let tokens = &self.records.refresh_tokens;
        let unused = tokens.get(token).is_some_and(|token| token.spending == Spending::Unspent);
        let traded = tokens.get(predecessor).is_some_and(
            |predecessor| matches!(predecessor.spending, Spending::Spent { successor, .. } if successor == *token),
        );
        unused && traded
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

    fn end_sessions_of(&mut self, user: &UserId, keep: Option<Digest>, at: Time) {
        let ending = |session: &Session| session.user == *user && Some(session.id) != keep;
        let ids: Vec<Digest> = self.sessions.values().filter(|session| ending(session)).map(|one| one.id).collect();
        for id in ids {
            self.end_session(&id, at);
        }
    }

    fn end_access_to(&mut self, client: &ClientId, at: Time, because: Revocation) {
        self.revoke(at, because, |grant| grant.client == *client);
        self.end(Ended { thing: EndedThing::Client(client.clone()), at, until: at + LONGEST_ACCESS_TOKEN });
    }

    /// The later end counts.
    fn end(&mut self, ended: Ended) {
        let earlier = self.ended.get(&ended.thing).is_none_or(|held| held.at <= ended.at);
        if earlier {
            self.ended.insert(ended.thing.clone(), ended);
        }
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
