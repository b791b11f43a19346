//! Values that must not get out, and what must be told instead.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use grantd::telemetry::{LogFormat, LogLines, our_own_details};
use grantd_protocol::authorize::AuthorizationRequest;
use grantd_protocol::events::{EventFilter, EventKind};
use grantd_protocol::names::Network;
use grantd_protocol::token::TokenRequest;
use serde_json::Value;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::account_http::PAGE;
use crate::commands::GRANTD;
use crate::introspect_http::{FORMS, post, storage_takes};
use crate::opaque_tokens_http::holds;
use crate::rig::database::{on_disk, setting_of};
use crate::rig::people::secret_of;
use crate::rig::{Answer, Asking, Browser, PASSWORD, Rig, Setup, VERIFIER, basic};
use crate::telemetry::Log;

/// What the whole process logs, on every thread.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<u8>>>);

impl io::Write for Everything {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Everything {
    fn begin() -> Self {
        let everything = Self::default();
        let written = everything.clone();
        let lines = LogLines::new(LogFormat::Json, move || written.clone()).with_filter(our_own_details());
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines)).unwrap();
        everything
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What went through one flow and its refusals.
#[derive(Default)]
struct Seen {
    /// And the feed, as it reads when it is opened.
    pages: Vec<String>,
    /// Never in a log, never on a page, never on disk.
    secrets: Vec<String>,
    /// Those of them that are tokens, whole.
    tokens: Vec<String>,
    /// Never in a log, never on disk. On the page that it belongs to, it must be.
    handles: Vec<String>,
}

/// What a client asked with: never in a log or on a page. On disk until it is answered.
const ASKED: [&str; 3] = ["canary-state", "canary-nonce", "canary-login-hint"];

impl Seen {
    fn page(&mut self, page: &Answer) {
        self.pages.push(page.body.clone());
        for form in ["login", "consent", "logout", "narrow_0", "end_0", "elsewhere", "end_all"] {
            if page.has_form(form) {
                let form = page.form(form);
                self.handles.extend(["csrf", "request"].iter().filter_map(|name| form.get(name)).map(str::to_owned));
            }
        }
    }

    fn cookies(&mut self, browser: &Browser) {
        self.secrets.extend(browser.cookies.values().cloned());
    }

    fn tokens(&mut self, answer: &Answer) -> String {
        let (access_token, refresh_token) = (answer.member("access_token"), answer.member("refresh_token"));
        // What is signed can be read by whoever has the rest of it; without its signature it opens nothing.
        self.secrets.extend(access_token.rsplit_once('.').map(|(_, signature)| signature.to_owned()));
        // A refresh token is the part of its family, its own, and a seal over both.
        self.secrets.extend([refresh_token[..22].to_owned(), refresh_token[22..65].to_owned()]);
        self.secrets.extend([access_token.clone(), refresh_token.clone()]);
        self.tokens.extend([access_token, refresh_token.clone()]);
        refresh_token
    }
}

const WRONG_PASSWORD: &str = "canary-wrong-password";
const WRONG_SECRET: &str = "canary-wrong-secret";
const WRONG_CODE: &str = "canary-code-that-nobody-issued";

async fn walk(rig: &Rig, seen: &mut Seen) {
    seen.secrets
        .extend([VERIFIER, secret_of("web"), PASSWORD, WRONG_PASSWORD, WRONG_SECRET, WRONG_CODE].map(str::to_owned));
    let asking = Asking::of_web()
        .for_boxes()
        .with("scope", "boxes:list letters:read offline_access")
        .with("state", "canary-state")
        .with("nonce", "canary-nonce")
        .with("login_hint", "canary-login-hint");
    let mut browser = rig.browser();
    let page = browser.open("/authorize", &asking).await;
    seen.page(&page);
    let again = browser.sign_in(&page, "alice", WRONG_PASSWORD).await;
    seen.page(&again);
    seen.cookies(&browser);
    let signed_in = browser.sign_in(&page, "alice", PASSWORD).await;
    let page = browser.follow(signed_in).await;
    seen.page(&page);
    seen.cookies(&browser);
    let forged = browser.allow(&page.form("consent").with("csrf", "canary-csrf")).await;
    seen.page(&forged);
    let code = browser.allow(&page.form("consent")).await.parameter("code").unwrap();
    seen.secrets.push(code.clone());
    let over = browser.allow(&page.form("consent")).await;
    seen.page(&over);

    let tokens = rig.redeem(&code).await;
    let spent = seen.tokens(&tokens);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", spent.as_str())];
    seen.tokens(&rig.token_by("web", &refresh).await);
    let again = seen.tokens(&rig.token_by("web", &refresh).await);
    seen.tokens(&rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", &again)]).await);
    rig.token_by("web", &refresh).await;
    rig.redeem(&code).await;
    rig.redeem(WRONG_CODE).await;
    let mut program = rig.browser();
    let wrong = program.form("/token", &refresh).header("authorization", basic("web", WRONG_SECRET));
    program.send(wrong).await;
    let in_the_url = format!("/token?code={code}&client_secret={WRONG_SECRET}");
    program.post(&in_the_url, &refresh).await;
    program
        .post(
            "/token",
            &[
                ("client_id", "web"),
                ("client_secret", WRONG_SECRET),
                ("grant_type", "password"),
                ("password", PASSWORD),
            ],
        )
        .await;
    for asking in [
        asking.clone().with("redirect_uri", "https://app.example/slip"),
        asking.without("scope"),
        Asking::of_web().with("state", "canary-state\u{7f}"),
    ] {
        seen.page(&browser.open("/authorize", &asking).await);
    }
    let question = browser.get("/logout").await;
    seen.page(&question);
    browser.submit(&question.form("logout")).await;
}

/// Tokens of both forms, asked about and given back; the page on which access is taken back; the feed.
async fn walk_on(rig: &Rig, seen: &mut Seen) {
    let asking = Asking::of_web().for_boxes().with("scope", "boxes:list letters:read mail:send");
    for form in FORMS {
        storage_takes(rig, form).await;
        let mut browser = rig.browser();
        let code = browser.code(&asking).await;
        seen.cookies(&browser);
        let tokens = rig.redeem(&code).await;
        let refresh_token = seen.tokens(&tokens);
        let access_token = tokens.member("access_token");
        seen.secrets.push(code);
        for token in [&access_token, &refresh_token] {
            for asks in ["robot", "web"] {
                let answer = post(rig, "/introspect", asks, &[("token", token), ("token_type_hint", "canary")]).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            for path in ["/introspect", "/revoke"] {
                let mut program = rig.browser();
                let wrong = program.form(path, &[("token", token)]).header("authorization", basic("web", WRONG_SECRET));
                assert_eq!(program.send(wrong).await.status, 401);
                assert_eq!(post(rig, &format!("{path}?token={token}"), "web", &[("token", token)]).await.status, 400);
                assert_eq!(post(rig, path, "web", &[("token", token), ("token", token)]).await.status, 400);
            }
            assert_eq!(post(rig, "/revoke", "robot", &[("token", token)]).await.status, 200, "another's");
        }
        take_back(&mut browser, seen).await;
        assert_eq!(post(rig, "/revoke", "web", &[("token", &access_token)]).await.status, 200);
        let next = rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]).await;
        let next = seen.tokens(&next);
        assert_eq!(post(rig, "/revoke", "web", &[("token", &next)]).await.status, 200);
        let mut browser = rig.browser();
        seen.secrets.push(browser.code(&asking).await);
        let page = browser.get(PAGE).await;
        seen.page(&page);
        browser.submit(&page.form("end_all").with("action", "end_all")).await;
        seen.cookies(&browser);
    }
    let feed = rig.browser().get(&rig.path("/revocations")).await;
    seen.pages.extend([crate::flow::claims(&feed.body).to_string(), feed.body]);
}

/// A part of what an application has, after a form that was forged; and every other session.
async fn take_back(browser: &mut Browser, seen: &mut Seen) {
    let page = browser.get(PAGE).await;
    seen.page(&page);
    let narrow = page.form("narrow_0").untick("scope", "mail:send").with("action", "narrow");
    let forged = browser.submit(&narrow.clone().with("csrf", "canary-csrf")).await;
    assert_eq!(forged.status, 403);
    seen.page(&forged);
    assert_eq!(browser.submit(&narrow).await.status, 303);
    let page = browser.get(PAGE).await;
    seen.page(&page);
    if page.has_form("elsewhere") {
        browser.submit(&page.form("elsewhere").with("action", "sign_out_elsewhere")).await;
    }
}

/// Every row of the table, and what the command says of it.
async fn events(rig: &Rig, folder: &Path) -> String {
    let issuer = &rig.app.settings.issuer;
    let rows = rig.app.store.events(issuer, EventFilter::default(), usize::MAX).await.unwrap();
    let kinds: BTreeSet<EventKind> = rows.iter().map(|event| event.kind).collect();
    let of_walk =
        [EventKind::SignInFailed, EventKind::RefreshRaced, EventKind::RefreshTokenReused, EventKind::SignedOut];
    let of_taking_back = [EventKind::AccessNarrowed, EventKind::AccessEnded, EventKind::OtherSessionsEnded];
    let of_giving_back = [EventKind::TokenGivenBack, EventKind::AccessTokenEnded];
    for kind in of_walk.into_iter().chain(of_taking_back).chain(of_giving_back) {
        assert!(kinds.contains(&kind), "{kind:?} is among {kinds:?}");
    }
    let mut text = serde_json::to_string(&rows).unwrap();
    for arguments in [&["events", "--limit", "10000"][..], &["events", "--limit", "10000", "--json"]] {
        let said = command(rig, folder, arguments, "");
        assert!(said.lines().count() >= rows.len() && said.contains("refresh_token_reused"), "{said}");
        text.push_str(&said);
    }
    text
}

/// What an operator is told who looks at the tokens of the last walk.
fn inspected(rig: &Rig, folder: &Path, seen: &Seen) -> String {
    let mut text = String::new();
    for token in seen.tokens.iter().rev().take(8) {
        let for_machines = command(rig, folder, &["token", "inspect", "--json"], token);
        assert!(for_machines.contains("\"accepted\""), "{for_machines}");
        text.push_str(&for_machines);
        text.push_str(&command(rig, folder, &["token", "inspect"], token));
    }
    text
}

/// All that a command says.
fn command(rig: &Rig, folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new(GRANTD);
    command.current_dir(folder).env_clear().args(arguments).arg("--dev");
    let (database, at) = setting_of(folder);
    command.args(["--set", &format!("{database}={at}")]);
    command.args(["--set", "keys.key_encryption_key_file=grantd.db.key", "--set", &format!("issuer={}", rig.issuer)]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

// proves: LOG-01, CODE-10
#[tokio::test]
async fn no_secret_is_logged_shown_or_on_disk() {
    let everything = Everything::begin();
    let mut seen = Seen::default();
    let rig = Rig::behind_a_proxy().await;
    walk(&rig, &mut seen).await;
    walk_on(&rig, &mut seen).await;
    let folder = tempfile::tempdir().unwrap();
    let rig = Setup::development().kept_in(folder.path()).start().await;
    walk(&rig, &mut seen).await;
    walk_on(&rig, &mut seen).await;
    let told = events(&rig, folder.path()).await + &inspected(&rig, folder.path(), &seen);
    assert!(seen.secrets.len() > 100 && seen.handles.len() > 20 && seen.pages.len() > 24);
    assert!(!rig.shop.asked().is_empty(), "the question for things was asked, too");
    let log = everything.text();
    assert!(log.contains("\"event\":\"signed_in\"") && log.contains("\"status\":303"), "this is the log");
    assert!(log.contains("\"event\":\"token_inactive\""), "in all its detail");
    rig.stop().await;
    let disk = on_disk(folder.path());
    assert!(holds(&disk, "subject-of-alice") && holds(&disk, "refresh_token_reused"), "this is the database");

    seen.secrets.retain(|secret| !secret.is_empty());
    seen.handles.retain(|handle| !handle.is_empty());
    let asked = ASKED.map(str::to_owned);
    for secret in seen.secrets.iter().chain(&seen.handles).chain(&asked) {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is logged");
        let found = told.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is told to an operator");
    }
    for secret in seen.secrets.iter().chain(&seen.handles) {
        assert!(!holds(&disk, secret), "{secret} is on disk");
    }
    for secret in seen.secrets.iter().chain(&asked) {
        let found = seen.pages.iter().find(|page| page.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is shown");
    }
}

// proves: LOG-02
#[test]
fn requests_print_no_secret() {
    let asking = Asking::of_web().with("state", "canary-state").with("nonce", "canary-nonce");
    let request = AuthorizationRequest::parse(Some(asking.encoded().as_bytes()), None).unwrap();
    let body = format!("grant_type=authorization_code&code=canary-code&code_verifier={VERIFIER}");
    let authorization = basic("web", "canary-secret");
    let token =
        TokenRequest::parse(None, Some(authorization.as_bytes()), body.as_bytes(), Network::new("here")).unwrap();
    let refresh = "grant_type=refresh_token&refresh_token=canary-token&client_id=web&client_secret=canary-secret";
    let refresh = TokenRequest::parse(None, None, refresh.as_bytes(), Network::new("here")).unwrap();
    for printed in [format!("{request:?}"), format!("{token:?}"), format!("{refresh:?}")] {
        assert!(!printed.contains("canary") && !printed.contains(VERIFIER), "{printed}");
        assert!(printed.contains("web"), "{printed}");
    }
}

// proves: LOG-04, LOG-05
#[tokio::test]
async fn what_an_operator_must_know_is_told_with_its_rule() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let rig = Setup::behind_a_proxy()
        .with(|settings| {
            settings.limits.wrong_secrets = 2;
            settings.limits.sign_ins_per_account_and_network = 2;
        })
        .start()
        .await;
    let mut seen = Seen::default();
    walk(&rig, &mut seen).await;
    let mut browser = rig.browser();
    let page = browser.open("/authorize", &Asking::of_web().with("scope", "mail:send")).await;
    for password in [WRONG_PASSWORD, WRONG_PASSWORD, PASSWORD] {
        browser.sign_in(&page, "bob", password).await;
    }
    let mut other = rig.browser_from("198.51.100.1");
    other.code(&Asking::of_web()).await;
    let page = other.consent_page(&Asking::of_web().with("scope", "mail:send")).await;
    other.deny(&page.form("consent")).await;
    let lines: Vec<Value> = log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().find(|line| line["event"] == event).unwrap_or_else(|| panic!("no {event}"));
    for (event, rule) in [
        ("sign_in_failed", "LOGIN-01"),
        ("throttled", "LOGIN-04"),
        ("client_authentication_failed", "CAUTH-06"),
        ("consent_denied", "AUTHZ-27"),
    ] {
        assert_eq!(of(event)["rule"], rule, "{event}");
        assert!(of(event)["request_id"].is_string(), "{event}");
    }
    for (event, subject) in [("signed_in", "subject-of-alice"), ("consent_given", "subject-of-alice")] {
        assert_eq!(of(event)["user"], subject, "{event}");
    }
    for event in ["granted", "refresh_token_reused", "signed_out", "key_made"] {
        of(event);
    }
    assert_eq!(of("refresh_token_reused")["grant"], of("granted")["grant"], "both name the grant");
    let refused = |refusal: &str| lines.iter().find(|line| line["refusal"] == refusal).map(|line| line["rule"].clone());
    assert_eq!(refused("RefreshTokenReused"), Some("REFRESH-09".into()));
    assert_eq!(refused("ConsentForged"), Some("CONSENT-04".into()));
    assert_eq!(refused("CodeReplayed"), Some("CODE-04".into()));
}
