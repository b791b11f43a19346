//! More than can be done in time, and a disk that is full: told to come again, nothing issued, and right again by itself.

use std::path::Path;
use std::time::Duration;

use grantd_postgres_fixture::{Isolation, Server};
use grantd_store::{Location, Options, PostgresServer};
use reqwest::Method;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::rig::{Answer, Asking, Rig, Setup, basic, secret_of};

/// Keeps everybody else from writing to the database.
struct Locked(Connection);

impl Locked {
    fn database_in(folder: &Path) -> Self {
        let connection = Connection::open(folder.join("grantd.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

async fn started(folder: &Path, options: &Options) -> Rig {
    Setup::behind_a_proxy().kept_in_files_in(folder).start().await.stop().await;
    Setup::behind_a_proxy().kept_in_files_in(folder).start_with_store(options).await
}

fn assert_shed(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    assert_eq!((answer.location(), answer.headers.get("set-cookie")), (None, None), "{answer:?}");
    for inside in ["grantd.db", "queue", "lock", "disk", "store"] {
        assert!(!answer.body.contains(inside), "{inside} in {}", answer.body);
    }
}

fn is_json(answer: &Answer) -> bool {
    answer.header("content-type") == Some("application/json")
        && answer.header("cache-control") == Some("no-store")
        && answer.error() == "temporarily_unavailable"
}

// proves: INV-07, REVOKE-08
#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_queue_everybody_is_told_to_come_again_and_nothing_is_spent() {
    let folder = TempDir::new().unwrap();
    let options = Options { queue: 1, wait_for_lock: Duration::from_mins(1), ..Options::default() };
    let rig = started(folder.path(), &options).await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let refresh_token = rig.redeem(&code).await.member("refresh_token");
    let code = rig.browser().code(&Asking::of_web()).await;
    let authorize = format!("/authorize?{}", Asking::of_web().encoded());

    // Nobody is served any more: the first of these waits at the lock, the next in the queue. Then there is no room.
    let locked = Locked::database_in(folder.path());
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let (mut browser, path) = (rig.browser(), authorize.clone());
        waiting.push(tokio::spawn(async move { browser.get(&path).await }));
    }
    let mut looks = 0;
    while waiting.iter().filter(|request| request.is_finished()).count() < 14 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        looks += 1;
        assert!(looks < 3000, "all but two are answered at once");
    }
    let page = rig.browser().get(&authorize).await;
    assert_shed(&page);
    assert!(page.body.contains("Not available right now"), "{page:?}");
    let answer = rig.redeem(&code).await;
    assert_shed(&answer);
    assert!(is_json(&answer), "{answer:?}");
    let mut browser = rig.browser();
    let revoke = browser.form("/revoke", &[("token", &refresh_token)]);
    let answer = browser.send(revoke.header("authorization", basic("web", secret_of("web")))).await;
    assert_shed(&answer);
    assert!(is_json(&answer), "{answer:?}");
    // Whoever only reads is served meanwhile.
    assert_eq!(rig.browser().get("/jwks").await.status, 200);

    locked.release();
    let mut served = 0;
    for request in waiting {
        let answer = request.await.unwrap();
        if answer.status == 303 {
            served += 1;
        } else {
            assert_shed(&answer);
        }
    }
    assert_eq!(served, 2, "whoever had room in the queue was served when the others were done");
    assert_eq!(rig.redeem(&code).await.status, 200, "the code was not spent by what was refused");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    assert_eq!(rig.token_by("web", &refresh).await.status, 200, "and nothing was revoked");
}

// proves: INV-07
#[tokio::test]
async fn a_database_that_somebody_else_keeps_locked_is_trouble_of_our_own() {
    let folder = TempDir::new().unwrap();
    let options = Options { wait_for_lock: Duration::from_millis(500), ..Options::default() };
    let rig = started(folder.path(), &options).await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let locked = Locked::database_in(folder.path());
    let answer = rig.redeem(&code).await;
    assert_shed(&answer);
    assert!(is_json(&answer), "{answer:?}");
    assert_shed(&rig.browser().get(&format!("/authorize?{}", Asking::of_web().encoded())).await);
    locked.release();
    assert_eq!(rig.redeem(&code).await.status, 200);
}

// proves: INV-07
#[tokio::test]
async fn with_room_again_a_running_server_goes_on_by_itself() {
    let folder = TempDir::new().unwrap();
    Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await.stop().await;
    let room = std::fs::metadata(folder.path().join("grantd.db")).unwrap().len() + 256 * 1024;
    let bounds = Options { max_bytes: Some(room), ..Options::default() };
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start_with_store(&bounds).await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let long = format!("/authorize?{}", Asking::of_web().with("state", &"x".repeat(4000)).encoded());
    let mut refused = None;
    for _ in 0..1000 {
        let answer = rig.browser_from("203.0.113.77").get(&long).await;
        if answer.status != 303 {
            refused = Some(answer);
            break;
        }
    }
    assert_shed(&refused.expect("the database is full at last"));
    // Somebody makes room, and nobody restarts anything.
    let connection = Connection::open(folder.path().join("grantd.db")).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute("DELETE FROM pending_requests", []).unwrap();
    drop(connection);
    assert_eq!(rig.browser_from("203.0.113.77").get(&long).await.status, 303);
    assert_eq!(rig.redeem(&code).await.status, 200, "what was given before is good");
}

#[tokio::test]
async fn a_preflight_is_answered_from_the_older_list_while_the_store_cannot_be_read() {
    let folder = TempDir::new().unwrap();
    let rig = started(folder.path(), &Options::default()).await;
    let preflight = async || {
        let mut browser = rig.browser();
        let request = browser.request(Method::OPTIONS, "/token").header("origin", "https://page.example");
        let request = request.header("access-control-request-method", "POST");
        browser.send(request).await.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(preflight().await.as_deref(), Some("https://page.example"));
    let connection = Connection::open(folder.path().join("grantd.db")).unwrap();
    connection.execute_batch("ALTER TABLE clients RENAME TO gone").unwrap();
    // Older than what is remembered.
    tokio::time::sleep(Duration::from_millis(5_200)).await;
    assert_eq!(preflight().await.as_deref(), Some("https://page.example"));
    connection.execute_batch("ALTER TABLE gone RENAME TO clients").unwrap();
    assert_eq!(preflight().await.as_deref(), Some("https://page.example"));
}

// proves: INV-07
#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_goes_away_and_comes_back_is_not_noticed_after_that() {
    let server = Server::start(&grantd_postgres_fixture::Options::default());
    let schema = server.schema(Isolation::ReadCommitted);
    let database = Location::Postgres(PostgresServer::parse(&schema.url()).unwrap());
    let rig = Setup::behind_a_proxy().on(database).start().await;
    let code = rig.browser().code(&Asking::of_web()).await;
    server.stop();
    let answer = rig.redeem(&code).await;
    assert_shed(&answer);
    assert!(is_json(&answer), "{answer:?}");
    let page = rig.browser().get(&format!("/authorize?{}", Asking::of_web().encoded())).await;
    assert_shed(&page);
    assert_eq!((rig.browser().get("/readyz").await.status, rig.browser().get("/livez").await.status), (503, 200));
    server.start_again();
    let mut answer = rig.redeem(&code).await;
    for _ in 0..20 {
        if answer.status == 200 {
            break;
        }
        assert_shed(&answer);
        tokio::time::sleep(Duration::from_millis(500)).await;
        answer = rig.redeem(&code).await;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
}
