//! What a commit and a load cost on a server: `cargo test --release -p grantd-store --test it postgres_figures -- --ignored
//! --nocapture`.

use std::time::Duration;

use grantd_postgres_fixture::{Isolation, Options, Server};
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_store::{Location, PostgresServer, Store};
use grantd_tokens::Time;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::acts::beginning;
use crate::records::{client_id, code, digest, grant, grant_id, issuer, refresh_token, session};

const TIMES: u64 = 5_000;
/// In so many, one after the other.
const SESSIONS: u64 = 500;
const FIRST_SESSION: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn exchanges_and_loads_per_second() {
    let server = Server::start(&Options { durable: true, ..Options::default() });
    for at_once in [1, 16, 128, 512] {
        let schema = server.schema(Isolation::ReadCommitted);
        let store = Store::open(&Location::Postgres(PostgresServer::parse(&schema.url()).unwrap())).unwrap();
        for change in beginning() {
            store.commit(&issuer(0), vec![change]).await.unwrap();
        }
        let add = |number| Change::AddSession { session: session(number, 0, 0), credentials_generation: 0 };
        let put = (FIRST_SESSION..FIRST_SESSION + SESSIONS).map(add).collect();
        assert_eq!(store.commit(&issuer(0), put).await, Ok(Commit::Done));
        let rounds = if at_once == 1 { 500 } else { TIMES };
        for kind in KINDS {
            let (before, trips, began) = (cpu(), store.round_trips(), Instant::now());
            let mut running = JoinSet::new();
            for task in 0..at_once {
                let store = store.clone();
                running.spawn(async move {
                    for number in (100 + task..100 + rounds).step_by(usize::try_from(at_once).unwrap()) {
                        one(&store, kind, number).await;
                    }
                });
            }
            running.join_all().await;
            let (took, used) = (began.elapsed(), cpu().saturating_sub(before));
            let rounds = f64::from(u32::try_from(rounds).unwrap());
            println!(
                "{at_once} at once: {kind} {:.0}/s, {:.1} µs of our CPU each, {:.2} round trips that read",
                rounds / took.as_secs_f64(),
                used.as_secs_f64() * 1e6 / rounds,
                f64::from(u32::try_from(store.round_trips() - trips).unwrap()) / rounds,
            );
        }
    }
}

const KINDS: [&str; 4] = ["approve in one session", "approve in many", "exchange", "load"];

async fn one(store: &Store, kind: &str, number: u64) {
    let changes = match kind {
        "approve in one session" => {
            vec![Change::AddGrant(grant(number, 0, 0, 52)), Change::AddCode(code(number, number, 20))]
        }
        "approve in many" => {
            let (session, number) = (FIRST_SESSION + number % SESSIONS, 1_000_000 + number);
            vec![Change::AddGrant(grant(number, session, 0, 52)), Change::AddCode(code(number, number, 20))]
        }
        "exchange" => vec![
            Change::UseGrant { grant: grant_id(number), narrowings: 0, at: Time(5) },
            Change::RedeemCode { code: digest("code", number), at: Time(5) },
            Change::AddRefreshToken(refresh_token(number, number)),
        ],
        _ => {
            let lookup = Lookup {
                client: Some(client_id(0)),
                refresh_token: Some(digest("refresh", number)),
                ..Lookup::default()
            };
            let (facts, _) = store.load_with_keys_revision(&issuer(0), &lookup).await.unwrap();
            assert!(facts.user.is_some());
            return;
        }
    };
    assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done), "{kind} {number}");
}

/// The user and system time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
