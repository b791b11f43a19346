//! Starting, starting again, and going on when the ground gives way.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use grantd::config::{Config, Sources};
use grantd::declare::declare;
use grantd::keys::KekSource;
use grantd::pages::Mode;
use grantd::serve::StartFault;
use grantd_protocol::names::{ClientId, Username};
use grantd_store::Options;
use grantd_tokens::Secret;
use tempfile::TempDir;

use crate::rig::{Answer, Asking, Rig, Setup, VERIFIER};

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn fault_of(setup: Setup) -> String {
    match setup.open().await {
        Ok(_) => panic!("it must not start"),
        Err(fault) => fault.to_string(),
    }
}

// proves: KEYS-04
#[tokio::test]
async fn the_key_encryption_key_is_made_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("grantd.db.key");
    drop(Setup::development().kept_in_files_in(folder.path()).open().await.unwrap());
    assert_eq!(mode_of(&key), 0o600);
    assert_eq!(mode_of(&folder.path().join("grantd.db")), 0o600);
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(files.into_iter().all(|name| !name.contains("draft")), "no draft is left");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let says = fault_of(Setup::development().kept_in_files_in(folder.path())).await;
    assert!(says.contains("may be read by others; run: chmod 600") && says.contains("grantd.db.key"), "{says}");
}

#[tokio::test]
async fn what_another_process_of_the_same_number_left_behind_is_not_in_the_way() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(format!("grantd.db.draft-{}", std::process::id())), "half of a k").unwrap();
    Setup::development().kept_in(folder.path()).open().await.unwrap();
}

#[tokio::test]
async fn a_declared_user_who_cannot_be_added_keeps_nothing_else_from_being_put_in_place() {
    let rig = Rig::development().await;
    let folder = TempDir::new().unwrap();
    // The file gives somebody another username, and their id is theirs already.
    let toml = r#"
[[resource]]
id = "https://new.example/"
name = "New"

[[client]]
id = "declared"
name = "Declared"
kind = "native"
redirect_uris = ["http://127.0.0.1/cb"]

[[user]]
username = "alicia"
id = "subject-of-alice"
"#;
    fs::write(folder.path().join("grantd.toml"), toml).unwrap();
    let sources = Sources {
        mode: Mode::Development,
        file: None,
        settings: Vec::new(),
        environment: Vec::new(),
        directory: folder.path().to_owned(),
    };
    declare(&rig.app, Config::load(&sources).unwrap().declared).await.unwrap();
    let issuer = &rig.app.settings.issuer;
    assert!(rig.app.store.client(issuer, &ClientId::new("declared")).await.unwrap().is_some());
    assert!(rig.app.store.user_by_username(issuer, &Username::parse("alicia").unwrap()).await.unwrap().is_none());
}

// proves: KEYS-04
#[tokio::test]
async fn the_private_key_stands_in_no_file_as_it_is() {
    let folder = TempDir::new().unwrap();
    let app = Setup::development().kept_in_files_in(folder.path()).open().await.unwrap();
    let key = app.keys.signing(app.settings.access_token_algorithm).unwrap();
    let pkcs8 = key.to_pkcs8().unwrap();
    let (secret, public) = (&pkcs8[36..68], &pkcs8[pkcs8.len() - 64..]);
    let kept: Vec<u8> =
        fs::read_dir(folder.path()).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(kept.windows(4).any(|bytes| bytes == b"grnt"), "this is the database");
    assert!(!kept.windows(32).any(|bytes| bytes == secret));
    assert_eq!(public.len(), 64);
}

#[tokio::test]
async fn with_another_key_encryption_key_it_does_not_start_and_says_why() {
    let folder = TempDir::new().unwrap();
    drop(Setup::development().kept_in(folder.path()).open().await.unwrap());
    let other = KekSource::Inline(Secret::new("A".repeat(43)));
    let says = fault_of(Setup::development().kept_in(folder.path()).sealed_with(other)).await;
    assert!(says.contains("does not open with the key-encryption key from GRANTD_KEYS__KEY_ENCRYPTION_KEY"), "{says}");
    assert!(!says.contains("AAAA"), "{says}");

    fs::write(folder.path().join("grantd.db.key"), "not a key, but a secret\n").unwrap();
    let says = fault_of(Setup::development().kept_in(folder.path())).await;
    assert!(says.contains("holds no key-encryption key"), "{says}");
    assert!(!says.contains("not a key"), "{says}");

    fs::remove_file(folder.path().join("grantd.db.key")).unwrap();
    let says = fault_of(Setup::development().kept_in(folder.path())).await;
    assert!(says.contains("grantd.db.key is not there"), "{says}");
    assert!(says.contains("put back the key-encryption key that this database was made with"), "{says}");
    assert!(!folder.path().join("grantd.db.key").exists(), "no other key stands where the right one has to come back");
}

#[tokio::test]
async fn a_folder_or_file_that_will_not_do_is_named_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let says = fault_of(Setup::development().kept_in_files_in(&missing)).await;
    assert!(says.contains("its directory does not exist") && says.contains("missing"), "{says}");
    fs::write(folder.path().join("grantd.db"), "a shopping list, long enough to be looked at ".repeat(100)).unwrap();
    let says = fault_of(Setup::development().kept_in_files_in(folder.path())).await;
    assert!(says.contains("this is not a grantd database"), "{says}");
    // Where even root may not write.
    let says = fault_of(Setup::development().kept_in_files_in(Path::new("/proc"))).await;
    assert!(says.contains("/proc/grantd.db"), "{says}");
}

// proves: STORE-11
#[tokio::test]
async fn a_database_that_a_newer_server_migrated_is_left_alone() {
    let folder = TempDir::new().unwrap();
    Setup::development().kept_in_files_in(folder.path()).start().await.stop().await;
    let path = folder.path().join("grantd.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let says = fault_of(Setup::development().kept_in_files_in(folder.path())).await;
    assert!(says.contains("has schema 99") && says.contains("start the newer grantd"), "{says}");
}

// proves: INV-10
#[tokio::test]
async fn what_was_done_before_a_restart_stays_done() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start().await;
    let mut browser = rig.browser();
    let asking = Asking::of_web();
    let (spent, unspent) = (browser.code(&asking).await, browser.code(&asking).await);
    let tokens = rig.redeem(&spent).await;
    let old = tokens.member("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
    let new = rig.token_by("web", &refresh).await.member("refresh_token");
    let waiting = browser.open("/authorize", &asking.clone().with("scope", "mail:send")).await;
    let keys = browser.get("/jwks").await.body;
    let cookies = browser.cookies.clone();
    rig.stop().await;

    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start_empty().await;
    let mut browser = rig.browser();
    browser.cookies = cookies;
    assert_eq!(browser.get("/jwks").await.body, keys, "the keys are the same");
    assert!(browser.get("/").await.has_form("logout"), "the session goes on");
    assert!(browser.allow(&waiting.form("consent")).await.parameter("code").is_some(), "the request still waits");
    assert_eq!(rig.redeem(&unspent).await.status, 200, "a code that was not spent is good");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", new.as_str())];
    assert_eq!(rig.token_by("web", &refresh).await.status, 200);
    assert_eq!(rig.redeem(&spent).await.error(), "invalid_grant", "one that was spent is not");
    let newest = [("grant_type", "refresh_token"), ("refresh_token", new.as_str())];
    assert_eq!(rig.token_by("web", &newest).await.error(), "invalid_grant");
}

/// Requests that fill the little room there is, many times over.
const ENOUGH: usize = 1000;

fn assert_told_later(answer: &Answer) {
    assert_eq!((answer.status, answer.location()), (503, None), "{answer:?}");
    assert!(answer.header("retry-after").is_some() && answer.headers.get("set-cookie").is_none(), "{answer:?}");
    for inside in ["grantd.db", "disk", "sqlite", "SQL", "malformed"] {
        assert!(!answer.body.contains(inside), "{inside} in {}", answer.body);
    }
}

// proves: INV-07, TOKEN-14
#[tokio::test]
async fn when_nothing_can_be_written_nothing_is_given_and_nothing_spent() {
    let folder = TempDir::new().unwrap();
    Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await.stop().await;
    let room = fs::metadata(folder.path().join("grantd.db")).unwrap().len() + 128 * 1024;
    let bounds = Options { max_bytes: Some(room), ..Options::default() };
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start_with_store(&bounds).await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let mut refresh_token = rig.redeem(&code).await.member("refresh_token");

    let path = format!("/authorize?{}", Asking::of_web().with("state", &"x".repeat(4000)).encoded());
    let mut refused = None;
    for _ in 0..ENOUGH {
        let answer = rig.browser().get(&path).await;
        if answer.status != 303 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the database is full at last");
    assert_told_later(&refused);
    assert!(refused.body.contains("Not available right now"), "{refused:?}");
    let mut refused = None;
    for _ in 0..ENOUGH {
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        let answer = rig.token_by("web", &refresh).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
        refresh_token = answer.member("refresh_token");
    }
    let refused = refused.expect("there is no room for another token at last");
    assert_told_later(&refused);
    assert_eq!(refused.json(), not_now());
    rig.stop().await;

    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start_empty().await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    assert_eq!(rig.token_by("web", &refresh).await.status, 200, "with room again, nothing was lost");
}

/// A client is told when to come again, and nothing of what is wrong.
fn not_now() -> serde_json::Value {
    serde_json::json!({
        "error": "temporarily_unavailable",
        "error_description": "this cannot be decided just now; ask again in a few seconds",
    })
}

/// Overwrites a file from here to its end.
fn garble(path: &Path, from: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    let rest = file.metadata().unwrap().len().saturating_sub(from);
    file.write_all_at(&vec![0xff; usize::try_from(rest).unwrap()], from).unwrap();
}

// proves: INV-07, REVOKE-08
#[tokio::test]
async fn when_nothing_can_be_read_nothing_is_given() {
    let folder = TempDir::new().unwrap();
    Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await.stop().await;
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start_with_store(&Options::default()).await;
    // All but the first page, before anybody has read it; and what the log of the database may hold of the others.
    garble(&folder.path().join("grantd.db"), 4096);
    garble(&folder.path().join("grantd.db-wal"), 32);
    let mut browser = rig.browser();
    let authorize = format!("/authorize?{}", Asking::of_web().encoded());
    for path in [authorize.as_str(), "/consent?request=x", "/login?request=x"] {
        let answer = browser.get(path).await;
        assert_told_later(&answer);
        assert!(answer.body.contains("Not available right now"), "{path}: {answer:?}");
    }
    let redemption =
        [("grant_type", "authorization_code"), ("code", "x"), ("code_verifier", VERIFIER), ("client_id", "page")];
    let answer = rig.token(&redemption).await;
    assert_told_later(&answer);
    assert_eq!(answer.error(), "temporarily_unavailable");
    for path in ["/revoke", "/introspect"] {
        let answer = browser.post(path, &[("token", "x"), ("client_id", "page")]).await;
        assert_told_later(&answer);
        assert_eq!(answer.json(), not_now(), "{path}");
    }
    assert_eq!(browser.get("/.well-known/oauth-authorization-server").await.status, 503);
    // An empty feed would bring back what ended (AT-11).
    assert_eq!(browser.get("/revocations").await.status, 503);
    assert_eq!((browser.get("/readyz").await.status, browser.get("/livez").await.status), (503, 200));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let rig = Rig::development().await;
    let says = rig.serve_again().await;
    assert!(matches!(says, StartFault::Bind(_)), "{says}");
    assert!(says.to_string().contains(&rig.address().port().to_string()), "{says}");
}
