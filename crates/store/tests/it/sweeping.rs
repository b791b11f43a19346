//! What a sweep takes, and what it must leave.

use std::time::Duration;

use grantd_postgres_fixture::{Options, Server};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{Redemption, Spending};
use grantd_protocol::settings::CLOCKS_APART;
use grantd_protocol::state::{SPENT_TOKENS_KEPT, State};
use grantd_store::{Location, Store, Swept};
use grantd_tokens::Time;

use crate::acts::beginning;
use crate::databases::{isolations, open_at, store};
use crate::records::{
    access_token, access_token_id, code, digest, grant, grant_id, issued, issuer, pending, refresh_token,
};

async fn begun() -> Store {
    begun_in(store()).await
}

async fn begun_in(store: Store) -> Store {
    for change in beginning() {
        assert_eq!(store.commit(&issuer(0), vec![change]).await, Ok(Commit::Done));
    }
    store
}

// proves: STORE-09
#[tokio::test]
async fn spent_marks_stay_until_the_absolute_end_of_their_grant() {
    let store = begun().await;
    let spend = Change::SpendRefreshToken { token: digest("refresh", 0), successor: digest("refresh", 5), at: Time(4) };
    let redeem = Change::RedeemCode { code: digest("code", 0), at: Time(3) };
    assert_eq!(store.commit(&issuer(0), vec![redeem, spend]).await, Ok(Commit::Done));
    let lookup =
        Lookup { code: Some(digest("code", 0)), refresh_token: Some(digest("refresh", 0)), ..Lookup::default() };

    // The code has lapsed at 20, the session ended at 40, the grant ends at 50.
    for now in [20, 40, 49] {
        store.sweep(&issuer(0), Time(now)).await.unwrap();
        let facts = store.load(&issuer(0), &lookup).await.unwrap();
        assert_eq!(facts.code.unwrap().redemption, Redemption::Redeemed { at: Time(3) });
        assert!(matches!(facts.refresh_token.unwrap().spending, Spending::Spent { .. }));
        assert!(facts.grant.is_some() && facts.grant_session.is_some());
    }
    let swept = store.sweep(&issuer(0), Time(50)).await.unwrap();
    assert_eq!(swept, Swept { grants: 1, sessions: 1, ..Swept::default() });
    let facts = store.load(&issuer(0), &lookup).await.unwrap();
    assert!(facts.code.is_none() && facts.refresh_token.is_none() && facts.grant.is_none());
}

/// A grant that stays, with a family of which the first token was spent at 10 for one that was replaced unused at 12.
async fn with_a_long_family(store: &Store) {
    let spend =
        Change::SpendRefreshToken { token: digest("refresh", 20), successor: digest("refresh", 21), at: Time(10) };
    let (predecessor, unused, replacement) = (digest("refresh", 20), digest("refresh", 21), digest("refresh", 22));
    let changes = vec![
        Change::AddGrant(grant(7, 0, 0, 1_000_000)),
        Change::AddRefreshToken(refresh_token(20, 7)),
        spend,
        Change::AddRefreshToken(refresh_token(21, 7)),
        Change::ReplaceSuccessor { predecessor, unused, replacement, at: Time(12) },
        Change::AddRefreshToken(refresh_token(22, 7)),
    ];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
}

// proves: STORE-09
#[tokio::test]
async fn a_spent_token_is_forgotten_after_two_hours_and_its_family_tells_what_it_was() {
    let store = begun().await;
    with_a_long_family(&store).await;
    let shown = |number, family| Lookup { refresh_token: Some(digest("refresh", number)), family, ..Lookup::default() };
    let is_kept = async |number| store.load(&issuer(0), &shown(number, None)).await.unwrap().refresh_token.is_some();
    let mut swept = 0;
    for (now, [spent, superseded]) in
        [(9, [true, true]), (10, [false, true]), (12, [false, false]), (900_000, [false, false])]
    {
        swept += store.sweep(&issuer(0), Time(now) + SPENT_TOKENS_KEPT).await.unwrap().refresh_tokens;
        assert_eq!([is_kept(20).await, is_kept(21).await, is_kept(22).await], [spent, superseded, true], "{now}");
        let facts = store.load(&issuer(0), &shown(20, Some(digest("family", 7)))).await.unwrap();
        assert_eq!(facts.grant.unwrap().id, grant_id(7));
    }
    assert_eq!(swept, 2);
}

#[tokio::test]
async fn what_ended_before_its_time_and_opaque_tokens_go_when_that_time_has_come() {
    let store = begun().await;
    let changes = vec![
        Change::AddAccessToken(access_token(5, None, 30)),
        Change::EndAccessToken { token: issued(5), at: Time(20) },
    ];
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    let lookup = Lookup { access_token: Some(digest("access", 5)), ..Lookup::default() };
    let named = Lookup { access_token_id: Some(access_token_id(5)), ..Lookup::default() };
    // It would have lived until 45; somebody's clock is late.
    let over_everywhere = 45 + CLOCKS_APART.0;
    let expected = [
        (29, [true, true]),
        (30, [false, true]),
        (over_everywhere - 1, [false, true]),
        (over_everywhere, [false, false]),
    ];
    for (now, [token, ended]) in expected {
        store.sweep(&issuer(0), Time(now)).await.unwrap();
        let held = store.load(&issuer(0), &lookup).await.unwrap().access_token;
        let over = store.load(&issuer(0), &named).await.unwrap().ended.unwrap();
        assert_eq!([held.is_some(), !over.is_empty()], [token, ended], "{now}");
    }
}

#[tokio::test]
async fn a_long_list_is_swept_to_its_end_in_small_batches() {
    let store = begun().await;
    let mut state = State::default();
    for change in beginning() {
        state.commit(&issuer(0), &[change]);
    }
    for number in 1000..1700 {
        let mut changes = vec![
            Change::AddPending(pending(number, 0, 10)),
            Change::AddGrant(grant(number, 0, 0, 50)),
            Change::AddCode(code(number, number, 10)),
        ];
        if number % 2 == 0 {
            changes.push(Change::RedeemCode { code: digest("code", number), at: Time(5) });
            changes.push(Change::AddRefreshToken(refresh_token(number, number)));
        }
        state.commit(&issuer(0), &changes);
        assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
    }
    let swept = store.sweep(&issuer(0), Time(15)).await.unwrap();
    assert_eq!((swept.pending_requests, swept.grants), (700, 350));
    state.sweep(&issuer(0), Time(15));
    for number in 1000..1700 {
        let lookup = Lookup {
            code: Some(digest("code", number)),
            refresh_token: Some(digest("refresh", number)),
            ..Lookup::default()
        };
        assert_eq!(store.load(&issuer(0), &lookup).await.unwrap(), state.load(&issuer(0), &lookup));
    }
    assert_eq!(store.sweep(&issuer(0), Time(15)).await.unwrap(), Swept::default());
}

// On SQLite, where another process can be made to hold the sweep between its two halves.
// proves: STORE-09
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_redeemed_between_finding_and_sweeping_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grantd.db");
    let store = begun_in(Store::open(&Location::File(path.clone())).unwrap()).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE codes SET redeemed_at = 19, lapses_at = NULL").unwrap();
    let sweeping = tokio::spawn({
        let store = store.clone();
        async move { store.sweep(&issuer(0), Time(26)).await.unwrap() }
    });
    // By now the sweep has found both codes too late, and waits for the other process.
    tokio::time::sleep(Duration::from_millis(300)).await;
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(sweeping.await.unwrap(), Swept::default());
    for number in [0, 1] {
        let lookup = Lookup { code: Some(digest("code", number)), ..Lookup::default() };
        let facts = store.load(&issuer(0), &lookup).await.unwrap();
        assert_eq!(facts.code.unwrap().redemption, Redemption::Redeemed { at: Time(19) });
        assert!(facts.grant.is_some());
    }
}

/// What a row is, what makes it one that stays, and how it is counted.
const FOUND_AND_THEN_USED: [(&str, &str, &str); 4] = [
    (
        "INSERT INTO writers (id, batch, wrote_at) VALUES ('rested', 1, 0)",
        "UPDATE writers SET batch = 2, wrote_at = 4000000000 WHERE id = 'rested'",
        "SELECT count(*) FROM writers WHERE id = 'rested'",
    ),
    (
        "INSERT INTO sessions (issuer, id, user_id, expires_at, needed_until, last_used_at, record) \
         VALUES ('https://of-0.example', 's', 'u', 0, 0, 0, '{}')",
        "UPDATE sessions SET needed_until = 4000000000 WHERE id = 's'",
        "SELECT count(*) FROM sessions WHERE id = 's'",
    ),
    (
        "INSERT INTO attempts (issuer, counted_by, since, counted) VALUES ('https://of-0.example', 'a', 0, 1)",
        "UPDATE attempts SET since = 4000000000 WHERE counted_by = 'a'",
        "SELECT count(*) FROM attempts WHERE counted_by = 'a'",
    ),
    (
        "INSERT INTO grants (issuer, id, user_id, client_id, session_id, presence, expires_at, record) \
         VALUES ('https://of-0.example', 'g', 'u', 'c', 's', 'always', 4000000000, '{}'); \
         INSERT INTO codes (issuer, hash, grant_id, lapses_at, wrong_verifiers, record) \
         VALUES ('https://of-0.example', 'h', 'g', 0, 0, '{}')",
        "UPDATE codes SET lapses_at = NULL, redeemed_at = 1 WHERE hash = 'h'; \
         UPDATE grants SET last_used_at = 1 WHERE id = 'g'",
        "SELECT count(*) FROM grants WHERE id = 'g'",
    ),
];
const WAITING_FOR_A_ROW: &str =
    "SELECT CAST(count(*) > 0 AS TEXT) FROM pg_stat_activity WHERE wait_event = 'transactionid'";

// proves: STORE-09
#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_while_a_sweep_has_found_it_stays() {
    if isolations().is_empty() {
        return;
    }
    let server = tokio::task::block_in_place(|| Server::start(&Options::default()));
    for isolation in isolations() {
        let schema = tokio::task::block_in_place(|| server.schema(isolation));
        let store = open_at(&schema.url());
        for (add, using, counting) in FOUND_AND_THEN_USED {
            let run = |sql: &str| tokio::task::block_in_place(|| server.execute_in(&schema, sql));
            run(&add.replace("https://of-0.example", issuer(0).as_str()));
            run(&format!("BEGIN; {using}"));
            let sweeping = tokio::spawn({
                let store = store.clone();
                async move { store.sweep(&issuer(0), Time(2_000_000_000)).await }
            });
            tokio::task::block_in_place(|| server.wait_until(WAITING_FOR_A_ROW, "true"));
            run("COMMIT");
            sweeping.await.unwrap().unwrap();
            assert_eq!(run(counting), [[Some("1".to_owned())]], "{isolation:?}: {using}");
        }
    }
}
