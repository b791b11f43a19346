//! Lists, page by page, and single records.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Location, Store};

use crate::records::{client, client_id, issuer, resource, resource_id, user, user_id, username};

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let store = Store::open(&Location::Memory).unwrap();
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
    let store = Store::open(&Location::Memory).unwrap();
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
