//! What a commit and a load cost, by how many wait at once. The figures are in docs/decisions/0011-group-commit.md:
//!
//! `cargo test --release -p grantd-store --test it speed -- --ignored --nocapture --test-threads 1`

use std::path::Path;
use std::time::{Duration, Instant};

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::GrantId;
use grantd_protocol::records::Spending;
use grantd_protocol::records::{Code, Grant, GrantState, Presence, Redemption, RefreshToken, Session, SessionState};
use grantd_store::{Location, Options, Store, Sync};
use grantd_tokens::{Seconds, Time};
use tokio::task::JoinSet;

use crate::records::{client_id, code, digest, grant, issuer, refresh_token, resource_id, scopes, session, user_id};
use crate::town::NOW;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a figure, and no rule"]
async fn what_a_commit_costs() {
    for (name, options) in [
        ("one by one", Options { most_in_a_commit: 1, ..Options::default() }),
        ("together", Options::default()),
        ("together, NORMAL", Options { sync: Sync::Normal, ..Options::default() }),
    ] {
        for at_once in [1, 16, 32, 128, 512] {
            let most = if options.most_in_a_commit == 1 || at_once == 1 { 2_000 } else { 20_000 };
            let town = Grown::with(most, &options).await;
            let exchanged = town.run(at_once, exchange).await;
            let refreshed = town.run(at_once, refresh).await;
            println!("{name:<17} {at_once:>4} at once: exchange {exchanged}; refresh {refreshed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a figure, and no rule"]
async fn what_a_load_costs() {
    for (name, readers_in_place) in [("by threads", 0), ("in place", Options::default().readers_in_place)] {
        let town = Grown::with(40_000, &Options { readers_in_place, ..Options::default() }).await;
        for at_once in [1, 2, 128] {
            let begun = Spent::so_far();
            let mut tasks = JoinSet::new();
            for task in 0..at_once {
                let store = town.store.clone();
                tasks.spawn(async move {
                    for number in (task..40_000).step_by(usize::try_from(at_once).unwrap()) {
                        let code = Some(digest("code", number));
                        let lookup = Lookup { code, client: Some(client_id(0)), ..Lookup::default() };
                        let (facts, _) = store.load_with_keys_revision(&issuer(0), &lookup).await.unwrap();
                        assert!(facts.grant.is_some() && facts.user.is_some() && facts.client.is_some());
                    }
                });
            }
            tasks.join_all().await;
            println!("{name:<10} {at_once:>4} at once: load {}", begun.until_now(40_000));
        }
    }
}

/// A database with so many grants whose codes wait.
struct Grown {
    store: Store,
    grants: u64,
    _directory: tempfile::TempDir,
}

impl Grown {
    async fn with(grants: u64, options: &Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open_with(&Location::File(directory.path().join("grantd.db")), options).unwrap();
        let changes = vec![
            Change::PutClient(crate::records::client(0, 1)),
            Change::PutResource(crate::records::resource(0, 1)),
            Change::AddUser { user: crate::records::user(0, 0, 0), or: grantd_protocol::refusals::Refusal::NameTaken },
        ];
        assert_eq!(store.commit(&issuer(0), changes).await, Ok(Commit::Done));
        let grown = Self { store, grants, _directory: directory };
        grown.run(512, given).await;
        // The quiet moment in which the log is grown.
        tokio::time::sleep(Duration::from_millis(700)).await;
        grown
    }

    async fn run(&self, at_once: u64, changes: fn(u64) -> Vec<Change>) -> String {
        let begun = Spent::so_far();
        let mut tasks = JoinSet::new();
        for task in 0..at_once {
            let (store, grants) = (self.store.clone(), self.grants);
            tasks.spawn(async move {
                for number in (task..grants).step_by(usize::try_from(at_once).unwrap()) {
                    assert_eq!(store.commit(&issuer(0), changes(number)).await, Ok(Commit::Done));
                }
            });
        }
        tasks.join_all().await;
        begun.until_now(self.grants)
    }
}

fn given(number: u64) -> Vec<Change> {
    let session = Session {
        authenticated_at: NOW,
        last_used_at: NOW,
        state: SessionState::Live,
        ..session(number, 0, (NOW + Seconds::hours(12)).0)
    };
    let grant = Grant {
        id: id(number),
        user: user_id(0),
        client: client_id(0),
        scopes: scopes("read offline_access"),
        resources: vec![resource_id(0)],
        details: Vec::new(),
        presence: Presence::Offline,
        authenticated_at: NOW,
        created_at: NOW,
        last_used_at: NOW,
        narrowings: 0,
        state: GrantState::Standing,
        ..grant(number, number, 0, (NOW + Seconds::days(90)).0)
    };
    let code =
        Code { grant: id(number), redemption: Redemption::Pending, ..code(number, 0, (at(number) + Seconds(60)).0) };
    vec![Change::AddSession { session, credentials_generation: 0 }, Change::AddGrant(grant), Change::AddCode(code)]
}

/// A thousand a second.
fn at(number: u64) -> Time {
    NOW + Seconds(i64::try_from(number / 1000).unwrap())
}

fn id(number: u64) -> GrantId {
    GrantId::new(digest("grant", number).to_base64url())
}

fn exchange(number: u64) -> Vec<Change> {
    vec![
        Change::RedeemCode { code: digest("code", number), at: at(number) },
        Change::UseGrant { grant: id(number), narrowings: 0, at: at(number) },
        Change::AddRefreshToken(token(number, 0)),
    ]
}

fn refresh(number: u64) -> Vec<Change> {
    let [token_now, successor] = [token(number, 0), token(number, 1)];
    vec![
        Change::SpendRefreshToken { token: token_now.hash, successor: successor.hash, at: at(number) },
        Change::UseGrant { grant: id(number), narrowings: 0, at: at(number) },
        Change::AddRefreshToken(successor),
    ]
}

fn token(number: u64, generation: u64) -> RefreshToken {
    RefreshToken {
        hash: digest("token", number * 2 + generation),
        grant: id(number),
        family: Some(digest("family", number)),
        generation: 0,
        issued_at: NOW,
        expires_at: NOW + Seconds::days(14),
        spending: Spending::Unspent,
        beside: None,
        ..refresh_token(number, 0)
    }
}

/// Time that passed, and what this process and its writer worked in it.
struct Spent {
    at: Instant,
    process: Duration,
    writer: Duration,
}

impl Spent {
    #[expect(clippy::disallowed_methods, reason = "a stopwatch")]
    fn so_far() -> Self {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
        let (mut process, mut writer) = (Duration::ZERO, Duration::ZERO);
        for thread in threads {
            let worked = worked(&thread);
            process += worked;
            if std::fs::read_to_string(thread.join("comm")).unwrap_or_default().starts_with("grantd-store-wr") {
                writer += worked;
            }
        }
        Self { at: Instant::now(), process, writer }
    }

    fn until_now(&self, times: u64) -> String {
        let now = Self::so_far();
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(times).unwrap());
        format!(
            "{:>6.0}/s, {:>5.1} µs CPU (writer {:>5.1})",
            1e6 / each(now.at - self.at),
            each(now.process.saturating_sub(self.process)),
            each(now.writer.saturating_sub(self.writer))
        )
    }
}

/// On a processor, as the kernel counts it.
fn worked(thread: &Path) -> Duration {
    let counted = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    Duration::from_nanos(counted.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).unwrap_or_default())
}
