use axum::Router;
use axum::body::Body;
use axum::response::{Html, Redirect};
use axum::routing::get;
use grantd::http::Transport;
use grantd::http::cookies::{Cookie, CookieJar, CookieKind};
use grantd::http::cors::{self, Origin, Policy};
use grantd::http::headers::{Csp, RedirectSource, ScriptNonce, SecurityHeaders};
use grantd_tokens::secret::Secret;
use http::header::{COOKIE, HeaderMap, HeaderValue, ORIGIN};
use http::{Method, Request};
use tower::ServiceExt;

const VALUE: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN-_0";
const OTHER: &str = "0-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN";

async fn answer_to(path: &str, transport: Transport) -> HeaderMap {
    let app = Router::new()
        .route("/page", get(|| async { Html("<p>hello") }))
        .route("/redirect", get(|| async { Redirect::to("/page") }))
        .route("/json", get(|| async { axum::Json(1) }));
    let request = Request::get(path).body(Body::empty()).unwrap();
    let mut response = app.oneshot(request).await.unwrap();
    SecurityHeaders::new(transport).secure(&mut response);
    response.headers().clone()
}

// proves: SESS-08, SESS-09, SESS-20
#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    for path in ["/page", "/redirect", "/json", "/missing"] {
        let headers = answer_to(path, Transport::Https).await;
        let value = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(value("x-frame-options"), "DENY", "{path}");
        assert_eq!(value("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(value("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(value("cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(value("permissions-policy").contains("camera=()"), "{path}");
        let seconds = value("strict-transport-security").strip_prefix("max-age=").unwrap();
        assert!(seconds.parse::<u64>().unwrap() >= 365 * 24 * 60 * 60, "{path}");
    }
}

#[tokio::test]
async fn loopback_http_promises_no_https() {
    assert!(!answer_to("/page", Transport::LoopbackHttp).await.contains_key("strict-transport-security"));
}

// proves: SESS-10
#[tokio::test]
async fn pages_and_redirects_are_not_stored() {
    for path in ["/page", "/redirect"] {
        let headers = answer_to(path, Transport::Https).await;
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["pragma"], "no-cache", "{path}");
    }
    assert!(!answer_to("/json", Transport::Https).await.contains_key("cache-control"));
}

// proves: SESS-07
#[tokio::test]
async fn a_page_that_names_no_policy_gets_the_strictest() {
    let headers = answer_to("/page", Transport::Https).await;
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
}

// proves: SESS-07
#[test]
fn a_policy_names_the_nonce_and_the_one_redirect_target() {
    let nonce = ScriptNonce::parse("0123456789abcdefABCDEF").unwrap();
    let redirect = RedirectSource::of("https://app.example/cb?x=1").unwrap();
    let policy = Csp::page().with_script(nonce).with_redirect(redirect).to_header();
    let policy = policy.to_str().unwrap();
    assert!(policy.contains("script-src 'nonce-0123456789abcdefABCDEF';"), "{policy}");
    assert!(policy.ends_with("form-action 'self' https://app.example"), "{policy}");
}

#[test]
fn a_nonce_cannot_carry_policy_text() {
    assert!(ScriptNonce::parse("0123456789abcdef' 'unsafe-inline").is_none());
    assert!(ScriptNonce::parse("short").is_none());
}

#[test]
fn redirect_uris_become_source_expressions() {
    let source = |uri: &str| RedirectSource::of(uri).map(|source| source.as_str().to_owned());
    assert_eq!(source("https://app.example:8443/cb"), Some("https://app.example:8443".to_owned()));
    assert_eq!(source("https://app.example:443/cb"), Some("https://app.example".to_owned()));
    assert_eq!(source("http://127.0.0.1:4711/cb"), Some("http://127.0.0.1:4711".to_owned()));
    assert_eq!(source("http://[::1]:4711/cb"), Some("http:".to_owned()));
    assert_eq!(source("com.example.app:/cb"), Some("com.example.app:".to_owned()));
    assert_eq!(source("Com.Example.App://cb"), Some("com.example.app:".to_owned()));
    for refused in
        ["javascript:alert(1)", "data:text/html,x", "blob:x", "file:///x", "no scheme", "a;b:x", ":x", "1a:x"]
    {
        assert_eq!(source(refused), None, "{refused}");
    }
    assert_eq!(source("https://a.example;script-src/"), None);
}

fn jar(lines: &[&str], transport: Transport) -> CookieJar {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
    }
    CookieJar::read(&headers, transport)
}

fn session(lines: &[&str]) -> Option<String> {
    jar(lines, Transport::Https).get(CookieKind::Session).map(|value| value.expose().to_owned())
}

#[test]
fn a_cookie_is_found_among_others() {
    let line = format!("theme=dark; __Host-grantd-session={VALUE}; x");
    assert_eq!(session(&["a=b", &line]), Some(VALUE.to_owned()));
    assert!(jar(&[&line], Transport::Https).get(CookieKind::Interaction).is_none());
}

// proves: SESS-25
#[test]
fn a_cookie_that_comes_twice_is_absent() {
    let one = format!("__Host-grantd-session={VALUE}");
    let two = format!("__Host-grantd-session={OTHER}");
    assert_eq!(session(&[&format!("{one}; {two}")]), None);
    assert_eq!(session(&[&one, &two]), None);
    assert_eq!(session(&[&one, &one]), None);
    assert_eq!(session(&[&one, "__Host-grantd-session=short", &two]), None);
}

// proves: SESS-24
#[test]
fn a_planted_cookie_without_the_prefix_is_ignored() {
    assert_eq!(session(&[&format!("grantd-session={VALUE}")]), None);
    let real = format!("grantd-session={OTHER}; __Host-grantd-session={VALUE}");
    assert_eq!(session(&[&real]), Some(VALUE.to_owned()));
}

#[test]
fn a_value_of_another_shape_is_absent() {
    for value in [&VALUE[1..], &format!("{VALUE}0"), &format!("\"{}\"", &VALUE[2..]), &format!("{}=", &VALUE[1..]), ""]
    {
        assert_eq!(session(&[&format!("__Host-grantd-session={value}")]), None, "{value}");
    }
}

// proves: SESS-01
#[test]
fn the_session_cookie_is_bound_to_host_and_https() {
    let cookie = Cookie::new(CookieKind::Session, Secret::new(VALUE));
    let header = cookie.to_header(Transport::Https);
    assert_eq!(
        header.to_str().unwrap(),
        format!("__Host-grantd-session={VALUE}; Path=/; HttpOnly; SameSite=Lax; Secure")
    );
    assert_eq!(
        cookie.to_header(Transport::LoopbackHttp).to_str().unwrap(),
        format!("grantd-session={VALUE}; Path=/; HttpOnly; SameSite=Lax")
    );
    let removal = Cookie::removal(CookieKind::Session).to_header(Transport::Https);
    assert_eq!(removal.to_str().unwrap(), "__Host-grantd-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
}

#[test]
fn no_cookie_value_is_printed() {
    let cookie = Cookie::new(CookieKind::Session, Secret::new(VALUE));
    let header = cookie.to_header(Transport::Https);
    let jar = jar(&[&format!("__Host-grantd-session={VALUE}")], Transport::Https);
    for printed in [format!("{cookie:?}"), format!("{header:?}"), format!("{jar:?}")] {
        assert!(!printed.contains(&VALUE[..20]), "{printed}");
    }
}

fn from_origin(origin: &str) -> HeaderMap {
    HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(origin).unwrap())])
}

fn allowed(origin: &str, policy: &Policy<'_>) -> HeaderMap {
    let mut answer = HeaderMap::new();
    cors::allow(&from_origin(origin), policy, &mut answer);
    answer
}

fn is_registered(origin: &Origin) -> bool {
    origin.as_str() == "https://spa.example"
}

#[test]
fn only_a_registered_origin_reads_the_token_endpoint() {
    let policy = Policy::Registered(&is_registered);
    let answer = allowed("https://spa.example", &policy);
    assert_eq!(answer["access-control-allow-origin"], "https://spa.example");
    assert_eq!(answer["access-control-expose-headers"], "WWW-Authenticate, DPoP-Nonce, Retry-After, ETag");
    assert_eq!(answer["vary"], "Origin");
    for stranger in
        ["https://evil.example", "null", "https://spa.example/", "https://spa.example.evil", "http://spa.example"]
    {
        let answer = allowed(stranger, &policy);
        assert!(!answer.contains_key("access-control-allow-origin"), "{stranger}");
        assert_eq!(answer["vary"], "Origin");
    }
}

#[test]
fn credentials_are_never_allowed() {
    for policy in [Policy::Public, Policy::Registered(&is_registered)] {
        let answer = allowed("https://spa.example", &policy);
        let preflight = cors::preflight(&from_origin("https://spa.example"), &Method::POST, &policy);
        assert!(!answer.contains_key("access-control-allow-credentials"));
        assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
    }
}

#[test]
fn everyone_reads_what_is_public() {
    assert_eq!(allowed("https://any.example", &Policy::Public)["access-control-allow-origin"], "*");
}

#[test]
fn a_preflight_names_what_may_be_sent() {
    let policy = Policy::Registered(&is_registered);
    let answer = cors::preflight(&from_origin("https://spa.example"), &Method::POST, &policy);
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["access-control-allow-methods"], "POST");
    assert_eq!(answer.headers()["access-control-allow-headers"], "Authorization, Content-Type, DPoP, If-None-Match");
    assert_eq!(answer.headers()["access-control-max-age"], "600");
    let refused = cors::preflight(&from_origin("https://evil.example"), &Method::POST, &policy);
    assert!(!refused.headers().contains_key("access-control-allow-methods"));
}
