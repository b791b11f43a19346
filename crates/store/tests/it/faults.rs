//! What goes wrong is said with its cause, and leaves nothing half-written.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_store::{Location, Options, Store, StoreFault};
use rusqlite::Connection;

use crate::acts::beginning;
use crate::children::{about, report, reports, spawn_without_privileges};
use crate::records::{attempt_key, client, client_id, digest, issuer, pending};

fn open(path: &Path) -> Result<Store, StoreFault> {
    Store::open(&Location::File(path.to_owned()))
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    (directory, path)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Says which file, and what to do.
fn assert_tells(fault: &StoreFault, path: &Path, what: &str) {
    let sentence = fault.to_string();
    assert!(sentence.starts_with(&path.display().to_string()) && sentence.contains(what), "{sentence}");
}

// proves: STORE-11
#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let fault = open(&path).unwrap_err();
    assert_eq!(fault, StoreFault::NewerSchema { place: shown(&path), found: 99, supported: 3 });
    assert_tells(&fault, &path, "start the newer grantd");
    let connection = Connection::open(&path).unwrap();
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

// proves: STORE-11
#[tokio::test]
async fn a_file_that_was_migrated_is_opened_again_and_not_migrated_twice() {
    let (_directory, path) = place();
    let changes = vec![Change::PutClient(client(0, 0))];
    assert_eq!(open(&path).unwrap().commit(&issuer(0), changes).await, Ok(Commit::Done));
    assert_eq!(open(&path).unwrap().client(&issuer(0), &client_id(0)).await, Ok(Some(client(0, 0))));
}

#[tokio::test]
async fn many_may_open_a_new_file_at_once() {
    let (_directory, path) = place();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || open(&path))
        })
        .collect();
    for thread in threads {
        let store = thread.join().unwrap().unwrap();
        assert_eq!(store.commit(&issuer(0), vec![Change::PutClient(client(0, 0))]).await, Ok(Commit::Done));
    }
}

#[test]
fn the_files_are_their_owners_alone() {
    let (directory, path) = place();
    let _store = open(&path).unwrap();
    let modes: Vec<u32> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().permissions().mode() & 0o777)
        .collect();
    assert!(modes.len() >= 3 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
}

#[test]
fn what_is_no_database_or_another_programs_is_refused_and_left_as_it_is() {
    let (_directory, path) = place();
    let text = "listen = \"127.0.0.1:8080\"\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let fault = open(&path).unwrap_err();
    assert_eq!(fault, StoreFault::NotADatabase { place: shown(&path) });
    assert_tells(&fault, &path, "name another file");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let (_directory, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(open(&path).unwrap_err(), StoreFault::NotADatabase { place: shown(&path) });
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_directory_that_is_missing_or_in_the_place_of_the_file_is_named() {
    let (directory, _) = place();
    let path = directory.path().join("missing").join("grantd.db");
    let fault = open(&path).unwrap_err();
    assert_eq!(fault, StoreFault::NoDirectory { place: shown(&path) });
    assert_tells(&fault, &path, "create it");
    let fault = open(directory.path()).unwrap_err();
    assert_tells(&fault, directory.path(), "");
}

#[test]
fn what_may_not_be_written_or_read_is_named() {
    for (of_directory, of_file) in [(0o555, None), (0o555, Some(0o666)), (0o777, Some(0o000)), (0o777, Some(0o444))] {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("data");
        let path = directory.join("grantd.db");
        std::fs::create_dir(&directory).unwrap();
        if let Some(mode) = of_file {
            drop(open(&path).unwrap());
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(of_directory)).unwrap();
        let test = "faults::child_opens_without_privileges";
        let mut child = spawn_without_privileges(test, &path.display().to_string(), outer.path());
        let reported: Vec<String> = reports(&mut child).collect();
        child.wait().unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
        let expected = StoreFault::NoPermission { place: shown(&path) }.to_string();
        assert_eq!(reported, [expected.clone(), expected], "directory {of_directory:o}, file {of_file:?}");
    }
}

#[test]
#[ignore = "runs as the child of what_may_not_be_written_or_read_is_named"]
fn child_opens_without_privileges() {
    let path = Path::new(&about()).to_owned();
    report(
        &Store::inspect(&Location::File(path.clone()))
            .map_or_else(|fault| fault.to_string(), |found| format!("{found:?}")),
    );
    report(&open(&path).map_or_else(|fault| fault.to_string(), |_| "opened".to_owned()));
}

#[test]
fn tables_that_were_altered_are_found_at_the_start() {
    let (_directory, path) = place();
    drop(open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE codes DROP COLUMN redeemed_at").unwrap();
    let fault = open(&path).unwrap_err();
    assert!(matches!(fault, StoreFault::Damaged { .. }), "{fault:?}");
    assert_tells(&fault, &path, "redeemed_at");
}

#[tokio::test]
async fn a_record_that_was_altered_is_a_fault_and_never_another_record() {
    let (_directory, path) = place();
    let store = open(&path).unwrap();
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    let connection = Connection::open(&path).unwrap();
    for (table, alteration) in [
        ("grants", "UPDATE grants SET record = '{}'"),
        ("codes", "UPDATE codes SET redeemed_at = 'never'"),
        ("users", "UPDATE users SET status = 'superuser'"),
        ("clients", "UPDATE clients SET record = '[]'"),
    ] {
        connection.execute_batch(alteration).unwrap();
        let lookup = match table {
            "grants" => Lookup { refresh_token: Some(digest("refresh", 0)), ..Lookup::default() },
            "codes" => Lookup { code: Some(digest("code", 0)), ..Lookup::default() },
            "users" => Lookup { session: Some(digest("session", 0)), ..Lookup::default() },
            _ => Lookup { client: Some(client_id(0)), ..Lookup::default() },
        };
        match store.load(&issuer(0), &lookup).await {
            Err(StoreFault::Corrupt { table: found, .. }) => assert_eq!(found, table),
            other => panic!("{table}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_process_that_holds_the_file_is_named_and_then_waited_for_no_longer() {
    let (_directory, path) = place();
    let options = Options { wait_for_lock: Duration::from_millis(100), ..Options::default() };
    let store = Store::open_with(&Location::File(path.clone()), &options).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let put = || vec![Change::PutClient(client(0, 0))];
    let fault = store.commit(&issuer(0), put()).await.unwrap_err();
    assert_eq!(fault, StoreFault::Locked { place: shown(&path) });
    assert_tells(&fault, &path, "another process");
    // Who reads does not wait for who writes.
    assert_eq!(store.client(&issuer(0), &client_id(0)).await, Ok(None));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.commit(&issuer(0), put()).await, Ok(Commit::Done));
}

// proves: STORE-04
#[tokio::test]
async fn a_full_disk_is_named_leaves_nothing_half_written_and_is_got_over() {
    let (_directory, path) = place();
    let options = Options { max_bytes: Some(256 * 1024), ..Options::default() };
    let store = Store::open_with(&Location::File(path.clone()), &options).unwrap();
    let mut written = 0;
    let fault = loop {
        // Two changes each: the second is long, and it is the one that finds no room.
        let mut long = pending(1000 + written, 0, 10);
        long.state = Some("x".repeat(10_000));
        let count = Change::CountAttempt {
            key: attempt_key(0),
            at: grantd_tokens::Time(1),
            window: grantd_tokens::Seconds(60),
            limit: u32::MAX,
            or: grantd_protocol::refusals::Refusal::SignInThrottled,
        };
        match store.commit(&issuer(0), vec![count, Change::AddPending(long)]).await {
            Ok(outcome) => assert_eq!(outcome, Commit::Done),
            Err(fault) => break fault,
        }
        written += 1;
    };
    assert_eq!(fault, StoreFault::Full { place: shown(&path) });
    assert_tells(&fault, &path, "full");
    let counted = Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() };
    let facts = store.load(&issuer(0), &counted).await.unwrap();
    assert_eq!(u64::from(facts.attempts[0].count), written, "counted without what it was counted for");
    let last = Lookup { pending: Some(digest("pending", 1000 + written)), ..Lookup::default() };
    assert_eq!(store.load(&issuer(0), &last).await.unwrap().pending, None);

    // Room is made, and the same store goes on.
    store.sweep(&issuer(0), grantd_tokens::Time(10)).await.unwrap();
    let again = vec![Change::AddPending(pending(1, 0, 20))];
    assert_eq!(store.commit(&issuer(0), again).await, Ok(Commit::Done));
}

#[tokio::test]
async fn more_than_can_wait_is_told_so_at_once() {
    let (_directory, path) = place();
    let wait_for_lock = Duration::from_secs(30);
    let options = Options { queue: 2, readers: 1, most_in_a_commit: 1, wait_for_lock, ..Options::default() };
    let store = Store::open_with(&Location::File(path.clone()), &options).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..6 {
        let store = store.clone();
        waiting.spawn(async move { store.commit(&issuer(0), vec![Change::PutClient(client(number, 0))]).await });
    }
    // Two wait, the writer may have taken a third, and the others are told.
    for _ in 0..3 {
        assert_eq!(waiting.join_next().await.unwrap().unwrap(), Err(StoreFault::Busy));
    }
    other.execute_batch("ROLLBACK").unwrap();
    let outcomes = waiting.join_all().await;
    assert!(outcomes.iter().filter(|outcome| **outcome == Ok(Commit::Done)).count() >= 2, "{outcomes:?}");
}
