//! What comes at the same time, and is committed in one transaction or in several at once, ends as if one had come after the other.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Facts;
use grantd_protocol::names::Issuer;
use grantd_protocol::state::State;
use grantd_store::Store;
use grantd_tokens::Time;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use tokio::task::JoinSet;

use crate::acts::{beginning, change, every_lookup};
use crate::databases::every_database;
use crate::races::begun;
use crate::records::{attempt_key, code, digest, issuer};

const CASES: u32 = 25;

/// Those who come together, each with the changes of one request.
type Crowd = Vec<Vec<Change>>;

// proves: STORE-02, STORE-03
#[test]
fn what_is_committed_together_ends_as_in_some_order_one_after_the_other() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for database in every_database() {
        let stores = database.two_stores();
        let case = AtomicU64::new(0);
        let strategy = vec(vec(vec(change(), 1..3), 2..6), 1..5);
        let outcome = TestRunner::new(Config {
            cases: CASES,
            failure_persistence: None,
            max_shrink_iters: 100,
            ..Config::default()
        })
        .run(&strategy, |crowds| {
            let number = case.fetch_add(1, Ordering::Relaxed);
            let issuer = Issuer::new(format!("https://of-case-{number}.example"));
            runtime.block_on(live_through(&stores, &issuer, &crowds));
            Ok(())
        });
        if let Err(difference) = outcome {
            panic!("{difference}");
        }
    }
}

// proves: STORE-02
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_behind_one_that_fails_is_judged_as_if_that_one_had_never_come() {
    for database in every_database() {
        let store = database.open();
        begun(&store).await;
        let codes = 100..200_u64;
        let put = codes.clone().map(|number| Change::AddCode(code(number, 0, 50))).collect();
        assert_eq!(store.commit(&issuer(0), put).await, Ok(Commit::Done));
        let mut pairs = JoinSet::new();
        for number in codes {
            let redeem = move |number| Change::RedeemCode { code: digest("code", number), at: Time(5) };
            let store = store.clone();
            pairs.spawn(async move {
                // The second of its changes fails, after the first has touched the row that the other waits for.
                let (at, fails) = (issuer(0), vec![redeem(number), redeem(1_000_000)]);
                tokio::join!(store.commit(&at, fails), store.commit(&at, vec![redeem(number)]))
            });
        }
        for outcomes in pairs.join_all().await {
            assert_eq!(outcomes, (Ok(Commit::Stale), Ok(Commit::Done)));
        }
    }
}

async fn live_through(stores: &[Store; 2], issuer: &Issuer, crowds: &[Crowd]) {
    let mut state = State::default();
    for change in beginning() {
        state.commit(issuer, std::slice::from_ref(&change));
        assert_eq!(stores[0].commit(issuer, vec![change]).await, Ok(Commit::Done));
    }
    // What may be there by now: not all that a state holds is found by a lookup at once.
    let mut states = HashSet::from([state]);
    for crowd in crowds {
        let outcomes = at_the_same_time(stores, issuer, crowd).await;
        let mut found = Vec::new();
        for lookup in every_lookup() {
            found.push(stores[1].load(issuer, &lookup).await.unwrap());
        }
        let mut after = HashSet::new();
        for order in orders(crowd.len()) {
            let ends = states.iter().map(|state| one_after_the_other(state, issuer, crowd, &order));
            let so = ends.filter(|(ended, _)| *ended == outcomes).map(|(_, after)| after);
            after.extend(so.filter(|after| left(after, issuer) == found));
        }
        assert!(!after.is_empty(), "in no order: {crowd:?} ended as {outcomes:?}");
        states = after;
    }
}

/// How each of the crowd ends, the two of them on one store or on both. Others come before them, so that they have to wait, and
/// with those who wait they are committed.
async fn at_the_same_time(stores: &[Store; 2], at: &Issuer, crowd: &Crowd) -> Vec<Commit> {
    let mut others = JoinSet::new();
    for number in 0..BEFORE {
        let store = stores[number % 2].clone();
        let change = Change::ForgetAttempts { key: attempt_key(0) };
        others.spawn(async move { store.commit(&issuer(number as u64), vec![change]).await });
    }
    let mut tasks = Vec::new();
    for (number, changes) in crowd.iter().cloned().enumerate() {
        let (store, at) = (stores[usize::from(number > 2)].clone(), at.clone());
        tasks.push(tokio::spawn(async move { store.commit(&at, changes).await.unwrap() }));
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    others.join_all().await;
    outcomes
}

const BEFORE: usize = 8;

fn one_after_the_other(state: &State, issuer: &Issuer, crowd: &Crowd, order: &[usize]) -> (Vec<Commit>, State) {
    let mut state = state.clone();
    let mut ended = vec![Commit::Stale; crowd.len()];
    for number in order {
        ended[*number] = state.commit(issuer, &crowd[*number]);
    }
    (ended, state)
}

fn left(state: &State, issuer: &Issuer) -> Vec<Facts> {
    every_lookup().iter().map(|lookup| state.load(issuer, lookup)).collect()
}

/// Every order of so many.
fn orders(of: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for next in 0..of {
        let longer = |order: &Vec<usize>| {
            let order = order.clone();
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, next);
                longer
            })
        };
        orders = orders.iter().flat_map(longer).collect();
    }
    orders
}
