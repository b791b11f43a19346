//! How large a database becomes: the same work, hour by hour, on a clock of its own. The figures are in docs/figures.md:
//!
//! `TMPDIR=/dev/shm cargo test -p grantd-store --test it growth -- --ignored --nocapture --test-threads 1`
//!
//! Without a disk that must be synced it takes minutes. What is written is the same.

use std::path::PathBuf;

use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::names::GrantId;
use grantd_protocol::records::{Code, Grant, Presence, RefreshToken, Session, SessionState};
use grantd_protocol::token::refresh_secret::RefreshSecret;
use grantd_store::{Location, Store};
use grantd_tokens::{Seconds, Secret};
use tokio::task::JoinSet;

use crate::records::{code, digest, grant, refresh_token, resource_id, scopes, session, user_id};
use crate::town::{Counted, Town};

const HOUR: Seconds = Seconds::hours(1);
/// An answer is lost in so many, and the refresh is tried again.
const LOST_IN: usize = 20;

/// Grants that are all refreshed every hour, and the file in which they are kept.
struct Growth {
    town: Town,
    live: Vec<Secret>,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_month_of_grants_that_are_refreshed_every_hour_takes_no_more_room_than_its_first_hours() {
    let mut growth = Growth::begin(500).await;
    let mut after_warm_up = 0;
    for hour in 1..=720 {
        growth.pass_an_hour().await;
        if hour == 6 {
            after_warm_up = growth.print(hour);
        } else if hour % 72 == 0 {
            let bytes = growth.print(hour);
            assert!(bytes <= after_warm_up + after_warm_up / 20, "{bytes} bytes, and {after_warm_up} after six hours");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_grants_take_no_more_room_each_than_a_few() {
    let mut growth = Growth::begin(100_000).await;
    for hour in 1..=5 {
        growth.pass_an_hour().await;
        growth.print(hour);
    }
}

impl Growth {
    async fn begin(grants: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grantd.db");
        let town = Town::found(Store::open(&Location::File(path.clone())).unwrap()).await;
        let mut live = Vec::new();
        for number in 0..grants {
            let (changes, token) = given(&town, number);
            assert_eq!(town.store.commit(&town.issuer, changes).await, Ok(Commit::Done));
            live.push(token);
        }
        let growth = Self { town, live, path, _directory: directory };
        growth.print(0);
        growth
    }

    /// Every grant is refreshed once, through the real decision; then a sweep.
    async fn pass_an_hour(&mut self) {
        self.town = self.town.after(HOUR);
        let mut tasks = JoinSet::new();
        let each = self.live.len().div_ceil(TASKS);
        for part in std::mem::take(&mut self.live).chunks(each) {
            tasks.spawn(refreshed(self.town.clone(), part.to_vec()));
        }
        self.live = tasks.join_all().await.into_iter().flatten().collect();
        self.town.store.sweep(&self.town.issuer, self.town.now).await.unwrap();
    }

    /// Bytes for each grant: of the pages in use.
    #[expect(clippy::print_stdout, reason = "a figure is what comes of it")]
    fn print(&self, hour: u32) -> i64 {
        let database = rusqlite::Connection::open(&self.path).unwrap();
        let number = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let used = (number("page_count") - number("freelist_count")) * number("page_size");
        let rows: i64 = database.query_row("SELECT count(*) FROM refresh_tokens", [], |row| row.get(0)).unwrap();
        let grants = i64::try_from(self.live.len()).unwrap();
        let file = std::fs::metadata(&self.path).unwrap().len();
        println!(
            "hour {hour:>3}: {} bytes a grant, {} refresh tokens for 100 grants, file {} KB",
            used / grants,
            rows * 100 / grants,
            file / 1024
        );
        used / grants
    }
}

const TASKS: usize = 8;

async fn refreshed(town: Town, tokens: Vec<Secret>) -> Vec<Secret> {
    let mut next = Vec::with_capacity(tokens.len());
    for (number, token) in tokens.iter().enumerate() {
        let mut answer = town.run(&town.refresh(token)).await.unwrap();
        if number % LOST_IN == 0 {
            answer = town.run(&town.refresh(token)).await.unwrap();
        }
        next.push(answer.refresh_token.unwrap());
    }
    next
}

/// What a grant leaves behind until its first refresh: a session, the grant, a redeemed code, a refresh token.
fn given(town: &Town, number: u64) -> (Vec<Change>, Secret) {
    let now = town.now;
    let first = RefreshSecret::first(&mut Counted);
    let id = GrantId::new(digest("grant", number).to_base64url());
    let ends = now + Seconds::days(90);
    let session = Session {
        authenticated_at: now,
        last_used_at: now,
        state: SessionState::Live,
        ..session(number, 0, (now + Seconds::hours(12)).0)
    };
    let grant = Grant {
        id: id.clone(),
        user: user_id(0),
        scopes: scopes("read offline_access"),
        resources: vec![resource_id(0)],
        details: Vec::new(),
        presence: Presence::Offline,
        authenticated_at: now,
        created_at: now,
        last_used_at: now,
        narrowings: 0,
        ..grant(number, number, 0, ends.0)
    };
    let code = Code { grant: id.clone(), ..code(number, 0, (now + Seconds(60)).0) };
    let token = RefreshToken {
        hash: first.token.hash(),
        grant: id,
        family: first.family,
        generation: 0,
        issued_at: now,
        expires_at: now + Seconds::days(14),
        beside: None,
        ..refresh_token(number, 0)
    };
    let redeem = Change::RedeemCode { code: code.hash, at: now };
    let session = Change::AddSession { session, credentials_generation: 0 };
    (vec![session, Change::AddGrant(grant), Change::AddCode(code), redeem, Change::AddRefreshToken(token)], first.token)
}
