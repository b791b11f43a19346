//! Cookies and forms: whose browser it is, and whose page a form stood on.

use crate::rig::{Answer, Asking, Browser, PASSWORD, Rig};

const SESSION: &str = "__Host-grantd-session";
const INTERACTION: &str = "__Host-grantd-interaction";

async fn signed_in(rig: &Rig) -> Browser {
    let mut browser = rig.browser();
    let page = browser.get("/login").await;
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(answer.location(), Some("/account/access"), "{answer:?}");
    assert!(is_signed_in(&mut browser).await);
    browser
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/").await.has_form("logout")
}

// proves: SESS-01
#[tokio::test]
async fn the_cookies_are_for_this_host_alone_and_for_no_script() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let page = browser.get("/login").await;
    let answer = browser.sign_in(&page, "alice", PASSWORD).await;
    for (answer, name) in [(&page, INTERACTION), (&answer, SESSION)] {
        let cookie = answer.set_cookie(name).unwrap();
        let (value, attributes) = cookie.split_once('=').unwrap().1.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(value.len(), 43, "256 bits");
    }
    let signed_out = browser.get("/logout").await.form("logout");
    let removal = browser.submit(&signed_out).await.set_cookie(SESSION).unwrap();
    assert_eq!(removal, format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"));
}

// proves: SESS-02
#[tokio::test]
async fn signing_in_makes_a_new_session_and_never_takes_one_that_was_there() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let planted = "planted-by-a-stranger-who-knows-this-value-";
    assert_eq!(planted.len(), 43);
    browser.cookies.insert(SESSION.to_owned(), planted.to_owned());
    let page = browser.get("/login").await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    let first = browser.cookies[SESSION].clone();
    assert_ne!(first, planted);
    assert!(is_signed_in(&mut browser).await);
    let mut stranger = rig.browser();
    stranger.cookies = browser.cookies.clone();
    stranger.cookies.insert(SESSION.to_owned(), planted.to_owned());
    assert!(!is_signed_in(&mut stranger).await, "the planted value is nobody's session");

    let again = browser.open("/authorize", &Asking::of_web()).await;
    assert!(again.has_form("consent"));
    let page = browser.submit(&again.form("switch").with("decision", "switch_account")).await;
    let page = browser.follow(page).await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    assert_ne!(browser.cookies[SESSION], first);
    browser.cookies.insert(SESSION.to_owned(), first);
    assert!(!is_signed_in(&mut browser).await, "the session before is over");
}

// proves: SESS-24
#[tokio::test]
async fn a_cookie_without_the_prefix_is_none() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = signed_in(&rig).await;
    let session = browser.cookies.remove(SESSION).unwrap();
    browser.cookies.insert("grantd-session".to_owned(), session.clone());
    assert!(!is_signed_in(&mut browser).await);
    // Nor does it get in the way of the genuine one.
    browser.cookies.insert("grantd-session".to_owned(), "planted".to_owned());
    browser.cookies.insert(SESSION.to_owned(), session);
    assert!(is_signed_in(&mut browser).await);
}

// proves: SESS-25
#[tokio::test]
async fn two_session_cookies_are_none() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = signed_in(&rig).await;
    let twice = format!("{SESSION}={}", browser.cookies[SESSION]);
    let request = browser.request(reqwest::Method::GET, "/").header("cookie", twice);
    assert!(!browser.send(request).await.has_form("logout"));
    let request = browser.request(reqwest::Method::GET, &format!("/authorize?{}", Asking::of_web().encoded()));
    let request = request.header("cookie", format!("{SESSION}=another"));
    let answer = browser.send(request).await;
    assert!(answer.location().unwrap().starts_with("/login?"), "{answer:?}");
    assert!(is_signed_in(&mut browser).await);
}

/// Where browsers say that a form came from, if it did not come from a page of ours.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://other.id.example")],
    &[("sec-fetch-site", "cross-site"), ("origin", "null")],
];

/// The same form, as other sites would send it, and with tokens that are not its own.
async fn forgeries(browser: &mut Browser, form: &crate::rig::html::Form, tokens: &[&str]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for headers in FOREIGN {
        let mut request = browser.form(&form.action, &form.fields());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answers.push(browser.send(request).await);
    }
    answers.push(browser.submit(&form.clone().without("csrf")).await);
    for token in tokens {
        answers.push(browser.submit(&form.clone().with("csrf", token)).await);
    }
    answers
}

// proves: SESS-05, CONSENT-04
#[tokio::test]
async fn a_decision_that_did_not_come_from_the_page_decides_nothing() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let other = browser.consent_page(&Asking::of_web()).await.form("consent").get("csrf").unwrap().to_owned();
    let sign_out = browser.get("/logout").await.form("logout").get("csrf").unwrap().to_owned();
    let form = browser.consent_page(&Asking::of_web().with("scope", "letters:read")).await.form("consent");
    for decision in ["allow", "deny", "switch_account"] {
        let pressed = form.clone().with("decision", decision);
        for answer in forgeries(&mut browser, &pressed, &["wrong", &other, &sign_out]).await {
            assert_eq!((answer.status, answer.location()), (403, None), "{answer:?}");
        }
    }
    assert!(is_signed_in(&mut browser).await);
    let answer = browser.allow(&form).await;
    assert!(answer.parameter("code").is_some(), "the request still waits: {answer:?}");
}

// proves: SESS-05
#[tokio::test]
async fn a_form_that_did_not_come_from_the_page_signs_nobody_out() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = signed_in(&rig).await;
    let form = browser.get("/logout").await.form("logout");
    for answer in forgeries(&mut browser, &form, &["wrong"]).await {
        assert_eq!((answer.status, answer.set_cookie(SESSION)), (403, None), "{answer:?}");
    }
    let get = browser.get("/logout?csrf=x&action=sign_out").await;
    assert_eq!(get.status, 200);
    assert!(is_signed_in(&mut browser).await);
    assert_eq!(browser.submit(&form).await.status, 303);
    assert!(!is_signed_in(&mut browser).await);
}

// proves: SESS-05, SESS-06
#[tokio::test]
async fn nobody_is_signed_in_by_a_form_that_a_stranger_made() {
    let rig = Rig::behind_a_proxy().await;
    let mut attacker = rig.browser();
    let strangers = attacker.get("/login").await.form("login").with("username", "bob").with("password", PASSWORD);
    let mut victim = rig.browser();
    assert_eq!(victim.submit(&strangers).await.status, 403, "without an interaction cookie");
    let own = victim.get("/login").await.form("login").with("username", "bob").with("password", PASSWORD);
    assert_eq!(victim.submit(&strangers).await.status, 403, "with its own interaction cookie");
    for answer in forgeries(&mut victim, &own, &["wrong"]).await {
        assert_eq!((answer.status, answer.location()), (403, None), "{answer:?}");
    }
    assert!(!victim.cookies.contains_key(SESSION));
    assert_eq!(victim.submit(&own).await.status, 303);
    assert!(is_signed_in(&mut victim).await);
}

#[tokio::test]
async fn a_form_of_our_page_counts_as_ours_however_the_browser_says_it() {
    let rig = Rig::behind_a_proxy().await;
    let own: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "same-origin"), ("origin", "null")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://id.example")],
        &[("origin", "https://id.example")],
        &[],
    ];
    for headers in own {
        let mut browser = rig.browser();
        let form = browser.get("/login").await.form("login").with("username", "alice").with("password", PASSWORD);
        let mut request = browser.form(&form.action, &form.fields());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(browser.send(request).await.status, 303, "{headers:?}");
    }
}
