//! The token endpoint as it stands on the wire.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use grantd::http::form::whole_body;
use http::StatusCode;
use reqwest::Method;
use serde_json::Value;

use crate::flow::claims;
use crate::rig::people::{MAIL, secret_of};
use crate::rig::{Answer, Asking, Rig, Setup, VERIFIER, basic};

fn redemption(code: &str) -> [(&str, &str); 3] {
    [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)]
}

const OWN: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "boxes:list")];

/// A POST with this header and body, byte by byte.
async fn raw(rig: &Rig, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut program = rig.browser();
    let mut request = program.request(Method::POST, "/token").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    program.send(request).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// TOKEN-13 and TOKEN-05 hold for every refusal.
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{answer:?}");
    let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["error", "error_description"]);
    assert_headers(answer);
}

fn assert_headers(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("pragma"), Some("no-cache"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
}

// proves: TOKEN-01, TOKEN-13
#[tokio::test]
async fn only_a_post_is_a_token_request() {
    let rig = Rig::development().await;
    let code = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let query = format!("grant_type=authorization_code&client_id=page&code={code}&code_verifier={VERIFIER}");
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH] {
        let mut program = rig.browser();
        let request = program.request(method.clone(), &format!("/token?{query}"));
        let answer = program.send(request).await;
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"), "{method}");
        if method != Method::HEAD {
            assert_refused(&answer, 405, "invalid_request");
        }
    }
    let posted = rig.token(&[&redemption(&code)[..], &[("client_id", "page")]].concat()).await;
    assert_eq!(posted.status, 200, "the code was not looked at: {posted:?}");
}

// proves: TOKEN-02, TOKEN-13
#[tokio::test]
async fn a_token_request_is_a_form_in_utf_8() {
    let rig = Rig::development().await;
    let authorization = basic("robot", secret_of("robot"));
    let body = "grant_type=client_credentials&scope=boxes:list";
    let with = |kind| [("content-type", kind), ("authorization", authorization.as_str())];
    for kind in [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded;charset=\"utf-8\"",
    ] {
        assert_eq!(raw(&rig, &with(kind), body).await.status, 200, "{kind}");
    }
    for kind in [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded; charset=latin1",
    ] {
        assert_refused(&raw(&rig, &with(kind), body).await, 400, "invalid_request");
    }
    assert_refused(
        &raw(&rig, &with("application/json"), r#"{"grant_type":"client_credentials"}"#).await,
        400,
        "invalid_request",
    );
}

/// A body that was promised and does not come.
struct Late;

impl http_body::Body for Late {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
    }
}

// proves: LIMITS-01
#[tokio::test]
async fn a_body_that_does_not_come_is_late_and_not_too_long() {
    let app = Setup::development().open().await.unwrap();
    let read = async |body: Body| whole_body(Request::new(body), &app).await.unwrap_err();
    assert_eq!(read(Body::new(Late)).await, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(read(Body::from(vec![b'x'; 3 << 20])).await, StatusCode::PAYLOAD_TOO_LARGE);
}

// proves: TOKEN-03
#[tokio::test]
async fn nothing_of_a_token_request_stands_in_the_url() {
    let rig = Rig::development().await;
    let authorization = basic("robot", secret_of("robot"));
    let mut program = rig.browser();
    for (query, status) in [
        ("grant_type=client_credentials", 400),
        ("client_id=robot", 400),
        ("client_secret=x", 400),
        ("code=x", 400),
        ("refresh_token=x", 400),
        ("p=1", 200),
        ("", 200),
    ] {
        let request = program.form(&format!("/token?{query}"), &OWN).header("authorization", &authorization);
        assert_eq!(program.send(request).await.status, status, "{query}");
    }
}

// proves: TOKEN-04, TOKEN-10
#[tokio::test]
async fn a_body_is_read_strictly() {
    let rig = Rig::development().await;
    let authorization = basic("robot", secret_of("robot"));
    let headers = [FORM, ("authorization", authorization.as_str())];
    let good = "grant_type=client_credentials&scope=boxes:list";
    let ninety_eight = "&x=".repeat(98);
    for (body, status) in [
        (format!("{good}&unknown=1&another=2"), 200),
        (format!("{good}{ninety_eight}"), 200),
        (format!("{good}{ninety_eight}&y="), 400),
        (format!("{good}&grant_type=client_credentials"), 400),
        (format!("{good}&unknown=1&unknown=2"), 400),
        (format!("{good}&x=%"), 400),
        (format!("{good}&x=%zz"), 400),
        (format!("{good}&x=%ff"), 400),
        (format!("{good}&x={}", "x".repeat(63 * 1024)), 200),
    ] {
        let answer = raw(&rig, &headers, body.clone()).await;
        assert_eq!(answer.status, status, "{body:.80}: {answer:?}");
        if status == 400 {
            assert_refused(&answer, 400, "invalid_request");
        }
    }
    let too_long = raw(&rig, &headers, format!("{good}&x={}", "x".repeat(64 * 1024))).await;
    assert_refused(&too_long, 413, "invalid_request");
    assert_eq!(too_long.member("error_description"), "the body is longer than 64 KiB");
    assert_refused(
        &raw(&rig, &headers, b"grant_type=client_credentials&x=\xff".to_vec()).await,
        400,
        "invalid_request",
    );
}

// proves: TOKEN-05, TOKEN-08, TOKEN-09, AT-01, AT-02, AT-03, AT-04, AT-09
#[tokio::test]
async fn an_answer_says_what_it_gives_and_the_token_says_the_same() {
    let rig = Rig::behind_a_proxy().await;
    let scope = "letters:read offline_access boxes:list";
    let code = rig.browser().code(&Asking::of_web().with("scope", scope)).await;
    let before = grantd::env::now().0;
    let answer = rig.redeem(&code).await;
    let after = grantd::env::now().0;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_headers(&answer);
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], scope, "in the order in which it was asked for");
    assert_eq!(body["expires_in"], Value::from(300));
    let mut members: Vec<&String> = body.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);

    let token = answer.member("access_token");
    let header = token.split('.').next().unwrap();
    let header: Value =
        serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("at+jwt"), Some("ES256")));
    let jwks = rig.browser().get("/jwks").await.json();
    assert_eq!(header["kid"], jwks["keys"][0]["kid"]);
    let claims = claims(&token);
    assert_eq!(claims["iss"], "https://id.example");
    assert_eq!(claims["sub"], "subject-of-alice");
    assert_eq!(claims["aud"], rig.shop.id());
    assert_eq!(claims["client_id"], "web");
    assert_eq!(claims["scope"], "letters:read boxes:list");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert!((before..=after).contains(&claims["iat"].as_i64().unwrap()));
    let mut members: Vec<&String> = claims.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"]);

    let refresh_token = answer.member("refresh_token");
    let refreshed = rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", &refresh_token)]).await;
    assert_eq!(refreshed.json()["scope"], scope, "on refresh, too");
    assert_headers(&refreshed);
}

// proves: RESIND-03, RESIND-04, RESIND-06, AT-04
#[tokio::test]
async fn a_token_is_for_the_one_resource_that_was_named() {
    let rig = Rig::development().await;
    let boxes = rig.shop.id();
    let asking = Asking::of_web().with("scope", "boxes:list mail:send").with("resource", &boxes).and("resource", MAIL);
    let code = rig.browser().code(&asking).await;
    let mut parameters = redemption(&code).to_vec();
    parameters.push(("resource", MAIL));
    let tokens = rig.token_by("web", &parameters).await;
    let claims_of = |answer: &Answer| claims(&answer.member("access_token"));
    assert_eq!(
        (claims_of(&tokens)["aud"].as_str(), claims_of(&tokens)["scope"].as_str()),
        (Some(MAIL), Some("mail:send"))
    );
    let (status, _) = rig.shop.call(&tokens.member("access_token")).await;
    assert_eq!(status, 401, "another resource refuses it");

    let refresh_token = tokens.member("refresh_token");
    for other in
        ["https://mail.example", "https://MAIL.example/", "https://mail.example:443/", "https://elsewhere.example/"]
    {
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str()), ("resource", other)];
        assert_refused(&rig.token_by("web", &refresh).await, 400, "invalid_target");
    }
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str()), ("resource", boxes.as_str())];
    assert_eq!(claims_of(&rig.token_by("web", &refresh).await)["aud"], boxes);
}

// proves: TOKEN-06, NEVER-02
#[tokio::test]
async fn a_grant_type_is_missing_unknown_or_not_this_clients() {
    let rig = Rig::development().await;
    let posted = [("client_id", "posting"), ("client_secret", secret_of("posting"))];
    let with = |more: &[(&'static str, &'static str)]| [&posted[..], more].concat();
    assert_refused(&rig.token(&with(&[])).await, 400, "invalid_request");
    assert_refused(&rig.token(&with(&[("grant_type", "")])).await, 400, "invalid_request");
    assert_refused(&rig.token(&with(&[("grant_type", "implicit")])).await, 400, "unsupported_grant_type");
    let password = [("grant_type", "password"), ("username", "alice"), ("password", crate::rig::PASSWORD)];
    assert_refused(&rig.token(&with(&password)).await, 400, "unsupported_grant_type");
    assert_refused(&rig.token(&with(&[("grant_type", "client_credentials")])).await, 400, "unauthorized_client");
    assert_refused(&rig.token_by("robot", &redemption("any")).await, 400, "unauthorized_client");
    assert_refused(&rig.token(&with(&[("grant_type", "authorization_code")])).await, 400, "invalid_request");
    assert_eq!(
        rig.token(&[("client_id", "page"), ("grant_type", "client_credentials")]).await.error(),
        "unauthorized_client"
    );
}

// proves: CAUTH-01, CAUTH-02, CAUTH-04, CAUTH-05, CAUTH-09
#[tokio::test]
async fn a_client_shows_who_it_is_in_exactly_its_own_way() {
    let rig = Rig::development().await;
    let encoded = basic("robot", secret_of("robot"));
    let plain = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
    let robot = secret_of("robot");
    let body = "grant_type=client_credentials&scope=boxes:list";
    let refused = |answer: &Answer, challenged: bool| {
        assert_refused(answer, 401, "invalid_client");
        let challenge = challenged.then_some("Basic realm=\"grantd\"");
        assert_eq!(answer.header("www-authenticate"), challenge, "{answer:?}");
    };
    for (authorization, body, granted) in [
        (encoded.clone(), body.to_owned(), true),
        (encoded.replace("Basic", "basic"), body.to_owned(), true),
        (encoded.clone(), format!("{body}&client_id=robot"), true),
        (encoded.clone(), format!("{body}&client_id=web"), false),
        (plain("robot:wrong"), body.to_owned(), false),
        (plain("robot:"), body.to_owned(), false),
        (plain("robot"), body.to_owned(), false),
        (plain("robot:%zz"), body.to_owned(), false),
        (plain(&format!("nobody:{robot}")), body.to_owned(), false),
        (plain("page:"), body.to_owned(), false),
        (format!("{encoded}="), body.to_owned(), false),
        ("Basic".to_owned(), body.to_owned(), false),
        ("Bearer robot".to_owned(), body.to_owned(), false),
    ] {
        let answer = raw(&rig, &[FORM, ("authorization", &authorization)], body).await;
        if granted {
            assert_eq!(answer.status, 200, "{authorization}: {answer:?}");
        } else {
            refused(&answer, true);
        }
    }
    refused(&raw(&rig, &[FORM], format!("{body}&client_id=robot&client_secret={robot}")).await, false);
    refused(&raw(&rig, &[FORM], format!("{body}&client_id=robot")).await, false);
    refused(&raw(&rig, &[FORM], body).await, false);
    refused(
        &raw(&rig, &[FORM], "grant_type=refresh_token&refresh_token=x&client_id=page&client_secret=x").await,
        false,
    );
    let both = format!("{body}&client_secret={robot}");
    assert_refused(&raw(&rig, &[FORM, ("authorization", &encoded)], both).await, 400, "invalid_request");
    let twice = [FORM, ("authorization", encoded.as_str()), ("authorization", encoded.as_str())];
    assert_refused(&raw(&rig, &twice, body).await, 400, "invalid_request");
}

// proves: TOKEN-07, CODE-05
#[tokio::test]
async fn a_failed_client_authentication_burns_neither_code_nor_refresh_token() {
    let rig = Rig::development().await;
    // As golang.org/x/oauth2 does: Basic with an empty secret first, then the body.
    let code = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let mut program = rig.browser();
    let first = program.form("/token", &redemption(&code)).header("authorization", basic("page", ""));
    assert_eq!(program.send(first).await.status, 401);
    let tokens = rig.token(&[&redemption(&code)[..], &[("client_id", "page")]].concat()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    let code = rig.browser().code(&Asking::of_web()).await;
    let wrong = program.form("/token", &redemption(&code)).header("authorization", basic("web", "wrong"));
    assert_eq!(program.send(wrong).await.status, 401);
    assert_eq!(rig.token_by("robot", &redemption(&code)).await.status, 400);
    let tokens = rig.redeem(&code).await;
    let refresh_token = tokens.member("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    // Nor does a stranger who saw the code take anything away by showing it again.
    let wrong = program.form("/token", &redemption(&code)).header("authorization", basic("web", "wrong"));
    assert_eq!(program.send(wrong).await.status, 401);
    let other_verifier = VERIFIER.to_uppercase();
    let wrong = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", &other_verifier)];
    assert_refused(&rig.token_by("web", &wrong).await, 400, "invalid_grant");
    let wrong = program.form("/token", &refresh).header("authorization", basic("web", "wrong"));
    assert_eq!(program.send(wrong).await.status, 401);
    assert_eq!(rig.token_by("web", &refresh).await.status, 200);
}

// proves: CODE-03, CODE-04
#[tokio::test]
async fn of_many_who_redeem_one_code_at_once_one_is_served_and_then_none() {
    let rig = Rig::development().await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let all =
        tokio::join!(rig.redeem(&code), rig.redeem(&code), rig.redeem(&code), rig.redeem(&code), rig.redeem(&code));
    let all = [all.0, all.1, all.2, all.3, all.4];
    let served: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(served.len(), 1, "{all:?}");
    for refused in all.iter().filter(|answer| answer.status != 200) {
        assert_refused(refused, 400, "invalid_grant");
    }
    let refresh_token = served[0].member("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    assert_refused(&rig.token_by("web", &refresh).await, 400, "invalid_grant");
}

// proves: TOKEN-11
#[tokio::test]
async fn a_client_on_its_own_gets_no_refresh_token_and_is_no_user() {
    let rig = Rig::development().await;
    let answer = rig.token_by("robot", &OWN).await;
    assert_eq!((answer.member("scope").as_str(), answer.json().get("refresh_token")), ("boxes:list", None));
    assert_eq!(claims(&answer.member("access_token"))["sub"], "client:robot");
}

// proves: CAUTH-08
#[tokio::test]
async fn wrong_secrets_make_the_right_one_wait_but_only_from_there() {
    let setup = Setup::behind_a_proxy().with(|settings| settings.limits.wrong_secrets = 2);
    let rig = setup.start().await;
    let from = async |address: &str, secret: &str| {
        let mut program = rig.browser_from(address);
        let request = program.form("/token", &OWN).header("authorization", basic("robot", secret));
        program.send(request).await
    };
    for _ in 0..2 {
        assert_eq!(from("198.51.100.1", "wrong").await.status, 401);
    }
    let throttled = from("198.51.100.1", secret_of("robot")).await;
    assert_refused(&throttled, 429, "temporarily_unavailable");
    assert_eq!(throttled.header("retry-after"), Some("60"));
    assert_eq!(from("198.51.101.1", secret_of("robot")).await.status, 200, "the real client elsewhere");
}
