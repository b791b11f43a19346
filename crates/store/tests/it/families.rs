//! One family of refresh tokens, used by many at once: one of its tokens is live, whoever wins.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{RefreshToken, Spending};
use grantd_store::Store;
use grantd_tokens::{Digest, Secret, Time};

use crate::databases::every_database;
use crate::races::{added, at_once, begun, count, facts};
use crate::records::{digest, issuer, refresh_token};
use crate::town::Town;

// proves: REFRESH-08, REFRESH-10, STORE-02, STORE-03
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_uses_of_one_refresh_token_at_two_servers_all_are_answered_and_one_successor_lives() {
    for database in every_database() {
        let rounds = if database.is_postgres() { 1 } else { 3 };
        refresh_at_once(&database.two_stores(), rounds).await;
    }
}

/// The figure of docs/figures.md: `cargo test -p grantd-store --test it a_thousand_rounds -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_thousand_rounds_of_a_hundred_uses_of_one_refresh_token() {
    for database in every_database() {
        let answered = refresh_at_once(&database.two_stores(), 1000).await;
        println!("{database}: {answered} answers, each of them a refresh token, one of each hundred unspent");
    }
}

/// Round by round, on the real decision: whoever loses is taken for a retry, and what the winner before it got is replaced.
async fn refresh_at_once(stores: &[Store; 2], rounds: usize) -> usize {
    let town = Town::found(stores[0].clone()).await;
    let approved = town.approve().await;
    let mut live = town.redeem(&approved.code).await.unwrap().refresh_token.unwrap();
    let mut answered = 0;
    for _ in 0..rounds {
        let answers = at_once(stores, |_, store| {
            let (town, token) = (Town { store, ..town.clone() }, live.clone());
            async move { town.run(&town.refresh(&token)).await.map(|issued| issued.refresh_token.unwrap()) }
        })
        .await;
        let tokens: Vec<Secret> = answers.into_iter().map(Result::unwrap).collect();
        let mut unspent = Vec::new();
        for token in &tokens {
            match spending(&town, token).await {
                Spending::Unspent => unspent.push(token),
                Spending::Superseded { .. } => {}
                spent @ Spending::Spent { .. } => panic!("{spent:?}"),
            }
        }
        let [winner] = unspent[..] else { panic!("{} live tokens", unspent.len()) };
        let traded = Spending::Spent { at: town.now, successor: winner.hash() };
        assert_eq!(spending(&town, &live).await, traded);
        answered += tokens.len();
        live = winner.clone();
    }
    answered
}

async fn spending(town: &Town, token: &Secret) -> Spending {
    let lookup = Lookup { refresh_token: Some(token.hash()), ..Lookup::default() };
    town.store.load(&town.issuer, &lookup).await.unwrap().refresh_token.unwrap().spending
}

// proves: REFRESH-08
#[tokio::test(flavor = "multi_thread")]
async fn a_family_has_one_unspent_token_whoever_rotates_at_once() {
    for database in every_database() {
        let stores = database.two_stores();
        begun(&stores[0]).await;
        let outcomes = at_once(&stores, |number, store| async move {
            let (token, successor) = (digest("refresh", 0), digest("refresh", 100 + number));
            let add = Change::AddRefreshToken(refresh_token(100 + number, 0));
            store.commit(&issuer(0), vec![add, Change::SpendRefreshToken { token, successor, at: Time(5) }]).await
        })
        .await;
        assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, Commit::Stale)), (1, 99));
        assert_eq!(added(&stores[1]).await, 1);
        let lookup = Lookup { refresh_token: Some(digest("refresh", 0)), ..Lookup::default() };
        let Spending::Spent { successor, .. } = facts(&stores[1], lookup).await.refresh_token.unwrap().spending else {
            panic!("not spent");
        };
        let lookup = Lookup { refresh_token: Some(successor), ..Lookup::default() };
        assert_eq!(facts(&stores[1], lookup).await.refresh_token.unwrap().spending, Spending::Unspent);
    }
}

// proves: REFRESH-08, REFRESH-10
#[tokio::test(flavor = "multi_thread")]
async fn a_successor_is_used_or_replaced_whoever_comes_at_once() {
    for database in every_database() {
        let stores = database.two_stores();
        begun(&stores[0]).await;
        for round in 0..10 {
            let number = move |task| 1_000 * (round + 1) + task;
            let (predecessor, unused) = (number(900), number(901));
            // Spent before, for the one that nobody used yet.
            let traded = Spending::Spent { at: Time(4), successor: digest("refresh", unused) };
            let spent = RefreshToken { spending: traded, ..refresh_token(predecessor, 0) };
            let family = [spent, refresh_token(unused, 0)].map(Change::AddRefreshToken);
            assert_eq!(stores[0].commit(&issuer(0), family.to_vec()).await, Ok(Commit::Done));
            let outcomes = at_once(&stores, |task, store| async move {
                let (next, at) = (digest("refresh", number(task)), Time(5));
                let (predecessor, unused) = (digest("refresh", predecessor), digest("refresh", unused));
                let trade = if task % 2 == 0 {
                    Change::SpendRefreshToken { token: unused, successor: next, at }
                } else {
                    Change::ReplaceSuccessor { predecessor, unused, replacement: next, at }
                };
                store.commit(&issuer(0), vec![trade, Change::AddRefreshToken(refresh_token(number(task), 0))]).await
            })
            .await;
            assert_eq!((count(&outcomes, Commit::Done), count(&outcomes, Commit::Stale)), (1, 99));
            let (before, between) = (spending_of(&stores[1], predecessor).await, spending_of(&stores[1], unused).await);
            let live = match (before, between) {
                (before, Spending::Spent { successor, .. }) if before == traded => successor,
                (Spending::Spent { at: Time(4), successor }, Spending::Superseded { by, .. }) if successor == by => by,
                other => panic!("{other:?}"),
            };
            assert_eq!(spending_at(&stores[1], live).await, Spending::Unspent);
        }
    }
}

async fn spending_of(store: &Store, number: u64) -> Spending {
    spending_at(store, digest("refresh", number)).await
}

async fn spending_at(store: &Store, token: Digest) -> Spending {
    let lookup = Lookup { refresh_token: Some(token), ..Lookup::default() };
    facts(store, lookup).await.refresh_token.unwrap().spending
}
