//! Change → guarded statements: what a driver runs, in order, in one transaction.
//!
//! Owns the translation. The meaning of each change is `grantd_protocol::state`'s; the text of each statement,
//! `statements.rs`. Start at [`steps`].

use grantd_protocol::changes::Change;
use grantd_protocol::names::{ClientId, GrantId, Issuer, UserId};
use grantd_protocol::records::{EndedThing, Revocation, Status};
use grantd_protocol::refusals::Refusal;
use grantd_protocol::settings::LONGEST_ACCESS_TOKEN;
use grantd_tokens::Time;

use crate::fault::StoreFault;
use crate::rows::{self, Value};
use crate::statements as sql;

/// One statement, its parameters, and what it means if it wrote no row.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) if_nothing_written: IfNothingWritten,
}

/// How a guard ends a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IfNothingWritten {
    /// The statement was no guard.
    GoOn,
    /// Another request was first.
    Stale,
    /// It is final.
    Refused(Refusal),
}

impl Step {
    pub(crate) fn always(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, if_nothing_written: IfNothingWritten::GoOn }
    }

    pub(crate) fn or_stale(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, if_nothing_written: IfNothingWritten::Stale }
    }

    /// What it takes while it waits, near enough: its texts are most of it.
    pub(crate) fn bytes(&self) -> usize {
        let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
        size_of::<Self>() + self.values.len() * size_of::<Value>() + self.values.iter().map(text).sum::<usize>()
    }

    fn or_refused(sql: &'static str, values: Vec<Value>, refusal: Refusal) -> Self {
        Self { sql, values, if_nothing_written: IfNothingWritten::Refused(refusal) }
    }
}

/// The statements of all the changes, in order.
pub(crate) fn steps(issuer: &Issuer, changes: &[Change]) -> Result<Vec<Step>, StoreFault> {
    let mut writes = Writes { issuer, steps: Vec::with_capacity(changes.len() * 2), standing: None };
    for change in changes {
        writes.add(change)?;
        writes.standing = standing_after(change, writes.standing);
    }
    Ok(writes.steps)
}

struct Writes<'a> {
    issuer: &'a Issuer,
    steps: Vec<Step>,
    /// The grant whose row a step before this one has written because it stands: what is added to it needs no guard of its own.
    standing: Option<&'a GrantId>,
}

/// Whatever is issued under a grant begins with its use; after anything that might end one, each guards itself again.
fn standing_after<'a>(change: &'a Change, before: Option<&'a GrantId>) -> Option<&'a GrantId> {
    match change {
        Change::UseGrant { grant, .. } => Some(grant),
        Change::RedeemCode { .. }
        | Change::SpendRefreshToken { .. }
        | Change::ReplaceSuccessor { .. }
        | Change::EndAccessToken { .. }
        | Change::AddAccessToken(_)
        | Change::AddRefreshToken(_) => before,
        _ => None,
    }
}

impl Writes<'_> {
    fn add(&mut self, change: &Change) -> Result<(), StoreFault> {
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
            | Change::ForgetConsent { .. } => self.add_of_browser(change),
            Change::AddGrant(_)
            | Change::AddCode(_)
            | Change::RedeemCode { .. }
            | Change::CountWrongVerifier { .. }
            | Change::RevokeGrant { .. }
            | Change::UseGrant { .. }
            | Change::NarrowGrant { .. }
            | Change::EndAccess { .. } => self.add_of_grants(change),
            Change::AddAccessToken(_)
            | Change::EndAccessToken { .. }
            | Change::AddRefreshToken(_)
            | Change::SpendRefreshToken { .. }
            | Change::ReplaceSuccessor { .. } => self.add_of_tokens(change),
            Change::CountAttempt { .. } | Change::ForgetAttempts { .. } => self.add_of_attempts(change),
            Change::Record(event) => {
                self.steps.push(Step::always(sql::ADD_EVENT, rows::event_values(self.issuer, event)?));
                Ok(())
            }
            Change::PutClient(_)
            | Change::SetClientStatus { .. }
            | Change::RemoveClient { .. }
            | Change::PutResource(_)
            | Change::RemoveResource { .. }
            | Change::AddUser { .. }
            | Change::RehashPassword { .. }
            | Change::SetPassword { .. }
            | Change::SetUserStatus { .. }
            | Change::RemoveUser { .. } => self.add_of_operator(change),
        }
    }

    fn add_of_browser(&mut self, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::AddPending(pending) => {
                self.steps.push(Step::or_stale(sql::ADD_PENDING, rows::pending_values(self.issuer, pending)?));
            }
            Change::Offer { pending, offer } => {
                let values = self.keyed(*pending, [rows::offer(offer)?]);
                self.steps.push(Step::or_stale(sql::OFFER, values));
            }
            Change::CompletePending { pending } => {
                self.steps.push(Step::or_stale(sql::COMPLETE_PENDING, self.keyed(*pending, [])));
            }
            Change::AddSession { session, credentials_generation } => {
                let stand = self.keyed(session.user.as_str(), [(*credentials_generation).into()]);
                self.steps.push(Step::or_stale(sql::CREDENTIALS_STAND, stand));
                self.steps.push(Step::or_stale(sql::ADD_SESSION, rows::session_values(self.issuer, session)?));
            }
            Change::TouchSession { session, at } => {
                self.steps.push(Step::or_stale(sql::TOUCH_SESSION, self.keyed(*session, [(*at).into()])));
            }
            Change::EndSession { session, at } => {
                self.steps.push(Step::always(sql::END_SESSION, self.keyed(*session, [(*at).into()])));
                self.revoke(sql::REVOKE_GRANTS_OF_SESSION, *session, *at, Revocation::SignedOut)?;
            }
            Change::EndOtherSessions { user, keep, at } => {
                let because = rows::word(rows::GRANTS, &Revocation::SignedOut)?;
                let others = self.keyed(user.as_str(), [(*keep).into(), (*at).into()]);
                let in_others = self.keyed(user.as_str(), [(*keep).into(), (*at).into(), because]);
                self.steps.push(Step::always(sql::END_OTHER_SESSIONS, others));
                self.steps.push(Step::always(sql::REVOKE_GRANTS_OF_OTHER_SESSIONS, in_others));
            }
            Change::KeepConsent(consent) => {
                self.steps.push(Step::always(sql::KEEP_CONSENT, rows::consent_values(self.issuer, consent)?));
            }
            Change::UseConsent { user, client, given_at } => {
                let values = self.keyed(user.as_str(), [client.as_str().into(), (*given_at).into()]);
                self.steps.push(Step::or_stale(sql::CONSENT_STANDS, values));
            }
            Change::ForgetConsent { user, client } => {
                self.steps.push(Step::always(sql::FORGET_CONSENT, self.keyed(user.as_str(), [client.as_str().into()])));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_of_grants(&mut self, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::AddGrant(grant) => {
                let lives = self.keyed(grant.session, [grant.expires_at.into()]);
                self.steps.push(Step::or_stale(sql::SESSION_LIVES, lives));
                self.steps.push(Step::or_stale(sql::ADD_GRANT, rows::grant_values(self.issuer, grant)?));
            }
            Change::AddCode(code) => {
                self.guard_that_it_stands(&code.grant);
                self.steps.push(Step::or_stale(sql::ADD_CODE, rows::code_values(self.issuer, code)?));
            }
            Change::RedeemCode { code, at } => {
                self.steps.push(Step::or_stale(sql::REDEEM_CODE, self.keyed(*code, [(*at).into()])));
            }
            Change::CountWrongVerifier { code } => {
                self.steps.push(Step::always(sql::COUNT_WRONG_VERIFIER, self.keyed(*code, [])));
            }
            Change::RevokeGrant { grant, at, because } => {
                self.revoke(sql::REVOKE_GRANT, grant.as_str(), *at, *because)?;
            }
            Change::UseGrant { grant, narrowings, at } => {
                let values = self.keyed(grant.as_str(), [(*narrowings).into(), (*at).into()]);
                self.steps.push(Step::or_stale(sql::USE_GRANT, values));
            }
            Change::NarrowGrant { grant, narrowings, scopes, resources, details } => {
                let remaining = rows::remaining(scopes, resources, details)?;
                let values = self.keyed(grant.as_str(), [(*narrowings).into(), remaining]);
                self.steps.push(Step::or_stale(sql::NARROW_GRANT, values));
            }
            Change::EndAccess { user, client: None, at, because } => {
                self.steps.push(Step::always(sql::FORGET_CONSENTS_OF_USER, self.keyed(user.as_str(), [])));
                self.revoke(sql::REVOKE_GRANTS_OF_USER, user.as_str(), *at, *because)?;
            }
            Change::EndAccess { user, client: Some(client), at, because } => {
                let because = rows::word(rows::GRANTS, because)?;
                let values = self.keyed(user.as_str(), [client.as_str().into(), (*at).into(), because]);
                self.steps.push(Step::always(sql::FORGET_CONSENT, self.keyed(user.as_str(), [client.as_str().into()])));
                self.steps.push(Step::always(sql::REVOKE_GRANTS_TO_CLIENT, values));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_of_tokens(&mut self, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::AddAccessToken(token) => {
                if let Some(grant) = &token.grant {
                    self.guard_that_it_stands(grant);
                }
                let values = rows::access_token_values(self.issuer, token)?;
                self.steps.push(Step::or_stale(sql::ADD_ACCESS_TOKEN, values));
            }
            Change::EndAccessToken { token, at } => {
                self.end(&EndedThing::AccessToken(token.id.clone()), *at, token.expires_at);
            }
            Change::AddRefreshToken(token) => {
                self.guard_that_it_stands(&token.grant);
                let values = rows::refresh_token_values(self.issuer, token)?;
                self.steps.push(Step::or_stale(sql::ADD_REFRESH_TOKEN, values));
            }
            Change::SpendRefreshToken { token, successor, at } => {
                let values = self.keyed(*token, [(*at).into(), (*successor).into()]);
                self.steps.push(Step::or_stale(sql::SPEND_REFRESH_TOKEN, values));
            }
            Change::ReplaceSuccessor { predecessor, unused, replacement, at } => {
                let supersede = self.keyed(*unused, [(*at).into(), (*replacement).into()]);
                let replace = self.keyed(*predecessor, [(*unused).into(), (*replacement).into()]);
                self.steps.push(Step::or_stale(sql::SUPERSEDE_REFRESH_TOKEN, supersede));
                self.steps.push(Step::or_stale(sql::REPLACE_SUCCESSOR, replace));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_of_attempts(&mut self, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::CountAttempt { key, at, window, limit, or } => {
                let rest = [(*at).into(), Value::Integer(window.0), (*limit).into()];
                let values = self.keyed(rows::attempt_key(key)?, rest);
                self.steps.push(Step::or_refused(sql::COUNT_ATTEMPT, values, *or));
            }
            Change::ForgetAttempts { key } => {
                let values = self.keyed(rows::attempt_key(key)?, []);
                self.steps.push(Step::always(sql::FORGET_ATTEMPTS, values));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_of_operator(&mut self, change: &Change) -> Result<(), StoreFault> {
        match change {
            Change::PutClient(client) => {
                self.steps.push(Step::always(sql::PUT_CLIENT, rows::client_values(self.issuer, client)?));
            }
            Change::SetClientStatus { client, status, at } => {
                let values = self.keyed(client.as_str(), [rows::word(rows::CLIENTS, status)?]);
                self.steps.push(Step::always(sql::SET_CLIENT_STATUS, values));
                if *status == Status::Disabled {
                    self.end_access_to(client, *at, Revocation::ClientDisabled)?;
                }
            }
            Change::RemoveClient { client, at } => {
                self.steps.push(Step::always(sql::REMOVE_CLIENT, self.keyed(client.as_str(), [])));
                self.steps.push(Step::always(sql::FORGET_CONSENTS_TO_CLIENT, self.keyed(client.as_str(), [])));
                self.end_access_to(client, *at, Revocation::ClientRemoved)?;
            }
            Change::PutResource(resource) => {
                self.steps.push(Step::always(sql::PUT_RESOURCE, rows::resource_values(self.issuer, resource)?));
            }
            Change::RemoveResource { resource } => {
                self.steps.push(Step::always(sql::REMOVE_RESOURCE, self.keyed(resource.as_str(), [])));
            }
            Change::AddUser { user, or } => {
                self.steps.push(Step::or_refused(sql::ADD_USER, rows::user_values(self.issuer, user)?, *or));
            }
            Change::RehashPassword { user, was, now } => {
                let values = self.keyed(user.as_str(), [was.expose().into(), now.expose().into()]);
                self.steps.push(Step::or_stale(sql::REHASH_PASSWORD, values));
            }
            Change::SetPassword { user, password, at } => {
                let values = self.keyed(user.as_str(), [password.expose().into()]);
                self.steps.push(Step::always(sql::SET_PASSWORD, values));
                self.end_access_of(user, *at)?;
            }
            Change::SetUserStatus { user, status, at } => {
                let values = self.keyed(user.as_str(), [rows::word(rows::USERS, status)?]);
                self.steps.push(Step::always(sql::SET_USER_STATUS, values));
                if *status == Status::Disabled {
                    self.end_access_of(user, *at)?;
                }
            }
            Change::RemoveUser { user, at } => {
                self.steps.push(Step::always(sql::REMOVE_USER, self.keyed(user.as_str(), [])));
                self.end_access_of(user, *at)?;
                self.steps.push(Step::always(sql::FORGET_CONSENTS_OF_USER, self.keyed(user.as_str(), [])));
            }
            _ => {}
        }
        Ok(())
    }

    fn guard_that_it_stands(&mut self, grant: &GrantId) {
        if self.standing != Some(grant) {
            self.steps.push(Step::or_stale(sql::GRANT_STANDS, self.keyed(grant.as_str(), [])));
        }
    }

    /// What users gave to the client, and what it holds for itself.
    fn end_access_to(&mut self, client: &ClientId, at: Time, because: Revocation) -> Result<(), StoreFault> {
        self.revoke(sql::REVOKE_GRANTS_OF_CLIENT, client.as_str(), at, because)?;
        self.end(&EndedThing::Client(client.clone()), at, at + LONGEST_ACCESS_TOKEN);
        Ok(())
    }

    fn end(&mut self, thing: &EndedThing, at: Time, until: Time) {
        self.steps.push(Step::always(sql::END, rows::ended_values(self.issuer, thing, at, until)));
    }

    fn end_access_of(&mut self, user: &UserId, at: Time) -> Result<(), StoreFault> {
        self.steps.push(Step::always(sql::END_SESSIONS_OF_USER, self.keyed(user.as_str(), [at.into()])));
        self.revoke(sql::REVOKE_GRANTS_OF_USER, user.as_str(), at, Revocation::CredentialsChanged)
    }

    fn revoke(
        &mut self,
        sql: &'static str,
        whose: impl Into<Value>,
        at: Time,
        because: Revocation,
    ) -> Result<(), StoreFault> {
        let values = self.keyed(whose, [at.into(), rows::word(rows::GRANTS, &because)?]);
        self.steps.push(Step::always(sql, values));
        Ok(())
    }

    /// The issuer, a key of one of its records, and what else the statement takes.
    fn keyed<const N: usize>(&self, key: impl Into<Value>, rest: [Value; N]) -> Vec<Value> {
        let mut values = vec![self.issuer.as_str().into(), key.into()];
        values.extend(rest);
        values
    }
}
