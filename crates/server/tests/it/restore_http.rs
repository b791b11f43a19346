//! A backup made beside a running server, and what is good after it was restored (STORE-08).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use grantd::env;
use grantd_protocol::names::UserId;
use grantd_protocol::records::AccessTokenFormat;
use grantd_store::{Lease, Location, Store};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::account_http::{PAGE, signed_in_as};
use crate::introspect_http::{assert_inactive, introspect, storage_takes};
use crate::rig::{Answer, Asking, Rig, Setup};

const CONFIG: &str = "issuer = \"https://id.example\"\nhttp.trusted_proxies = [\"127.0.0.1\"]\ndatabase.path = \"grantd.db\"\n\
     keys.key_encryption_key_file = \"grantd.db.key\"\n";

fn grantd(folder: &Path, arguments: &[&str]) -> Output {
    fs::write(folder.join("grantd.toml"), CONFIG).unwrap();
    Command::new(env!("CARGO_BIN_EXE_grantd")).current_dir(folder).env_clear().args(arguments).output().unwrap()
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = grantd(folder, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    assert!(errors.lines().all(|line| line.starts_with("note: ")), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, says: &str) {
    let output = grantd(folder, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(errors.contains(says), "{says}: {errors}");
}

fn assert_no_draft(folder: &Path) {
    let left = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.contains("draft") || name.contains("backup-0-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

async fn started(folder: &Path) -> Rig {
    Setup::behind_a_proxy().kept_in_files_in(folder).start_empty().await
}

async fn refreshed(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

async fn token_of_robot(rig: &Rig) -> String {
    rig.token_by("robot", &[("grant_type", "client_credentials"), ("scope", "boxes:list")]).await.member("access_token")
}

fn away() -> Asking {
    Asking::of_web().with("scope", "boxes:list letters:read offline_access")
}

async fn keys_of(rig: &Rig) -> Vec<String> {
    let set = rig.browser().get("/jwks").await.json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

// proves: STORE-08
#[tokio::test]
async fn after_a_restore_nothing_that_was_given_before_is_good() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await;
    let (mut browser, _) = signed_in_as(&rig, "alice").await;
    let code = browser.code(&away()).await;
    let tokens = rig.redeem(&code).await;
    let (stale, access) = (tokens.member("refresh_token"), tokens.member("access_token"));
    let unused = browser.code(&away()).await;
    let of_robot = token_of_robot(&rig).await;
    let mut waiting = rig.browser();
    let pending = waiting.get(&format!("/authorize?{}", away().encoded())).await.location().unwrap().to_owned();
    assert_eq!(waiting.get(&pending).await.status, 200);
    assert_eq!(introspect(&rig, &access).await.json()["active"], true);

    done(folder.path(), &["store", "backup", "--to", "backup"]);
    // What the backup does not know: one token was spent for another, one more was issued, and alice took everything back.
    let fresh = refreshed(&rig, &stale).await;
    let later = token_of_robot(&rig).await;
    done(folder.path(), &["user", "disable", "bob"]);
    let keys = keys_of(&rig).await;
    refused(
        folder.path(),
        &["store", "restore", "--from", "backup", "--yes"],
        69,
        "a server or a command uses this database",
    );
    rig.stop().await;
    refused(folder.path(), &["store", "restore", "--from", "backup"], 1, "all of it would be replaced");
    let report: Value =
        serde_json::from_str(&done(folder.path(), &["store", "restore", "--from", "backup", "--yes", "--json"]))
            .unwrap();
    assert_eq!((&report["ended_grants"], &report["removed_signing_keys"]), (&2.into(), &1.into()), "{report}");

    let rig = started(folder.path()).await;
    for token in [&stale, &fresh.member("refresh_token")] {
        let answer = refreshed(&rig, token).await;
        assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_grant"), "{answer:?}");
    }
    assert_eq!(rig.redeem(&unused).await.error(), "invalid_grant");
    for (token, what) in [
        (&access, "alice's"),
        (&fresh.member("access_token"), "one from later"),
        (&of_robot, "robot's"),
        (&later, "robot's, later"),
    ] {
        assert_inactive(&introspect(&rig, token).await, what);
    }
    // Whoever checks tokens alone is told of every key they were signed with, and of a new one.
    let now = keys_of(&rig).await;
    assert!(now.len() == 1 && !keys.contains(&now[0]), "{now:?} after {keys:?}");
    let removed = rig.app.store.removed_keys(&rig.app.settings.issuer, grantd_tokens::Time(0)).await.unwrap();
    assert_eq!(removed.iter().map(|key| key.kid.as_str()).collect::<Vec<_>>(), keys);
    // No session, no request that waits, and no consent that is remembered.
    let mut back = rig.browser();
    back.cookies = browser.cookies;
    assert!(back.get(PAGE).await.location().is_some_and(|location| location.contains("/login")));
    let mut still_waiting = rig.browser();
    still_waiting.cookies = waiting.cookies;
    let gone = still_waiting.get(&pending).await;
    assert_eq!(gone.status, 400, "{gone:?}");
    let (mut again, _) = signed_in_as(&rig, "alice").await;
    assert!(again.consent_page(&away()).await.has_form("consent"), "alice is asked again");
    // And what cannot be known is as it was: bob may sign in.
    let bob = rig.app.store.user(&rig.app.settings.issuer, &UserId::new("subject-of-bob")).await.unwrap().unwrap();
    assert_eq!(bob.status, grantd_protocol::records::Status::Active);
    assert_no_draft(folder.path());
    let events = done(folder.path(), &["events", "--kind", "restored", "--json"]);
    assert_eq!(events.lines().count(), 1, "{events}");
}

/// One more code is redeemed, one more token is shown, and the keys change once more than the backup knows.
// proves: STORE-08
#[tokio::test]
async fn what_hangs_on_no_grant_or_on_one_that_is_kept_ends_with_a_restore_too() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await;
    storage_takes(&rig, AccessTokenFormat::Opaque).await;
    let code = rig.browser().code(&away()).await;
    let of_robot = token_of_robot(&rig).await;
    done(folder.path(), &["store", "backup", "--to", "backup"]);
    assert_eq!(rig.redeem(&code).await.status, 200);
    assert_eq!(introspect(&rig, &of_robot).await.json()["active"], true);
    done(folder.path(), &["key", "rotate"]);
    let issuer = rig.app.settings.issuer.clone();
    let before = rig.app.store.keys_revision(&issuer).await.unwrap();
    rig.stop().await;
    let restore = ["store", "restore", "--from", "backup", "--yes", "--json", "--keep-grants-of-client", "web"];
    let report: Value = serde_json::from_str(&done(folder.path(), &restore)).unwrap();
    assert_eq!((&report["kept_grants"], &report["spent_codes"]), (&1.into(), &1.into()), "{report}");

    let rig = started(folder.path()).await;
    assert_eq!(rig.redeem(&code).await.error(), "invalid_grant", "it was redeemed since");
    assert_inactive(&introspect(&rig, &of_robot).await, "robot's own");
    assert!(rig.app.store.keys_revision(&issuer).await.unwrap() > before, "whoever knew those keys looks again");
}

// proves: STORE-08
#[tokio::test]
async fn a_restore_keeps_what_is_named_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await;
    let code = rig.browser().code(&away()).await;
    let kept = rig.redeem(&code).await;
    let other = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &other),
        ("code_verifier", crate::rig::VERIFIER),
        ("client_id", "page"),
    ];
    let other = rig.token(&redeem).await.member("refresh_token");
    done(folder.path(), &["store", "backup", "--to", "backup"]);
    rig.stop().await;
    let restore = ["store", "restore", "--from", "backup", "--yes", "--keep-consents", "--keep-grants-of-client"];
    refused(folder.path(), &[&restore[..], &["weeb"]].concat(), 1, "there is no client \"weeb\"");
    done(folder.path(), &[&restore[..], &["web"]].concat());

    let rig = started(folder.path()).await;
    assert_inactive(&introspect(&rig, &kept.member("access_token")).await, "its key is gone");
    assert_eq!(refreshed(&rig, &kept.member("refresh_token")).await.status, 200);
    let answer = rig.token(&[("grant_type", "refresh_token"), ("refresh_token", &other), ("client_id", "page")]).await;
    assert_eq!(answer.error(), "invalid_grant");
    let (mut browser, _) = signed_in_as(&rig, "alice").await;
    assert!(!browser.open("/authorize", &away()).await.has_form("consent"), "alice is not asked again");
}

// proves: STORE-08
#[tokio::test]
async fn a_database_restored_by_other_means_is_made_good_in_its_place_once_no_node_serves_from_it() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await;
    let code = rig.browser().code(&away()).await;
    let refresh_token = rig.redeem(&code).await.member("refresh_token");
    refused(folder.path(), &["store", "restored"], 1, "cannot be undone");
    refused(folder.path(), &["store", "restored", "--yes"], 69, "a server or a command uses this database");
    let issuer = rig.app.settings.issuer.clone();
    rig.stop().await;
    // Elsewhere a node runs, as on a server that many reach.
    let store = Store::open(&Location::File(folder.path().join("grantd.db"))).unwrap();
    assert!(store.take_lease(&issuer, Lease::Sweeping, "another", env::now()).await.unwrap());
    drop(store);
    refused(folder.path(), &["store", "restored", "--yes"], 1, "a node serves from");
    let store = Store::open(&Location::File(folder.path().join("grantd.db"))).unwrap();
    store.give_lease_back(&issuer, Lease::Sweeping, "another").await.unwrap();
    drop(store);
    done(folder.path(), &["store", "restored", "--yes"]);
    let rig = started(folder.path()).await;
    assert_eq!(refreshed(&rig, &refresh_token).await.error(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_of_one_moment_for_its_owner_alone_and_overwrites_nothing() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await;
    let code = rig.browser().code(&away()).await;
    let mut token = rig.redeem(&code).await.member("refresh_token");
    let path = folder.path().to_owned();
    let backups = tokio::task::spawn_blocking(move || {
        for number in 0..5 {
            done(&path, &["store", "backup", "--to", &format!("backup-{number}")]);
        }
    });
    let mut spent = 0;
    while !backups.is_finished() {
        token = refreshed(&rig, &token).await.member("refresh_token");
        spent += 1;
    }
    backups.await.unwrap();
    assert!(spent > 1, "{spent} written meanwhile");
    for number in 0..5 {
        let backup = folder.path().join(format!("backup-{number}"));
        assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
        let connection = Connection::open(&backup).unwrap();
        let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(one("SELECT COUNT(*) FROM refresh_tokens WHERE spent_at IS NULL"), 1, "each spent one has its heir");
        let astray = "SELECT COUNT(*) FROM refresh_tokens AS spent WHERE spent.successor IS NOT NULL AND NOT EXISTS \
             (SELECT 1 FROM refresh_tokens AS heir WHERE heir.hash = spent.successor)";
        assert_eq!(one(astray), 0);
    }
    assert_no_draft(folder.path());
    let before = fs::read(folder.path().join("backup-0")).unwrap();
    refused(folder.path(), &["store", "backup", "--to", "backup-0"], 1, "there is a file of this name");
    refused(folder.path(), &["store", "backup", "--to", "nowhere/backup"], 78, "its directory does not exist");
    assert_eq!(fs::read(folder.path().join("backup-0")).unwrap(), before);
}

#[tokio::test]
async fn a_restore_takes_no_file_that_is_none_and_no_part_of_an_older_database() {
    let folder = TempDir::new().unwrap();
    Setup::behind_a_proxy().kept_in_files_in(folder.path()).start().await.stop().await;
    done(folder.path(), &["store", "backup", "--to", "backup"]);
    fs::write(
        folder.path().join("letter"),
        "no database, but a letter that is long enough to be taken for one".repeat(99),
    )
    .unwrap();
    refused(folder.path(), &["store", "restore", "--from", "letter", "--yes"], 78, "this is not a grantd database");
    fs::rename(folder.path().join("grantd.db"), folder.path().join("elsewhere")).unwrap();
    fs::write(folder.path().join("grantd.db-wal"), "of the older one").unwrap();
    refused(folder.path(), &["store", "restore", "--from", "backup"], 1, "grantd.db-wal: this belongs to a database");
    fs::remove_file(folder.path().join("grantd.db-wal")).unwrap();
    let mut damaged = fs::read(folder.path().join("backup")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8192].fill(0xff);
    fs::write(folder.path().join("damaged"), damaged).unwrap();
    assert!(!grantd(folder.path(), &["store", "restore", "--from", "damaged"]).status.success());
    assert!(!folder.path().join("grantd.db").exists(), "nothing was put there");
    done(folder.path(), &["store", "restore", "--from", "backup"]);
    let rig = started(folder.path()).await;
    signed_in_as(&rig, "alice").await;
}

// proves: STORE-11
#[test]
fn an_upgrade_is_told_before_it_is_done() {
    let folder = TempDir::new().unwrap();
    let told = done(folder.path(), &["migrate", "--dry-run"]);
    assert!(
        told.contains("would be brought from nothing to schema") && !folder.path().join("grantd.db").exists(),
        "{told}"
    );
    assert!(done(folder.path(), &["migrate"]).contains("was brought from nothing"));
    assert!(done(folder.path(), &["migrate"]).contains("there is nothing to do"));
    // As the first version left it.
    fs::remove_file(folder.path().join("grantd.db")).unwrap();
    let connection = Connection::open(folder.path().join("grantd.db")).unwrap();
    connection.execute_batch(include_str!("../../../store/migrations/0001_first.sql")).unwrap();
    connection.execute_batch("PRAGMA application_id = 0x67726e74; PRAGMA user_version = 1").unwrap();
    drop(connection);
    let plan: Value = serde_json::from_str(&done(folder.path(), &["migrate", "--dry-run", "--json"])).unwrap();
    let steps = plan["steps"].as_array().unwrap().len();
    assert_eq!((&plan["found"], &plan["done"], steps), (&1.into(), &false.into(), 2), "{plan}");
    assert_eq!(plan["older_nodes_go_on"], false, "a file has one version at a time");
    refused(folder.path(), &["store", "copy", "--to", "copy.db"], 78, "run: grantd migrate");
    let told = done(folder.path(), &["migrate"]);
    assert!(told.contains("was brought from schema 1 to schema 3") && told.contains("stop them first"), "{told}");
    let compared = done(folder.path(), &["store", "copy", "--to", "copy.db"]);
    assert!(compared.lines().skip(1).all(|line| line.ends_with("  the same")), "{compared}");
    refused(folder.path(), &["store", "copy", "--to", "grantd.db"], 2, "the same database");
    refused(folder.path(), &["store", "copy", "--from", "postgres://u:hush@h/d"], 2, "--password-file");
}
