//! The keys of the issuer: fetched when needed, kept within bounds, and kept when the issuer is away.

use crate::api::Api;
use crate::issuer::{Issuer, Page, keys_page};
use grantd_resource::{FetchFault, IssuerFault};
use grantd_tokens::{Algorithm, PrivateKey, Seconds};
use std::time::Duration;

fn new_key() -> PrivateKey {
    PrivateKey::generate(Algorithm::Es256).unwrap()
}

fn broken() -> Page {
    Page { status: 500, ..Page::default() }
}

// proves: RS-08
#[tokio::test]
async fn keys_are_fetched_once_and_used_until_they_grow_old() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    assert_eq!(issuer.asked("/jwks"), 0);
    for _ in 0..3 {
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    }
    api.clock.advance(Seconds(299));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!((issuer.asked(&issuer.metadata_path()), issuer.asked("/jwks")), (1, 1));
    api.clock.advance(Seconds(1));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!(issuer.asked("/jwks"), 2);
}

// proves: RS-08
#[tokio::test]
async fn the_lifetime_that_the_issuer_names_is_kept_between_a_minute_and_an_hour() {
    for (cache_control, lifetime) in [
        ("public, max-age=600", 600),
        ("max-age=1", 60),
        ("no-store", 60),
        ("no-cache, max-age=600", 60),
        ("max-age=31536000", 3600),
        ("max-age=soon", 300),
        ("Max-Age=600", 600),
    ] {
        let issuer = Issuer::start().await;
        let page = Page { cache_control: Some(cache_control), ..keys_page(&[issuer.key.jwk()]) };
        issuer.put("/jwks", page);
        let api = Api::start(&issuer).await;
        api.get("/boxes", &issuer.token()).await;
        api.clock.advance(Seconds(lifetime - 1));
        api.get("/boxes", &issuer.token()).await;
        assert_eq!(issuer.asked("/jwks"), 1, "{cache_control}");
        api.clock.advance(Seconds(1));
        api.get("/boxes", &issuer.token()).await;
        assert_eq!(issuer.asked("/jwks"), 2, "{cache_control}");
    }
}

// proves: RS-08
#[tokio::test]
async fn a_new_key_is_found_when_a_token_names_it() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    let next = new_key();
    issuer.publish(&[issuer.key.jwk(), next.jwk()]);
    api.clock.advance(Seconds(60));
    assert_eq!(api.get("/boxes", &issuer.token_by(&next)).await.status, 200);
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!(issuer.asked("/jwks"), 2);
}

// proves: RS-08
#[tokio::test]
async fn unknown_keys_cost_the_issuer_one_request_a_minute() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    for seconds in [59, 1, 0, 59, 1] {
        api.clock.advance(Seconds(seconds));
        for _ in 0..3 {
            assert_eq!(api.get("/boxes", &issuer.token_by(&new_key())).await.status, 401);
        }
    }
    // At 0 s, 60 s and 120 s.
    assert_eq!(issuer.asked("/jwks"), 3);
}

// proves: RS-08
#[tokio::test]
async fn many_requests_at_once_ask_once() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", Page { delay: Duration::from_millis(50), ..keys_page(&[issuer.key.jwk()]) });
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (guard, token) = (api.guard.clone(), token.clone());
        requests.spawn(async move { guard.verify(&token).await.is_ok() });
    }
    assert_eq!(requests.join_all().await, [true; 20]);
    assert_eq!((issuer.asked(&issuer.metadata_path()), issuer.asked("/jwks")), (1, 1));
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_spoil_the_fetch_for_others() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", Page { delay: Duration::from_millis(100), ..keys_page(&[issuer.key.jwk()]) });
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    let impatient = tokio::time::timeout(Duration::from_millis(20), api.guard.verify(&token)).await;
    assert!(impatient.is_err());
    assert!(api.guard.verify(&token).await.is_ok());
    assert_eq!(issuer.asked("/jwks"), 1);
}

// proves: RS-08
#[tokio::test]
async fn the_old_keys_stay_when_a_fetch_fails() {
    let issuer = Issuer::start().await;
    let private = serde_json::json!({"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]});
    let moved = Page { status: 302, location: Some(format!("{}/elsewhere", issuer.identifier())), ..Page::default() };
    for failure in [
        broken(),
        Page { status: 200, body: "not json".into(), ..Page::default() },
        Page { status: 200, body: format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000)), ..Page::default() },
        Page::json(&private),
        moved,
    ] {
        issuer.publish(&[issuer.key.jwk()]);
        issuer.put("/elsewhere", keys_page(&[]));
        let api = Api::start(&issuer).await;
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
        issuer.put("/jwks", failure.clone());
        let before = issuer.asked("/jwks");
        api.clock.advance(Seconds::hours(1));
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200, "{failure:?}");
        assert_eq!(api.get("/boxes", &issuer.token_by(&new_key())).await.status, 401);
        assert_eq!(issuer.asked("/jwks"), before + 1, "the failure is not repeated within the minute");
        assert_eq!(issuer.asked("/elsewhere"), 0, "a redirect is not followed");
    }
}

// proves: RS-08
#[tokio::test]
async fn keys_that_nobody_could_confirm_for_a_day_are_given_up() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    issuer.put("/jwks", broken());
    api.clock.advance(Seconds(24 * 60 * 60 - 1));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    api.clock.advance(Seconds(1));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 503);
    issuer.publish(&[issuer.key.jwk()]);
    api.clock.advance(Seconds(60));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: RS-08
#[tokio::test]
async fn a_key_that_the_issuer_removed_is_gone_when_the_set_is_renewed() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    issuer.publish(&[new_key().jwk()]);
    api.clock.advance(Seconds(300));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
}

#[tokio::test]
async fn an_unchanged_set_is_not_sent_again() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", Page { etag: Some("\"v1\""), ..keys_page(&[issuer.key.jwk()]) });
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    api.clock.advance(Seconds(300));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!((issuer.asked("/jwks"), issuer.not_modified("/jwks")), (2, 1));
    let next = new_key();
    issuer.put("/jwks", Page { etag: Some("\"v2\""), ..keys_page(&[next.jwk()]) });
    api.clock.advance(Seconds(300));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
    assert_eq!(api.get("/boxes", &issuer.token_by(&next)).await.status, 200);
}

#[tokio::test]
async fn keys_that_moved_are_found_by_the_metadata() {
    let issuer = Issuer::start().await;
    let lasting = Page { cache_control: Some("max-age=3600"), ..Page::json(&issuer.metadata()) };
    issuer.put(&issuer.metadata_path(), lasting);
    let api = Api::start(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    issuer.put("/jwks", Page { status: 404, ..Page::default() });
    let next = new_key();
    let mut metadata = issuer.metadata();
    metadata["jwks_uri"] = format!("{}/keys", issuer.identifier()).into();
    issuer.put(&issuer.metadata_path(), Page::json(&metadata));
    issuer.put("/keys", keys_page(&[next.jwk()]));
    // Metadata that may be kept for an hour is read again after a failure.
    api.clock.advance(Seconds(300));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!((issuer.asked(&issuer.metadata_path()), issuer.asked("/keys")), (1, 0));
    api.clock.advance(Seconds(60));
    assert_eq!(api.get("/boxes", &issuer.token_by(&next)).await.status, 200);
}

#[tokio::test]
async fn an_api_that_started_before_its_issuer_recovers_within_seconds() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", broken());
    let api = Api::start(&issuer).await;
    let url = format!("{}/jwks", issuer.identifier());
    assert_eq!(api.guard.ready().await, Err(IssuerFault::Fetch { url, fault: FetchFault::Status(500) }));
    issuer.publish(&[issuer.key.jwk()]);
    api.clock.advance(Seconds(4));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 503);
    assert_eq!(issuer.asked("/jwks"), 1);
    api.clock.advance(Seconds(1));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!(api.guard.ready().await, Ok(()));
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_holds_nobody_for_long() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", Page { delay: Duration::from_mins(5), ..keys_page(&[issuer.key.jwk()]) });
    let api = Api::start(&issuer).await;
    let patience = Duration::from_secs(20);
    let refused = tokio::time::timeout(patience, api.get("/boxes", &issuer.token())).await.unwrap();
    assert_eq!(refused.status, 503);
}

// proves: RS-08
#[tokio::test]
async fn who_waited_for_an_answer_that_failed_slowly_does_not_ask_again() {
    let issuer = Issuer::start().await;
    issuer.put("/jwks", Page { delay: Duration::from_millis(300), ..broken() });
    let api = Api::start(&issuer).await;
    let token = issuer.token();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (guard, token) = (api.guard.clone(), token.clone());
        requests.spawn(async move { guard.verify(&token).await.is_ok() });
    }
    // The failure takes longer than the pause after a failure.
    tokio::time::sleep(Duration::from_millis(100)).await;
    api.clock.advance(Seconds(6));
    assert_eq!(requests.join_all().await, [false; 5]);
    assert_eq!(issuer.asked("/jwks"), 1);
}
