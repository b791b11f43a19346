//! What a single statement finds on a server for a whole lookup, against what is there.

use std::sync::atomic::{AtomicU64, Ordering};

use grantd_protocol::facts::Lookup;
use grantd_protocol::names::{Issuer, Scopes};
use grantd_protocol::state::State;
use grantd_store::{Location, PostgresServer, Store};
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};

use crate::acts::{Act, act, beginning, every_lookup, lookup};
use crate::databases::isolations;

const CASES: u32 = 25;
/// Of each case. No more in all than there may be statements of different parts.
const LOOKUPS: usize = 8;

/// A page of what somebody holds, and a search through all scopes, take more than one statement.
fn in_one_statement(lookup: Lookup) -> Lookup {
    Lookup { scopes: Scopes::default(), holdings: false, ..lookup }
}

// proves: STORE-02, INV-08
#[test]
fn one_statement_finds_what_is_there_for_any_lookup_whatever_was_done_before() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for isolation in isolations() {
        let schema = grantd_postgres_fixture::Server::shared().schema(isolation);
        let store = Store::open(&Location::Postgres(PostgresServer::parse(&schema.url()).unwrap())).unwrap();
        let case = AtomicU64::new(0);
        let outcome = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() }).run(
            &(vec(act(), 1..25), vec(lookup(), LOOKUPS)),
            |(acts, lookups)| {
                let number = case.fetch_add(1, Ordering::Relaxed);
                let issuer = Issuer::new(format!("https://of-case-{number}.example"));
                let lookups: Vec<Lookup> = lookups.into_iter().map(in_one_statement).collect();
                runtime.block_on(compare(&store, &issuer, &acts, &lookups));
                Ok(())
            },
        );
        if let Err(difference) = outcome {
            panic!("{difference}");
        }
    }
}

async fn compare(store: &Store, issuer: &Issuer, acts: &[(usize, Act)], lookups: &[Lookup]) {
    let mut state = State::default();
    let acts = acts.iter().map(|(_, act)| act.clone());
    for act in beginning().into_iter().map(|change| Act::Commit(vec![change])).chain(acts) {
        match act {
            Act::Commit(changes) => {
                assert_eq!(store.commit(issuer, changes.clone()).await.unwrap(), state.commit(issuer, &changes));
            }
            Act::Sweep(now) => {
                state.sweep(issuer, now);
                store.sweep(issuer, now).await.unwrap();
            }
        }
    }
    for lookup in lookups {
        assert_eq!(store.load(issuer, lookup).await.unwrap(), state.load(issuer, lookup), "{lookup:?}");
    }
    // What endpoints name, and not two grants at once as the others may, takes no second question.
    for lookup in every_lookup().into_iter().map(in_one_statement) {
        // Which resources a client may ask for is seen at its first request.
        store.load(issuer, &lookup).await.unwrap();
        let before = store.round_trips();
        assert_eq!(store.load(issuer, &lookup).await.unwrap(), state.load(issuer, &lookup), "{lookup:?}");
        assert!(store.round_trips() - before <= 1, "{} round trips: {lookup:?}", store.round_trips() - before);
    }
}
