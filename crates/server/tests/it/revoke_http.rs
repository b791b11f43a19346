//! The revocation endpoint as it stands on the wire, and what is over after it.

use grantd_protocol::records::AccessTokenFormat;
use reqwest::Method;
use tempfile::TempDir;

use crate::introspect_http::{FORMS, assert_inactive, introspect, post, storage_takes, tokens_of_web};
use crate::rig::people::secret_of;
use crate::rig::{Answer, Asking, Rig, Setup, VERIFIER, basic};

const PAGE: &str = "https://page.example";

async fn revoke(rig: &Rig, token: &str) -> Answer {
    post(rig, "/revoke", "web", &[("token", token)]).await
}

async fn refresh(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// RFC 7009 §2.2, whatever there was to end.
#[track_caller]
fn assert_over(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{what}: {answer:?}");
    assert_eq!(answer.header("content-type"), None, "{what}: {answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}: {answer:?}");
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
}

// proves: REVOKE-04, REVOKE-03, AT-11
#[tokio::test]
async fn a_refresh_token_given_back_ends_everything_at_once() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        let first = tokens_of_web(&rig).await;
        let second = refresh(&rig, &first.member("refresh_token")).await;
        let bystander = tokens_of_web(&rig).await;
        assert_over(&revoke(&rig, &second.member("refresh_token")).await, "live");
        for tokens in [&first, &second] {
            assert_inactive(&introspect(&rig, &tokens.member("access_token")).await, "under the grant");
            assert_refused(&refresh(&rig, &tokens.member("refresh_token")).await, 400, "invalid_grant");
        }
        assert_over(&revoke(&rig, &second.member("refresh_token")).await, "again");
        assert_eq!(introspect(&rig, &bystander.member("access_token")).await.json()["active"], true);
        assert_eq!(refresh(&rig, &bystander.member("refresh_token")).await.status, 200);
    }
}

// proves: REVOKE-04
#[tokio::test]
async fn a_spent_refresh_token_given_back_ends_everything_too() {
    let rig = Rig::behind_a_proxy().await;
    let first = tokens_of_web(&rig).await;
    let second = refresh(&rig, &first.member("refresh_token")).await;
    assert_over(&revoke(&rig, &first.member("refresh_token")).await, "spent");
    assert_inactive(&introspect(&rig, &second.member("access_token")).await, "under the grant");
    assert_refused(&refresh(&rig, &second.member("refresh_token")).await, 400, "invalid_grant");
}

// proves: REVOKE-04, REVOKE-07
#[tokio::test]
async fn an_access_token_given_back_ends_alone_whatever_the_hint() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        for hint in ["access_token", "refresh_token", "nonsense"] {
            let tokens = tokens_of_web(&rig).await;
            let access_token = tokens.member("access_token");
            let fields = [("token", access_token.as_str()), ("token_type_hint", hint)];
            assert_over(&post(&rig, "/revoke", "web", &fields).await, hint);
            assert_inactive(&introspect(&rig, &access_token).await, hint);
            let next = refresh(&rig, &tokens.member("refresh_token")).await;
            assert_eq!(introspect(&rig, &next.member("access_token")).await.json()["active"], true, "{hint}");
        }
    }
}

// proves: REVOKE-02, REVOKE-03, REVOKE-05
#[tokio::test]
async fn what_is_anothers_or_nothing_is_answered_alike_and_ends_nothing() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        let code = rig.browser().code(&Asking::of_web()).await;
        let tokens = tokens_of_web(&rig).await;
        let (access_token, refresh_token) = (tokens.member("access_token"), tokens.member("refresh_token"));
        let theirs = async |token: &str| post(&rig, "/revoke", "robot", &[("token", token)]).await;
        for token in [&access_token, &refresh_token] {
            assert_over(&theirs(token).await, "another's");
            let page = rig.browser().post("/revoke", &[("token", token), ("client_id", "page")]).await;
            assert_over(&page, "another's, by a public client");
        }
        for (what, token) in [
            ("garbage", "garbage".to_owned()),
            ("a code", code.clone()),
            ("cut short", access_token[..access_token.len() - 1].to_owned()),
            ("longer", format!("{access_token}A")),
            ("a refresh token cut short", refresh_token[..refresh_token.len() - 1].to_owned()),
            ("a refresh token in another case", refresh_token.to_uppercase()),
            ("very long", "x".repeat(60_000)),
        ] {
            assert_over(&revoke(&rig, &token).await, what);
        }
        assert_eq!(introspect(&rig, &access_token).await.json()["active"], true, "{form:?}");
        assert_eq!(refresh(&rig, &refresh_token).await.status, 200, "{form:?}");
        assert_eq!(rig.redeem(&code).await.status, 200, "a code is no token");
    }
}

// proves: REVOKE-06
#[tokio::test]
async fn what_was_given_back_is_over_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start().await;
    let (one, other) = (tokens_of_web(&rig).await, tokens_of_web(&rig).await);
    let boxes = rig.shop.id();
    assert_over(&revoke(&rig, &one.member("refresh_token")).await, "a family");
    assert_over(&revoke(&rig, &other.member("access_token")).await, "an access token");
    rig.stop().await;

    let rig = Setup::behind_a_proxy().kept_in(folder.path()).start_empty().await;
    // The storage of this test has moved to another port; it asks about the tokens of the old one.
    let issuer = &rig.app.settings.issuer;
    let robot = rig.app.store.client(issuer, &grantd_protocol::names::ClientId::new("robot")).await.unwrap().unwrap();
    assert_eq!(robot.introspects[0].as_str(), boxes);
    assert_inactive(&introspect(&rig, &one.member("access_token")).await, "under a grant that ended");
    assert_inactive(&introspect(&rig, &other.member("access_token")).await, "ended alone");
    assert_refused(&refresh(&rig, &one.member("refresh_token")).await, 400, "invalid_grant");
    let next = refresh(&rig, &other.member("refresh_token")).await;
    assert_eq!(introspect(&rig, &next.member("access_token")).await.json()["active"], true);
}

// proves: REVOKE-01
#[tokio::test]
async fn a_client_shows_who_it_is_and_posts_a_form() {
    let rig = Rig::behind_a_proxy().await;
    let tokens = tokens_of_web(&rig).await;
    let refresh_token = tokens.member("refresh_token");
    let token = ("token", refresh_token.as_str());
    assert_refused(&rig.browser().post("/revoke", &[token]).await, 401, "invalid_client");
    assert_refused(&rig.browser().post("/revoke", &[token, ("client_id", "web")]).await, 401, "invalid_client");
    assert_refused(&rig.browser().post("/revoke", &[token, ("client_id", "nobody")]).await, 401, "invalid_client");
    let mut program = rig.browser();
    let wrong = program.form("/revoke", &[token]).header("authorization", basic("web", "wrong"));
    let wrong = program.send(wrong).await;
    assert_refused(&wrong, 401, "invalid_client");
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"grantd\""));

    assert_refused(&post(&rig, "/revoke", "web", &[]).await, 400, "invalid_request");
    assert_refused(&post(&rig, "/revoke", "web", &[token, token]).await, 400, "invalid_request");
    for kind in ["application/json", "text/plain"] {
        let request = program.request(Method::POST, "/revoke").body(format!("token={refresh_token}"));
        let request = request.header("authorization", basic("web", secret_of("web"))).header("content-type", kind);
        assert_refused(&program.send(request).await, 400, "invalid_request");
    }
    let in_url = format!("/revoke?token={refresh_token}");
    assert_refused(&post(&rig, &in_url, "web", &[token]).await, 400, "invalid_request");
    for method in [Method::GET, Method::DELETE] {
        let request = program.request(method, &in_url).header("authorization", basic("web", secret_of("web")));
        let answer = program.send(request).await;
        assert_refused(&answer, 405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    }
    assert_eq!(refresh(&rig, &refresh_token).await.status, 200, "none of that ended it");
}

// proves: TOKEN-12, REVOKE-01
#[tokio::test]
async fn a_browser_app_gives_back_its_token_and_can_read_that_it_did() {
    let rig = Rig::behind_a_proxy().await;
    storage_takes(&rig, AccessTokenFormat::Opaque).await;
    let code = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let redemption =
        [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER), ("client_id", "page")];
    let tokens = rig.token(&redemption).await;
    let mut program = rig.browser();
    let allowed = |answer: &Answer| {
        assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{answer:?}");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    let preflight = program.request(Method::OPTIONS, "/revoke").header("origin", PAGE);
    let preflight = program.send(preflight.header("access-control-request-method", "POST")).await;
    assert_eq!((preflight.status, allowed(&preflight).as_deref()), (204, Some(PAGE)));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST"));

    let refresh_token = tokens.member("refresh_token");
    let token = ("token", refresh_token.as_str());
    let from = async |origin: &str, fields: &[(&str, &str)]| {
        let mut program = rig.browser();
        let request = program.form("/revoke", fields).header("origin", origin);
        program.send(request).await
    };
    let refused = from(PAGE, &[("client_id", "page")]).await;
    assert_eq!((refused.status, allowed(&refused).as_deref()), (400, Some(PAGE)), "errors, too");
    let elsewhere = from("https://evil.example", &[("client_id", "page"), ("token", "x")]).await;
    assert_eq!((elsewhere.status, allowed(&elsewhere)), (200, None));
    let answer = from(PAGE, &[("client_id", "page"), token]).await;
    assert_eq!(allowed(&answer).as_deref(), Some(PAGE));
    assert_over(&answer, "by a browser app");
    assert_inactive(&introspect(&rig, &tokens.member("access_token")).await, "ended with its family");
}
