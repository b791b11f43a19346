//! What a request costs in round trips to a server.

use grantd_postgres_fixture::{Isolation, Server};
use grantd_protocol::changes::Commit;
use grantd_protocol::facts::Lookup;
use grantd_store::{Location, PostgresServer, Store};

use crate::acts::{beginning, every_lookup};
use crate::records::{client_id, digest, issuer, username};

fn store() -> Store {
    let schema = Server::shared().schema(Isolation::ReadCommitted);
    Store::open(&Location::Postgres(PostgresServer::parse(&schema.url()).unwrap())).unwrap()
}

#[tokio::test]
async fn all_that_a_request_names_is_read_in_one_round_trip() {
    let store = store();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    // Which resources a client may ask for is seen at its first request.
    for number in 0..3 {
        let lookup = Lookup { client: Some(client_id(number)), ..Lookup::default() };
        store.load(&issuer(0), &lookup).await.unwrap();
    }
    for lookup in every_lookup() {
        // A page of what somebody holds, and a search for a scope that is nobody's here, take a few more.
        if lookup.holdings || !lookup.scopes.is_empty() {
            continue;
        }
        let before = store.round_trips();
        store.load_with_keys_revision(&issuer(0), &lookup).await.unwrap();
        assert_eq!(store.round_trips() - before, 1, "{lookup:?}");
    }
}

#[tokio::test]
async fn a_hint_that_is_too_old_costs_a_round_trip_and_decides_nothing() {
    let store = store();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    let lookup = Lookup { client: Some(client_id(0)), code: Some(digest("code", 0)), ..Lookup::default() };
    let before = store.load(&issuer(0), &lookup).await.unwrap();
    let mut client = before.client.clone().unwrap();
    client.resources.reverse();
    client.resources.truncate(1);
    client.resources.push(crate::records::resource_id(0));
    client.resources.dedup();
    let changed = vec![
        grantd_protocol::changes::Change::RemoveResource { resource: crate::records::resource_id(1) },
        grantd_protocol::changes::Change::PutClient(client.clone()),
    ];
    assert_eq!(store.commit(&issuer(0), changed).await, Ok(Commit::Done));
    let after = store.load(&issuer(0), &lookup).await.unwrap();
    assert_eq!(after.client, Some(client));
    assert_eq!(after.resources, vec![crate::records::resource(0, 0)]);
    assert_eq!((after.code, after.grant), (before.code, before.grant));
}

/// `\0` can come in a request, and PostgreSQL has no text that holds it.
#[tokio::test]
async fn a_name_that_no_text_can_hold_finds_nothing() {
    let store = store();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    let impossible = grantd_protocol::names::ClientId::new("client\0");
    let lookup = Lookup { client: Some(impossible.clone()), username: Some(username(0)), ..Lookup::default() };
    let facts = store.load(&issuer(0), &lookup).await.unwrap();
    assert_eq!(facts.client, None);
    assert!(facts.user.is_some());
    assert_eq!(store.client(&issuer(0), &impossible).await, Ok(None));
    let client = grantd_protocol::records::Client { id: impossible, ..crate::records::client(0, 0) };
    let put = vec![grantd_protocol::changes::Change::PutClient(client)];
    assert_eq!(store.commit(&issuer(0), put).await, Err(grantd_store::StoreFault::Unwritable));
}
