//! Restarts and sudden ends: what was acknowledged is there, and nothing by halves.

use std::path::Path;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::EventFilter;
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{GrantState, Redemption, Revocation, SessionState, Spending};
use grantd_protocol::refusals::Refusal;
use grantd_store::{Location, Store};
use grantd_tokens::{Seconds, Time};

use crate::acts::beginning;
use crate::children::{about, report, reports, spawn};
use crate::databases::{database, every_database, open_at};
use crate::events::event;
use crate::records::{code, digest, grant, grant_id, issuer, pending, refresh_token};
use crate::town::Town;

fn open(path: &Path) -> Store {
    Store::open(&Location::File(path.to_owned())).unwrap()
}

// proves: INV-10
#[tokio::test]
async fn what_was_spent_or_revoked_stays_so_after_a_restart() {
    let database = database();
    let town = Town::found(database.open()).await;
    let (used, revoked) = (town.approve().await, town.approve().await);
    let issued = town.redeem(&used.code).await.unwrap();
    let token = issued.refresh_token.unwrap();
    town.run(&town.refresh(&token)).await.unwrap();
    let session = revoked.browser.session_hash().unwrap();
    let end = Change::EndSession { session, at: Time(1) };
    assert_eq!(town.store.commit(&town.issuer, vec![end]).await, Ok(Commit::Done));

    let Town { store, issuer, client_secret, code_verifier, now } = town;
    drop(store);
    let town = Town { store: database.open(), issuer, client_secret, code_verifier, now };
    let lookup = |session| Lookup { session, ..Lookup::default() };
    let session = town.store.load(&town.issuer, &lookup(Some(session))).await.unwrap().session.unwrap();
    assert_eq!(session.state, SessionState::Ended { at: Time(1) });
    assert_eq!(town.redeem(&revoked.code).await.unwrap_err(), Refusal::CodeSessionEnded);
    // No retry any more.
    let later = town.after(Seconds(60));
    assert_eq!(later.run(&later.refresh(&token)).await.unwrap_err(), Refusal::RefreshTokenReused);
    assert_eq!(town.redeem(&used.code).await.unwrap_err(), Refusal::CodeReplayed);
}

// proves: CODE-03, INV-10, LOG-04, STORE-04, STORE-05, STORE-06
#[test]
fn a_killed_server_leaves_all_that_it_acknowledged_and_nothing_by_halves() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for database in every_database() {
        drop(runtime.block_on(begun(database.open())));
        let mut acknowledged = 0;
        for round in 1..=5_u64 {
            let first = acknowledged + 1000;
            let mut child =
                spawn("crashes::child_exchanges_until_it_is_killed", &format!("{first} {}", database.address()));
            let mut reports = reports(&mut child);
            acknowledged = reports.by_ref().nth(usize::try_from(round * 3).unwrap()).unwrap().parse().unwrap();
            // Not always at the same place in its work.
            std::thread::sleep(std::time::Duration::from_millis(round * 13));
            child.kill().unwrap();
            child.wait().unwrap();
            // What it reported between the last line read and its end.
            acknowledged = reports.last().map_or(acknowledged, |line| line.parse().unwrap());
            runtime.block_on(check(&database.open(), first, acknowledged));
        }
    }
}

async fn begun(store: Store) -> Store {
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    store
}

async fn check(store: &Store, first: u64, acknowledged: u64) {
    for number in first..acknowledged + 3 {
        let at_code = Lookup { code: Some(digest("code", number)), ..Lookup::default() };
        let at_token = Lookup { refresh_token: Some(digest("refresh", number)), ..Lookup::default() };
        let at_code = store.load(&issuer(0), &at_code).await.unwrap();
        let at_token = store.load(&issuer(0), &at_token).await.unwrap();
        let redeemed = at_code.code.is_some_and(|code| code.redemption != Redemption::Pending);
        let token = at_token.refresh_token;
        assert_eq!(redeemed, token.is_some(), "{number}: the code and what it pays for");
        let revoked = at_code.grant.is_some_and(|grant| grant.state != GrantState::Standing);
        let spent = token.is_some_and(|token| token.spending != Spending::Unspent);
        assert_eq!(spent, revoked, "{number}: the reuse and the revocation, written together");
        let at = Time(i64::try_from(number).unwrap());
        let of_then = EventFilter { since: Some(at), until: Some(at), ..EventFilter::default() };
        let told = store.events(&issuer(0), of_then, 2).await.unwrap();
        assert_eq!(told.len(), usize::from(spent), "{number}: the event and what it tells of");
        assert!(number > acknowledged || (redeemed && spent), "{number} was acknowledged, and is not there");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs as the child of a_killed_server_leaves_all_that_it_acknowledged_and_nothing_by_halves"]
async fn child_exchanges_until_it_is_killed() {
    let about = about();
    let (first, address) = about.split_once(' ').unwrap();
    let store = open_at(address);
    for number in first.parse().unwrap().. {
        let given = vec![Change::AddGrant(grant(number, 0, 0, 50)), Change::AddCode(code(number, number, 20))];
        let redeem = Change::RedeemCode { code: digest("code", number), at: Time(5) };
        // A long way from the code to what it pays for: most kills come in between.
        let long_way =
            |from: u64| (from..from + 100).map(|each| Change::AddPending(pending(number * 1000 + each, 0, 10)));
        let mut exchanged = vec![redeem];
        exchanged.extend(long_way(0));
        exchanged.push(Change::AddRefreshToken(refresh_token(number, number)));
        let (token, successor) = (digest("refresh", number), digest("refresh", 0));
        let revoke =
            Change::RevokeGrant { grant: grant_id(number), at: Time(7), because: Revocation::RefreshTokenReused };
        // And a long way from what is told to what it tells of.
        let mut ended = vec![Change::Record(event(number, i64::try_from(number).unwrap()))];
        ended.extend(long_way(100));
        ended.extend([Change::SpendRefreshToken { token, successor, at: Time(6) }, revoke]);
        for changes in [given, exchanged, ended] {
            assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
        }
        report(&number.to_string());
    }
}

// proves: STORE-05
#[tokio::test]
async fn a_commit_that_returned_is_in_the_file_for_whoever_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let store = begun(open(&path)).await;
    let stranger = rusqlite::Connection::open(&path).unwrap();
    for number in 100..200 {
        let change = Change::AddRefreshToken(refresh_token(number, 0));
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
        let hash = digest("refresh", number).to_base64url();
        let found: i64 = stranger
            .query_row("SELECT count(*) FROM refresh_tokens WHERE hash = ?1", [hash], |row| row.get(0))
            .unwrap();
        assert_eq!(found, 1);
    }
}

// A missing sync shows only when the machine loses its power, so that the database is asked what it does.
// proves: STORE-05
#[test]
fn the_database_says_that_it_syncs_every_commit() {
    let directory = tempfile::tempdir().unwrap();
    assert!(open(&directory.path().join("grantd.db")).is_durable());
    assert!(!Store::open(&Location::Memory).unwrap().is_durable());
}
