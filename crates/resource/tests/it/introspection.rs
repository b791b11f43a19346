//! The issuer is asked about every token (RFC 7662), and nothing but a clear yes opens the door.

use crate::api::{Api, builder};
use crate::issuer::{Issuer, NOW, Page, RESOURCE};
use grantd_resource::{FetchFault, Guard, Introspection, IssuerFault, SteppedClock};
use grantd_tokens::introspection_response::{self, IntrospectionResponse};
use grantd_tokens::{Algorithm, PrivateKey, Seconds, jws};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

const ENDPOINT: &str = "/introspect";
const OPAQUE: &str = "an-opaque-token";
const CALLER: &str = "boxes api";
const SECRET: &str = "s:é+%cret";

fn asking() -> Introspection {
    Introspection::new(CALLER, SECRET)
}

fn guard(issuer: &Issuer, clock: &SteppedClock, asking: Introspection) -> Guard {
    builder(issuer, clock).introspect(asking).build().unwrap()
}

async fn api(issuer: &Issuer, asking: Introspection) -> Api {
    let clock = SteppedClock::at(NOW);
    Api::serve(guard(issuer, &clock, asking), clock).await
}

fn active(issuer: &Issuer) -> Value {
    json!({
        "active": true, "iss": issuer.identifier(), "aud": RESOURCE, "sub": "alice", "client_id": "web",
        "exp": NOW + Seconds(300), "iat": NOW, "jti": "grant-1.token-1", "token_type": "Bearer",
        "scope": "boxes:read profile", "auth_time": NOW - Seconds(60), "acr": "pwd",
        "authorization_details": [{"type": "lockbox", "boxes": [1, 3]}], "username": "Alice",
    })
}

fn answers(issuer: &Issuer, answer: &Value) {
    issuer.put(ENDPOINT, Page::json(answer));
}

fn signed(text: String) -> Page {
    Page { content_type: Some(introspection_response::MEDIA_TYPE), ..Page::text(text) }
}

fn response(issuer: &Issuer) -> IntrospectionResponse {
    let token_introspection = active(issuer).as_object().unwrap().clone();
    IntrospectionResponse { iss: issuer.identifier(), aud: CALLER.into(), iat: NOW, token_introspection }
}

// proves: RS-14
#[tokio::test]
async fn a_token_passes_with_what_the_issuer_says_of_it() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    let api = api(&issuer, asking()).await;
    assert_eq!(
        api.get("/whoami", OPAQUE).await.body,
        json!({
            "issuer": issuer.identifier(), "subject": "alice", "client_id": "web", "scopes": ["boxes:read", "profile"],
            "token_id": "grant-1.token-1", "expires_at": NOW + Seconds(300), "authenticated_at": NOW - Seconds(60),
            "acr": "pwd", "principal": [issuer.identifier(), "alice"],
        })
    );
    assert_eq!(api.get("/boxes", OPAQUE).await.body, json!([{"boxes": [1, 3]}]));
    assert_eq!(issuer.asked("/jwks"), 0);
}

// proves: RS-14
#[tokio::test]
async fn the_question_is_a_form_with_credentials_in_the_header() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    assert_eq!(api(&issuer, asking()).await.get("/boxes", OPAQUE).await.status, 200);
    let asked = issuer.last(ENDPOINT);
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.body, "token=an-opaque-token&token_type_hint=access_token");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.headers["accept"], "application/json");
    // RFC 6749 §2.3.1: base64("boxes+api:s%3A%C3%A9%2B%25cret").
    assert_eq!(asked.headers["authorization"], "Basic Ym94ZXMrYXBpOnMlM0ElQzMlQTklMkIlMjVjcmV0");
}

// proves: RS-14
#[tokio::test]
async fn a_jwt_that_looks_good_is_asked_about_all_the_same() {
    let issuer = Issuer::start().await;
    answers(&issuer, &json!({"active": false}));
    let api = api(&issuer, asking()).await;
    let refused = api.get("/boxes", &issuer.token()).await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_token")));
    assert!(refused.challenge.unwrap().contains("the issuer says that the token is not active"));
    assert_eq!(api.handled(), 0);
}

// proves: RS-14, RS-09
#[tokio::test]
async fn an_active_token_is_held_against_the_rules_of_this_api() {
    let issuer = Issuer::start().await;
    let api = api(&issuer, asking().cache_for(Seconds(0))).await;
    for (member, value, sentence) in [
        ("iss", json!("https://other.example"), "from the issuer https://other.example"),
        ("aud", json!("https://other.example"), "for https://other.example; this API is"),
        ("aud", json!(["https://other.example", "https://api.example/boxes/"]), "this API is"),
        ("exp", json!(NOW), "expired 0 seconds ago"),
        ("nbf", json!(NOW + Seconds(60)), "`nbf` is 60 seconds ahead"),
        ("iat", json!(NOW + Seconds(60)), "`iat` is 60 seconds ahead"),
        ("cnf", json!({"jkt": "x"}), "bound to a key"),
        ("cnf", json!(null), "bound to a key"),
        ("token_type", json!("DPoP"), "bound to a key"),
    ] {
        let mut answer = active(&issuer);
        answer[member] = value.clone();
        answers(&issuer, &answer);
        let refused = api.get("/boxes", OPAQUE).await;
        assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_token")), "{member} {value}");
        let description = refused.body["error_description"].as_str().unwrap();
        assert!(description.contains(sentence), "{description}");
    }
    let mut poor = active(&issuer);
    poor["scope"] = json!("profile");
    answers(&issuer, &poor);
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 403);
    for (member, value) in [("token_type", json!("bearer")), ("aud", json!(["https://other.example", RESOURCE]))] {
        let mut answer = active(&issuer);
        answer[member] = value;
        answers(&issuer, &answer);
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 200, "{member}");
    }
}

// proves: RS-14, INV-07
#[tokio::test]
async fn an_answer_that_is_not_understood_opens_nothing() {
    let issuer = Issuer::start().await;
    let api = api(&issuer, asking().cache_for(Seconds(0))).await;
    let wrong = [
        ("active", json!("true")),
        ("active", json!(1)),
        ("active", json!([true])),
        ("active", json!(null)),
        ("aud", json!(7)),
        ("exp", json!("4000000000")),
        ("sub", json!("")),
        ("client_id", json!(["web"])),
        ("scope", json!(["boxes:read"])),
        ("token_type", json!(7)),
        ("authorization_details", json!([7])),
        ("jti", json!(7)),
    ];
    for (member, value) in wrong {
        let mut answer = active(&issuer);
        answer[member] = value.clone();
        answers(&issuer, &answer);
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503, "{member} {value}");
    }
    for member in ["active", "aud", "exp", "sub", "client_id"] {
        let mut answer = active(&issuer);
        answer.as_object_mut().unwrap().remove(member);
        answers(&issuer, &answer);
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503, "{member}");
    }
    assert_eq!(api.handled(), 0);
    answers(&issuer, &active(&issuer));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_says_less_is_understood() {
    let issuer = Issuer::start().await;
    let mut answer = active(&issuer);
    for member in ["iss", "iat", "jti", "token_type", "auth_time", "acr", "authorization_details"] {
        answer.as_object_mut().unwrap().remove(member);
    }
    answers(&issuer, &answer);
    let api = api(&issuer, asking()).await;
    let said = api.get("/whoami", OPAQUE).await.body;
    assert_eq!((&said["token_id"], &said["issuer"]), (&Value::Null, &json!(issuer.identifier())));
}

// proves: RS-14, INV-07
#[tokio::test]
async fn whatever_goes_wrong_with_asking_nobody_is_let_in() {
    let issuer = Issuer::start().await;
    let api = api(&issuer, asking().cache_for(Seconds(0))).await;
    let good = Page::json(&active(&issuer));
    let twice = active(&issuer).to_string().replacen('{', r#"{"active":true,"#, 1);
    issuer.put("/elsewhere", good.clone());
    let moved = Page { status: 307, location: Some(format!("{}/elsewhere", issuer.identifier())), ..good.clone() };
    for page in [
        Page { status: 401, ..good.clone() },
        Page { status: 404, ..good.clone() },
        Page { status: 429, ..good.clone() },
        Page { status: 500, ..good.clone() },
        Page { status: 503, ..good.clone() },
        Page { status: 201, ..good.clone() },
        moved,
        Page { content_type: None, ..good.clone() },
        Page { content_type: Some("text/html"), ..good.clone() },
        Page { body: "active".into(), ..good.clone() },
        Page { body: "[true]".into(), ..good.clone() },
        Page { body: twice, ..good.clone() },
        Page { body: format!("{}{}", good.body, " ".repeat(256 * 1024)), ..good.clone() },
        Page { delay: Duration::from_mins(5), ..good.clone() },
    ] {
        issuer.put(ENDPOINT, page.clone());
        let refused = tokio::time::timeout(Duration::from_secs(20), api.get("/boxes", OPAQUE)).await.unwrap();
        assert_eq!((refused.status, refused.challenge), (503, None), "{page:?}");
        assert_eq!(refused.body["error"], "temporarily_unavailable");
    }
    assert_eq!((api.handled(), issuer.asked("/elsewhere")), (0, 0));
    issuer.put(ENDPOINT, good);
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
}

// proves: RS-14
#[tokio::test]
async fn a_good_answer_is_remembered_for_half_a_minute_and_never_beyond_the_token() {
    for (asking, exp, remembered) in [
        (asking(), 300, 30),
        (asking(), 10, 10),
        (asking().cache_for(Seconds(7)), 300, 7),
        (asking().cache_for(Seconds(3600)), 300, 30),
    ] {
        let issuer = Issuer::start().await;
        let mut answer = active(&issuer);
        answer["exp"] = json!(NOW + Seconds(exp));
        answers(&issuer, &answer);
        let api = api(&issuer, asking).await;
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
        answers(&issuer, &json!({"active": false}));
        api.clock.advance(Seconds(remembered - 1));
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
        assert_eq!(issuer.asked(ENDPOINT), 1);
        // Of another token nothing is known.
        assert_eq!(api.get("/boxes", "another-token").await.status, 401);
        api.clock.advance(Seconds(1));
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 401, "{exp} {remembered}");
    }
}

// proves: RS-14
#[tokio::test]
async fn nothing_is_remembered_where_that_was_said_and_no_refusal_ever() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    let forgetful = api(&issuer, asking().cache_for(Seconds(0))).await;
    assert_eq!(forgetful.get("/boxes", OPAQUE).await.status, 200);
    answers(&issuer, &json!({"active": false}));
    assert_eq!(forgetful.get("/boxes", OPAQUE).await.status, 401);
    let remembering = api(&issuer, asking()).await;
    assert_eq!(remembering.get("/boxes", OPAQUE).await.status, 401);
    answers(&issuer, &active(&issuer));
    assert_eq!(remembering.get("/boxes", OPAQUE).await.status, 200);
}

// proves: RS-14
#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_answer_alive() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    let api = api(&issuer, asking()).await;
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    api.clock.advance(Seconds(-10));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    assert_eq!(issuer.asked(ENDPOINT), 2);
}

#[tokio::test]
async fn only_so_many_answers_are_remembered() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    let guard = guard(&issuer, &SteppedClock::at(NOW), asking());
    assert!(guard.verify("first").await.is_ok());
    assert!(guard.verify("first").await.is_ok());
    assert_eq!(issuer.asked(ENDPOINT), 1);
    let mut crowd = JoinSet::new();
    for worker in 0..8 {
        let guard = guard.clone();
        crowd.spawn(async move {
            for number in 0..512 {
                assert!(guard.verify(&format!("{worker}-{number}")).await.is_ok());
            }
        });
    }
    crowd.join_all().await;
    let asked = issuer.asked(ENDPOINT);
    assert!(guard.verify("first").await.is_ok());
    assert_eq!((asked, issuer.asked(ENDPOINT)), (4_097, 4_098));
}

// proves: RS-14
#[tokio::test]
async fn the_endpoint_is_an_https_url_of_the_issuers_metadata() {
    let issuer = Issuer::start().await;
    answers(&issuer, &active(&issuer));
    for endpoint in [json!(null), json!("http://issuer.example/introspect"), json!("/introspect"), json!(7)] {
        let mut metadata = issuer.metadata();
        metadata["introspection_endpoint"] = endpoint.clone();
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        let guard = guard(&issuer, &SteppedClock::at(NOW), asking());
        assert_eq!(guard.ready().await, Err(IssuerFault::NoEndpoint("introspection_endpoint")), "{endpoint}");
        assert_eq!(guard.verify(OPAQUE).await.unwrap_err().status(), 503, "{endpoint}");
    }
    assert_eq!(issuer.asked(ENDPOINT), 0);
}

#[tokio::test]
async fn an_issuer_without_metadata_is_not_asked_for_it_by_every_request() {
    let issuer = Issuer::start().await;
    issuer.put(&issuer.metadata_path(), Page { status: 500, ..Page::default() });
    let api = api(&issuer, asking()).await;
    for _ in 0..5 {
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503);
    }
    assert_eq!(issuer.asked(&issuer.metadata_path()), 1);
    let url = format!("{}{}", issuer.identifier(), issuer.metadata_path());
    assert_eq!(api.guard.ready().await, Err(IssuerFault::Fetch { url, fault: FetchFault::Status(500) }));
    issuer.put(&issuer.metadata_path(), Page::json(&issuer.metadata()));
    answers(&issuer, &active(&issuer));
    api.clock.advance(Seconds(5));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
}

// proves: RS-14
#[tokio::test]
async fn who_asks_for_signed_answers_takes_no_others() {
    let issuer = Issuer::start().await;
    let api = api(&issuer, asking().signed().cache_for(Seconds(0))).await;
    let by = |key: &PrivateKey, response: IntrospectionResponse| signed(response.mint(key).unwrap());
    let good = response(&issuer);
    issuer.put(ENDPOINT, by(&issuer.key, good.clone()));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    assert_eq!(issuer.last(ENDPOINT).headers["accept"], introspection_response::MEDIA_TYPE);
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    for (case, page) in [
        ("plain", Page::json(&active(&issuer))),
        ("plain, called signed", signed(active(&issuer).to_string())),
        ("signed, called plain", Page { content_type: Some("application/json"), ..by(&issuer.key, good.clone()) }),
        ("foreign", by(&stranger, good.clone())),
        ("other kind", signed(jws::sign("at+jwt", &issuer.key, &good).unwrap())),
        ("other caller", by(&issuer.key, IntrospectionResponse { aud: RESOURCE.into(), ..good.clone() })),
        ("other issuer", by(&issuer.key, IntrospectionResponse { iss: "https://b.example".into(), ..good.clone() })),
        ("old", by(&issuer.key, IntrospectionResponse { iat: NOW - Seconds(61), ..good.clone() })),
    ] {
        issuer.put(ENDPOINT, page);
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503, "{case}");
    }
    let mut inactive = good;
    inactive.token_introspection = json!({"active": false}).as_object().unwrap().clone();
    issuer.put(ENDPOINT, by(&issuer.key, inactive));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 401);
}

#[tokio::test]
async fn a_signed_answer_by_a_new_key_is_read_with_newer_keys() {
    let issuer = Issuer::start().await;
    let api = api(&issuer, asking().signed().cache_for(Seconds(0))).await;
    issuer.put(ENDPOINT, signed(response(&issuer).mint(&issuer.key).unwrap()));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    let next = PrivateKey::generate(Algorithm::Es256).unwrap();
    issuer.publish(&[next.jwk()]);
    api.clock.advance(Seconds(60));
    let later = IntrospectionResponse { iat: NOW + Seconds(60), ..response(&issuer) };
    issuer.put(ENDPOINT, signed(later.mint(&next).unwrap()));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
}

#[tokio::test]
async fn an_endpoint_that_moved_is_found_before_the_metadata_grows_old_and_one_that_is_down_costs_little() {
    let issuer = Issuer::start().await;
    let metadata = issuer.metadata_path();
    let long = Page { cache_control: Some("max-age=3600"), ..Page::json(&issuer.metadata()) };
    issuer.put(&metadata, long.clone());
    answers(&issuer, &active(&issuer));
    let api = api(&issuer, asking().cache_for(Seconds(0))).await;
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    issuer.put(ENDPOINT, Page { status: 404, ..Page::default() });
    for _ in 0..5 {
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503);
    }
    assert_eq!(issuer.asked(&metadata), 1);
    api.clock.advance(Seconds(5));
    for _ in 0..5 {
        assert_eq!(api.get("/boxes", OPAQUE).await.status, 503);
    }
    assert_eq!(issuer.asked(&metadata), 2);
    let mut moved = issuer.metadata();
    moved["introspection_endpoint"] = json!(format!("{}/elsewhere", issuer.identifier()));
    issuer.put(&metadata, Page { body: moved.to_string(), ..long });
    issuer.put("/elsewhere", Page::json(&active(&issuer)));
    api.clock.advance(Seconds(5));
    assert_eq!(api.get("/boxes", OPAQUE).await.status, 200);
    assert_eq!(issuer.asked(&metadata), 3);
}
