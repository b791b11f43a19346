//! Lookup → facts, and the lists of the operator: what is read, in which order, in one read transaction.
//!
//! Owns which record leads to which. A driver gives it a [`Reading`]; it sees one moment of the database. Start at [`load`].

use std::cmp::Reverse;
use std::collections::BTreeSet;

use grantd_protocol::facts::{Facts, HOLDINGS_SHOWN, Holdings, Lookup, WAITING_COUNTED_TO, Waiting};
use grantd_protocol::names::{AccessTokenId, ClientId, GrantId, Issuer, ResourceId, Scopes, UserId, Username};
use grantd_protocol::records::{
    Attempts, Client, Code, Consent, Ended, EndedThing, Grant, OpaqueAccessToken, PendingRequest, RefreshToken,
    Resource, Session, Spending, User,
};
use grantd_tokens::{Digest, Time};

use crate::EndedSince;
use crate::driver::Reading;
use crate::fault::StoreFault;
use crate::keys::{KeysRevision, RemovedKey, StoredKeys};
use crate::rows::{self, Row, Value};
use crate::statements as sql;

/// What is known about the things a lookup names. Agrees with `State::load` of the protocol, fact by fact.
pub(crate) fn load(reading: &dyn Reading, issuer: &Issuer, lookup: &Lookup) -> Result<Facts, StoreFault> {
    let records = Reader { reading, issuer };
    let code = records.one(rows::CODES, sql::CODE, lookup.code, rows::code)?;
    let refresh_token =
        records.one(rows::REFRESH_TOKENS, sql::REFRESH_TOKEN, lookup.refresh_token, rows::refresh_token)?;
    let access_token = records.one(rows::ACCESS_TOKENS, sql::ACCESS_TOKEN, lookup.access_token, rows::access_token)?;
    let grant = records.grant_of(lookup, code.as_ref(), refresh_token.as_ref(), access_token.as_ref())?;
    let holder = holder_of(lookup, access_token.as_ref(), grant.as_ref());
    let whose = holder.as_ref().or(grant.as_ref().map(|grant| &grant.client));
    let session = records.one(rows::SESSIONS, sql::SESSION, lookup.session, rows::session)?;
    let pending = records.one(rows::PENDING_REQUESTS, sql::PENDING, lookup.pending, rows::pending)?;
    let client = records.client_of(lookup, pending.as_ref())?;
    let resources = client.as_ref().map(|client| records.resources_of(client)).transpose()?.unwrap_or_default();
    let user = records.user_of(grant.as_ref(), lookup.username.as_ref(), session.as_ref())?;
    let consent = match (&user, &client) {
        (Some(user), Some(client)) => {
            let values = vec![issuer.as_str().into(), user.id.as_str().into(), client.id.as_str().into()];
            records.row(rows::CONSENTS, sql::CONSENT, &values)?.map(rows::consent).transpose()?
        }
        _ => None,
    };
    let grant_session = grant.as_ref().map(|grant| grant.session);
    let successor = refresh_token.as_ref().and_then(successor_of);
    let holdings = session.as_ref().filter(|_| lookup.holdings).map(|session| records.holdings(&session.user));
    Ok(Facts {
        successor: records.one(rows::REFRESH_TOKENS, sql::REFRESH_TOKEN, successor, rows::refresh_token)?,
        ended: records.ended_of(lookup, access_token.as_ref(), whose)?,
        holder: records.one(rows::CLIENTS, sql::CLIENT, holder.as_ref().map(ClientId::as_str), rows::client)?,
        holdings: holdings.transpose()?.unwrap_or_default(),
        grant_session: records.one(rows::SESSIONS, sql::SESSION, grant_session, rows::session)?,
        scopes_elsewhere: records.scopes_elsewhere(lookup, client.as_ref(), &resources)?,
        attempts: records.attempts(lookup)?,
        waiting: records.waiting(lookup)?,
        client,
        resources,
        code,
        refresh_token,
        access_token,
        grant,
        session,
        user,
        pending,
        consent,
    })
}

/// Whether more is read for a lookup than a few rows by their keys.
pub(crate) fn is_long(lookup: &Lookup) -> bool {
    lookup.holdings
}

pub(crate) fn client(reading: &dyn Reading, issuer: &Issuer, id: &ClientId) -> Result<Option<Client>, StoreFault> {
    Reader { reading, issuer }.one(rows::CLIENTS, sql::CLIENT, Some(id.as_str()), rows::client)
}

pub(crate) fn resource(
    reading: &dyn Reading,
    issuer: &Issuer,
    id: &ResourceId,
) -> Result<Option<Resource>, StoreFault> {
    Reader { reading, issuer }.one(rows::RESOURCES, sql::RESOURCE, Some(id.as_str()), rows::resource)
}

pub(crate) fn user(reading: &dyn Reading, issuer: &Issuer, id: &UserId) -> Result<Option<User>, StoreFault> {
    Reader { reading, issuer }.one(rows::USERS, sql::USER, Some(id.as_str()), rows::user)
}

pub(crate) fn user_by_username(
    reading: &dyn Reading,
    issuer: &Issuer,
    username: &Username,
) -> Result<Option<User>, StoreFault> {
    Reader { reading, issuer }.one(rows::USERS, sql::USER_BY_USERNAME, Some(username.as_str()), rows::user)
}

pub(crate) fn signing_keys(reading: &dyn Reading, issuer: &Issuer) -> Result<StoredKeys, StoreFault> {
    let rows = reading.rows(rows::SIGNING_KEYS, sql::SIGNING_KEYS, &[issuer.as_str().into()])?;
    let keys = rows.into_iter().map(rows::signing_key).collect::<Result<_, _>>()?;
    Ok(StoredKeys { revision: keys_revision(reading, issuer)?, keys })
}

pub(crate) fn removed_keys(reading: &dyn Reading, issuer: &Issuer, since: Time) -> Result<Vec<RemovedKey>, StoreFault> {
    let rows = reading.rows(rows::SIGNING_KEYS, sql::REMOVED_KEYS, &[issuer.as_str().into(), since.into()])?;
    rows.into_iter().map(rows::removed_key).collect()
}

/// Nobody has changed the keys of an issuer without a revision.
pub(crate) fn keys_revision(reading: &dyn Reading, issuer: &Issuer) -> Result<KeysRevision, StoreFault> {
    let rows = reading.rows(rows::KEY_REVISIONS, sql::KEYS_REVISION, &[issuer.as_str().into()])?;
    Ok(rows.into_iter().next().map(rows::keys_revision).transpose()?.unwrap_or_default())
}

/// A page of a list: what comes after a key, in the order of the keys. No key is empty, so the empty one comes before all.
pub(crate) struct Page<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) after: Option<&'a str>,
    pub(crate) limit: u32,
}

impl Page<'_> {
    pub(crate) fn of_clients(&self, reading: &dyn Reading) -> Result<Vec<Client>, StoreFault> {
        self.records(reading, rows::CLIENTS, sql::CLIENTS, rows::client)
    }

    pub(crate) fn of_resources(&self, reading: &dyn Reading) -> Result<Vec<Resource>, StoreFault> {
        self.records(reading, rows::RESOURCES, sql::RESOURCES, rows::resource)
    }

    pub(crate) fn of_users(&self, reading: &dyn Reading) -> Result<Vec<User>, StoreFault> {
        self.records(reading, rows::USERS, sql::USERS, rows::user)
    }

    fn records<T>(
        &self,
        reading: &dyn Reading,
        table: &'static str,
        sql: &'static str,
        read: fn(Row) -> Result<T, StoreFault>,
    ) -> Result<Vec<T>, StoreFault> {
        let values = [self.issuer.as_str().into(), self.after.unwrap_or_default().into(), self.limit.into()];
        reading.rows(table, sql, &values)?.into_iter().map(read).collect()
    }
}

const RESOURCES_AT_ONCE: u32 = 100;

/// Grants that were taken back, and other things that ended, at or after a moment.
pub(crate) fn ended_since(reading: &dyn Reading, issuer: &Issuer, since: Time) -> Result<EndedSince, StoreFault> {
    let values = [issuer.as_str().into(), since.into()];
    let grants = reading.rows(rows::GRANTS, sql::GRANTS_REVOKED_SINCE, &values)?;
    let ended = reading.rows(rows::ENDED, sql::ENDED_SINCE, &values)?;
    Ok(EndedSince {
        grants: grants.into_iter().map(rows::grant_id).collect::<Result<_, _>>()?,
        ended: ended.into_iter().map(rows::ended).collect::<Result<_, _>>()?,
        removed_keys: removed_keys(reading, issuer, since)?,
        keys: keys_revision(reading, issuer)?,
    })
}

/// Read only if the token was spent: on its first use there is none.
fn successor_of(token: &RefreshToken) -> Option<Digest> {
    match token.spending {
        Spending::Spent { successor, .. } => Some(successor),
        Spending::Unspent | Spending::Superseded { .. } => None,
    }
}

/// Whose an access token is, if the lookup is about one: its own word, its grant's, or what the caller read in it.
fn holder_of(lookup: &Lookup, access_token: Option<&OpaqueAccessToken>, grant: Option<&Grant>) -> Option<ClientId> {
    let opaque = access_token.map(|token| ClientId::new(token.claims.client_id.clone()));
    let signed = || lookup.access_token_id.as_ref().and(grant).map(|grant| grant.client.clone());
    opaque.or_else(signed).or_else(|| lookup.holder.clone())
}

struct Reader<'a> {
    reading: &'a dyn Reading,
    issuer: &'a Issuer,
}

impl Reader<'_> {
    /// The record under a key, if there is a key, and a record.
    fn one<K: Into<Value>, T>(
        &self,
        table: &'static str,
        sql: &'static str,
        key: Option<K>,
        read: fn(Row) -> Result<T, StoreFault>,
    ) -> Result<Option<T>, StoreFault> {
        let Some(key) = key else { return Ok(None) };
        self.row(table, sql, &[self.issuer.as_str().into(), key.into()])?.map(read).transpose()
    }

    fn row(&self, table: &'static str, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreFault> {
        Ok(self.reading.rows(table, sql, values)?.into_iter().next())
    }

    /// By its code, else by a refresh token or the family of one, else by an access token.
    fn grant_of(
        &self,
        lookup: &Lookup,
        code: Option<&Code>,
        refresh_token: Option<&RefreshToken>,
        access_token: Option<&OpaqueAccessToken>,
    ) -> Result<Option<Grant>, StoreFault> {
        let named = code.map(|code| &code.grant).or(refresh_token.map(|token| &token.grant)).cloned();
        let id = match named {
            Some(id) => Some(id),
            None => self.one(rows::REFRESH_TOKENS, sql::GRANT_OF_FAMILY, lookup.family, rows::grant_id)?,
        };
        let id = id
            .or_else(|| access_token.and_then(|token| token.grant.clone()))
            .or_else(|| lookup.access_token_id.as_ref().and_then(AccessTokenId::grant));
        self.one(rows::GRANTS, sql::GRANT, id.as_ref().map(GrantId::as_str), rows::grant)
    }

    fn ended_of(
        &self,
        lookup: &Lookup,
        access_token: Option<&OpaqueAccessToken>,
        whose: Option<&ClientId>,
    ) -> Result<Option<Vec<Ended>>, StoreFault> {
        if !lookup.asks_what_ended() {
            return Ok(None);
        }
        let opaque = access_token.map(|token| AccessTokenId::new(token.claims.jti.clone()));
        let token = opaque.or_else(|| lookup.access_token_id.clone()).map(EndedThing::AccessToken);
        let client = whose.cloned().map(EndedThing::Client);
        let mut found = Vec::new();
        for thing in token.into_iter().chain(client) {
            let [kind, id] = rows::kind_and_id(&thing);
            let row = self.row(rows::ENDED, sql::ENDED, &[self.issuer.as_str().into(), kind, id])?;
            found.extend(row.map(rows::ended).transpose()?);
        }
        Ok(Some(found))
    }

    fn holdings(&self, user: &UserId) -> Result<Holdings, StoreFault> {
        let shown = u32::try_from(HOLDINGS_SHOWN).unwrap_or(u32::MAX);
        let of_user = [self.issuer.as_str().into(), user.as_str().into(), shown.into()];
        let grants = self.reading.rows(rows::GRANTS, sql::GRANTS_HELD, &of_user)?;
        let mut grants: Vec<Grant> = grants.into_iter().map(rows::grant).collect::<Result<_, _>>()?;
        let sessions = self.reading.rows(rows::SESSIONS, sql::SESSIONS_HELD, &of_user)?;
        let mut sessions: Vec<Session> = sessions.into_iter().map(rows::session).collect::<Result<_, _>>()?;
        // An older row does not have its time in the column, and a digest in base64url has another order than its bytes.
        grants.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        sessions.sort_by_key(|session| Reverse((session.authenticated_at, session.id)));
        let consents = self.reading.rows(rows::CONSENTS, sql::CONSENTS_HELD, &of_user)?;
        let consents: Vec<Consent> = consents.into_iter().map(rows::consent).collect::<Result<_, _>>()?;
        let clients: BTreeSet<&ClientId> =
            grants.iter().map(|grant| &grant.client).chain(consents.iter().map(|consent| &consent.client)).collect();
        let resources: BTreeSet<&ResourceId> = grants.iter().flat_map(|grant| &grant.resources).collect();
        let mut held = Holdings::default();
        for id in clients {
            held.clients.extend(client(self.reading, self.issuer, id)?);
        }
        for id in resources {
            held.resources.extend(resource(self.reading, self.issuer, id)?);
        }
        Ok(Holdings { grants, consents, sessions, ..held })
    }

    fn client_of(&self, lookup: &Lookup, pending: Option<&PendingRequest>) -> Result<Option<Client>, StoreFault> {
        let id = lookup.client.as_ref().or(pending.map(|pending| &pending.client));
        self.one(rows::CLIENTS, sql::CLIENT, id.map(ClientId::as_str), rows::client)
    }

    fn resources_of(&self, client: &Client) -> Result<Vec<Resource>, StoreFault> {
        let mut resources = Vec::with_capacity(client.resources.len());
        for id in &client.resources {
            resources.extend(self.one(rows::RESOURCES, sql::RESOURCE, Some(id.as_str()), rows::resource)?);
        }
        Ok(resources)
    }

    /// Looks through all resources only for a scope that the client's own do not define: a slip, or another profile's scope.
    fn scopes_elsewhere(
        &self,
        lookup: &Lookup,
        client: Option<&Client>,
        own: &[Resource],
    ) -> Result<Scopes, StoreFault> {
        let unknown = lookup.scopes.filtered(|scope| !own.iter().any(|resource| resource.defines(scope)));
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        while client.is_some() && !unknown.is_empty() {
            let page = Page { issuer: self.issuer, after: after.as_deref(), limit: RESOURCES_AT_ONCE };
            let resources = page.of_resources(self.reading)?;
            found.extend(
                resources.iter().flat_map(|resource| resource.scopes.iter().map(|declared| declared.name.clone())),
            );
            match resources.last() {
                Some(last) => after = Some(last.id.as_str().to_owned()),
                None => break,
            }
        }
        Ok(unknown.filtered(|scope| found.contains(scope)))
    }

    /// The user of the grant; without a grant, the one named; without a name, the one of the session.
    fn user_of(
        &self,
        grant: Option<&Grant>,
        username: Option<&Username>,
        session: Option<&Session>,
    ) -> Result<Option<User>, StoreFault> {
        match (grant, username) {
            (Some(grant), _) => self.one(rows::USERS, sql::USER, Some(grant.user.as_str()), rows::user),
            (None, Some(username)) => self.one(rows::USERS, sql::USER_BY_USERNAME, Some(username.as_str()), rows::user),
            (None, None) => self.one(rows::USERS, sql::USER, session.map(|session| session.user.as_str()), rows::user),
        }
    }

    fn attempts(&self, lookup: &Lookup) -> Result<Vec<Attempts>, StoreFault> {
        let mut found = Vec::new();
        for key in &lookup.attempts {
            let values = [self.issuer.as_str().into(), rows::attempt_key(key)?];
            let row = self.row(rows::ATTEMPTS, sql::ATTEMPTS, &values)?;
            found.extend(row.map(|row| rows::attempts(key, row)).transpose()?);
        }
        Ok(found)
    }

    fn waiting(&self, lookup: &Lookup) -> Result<Waiting, StoreFault> {
        let Some(network) = &lookup.waiting else { return Ok(Waiting::default()) };
        let issuer = || Value::from(self.issuer.as_str());
        Ok(Waiting {
            from_network: self.counted(sql::WAITING_FROM_NETWORK, &[issuer(), network.as_str().into()])?,
            in_all: self.counted(sql::WAITING_IN_ALL, &[issuer()])?,
        })
    }

    fn counted(&self, sql: &'static str, values: &[Value]) -> Result<u32, StoreFault> {
        let row = self.row(rows::PENDING_REQUESTS, sql, values)?;
        Ok(row.map(|mut row| row.integer()).transpose()?.unwrap_or_default())
    }
}

/// As the statements say it.
const _: () = assert!(WAITING_COUNTED_TO.from_network == 1_000 && WAITING_COUNTED_TO.in_all == 50_000);
