//! A whole lookup in one statement: which parts it is made of, and what its rows tell.
//!
//! Owns the putting together of `statements/loading.rs` and the hints. A hint decides nothing: what it names is read fresh, and
//! what is missing is asked for. Start at [`Loading::of`].

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use grantd_protocol::facts::WAITING_COUNTED_TO;
use grantd_protocol::names::{AccessTokenId, ClientId, GrantId, Issuer, Network, Username};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::memo::{Memo, Query};
use super::reader::{Given, Statement};
use super::values::holds_nul;
use crate::driver::Named;
use crate::rows::{self, Value};
use crate::statements as sql;
use crate::statements::loading as text;

/// A lookup as one statement.
pub(super) struct Loading {
    parts: u32,
    parameters: Vec<Given>,
    expected: Expected,
}

/// What is absent if no row tells of it.
pub(super) struct Expected(Vec<Query>);

/// The texts that were put together so far, and which resources each client may ask for, as last seen.
#[derive(Default)]
pub(super) struct Remembered {
    texts: Mutex<HashMap<u32, Arc<str>>>,
    resources: Mutex<HashMap<Issuer, Hints>>,
}

/// The resources that the clients of an issuer ask for, as last seen.
#[derive(Default)]
struct Hints {
    of_client: HashMap<ClientId, Vec<Value>>,
    of_all: Vec<Value>,
}

/// More shapes than any request asks for.
const TEXTS: usize = 256;
/// So many clients are remembered, and so many resources of each.
const CLIENTS: usize = 10_000;
const ISSUERS: usize = 1_000;
const RESOURCES: usize = 64;

const CODE: u32 = 1;
const REFRESH_TOKEN: u32 = 1 << 1;
const FAMILY: u32 = 1 << 2;
const ACCESS_TOKEN: u32 = 1 << 3;
const GRANT_OF_TOKEN_ID: u32 = 1 << 4;
const TOKEN_ID: u32 = 1 << 5;
const HOLDER: u32 = 1 << 6;
const PENDING: u32 = 1 << 7;
const SESSION: u32 = 1 << 8;
const USERNAME: u32 = 1 << 9;
const CLIENT: u32 = 1 << 10;
const RESOURCE: u32 = 1 << 11;
const ATTEMPTS: u32 = 1 << 12;
const WAITING: u32 = 1 << 13;
const KEYS: u32 = 1 << 14;
const HAS_GRANT: u32 = CODE | REFRESH_TOKEN | FAMILY | ACCESS_TOKEN | GRANT_OF_TOKEN_ID;

/// The types of the parameters, the same for every shape.
fn types() -> Arc<[Type]> {
    let mut types = vec![Type::TEXT; 17];
    for (place, r#type) in [(12, Type::TEXT_ARRAY), (14, Type::INT8), (15, Type::INT8), (16, Type::TEXT_ARRAY)] {
        if let Some(place) = types.get_mut(place) {
            *place = r#type;
        }
    }
    types.into()
}

impl Loading {
    /// Nothing if the lookup names what no text can hold: it is asked for piece by piece.
    pub(super) fn of(named: &Named, remembered: &Remembered) -> Option<Self> {
        let Named { issuer, lookup, with_keys } = named;
        let attempts: Vec<Value> = lookup.attempts.iter().map(rows::attempt_key).collect::<Result<_, _>>().ok()?;
        let resources = if lookup.client.is_some() || lookup.pending.is_some() {
            remembered.resources_of(issuer, lookup.client.as_ref())
        } else {
            Vec::new()
        };
        let grant = lookup.access_token_id.as_ref().and_then(AccessTokenId::grant);
        let singles: Vec<Value> = vec![
            issuer.as_str().into(),
            lookup.client.as_ref().map(ClientId::as_str).into(),
            lookup.code.into(),
            lookup.refresh_token.into(),
            lookup.family.into(),
            lookup.access_token.into(),
            grant.as_ref().map(GrantId::as_str).into(),
            lookup.access_token_id.as_ref().map(AccessTokenId::as_str).into(),
            lookup.holder.as_ref().map(ClientId::as_str).into(),
            lookup.pending.into(),
            lookup.session.into(),
            lookup.username.as_ref().map(Username::as_str).into(),
        ];
        if holds_nul(&singles) {
            return None;
        }
        let parts = [
            (lookup.code.is_some(), CODE),
            (lookup.refresh_token.is_some(), REFRESH_TOKEN),
            (lookup.family.is_some(), FAMILY),
            (lookup.access_token.is_some(), ACCESS_TOKEN),
            (grant.is_some(), GRANT_OF_TOKEN_ID),
            (lookup.access_token_id.is_some(), TOKEN_ID),
            (lookup.holder.is_some(), HOLDER),
            (lookup.pending.is_some(), PENDING),
            (lookup.session.is_some(), SESSION),
            (lookup.username.is_some(), USERNAME),
            (lookup.client.is_some(), CLIENT),
            (!resources.is_empty(), RESOURCE),
            (!attempts.is_empty(), ATTEMPTS),
            (lookup.waiting.is_some(), WAITING),
            (*with_keys, KEYS),
        ];
        let parts = parts.into_iter().filter(|(is_needed, _)| *is_needed).fold(0, |all, (_, part)| all | part);
        let expected = Expected::of(named, &resources, &attempts);
        let mut parameters: Vec<Given> = singles.into_iter().map(Given::One).collect();
        parameters.push(Given::Many(attempts));
        parameters.push(Given::One(lookup.waiting.as_ref().map(Network::as_str).into()));
        parameters.push(Given::One(WAITING_COUNTED_TO.from_network.into()));
        parameters.push(Given::One(WAITING_COUNTED_TO.in_all.into()));
        parameters.push(Given::Many(resources));
        Some(Self { parts, parameters, expected })
    }

    /// The statement, and what is known from what it does not find; none if there is nothing to ask, or if there are too many
    /// shapes already.
    pub(super) fn statement(self, remembered: &Remembered) -> Option<(Statement, Expected)> {
        (self.parts != 0).then_some(())?;
        let statement = Statement { text: remembered.text(self.parts)?, types: types(), parameters: self.parameters };
        Some((statement, self.expected))
    }
}

impl Expected {
    /// What the lookup itself names.
    fn of(named: &Named, resources: &[Value], attempts: &[Value]) -> Self {
        let Named { issuer, lookup, with_keys } = named;
        let issuer = || Value::from(issuer.as_str());
        let single = [
            (sql::CODE, lookup.code.map(Value::from)),
            (sql::REFRESH_TOKEN, lookup.refresh_token.map(Value::from)),
            (sql::GRANT_OF_FAMILY, lookup.family.map(Value::from)),
            (sql::ACCESS_TOKEN, lookup.access_token.map(Value::from)),
            (sql::PENDING, lookup.pending.map(Value::from)),
            (sql::SESSION, lookup.session.map(Value::from)),
            (sql::USER_BY_USERNAME, lookup.username.as_ref().map(|name| name.as_str().into())),
        ];
        let single = single.into_iter().filter_map(|(sql, key)| Some((sql, key?)));
        let resources = resources.iter().map(|id| (sql::RESOURCE, id.clone()));
        let attempts = attempts.iter().map(|key| (sql::ATTEMPTS, key.clone()));
        let keyed = single.chain(resources).chain(attempts);
        let mut expected: Vec<Query> = keyed.map(|(sql, key)| Query { sql, values: vec![issuer(), key] }).collect();
        if *with_keys {
            expected.push(Query { sql: sql::KEYS_REVISION, values: vec![issuer()] });
        }
        Self(expected)
    }

    /// What the rows tell, and what it tells that there are no others.
    pub(super) fn remember(self, issuer: &Issuer, rows: &[Row], memo: &mut Memo) {
        for row in rows {
            if let Some((query, rows)) = told(issuer, row) {
                memo.know(query, rows);
            }
        }
        for query in self.0 {
            memo.know_absent(query);
        }
    }
}

/// What a part's own statement would have been asked, and what it would have found.
fn told(issuer: &Issuer, row: &Row) -> Option<(Query, Vec<Vec<Value>>)> {
    let part: &str = row.try_get(0).ok()?;
    let (_, sql, columns) = PARTS.iter().find(|(name, ..)| *name == part)?;
    let key = |column: usize| -> Option<Value> { row.try_get::<_, Option<&str>>(column).ok()?.map(Value::from) };
    let mut values = vec![Value::from(issuer.as_str())];
    values.extend([key(1), key(2)].into_iter().flatten());
    let is_there = row.try_get::<_, &str>(3).ok()? == "y";
    let value = |(place, kind): (usize, char)| -> Option<Value> {
        let text: Option<&str> = row.try_get(4 + place).ok()?;
        Some(match (text, kind) {
            (None, _) => Value::Null,
            (Some(text), 'n') => Value::Integer(text.parse().ok()?),
            (Some(text), _) => text.into(),
        })
    };
    let found =
        if is_there { vec![columns.chars().enumerate().map(value).collect::<Option<Vec<_>>>()?] } else { Vec::new() };
    Some((Query { sql, values }, found))
}

/// The statement of each part, and which of its columns are texts or numbers.
const PARTS: &[(&str, &str, &str)] = &[
    ("code", sql::CODE, "nnt"),
    ("refresh token", sql::REFRESH_TOKEN, "tttnttt"),
    ("family", sql::GRANT_OF_FAMILY, "t"),
    ("access token", sql::ACCESS_TOKEN, "ttt"),
    ("grant", sql::GRANT, "ntnntt"),
    ("session", sql::SESSION, "nnt"),
    ("pending", sql::PENDING, "tt"),
    ("named user", sql::USER_BY_USERNAME, "tntt"),
    ("user", sql::USER, "tntt"),
    ("client", sql::CLIENT, "tt"),
    ("consent", sql::CONSENT, "t"),
    ("ended", sql::ENDED, "ttnn"),
    ("resource", sql::RESOURCE, "t"),
    ("attempts", sql::ATTEMPTS, "nn"),
    ("from network", sql::WAITING_FROM_NETWORK, "n"),
    ("in all", sql::WAITING_IN_ALL, "n"),
    ("keys", sql::KEYS_REVISION, "n"),
];

impl Remembered {
    fn resources_of(&self, issuer: &Issuer, client: Option<&ClientId>) -> Vec<Value> {
        let issuers = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(hints) = issuers.get(issuer) else { return Vec::new() };
        // Of a client that was not seen yet, those that others ask for.
        client.and_then(|client| hints.of_client.get(client)).unwrap_or(&hints.of_all).clone()
    }

    /// Which resources a load asked for in the end.
    pub(super) fn learn(&self, issuer: &Issuer, client: Option<&ClientId>, memo: &Memo) {
        let asked = memo.asked();
        // Of clients that do not exist anybody may name as many as they like.
        let client = client.filter(|client| {
            let values = vec![issuer.as_str().into(), client.as_str().into()];
            memo.found(&Query { sql: sql::CLIENT, values })
        });
        let mut issuers = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let known = issuers.get(issuer);
        let is_known = |hints: &Hints| match client {
            Some(client) => hints.of_client.get(client) == Some(&asked),
            None => asked.iter().all(|id| hints.of_all.contains(id)),
        };
        if known.is_some_and(is_known) {
            return;
        }
        if issuers.len() >= ISSUERS {
            issuers.clear();
        }
        let hints = issuers.entry(issuer.clone()).or_default();
        if hints.of_client.len() >= CLIENTS {
            hints.of_client.clear();
        }
        for id in &asked {
            if !hints.of_all.contains(id) {
                if hints.of_all.len() >= RESOURCES {
                    hints.of_all.clear();
                }
                hints.of_all.push(id.clone());
            }
        }
        if let Some(client) = client {
            hints.of_client.insert(client.clone(), asked);
        }
    }

    fn text(&self, parts: u32) -> Option<Arc<str>> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = texts.get(&parts) {
            return Some(Arc::clone(text));
        }
        if texts.len() >= TEXTS {
            return None;
        }
        let text: Arc<str> = composed(parts).into();
        texts.insert(parts, Arc::clone(&text));
        Some(text)
    }
}

/// What leads to what, and then one part after the other.
fn composed(parts: u32) -> String {
    let has = |any: u32| parts & any != 0;
    let places = |places: &[(bool, &'static str)]| -> Vec<&'static str> {
        places.iter().filter(|(is_there, _)| *is_there).map(|(_, place)| *place).collect()
    };
    let has_client = has(CLIENT | PENDING);
    let mut whole = Composed::default();
    whole.source(has(CODE), text::CODE, &[text::OF_CODE]);
    whole.source(has(REFRESH_TOKEN), text::REFRESH_TOKEN, &[text::OF_REFRESH_TOKEN, text::OF_SUCCESSOR]);
    whole.source(has(FAMILY), text::FAMILY, &[text::OF_FAMILY]);
    whole.source(has(ACCESS_TOKEN), text::ACCESS_TOKEN, &[text::OF_ACCESS_TOKEN]);
    whole.source(has(PENDING), text::PENDING, &[text::OF_PENDING]);
    whole.source(has(SESSION), text::SESSION, &[text::OF_SESSION]);
    whole.source(has(USERNAME), text::NAMED_USER, &[text::OF_NAMED_USER]);
    let grant = places(&[
        (has(CODE), text::GRANT_OF_CODE),
        (has(REFRESH_TOKEN), text::GRANT_OF_REFRESH_TOKEN),
        (has(FAMILY), text::GRANT_OF_FAMILY),
        (has(ACCESS_TOKEN), text::GRANT_OF_ACCESS_TOKEN),
        (has(GRANT_OF_TOKEN_ID), text::GRANT_OF_TOKEN_ID),
    ]);
    whole.key(text::GRANT_ID, &grant, &[]);
    whole.source(has(HAS_GRANT), text::GRANT, &[text::OF_GRANT, text::OF_GRANT_SESSION]);
    let user = [(has(HAS_GRANT), text::USER_OF_GRANT), (has(SESSION), text::USER_OF_SESSION)];
    whole.key(text::USER_ID, &places(&user), &[text::OF_USER]);
    let client = [(has(CLIENT), text::CLIENT_NAMED), (has(PENDING), text::CLIENT_OF_PENDING)];
    whole.key(text::CLIENT_ID, &places(&client), &[text::OF_CLIENT]);
    let holder = [
        (has(ACCESS_TOKEN), text::HOLDER_OF_ACCESS_TOKEN),
        (has(TOKEN_ID | CODE) && has(HAS_GRANT), text::HOLDER_OF_GRANT),
        (has(HOLDER), text::HOLDER_NAMED),
    ];
    let holder = places(&holder);
    whole.key(text::HOLDER_ID, &holder, &[]);
    whole.parts(!holder.is_empty() && has(ACCESS_TOKEN | TOKEN_ID | HOLDER), &[text::OF_HOLDER]);
    whole.parts(!holder.is_empty() && has(ACCESS_TOKEN | TOKEN_ID | CODE), &[text::OF_ENDED_CLIENT]);
    let token = [(has(ACCESS_TOKEN), text::ID_OF_ACCESS_TOKEN), (has(TOKEN_ID), text::ID_NAMED)];
    whole.key(text::TOKEN_ID, &places(&token), &[text::OF_ENDED_TOKEN]);
    let consenting = [
        (has_client && has(HAS_GRANT), text::USER_OF_GRANT),
        (has_client && has(USERNAME), text::USER_OF_NAME),
        (has_client && has(SESSION), text::USER_OF_SESSION),
    ];
    whole.key(text::CONSENTING, &places(&consenting), &[text::OF_CONSENT]);
    whole.parts(has(RESOURCE), &[text::OF_RESOURCES]);
    whole.parts(has(ATTEMPTS), &[text::OF_ATTEMPTS]);
    whole.parts(has(WAITING), &[text::OF_WAITING_FROM_NETWORK, text::OF_WAITING_IN_ALL]);
    whole.parts(has(KEYS), &[text::OF_KEYS]);
    whole.text()
}

#[derive(Default)]
struct Composed {
    sources: String,
    parts: Vec<text::Part>,
}

impl Composed {
    fn source(&mut self, is_needed: bool, (name, finds): text::Source, parts: &[text::Part]) {
        if is_needed {
            self.named(name, finds);
            self.parts.extend(parts);
        }
    }

    /// A key that stands in one of these places.
    fn key(&mut self, name: &str, places: &[&str], parts: &[text::Part]) {
        if !places.is_empty() {
            let first = ["SELECT COALESCE(", &places.join(", "), ", NULL) AS id"].concat();
            self.named(name, &first);
            self.parts.extend(parts);
        }
    }

    fn parts(&mut self, is_needed: bool, parts: &[text::Part]) {
        if is_needed {
            self.parts.extend(parts);
        }
    }

    fn named(&mut self, name: &str, finds: &str) {
        let before = if self.sources.is_empty() { "WITH" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(self.sources, "{before} {name} AS ({finds})");
    }

    fn text(self) -> String {
        [self.sources, self.parts.join(" UNION ALL ")].join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_that_exist_are_remembered() {
        let (remembered, issuer) = (Remembered::default(), Issuer::new("https://id.example"));
        let load = |client: &str, row: Option<&str>| {
            let mut memo = Memo::default();
            let query = Query { sql: sql::CLIENT, values: vec![issuer.as_str().into(), client.into()] };
            memo.know(query, row.map(|row| vec![row.into()]).into_iter().collect());
            remembered.learn(&issuer, Some(&ClientId::new(client)), &memo);
        };
        load("known", Some("{}"));
        load(&"made up ".repeat(10_000), None);
        let issuers = remembered.resources.lock().unwrap();
        let hints = issuers.get(&issuer).unwrap();
        assert_eq!(hints.of_client.keys().collect::<Vec<_>>(), [&ClientId::new("known")]);
    }
}
