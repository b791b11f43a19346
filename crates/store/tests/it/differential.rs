//! The store and the reference state, side by side.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::{GrantId, Issuer};
use grantd_protocol::records::{Client, Ended, EndedThing, GrantState, Resource, Revocation, User};
use grantd_protocol::state::{Records, State};
use grantd_store::{EndedSince, Options, Store};
use grantd_tokens::Time;
use proptest::collection::vec;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::acts::{Act, act, beginning, every_lookup, lookup, name};
use crate::databases::every_database;

const CASES: u32 = 400;

/// Both stores, and the outcomes seen.
struct Pair {
    state: State,
    store: Store,
    issuers: [Issuer; 2],
    seen: BTreeSet<(String, &'static str)>,
}

// proves: STORE-02, INV-08
#[test]
fn the_store_agrees_with_the_reference_state_change_by_change_and_load_by_load() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for database in every_database() {
        let store = database.open_alone(&Options { readers: 1, ..Options::default() });
        // Each question is a trip to the server; what all those cases reach, a few of them reach in turn.
        if database.is_postgres() {
            differences(&runtime, &store, CASES / 20);
            continue;
        }
        let seen = differences(&runtime, &store, CASES);
        for expected in EVERY_OUTCOME {
            assert!(seen.contains(&(expected.0.to_owned(), expected.1)), "no case reached {expected:?}");
        }
    }
}

/// `cargo test -p grantd-store --test it the_store_agrees_in_every_case -- --ignored`
#[test]
#[ignore = "takes minutes on PostgreSQL"]
fn the_store_agrees_in_every_case_on_every_database() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for database in every_database() {
        differences(&runtime, &database.open_alone(&Options { readers: 1, ..Options::default() }), CASES);
    }
}

/// Panics where the store differs, and returns the outcomes that were seen.
fn differences(runtime: &Runtime, store: &Store, cases: u32) -> BTreeSet<(String, &'static str)> {
    let case = AtomicU64::new(0);
    let seen = Mutex::new(BTreeSet::new());
    let strategy = (vec(act(), 1..40), vec(lookup(), 8));
    let outcome = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() }).run(
        &strategy,
        |(acts, lookups)| {
            // Issuers of its own for each case: one database serves them all, and none may see another's.
            let number = case.fetch_add(1, Ordering::Relaxed);
            let issuers = ["a", "b"].map(|which| Issuer::new(format!("https://{which}.{number}.example")));
            let pair = Pair { state: State::default(), store: store.clone(), issuers, seen: BTreeSet::new() };
            seen.lock().unwrap().extend(runtime.block_on(pair.live_through(&acts, &lookups)));
            Ok(())
        },
    );
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
    seen.into_inner().unwrap()
}

impl Pair {
    async fn live_through(mut self, acts: &[(usize, Act)], lookups: &[Lookup]) -> BTreeSet<(String, &'static str)> {
        let [issuer, _] = self.issuers.clone();
        for change in beginning() {
            self.commit(&issuer, &[change]).await;
        }
        for ((at, act), lookup) in acts.iter().zip(lookups.iter().cycle()) {
            let issuer = self.issuers.get(*at).unwrap().clone();
            match act {
                Act::Commit(changes) => self.commit(&issuer, changes).await,
                Act::Sweep(now) => {
                    self.state.sweep(&issuer, *now);
                    self.store.sweep(&issuer, *now).await.unwrap();
                    self.compare(&every_lookup()).await;
                }
            }
            self.compare(std::slice::from_ref(lookup)).await;
        }
        self.compare(&every_lookup()).await;
        self.compare_lists().await;
        self.seen
    }

    async fn commit(&mut self, issuer: &Issuer, changes: &[Change]) {
        let expected = self.state.commit(issuer, changes);
        let outcome = self.store.commit(issuer, changes.to_vec()).await.unwrap();
        assert_eq!(outcome, expected, "{changes:?}");
        if let [change] = changes {
            let outcome = match outcome {
                Commit::Done => "done",
                Commit::Stale => "stale",
                Commit::Refused(_) => "refused",
            };
            self.seen.insert((name(change), outcome));
        }
    }

    async fn compare(&self, lookups: &[Lookup]) {
        for issuer in &self.issuers {
            for lookup in lookups {
                let facts = self.store.load(issuer, lookup).await.unwrap();
                assert_eq!(facts, self.state.load(issuer, lookup), "{lookup:?}");
            }
        }
    }

    async fn compare_lists(&self) {
        for issuer in &self.issuers {
            let records = self.state.records(issuer).cloned().unwrap_or_default();
            let clients: Vec<Client> = records.clients.values().cloned().collect();
            let resources: Vec<Resource> = records.resources.values().cloned().collect();
            let mut users: Vec<User> = records.users.values().cloned().collect();
            users.sort_by(|one, other| one.username.cmp(&other.username));
            assert_eq!(self.store.clients(issuer, None, 100).await.unwrap(), clients);
            assert_eq!(self.store.resources(issuer, None, 100).await.unwrap(), resources);
            assert_eq!(self.store.users(issuer, None, 100).await.unwrap(), users);
            self.compare_ended(issuer, &records).await;
        }
    }
}

impl Pair {
    /// What ended, by when it ended: from the records as they are.
    async fn compare_ended(&self, issuer: &Issuer, records: &Records) {
        for since in [0, 20, 60].map(Time) {
            let mut grants: Vec<(Time, GrantId)> = Vec::new();
            for grant in records.grants.values() {
                let with_its_client = [Revocation::ClientDisabled, Revocation::ClientRemoved];
                let its_client = records.ended.get(&EndedThing::Client(grant.client.clone()));
                let is_covered = its_client.is_some_and(|ended| ended.at >= grant.last_used_at);
                if let GrantState::Revoked { at, because } = grant.state
                    && at >= since
                    && grant.last_used_at >= since
                    && !(with_its_client.contains(&because) && is_covered)
                {
                    grants.push((at, grant.id.clone()));
                }
            }
            grants.sort();
            let mut ended: Vec<Ended> = records.ended.values().filter(|ended| ended.at >= since).cloned().collect();
            ended.sort_by(|one, other| (one.at, &one.thing).cmp(&(other.at, &other.thing)));
            let grants = grants.into_iter().map(|(_, id)| id).collect();
            let expected = EndedSince { grants, ended, ..EndedSince::default() };
            assert_eq!(self.store.ended_since(issuer, since).await.unwrap(), expected);
        }
    }
}

/// Each change, and each way it can end: a generator that misses one proves nothing about it.
const EVERY_OUTCOME: &[(&str, &str)] = &[
    ("AddPending", "done"),
    ("AddPending", "stale"),
    ("Offer", "done"),
    ("Offer", "stale"),
    ("CompletePending", "done"),
    ("CompletePending", "stale"),
    ("AddSession", "done"),
    ("AddSession", "stale"),
    ("TouchSession", "done"),
    ("TouchSession", "stale"),
    ("EndSession", "done"),
    ("EndOtherSessions", "done"),
    ("KeepConsent", "done"),
    ("UseConsent", "done"),
    ("UseConsent", "stale"),
    ("ForgetConsent", "done"),
    ("AddGrant", "done"),
    ("AddGrant", "stale"),
    ("AddCode", "done"),
    ("AddCode", "stale"),
    ("RedeemCode", "done"),
    ("RedeemCode", "stale"),
    ("CountWrongVerifier", "done"),
    ("RevokeGrant", "done"),
    ("UseGrant", "done"),
    ("UseGrant", "stale"),
    ("NarrowGrant", "done"),
    ("NarrowGrant", "stale"),
    ("EndAccess", "done"),
    ("AddAccessToken", "done"),
    ("AddAccessToken", "stale"),
    ("EndAccessToken", "done"),
    ("AddRefreshToken", "done"),
    ("AddRefreshToken", "stale"),
    ("SpendRefreshToken", "done"),
    ("SpendRefreshToken", "stale"),
    ("ReplaceSuccessor", "done"),
    ("ReplaceSuccessor", "stale"),
    ("CountAttempt", "done"),
    ("CountAttempt", "refused"),
    ("ForgetAttempts", "done"),
    ("PutClient", "done"),
    ("SetClientStatus", "done"),
    ("RemoveClient", "done"),
    ("PutResource", "done"),
    ("RemoveResource", "done"),
    ("AddUser", "done"),
    ("AddUser", "refused"),
    ("RehashPassword", "done"),
    ("RehashPassword", "stale"),
    ("SetPassword", "done"),
    ("SetUserStatus", "done"),
    ("RemoveUser", "done"),
];
