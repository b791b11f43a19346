//! Requests that are committed together: none is harmed by another, and none is answered before it is kept.
//!
//! What goes wrong in SQLite is brought about by triggers that a stranger adds to the file.

use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{GrantState, Revocation, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Location, Options, Store, StoreFault};
use grantd_tokens::{Seconds, Time};
use rusqlite::Connection;

use crate::races::{at_once, begun, count, facts};
use crate::records::{attempt_key, client, code, digest, grant_id, issuer, pending, refresh_token};

type Outcome = Result<Commit, StoreFault>;

async fn town(options: &Options) -> (tempfile::TempDir, PathBuf, Store) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let store = Store::open_with(&Location::File(path.clone()), options).unwrap();
    begun(&store).await;
    (directory, path, store)
}

/// Commits all of them in one transaction, in this order: another holds the file until they all wait.
async fn together(store: &Store, path: &Path, jobs: Vec<Vec<Change>>) -> Vec<Outcome> {
    let issuer = issuer(0);
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // What the writer has taken when the others come.
    let mut first = pin!(store.commit(&issuer, vec![Change::PutClient(client(9, 0))]));
    assert!(has_to_wait(first.as_mut()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut commits: Vec<_> = jobs.into_iter().map(|changes| Box::pin(store.commit(&issuer, changes))).collect();
    for commit in &mut commits {
        assert!(has_to_wait(commit.as_mut()));
    }
    other.execute_batch("ROLLBACK").unwrap();
    first.await.unwrap();
    let mut outcomes = Vec::new();
    for commit in commits {
        outcomes.push(commit.await);
    }
    outcomes
}

/// Takes its place in the queue.
fn has_to_wait(commit: Pin<&mut impl Future<Output = Outcome>>) -> bool {
    commit.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

fn add_pending(number: u64) -> Change {
    Change::AddPending(pending(number, 0, 30))
}

fn count_attempt(limit: u32) -> Change {
    let (at, window, or) = (Time(1), Seconds(60), Refusal::SignInThrottled);
    Change::CountAttempt { key: attempt_key(0), at, window, limit, or }
}

async fn waits(store: &Store, number: u64) -> bool {
    let lookup = Lookup { pending: Some(digest("pending", number)), ..Lookup::default() };
    facts(store, lookup).await.pending.is_some()
}

async fn attempts(store: &Store) -> u32 {
    let lookup = Lookup { attempts: vec![attempt_key(0)], ..Lookup::default() };
    facts(store, lookup).await.attempts.first().map_or(0, |attempts| attempts.count)
}

/// What the database does when this request is to wait: from now on, for everybody.
fn when_it_is_added(path: &Path, number: u64, raised: &str) {
    let handle = digest("pending", number).to_base64url();
    let trigger = format!(
        "CREATE TRIGGER harm BEFORE INSERT ON pending_requests WHEN NEW.handle = '{handle}' \
         BEGIN SELECT RAISE({raised}, 'harmed'); END"
    );
    Connection::open(path).unwrap().execute_batch(&trigger).unwrap();
}

fn never_again(path: &Path) {
    Connection::open(path).unwrap().execute_batch("DROP TRIGGER harm").unwrap();
}

// proves: STORE-02, STORE-04
#[tokio::test]
async fn what_is_stale_refused_or_faulty_harms_nothing_that_is_committed_with_it() {
    let (_directory, path, store) = town(&Options::default()).await;
    when_it_is_added(&path, 50, "ABORT");
    let redeem = || Change::RedeemCode { code: digest("code", 0), at: Time(5) };
    let outcomes = together(
        &store,
        &path,
        vec![
            vec![add_pending(40), add_pending(41)],
            // Each of these has written something when it finds out.
            vec![add_pending(42), add_pending(41)],
            vec![count_attempt(9), add_pending(43), count_attempt(1)],
            vec![count_attempt(9), add_pending(44), add_pending(50)],
            vec![redeem(), Change::AddRefreshToken(refresh_token(60, 0))],
            // And each of these is alone in its statement.
            vec![redeem()],
            vec![add_pending(50)],
            vec![count_attempt(0)],
            Vec::new(),
            vec![count_attempt(9), add_pending(45)],
        ],
    )
    .await;
    let refused = Ok(Commit::Refused(Refusal::SignInThrottled));
    let [done, stale] = [Ok(Commit::Done), Ok(Commit::Stale)];
    let told: Vec<Outcome> = outcomes
        .iter()
        .map(|outcome| {
            outcome.clone().map_err(|fault| if is_of_the_trigger(&fault) { StoreFault::Closed } else { fault })
        })
        .collect();
    let faulty = Err(StoreFault::Closed);
    let expected = [
        done.clone(),
        stale.clone(),
        refused.clone(),
        faulty.clone(),
        done.clone(),
        stale,
        faulty,
        refused,
        done.clone(),
        done,
    ];
    assert_eq!(told, expected);
    for (number, expected) in [(40, true), (41, true), (42, false), (43, false), (44, false), (45, true), (50, false)] {
        assert_eq!(waits(&store, number).await, expected, "{number}");
    }
    assert_eq!(attempts(&store).await, 1);
    let lookup = Lookup { refresh_token: Some(digest("refresh", 60)), ..Lookup::default() };
    assert!(facts(&store, lookup).await.refresh_token.is_some());
}

fn is_of_the_trigger(fault: &StoreFault) -> bool {
    matches!(fault, StoreFault::Io { reason, .. } if reason == "harmed")
}

// proves: CODE-03, STORE-02
#[tokio::test]
async fn what_comes_later_in_a_batch_sees_what_came_before() {
    let (_directory, path, store) = town(&Options::default()).await;
    let spend = |successor| {
        let (token, successor) = (digest("refresh", 0), digest("refresh", successor));
        Change::SpendRefreshToken { token, successor, at: Time(5) }
    };
    let revoke = Change::RevokeGrant { grant: grant_id(0), at: Time(9), because: Revocation::EndedByUser };
    let outcomes = together(
        &store,
        &path,
        vec![
            vec![spend(60), Change::AddRefreshToken(refresh_token(60, 0))],
            vec![spend(61), Change::AddRefreshToken(refresh_token(61, 0))],
            vec![Change::AddCode(code(7, 0, 50))],
            vec![revoke],
            vec![Change::AddCode(code(8, 0, 50))],
        ],
    )
    .await;
    let [done, stale] = [Ok(Commit::Done), Ok(Commit::Stale)];
    assert_eq!(outcomes, [done.clone(), stale.clone(), done.clone(), done, stale]);
    let lookup = Lookup { refresh_token: Some(digest("refresh", 0)), ..Lookup::default() };
    let found = facts(&store, lookup).await;
    let successor = digest("refresh", 60);
    assert_eq!(found.refresh_token.unwrap().spending, Spending::Spent { at: Time(5), successor });
    assert!(matches!(found.grant.unwrap().state, GrantState::Revoked { at: Time(9), .. }));
}

// proves: STORE-04
#[tokio::test]
async fn when_the_database_ends_a_transaction_all_of_it_is_told_so_and_the_next_one_is_committed() {
    let (_directory, path, store) = town(&Options::default()).await;
    when_it_is_added(&path, 50, "ROLLBACK");
    let jobs = || vec![vec![add_pending(40)], vec![count_attempt(9), add_pending(50)], vec![add_pending(41)]];
    for outcome in together(&store, &path, jobs()).await {
        assert!(is_of_the_trigger(&outcome.unwrap_err()));
    }
    assert_eq!((waits(&store, 40).await, waits(&store, 41).await, attempts(&store).await), (false, false, 0));
    never_again(&path);
    assert!(together(&store, &path, jobs()).await.iter().all(|outcome| *outcome == Ok(Commit::Done)));
    assert!(waits(&store, 40).await && waits(&store, 41).await && waits(&store, 50).await);
}

// proves: STORE-05
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_answered_among_a_hundred_is_in_the_file_for_whoever_reads_it() {
    let (_directory, path, store) = town(&Options::default()).await;
    let outcomes = at_once(std::slice::from_ref(&store), |number, store| {
        let path = path.clone();
        async move {
            let stranger = Connection::open(&path).unwrap();
            for number in (0..10).map(|round| 1000 + round * 100 + number) {
                let outcome = store.commit(&issuer(0), vec![Change::AddRefreshToken(refresh_token(number, 0))]).await;
                let hash = digest("refresh", number).to_base64url();
                let sql = "SELECT count(*) FROM refresh_tokens WHERE hash = ?1";
                let found: i64 = stranger.query_row(sql, [hash], |row| row.get(0)).unwrap();
                assert_eq!((outcome, found), (Ok(Commit::Done), 1));
            }
            Ok(Commit::Done)
        }
    })
    .await;
    assert_eq!(count(&outcomes, Commit::Done), 100);
}

#[tokio::test]
async fn no_more_bytes_wait_than_may_and_whoever_is_told_so_is_not_written() {
    let options = Options { queue_bytes: 30_000, ..Options::default() };
    let (_directory, path, store) = town(&options).await;
    let issuer = issuer(0);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let long = |number| {
        let mut long = pending(number, 0, 10);
        long.state = Some("x".repeat(10_000));
        vec![Change::AddPending(long)]
    };
    let mut taken: Vec<_> = (40..42).map(|number| Box::pin(store.commit(&issuer, long(number)))).collect();
    assert!(taken.iter_mut().all(|commit| has_to_wait(commit.as_mut())));
    assert_eq!(store.commit(&issuer, long(42)).await, Err(StoreFault::Busy));
    // What is small still finds room.
    taken.push(Box::pin(store.commit(&issuer, vec![add_pending(43)])));
    assert!(has_to_wait(taken.last_mut().unwrap().as_mut()));
    other.execute_batch("ROLLBACK").unwrap();
    for commit in taken {
        assert_eq!(commit.await, Ok(Commit::Done));
    }
    // And now that nothing waits, so does one that is larger than all that may.
    let mut huge = pending(44, 0, 10);
    huge.state = Some("x".repeat(100_000));
    assert_eq!(store.commit(&issuer, vec![Change::AddPending(huge)]).await, Ok(Commit::Done));
    let mut found = Vec::new();
    for number in 40..45 {
        found.push(waits(&store, number).await);
    }
    assert_eq!(found, [true, true, false, true, true]);
}
