//! The authorization endpoint as it stands on the wire.

use reqwest::Method;

use crate::rig::{Answer, Asking, PASSWORD, Rig, Setup, VERIFIER};

fn assert_led_nowhere(answer: &Answer) {
    assert_eq!((answer.status, answer.location()), (400, None), "{answer:?}");
    assert!(answer.body.starts_with("<!doctype html>"), "{answer:?}");
}

// proves: AUTHZ-01
#[tokio::test]
async fn a_request_comes_by_get_or_by_post_and_by_nothing_else() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let asking = Asking::of_web();
    let got = browser.get(&format!("/authorize?{}", asking.encoded())).await;
    assert!(got.location().unwrap().starts_with("/login?request="), "{got:?}");
    let posted = browser.post("/authorize", &asking.pairs()).await;
    assert!(browser.follow(posted).await.has_form("login"));
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let request = browser.request(method.clone(), &format!("/authorize?{}", asking.encoded()));
        let answer = browser.send(request).await;
        assert_eq!((answer.status, answer.location()), (405, None), "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"), "{method}: {answer:?}");
    }
    let looked = browser.send(browser.request(Method::HEAD, &format!("/authorize?{}", asking.encoded()))).await;
    assert_eq!((looked.status, looked.location(), looked.header("allow")), (405, None, Some("GET, POST")));
    let json = browser.request(Method::POST, "/authorize").header("content-type", "application/json").body("{}");
    assert_eq!(browser.send(json).await.status, 415);
}

// proves: AUTHZ-02
#[tokio::test]
async fn body_and_query_are_not_mixed() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    let query = "/authorize?scope=letters:read";
    assert_led_nowhere(&browser.post(query, &Asking::of_web().pairs()).await);
    let foreign = browser.form(query, &Asking::of_web().pairs()).header("sec-fetch-site", "cross-site");
    assert_led_nowhere(&browser.send(foreign).await);
}

#[tokio::test]
async fn a_post_from_another_site_goes_on_with_the_cookies_of_the_get() {
    let rig = Rig::development().await;
    let mut browser = rig.browser();
    browser.code(&Asking::of_web()).await;
    // A browser keeps the cookies back from such a POST.
    let cookies = std::mem::take(&mut browser.cookies);
    let asking = Asking::of_web().with("state", "a #state & \u{e4} more");
    let raw = asking.encoded().replace("%23", "#").replace("%C3%A4", "\u{e4}").replace("%20", "+");
    let request =
        browser.form("/authorize", &[]).header("sec-fetch-site", "cross-site").header("origin", "https://app.example");
    let answer = browser.send(request.body(raw)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
    browser.cookies = cookies;
    let answer = browser.follow(answer).await;
    // The state is not ASCII, so it is refused; it arrived whole, or the checks before would have refused.
    assert_eq!(
        answer.parameter("error_description").unwrap(),
        "state is longer than 4096 characters or not printable ASCII"
    );

    let raw = Asking::of_web().with("state", "a #state").encoded().replace("%23", "#").replace("%20", "\t");
    let request = browser.form("/authorize", &[]).header("sec-fetch-site", "cross-site").body(raw);
    let answer = browser.send(request).await;
    let answer = browser.follow(answer).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let plain = browser.form("/authorize", &Asking::of_web().with("state", "a #state & more").pairs());
    let answer = browser.send(plain.header("sec-fetch-site", "cross-site")).await;
    let answer = browser.follow(answer).await;
    assert_eq!(answer.parameter("state").as_deref(), Some("a #state & more"), "{answer:?}");
    assert!(answer.parameter("code").is_some(), "{answer:?}");
}

// proves: LIMITS-05
#[tokio::test]
async fn what_a_page_loads_by_itself_begins_no_request() {
    let rig = Setup::behind_a_proxy().with(|settings| settings.limits.pending_per_network = 1).start().await;
    let mut browser = rig.browser();
    let asking = Asking::of_web();
    let path = format!("/authorize?{}", asking.encoded());
    for destination in ["image", "iframe", "empty", "script"] {
        let got = browser.request(Method::GET, &path).header("sec-fetch-dest", destination);
        let posted = browser.form("/authorize", &asking.pairs()).header("sec-fetch-dest", destination);
        for request in [got, posted] {
            let answer = browser.send(request.header("sec-fetch-site", "cross-site")).await;
            assert_eq!((answer.status, answer.location()), (403, None), "{destination}: {answer:?}");
        }
    }
    assert!(browser.cookies.is_empty());
    let opened = browser.request(Method::GET, &path).header("sec-fetch-dest", "document");
    let answer = browser.send(opened.header("sec-fetch-site", "cross-site")).await;
    assert!(answer.location().unwrap().starts_with("/login?request="), "{answer:?}");
}

// proves: AUTHZ-05, REDIR-10
#[tokio::test]
async fn who_is_not_known_is_not_answered_by_redirect() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let mut answers = Vec::new();
    for asking in [
        Asking::of_web().with("client_id", "nobody"),
        Asking::of_web().with("client_id", "WEB"),
        Asking::of_web().without("client_id"),
        Asking::of_web().and("client_id", "web"),
        Asking::of_web().without("redirect_uri"),
        Asking::of_web().and("redirect_uri", "https://app.example/callback"),
        Asking::of_web().with("redirect_uri", "https://page.example/callback"),
    ] {
        let answer = browser.get(&format!("/authorize?{}", asking.encoded())).await;
        assert_led_nowhere(&answer);
        answers.push(answer);
    }
    let without_reference = |answer: &Answer| answer.body.replace(answer.header("x-request-id").unwrap(), "");
    let first = without_reference(&answers[0]);
    assert!(answers.iter().all(|answer| without_reference(answer) == first), "the page does not tell what was wrong");
    assert!(browser.cookies.is_empty(), "nothing was begun");
}

// proves: REDIR-01, REDIR-02, REDIR-08, REDIR-04
#[tokio::test]
async fn a_redirect_uri_fits_byte_for_byte_or_not_at_all() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    for other in [
        "https://app.example/callback/",
        "https://app.example/callback?",
        "https://app.example/callback#",
        "https://app.example/callback?a=b",
        "https://app.example:443/callback",
        "https://APP.example/callback",
        "HTTPS://app.example/callback",
        "https://app.example/%63allback",
        "https://app.example/x/../callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/?https://app.example/callback",
        "http://app.example/callback",
        "//app.example/callback",
        "/callback",
        " https://app.example/callback",
    ] {
        let answer = browser.open("/authorize", &Asking::of_web().with("redirect_uri", other)).await;
        assert_led_nowhere(&answer);
    }
    for (redirect_uri, fits) in [
        ("http://127.0.0.1/callback", true),
        ("http://127.0.0.1:1/callback", true),
        ("http://127.0.0.1:65535/callback", true),
        ("http://127.0.0.1:65536/callback", false),
        ("http://127.0.0.1:0/callback", false),
        ("http://127.0.0.1:4711/callback/", false),
        ("http://127.1:4711/callback", false),
        ("http://localhost:4711/callback", false),
        ("http://[::1]:4711/callback", false),
        ("http://2130706433:4711/callback", false),
        ("http://127.0.0.1:4711@evil.example/callback", false),
        ("https://127.0.0.1:4711/callback", false),
        ("com.example.app:/callback", true),
        ("com.example.app:/callbacks", false),
    ] {
        let answer = browser.open("/authorize", &Asking::of("native", redirect_uri)).await;
        assert_eq!(answer.has_form("login"), fits, "{redirect_uri}: {answer:?}");
        if !fits {
            assert_led_nowhere(&answer);
        }
    }
}

// proves: NEVER-01, NEVER-03, NEVER-09, PKCE-01, PKCE-02, AUTHZ-06, AUTHZ-07, AUTHZ-09, AUTHZ-28,
// AUTHZ-12, RESIND-02, RAR-01, AUTHZ-03
#[tokio::test]
async fn what_is_not_offered_is_told_to_the_client_with_state_and_issuer() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    browser.code(&Asking::of_web()).await;
    let good = Asking::of_web;
    for (asking, error) in [
        (good().with("response_type", "token"), "unsupported_response_type"),
        (good().with("response_type", "code token"), "unsupported_response_type"),
        (good().with("response_type", "id_token token"), "unsupported_response_type"),
        (good().with("response_type", "code id_token token"), "unsupported_response_type"),
        (good().with("response_type", "none"), "unsupported_response_type"),
        (good().without("response_type"), "invalid_request"),
        (good().with("response_mode", "web_message"), "invalid_request"),
        (good().with("response_mode", "fragment"), "invalid_request"),
        (good().without("code_challenge"), "invalid_request"),
        (good().without("code_challenge_method"), "invalid_request"),
        (good().with("code_challenge", VERIFIER).with("code_challenge_method", "plain"), "invalid_request"),
        (good().with("code_challenge_method", "s256"), "invalid_request"),
        (good().with("code_challenge", "short"), "invalid_request"),
        (good().with("scope", "two  spaces"), "invalid_scope"),
        (good().with("scope", "unknown"), "invalid_scope"),
        (good().with("resource", "https://elsewhere.example/"), "invalid_target"),
        (good().with("authorization_details", "[]"), "invalid_authorization_details"),
        (good().with("request", "e30.e30."), "request_not_supported"),
        (good().with("request_uri", "urn:x"), "request_uri_not_supported"),
        (good().and("scope", "again"), "invalid_request"),
    ] {
        let answer = browser.get(&format!("/authorize?{}", asking.encoded())).await;
        assert_eq!(answer.status, 303, "{error}: {answer:?}");
        assert!(answer.location().unwrap().starts_with("https://app.example/callback?error="), "{answer:?}");
        assert_eq!(answer.parameter("error").as_deref(), Some(error), "{}: {answer:?}", asking.encoded());
        assert_eq!(answer.parameter("state").as_deref(), Some("a state"), "{answer:?}");
        assert_eq!(answer.parameter("iss").as_deref(), Some("https://id.example"), "{answer:?}");
        assert_eq!((answer.parameter("code"), answer.parameter("access_token")), (None, None));
        let description = answer.parameter("error_description").unwrap();
        assert!(
            description.bytes().all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
            "{description}"
        );
    }
    let without = browser.get(&format!("/authorize?{}", good().without("code_challenge").encoded())).await;
    assert!(without.parameter("error_description").unwrap().contains("PKCE"), "{without:?}");
}

// proves: AUTHZ-30, AUTHZ-11
#[tokio::test]
async fn what_is_too_long_is_refused_and_never_cut() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    browser.code(&Asking::of_web()).await;
    let of =
        |name: &str, count: usize| format!("/authorize?{}", Asking::of_web().with(name, &"x".repeat(count)).encoded());
    let fitting = browser.get(&of("state", 4096)).await;
    assert_eq!(fitting.parameter("state").unwrap().len(), 4096);
    assert!(fitting.parameter("code").is_some());
    let long_state = browser.get(&of("state", 4097)).await;
    assert_eq!(long_state.parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!((long_state.parameter("state"), long_state.parameter("code")), (None, None));
    assert_led_nowhere(&browser.get(&of("unknown", 8 * 1024)).await);
    let too_long = browser.get(&of("unknown", 16 * 1024)).await;
    assert_eq!((too_long.status, too_long.location()), (414, None));
}

// proves: CONSENT-07
#[tokio::test]
async fn no_link_approves() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let form = browser.consent_page(&Asking::of_web()).await.form("consent").with("decision", "allow");
    let query: Vec<String> = form.fields().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let path = format!("/consent?{}", query.join("&"));
    let shown = browser.get(&path).await;
    assert_eq!((shown.status, shown.location()), (200, None));
    assert!(shown.has_form("consent"));
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let request = browser.request(method, &path);
        let answer = browser.send(request).await;
        assert_eq!((answer.status, answer.location()), (405, None), "{answer:?}");
        assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
    }
    let undecided = browser.submit(&form.clone().with("decision", "perhaps")).await;
    assert_eq!((undecided.status, undecided.location()), (400, None));
    assert!(browser.allow(&form).await.parameter("code").is_some(), "the request still waits");
}

// proves: REDIR-17
#[tokio::test]
async fn no_address_from_the_browser_decides_where_it_goes_next() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let evil = "https://evil.example/";
    let page = browser.get(&format!("/login?next={evil}&return_to={evil}&redirect_uri={evil}")).await;
    let form = page.form("login").with("next", evil).with("return_to", evil).with("redirect_uri", evil);
    let answer = browser.submit(&form.with("username", "alice").with("password", PASSWORD)).await;
    assert_eq!((answer.status, answer.location()), (303, Some("/account/access")));
    let page = browser.get(&format!("/logout?post_logout_redirect_uri={evil}&next={evil}")).await;
    assert_eq!(browser.submit(&page.form("logout").with("next", evil)).await.location(), Some("/logout"));
}

// proves: LIMITS-05
#[tokio::test]
async fn one_network_fills_its_own_share_of_waiting_requests_and_no_other() {
    let rig = Setup::behind_a_proxy().with(|settings| settings.limits.pending_per_network = 2).start().await;
    let path = format!("/authorize?{}", Asking::of_web().encoded());
    let mut pages = Vec::new();
    let mut browser = rig.browser_from("198.51.100.1");
    for _ in 0..2 {
        let answer = browser.get(&path).await;
        pages.push(browser.follow(answer).await);
    }
    for address in ["198.51.100.1", "198.51.100.77"] {
        let refused = rig.browser_from(address).get(&path).await;
        assert_eq!((refused.status, refused.location()), (503, None), "{refused:?}");
        assert!(refused.header("retry-after").is_some());
    }
    let elsewhere = rig.browser_from("198.51.101.1").get(&path).await;
    assert!(elsewhere.location().unwrap().starts_with("/login?"), "{elsewhere:?}");
    let signed_in = browser.sign_in(&pages[0], "alice", PASSWORD).await;
    let page = browser.follow(signed_in).await;
    assert!(browser.allow(&page.form("consent")).await.parameter("code").is_some(), "what waited still waits");
    let again = rig.browser_from("198.51.100.1").get(&path).await;
    assert!(again.location().unwrap().starts_with("/login?"), "there is room again: {again:?}");
}
