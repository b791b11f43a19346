//! Kinds of artifacts, and issuers, kept apart.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::names::Issuer;
use grantd_protocol::records::{
    Client, Code, OpaqueAccessToken, PendingRequest, RefreshToken, Resource, Revocation, Session, Status,
};
use grantd_protocol::state::State;
use grantd_store::{Location, Store};
use grantd_tokens::{Digest, Time};

use crate::acts::{beginning, every_lookup};
use crate::databases::store;
use crate::records::{
    access_token, client_id, code, digest, grant, grant_id, issued, issuer, password, pending, refresh_token,
    resource_id, scopes, session, user_id,
};

async fn begun() -> Store {
    let store = store();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    store
}

/// Every kind that is found by a hash.
fn of_every_kind(hash: Digest) -> [(Lookup, Change); 5] {
    let session = Session { id: hash, ..session(9, 0, 40) };
    [
        (Lookup { code: Some(hash), ..Lookup::default() }, Change::AddCode(Code { hash, ..code(9, 0, 40) })),
        (
            Lookup { refresh_token: Some(hash), ..Lookup::default() },
            Change::AddRefreshToken(RefreshToken { hash, ..refresh_token(9, 0) }),
        ),
        (
            Lookup { pending: Some(hash), ..Lookup::default() },
            Change::AddPending(PendingRequest { handle: hash, ..pending(9, 0, 40) }),
        ),
        (
            Lookup { session: Some(hash), ..Lookup::default() },
            Change::AddSession { session, credentials_generation: 0 },
        ),
        (
            Lookup { access_token: Some(hash), ..Lookup::default() },
            Change::AddAccessToken(OpaqueAccessToken { hash, ..access_token(9, Some(0), 40) }),
        ),
    ]
}

/// What is known where nothing is.
fn nothing(lookup: &Lookup) -> Facts {
    State::default().load(&issuer(9), lookup)
}

/// Every change that consumes or deletes something found by a hash.
fn that_consume(hash: Digest) -> Vec<Change> {
    vec![
        Change::RedeemCode { code: hash, at: Time(5) },
        Change::CountWrongVerifier { code: hash },
        Change::SpendRefreshToken { token: hash, successor: digest("next", 0), at: Time(5) },
        Change::ReplaceSuccessor {
            predecessor: hash,
            unused: digest("unused", 0),
            replacement: digest("next", 0),
            at: Time(5),
        },
        Change::ReplaceSuccessor {
            predecessor: digest("spent", 0),
            unused: hash,
            replacement: digest("next", 0),
            at: Time(5),
        },
        Change::CompletePending { pending: hash },
        Change::EndSession { session: hash, at: Time(5) },
        Change::TouchSession { session: hash, at: Time(5) },
    ]
}

// proves: INV-04
#[tokio::test]
async fn a_value_of_one_kind_never_resolves_consumes_or_deletes_another() {
    for (which, (own, add)) in of_every_kind(digest("same", 0)).into_iter().enumerate() {
        let store = begun().await;
        assert_eq!(store.commit(&issuer(0), vec![add]).await, Ok(Commit::Done));
        let before = store.load(&issuer(0), &own).await.unwrap();
        assert_ne!(before, nothing(&own));
        for (other, _) in of_every_kind(digest("same", 0)).into_iter().filter(|(other, _)| *other != own) {
            assert_eq!(store.load(&issuer(0), &other).await.unwrap(), nothing(&other));
        }
        let about_it = |change: &Change| match change {
            Change::RedeemCode { .. } | Change::CountWrongVerifier { .. } => which == 0,
            Change::SpendRefreshToken { .. } | Change::ReplaceSuccessor { .. } => which == 1,
            Change::CompletePending { .. } => which == 2,
            Change::EndSession { .. } | Change::TouchSession { .. } => which == 3,
            _ => which == 4,
        };
        for change in that_consume(digest("same", 0)).into_iter().filter(|change| !about_it(change)) {
            store.commit(&issuer(0), vec![change]).await.unwrap();
            assert_eq!(store.load(&issuer(0), &own).await.unwrap(), before);
        }
    }
}

// proves: INV-08
#[tokio::test]
async fn nothing_of_one_issuer_is_known_used_or_changed_by_another() {
    let store = begun().await;
    let (own, other) = (issuer(0), issuer(1));
    let mut before = Vec::new();
    for lookup in every_lookup() {
        before.push(store.load(&own, &lookup).await.unwrap());
        assert_eq!(store.load(&other, &lookup).await.unwrap(), nothing(&lookup), "{lookup:?}");
    }
    // What is needed of the other issuer's for a guard is not there: sessions, users, grants, codes, tokens.
    for change in [
        Change::AddGrant(grant(2, 0, 0, 50)),
        Change::AddCode(code(2, 0, 50)),
        Change::AddRefreshToken(refresh_token(2, 0)),
        Change::AddAccessToken(access_token(2, Some(0), 40)),
        Change::UseGrant { grant: grant_id(0), narrowings: u32::MAX, at: Time(5) },
        Change::NarrowGrant {
            grant: grant_id(0),
            narrowings: u32::MAX,
            scopes: scopes("read"),
            resources: Vec::new(),
            details: Vec::new(),
        },
        Change::AddSession { session: session(2, 0, 40), credentials_generation: 0 },
        Change::RedeemCode { code: digest("code", 0), at: Time(5) },
    ] {
        assert_eq!(store.commit(&other, vec![change]).await, Ok(Commit::Stale));
    }
    // And what is never stale changes nothing over there.
    for change in everything_that_takes_away() {
        store.commit(&other, vec![change]).await.unwrap();
    }
    store.sweep(&other, Time(1_000_000)).await.unwrap();
    for (lookup, before) in every_lookup().into_iter().zip(before) {
        assert_eq!(store.load(&own, &lookup).await.unwrap(), before, "{lookup:?}");
    }
    assert_eq!(names_of(&store, &other).await, (Vec::new(), Vec::new(), 0));
}

fn everything_that_takes_away() -> Vec<Change> {
    let because = Revocation::EndedByUser;
    let mut changes = that_consume(digest("session", 0));
    changes.extend(that_consume(digest("pending", 0)));
    changes.extend([
        Change::RevokeGrant { grant: grant_id(0), at: Time(5), because: Revocation::CodeReplayed },
        Change::EndAccess { user: user_id(0), client: None, at: Time(5), because },
        Change::EndAccess { user: user_id(0), client: Some(client_id(0)), at: Time(5), because },
        Change::EndOtherSessions { user: user_id(0), keep: digest("session", 9), at: Time(5) },
        Change::ForgetConsent { user: user_id(0), client: client_id(0) },
        Change::EndAccessToken { token: issued(0), at: Time(5) },
        Change::SetClientStatus { client: client_id(0), status: Status::Disabled, at: Time(5) },
        Change::RemoveClient { client: client_id(0), at: Time(5) },
        Change::RemoveResource { resource: resource_id(0) },
        Change::SetPassword { user: user_id(0), password: password(1), at: Time(5) },
        Change::RemoveUser { user: user_id(0), at: Time(5) },
    ]);
    changes
}

async fn names_of(store: &Store, issuer: &Issuer) -> (Vec<Client>, Vec<Resource>, usize) {
    (
        store.clients(issuer, None, 100).await.unwrap(),
        store.resources(issuer, None, 100).await.unwrap(),
        store.users(issuer, None, 100).await.unwrap().len(),
    )
}

// proves: INV-08
#[test]
fn every_primary_key_begins_with_the_issuer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    // The tables are the same on every database: there is one text of them.
    drop(Store::open(&Location::File(path.clone())).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(tables.len() >= 13, "{tables:?}");
    // Holds nothing of any issuer: numbers of transactions, by the connection that wrote them.
    for table in tables.into_iter().filter(|table| table != "writers") {
        let first: String = connection
            .query_row("SELECT name FROM pragma_table_info(?1) WHERE pk = 1", [&table], |row| row.get(0))
            .unwrap();
        assert_eq!(first, "issuer", "{table}");
    }
}
