//! Taking back, a part or all, while others use what is taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::ResourceId;
use grantd_protocol::records::{Grant, GrantState, Presence, Revocation};
use grantd_store::Store;
use grantd_tokens::Time;

use crate::databases::{every_database, store};
use crate::races::{AT_ONCE, at_once, begun, count, facts};
use crate::records::{
    access_token, client_id, code, digest, grant, grant_id, issuer, refresh_token, resource_id, scopes, user_id,
};

/// The grant of which all of this is about: nothing was taken back from it.
async fn given(store: &Store) {
    begun(store).await;
    let changes =
        vec![Change::AddGrant(Grant { narrowings: 0, ..grant(7, 0, 0, 50) }), Change::AddCode(code(7, 7, 50))];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
}

fn narrow(resources: Vec<ResourceId>) -> Change {
    Change::NarrowGrant { grant: grant_id(7), narrowings: 0, scopes: scopes("read"), resources, details: Vec::new() }
}

fn used() -> Change {
    Change::UseGrant { grant: grant_id(7), narrowings: 0, at: Time(5) }
}

async fn grant_now(store: &Store) -> Grant {
    let lookup = Lookup { code: Some(digest("code", 7)), ..Lookup::default() };
    facts(store, lookup).await.grant.unwrap()
}

// proves: STORE-02, STORE-03
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_who_take_back_a_part_of_what_they_saw_one_does() {
    for database in every_database() {
        let stores = database.two_stores();
        given(&stores[0]).await;
        let outcomes = at_once(&stores, |number, store| async move {
            store.commit(&issuer(0), vec![narrow(vec![resource_id(number)])]).await
        })
        .await;
        assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, Commit::Stale)), (1, 99));
        let left = grant_now(&stores[1]).await;
        assert_eq!((left.narrowings, left.scopes, left.resources.len()), (1, scopes("read"), 1));
        assert_eq!(left.given, grant(7, 0, 0, 50).given);
    }
}

// proves: STORE-02, STORE-03
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_issued_on_what_a_grant_was_once_it_is_narrower() {
    for database in every_database() {
        let stores = database.two_stores();
        given(&stores[0]).await;
        let began = Arc::new(AtomicBool::new(false));
        let outcomes = at_once(&stores, |number, store| {
            let began = began.clone();
            async move {
                if number == AT_ONCE / 2 {
                    let narrowed = store.commit(&issuer(0), vec![narrow(Vec::new())]).await;
                    began.store(true, Ordering::SeqCst);
                    return (narrowed, false);
                }
                let late = began.load(Ordering::SeqCst);
                let issued = Change::AddAccessToken(access_token(100 + number, Some(7), 50));
                (store.commit(&issuer(0), vec![used(), issued]).await, late)
            }
        })
        .await;
        assert!(outcomes.iter().all(|(outcome, late)| !late || *outcome == Ok(Commit::Stale)));
        for store in &stores {
            assert_eq!(grant_now(store).await.narrowings, 1);
            assert_eq!(store.commit(&issuer(0), vec![used()]).await, Ok(Commit::Stale));
            let on_what_is_left = Change::UseGrant { grant: grant_id(7), narrowings: 1, at: Time(6) };
            assert_eq!(store.commit(&issuer(0), vec![on_what_is_left]).await, Ok(Commit::Done));
        }
    }
}

// proves: STORE-02
#[tokio::test]
async fn in_one_commit_too_nothing_is_added_to_a_grant_that_ended_since_it_was_used_or_is_another() {
    let store = store();
    given(&store).await;
    let revoke = |number| {
        let because = Revocation::GivenBack;
        Change::RevokeGrant { grant: grant_id(number), at: Time(6), because }
    };
    let (user, because) = (user_id(0), Revocation::EndedByUser);
    let everything = Change::EndAccess { user, client: None, at: Time(6), because };
    let add = |of| Change::AddRefreshToken(refresh_token(100, of));
    for changes in [
        vec![used(), revoke(7), add(7)],
        vec![used(), everything, add(7)],
        vec![revoke(1), used(), add(1)],
        vec![revoke(1), used(), Change::AddAccessToken(access_token(100, Some(1), 50))],
    ] {
        assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Stale));
    }
    assert_eq!(store.commit(&issuer(0), vec![used(), add(7)]).await, Ok(Commit::Done));
}

// proves: STORE-02, STORE-06
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_before_access_is_ended_is_ended_and_nothing_is_issued_under_it() {
    for database in every_database() {
        let stores = database.two_stores();
        given(&stores[0]).await;
        let ending = Arc::new(AtomicBool::new(false));
        let given_before = at_once(&stores, |number, store| {
            let ending = ending.clone();
            async move {
                if number == AT_ONCE / 2 {
                    ending.store(true, Ordering::SeqCst);
                    let (user, client, because) = (user_id(0), Some(client_id(0)), Revocation::EndedByUser);
                    let end = Change::EndAccess { user, client, at: Time(9), because };
                    assert_eq!(store.commit(&issuer(0), vec![end]).await, Ok(Commit::Done));
                    let after = vec![used(), Change::AddRefreshToken(refresh_token(100, 7))];
                    assert_eq!(store.commit(&issuer(0), after).await, Ok(Commit::Stale));
                    return None;
                }
                let new = Grant { presence: Presence::Offline, ..grant(100 + number, 0, 0, 50) };
                let changes = vec![Change::AddGrant(new), Change::AddCode(code(100 + number, 100 + number, 50))];
                assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
                (!ending.load(Ordering::SeqCst)).then_some(number)
            }
        })
        .await;
        let ended = GrantState::Revoked { at: Time(9), because: Revocation::EndedByUser };
        assert_eq!(grant_now(&stores[1]).await.state, ended);
        for number in given_before.into_iter().flatten() {
            let lookup = Lookup { code: Some(digest("code", 100 + number)), ..Lookup::default() };
            assert_eq!(facts(&stores[1], lookup).await.grant.unwrap().state, ended);
        }
    }
}
