//! Lists, page by page, and single records.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{Client, Grant, Session, SessionState, Status};
use grantd_protocol::refusals::Refusal;
use grantd_tokens::Time;

use crate::databases::store;
use crate::records::{
    client, client_id, digest, grant, issuer, resource, resource_id, session, user, user_id, username,
};

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let store = store();
    for number in 0..7 {
        let changes = vec![
            Change::PutClient(client(number, 0)),
            Change::PutResource(resource(number, 0)),
            // Usernames in another order than ids: the list goes by name.
            Change::AddUser { user: user(number, 9 - number, 0), or: Refusal::NameTaken },
        ];
        assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    }
    let (mut clients, mut resources, mut users) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let after = clients.last().map(|client: &grantd_protocol::records::Client| client.id.clone());
        clients.extend(store.clients(&issuer(0), after, 3).await.unwrap());
        let after = resources.last().map(|resource: &grantd_protocol::records::Resource| resource.id.clone());
        resources.extend(store.resources(&issuer(0), after, 3).await.unwrap());
        let after = users.last().map(|user: &grantd_protocol::records::User| user.username.clone());
        users.extend(store.users(&issuer(0), after, 3).await.unwrap());
    }
    assert_eq!(clients, (0..7).map(|number| client(number, 0)).collect::<Vec<_>>());
    assert_eq!(resources, (0..7).map(|number| resource(number, 0)).collect::<Vec<_>>());
    assert_eq!(users, (0..7).rev().map(|number| user(number, 9 - number, 0)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_single_record_is_found_by_its_key_alone() {
    let store = store();
    let changes = vec![
        Change::PutClient(client(0, 1)),
        Change::PutResource(resource(0, 1)),
        Change::AddUser { user: user(0, 1, 1), or: Refusal::NameTaken },
    ];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    assert_eq!(store.client(&issuer(0), &client_id(0)).await.unwrap(), Some(client(0, 1)));
    assert_eq!(store.client(&issuer(0), &client_id(1)).await.unwrap(), None);
    assert_eq!(store.resource(&issuer(0), &resource_id(0)).await.unwrap(), Some(resource(0, 1)));
    assert_eq!(store.resource(&issuer(1), &resource_id(0)).await.unwrap(), None);
    assert_eq!(store.user(&issuer(0), &user_id(0)).await.unwrap(), Some(user(0, 1, 1)));
    assert_eq!(store.user(&issuer(0), &user_id(1)).await.unwrap(), None);
    assert_eq!(store.user_by_username(&issuer(0), &username(1)).await.unwrap(), Some(user(0, 1, 1)));
    assert_eq!(store.user_by_username(&issuer(0), &username(0)).await.unwrap(), None);
}

// proves: INV-03
#[tokio::test]
async fn who_replaces_a_client_does_not_switch_it_on_again() {
    let store = store();
    let on = |number, variant| Client { status: Status::Active, ..client(number, variant) };
    let off = Change::SetClientStatus { client: client_id(0), status: Status::Disabled, at: Time(1) };
    let changes = vec![Change::PutClient(on(0, 1)), off, Change::PutClient(on(0, 2))];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    let held = store.client(&issuer(0), &client_id(0)).await.unwrap();
    assert_eq!(held, Some(Client { status: Status::Disabled, ..client(0, 2) }));
}

#[tokio::test]
async fn of_what_a_user_gave_the_newest_two_hundred_are_shown() {
    let store = store();
    let added = Change::AddUser { user: user(0, 0, 0), or: Refusal::NameTaken };
    assert_eq!(store.commit(&issuer(0), vec![added]).await, Ok(Commit::Done));
    for number in 0..205 {
        let at = Time(i64::try_from(number).unwrap());
        let session = Session { authenticated_at: at, state: SessionState::Live, ..session(number, 0, 1000) };
        let given = Grant { created_at: at, user: user_id(0), ..grant(number, number, 0, 1000) };
        let changes = vec![Change::AddSession { session, credentials_generation: 0 }, Change::AddGrant(given)];
        assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    }
    let lookup = Lookup { session: Some(digest("session", 0)), holdings: true, ..Lookup::default() };
    let held = store.load(&issuer(0), &lookup).await.unwrap().holdings;
    let newest: Vec<Time> = (5..205).rev().map(Time).collect();
    assert_eq!(held.grants.iter().map(|grant| grant.created_at).collect::<Vec<_>>(), newest);
    assert_eq!(held.sessions.iter().map(|session| session.authenticated_at).collect::<Vec<_>>(), newest);
}
