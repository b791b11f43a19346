//! What ended before its time is refused, as soon as the feed says so, and whatever becomes of the feed.

use crate::api::{Api, builder};
use crate::issuer::{Issuer, NOW, Page};
use grantd_resource::{FetchFault, Following, Guard, IssuerFault, SteppedClock, WhenUnavailable};
use grantd_tokens::revocation_feed::{self, RevocationFeedError};
use grantd_tokens::{Algorithm, IssuedFault, Mark, PrivateKey, RevocationFeed, Seconds, jws};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const FEED: &str = "/revocations";
/// The shortest interval there is, in real time.
const EVERY: Seconds = Seconds(1);
const REFUSE_AFTER: Seconds = Seconds(20);

fn guard(issuer: &Issuer, clock: &SteppedClock, choice: WhenUnavailable) -> Guard {
    let following = Following::every(EVERY).when_unavailable(choice);
    builder(issuer, clock).follow_revocations(following).build().unwrap()
}

async fn api(issuer: &Issuer, choice: WhenUnavailable) -> Api {
    let clock = SteppedClock::at(NOW);
    Api::serve(guard(issuer, &clock, choice), clock).await
}

async fn following(issuer: &Issuer) -> Api {
    api(issuer, WhenUnavailable::RefuseAfter(REFUSE_AFTER)).await
}

fn token_named(issuer: &Issuer, jti: &str) -> String {
    issuer.token_with(|claims| drop(claims.insert("jti".into(), json!(jti))))
}

fn ended_grant(issuer: &Issuer, grant: &str) -> RevocationFeed {
    RevocationFeed { grants: [Mark::of(grant)].into(), ..issuer.feed() }
}

/// Until whatever the issuer now serves has been asked for and dealt with: when the next question comes, the last is over.
async fn next_poll(issuer: &Issuer) {
    let before = issuer.asked(FEED);
    while issuer.asked(FEED) < before + 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// proves: RS-03
#[tokio::test]
async fn what_ended_is_refused_within_an_interval_and_the_time_of_one_fetch() {
    let mut tests = JoinSet::new();
    for (what, sentence) in [
        ("grant", "the access that this token stands for was ended"),
        ("token", "the token was revoked"),
        ("client", "was disabled after it was issued"),
    ] {
        tests.spawn(refused_in_time(what, sentence));
    }
    while let Some(ended) = tests.join_next().await {
        ended.unwrap();
    }
}

async fn refused_in_time(what: &'static str, sentence: &'static str) {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    issuer.publish_feed(&match what {
        "grant" => ended_grant(&issuer, "grant-1"),
        "token" => RevocationFeed { tokens: [Mark::of("grant-1.token-1")].into(), ..issuer.feed() },
        _ => RevocationFeed { clients: [(Mark::of("web"), NOW)].into(), ..issuer.feed() },
    });
    #[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
    let published = Instant::now();
    let refused = loop {
        let reply = api.get("/boxes", &issuer.token()).await;
        if reply.status != 200 {
            break reply;
        }
        assert!(published.elapsed() < Duration::from_secs(2), "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_token")), "{what}");
    let description = refused.body["error_description"].as_str().unwrap();
    assert!(description.contains(sentence), "{description}");
    assert!(refused.challenge.unwrap().contains(r#"error="invalid_token""#));
    // What did not end goes on, even beside it.
    let other = issuer.token_with(|claims| {
        claims.insert("jti".into(), json!("grant-2.token-1"));
        claims.insert("client_id".into(), json!("other"));
    });
    assert_eq!(api.get("/boxes", &other).await.status, 200, "{what}");
}

// proves: RS-03
#[tokio::test]
async fn the_first_request_waits_for_the_first_feed() {
    let issuer = Issuer::start().await;
    let slow = Duration::from_millis(300);
    let page = Page { delay: slow, ..Page::text(ended_grant(&issuer, "grant-1").mint(&issuer.key).unwrap()) };
    issuer.put(FEED, page);
    let api = following(&issuer).await;
    assert_eq!(issuer.asked(FEED), 0);
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
    assert_eq!(api.get("/boxes", &token_named(&issuer, "grant-2.x")).await.status, 200);
    assert_eq!(issuer.asked(FEED), 1);
}

#[tokio::test]
async fn no_later_request_waits_for_a_feed() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    let asked = issuer.asked(FEED);
    issuer.put(FEED, Page { delay: Duration::from_secs(4), ..Page::default() });
    while issuer.asked(FEED) == asked {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reply = tokio::time::timeout(Duration::from_secs(1), api.get("/boxes", &issuer.token())).await;
    assert_eq!(reply.unwrap().status, 200);
}

#[tokio::test]
async fn an_unchanged_feed_is_confirmed_and_not_sent_again() {
    let issuer = Issuer::start().await;
    let text = ended_grant(&issuer, "grant-1").mint(&issuer.key).unwrap();
    issuer.put(FEED, Page { etag: Some("\"v1\""), ..Page::text(text) });
    let api = following(&issuer).await;
    let other = token_named(&issuer, "grant-2.x");
    for _ in 0..2 {
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
        assert_eq!(api.get("/boxes", &other).await.status, 200);
        // Together more than what may pass without an answer.
        api.clock.advance(Seconds(REFUSE_AFTER.0 - 1));
        next_poll(&issuer).await;
    }
    assert_eq!(issuer.not_modified(FEED), issuer.asked(FEED) - 1);
    assert_eq!(issuer.last(FEED).headers["accept"], revocation_feed::MEDIA_TYPE);
    let next = issuer.feed();
    issuer.put(FEED, Page { etag: Some("\"v2\""), ..Page::text(next.mint(&issuer.key).unwrap()) });
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: INV-07
#[tokio::test]
async fn without_a_first_feed_nobody_is_let_in_unless_the_operator_chose_so() {
    let issuer = Issuer::start().await;
    issuer.put(FEED, Page { status: 500, ..Page::default() });
    let api_that_refuses = following(&issuer).await;
    let refused = api_that_refuses.get("/boxes", &issuer.token()).await;
    assert_eq!((refused.status, refused.challenge), (503, None));
    assert_eq!(refused.body["error"], "temporarily_unavailable");
    let sentence = refused.body["error_description"].as_str().unwrap();
    assert!(sentence.contains("whether tokens were revoked"), "{sentence}");
    assert_eq!(api_that_refuses.handled(), 0);
    let url = format!("{}{FEED}", issuer.identifier());
    let fault = IssuerFault::Fetch { url, fault: FetchFault::Status(500) };
    assert_eq!(api_that_refuses.guard.ready().await, Err(fault));
    let api_that_accepts = api(&issuer, WhenUnavailable::AcceptUntilExpiry).await;
    assert_eq!(api_that_accepts.get("/boxes", &issuer.token()).await.status, 200);
    // The default is to refuse.
    let clock = SteppedClock::at(NOW);
    let by_default = builder(&issuer, &clock).follow_revocations(Following::every(EVERY)).build().unwrap();
    assert_eq!(by_default.verify(&issuer.token()).await.unwrap_err().status(), 503);
    issuer.publish_feed(&issuer.feed());
    next_poll(&issuer).await;
    assert_eq!(api_that_refuses.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!(api_that_refuses.guard.ready().await, Ok(()));
}

// proves: INV-07
#[tokio::test]
async fn an_issuer_that_goes_away_stops_everybody_after_the_chosen_time() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&ended_grant(&issuer, "grant-1"));
    let api = following(&issuer).await;
    let other = issuer.token_with(|claims| {
        claims.insert("jti".into(), json!("grant-2.x"));
        claims.insert("iat".into(), json!(NOW - Seconds::hours(1)));
    });
    assert_eq!(api.get("/boxes", &other).await.status, 200);
    issuer.put(FEED, Page { status: 500, ..Page::default() });
    next_poll(&issuer).await;
    api.clock.advance(Seconds(REFUSE_AFTER.0 - 1));
    assert_eq!(api.get("/boxes", &other).await.status, 200);
    api.clock.advance(Seconds(1));
    assert_eq!(api.get("/boxes", &other).await.status, 503);
    // A clock that is set back makes no feed young again.
    api.clock.advance(Seconds(-2 * REFUSE_AFTER.0));
    assert_eq!(api.get("/boxes", &other).await.status, 503);
    api.clock.advance(Seconds(2 * REFUSE_AFTER.0));
    // What is known to have ended stays so.
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
    issuer.publish_feed(&ended_grant(&issuer, "grant-1"));
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &other).await.status, 200);
}

// proves: INV-07
#[tokio::test]
async fn who_chose_nothing_refuses_after_ten_intervals() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let clock = SteppedClock::at(NOW);
    let guard = builder(&issuer, &clock).follow_revocations(Following::every(EVERY)).build().unwrap();
    assert!(guard.verify(&issuer.token()).await.is_ok());
    issuer.put(FEED, Page { status: 500, ..Page::default() });
    next_poll(&issuer).await;
    clock.advance(Seconds(9));
    assert!(guard.verify(&issuer.token()).await.is_ok());
    clock.advance(Seconds(1));
    assert_eq!(guard.verify(&issuer.token()).await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn by_the_other_choice_tokens_stay_good_until_they_expire() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&ended_grant(&issuer, "grant-1"));
    let api = api(&issuer, WhenUnavailable::AcceptUntilExpiry).await;
    let exp = NOW + Seconds::hours(20);
    let other = issuer.token_with(|claims| {
        claims.insert("jti".into(), json!("grant-2.x"));
        claims.insert("exp".into(), json!(exp));
    });
    assert_eq!(api.get("/boxes", &other).await.status, 200);
    issuer.put(FEED, Page { status: 500, ..Page::default() });
    api.clock.advance(Seconds(20 * 60 * 60 - 1));
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &other).await.status, 200);
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401, "what is known to have ended stays so");
    api.clock.advance(Seconds(1));
    assert_eq!(api.get("/boxes", &other).await.status, 401);
}

// proves: RS-03
#[tokio::test]
async fn a_feed_that_is_not_the_issuers_latest_changes_nothing() {
    let cases =
        ["foreign", "unsigned", "other issuer", "another kind", "garbage", "too large", "rolled back", "expired"];
    let mut tests: JoinSet<()> = cases.into_iter().map(changes_nothing).collect();
    while let Some(ended) = tests.join_next().await {
        ended.unwrap();
    }
}

async fn changes_nothing(case: &'static str) {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&ended_grant(&issuer, "grant-1"));
    let api = following(&issuer).await;
    let (ended, other) = (issuer.token(), token_named(&issuer, "grant-2.x"));
    assert_eq!((api.get("/boxes", &ended).await.status, api.get("/boxes", &other).await.status), (401, 200));
    let emptied = RevocationFeed { iat: NOW + Seconds(1), ..issuer.feed() };
    let signed = |feed: &RevocationFeed| feed.mint(&issuer.key).unwrap();
    let text = match case {
        "foreign" => emptied.mint(&PrivateKey::generate(Algorithm::Es256).unwrap()).unwrap(),
        "unsigned" => format!("{}.", signed(&emptied).rsplit_once('.').unwrap().0),
        "other issuer" => signed(&RevocationFeed { iss: "https://issuer.example".into(), ..emptied }),
        "another kind" => jws::sign("at+jwt", &issuer.key, &emptied).unwrap(),
        "garbage" => "{\"grants\":[]}".into(),
        "too large" => format!("{}{}", signed(&emptied), "x".repeat(4 * 1024 * 1024)),
        "rolled back" => signed(&RevocationFeed { iat: NOW - Seconds(16), ..emptied }),
        _ => signed(&RevocationFeed { exp: NOW, ..emptied }),
    };
    issuer.put(FEED, Page::text(text));
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &ended).await.status, 401, "{case}");
    // Nor does it count as an answer.
    api.clock.advance(REFUSE_AFTER);
    assert_eq!(api.get("/boxes", &other).await.status, 503, "{case}");
    let fault = api.guard.ready().await.unwrap_err();
    if case == "rolled back" {
        assert_eq!(fault, IssuerFault::RolledBack { found: NOW - Seconds(16), held: NOW });
    }
    issuer.publish_feed(&RevocationFeed { iat: NOW + Seconds(1), ..issuer.feed() });
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &ended).await.status, 200, "{case}: {fault}");
}

#[tokio::test]
async fn a_feed_of_a_node_whose_clock_is_a_little_behind_counts() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    let ended = issuer.token();
    assert_eq!(api.get("/boxes", &ended).await.status, 200);
    issuer.publish_feed(&RevocationFeed { iat: NOW - Seconds(15), ..ended_grant(&issuer, "grant-1") });
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &ended).await.status, 401);
}

#[tokio::test]
async fn an_old_feed_is_replaced_and_not_confirmed() {
    let issuer = Issuer::start().await;
    let short = RevocationFeed { exp: NOW + Seconds(10), ..issuer.feed() };
    issuer.put(FEED, Page { etag: Some("\"v1\""), ..Page::text(short.mint(&issuer.key).unwrap()) });
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    next_poll(&issuer).await;
    assert!(issuer.not_modified(FEED) > 0);
    api.clock.advance(Seconds(10));
    next_poll(&issuer).await;
    let confirmed = issuer.not_modified(FEED);
    next_poll(&issuer).await;
    assert_eq!(issuer.not_modified(FEED), confirmed);
    api.clock.advance(Seconds(10));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 503);
    // An issuer whose clock was set back is listened to again, now that nothing older can be replayed.
    issuer.publish_feed(&RevocationFeed { iat: NOW - Seconds(16), ..issuer.feed() });
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: RS-03
#[tokio::test]
async fn a_removed_key_is_dead_at_once_though_it_is_cached() {
    let issuer = Issuer::start().await;
    let next = PrivateKey::generate(Algorithm::Es256).unwrap();
    issuer.publish(&[issuer.key.jwk(), next.jwk()]);
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    assert_eq!(issuer.asked("/jwks"), 1);
    let removed = RevocationFeed { keys: [Mark::of(issuer.key.kid())].into(), ..issuer.feed() };
    issuer.put(FEED, Page::text(removed.mint(&next).unwrap()));
    next_poll(&issuer).await;
    // Still published, as if the set came from a cache on the way.
    let refused = api.get("/boxes", &issuer.token()).await;
    assert_eq!(refused.status, 401);
    let sentence = refused.body["error_description"].as_str().unwrap();
    assert!(sentence.contains("withdrawn by the issuer"), "{sentence}");
    assert_eq!(api.get("/boxes", &issuer.token_by(&next)).await.status, 200);
    assert!(issuer.asked("/jwks") > 1, "the keys are asked for again, within the minute");
    // Whoever holds the removed key cannot bring it back.
    issuer.put(FEED, Page::text(RevocationFeed { iat: NOW + Seconds(5), ..issuer.feed() }.mint(&issuer.key).unwrap()));
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
    api.clock.advance(REFUSE_AFTER);
    assert_eq!(api.get("/boxes", &issuer.token_by(&next)).await.status, 503);
    let unknown = IssuedFault::UnknownKey { kid: issuer.key.kid().into() };
    let fault = IssuerFault::RevocationFeed(RevocationFeedError::Issued(unknown));
    assert_eq!(api.guard.ready().await, Err(fault));
}

#[tokio::test]
async fn a_feed_by_a_new_key_is_read_with_newer_keys() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    let next = PrivateKey::generate(Algorithm::Es256).unwrap();
    issuer.publish(&[issuer.key.jwk(), next.jwk()]);
    issuer.put(FEED, Page::text(ended_grant(&issuer, "grant-1").mint(&next).unwrap()));
    // Within the minute in which a token with an unknown key would not be looked up.
    next_poll(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
}

#[tokio::test]
async fn the_issuer_is_asked_no_more_when_the_last_guard_is_gone() {
    let issuer = Issuer::start().await;
    issuer.publish_feed(&issuer.feed());
    let guard = guard(&issuer, &SteppedClock::at(NOW), WhenUnavailable::AcceptUntilExpiry);
    assert!(guard.verify(&issuer.token()).await.is_ok());
    let clone = guard.clone();
    drop(guard);
    next_poll(&issuer).await;
    assert!(clone.verify(&issuer.token()).await.is_ok());
    drop(clone);
    let asked = issuer.asked(FEED);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(issuer.asked(FEED), asked);
}

#[tokio::test]
async fn a_feed_that_moved_is_read_anew() {
    let issuer = Issuer::start().await;
    let page = |feed: &RevocationFeed| Page { etag: Some("\"v1\""), ..Page::text(feed.mint(&issuer.key).unwrap()) };
    issuer.put(FEED, page(&issuer.feed()));
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    let mut metadata = issuer.metadata();
    metadata["revocation_feed_endpoint"] = format!("{}/moved", issuer.identifier()).into();
    issuer.put(&issuer.metadata_path(), Page::json(&metadata));
    issuer.put("/moved", page(&ended_grant(&issuer, "grant-1")));
    // The lifetime of metadata that does not name one.
    api.clock.advance(Seconds(300));
    while issuer.asked("/moved") < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
}

#[tokio::test]
async fn an_issuer_without_a_feed_is_named_as_such() {
    let issuer = Issuer::start().await;
    for endpoint in [json!(null), json!("http://feed.example/revocations"), json!(7)] {
        let mut metadata = issuer.metadata();
        metadata["revocation_feed_endpoint"] = endpoint;
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        let guard = guard(&issuer, &SteppedClock::at(NOW), WhenUnavailable::RefuseAfter(REFUSE_AFTER));
        assert_eq!(guard.ready().await, Err(IssuerFault::NoEndpoint("revocation_feed_endpoint")));
        assert_eq!(guard.verify(&issuer.token()).await.unwrap_err().status(), 503);
    }
}

#[tokio::test]
async fn a_feed_that_moved_is_found_before_the_metadata_grows_old() {
    let issuer = Issuer::start().await;
    let metadata = issuer.metadata_path();
    let long = Page { cache_control: Some("max-age=3600"), ..Page::json(&issuer.metadata()) };
    issuer.put(&metadata, long.clone());
    issuer.publish_feed(&issuer.feed());
    let api = following(&issuer).await;
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
    let mut moved = issuer.metadata();
    moved["revocation_feed_endpoint"] = json!(format!("{}/elsewhere", issuer.identifier()));
    issuer.put(&metadata, Page { body: moved.to_string(), ..long });
    issuer.put("/elsewhere", Page::text(ended_grant(&issuer, "grant-1").mint(&issuer.key).unwrap()));
    issuer.put(FEED, Page { status: 404, ..Page::default() });
    next_poll(&issuer).await;
    api.clock.advance(Seconds(5));
    let found = async {
        while issuer.asked("/elsewhere") < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found).await.unwrap();
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 401);
    assert_eq!(issuer.asked(&metadata), 2);
}
