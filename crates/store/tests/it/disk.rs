//! The disk: how often it is flushed, what becomes of a write that it refuses, and how long the log grows.
//!
//! `kill -9` cannot show a missing flush, for what was written outlives the process: so they are counted.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::refusals::Refusal;
use grantd_store::{Location, Options, Store, StoreFault};
use grantd_tokens::{Seconds, Time};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::children::{about, report, reports, run};
use crate::races::facts;
use crate::records::{attempt_key, client, digest, issuer, pending};

fn open(path: &Path, options: &Options) -> Store {
    Store::open_with(&Location::File(path.to_owned()), options).unwrap()
}

fn add_pending(number: u64) -> Vec<Change> {
    vec![Change::AddPending(pending(number, 0, 30))]
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

fn length_of_log(path: &Path) -> u64 {
    std::fs::metadata(log_of(path)).map_or(0, |log| log.len())
}

// ---- how often it is flushed ----

const ALONE: u64 = 50;
const AT_ONCE: u64 = 1000;
const IN_A_BATCH: u64 = 10;

// proves: STORE-05
#[test]
fn every_commit_flushes_the_disk_and_those_of_a_batch_do_so_together() {
    let alone = flushes("disk::child_commits_one_after_the_other");
    assert!((ALONE..ALONE * 2).contains(&alone), "{alone} flushes for {ALONE} commits");
    let together = flushes("disk::child_commits_at_once");
    let batches = AT_ONCE / IN_A_BATCH;
    assert!((batches..AT_ONCE / 2).contains(&together), "{together} flushes for {AT_ONCE} commits by tens");
}

/// Those of a child between its two reports.
fn flushes(test: &str) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let calls = directory.path().join("calls");
    let is_there = Command::new("strace").arg("-V").output().is_ok_and(|version| version.status.success());
    assert!(is_there, "flushes are counted by strace: install it (apt-get install strace)");
    let mut strace = Command::new("strace");
    // What is reported is written, too: it marks where the commits begin and end.
    strace.args(["-f", "-s", "64", "-e", "trace=fdatasync,fsync,write", "-o"]).arg(&calls);
    strace.arg(std::env::current_exe().unwrap());
    let mut child = run(strace, test, &directory.path().join("grantd.db").display().to_string());
    assert_eq!(reports(&mut child).collect::<Vec<_>>(), [BEGINS, IS_DONE]);
    assert!(child.wait().unwrap().success());
    let calls = std::fs::read_to_string(calls).unwrap();
    let (_, calls) = calls.split_once(BEGINS).unwrap();
    let (calls, _) = calls.split_once(IS_DONE).unwrap();
    calls.lines().filter(|call| call.contains("sync(") && !call.contains("resumed")).count() as u64
}

const BEGINS: &str = "the commits begin";
const IS_DONE: &str = "the commits are done";

#[tokio::test]
#[ignore = "runs as the child of every_commit_flushes_the_disk_and_those_of_a_batch_do_so_together"]
async fn child_commits_one_after_the_other() {
    let store = open(Path::new(&about()), &Options::default());
    report(BEGINS);
    for number in 0..ALONE {
        assert_eq!(store.commit(&issuer(0), add_pending(number)).await, Ok(Commit::Done));
    }
    report(IS_DONE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of every_commit_flushes_the_disk_and_those_of_a_batch_do_so_together"]
async fn child_commits_at_once() {
    let options = Options { most_in_a_commit: usize::try_from(IN_A_BATCH).unwrap(), ..Options::default() };
    let store = open(Path::new(&about()), &options);
    report(BEGINS);
    let mut tasks = JoinSet::new();
    for number in 0..AT_ONCE {
        let store = store.clone();
        tasks.spawn(async move { store.commit(&issuer(0), add_pending(number)).await });
    }
    assert!(tasks.join_all().await.iter().all(|outcome| *outcome == Ok(Commit::Done)));
    report(IS_DONE);
}

// ---- what it refuses ----

// A file that may not grow further stands for any write that fails: SQLite is told of an I/O error.
// proves: STORE-04
#[test]
fn a_write_that_the_disk_refuses_is_a_fault_leaves_nothing_half_written_and_is_got_over() {
    let directory = tempfile::tempdir().unwrap();
    // Told that a file is too large, a process ends, unless it ignores that.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    let path = directory.path().join("grantd.db");
    let mut child = run(shell, "disk::child_writes_what_the_disk_refuses", &path.display().to_string());
    assert_eq!(reports(&mut child).collect::<Vec<_>>(), [IS_DONE]);
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of a_write_that_the_disk_refuses_is_a_fault_leaves_nothing_half_written_and_is_got_over"]
async fn child_writes_what_the_disk_refuses() {
    let path = PathBuf::from(about());
    let store = open(&path, &Options::default());
    assert_eq!(store.commit(&issuer(0), vec![Change::PutClient(client(0, 0))]).await, Ok(Commit::Done));
    let written = until_there_is_no_room(&store, || limit_files("400000")).await;
    limit_files("unlimited");
    assert_eq!(store.commit(&issuer(0), add_pending(1)).await, Ok(Commit::Done));
    drop(store);
    let store = open(&path, &Options::default());
    assert_eq!(attempts(&store).await, written);
    report(IS_DONE);
}

fn limit_files(bytes: &str) {
    let id = std::process::id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:")]).status();
    assert!(limited.is_ok_and(|limited| limited.success()), "a limit is set by prlimit: install util-linux");
}

// proves: STORE-04
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_all_whom_it_concerns_and_none_of_them_is_half_written() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: Some(400 * 1024), ..Options::default() };
    let store = open(&directory.path().join("grantd.db"), &options);
    until_there_is_no_room(&store, || {}).await;
    store.sweep(&issuer(0), Time(10)).await.unwrap();
    assert_eq!(store.commit(&issuer(0), add_pending(1)).await, Ok(Commit::Done));
}

/// Counts and writes, twenty at once, until nothing is written any more. Says how many were counted, which is how many were written.
async fn until_there_is_no_room(store: &Store, begin: impl Fn()) -> u32 {
    begin();
    let (mut done, mut next) = (Vec::new(), 1000);
    loop {
        let mut tasks = JoinSet::new();
        for number in next..next + 20 {
            let store = store.clone();
            tasks.spawn(async move { (number, store.commit(&issuer(0), counted_and_long(number)).await) });
        }
        let outcomes = tasks.join_all().await;
        let before = done.len();
        for (number, outcome) in outcomes {
            match outcome {
                Ok(commit) => {
                    assert_eq!(commit, Commit::Done);
                    done.push(number);
                }
                Err(fault) => assert!(matches!(fault, StoreFault::Io { .. } | StoreFault::Full { .. }), "{fault:?}"),
            }
        }
        next += 20;
        if done.len() == before {
            break;
        }
    }
    for number in 1000..next {
        let lookup = Lookup { pending: Some(digest("pending", number)), ..Lookup::default() };
        assert_eq!(facts(store, lookup).await.pending.is_some(), done.contains(&number), "{number}");
    }
    let counted = attempts(store).await;
    assert_eq!(usize::try_from(counted).unwrap(), done.len(), "counted without what it was counted for");
    counted
}

/// Two changes: the second is the one that finds no room.
fn counted_and_long(number: u64) -> Vec<Change> {
    let (at, window, or) = (Time(1), Seconds(60), Refusal::SignInThrottled);
    let mut long = pending(number, 0, 10);
    long.state = Some("x".repeat(5_000));
    vec![Change::CountAttempt { key: attempt_key(0), at, window, limit: u32::MAX, or }, Change::AddPending(long)]
}

async fn attempts(store: &Store) -> u32 {
    let lookup = Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() };
    facts(store, lookup).await.attempts.first().map_or(0, |attempts| attempts.count)
}

// ---- how long the log is ----

const MEGABYTE: u64 = 1 << 20;
/// Its size from the first quiet moment on.
const GROWN: std::ops::Range<u64> = 32 * MEGABYTE..34 * MEGABYTE;
/// What a log that had to grow further is cut back to.
const CUT: u64 = 96 * MEGABYTE;

#[tokio::test]
async fn the_log_is_grown_in_a_quiet_moment_in_blocks_of_the_disk_and_gone_after_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let store = open(&path, &Options::default());
    assert_eq!(store.commit(&issuer(0), add_pending(1)).await, Ok(Commit::Done));
    assert!(length_of_log(&path) < MEGABYTE);
    grown(&path).await;
    // Behind the growing, which may have been seen under way.
    assert_eq!(store.commit(&issuer(0), add_pending(2)).await, Ok(Commit::Done));
    let log = std::fs::metadata(log_of(&path)).unwrap();
    assert!(log.blocks() * 512 >= GROWN.start, "promised, and not there");
    assert!(std::fs::metadata(&path).unwrap().len() < MEGABYTE, "the database is as it was");
    assert_eq!(store.commit(&issuer(0), add_pending(3)).await, Ok(Commit::Done));
    assert_eq!(length_of_log(&path), log.len());
    drop(store);
    assert!(!log_of(&path).exists());
    let store = open(&path, &Options::default());
    assert_eq!(store.commit(&issuer(0), add_pending(3)).await, Ok(Commit::Stale));
}

async fn grown(path: &Path) {
    for _ in 0..200 {
        if GROWN.contains(&length_of_log(path)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} bytes of log", length_of_log(path));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_end_leaves_nothing_beside_the_database() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grantd.db");
        let store = open(&path, &Options::default());
        for _ in 0..8 {
            store.clients(&issuer(0), None, 10).await.unwrap();
        }
        assert_eq!(store.commit(&issuer(0), add_pending(1)).await, Ok(Commit::Done));
        drop(store);
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|left| left.unwrap().file_name()).collect();
        assert_eq!(left, ["grantd.db"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_the_log_is_no_longer_than_it_was_grown_and_a_long_reader_makes_it_longer_only_for_a_while() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let store = open(&path, &Options::default());
    assert_eq!(store.commit(&issuer(0), add_pending(1)).await, Ok(Commit::Done));
    grown(&path).await;
    let grown = length_of_log(&path);
    for number in 100..164 {
        write_a_megabyte(&store, number).await;
        assert_eq!(length_of_log(&path), grown, "after {} megabytes", number - 99);
    }
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT handle FROM pending_requests LIMIT 1").unwrap();
    let begun: i64 = reader.query_row("SELECT 1 FROM pending_requests LIMIT 1", [], |row| row.get(0)).unwrap();
    assert_eq!(begun, 1);
    for number in 200..320 {
        write_a_megabyte(&store, number).await;
    }
    assert!(length_of_log(&path) > 115 * MEGABYTE, "nothing held it up");
    reader.execute_batch("COMMIT").unwrap();
    for number in 400..432 {
        write_a_megabyte(&store, number).await;
    }
    assert!(length_of_log(&path) <= CUT, "{} bytes of log", length_of_log(&path));
}

async fn write_a_megabyte(store: &Store, number: u64) {
    let mut long = pending(number, 0, 10);
    long.state = Some("x".repeat(1 << 20));
    assert_eq!(store.commit(&issuer(0), vec![Change::AddPending(long)]).await, Ok(Commit::Done));
    store.load(&issuer(0), &Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() }).await.unwrap();
}
