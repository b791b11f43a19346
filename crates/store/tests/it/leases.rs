//! Leases: one holder at a time, whoever died is not waited for, and clocks may be apart.

use grantd_protocol::settings::CLOCKS_APART;
use grantd_store::{LEASE_LASTS, Lease, Store};
use grantd_tokens::{Seconds, Time};
use tokio::task::JoinSet;

use crate::databases::{database, every_database};
use crate::records::issuer;

async fn take(store: &Store, holder: &str, now: i64) -> bool {
    store.take_lease(&issuer(0), Lease::Sweeping, holder, Time(now)).await.unwrap()
}

#[tokio::test]
async fn a_lease_is_renewed_by_its_holder_and_refused_to_others() {
    let [one, other] = database().two_stores();
    assert!(take(&one, "one", 1_000).await);
    assert!(!take(&other, "other", 1_000).await);
    assert!(take(&one, "one", 1_060).await);
    assert!(!take(&other, "other", 1_000 + LEASE_LASTS.0).await, "it was renewed");
    assert!(other.take_lease(&issuer(0), Lease::TendingKeys, "other", Time(1_000)).await.unwrap(), "another lease");
    assert!(other.take_lease(&issuer(1), Lease::Sweeping, "other", Time(1_000)).await.unwrap(), "another issuer");
}

#[tokio::test]
async fn a_lease_passes_on_when_it_is_given_back_or_has_ended() {
    let [one, other] = database().two_stores();
    assert!(take(&one, "one", 1_000).await);
    other.give_lease_back(&issuer(0), Lease::Sweeping, "other").await.unwrap();
    assert!(!take(&other, "other", 1_001).await, "nobody gives back what is another's");
    one.give_lease_back(&issuer(0), Lease::Sweeping, "one").await.unwrap();
    assert!(take(&other, "other", 1_001).await);
    // And then the other dies.
    assert!(!take(&one, "one", 1_000 + LEASE_LASTS.0).await);
    assert!(take(&one, "one", 1_001 + LEASE_LASTS.0).await);
    assert!(!take(&other, "other", 1_001 + LEASE_LASTS.0).await);
}

#[tokio::test]
async fn a_lease_from_a_clock_far_ahead_keeps_nobody_waiting_for_that_day() {
    let [one, other] = database().two_stores();
    let far = 1_000 + Seconds::days(30).0;
    assert!(take(&one, "one", far).await);
    assert!(take(&other, "other", 1_000).await);
    // A clock that is no further ahead than clocks may be has its lease for longer, and that is all.
    let ahead = 2_000 + CLOCKS_APART.0;
    assert!(take(&one, "one", ahead).await);
    assert!(!take(&other, "other", 2_000).await);
    assert!(take(&other, "other", ahead + LEASE_LASTS.0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_a_lease_at_once_one_has_it() {
    for database in every_database() {
        let stores = database.two_stores();
        let mut taking = JoinSet::new();
        for number in 0..16 {
            let store = stores[number % 2].clone();
            taking.spawn(async move { take(&store, &number.to_string(), 1_000).await });
        }
        let taken = taking.join_all().await;
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
    }
}
