//! Many at once, on real threads: one wins.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::{Facts, Lookup};
use grantd_protocol::records::{AttemptKey, GrantState, Redemption};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Store, StoreFault};
use grantd_tokens::{Seconds, Time};
use tokio::task::JoinSet;

use crate::acts::beginning;
use crate::databases::every_database;
use crate::records::{attempt_key, code, digest, grant_id, issuer, network, password, refresh_token, user, user_id};
use crate::town::Town;

pub(crate) const AT_ONCE: u64 = 100;

/// All the outcomes of `AT_ONCE` tasks that begin together, each on one of the stores by turns.
pub(crate) async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    stores: &[Store],
    task: impl Fn(u64, Store) -> F,
) -> Vec<T> {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(usize::try_from(AT_ONCE).unwrap()));
    let mut tasks = JoinSet::new();
    for (number, store) in (0..AT_ONCE).zip(stores.iter().cycle()) {
        let (barrier, task) = (barrier.clone(), task(number, store.clone()));
        tasks.spawn(async move {
            barrier.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

pub(crate) async fn begun(store: &Store) {
    for change in beginning() {
        store.commit(&issuer(0), vec![change]).await.unwrap();
    }
}

pub(crate) async fn facts(store: &Store, lookup: Lookup) -> Facts {
    store.load(&issuer(0), &lookup).await.unwrap()
}

pub(crate) fn count(outcomes: &[Result<Commit, StoreFault>], expected: Commit) -> usize {
    outcomes.iter().filter(|outcome| **outcome == Ok(expected)).count()
}

// proves: CODE-03, STORE-02, STORE-03
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_redemptions_of_one_code_at_two_servers_one_is_answered() {
    for database in every_database() {
        let stores = database.two_stores();
        let town = Town::found(stores[0].clone()).await;
        let approved = town.approve().await;
        let answers = at_once(&stores, |_, store| {
            let (town, code) = (Town { store, ..town.clone() }, approved.code.clone());
            async move { town.redeem(&code).await.map(|issued| issued.refresh_token.unwrap()) }
        })
        .await;
        let winners: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1);
        let losers = answers.iter().filter_map(|answer| answer.as_ref().err());
        // Whoever looks again sees a replay, or already the grant that a replay has ended.
        assert!(losers.into_iter().all(|refusal| matches!(refusal, Refusal::CodeReplayed | Refusal::CodeGrantGone)));
        // The other ninety-nine were replays, and a replay ends the grant: for the winner as well.
        let refreshed = town.run(&town.refresh(winners[0])).await;
        assert_eq!(refreshed.err(), Some(Refusal::RefreshGrantGone));
    }
}

// proves: CODE-03
#[tokio::test(flavor = "multi_thread")]
async fn a_code_pays_for_one_refresh_token_whoever_writes_at_once() {
    for database in every_database() {
        let stores = database.two_stores();
        begun(&stores[0]).await;
        let outcomes = at_once(&stores, |number, store| async move {
            let redeem = Change::RedeemCode { code: digest("code", 0), at: Time(5) };
            store.commit(&issuer(0), vec![redeem, Change::AddRefreshToken(refresh_token(100 + number, 0))]).await
        })
        .await;
        assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, Commit::Stale)), (1, 99));
        assert_eq!(added(&stores[1]).await, 1);
        let code = facts(&stores[1], Lookup { code: Some(digest("code", 0)), ..Lookup::default() }).await.code.unwrap();
        assert_eq!(code.redemption, Redemption::Redeemed { at: Time(5) });
    }
}

pub(crate) async fn added(store: &Store) -> usize {
    let mut found = 0;
    for number in 0..AT_ONCE {
        let lookup = Lookup { refresh_token: Some(digest("refresh", 100 + number)), ..Lookup::default() };
        found += usize::from(facts(store, lookup).await.refresh_token.is_some());
    }
    found
}

// proves: STORE-02, STORE-03, STORE-06
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_to_a_grant_after_its_revocation_was_acknowledged() {
    for database in every_database() {
        let stores = database.two_stores();
        begun(&stores[0]).await;
        let outcomes = at_once(&stores, |number, store| async move {
            if number == AT_ONCE / 2 {
                let user = user_id(0);
                let disabled = grantd_protocol::records::Status::Disabled;
                store
                    .commit(&issuer(0), vec![Change::SetUserStatus { user, status: disabled, at: Time(9) }])
                    .await
                    .unwrap();
                // Acknowledged: from here on, at either server.
                let after = store.commit(&issuer(0), vec![Change::AddCode(code(7, 0, 50))]).await;
                return (after, true);
            }
            (store.commit(&issuer(0), vec![Change::AddRefreshToken(refresh_token(100 + number, 0))]).await, false)
        })
        .await;
        assert!(outcomes.iter().any(|(outcome, after)| *after && *outcome == Ok(Commit::Stale)));
        for store in &stores {
            let lookup = Lookup { code: Some(digest("code", 0)), ..Lookup::default() };
            let facts = facts(store, lookup).await;
            assert!(matches!(facts.grant.unwrap().state, GrantState::Revoked { at: Time(9), .. }));
            let change = Change::AddRefreshToken(refresh_token(999, 0));
            assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Stale));
        }
    }
}

// proves: STORE-06
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_what_the_next_read_sees_at_every_server() {
    for database in every_database() {
        let stores = database.two_stores();
        begun(&stores[0]).await;
        let lookup = Lookup { refresh_token: Some(digest("refresh", 0)), ..Lookup::default() };
        // Every reading thread has looked before: none may answer from what it saw then.
        for store in stores.iter().cycle().take(20) {
            assert_eq!(facts(store, lookup.clone()).await.grant.unwrap().state, GrantState::Standing);
        }
        let because = grantd_protocol::records::Revocation::RefreshTokenReused;
        let revoke = Change::RevokeGrant { grant: grant_id(0), at: Time(9), because };
        assert_eq!(stores[0].commit(&issuer(0), vec![revoke]).await, Ok(Commit::Done));
        for store in stores.iter().cycle().take(20) {
            let state = facts(store, lookup.clone()).await.grant.unwrap().state;
            assert_eq!(state, GrantState::Revoked { at: Time(9), because });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_attempts_are_counted_than_fit_into_a_window() {
    for database in every_database() {
        let stores = database.two_stores();
        let outcomes = at_once(&stores, |_, store| async move {
            let key = AttemptKey::Network(network(0));
            let (at, window, or) = (Time(5), Seconds(60), Refusal::SignInThrottled);
            store.commit(&issuer(0), vec![Change::CountAttempt { key, at, window, limit: 7, or }]).await
        })
        .await;
        let refused = Commit::Refused(Refusal::SignInThrottled);
        assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, refused)), (7, 93));
        let lookup = Lookup { attempts: vec![attempt_key(2)], ..Lookup::default() };
        assert_eq!(facts(&stores[0], lookup).await.attempts[0].count, 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_is_taken_once() {
    for database in every_database() {
        let stores = database.two_stores();
        let outcomes = at_once(&stores, |number, store| async move {
            let user = user(number, 0, 0);
            store.commit(&issuer(0), vec![Change::AddUser { user, or: Refusal::NameTaken }]).await
        })
        .await;
        assert_eq!(count(&outcomes, Commit::Done), 1);
        assert_eq!(count(&outcomes, Commit::Refused(Refusal::NameTaken)), 99);
        assert_eq!(stores[0].users(&issuer(0), None, 1000).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_hash_is_replaced_once() {
    for database in every_database() {
        let store = database.open();
        begun(&store).await;
        let outcomes = at_once(std::slice::from_ref(&store), |number, store| async move {
            let (was, now) = (password(0), password(100 + number));
            store.commit(&issuer(0), vec![Change::RehashPassword { user: user_id(0), was, now }]).await
        })
        .await;
        assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, Commit::Stale)), (1, 99));
    }
}
