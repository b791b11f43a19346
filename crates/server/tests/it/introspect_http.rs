//! The introspection endpoint as it stands on the wire. `robot` is the server of the storage.

use grantd_protocol::changes::Change;
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::ClientId;
use grantd_protocol::records::{AccessTokenFormat, Revocation};
use grantd_tokens::{AccessTokenClaims, AccessTokenError, Algorithm, Expected, JwkSet, PrivateKey, Time};
use grantd_tokens::{access_token, introspection_response, jws};
use reqwest::Method;
use serde_json::{Value, json};

use crate::flow::claims;
use crate::rig::people::secret_of;
use crate::rig::{Answer, Asking, Rig, Setup, VERIFIER, basic};

const INACTIVE: &str = r#"{"active":false}"#;
const SIGNED: &str = "application/token-introspection+jwt";

/// What the storage is told about this token.
pub(crate) async fn introspect(rig: &Rig, token: &str) -> Answer {
    post(rig, "/introspect", "robot", &[("token", token)]).await
}

/// A POST of a client that authenticates by `client_secret_basic`.
pub(crate) async fn post(rig: &Rig, path: &str, client: &str, fields: &[(&str, &str)]) -> Answer {
    let mut program = rig.browser();
    let request = program.form(&rig.path(path), fields).header("authorization", basic(client, secret_of(client)));
    program.send(request).await
}

/// What alice lets `web` have.
pub(crate) async fn tokens_of_web(rig: &Rig) -> Answer {
    let code = rig.browser().code(&Asking::of_web()).await;
    rig.redeem(&code).await
}

/// The tokens of the storage look like this from now on.
pub(crate) async fn storage_takes(rig: &Rig, form: AccessTokenFormat) {
    let issuer = &rig.app.settings.issuer;
    let resources = rig.app.store.resources(issuer, None, 10).await.unwrap();
    let mut storage = resources.into_iter().find(|resource| resource.id.as_str() == rig.shop.id()).unwrap();
    storage.access_token_format = form;
    rig.put(vec![Change::PutResource(storage)]).await;
}

pub(crate) const FORMS: [AccessTokenFormat; 2] = [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque];

#[track_caller]
pub(crate) fn assert_inactive(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, INACTIVE), "{what}: {answer:?}");
    assert_headers(answer, "application/json");
}

#[track_caller]
fn assert_headers(answer: &Answer, media_type: &str) {
    assert_eq!(answer.header("content-type"), Some(media_type), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
}

// proves: INTRO-04, INTRO-07, AT-07
#[tokio::test]
async fn the_storage_is_told_what_a_token_is_good_for_in_either_form() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        let before = grantd::env::now();
        let tokens = tokens_of_web(&rig).await;
        let access_token = tokens.member("access_token");
        assert_eq!(access_token.contains('.'), form == AccessTokenFormat::Jwt, "{access_token}");
        let answer = introspect(&rig, &access_token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_headers(&answer, "application/json");
        let said = answer.json();
        let iat = said["iat"].as_i64().unwrap();
        assert!(iat >= before.0 && said["jti"].as_str().unwrap().contains('.'));
        let expected = json!({
            "active": true,
            "scope": "boxes:list letters:read",
            "client_id": "web",
            "sub": "subject-of-alice",
            "aud": rig.shop.id(),
            "iss": "https://id.example",
            "exp": iat + 300,
            "iat": iat,
            "jti": said["jti"],
            "token_type": "Bearer",
            "auth_time": said["auth_time"],
        });
        assert_eq!(said, expected, "{form:?}");
        if form == AccessTokenFormat::Opaque {
            assert_eq!(access_token.len(), 43, "256 bits in base64url");
            let digest = grantd_tokens::Digest::of(access_token.as_bytes());
            let lookup = Lookup { access_token: Some(digest), ..Lookup::default() };
            let facts = rig.app.store.load(&rig.app.settings.issuer, &lookup).await.unwrap();
            assert!(facts.access_token.is_some(), "its digest finds it, and nothing else is kept of it");
        }
    }
}

// proves: INTRO-02, INTRO-03, INTRO-05, INTRO-08
#[tokio::test]
async fn whatever_is_not_for_the_caller_or_not_good_is_inactive_and_nothing_else_is_said() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        let code = rig.browser().code(&Asking::of_web()).await;
        let tokens = tokens_of_web(&rig).await;
        let (good, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        let mut shown = vec![
            ("garbage", "garbage".to_owned()),
            ("a code", code),
            ("a refresh token of another", refresh.clone()),
            ("cut short", good[..good.len() - 1].to_owned()),
            ("longer", format!("{good}A")),
            ("in another case", swapped_case(&good)),
            ("very long", "x".repeat(60_000)),
        ];
        if form == AccessTokenFormat::Jwt {
            shown.extend(forged(&rig, &good));
        }
        for (what, token) in &shown {
            assert_inactive(&introspect(&rig, token).await, what);
            for hint in ["access_token", "refresh_token", "nonsense"] {
                let hinted = [("token", token.as_str()), ("token_type_hint", hint)];
                assert_inactive(&post(&rig, "/introspect", "robot", &hinted).await, what);
            }
        }
        // `web` may use that token, and is not its audience.
        assert_inactive(&post(&rig, "/introspect", "web", &[("token", &good)]).await, "asked by its client");
        for (client, token) in [("robot", &good), ("web", &refresh)] {
            for hint in ["access_token", "refresh_token", "nonsense"] {
                let fields = [("token", token.as_str()), ("token_type_hint", hint)];
                assert_eq!(post(&rig, "/introspect", client, &fields).await.json()["active"], true, "{hint}");
            }
        }
    }
}

fn swapped_case(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

/// What looks like `good` and is not.
fn forged(rig: &Rig, good: &str) -> Vec<(&'static str, String)> {
    let said: AccessTokenClaims = serde_json::from_value(claims(good)).unwrap();
    let own = rig.app.keys.signing(Algorithm::Es256).unwrap();
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let with = |change: fn(&mut AccessTokenClaims)| {
        let mut claims = said.clone();
        change(&mut claims);
        claims.mint(&own).unwrap()
    };
    vec![
        ("signed by a stranger", said.mint(&stranger).unwrap()),
        ("of another issuer", with(|claims| claims.iss = "https://elsewhere.example".into())),
        ("for another API", with(|claims| claims.aud = crate::rig::MAIL.into())),
        ("expired", with(|claims| claims.exp = claims.iat)),
        ("of tomorrow", with(|claims| claims.iat = Time(claims.iat.0 + 86_400))),
        ("of another grant", with(|claims| claims.jti = "nothing.x".into())),
        ("of another user", with(|claims| claims.sub = "subject-of-bob".into())),
        ("of another client", with(|claims| claims.client_id = "posting".into())),
        ("of no client", with(|claims| claims.client_id = "nobody".into())),
        ("an ID token", jws::sign("JWT", &own, &said).unwrap()),
        ("an answer of this endpoint", jws::sign("token-introspection+jwt", &own, &said).unwrap()),
    ]
}

// proves: CODE-04, AT-11
#[tokio::test]
async fn a_replayed_code_is_seen_at_the_next_request() {
    let rig = Rig::behind_a_proxy().await;
    for form in FORMS {
        storage_takes(&rig, form).await;
        let code = rig.browser().code(&Asking::of_web()).await;
        let first = rig.redeem(&code).await;
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &first.member("refresh_token"))];
        let second = rig.token_by("web", &refresh).await;
        let tokens = [first.member("access_token"), second.member("access_token")];
        for token in &tokens {
            assert_eq!(introspect(&rig, token).await.json()["active"], true);
        }
        // A stranger who saw the code, and does not know the verifier, ends nothing by it.
        let wrong = VERIFIER.to_uppercase();
        let seen = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", wrong.as_str())];
        assert_eq!(rig.token_by("web", &seen).await.status, 400);
        assert_eq!(introspect(&rig, &tokens[1]).await.json()["active"], true);
        assert_eq!(rig.redeem(&code).await.error(), "invalid_grant");
        for token in &tokens {
            assert_inactive(&introspect(&rig, token).await, "after the replay");
        }
    }
}

// proves: AT-11, INV-02, INV-03
#[tokio::test]
async fn what_the_operator_ends_is_seen_at_the_next_request() {
    let rig = Rig::behind_a_proxy().await;
    let own = rig.token_by("robot", &[("grant_type", "client_credentials"), ("scope", "boxes:list")]).await;
    let own = own.member("access_token");
    let access_token = tokens_of_web(&rig).await.member("access_token");
    assert_eq!(introspect(&rig, &access_token).await.json()["active"], true);
    assert_eq!(introspect(&rig, &own).await.json()["sub"], "client:robot");
    let at = grantd::env::now();
    let user = crate::rig::people::id_of("alice");
    let status = grantd_protocol::records::Status::Disabled;
    rig.put(vec![Change::SetUserStatus { user, status, at }]).await;
    assert_inactive(&introspect(&rig, &access_token).await, "a user switched off");
    assert_eq!(introspect(&rig, &own).await.json()["active"], true);

    let mut bobs = rig.browser();
    let page = bobs.open("/authorize", &Asking::of_web()).await;
    let signed_in = bobs.sign_in(&page, "bob", crate::rig::PASSWORD).await;
    let page = bobs.follow(signed_in).await;
    let code = bobs.allow(&page.form("consent")).await.parameter("code").unwrap();
    let bobs = rig.redeem(&code).await.member("access_token");
    assert_eq!(introspect(&rig, &bobs).await.json()["active"], true);
    rig.put(vec![Change::SetClientStatus { client: ClientId::new("web"), status, at }]).await;
    assert_inactive(&introspect(&rig, &bobs).await, "a client switched off");
    assert_eq!(introspect(&rig, &own).await.json()["active"], true);
}

// proves: INTRO-02, INTRO-06
#[tokio::test]
async fn whoever_names_the_type_gets_a_signed_answer_for_itself_alone() {
    let rig = Rig::behind_a_proxy().await;
    let access_token = tokens_of_web(&rig).await.member("access_token");
    let plain = introspect(&rig, &access_token).await.json();
    let keys: JwkSet = serde_json::from_str(&rig.browser().get("/jwks").await.body).unwrap();
    let asked = async |accept: &[&str], token: &str| {
        let mut program = rig.browser();
        let request = program.form("/introspect", &[("token", token)]);
        let request = request.header("authorization", basic("robot", secret_of("robot")));
        let request = accept.iter().fold(request, |request, accept| request.header("accept", *accept));
        program.send(request).await
    };
    for (accept, signed) in [
        (&[SIGNED][..], true),
        (&["Application/Token-Introspection+JWT"], true),
        (&["application/json, application/token-introspection+jwt"], true),
        (&["application/json;q=0.5", "application/token-introspection+jwt;q=0.501"], true),
        (&["text/html, application/token-introspection+jwt;q=0.1, */*;q=0.9"], true),
        (&["application/json, application/token-introspection+jwt;q=0.9"], false),
        (&["application/token-introspection+jwt;q=0"], false),
        (&["application/token-introspection+jwt;q=two"], false),
        (&["*/*"], false),
        (&["application/*"], false),
        (&["application/jwt"], false),
        (&["text/html"], false),
        (&[""], false),
        (&[], false),
    ] {
        for (token, expected) in [(access_token.as_str(), plain.clone()), ("garbage", json!({"active": false}))] {
            let answer = asked(accept, token).await;
            assert_eq!((answer.status, answer.header("vary")), (200, Some("Accept")), "{accept:?}: {answer:?}");
            if !signed {
                assert_eq!(answer.json(), expected, "{accept:?}");
                continue;
            }
            assert_headers(&answer, SIGNED);
            let now = grantd::env::now();
            let opened = |audience| {
                let expected = Expected { issuer: "https://id.example", audience };
                introspection_response::verify(&answer.body, &keys, expected, now)
            };
            assert_eq!(opened("robot").map(Value::Object), Ok(expected), "{accept:?}");
            assert!(opened("web").is_err());
            let at_the_api = Expected { issuer: "https://id.example", audience: "robot" };
            let taken = access_token::verify(&answer.body, &keys, at_the_api, now);
            assert!(matches!(taken, Err(AccessTokenError::WrongType { .. })), "it is no access token: {taken:?}");
            assert_inactive(&introspect(&rig, &answer.body).await, "nor does it pass for one here");
        }
    }
    // Who may not know is told as little in this form.
    let mut program = rig.browser();
    let request = program.form("/introspect", &[("token", &access_token)]).header("accept", SIGNED);
    let answer = program.send(request.header("authorization", basic("web", secret_of("web")))).await;
    let expected = Expected { issuer: "https://id.example", audience: "web" };
    let opened = introspection_response::verify(&answer.body, &keys, expected, grantd::env::now());
    assert_eq!(opened.map(Value::Object), Ok(json!({"active": false})));
    // An error is JSON, whatever was asked for.
    let request = program.form("/introspect", &[("token", "x"), ("client_id", "page")]).header("accept", SIGNED);
    assert_refused(&program.send(request).await, 401, "invalid_client");
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{answer:?}");
    let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["error", "error_description"]);
    assert_headers(answer, "application/json");
}

// proves: INTRO-01, CAUTH-23
#[tokio::test]
async fn only_a_client_that_shows_its_secret_may_ask() {
    let rig = Rig::behind_a_proxy().await;
    let token = tokens_of_web(&rig).await.member("access_token");
    let token = token.as_str();
    let public = rig.browser().post("/introspect", &[("token", token), ("client_id", "page")]).await;
    assert_refused(&public, 401, "invalid_client");
    assert_eq!(public.header("www-authenticate"), None);
    let nobody = rig.browser().post("/introspect", &[("token", token)]).await;
    assert_refused(&nobody, 401, "invalid_client");
    let named = rig.browser().post("/introspect", &[("token", token), ("client_id", "robot")]).await;
    assert_refused(&named, 401, "invalid_client");
    let mut program = rig.browser();
    let wrong = program.form("/introspect", &[("token", token)]).header("authorization", basic("robot", "wrong"));
    let wrong = program.send(wrong).await;
    assert_refused(&wrong, 401, "invalid_client");
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"grantd\""));
    // A token is not a way to say who one is.
    let bearer = program.form("/introspect", &[("token", token)]).header("authorization", format!("Bearer {token}"));
    assert_refused(&program.send(bearer).await, 401, "invalid_client");
    let posted = [("token", token), ("client_id", "posting"), ("client_secret", secret_of("posting"))];
    assert_inactive(&rig.browser().post("/introspect", &posted).await, "authenticated, and not the audience");
}

// proves: INTRO-01, TOKEN-12
#[tokio::test]
async fn an_introspection_request_is_a_form_that_is_posted_and_read_strictly_and_not_by_browsers() {
    let rig = Rig::behind_a_proxy().await;
    let authorization = basic("robot", secret_of("robot"));
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut program = rig.browser();
        let request = program.request(method.clone(), "/introspect?token=x");
        let answer =
            program.send(request.header("authorization", &authorization).header("origin", "https://app.example"));
        let answer = answer.await;
        assert_refused(&answer, 405, "invalid_request");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
    }
    for (path, kind, body, status) in [
        ("/introspect", "application/x-www-form-urlencoded", "token=x", 200),
        ("/introspect?utm=1", "application/x-www-form-urlencoded; charset=utf-8", "token=x&unknown=1", 200),
        ("/introspect?token=x", "application/x-www-form-urlencoded", "token=x", 400),
        ("/introspect?client_id=robot", "application/x-www-form-urlencoded", "token=x", 400),
        ("/introspect", "application/x-www-form-urlencoded", "token=x&token=x", 400),
        ("/introspect", "application/x-www-form-urlencoded", "token=", 400),
        ("/introspect", "application/x-www-form-urlencoded", "", 400),
        ("/introspect", "application/x-www-form-urlencoded", "token=%zz", 400),
        ("/introspect", "application/json", r#"{"token":"x"}"#, 400),
        ("/introspect", "application/json", "token=x", 400),
        ("/introspect", "text/plain", "token=x", 400),
    ] {
        let mut program = rig.browser();
        let request = program.request(Method::POST, path).header("content-type", kind).body(body);
        let request = request.header("authorization", &authorization).header("origin", "https://app.example");
        let answer = program.send(request).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        if status == 400 {
            assert_refused(&answer, 400, "invalid_request");
        }
        let cors = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(cors.count(), 0, "{answer:?}");
    }
    let long = "token=".to_owned() + &"x".repeat(64 * 1024);
    let mut program = rig.browser();
    let request = program.request(Method::POST, "/introspect").body(long);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    assert_refused(&program.send(request.header("authorization", &authorization)).await, 413, "invalid_request");
}

// proves: INTRO-07
#[tokio::test]
async fn garbage_is_limited_and_good_tokens_never_wait() {
    let rig = Rig::behind_a_proxy().await;
    let access_token = tokens_of_web(&rig).await.member("access_token");
    assert_inactive(&introspect(&rig, "garbage").await, "there is room");
    // A thousand answers; in the future, so that nothing flows back while this test runs.
    let later = Time(grantd::env::now().0 + 1_000);
    let taken = (0..2_000).take_while(|_| rig.app.inactive_answers.take(&ClientId::new("robot"), later)).count();
    assert_eq!(taken, 1_000);
    let throttled = introspect(&rig, "garbage").await;
    assert_refused(&throttled, 429, "temporarily_unavailable");
    assert_eq!(throttled.header("retry-after"), Some("1"));
    assert_eq!(introspect(&rig, &access_token).await.json()["active"], true, "people go on working");
    assert_inactive(&post(&rig, "/introspect", "web", &[("token", "x")]).await, "another caller");
}

#[test]
fn answers_flow_back_and_a_clock_that_is_set_back_takes_none() {
    let answers = grantd::http::inactive_answers::InactiveAnswers::default();
    let caller = ClientId::new("robot");
    let drain = |now: i64| (0..5_000).take_while(|_| answers.take(&caller, Time(now))).count();
    assert_eq!(drain(1_000), 1_000);
    assert_eq!(drain(1_000), 0);
    assert_eq!(drain(1_001), 100);
    assert_eq!(drain(1_003), 200);
    assert_eq!(drain(900), 0, "an hour back");
    assert_eq!(drain(901), 100, "and on from there");
    assert_eq!(drain(i64::MAX), 1_000);
    for number in 0..20_000 {
        assert!(answers.take(&ClientId::new(format!("client-{number}")), Time(1_000)));
    }
}

/// A grant that an operator ended, as another process does.
#[tokio::test]
async fn a_grant_that_was_ended_elsewhere_is_seen_at_once() {
    let rig = Setup::behind_a_proxy().at("/t/acme").start().await;
    let mut browser = rig.browser();
    let page = browser.open("/t/acme/authorize", &Asking::of_web()).await;
    let signed_in = browser.sign_in(&page, "alice", crate::rig::PASSWORD).await;
    let page = browser.follow(signed_in).await;
    let code = browser.allow(&page.form("consent")).await.parameter("code").unwrap();
    let access_token = rig.redeem(&code).await.member("access_token");
    let said = introspect(&rig, &access_token).await.json();
    assert_eq!((&said["active"], &said["iss"]), (&json!(true), &json!("https://id.example/t/acme")));
    let jti = grantd_protocol::names::AccessTokenId::new(said["jti"].as_str().unwrap());
    let (grant, at, because) = (jti.grant().unwrap(), grantd::env::now(), Revocation::EndedByOperator);
    rig.put(vec![Change::RevokeGrant { grant, at, because }]).await;
    assert_inactive(&introspect(&rig, &access_token).await, "ended");
}
