//! Two tabs of one app that refresh at once, over real connections: what came last is kept, and works.

use std::time::{Duration, Instant};

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
