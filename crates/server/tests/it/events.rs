//! Events: what is kept of real requests and commands, and what an operator sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use grantd::telemetry::LogFormat;
use grantd_protocol::changes::{Change, Commit};
use grantd_protocol::events::{Event, EventFilter, EventId, EventKind, Source};
use grantd_protocol::names::{Issuer, UserId};
use grantd_store::Store;
use grantd_tokens::{Seconds, Time};
use serde_json::Value;

use crate::commands::{Folder, GRANTD, Server, free_port};
use crate::rig::{Asking, Rig, Setup, basic, database};
use crate::telemetry::Log;

async fn kept(rig: &Rig) -> Vec<Event> {
    rig.app.store.events(&rig.app.settings.issuer, EventFilter::default(), usize::MAX).await.unwrap()
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

// ---- requests ----

// proves: LOG-04
#[tokio::test]
async fn what_is_kept_and_what_is_logged_are_the_same() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let code = browser.code(&Asking::of_web()).await;
    rig.redeem(&code).await;
    rig.redeem(&code).await;
    let kept = kept(&rig).await;
    assert_eq!(
        kinds(&kept),
        [EventKind::KeyMade, EventKind::SignedIn, EventKind::ConsentGiven, EventKind::Granted, EventKind::CodeReplayed]
    );
    let text = log.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let logged: BTreeMap<&str, &Value> =
        lines.iter().filter_map(|line| Some((line["event_id"].as_str()?, line))).collect();
    assert_eq!(logged.len(), kept.len());
    for event in &kept {
        let line = logged[event.id.as_str()];
        let event = serde_json::json!(event);
        assert_eq!(line["event"], event["kind"]);
        for member in ["source", "rule", "refusal", "user", "client", "grant", "evidence"] {
            assert_eq!(line.get(member), event.get(member), "{member} of {line}");
        }
    }
}

// proves: LOG-04
#[tokio::test]
async fn what_a_stranger_can_send_for_ever_is_logged_and_not_kept() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let rig = Setup::behind_a_proxy()
        .with(|settings| {
            settings.limits.sign_ins_per_account_and_network = 2;
            settings.limits.wrong_secrets = 2;
        })
        .start()
        .await;
    let before = kept(&rig).await.len();
    let mut browser = rig.browser();
    for _ in 0..5 {
        browser.open("/authorize", &Asking::of_web().with("redirect_uri", "https://evil.example/")).await;
        rig.token(&[("grant_type", "authorization_code"), ("code", "guess"), ("client_id", "nobody")]).await;
    }
    assert_eq!(kept(&rig).await.len(), before);
    assert!(log.text().contains("RedirectUriUnregistered") && log.text().contains("NoSuchClient"), "but it is logged");

    let page = browser.open("/authorize", &Asking::of_web()).await;
    for _ in 0..6 {
        browser.sign_in(&page, "alice", "wrong").await;
        let guess = browser.form("/token", &[("grant_type", "refresh_token"), ("refresh_token", "guess")]);
        rig.browser().send(guess.header("authorization", basic("web", "guess"))).await;
    }
    let kept = kept(&rig).await.split_off(before);
    let count = |kind| kept.iter().filter(|event| event.kind == kind).count();
    assert_eq!(count(EventKind::SignInFailed), 2, "{kept:?}");
    assert_eq!(count(EventKind::ClientAuthenticationFailed), 2);
    assert_eq!(count(EventKind::Throttled), 2, "once for the account, once for the client");
    assert_eq!(kept.len(), 6);
}

// ---- commands and configuration ----

// proves: LOG-04
#[test]
fn each_command_that_changes_something_leaves_its_event() {
    let folder = Folder::new().with_lockbox();
    folder.done(&["resource", "add", "--from", "lockbox.toml"]);
    let web =
        ["client", "add", "--id", "web", "--name", "Web", "--kind", "web", "--redirect-uri", "https://a.example/"];
    let secret = folder.json(&web)["client_secret"].as_str().unwrap().to_owned();
    let rotated = folder.json(&["client", "rotate-secret", "web"])["client_secret"].as_str().unwrap().to_owned();
    folder.done(&["user", "add", "ann", "--id", "subject-of-ann", "--password-file", "ann.password"]);
    folder.done(&["user", "set-password", "ann", "--password-file", "bob.password"]);
    folder.done(&["user", "disable", "ann"]);
    folder.done(&["user", "enable", "ann"]);
    folder.done(&["user", "remove", "ann"]);
    folder.done(&["client", "remove", "web"]);
    folder.done(&["resource", "remove", "https://lockbox.example/"]);
    folder.done(&["user", "list"]);
    let ended = folder.done(&["events", "--json"]);
    let events: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = [
        "resource_added",
        "client_added",
        "client_changed",
        "user_added",
        "password_set",
        "user_disabled",
        "user_enabled",
        "user_removed",
        "client_removed",
        "resource_removed",
    ];
    assert_eq!(kinds, expected);
    assert!(events.iter().all(|event| event["source"] == "command_line"), "{events:?}");
    let changed = events.iter().find(|event| event["kind"] == "client_changed").unwrap();
    assert_eq!((&changed["client"], &changed["evidence"]["changed"]), (&"web".into(), &"authentication".into()));
    for secret in [secret.as_str(), rotated.as_str(), "another day", "parcels for", "argon2"] {
        assert!(!ended.out.contains(secret), "{secret}");
    }
}

// proves: LOG-04
#[test]
fn what_is_declared_is_told_once_and_again_only_if_it_changes() {
    let folder = Folder::new();
    let port = free_port();
    let declare = |name: &str| {
        let declared = format!(
            "http.listen = \"127.0.0.1:{port}\"\n[[client]]\nid = \"app\"\nname = \"{name}\"\nkind = \"native\"\n\
             redirect_uris = [\"http://127.0.0.1/cb\"]\n[[user]]\nusername = \"ann\"\npassword_file = \"password.txt\"\n\
             [[resource]]\nid = \"https://lockbox.example/\"\nname = \"Lockboxes\"\n\
             scopes = [{{ name = \"mail.read\", description = \"See\" }}]\n"
        );
        folder.write("grantd.toml", &declared, 0o644);
        let server = Server::start(folder.command(GRANTD).args(["serve", "--dev"]));
        assert_eq!(server.stop(), 0);
        let ended = folder.done(&["events", "--dev", "--json"]);
        let lines = ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|event| event["source"] == "configuration").map(|event| event["kind"].to_string()).collect()
    };
    let first: BTreeSet<String> = declare("App");
    assert_eq!(first, ["\"client_added\"", "\"resource_added\"", "\"user_added\""].map(str::to_owned).into());
    let again: Vec<String> = {
        let again: BTreeSet<String> = declare("App");
        again.into_iter().collect()
    };
    assert_eq!(again.len(), 3);
    let ended = folder.done(&["events", "--dev", "--json"]);
    assert_eq!(ended.out.lines().filter(|line| line.contains("\"configuration\"")).count(), 3, "nothing was changed");
    let changed: BTreeSet<String> = declare("Another name");
    assert_eq!(changed.difference(&first).collect::<Vec<_>>(), ["\"client_changed\""]);
}

// ---- what an operator sees ----

const ISSUER: &str = "https://id.example";

fn event(number: usize, at: Time) -> Event {
    Event {
        id: EventId::new(format!("event-{number}")),
        at,
        kind: EventKind::SignedIn,
        source: Source::Request,
        rule: "SESS-02".to_owned(),
        refusal: None,
        user: Some(UserId::new(format!("user-{}", number % 2))),
        client: None,
        grant: None,
        evidence: BTreeMap::new(),
    }
}

async fn record(store: &Store, events: Vec<Event>) {
    let changes = events.into_iter().map(Change::Record).collect();
    assert_eq!(store.commit(&Issuer::new(ISSUER), changes).await.unwrap(), Commit::Done);
}

#[tokio::test]
async fn events_are_filtered_by_whom_what_and_when() {
    let folder = Folder::new();
    let now = grantd::env::now();
    let moment = |number: usize| now - Seconds(60 * i64::try_from(100 - number).unwrap());
    let mut events: Vec<Event> = (0..60).map(|number| event(number, moment(number))).collect();
    events[7].kind = EventKind::CodeReplayed;
    // 2026-05-01T12:00:00Z, and hostile.
    events[0].at = Time(1_777_636_800);
    events[0].evidence = [("sent".to_owned(), "\u{1b}[2J\n\u{202e}x".to_owned())].into();
    record(&folder.store(), events).await;
    let found = |arguments: &[&str]| {
        let ended = folder.done(&[&["events", "--json"], arguments].concat());
        let ids = ended.out.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["id"].as_str().unwrap().replace("event-", "").parse::<usize>().unwrap()
        });
        (ids.collect::<Vec<_>>(), ended)
    };
    let (ids, ended) = found(&[]);
    assert_eq!(ids, (10..60).collect::<Vec<_>>(), "the newest 50, the newest last");
    assert!(ended.err.contains("there are more"), "{}", ended.err);
    assert_eq!(found(&["--user", "user-1", "--limit", "2"]).0, [57, 59]);
    assert_eq!(found(&["--kind", "code_replayed"]).0, [7]);
    assert_eq!(found(&["--since", "2026-05-01", "--until", "2026-05-02"]).0, [0]);
    assert_eq!(found(&["--since", "2026-05-01T12:00:00Z", "--until", "2026-05-01T12:00:00Z"]).0, [0]);
    assert_eq!(found(&["--since", "2730s"]).0, (55..60).collect::<Vec<_>>());
    let (ids, ended) = found(&["--client", "nobody"]);
    assert!(ids.is_empty() && ended.err.contains("no events"), "{ended:?}");

    let ended = folder.done(&["events", "--until", "2026-05-02"]);
    assert!(ended.out.starts_with("WHEN ") && ended.out.contains("2026-05-01T12:00:00Z  signed_in"), "{}", ended.out);
    assert_eq!(ended.out.lines().count(), 2, "a hostile text stays in its line");
    assert_eq!(ended.out.chars().find(|c| *c != '\n' && (c.is_control() || *c == '\u{202e}')), None);

    for (arguments, says) in [
        (["events", "--kind", "code_replay"], "did you mean code_replayed?"),
        (["events", "--kind", "what"], "the kinds are signed_in"),
        (["events", "--since", "yesterday"], "write how long ago"),
        (["events", "--since", "2026-02-29"], "write how long ago"),
        (["events", "--limit", "0"], "0 is not in"),
    ] {
        let ended = folder.run(&arguments);
        assert!(ended.code == 2 && ended.err.contains(says), "{arguments:?}: {ended:?}");
    }
    let ended = folder.run(&["events", "--follow", "--until", "1h"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

struct Following(Child);

impl Following {
    fn start(folder: &Folder) -> (Self, std::io::Lines<BufReader<std::process::ChildStdout>>) {
        let mut command = folder.command(GRANTD);
        command.args(["events", "--follow", "--json", "--limit", "1"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        (Self(child), out)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn id_of(line: &str) -> String {
    serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_sees_each_event_once_whoever_writes_and_however_late() {
    let folder = Folder::new();
    let store = folder.store();
    record(&store, vec![event(10_000, grantd::env::now()), event(10_001, grantd::env::now() + Seconds(1))]).await;
    let (mut following, mut lines) = Following::start(&folder);
    let first = tokio::task::spawn_blocking(move || (lines.next().unwrap().unwrap(), lines)).await.unwrap();
    let (first, lines) = first;
    assert_eq!(id_of(&first), "event-10001", "one, the newest");
    let writers: Vec<_> = (0..4_usize)
        .map(|writer| {
            // Each as another process would: with a connection of its own.
            let store = folder.store();
            tokio::spawn(async move {
                for round in 0..50_usize {
                    let number = writer * 50 + round;
                    // Dated up to ten seconds before it is written.
                    let late = Seconds(i64::try_from(number % 11).unwrap());
                    record(&store, vec![event(number, grantd::env::now() - late)]).await;
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Later than all others, so that it is shown last.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    record(&store, vec![event(20_000, grantd::env::now())]).await;
    let seen = tokio::task::spawn_blocking(move || {
        let ids = lines.map(|line| id_of(&line.unwrap()));
        let mut seen = Vec::new();
        for id in ids {
            let last = id == "event-20000";
            seen.push(id);
            if last {
                break;
            }
        }
        seen
    });
    let mut seen = seen.await.unwrap();
    seen.sort();
    let mut written: Vec<String> = (0..200).chain([20_000]).map(|number| format!("event-{number}")).collect();
    written.sort();
    assert_eq!(seen, written);
    let asked = Command::new("kill").args(["-INT", &following.0.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert_eq!(following.0.wait().unwrap().code(), Some(0), "Ctrl-C is a clean end");
}

#[tokio::test]
async fn who_reads_no_further_ends_it_cleanly() {
    let folder = Folder::new();
    record(&folder.store(), (0..5_000).map(|number| event(number, grantd::env::now())).collect()).await;
    let output = folder.command("sh").args(["-c", "grantd events --limit 5000; echo $? >&2"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 5_001);
    let piped = "(grantd events --limit 5000; echo code $? >&2) | head -n 2";
    let output = folder.command("sh").args(["-c", piped]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("code 0") && !errors.contains("error"), "{errors}");
}

// ---- the manual ----

/// The table of the manual is made from the kinds there are. `GRANTD_BLESS=1` writes it anew.
#[test]
fn the_manual_explains_every_kind() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/events.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let mut table = String::from("\n\n| Kind | Rule | What happened |\n|---|---|---|\n");
    for kind in EventKind::ALL {
        writeln!(table, "| `{}` | {} | {} |", kind.name(), kind.rule(), kind.says()).unwrap();
    }
    let expected = format!("{before}{BEGIN}{table}\n{END}{after}");
    if page != expected && std::env::vars().any(|(name, _)| name == "GRANTD_BLESS") {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(page == expected, "docs/operations/events.md is out of date: run this test with GRANTD_BLESS=1");
}

const BEGIN: &str = "<!-- made by a test: begin -->";
const END: &str = "<!-- made by a test: end -->";

#[tokio::test]
async fn a_database_forgets_old_events_and_those_beyond_the_most() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || {
        Setup::development().kept_in(folder.path()).with(|settings| {
            settings.events.keep = Seconds(3_600);
            settings.events.most = 1_000;
        })
    };
    let app = setup().open().await.unwrap();
    let (issuer, now) = (app.settings.issuer.clone(), grantd::env::now());
    let old = (0..10).map(|number| event(number, now - Seconds(3_700)));
    let recent = (10..1_510_usize).map(|number| event(number, now - Seconds(i64::try_from(1_510 - number).unwrap())));
    let store = Store::open(&database::of(folder.path())).unwrap();
    let changes = old.chain(recent).map(Change::Record).collect();
    assert_eq!(store.commit(&issuer, changes).await.unwrap(), Commit::Done);
    let sweeping = tokio::spawn(grantd::sweep::sweep(std::sync::Arc::downgrade(&app)));
    let all = || store.events(&issuer, EventFilter::default(), usize::MAX);
    for _ in 0..200 {
        if all().await.unwrap().len() == 1_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    sweeping.abort();
    let left = all().await.unwrap();
    assert_eq!(left.len(), 1_000);
    assert!(left.iter().all(|event| now - Seconds(1_000) <= event.at));
}
