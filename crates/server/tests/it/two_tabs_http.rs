//! Two tabs of one app that refresh at once, over real connections: what came last is kept, and works.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use grantd_protocol::facts::Lookup;
use grantd_protocol::records::Spending;
use grantd_tokens::Secret;
use tokio::task::JoinSet;

use crate::rig::{Answer, Asking, Rig, VERIFIER};

async fn refresh(rig: &Rig, token: &str) -> (Answer, Instant) {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "page")];
    let answer = rig.token(&fields).await;
    (answer, arrived())
}

#[expect(clippy::disallowed_methods, reason = "the order in which two answers arrive is what is tested")]
fn arrived() -> Instant {
    Instant::now()
}

async fn first_token(rig: &Rig) -> String {
    let code = rig.browser().code(&Asking::of("page", "https://page.example/callback")).await;
    let redemption =
        [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER), ("client_id", "page")];
    rig.token(&redemption).await.member("refresh_token")
}

/// Both tabs read the same storage, send what they find, and write what they get: the later answer wins.
async fn live_through(rig: &Rig, rounds: usize) {
    let mut stored = first_token(rig).await;
    for round in 0..rounds {
        let ((one, one_at), (other, other_at)) = tokio::join!(refresh(rig, &stored), refresh(rig, &stored));
        assert_eq!((one.status, other.status), (200, 200), "round {round}: {one:?} {other:?}");
        let (earlier, later) = if one_at < other_at { (one, other) } else { (other, one) };
        let apart = one_at.max(other_at).duration_since(one_at.min(other_at));
        assert!(apart > Duration::from_millis(200), "round {round}: {apart:?}");
        assert_ne!(earlier.member("refresh_token"), later.member("refresh_token"));
        stored = later.member("refresh_token");
    }
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_stay_signed_in_with_whatever_came_last() {
    let rig = Rig::development().await;
    let (rig, rounds) = (&rig, 10);
    tokio::join!(live_through(rig, rounds), live_through(rig, rounds), live_through(rig, rounds));
}

/// Two tabs, one of which repeats what it sent because its connection ended: what the other is given is replaced, too.
#[tokio::test]
async fn of_three_uses_at_once_the_answers_come_one_after_the_other_and_the_last_one_lives() {
    let rig = Rig::development().await;
    let mut stored = first_token(&rig).await;
    for round in 0..5 {
        let (one, two, three) = tokio::join!(refresh(&rig, &stored), refresh(&rig, &stored), refresh(&rig, &stored));
        let mut answers = [one, two, three];
        answers.sort_by_key(|(_, at)| *at);
        for pair in answers.windows(2) {
            let [(_, earlier), (_, later)] = pair else { panic!("{pair:?}") };
            assert!(later.duration_since(*earlier) > Duration::from_millis(200), "round {round}: {answers:?}");
        }
        stored = answers[2].0.member("refresh_token");
    }
    assert_eq!(refresh(&rig, &stored).await.0.status, 200);
}

/// A client that retries without a pause, or a page open in many tabs: nobody is told that the server is too busy.
#[tokio::test]
async fn of_fifty_uses_of_one_token_at_once_all_are_answered_and_one_answer_lives() {
    let rig = Arc::new(Rig::development().await);
    let token = first_token(&rig).await;
    let mut uses = JoinSet::new();
    for _ in 0..50 {
        let (rig, token) = (Arc::clone(&rig), token.clone());
        uses.spawn(async move { refresh(&rig, &token).await.0 });
    }
    let answers = uses.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let given: BTreeSet<_> = answers.iter().map(|answer| answer.member("refresh_token")).collect();
    assert_eq!(given.len(), 50);
    let mut live = 0;
    for token in &given {
        let lookup = Lookup { refresh_token: Some(Secret::new(token).hash()), ..Lookup::default() };
        let facts = rig.app.store.load(&rig.app.settings.issuer, &lookup).await.unwrap();
        live += usize::from(facts.refresh_token.unwrap().spending == Spending::Unspent);
    }
    assert_eq!(live, 1);
}

// proves: REFRESH-10
#[tokio::test]
async fn beyond_a_hundred_more_a_token_is_refused_without_a_time_to_come_again_and_its_answer_is_as_good_as_ever() {
    let rig = Arc::new(Rig::development().await);
    let token = first_token(&rig).await;
    let mut answers = Vec::new();
    for at_once in [40, 40, 21, 5] {
        let mut uses = JoinSet::new();
        for _ in 0..at_once {
            let (rig, token) = (Arc::clone(&rig), token.clone());
            uses.spawn(async move { refresh(&rig, &token).await.0 });
        }
        answers.extend(uses.join_all().await);
    }
    assert!(answers[..101].iter().all(|answer| answer.status == 200), "{answers:?}");
    for refused in &answers[101..] {
        assert_eq!((refused.status, refused.error().as_str()), (429, "temporarily_unavailable"));
        assert_eq!(refused.header("retry-after"), None, "later it would be taken for stolen");
    }
    let mut working = 0;
    for answer in &answers[..101] {
        let token = answer.member("refresh_token");
        let lookup = Lookup { refresh_token: Some(Secret::new(&token).hash()), ..Lookup::default() };
        let facts = rig.app.store.load(&rig.app.settings.issuer, &lookup).await.unwrap();
        if facts.refresh_token.unwrap().spending == Spending::Unspent {
            working += 1;
            assert_eq!(refresh(&rig, &token).await.0.status, 200);
        }
    }
    assert_eq!(working, 1);
}

/// Only what replaces another answer waits.
#[tokio::test]
async fn an_ordinary_refresh_is_not_held_back() {
    let rig = Rig::development().await;
    let mut token = first_token(&rig).await;
    let began = arrived();
    for _ in 0..4 {
        let (answer, _) = refresh(&rig, &token).await;
        token = answer.member("refresh_token");
    }
    assert!(arrived().duration_since(began) < Duration::from_millis(1_600), "four would wait at least as long");
}
