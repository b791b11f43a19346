//! Two nodes, which have nothing but the database in common, race for the same thing again and again.

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::records::{Redemption, Spending};
use grantd_store::Store;
use grantd_tokens::Time;
use tokio::task::JoinSet;

use crate::databases::every_database;
use crate::races::{begun, facts};
use crate::records::{code, digest, issuer, refresh_token};

/// So many races run at the same time, or the nodes would never commit more than one of them together.
const AT_ONCE: u64 = 64;
const A_FEW: u64 = 1_000;
const MANY: u64 = 10_000;

// proves: CODE-03, REFRESH-08, STORE-02, STORE-03
#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_race_for_one_thing_one_gets_it_each_time() {
    race(A_FEW).await;
}

/// `cargo test -p grantd-store --test it ten_thousand_races -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn ten_thousand_races_of_two_nodes_for_one_thing_have_one_winner_each() {
    for told in race(MANY).await {
        println!("{told}");
    }
}

/// How many each of them won, on each database.
async fn race(races: u64) -> Vec<String> {
    let mut told = Vec::new();
    for database in every_database() {
        let nodes = database.two_stores();
        begun(&nodes[0]).await;
        let mut won = [0, 0];
        for round in 0..races.div_ceil(AT_ONCE) {
            let mut running = JoinSet::new();
            for number in round * AT_ONCE..races.min((round + 1) * AT_ONCE) {
                running.spawn(race_for_a_code(nodes.clone(), 1_000_000 + number));
                running.spawn(race_for_a_refresh_token(nodes.clone(), 2_000_000 + number));
            }
            for winner in running.join_all().await {
                won[winner] += 1;
            }
        }
        assert_eq!(won[0] + won[1], 2 * races);
        told.push(format!("{database}: {won:?}"));
    }
    told
}

/// Which of them redeemed it. The other finds its own change stale, and the token that it would have issued is not there.
async fn race_for_a_code(nodes: [Store; 2], number: u64) -> usize {
    let put = Change::AddCode(code(number, 0, 50));
    assert_eq!(nodes[0].commit(&issuer(0), vec![put]).await, Ok(Commit::Done));
    let redeem = |node: u64| {
        let redeem = Change::RedeemCode { code: digest("code", number), at: Time(5) };
        vec![redeem, Change::AddRefreshToken(refresh_token(10 * number + node, 0))]
    };
    let winner = winner(&nodes, redeem).await;
    let lookup = Lookup { code: Some(digest("code", number)), ..Lookup::default() };
    let redeemed = facts(&nodes[1 - winner], lookup).await.code.unwrap();
    assert_eq!(redeemed.redemption, Redemption::Redeemed { at: Time(5) });
    assert_paid_for(&nodes, number, winner).await;
    winner
}

async fn race_for_a_refresh_token(nodes: [Store; 2], number: u64) -> usize {
    let put = Change::AddRefreshToken(refresh_token(number, 0));
    assert_eq!(nodes[0].commit(&issuer(0), vec![put]).await, Ok(Commit::Done));
    let rotate = |node: u64| {
        let (token, successor) = (digest("refresh", number), digest("refresh", 10 * number + node));
        let spend = Change::SpendRefreshToken { token, successor, at: Time(5) };
        vec![Change::AddRefreshToken(refresh_token(10 * number + node, 0)), spend]
    };
    let winner = winner(&nodes, rotate).await;
    let lookup = Lookup { refresh_token: Some(digest("refresh", number)), ..Lookup::default() };
    let spent = facts(&nodes[1 - winner], lookup).await.refresh_token.unwrap();
    let successor = digest("refresh", 10 * number + winner as u64);
    assert_eq!(spent.spending, Spending::Spent { at: Time(5), successor });
    assert_paid_for(&nodes, number, winner).await;
    winner
}

async fn winner(nodes: &[Store; 2], changes: impl Fn(u64) -> Vec<Change>) -> usize {
    let (at, [one, other]) = (issuer(0), nodes);
    match tokio::join!(one.commit(&at, changes(0)), other.commit(&at, changes(1))) {
        (Ok(Commit::Done), Ok(Commit::Stale)) => 0,
        (Ok(Commit::Stale), Ok(Commit::Done)) => 1,
        outcomes => panic!("{outcomes:?}"),
    }
}

/// Only what the winner issued is there, for both.
async fn assert_paid_for(nodes: &[Store; 2], number: u64, winner: usize) {
    for store in nodes {
        for node in [0, 1] {
            let lookup = Lookup { refresh_token: Some(digest("refresh", 10 * number + node)), ..Lookup::default() };
            assert_eq!(facts(store, lookup).await.refresh_token.is_some(), node == winner as u64, "{number}");
        }
    }
}
