//! Record ↔ row. Owns which members of a record stand in columns; knows no SQL and no driver.
//!
//! What can change stands in columns only; `record` is the JSON of the rest and is never rewritten, so the two cannot
//! disagree. A record's members only grow, each with a serde default: that keeps every old row readable.

mod grants;
mod remembered;
mod spliced;
mod written;

use std::cell::RefCell;

use grantd_protocol::events::{Event, Weight};
use grantd_protocol::names::Issuer;
use grantd_protocol::records::{
    AttemptKey, Attempts, Client, PasswordHash, PendingRequest, Resource, Session, SessionState, User,
};
use grantd_tokens::{Algorithm, Digest, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::fault::StoreFault;
use crate::keys::{KeysRevision, RemovedKey, StoredKey};
use remembered::Remembered;

pub(crate) use grants::{
    ACCESS_TOKENS, CODES, CONSENTS, ENDED, GRANTS, REFRESH_TOKENS, access_token, access_token_values, code,
    code_values, consent, consent_values, ended, ended_access_tokens_of, ended_values, grant, grant_id, grant_values,
    kind_and_id, refresh_token, refresh_token_values, remaining, swept_grant,
};

/// A value of a column or of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Digest> for Value {
    fn from(digest: Digest) -> Self {
        Self::Text(digest.to_base64url())
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        Self::Integer(time.0)
    }
}

impl From<KeysRevision> for Value {
    fn from(revision: KeysRevision) -> Self {
        Self::Integer(revision.0)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The columns of one row, in the order the statement names them.
pub(crate) struct Row {
    table: &'static str,
    columns: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(table: &'static str, columns: Vec<Value>) -> Self {
        Self { table, columns: columns.into_iter() }
    }

    /// What is left of them, as they are.
    pub(crate) fn values(self) -> Vec<Value> {
        self.columns.collect()
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreFault> {
        self.optional_text()?.ok_or_else(|| self.corrupt("a text is missing"))
    }

    pub(crate) fn integer<T: TryFrom<i64>>(&mut self) -> Result<T, StoreFault> {
        let number = self.optional_integer()?.ok_or_else(|| self.corrupt("a number is missing"))?;
        T::try_from(number).map_err(|_| self.corrupt("a number is out of range"))
    }

    fn optional_text(&mut self) -> Result<Option<String>, StoreFault> {
        match self.columns.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt("not a text")),
        }
    }

    fn optional_integer(&mut self) -> Result<Option<i64>, StoreFault> {
        match self.columns.next() {
            Some(Value::Integer(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt("not a number")),
        }
    }

    fn optional_time(&mut self) -> Result<Option<Time>, StoreFault> {
        Ok(self.optional_integer()?.map(Time))
    }

    /// A variant that stands in its column as the word that serde gives it.
    fn word<T: DeserializeOwned>(&self, word: String) -> Result<T, StoreFault> {
        serde_json::from_value(Json::String(word)).map_err(|_| self.corrupt("not one of the words that may stand here"))
    }

    /// The last column, with the members that stood in columns of their own put back.
    fn record<T: DeserializeOwned>(mut self, members: Vec<(&str, Json)>) -> Result<T, StoreFault> {
        let text = self.text()?;
        self.whole(&text, members)
    }

    fn whole<T: DeserializeOwned>(&self, text: &str, members: Vec<(&str, Json)>) -> Result<T, StoreFault> {
        spliced::read(text, members).map_err(|_| {
            let is_object = serde_json::from_str::<Map<String, Json>>(text).is_ok();
            self.corrupt(if is_object {
                "its record lacks a member or has a wrong one"
            } else {
                "its record is not a JSON object"
            })
        })
    }

    fn corrupt(&self, reason: &str) -> StoreFault {
        StoreFault::Corrupt { table: self.table, reason: reason.to_owned() }
    }
}

/// The record without the members that stand in columns.
fn record<T: Serialize>(table: &'static str, whole: &T, in_columns: &[&str]) -> Result<Value, StoreFault> {
    let text = written::write(whole, in_columns);
    text.map(Value::Text).map_err(|_| StoreFault::Corrupt { table, reason: "it cannot be written".to_owned() })
}

fn json<T: Serialize>(table: &'static str, value: &T) -> Result<Json, StoreFault> {
    serde_json::to_value(value).map_err(|_| StoreFault::Corrupt { table, reason: "it cannot be written".to_owned() })
}

/// The word that serde gives a variant without data.
pub(crate) fn word<T: Serialize>(table: &'static str, variant: &T) -> Result<Value, StoreFault> {
    match json(table, variant)? {
        Json::String(word) => Ok(Value::Text(word)),
        other => Ok(Value::Text(other.to_string())),
    }
}

// ---- clients, resources, users ----

pub(crate) const CLIENTS: &str = "clients";
pub(crate) const RESOURCES: &str = "resources";
pub(crate) const USERS: &str = "users";

pub(crate) fn client_values(issuer: &Issuer, client: &Client) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        client.id.as_str().into(),
        word(CLIENTS, &client.status)?,
        record(CLIENTS, client, &["status"])?,
    ])
}

thread_local! {
    // Nearly every request reads one of each, and they hardly ever change.
    static CLIENTS_READ: RefCell<Remembered<Client>> = RefCell::default();
    static RESOURCES_READ: RefCell<Remembered<Resource>> = RefCell::default();
}

pub(crate) fn client(row: Row) -> Result<Client, StoreFault> {
    CLIENTS_READ.with_borrow_mut(|read| read.read(row, new_client))
}

fn new_client(mut row: Row) -> Result<Client, StoreFault> {
    let status = row.optional_text()?.map(|status| ("status", status.into()));
    row.record(status.into_iter().collect())
}

pub(crate) fn resource_values(issuer: &Issuer, resource: &Resource) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![issuer.as_str().into(), resource.id.as_str().into(), record(RESOURCES, resource, &[])?])
}

pub(crate) fn resource(row: Row) -> Result<Resource, StoreFault> {
    RESOURCES_READ.with_borrow_mut(|read| read.read(row, |row| row.record(Vec::new())))
}

pub(crate) fn user_values(issuer: &Issuer, user: &User) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        user.id.as_str().into(),
        user.username.as_str().into(),
        word(USERS, &user.status)?,
        user.credentials_generation.into(),
        user.password.as_ref().map(PasswordHash::expose).into(),
        record(USERS, user, &["status", "credentials_generation", "password"])?,
    ])
}

pub(crate) fn user(mut row: Row) -> Result<User, StoreFault> {
    let members = vec![
        ("status", row.text()?.into()),
        ("credentials_generation", row.integer::<u32>()?.into()),
        ("password", row.optional_text()?.into()),
    ];
    row.record(members)
}

// ---- sessions and pending requests ----

pub(crate) const SESSIONS: &str = "sessions";
pub(crate) const PENDING_REQUESTS: &str = "pending_requests";

pub(crate) fn session_values(issuer: &Issuer, session: &Session) -> Result<Vec<Value>, StoreFault> {
    let ended_at = match session.state {
        SessionState::Live => None,
        SessionState::Ended { at } => Some(at),
    };
    Ok(vec![
        issuer.as_str().into(),
        session.id.into(),
        session.user.as_str().into(),
        session.expires_at.into(),
        session.authenticated_at.into(),
        session.last_used_at.into(),
        ended_at.into(),
        record(SESSIONS, session, &["last_used_at", "state"])?,
    ])
}

pub(crate) fn session(mut row: Row) -> Result<Session, StoreFault> {
    let last_used_at = row.integer::<i64>()?;
    let state = row.optional_time()?.map_or(SessionState::Live, |at| SessionState::Ended { at });
    row.record(vec![("last_used_at", last_used_at.into()), ("state", json(SESSIONS, &state)?)])
}

pub(crate) fn pending_values(issuer: &Issuer, pending: &PendingRequest) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        pending.handle.into(),
        pending.network.as_str().into(),
        pending.expires_at.into(),
        offer(&pending.offer)?,
        record(PENDING_REQUESTS, pending, &["offer"])?,
        pending.client.as_str().into(),
    ])
}

pub(crate) fn offer(offer: &grantd_protocol::records::Offer) -> Result<Value, StoreFault> {
    Ok(Value::Text(json(PENDING_REQUESTS, offer)?.to_string()))
}

pub(crate) fn pending(mut row: Row) -> Result<PendingRequest, StoreFault> {
    let offer = row.text()?;
    let offer: Json = serde_json::from_str(&offer).map_err(|_| row.corrupt("its offer is not JSON"))?;
    row.record(vec![("offer", offer)])
}

// ---- attempts and signing keys ----

pub(crate) const ATTEMPTS: &str = "attempts";
pub(crate) const SIGNING_KEYS: &str = "signing_keys";
pub(crate) const KEY_REVISIONS: &str = "key_revisions";

pub(crate) fn attempt_key(key: &AttemptKey) -> Result<Value, StoreFault> {
    Ok(Value::Text(json(ATTEMPTS, key)?.to_string()))
}

pub(crate) fn attempts(key: &AttemptKey, mut row: Row) -> Result<Attempts, StoreFault> {
    Ok(Attempts { key: key.clone(), since: Time(row.integer()?), count: row.integer()? })
}

pub(crate) fn signing_key_values(issuer: &Issuer, key: &StoredKey) -> Result<Vec<Value>, StoreFault> {
    Ok(vec![
        issuer.as_str().into(),
        key.algorithm().name().into(),
        key.kid().into(),
        key.created_at.into(),
        key.active_from.into(),
        record(SIGNING_KEYS, &key.sealed, &[])?,
    ])
}

pub(crate) fn signing_key(mut row: Row) -> Result<StoredKey, StoreFault> {
    let (created_at, active_from) = (Time(row.integer()?), Time(row.integer()?));
    Ok(StoredKey { sealed: row.record(Vec::new())?, created_at, active_from })
}

pub(crate) fn removed_key(mut row: Row) -> Result<RemovedKey, StoreFault> {
    let algorithm = Algorithm::parse(&row.text()?).ok_or_else(|| row.corrupt("not an algorithm"))?;
    Ok(RemovedKey { algorithm, kid: row.text()?, at: Time(row.integer()?) })
}

pub(crate) fn keys_revision(mut row: Row) -> Result<KeysRevision, StoreFault> {
    row.integer().map(KeysRevision)
}

// ---- events ----

pub(crate) const EVENTS: &str = "events";

pub(crate) fn event_values(issuer: &Issuer, event: &Event) -> Result<Vec<Value>, StoreFault> {
    let record = record(EVENTS, event, &["at", "id"])?;
    let weight = weight(event.weight());
    Ok(vec![issuer.as_str().into(), event.at.into(), event.id.as_str().into(), weight, record])
}

pub(crate) fn weight(weight: Weight) -> Value {
    let weight: u32 = match weight {
        Weight::Noise => 0,
        Weight::Everyday => 1,
        Weight::Record => 2,
    };
    weight.into()
}

pub(crate) fn event(mut row: Row) -> Result<Event, StoreFault> {
    let members = vec![("at", row.integer::<i64>()?.into()), ("id", row.text()?.into())];
    row.record(members)
}
