//! Values that must not get out, and what must be told instead.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use grantd::telemetry::{LogFormat, LogLines, our_own_details};
use grantd_protocol::authorize::AuthorizationRequest;
use grantd_protocol::events::{EventFilter, EventKind};
use grantd_protocol::names::Network;
use grantd_protocol::token::TokenRequest;
use serde_json::Value;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::commands::GRANTD;
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
    pages: Vec<String>,
    /// Never in a log, never on a page.
    secrets: Vec<String>,
    /// Never in a log. On the page that it belongs to, it must be.
    handles: Vec<String>,
}

impl Seen {
    fn page(&mut self, page: &Answer) {
        self.pages.push(page.body.clone());
        for form in ["login", "consent", "logout"] {
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
        self.secrets.extend([answer.member("access_token"), answer.member("refresh_token")]);
        answer.member("refresh_token")
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
    seen.secrets.extend(["canary-state", "canary-nonce", "canary-login-hint"].map(str::to_owned));
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

/// Every row of the table, and what the command says of it.
async fn events(rig: &Rig, folder: &Path) -> String {
    let issuer = &rig.app.settings.issuer;
    let rows = rig.app.store.events(issuer, EventFilter::default(), usize::MAX).await.unwrap();
    let kinds: BTreeSet<EventKind> = rows.iter().map(|event| event.kind).collect();
    for kind in [EventKind::SignInFailed, EventKind::RefreshRaced, EventKind::RefreshTokenReused, EventKind::SignedOut]
    {
        assert!(kinds.contains(&kind), "{kind:?} is among {kinds:?}");
    }
    let mut text = serde_json::to_string(&rows).unwrap();
    for form in [&["--dev"][..], &["--dev", "--json"]] {
        let mut command = std::process::Command::new(GRANTD);
        command.current_dir(folder).env_clear().args(["events", "--limit", "10000"]).args(form);
        command.args(["--set", "database.path=grantd.db", "--set", &format!("issuer={issuer}")]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.lines().count() >= rows.len() && said.contains("refresh_token_reused"), "{said}");
        text.push_str(&said);
    }
    text
}

// proves: LOG-01, CODE-10
#[tokio::test]
async fn no_secret_is_logged_or_shown() {
    let everything = Everything::begin();
    let mut seen = Seen::default();
    walk(&Rig::behind_a_proxy().await, &mut seen).await;
    let folder = tempfile::tempdir().unwrap();
    let rig = Setup::development().kept_in(folder.path()).start().await;
    walk(&rig, &mut seen).await;
    let events = events(&rig, folder.path()).await;
    assert!(seen.secrets.len() > 20 && seen.handles.len() > 6 && seen.pages.len() > 12);
    assert!(!rig.shop.asked().is_empty(), "the question for things was asked, too");
    let log = everything.text();
    assert!(log.contains("\"event\":\"signed_in\"") && log.contains("\"status\":303"), "this is the log");
    for secret in seen.secrets.iter().chain(&seen.handles).filter(|secret| !secret.is_empty()) {
        let found = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is logged");
    }
    for secret in seen.secrets.iter().chain(&seen.handles).filter(|secret| !secret.is_empty()) {
        let found = events.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(found, None, "{secret} is told as an event");
    }
    for secret in &seen.secrets {
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
