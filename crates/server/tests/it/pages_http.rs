//! What every page and every redirect of the flow carries, and what no page says.

use grantd::telemetry::LogFormat;

use reqwest::Method;

use crate::rig::{Answer, Asking, PASSWORD, Rig};
use crate::telemetry::Log;

/// Every answer of a flow, and of the ways beside it.
async fn a_walk(rig: &Rig) -> Vec<Answer> {
    let mut browser = rig.browser();
    let mut answers = Vec::new();
    let begun = browser.get(&format!("/authorize?{}", Asking::of_web().encoded())).await;
    let login = browser.follow(begun.clone()).await;
    let again = browser.sign_in(&login, "alice", "wrong").await;
    let signed_in = browser.sign_in(&again, "alice", PASSWORD).await;
    let consent = browser.follow(signed_in.clone()).await;
    let forged = browser.allow(&consent.form("consent").with("csrf", "wrong")).await;
    let unticked = consent.form("consent").untick("scope", "boxes:list").untick("scope", "letters:read");
    let nothing = browser.allow(&unticked).await;
    let allowed = browser.allow(&consent.form("consent")).await;
    answers.extend([begun, login, again, signed_in, consent, forged, nothing, allowed]);
    let denied = browser.consent_page(&Asking::of_web().with("scope", "mail:send")).await;
    answers.push(browser.deny(&denied.form("consent")).await);
    for path in [
        "/",
        "/logout",
        "/login",
        "/consent",
        "/account/access",
        "/nowhere",
        "/authorize",
        "/authorize?client_id=nobody",
    ] {
        answers.push(browser.get(path).await);
    }
    answers.push(browser.get(&format!("/authorize?{}", Asking::of_web().without("response_type").encoded())).await);
    let put = browser.request(Method::PUT, "/consent");
    answers.push(browser.send(put).await);
    let question = browser.get("/logout").await;
    answers.push(browser.submit(&question.form("logout")).await);
    answers
}

// proves: SESS-07, SESS-08, SESS-09, SESS-10, SESS-20, REDIR-13, SESS-22
#[tokio::test]
async fn every_page_and_every_redirect_carries_the_headers_of_its_kind() {
    let rig = Rig::behind_a_proxy().await;
    let answers = a_walk(&rig).await;
    for answer in &answers {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:?}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{answer:?}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{answer:?}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{answer:?}");
        assert!(answer.header("permissions-policy").is_some(), "{answer:?}");
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=63072000"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{answer:?}");
        match answer.location() {
            Some(location) => {
                assert_eq!(answer.status, 303, "{answer:?}");
                assert_eq!(location.contains("error="), location.ends_with("#_"), "an old fragment must not travel on");
            }
            None => assert_page(answer),
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.location().is_some()).count(), 7);
}

fn assert_page(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{answer:?}");
    let policy = answer.header("content-security-policy").unwrap();
    let strict = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
    assert!(policy.starts_with(strict), "{policy}");
    let addresses = [" src=\"", " href=\"", " action=\""].iter().flat_map(|name| answer.body.split(name).skip(1));
    for address in addresses {
        assert!(address.starts_with('/') && !address.starts_with("//"), "a page loads {address}");
    }
    for script in ["<script", "http-equiv", "javascript:"] {
        assert!(!answer.body.contains(script), "{script} in {}", answer.body);
    }
}

// proves: SESS-07, SESS-10
#[tokio::test]
async fn a_request_that_cannot_be_read_is_answered_with_a_page_and_kept_nowhere() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let long = browser.request(Method::GET, &format!("/authorize?unknown={}", "x".repeat(16 * 1024)));
    let image = browser.request(Method::GET, "/authorize").header("sec-fetch-dest", "image");
    let no_form =
        |path: &str| browser.request(Method::POST, path).header("content-type", "application/json").body("{}");
    let no_decision = browser.form("/consent", &[("request", "x")]);
    let unreadable =
        browser.request(Method::POST, "/login").header("content-type", "application/x-www-form-urlencoded");
    let requests = [
        (414, long),
        (403, image),
        (415, no_form("/authorize")),
        (415, no_form("/login")),
        (415, no_form("/logout")),
        (400, no_decision),
        (400, unreadable.body("username=%ff")),
    ];
    for (status, request) in requests {
        let answer = browser.send(request).await;
        assert_eq!((answer.status, answer.location()), (status, None), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        assert_page(&answer);
    }
}

// proves: CONSENT-04
#[tokio::test]
async fn a_form_that_says_one_thing_twice_decides_nothing() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let page = browser.consent_page(&Asking::of_web()).await;
    let form = page.form("consent").with("decision", "allow");
    for (name, value) in [("decision", "deny"), ("csrf", "x"), ("request", "x")] {
        let mut fields = form.fields();
        fields.push((name, value));
        let twice = browser.form(&form.action, &fields).header("sec-fetch-site", "same-origin");
        let answer = browser.send(twice).await;
        assert_eq!((answer.status, answer.location()), (400, None), "{name}: {answer:?}");
    }
    assert!(browser.submit(&form).await.parameter("code").is_some(), "the request still waited");
}

// proves: SESS-07
#[tokio::test]
async fn only_the_pages_before_the_answer_may_lead_to_the_client() {
    let rig = Rig::behind_a_proxy().await;
    for (client, redirect_uri, source) in [
        ("web", "https://app.example/callback", "https://app.example"),
        ("native", "http://127.0.0.1:4711/callback", "http://127.0.0.1:4711"),
        ("native", "com.example.app:/callback", "com.example.app:"),
    ] {
        let mut browser = rig.browser();
        let login = browser.open("/authorize", &Asking::of(client, redirect_uri)).await;
        let signed_in = browser.sign_in(&login, "alice", PASSWORD).await;
        let consent = browser.follow(signed_in).await;
        let lost = browser.get("/consent?request=unknown").await;
        let form_action = |page: &Answer| {
            let policy = page.header("content-security-policy").unwrap();
            policy.split_once("form-action ").unwrap().1.to_owned()
        };
        assert_eq!(form_action(&login), format!("'self' {source}"));
        assert_eq!(form_action(&consent), format!("'self' {source}"));
        assert_eq!(form_action(&lost), "'self'");
        assert_eq!(browser.allow(&consent.form("consent")).await.status, 303);
    }
}

#[tokio::test]
async fn a_server_for_development_locks_nobody_out_of_plain_http() {
    let rig = Rig::development().await;
    for answer in a_walk(&rig).await {
        assert_eq!(answer.header("strict-transport-security"), None, "{answer:?}");
        if answer.location().is_none() {
            assert!(answer.body.contains("Development mode"), "{answer:?}");
        }
    }
}

const SLIP: &str = "https://app.example/canary";

fn refused_requests() -> Vec<Asking> {
    let good = || Asking::of_web().with("state", "canary").with("scope", "canary").and("canary", "canary");
    vec![
        good().with("client_id", "canary"),
        good().with("client_id", "<i>canary</i>"),
        good().without("client_id"),
        good().with("redirect_uri", SLIP),
        good().with("redirect_uri", "javascript:canary"),
        good().without("redirect_uri"),
        good().and("client_id", "canary"),
        good().and("redirect_uri", "https://canary.example/"),
        good().with("canary", &"canary".repeat(2000)),
    ]
}

// proves: SESS-26
#[tokio::test]
async fn an_error_page_echoes_nothing_of_the_request_but_its_own_reference() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let mut pages = Vec::new();
    for asking in refused_requests() {
        pages.push(browser.get(&format!("/authorize?{}", asking.encoded())).await);
        pages.push(browser.post("/authorize", &asking.pairs()).await);
    }
    pages.push(browser.get("/canary").await);
    pages.push(browser.get("/login?request=canary").await);
    pages.push(browser.get("/consent?request=canary&canary").await);
    pages.push(browser.post("/consent", &[("request", "canary"), ("decision", "allow")]).await);
    for page in pages {
        assert!(matches!(page.status, 400 | 404), "{page:?}");
        assert_eq!(page.location(), None, "{page:?}");
        assert!(!page.body.contains("canary"), "{page:?}");
        assert!(!page.body.contains("For the developer"), "{page:?}");
        let reference = page.header("x-request-id").unwrap();
        assert!(page.body.contains(reference), "{page:?}");
    }
}

// proves: REDIR-01
#[tokio::test]
async fn in_development_the_page_marks_where_the_redirect_uri_parts_from_the_registered_one() {
    let rig = Rig::development().await;
    let slip = Asking::of_web().with("redirect_uri", SLIP);
    let page = rig.browser().get(&format!("/authorize?{}", slip.encoded())).await;
    assert_eq!((page.status, page.location()), (400, None));
    assert!(page.body.contains("REDIR-01"), "{}", page.body);
    assert!(page.body.contains("<code>https://app.example/ca<mark>n</mark>ary</code>"), "{}", page.body);
    assert!(page.body.contains("<code>https://app.example/ca<mark>l</mark>lback</code>"), "{}", page.body);
    assert!(page.body.contains("They part at character 23."), "{}", page.body);
}

#[tokio::test]
async fn the_log_tells_the_operator_what_was_sent_and_what_is_registered() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let rig = Rig::behind_a_proxy().await;
    let slip = Asking::of_web().with("redirect_uri", SLIP);
    let page = rig.browser().get(&format!("/authorize?{}", slip.encoded())).await;
    let lines: Vec<serde_json::Value> = log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = lines.iter().find(|line| line["refusal"] == "RedirectUriUnregistered").unwrap();
    assert_eq!(line["rule"], "REDIR-01");
    assert_eq!(line["client"], "web");
    assert_eq!(line["evidence"]["sent"], SLIP);
    assert_eq!(line["evidence"]["accepted"], "https://app.example/callback https://app.example/two");
    assert_eq!(line["request_id"], page.header("x-request-id").unwrap());
}
