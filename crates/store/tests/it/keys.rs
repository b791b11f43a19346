//! Signing keys: kept sealed, changed by one at a time, gone when they are removed.

use grantd_protocol::changes::Commit;
use grantd_protocol::facts::Lookup;
use grantd_store::{KeyChange, KeysRevision, Location, RemovedKey, Store, StoredKey, Swept};
use grantd_tokens::{Algorithm, KeyEncryptionKey, PrivateKey, Time};
use tokio::task::JoinSet;

use crate::databases::{database, every_database, store};
use crate::records::issuer;

fn sealed(algorithm: Algorithm, created_at: i64) -> StoredKey {
    let key = PrivateKey::generate(algorithm).unwrap();
    let with = KeyEncryptionKey::from_bytes([7; 32]);
    let sealed = key.seal(&with, issuer(0).as_str()).unwrap();
    StoredKey { sealed, created_at: Time(created_at), active_from: Time(created_at + 5) }
}

async fn change(store: &Store, changes: &[KeyChange]) -> Commit {
    let seen = store.keys_revision(&issuer(0)).await.unwrap();
    store.change_signing_keys(&issuer(0), seen, changes).await.unwrap()
}

async fn keys(store: &Store) -> Vec<StoredKey> {
    store.signing_keys(&issuer(0)).await.unwrap().keys
}

fn remove(key: &StoredKey, at: i64) -> KeyChange {
    KeyChange::Remove { algorithm: key.algorithm(), kid: key.kid().to_owned(), at: Time(at) }
}

fn removed(key: &StoredKey, at: i64) -> RemovedKey {
    RemovedKey { algorithm: key.algorithm(), kid: key.kid().to_owned(), at: Time(at) }
}

#[tokio::test]
async fn keys_come_back_as_they_were_the_oldest_first_and_for_their_issuer_alone() {
    let store = store();
    let (newer, older) = (sealed(Algorithm::Es256, 20), sealed(Algorithm::EdDsa, 10));
    for key in [&newer, &older] {
        assert_eq!(change(&store, &[KeyChange::Add(key.clone())]).await, Commit::Done);
    }
    assert_eq!(keys(&store).await, [older, newer]);
    assert_eq!(store.signing_keys(&issuer(1)).await.unwrap().keys, []);
    assert_eq!(store.keys_revision(&issuer(1)).await.unwrap(), KeysRevision::default());
}

#[tokio::test]
async fn a_key_is_kept_once_and_the_first_stays() {
    let store = store();
    let first = sealed(Algorithm::Es256, 10);
    let again = StoredKey { created_at: Time(20), ..first.clone() };
    assert_eq!(change(&store, &[KeyChange::Add(first.clone())]).await, Commit::Done);
    assert_eq!(change(&store, &[KeyChange::Add(again)]).await, Commit::Stale);
    assert_eq!(keys(&store).await, [first]);
}

// proves: KEYS-02
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_add_the_next_key_at_once_at_two_servers_one_is_first() {
    for database in every_database() {
        let stores = database.two_stores();
        let seen = stores[0].keys_revision(&issuer(0)).await.unwrap();
        let mut tasks = JoinSet::new();
        for store in stores.iter().cycle().take(20) {
            let store = store.clone();
            let next = KeyChange::Add(sealed(Algorithm::Es256, 10));
            tasks.spawn(async move { store.change_signing_keys(&issuer(0), seen, &[next]).await.unwrap() });
        }
        let outcomes = tasks.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Commit::Done).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Commit::Stale).count(), 19);
        assert_eq!(keys(&stores[1]).await.len(), 1);
    }
}

// proves: KEYS-03, STORE-06
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_is_gone_for_the_next_who_asks_at_every_server() {
    for database in every_database() {
        let stores = database.two_stores();
        let (leaked, heir) = (sealed(Algorithm::Es256, 10), sealed(Algorithm::Es256, 20));
        change(&stores[0], &[KeyChange::Add(leaked.clone())]).await;
        // Every connection that reads has looked before: none may answer from what it saw then.
        for store in stores.iter().cycle().take(20) {
            assert_eq!(keys(store).await, std::slice::from_ref(&leaked));
        }
        let before = stores[1].keys_revision(&issuer(0)).await.unwrap();
        assert_eq!(change(&stores[0], &[remove(&leaked, 30), KeyChange::Add(heir.clone())]).await, Commit::Done);
        for store in stores.iter().cycle().take(20) {
            let (_, loaded) = store.load_with_keys_revision(&issuer(0), &Lookup::default()).await.unwrap();
            assert!(loaded > before);
            assert_eq!(keys(store).await, std::slice::from_ref(&heir));
        }
    }
}

// proves: KEYS-03
#[tokio::test]
async fn a_removed_key_leaves_its_name_and_nothing_of_what_was_sealed() {
    let database = database();
    let store = database.open();
    let (leaked, heir) = (sealed(Algorithm::Es256, 10), sealed(Algorithm::Es256, 20));
    change(&store, &[KeyChange::Add(leaked.clone())]).await;
    let before = store.keys_revision(&issuer(0)).await.unwrap();
    assert_eq!(change(&store, &[remove(&leaked, 30), KeyChange::Add(heir.clone())]).await, Commit::Done);
    assert_eq!(keys(&store).await, [heir]);
    assert_eq!(store.removed_keys(&issuer(0), Time(30)).await.unwrap(), [removed(&leaked, 30)]);
    assert_eq!(store.removed_keys(&issuer(0), Time(31)).await.unwrap(), []);
    assert_eq!(store.removed_keys(&issuer(1), Time(0)).await.unwrap(), []);
    let of_leaked = format!("SELECT record FROM signing_keys WHERE kid = '{}'", leaked.kid());
    assert_eq!(database.look(&of_leaked), [Some(String::new())]);
    // Whoever loads anything from now on sees that their keys are not those of now.
    let (_, loaded) = store.load_with_keys_revision(&issuer(0), &Lookup::default()).await.unwrap();
    assert!(loaded > before);
}

#[tokio::test]
async fn a_removed_key_never_comes_back_and_is_removed_once() {
    let store = store();
    let key = sealed(Algorithm::EdDsa, 10);
    change(&store, &[KeyChange::Add(key.clone())]).await;
    change(&store, &[remove(&key, 30)]).await;
    let activate = KeyChange::Activate { algorithm: key.algorithm(), kid: key.kid().to_owned(), at: Time(40) };
    let forget = KeyChange::Forget { algorithm: key.algorithm(), kid: key.kid().to_owned() };
    for refused in [KeyChange::Add(key.clone()), activate, remove(&key, 40), forget] {
        assert_eq!(change(&store, &[refused]).await, Commit::Stale);
    }
    assert_eq!(keys(&store).await, []);
    assert_eq!(store.removed_keys(&issuer(0), Time(0)).await.unwrap(), [removed(&key, 30)]);
}

#[tokio::test]
async fn a_change_that_fails_in_part_changes_nothing_and_counts_for_nothing() {
    let store = store();
    let (here, elsewhere) = (sealed(Algorithm::Es256, 10), sealed(Algorithm::Es256, 20));
    change(&store, &[KeyChange::Add(here.clone())]).await;
    let before = store.signing_keys(&issuer(0)).await.unwrap();
    assert_eq!(change(&store, &[remove(&here, 30), remove(&elsewhere, 30)]).await, Commit::Stale);
    assert_eq!(store.signing_keys(&issuer(0)).await.unwrap(), before);
}

#[tokio::test]
async fn a_key_may_begin_earlier_and_end_without_a_trace() {
    let store = store();
    let key = sealed(Algorithm::Es256, 10);
    let (algorithm, kid) = (key.algorithm(), key.kid().to_owned());
    change(&store, &[KeyChange::Add(key.clone())]).await;
    change(&store, &[KeyChange::Activate { algorithm, kid: kid.clone(), at: Time(12) }]).await;
    assert_eq!(keys(&store).await, [StoredKey { active_from: Time(12), ..key }]);
    change(&store, &[KeyChange::Forget { algorithm, kid }]).await;
    assert_eq!(keys(&store).await, []);
    assert_eq!(store.removed_keys(&issuer(0), Time(0)).await.unwrap(), []);
}

// proves: KEYS-03
#[tokio::test]
async fn the_name_of_a_removed_key_stays_until_its_last_token_has_long_expired() {
    let store = store();
    let (key, other) = (sealed(Algorithm::Es256, 10), sealed(Algorithm::Es256, 20));
    change(&store, &[KeyChange::Add(key.clone()), KeyChange::Add(other.clone())]).await;
    change(&store, &[remove(&key, 30)]).await;
    store.sweep(&issuer(0), Time(30 + 7199)).await.unwrap();
    assert_eq!(store.removed_keys(&issuer(0), Time(0)).await.unwrap(), [removed(&key, 30)]);
    let swept = store.sweep(&issuer(0), Time(30 + 7200)).await.unwrap();
    assert_eq!(swept, Swept { removed_keys: 1, ..Swept::default() });
    assert_eq!(store.removed_keys(&issuer(0), Time(0)).await.unwrap(), []);
    assert_eq!(keys(&store).await, [other]);
}

// proves: STORE-11
#[tokio::test]
async fn a_key_of_the_first_schema_signs_since_it_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let key = sealed(Algorithm::Es256, 10);
    let first = rusqlite::Connection::open(&path).unwrap();
    first.execute_batch(include_str!("../../migrations/0001_first.sql")).unwrap();
    first.pragma_update(None, "application_id", 0x6772_6e74).unwrap();
    first.pragma_update(None, "user_version", 1).unwrap();
    let record = serde_json::to_string(&key.sealed).unwrap();
    let values = (issuer(0).as_str().to_owned(), key.algorithm().name(), key.kid(), 10, record);
    first.execute("INSERT INTO signing_keys VALUES (?1, ?2, ?3, ?4, ?5)", values).unwrap();
    drop(first);
    let store = Store::open(&Location::File(path)).unwrap();
    assert_eq!(keys(&store).await, [StoredKey { active_from: Time(10), ..key }]);
}
