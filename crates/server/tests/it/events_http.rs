//! Acts over HTTP, and the events that they leave in the database: who, which client and grant, by which rule, and what shows it.

use std::collections::BTreeSet;
use std::time::Duration;

use grantd::telemetry::LogFormat;
use grantd_protocol::events::{EventFilter, EventId};
use serde_json::{Value, json};

use crate::account_http::{PAGE, alice_shares_her_boxes, key_of, press, signed_in_as};
use crate::flow::claims;
use crate::introspect_http::{post, tokens_of_web};
use crate::rig::{Answer, Asking, MAIL, Rig};
use crate::telemetry::Log;

/// Where every browser and program of these tests is.
const HERE: &str = "127.0.0.0/24";

/// The events that were seen already.
pub(crate) struct Book(BTreeSet<EventId>);

impl Book {
    /// Opened after whatever happened before.
    pub(crate) async fn open(rig: &Rig) -> Self {
        let mut book = Self(BTreeSet::new());
        book.told(rig).await;
        book
    }

    /// What is kept since the last look, in its order. Whole, but for its name and its moment.
    pub(crate) async fn told(&mut self, rig: &Rig) -> Vec<Value> {
        let kept = rig.app.store.events(&rig.app.settings.issuer, EventFilter::default(), usize::MAX).await.unwrap();
        let unseen = kept.into_iter().filter(|event| self.0.insert(event.id.clone()));
        let without_moment = |mut event: Value| {
            let members = event.as_object_mut().unwrap();
            assert!(members.remove("id").is_some() && members.remove("at").is_some());
            event
        };
        unseen.map(|event| without_moment(json!(event))).collect()
    }
}

/// The `jti` of an access token.
pub(crate) fn jti_of(answer: &Answer) -> String {
    claims(&answer.member("access_token"))["jti"].as_str().unwrap().to_owned()
}

/// The grant that an access token names.
pub(crate) fn grant_of(answer: &Answer) -> String {
    jti_of(answer).split_once('.').unwrap().0.to_owned()
}

async fn refresh(rig: &Rig, token: &str) -> Answer {
    rig.token_by("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

// ---- what a user takes back ----

// proves: LOG-04
#[tokio::test]
async fn a_part_that_is_taken_back_is_told_with_what_is_left() {
    let rig = Rig::development().await;
    let (mut browser, refresh_token) = alice_shares_her_boxes(&rig).await;
    let grant = grant_of(&refresh(&rig, &refresh_token).await);
    let mut book = Book::open(&rig).await;
    let page = browser.get(PAGE).await;
    let form = page.form("narrow_0").untick("thing", &key_of(&page, "Box 2")).untick("scope", "mail:send");
    assert_eq!(press(&mut browser, &form, "narrow").await.status, 303);
    let about = |mut event: Value| {
        let whose = json!({ "source": "request", "user": "subject-of-alice", "client": "web", "rule": "CONSENT-05" });
        event.as_object_mut().unwrap().extend(whose.as_object().unwrap().clone());
        event
    };
    let left = json!({
        "scopes_left": "boxes:list letters:read offline_access", "resources_left": rig.shop.id(), "things_left": "2",
    });
    let narrowed = about(json!({ "kind": "access_narrowed", "grant": grant, "evidence": left }));
    assert_eq!(book.told(&rig).await, [narrowed, about(json!({ "kind": "consent_forgotten" }))]);

    assert_eq!(press(&mut browser, &page.form("end_0"), "end").await.status, 303);
    let ended = about(json!({ "kind": "access_ended", "evidence": { "because": "ended_by_user" } }));
    assert_eq!(book.told(&rig).await, [ended]);
    assert_eq!(press(&mut browser, &page.form("end_0"), "end").await.status, 303);
    assert_eq!(book.told(&rig).await, [] as [Value; 0], "nothing was left to end");
}

// proves: LOG-04
#[tokio::test]
async fn ending_all_and_signing_out_elsewhere_is_told() {
    let rig = Rig::development().await;
    let (mut browser, _) = alice_shares_her_boxes(&rig).await;
    signed_in_as(&rig, "alice").await;
    let page = browser.get(PAGE).await;
    let mut book = Book::open(&rig).await;
    assert_eq!(press(&mut browser, &page.form("elsewhere"), "sign_out_elsewhere").await.status, 303);
    let elsewhere = json!({
        "kind": "other_sessions_ended", "source": "request", "rule": "SESS-04", "user": "subject-of-alice",
    });
    assert_eq!(book.told(&rig).await, [elsewhere]);
    assert_eq!(press(&mut browser, &page.form("end_all"), "end_all").await.status, 303);
    let ended = json!({
        "kind": "access_ended", "source": "request", "rule": "CONSENT-05", "user": "subject-of-alice",
        "evidence": { "because": "ended_by_user", "clients": "all" },
    });
    assert_eq!(book.told(&rig).await, [ended]);
}

// ---- what a client does with its tokens ----

// proves: LOG-04, LOG-05
#[tokio::test]
async fn tokens_given_back_are_told_by_grant_and_jti() {
    let (log, _guard) = Log::begin(LogFormat::Json);
    let rig = Rig::development().await;
    let tokens = tokens_of_web(&rig).await;
    let (grant, jti) = (grant_of(&tokens), jti_of(&tokens));
    let mut book = Book::open(&rig).await;
    let of_web = |kind: &str, evidence: Value| {
        json!({
            "kind": kind, "source": "request", "rule": "REVOKE-04", "user": "subject-of-alice", "client": "web",
            "grant": grant, "evidence": evidence,
        })
    };
    for (member, kind) in [("refresh_token", "refresh token"), ("access_token", "access token")] {
        let token = tokens.member(member);
        assert_eq!(post(&rig, "/revoke", "robot", &[("token", &token)]).await.status, 200);
        let lines = log.text();
        let mut tried = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let tried = tried.rfind(|line| line["event"] == "revocation_of_anothers_token").unwrap();
        assert_eq!((&tried["rule"], &tried["grant"]), (&json!("REVOKE-02"), &json!(grant)));
        let evidence = &tried["evidence"];
        assert_eq!((&evidence["tried_by"], &evidence["token"]), (&json!("robot"), &json!(kind)));
    }
    assert_eq!(book.told(&rig).await, [] as [Value; 0], "another's attempt changes nothing, and is in the log alone");

    assert_eq!(post(&rig, "/revoke", "web", &[("token", &tokens.member("access_token"))]).await.status, 200);
    assert_eq!(book.told(&rig).await, [of_web("access_token_ended", json!({ "jti": jti }))]);
    assert_eq!(post(&rig, "/revoke", "web", &[("token", &tokens.member("refresh_token"))]).await.status, 200);
    assert_eq!(book.told(&rig).await, [of_web("token_given_back", json!({ "because": "given_back" }))]);
    assert_eq!(post(&rig, "/revoke", "web", &[("token", &tokens.member("refresh_token"))]).await.status, 200);
    assert_eq!(book.told(&rig).await, [] as [Value; 0], "given back before");
}

/// Takes out how long after its first use a token was shown: the one thing that a clock decides.
fn seconds_in(told: &mut Value) -> u32 {
    let seconds = told["evidence"].as_object_mut().unwrap().remove("seconds_after_first_use").unwrap();
    seconds.as_str().unwrap().parse().unwrap()
}

// proves: LOG-04
#[tokio::test]
async fn a_race_a_retry_and_a_theft_leave_events_with_what_tells_them_apart() {
    let rig = Rig::development().await;
    let first = tokens_of_web(&rig).await;
    let token = first.member("refresh_token");
    let mut book = Book::open(&rig).await;
    let lost = refresh(&rig, &token).await;
    assert_eq!(book.told(&rig).await, [] as [Value; 0], "a refresh that simply works");
    let about = |kind: &str, rule: &str, refusal: Option<&str>, mut evidence: Value| {
        let showing = json!({ "token": "spent", "generation": "0", "shown_from": HERE, "sent_to": HERE });
        evidence.as_object_mut().unwrap().extend(showing.as_object().unwrap().clone());
        let mut event = json!({
            "kind": kind, "source": "request", "rule": rule, "user": "subject-of-alice", "client": "web",
            "grant": grant_of(&first), "evidence": evidence,
        });
        event.as_object_mut().unwrap().extend(refusal.map(|refusal| ("refusal".to_owned(), json!(refusal))));
        event
    };
    let ended = |answer: &Answer| json!({ "jti": jti_of(answer) });

    let again = refresh(&rig, &token).await;
    let mut told = book.told(&rig).await;
    assert!(seconds_in(&mut told[0]) <= 1, "this computer is too slow for a race");
    assert_eq!(told, [about("refresh_raced", "REFRESH-10", None, ended(&lost))]);

    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let second = refresh(&rig, &token).await;
    let mut told = book.told(&rig).await;
    assert!(seconds_in(&mut told[0]) >= 2);
    assert_eq!(told, [about("refresh_retried", "REFRESH-10", None, ended(&again))]);

    assert_eq!(refresh(&rig, &second.member("refresh_token")).await.status, 200);
    assert_eq!(refresh(&rig, &token).await.error(), "invalid_grant");
    let because = json!({ "because": "refresh_token_reused" });
    let theft = about("refresh_token_reused", "REFRESH-09", Some("RefreshTokenReused"), because);
    assert_eq!(book.told(&rig).await, [theft]);
    assert_eq!(refresh(&rig, &token).await.error(), "invalid_grant");
    assert_eq!(book.told(&rig).await, [] as [Value; 0], "its grant has ended already");
}

// proves: LOG-04
#[tokio::test]
async fn a_replayed_code_leaves_one_event_about_its_grant() {
    let rig = Rig::development().await;
    let code = rig.browser().code(&Asking::of_web()).await;
    let grant = grant_of(&rig.redeem(&code).await);
    let mut book = Book::open(&rig).await;
    assert_eq!(rig.redeem(&code).await.error(), "invalid_grant");
    let replayed = json!({
        "kind": "code_replayed", "source": "request", "rule": "CODE-04", "refusal": "CodeReplayed",
        "user": "subject-of-alice", "client": "web", "grant": grant, "evidence": { "because": "code_replayed" },
    });
    assert_eq!(book.told(&rig).await, [replayed]);
}

// proves: LOG-04
#[tokio::test]
async fn what_a_user_lets_a_client_do_is_told_with_its_extent() {
    let rig = Rig::development().await;
    let mut book = Book::open(&rig).await;
    let asking = Asking::of_web().with("scope", "boxes:list mail:send offline_access");
    let asking = asking.and("resource", &rig.shop.id()).and("resource", MAIL);
    let mut browser = rig.browser();
    let page = browser.consent_page(&asking).await;
    let answer = browser.allow(&page.form("consent").tick("away", "yes")).await;
    let grant = grant_of(&rig.redeem(&answer.parameter("code").unwrap()).await);
    let whose = |kind: &str, rule: &str| json!({ "kind": kind, "source": "request", "rule": rule, "user": "subject-of-alice", "client": "web" });
    let told = book.told(&rig).await;
    let mut signed_in = whose("signed_in", "SESS-02");
    signed_in["evidence"] = json!({ "from": HERE });
    let mut granted = whose("granted", "CONSENT-01");
    granted["grant"] = json!(grant);
    granted["evidence"] = json!({
        "scopes": "boxes:list mail:send offline_access", "resources": format!("{} {MAIL}", rig.shop.id()), "things": "0",
        "lasts": "also when the user is away",
    });
    assert_eq!([&told[0], told.last().unwrap()], [&signed_in, &granted], "{told:?}");
}
