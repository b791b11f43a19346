//! Which other origins may read an answer.

use reqwest::Method;

use crate::rig::{Answer, Asking, PASSWORD, Rig, VERIFIER, basic};

const PAGE: &str = "https://page.example";

fn allowed(answer: &Answer) -> Option<&str> {
    assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{answer:?}");
    answer.header("access-control-allow-origin")
}

async fn ask(rig: &Rig, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut browser = rig.browser();
    let mut request = browser.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request).await
}

// proves: TOKEN-12
#[tokio::test]
async fn a_preflight_is_answered_to_origins_that_some_client_registered() {
    let rig = Rig::behind_a_proxy().await;
    let preflight = async |origin: &str| {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        ask(&rig, Method::OPTIONS, "/token", &asked).await
    };
    let answer = preflight(PAGE).await;
    assert_eq!((answer.status, allowed(&answer)), (204, Some(PAGE)), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("Authorization, Content-Type, DPoP, If-None-Match"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    for other in [
        "https://evil.example",
        "null",
        "https://page.example:8443",
        "http://page.example",
        "https://page.example.evil.example",
        "https://page.example/",
        "http://127.0.0.1",
        "http://127.0.0.1:4711",
    ] {
        let answer = preflight(other).await;
        assert_eq!(allowed(&answer), None, "{other}: {answer:?}");
        assert!(answer.headers.get("access-control-allow-methods").is_none(), "{other}");
    }
}

// proves: TOKEN-12
#[tokio::test]
async fn a_token_answer_can_be_read_by_its_own_clients_origin_and_by_no_other() {
    let rig = Rig::behind_a_proxy().await;
    let code = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let send = async |origin: &str, fields: &[(&str, &str)]| {
        let mut program = rig.browser();
        let request = program.form("/token", fields).header("origin", origin);
        program.send(request).await
    };
    let good =
        [("grant_type", "authorization_code"), ("client_id", "page"), ("code", &code), ("code_verifier", VERIFIER)];
    let refused =
        [("grant_type", "authorization_code"), ("client_id", "page"), ("code", "x"), ("code_verifier", VERIFIER)];
    // Errors, too, or the app's developer sees nothing but "network error".
    for fields in [&refused[..], &refused[..2], &[("client_id", "page")]] {
        let answer = send(PAGE, fields).await;
        assert_eq!((answer.status, allowed(&answer)), (400, Some(PAGE)), "{answer:?}");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            Some("WWW-Authenticate, DPoP-Nonce, Retry-After, ETag")
        );
    }
    // `web` registered that origin, but this is not its request.
    for other in ["https://app.example", "https://evil.example", "null"] {
        let answer = send(other, &refused).await;
        assert_eq!(allowed(&answer), None, "{other}: {answer:?}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let answer = send(PAGE, &good).await;
    assert_eq!((answer.status, allowed(&answer)), (200, Some(PAGE)), "{answer:?}");

    let mut program = rig.browser();
    let wrong = program.form("/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    let wrong = wrong.header("origin", "https://app.example").header("authorization", basic("web", "wrong"));
    let answer = program.send(wrong).await;
    assert_eq!((answer.status, allowed(&answer)), (401, Some("https://app.example")));
    let native = send(
        "http://127.0.0.1:4711",
        &[("grant_type", "refresh_token"), ("client_id", "native"), ("refresh_token", "x")],
    );
    assert_eq!(allowed(&native.await), None, "any page on the computer could stand there");
}

// proves: TOKEN-12
#[tokio::test]
async fn that_a_request_names_no_client_is_told_to_origins_that_some_client_registered() {
    let rig = Rig::behind_a_proxy().await;
    for (origin, expected) in [(PAGE, Some(PAGE)), ("https://evil.example", None), ("null", None)] {
        let program = rig.browser();
        let json = program.request(Method::POST, "/token").header("content-type", "application/json");
        let long = program.request(Method::POST, "/token").header("content-type", "application/x-www-form-urlencoded");
        let requests = [
            (400, json.body(r#"{"grant_type":"authorization_code"}"#)),
            (401, program.form("/token", &[("grant_type", "client_credentials")])),
            (405, program.request(Method::GET, "/token")),
            (413, long.body("x".repeat(64 * 1024 + 1))),
        ];
        for (status, request) in requests {
            let answer = rig.browser().send(request.header("origin", origin)).await;
            assert_eq!((answer.status, allowed(&answer)), (status, expected), "{origin}: {answer:?}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{answer:?}");
        }
    }
}

// proves: TOKEN-12
#[tokio::test]
async fn everybody_may_read_what_is_the_same_for_everybody() {
    let rig = Rig::behind_a_proxy().await;
    for path in ["/.well-known/oauth-authorization-server", "/jwks", "/.well-known/jwks.json", "/revocations"] {
        let answer = ask(&rig, Method::GET, path, &[("origin", "https://evil.example")]).await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some("*")), "{path}");
        let asked = [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
        let preflight = ask(&rig, Method::OPTIONS, path, &asked).await;
        assert_eq!((preflight.status, allowed(&preflight)), (204, Some("*")), "{path}");
        assert_eq!(preflight.header("access-control-allow-methods"), Some("GET"));
    }
}

// proves: NEVER-08
#[tokio::test]
async fn no_page_is_for_another_origin() {
    let rig = Rig::behind_a_proxy().await;
    let mut browser = rig.browser();
    let page = browser.get("/login").await;
    browser.sign_in(&page, "alice", PASSWORD).await;
    let authorize = format!("/authorize?{}", Asking::of_web().encoded());
    for path in [authorize.as_str(), "/authorize", "/login", "/consent", "/logout", "/", "/nowhere"] {
        for origin in [PAGE, "https://app.example", "https://id.example"] {
            for method in [Method::GET, Method::OPTIONS, Method::POST] {
                let request = browser.request(method.clone(), path).header("origin", origin);
                let request = request.header("access-control-request-method", "POST");
                let answer = browser.send(request).await;
                let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(names.count(), 0, "{method} {path}: {answer:?}");
                if method == Method::OPTIONS {
                    assert!(matches!(answer.status, 404 | 405), "{path}: {answer:?}");
                }
            }
        }
    }
}
