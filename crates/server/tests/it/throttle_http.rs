//! Signing in: what a wrong attempt tells, and how many there may be.

use std::time::Duration;

use grantd_tokens::Seconds;

use crate::rig::{Answer, Asking, PASSWORD, Rig, Setup};

/// All of an answer that may not differ.
fn comparable(answer: &Answer, username: &str) -> String {
    let csrf = answer.form("login").get("csrf").unwrap().to_owned();
    let request = answer.form("login").get("request").unwrap().to_owned();
    let reference = answer.header("x-request-id").unwrap().to_owned();
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    let body = [csrf, request, reference, username.to_owned()]
        .iter()
        .fold(answer.body.clone(), |body, value| if value.is_empty() { body } else { body.replace(value, "…") });
    format!("{} {headers:?} {body}", answer.status)
}

// proves: LOGIN-01
#[tokio::test]
async fn an_unknown_a_disabled_and_a_wrong_one_are_told_the_same() {
    let rig = Rig::behind_a_proxy().await;
    let mut answers = Vec::new();
    // All of one length, so that nothing but the name differs.
    for (username, password) in [
        ("alice", "wrong"),
        ("carol", PASSWORD),
        ("carol", "wrong"),
        ("nobod", "wrong"),
        ("nobod", PASSWORD),
        ("a b c", "wrong"),
    ] {
        let mut browser = rig.browser();
        let page = browser.open("/authorize", &Asking::of_web()).await;
        let answer = browser.sign_in(&page, username, password).await;
        assert_eq!(answer.status, 200);
        assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
        assert!(answer.body.contains("do not fit together"), "{answer:?}");
        answers.push(comparable(&answer, username));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

// proves: LOGIN-04
#[tokio::test]
async fn too_many_attempts_make_the_right_password_wait_too() {
    let rig =
        Setup::behind_a_proxy().with(|settings| settings.limits.sign_ins_per_account_and_network = 2).start().await;
    let mut browser = rig.browser();
    let page = browser.open("/authorize", &Asking::of_web()).await;
    for _ in 0..2 {
        assert_eq!(browser.sign_in(&page, "alice", "wrong").await.status, 200);
    }
    let right = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!((right.status, right.header("retry-after"), right.location()), (429, Some("60"), None), "{right:?}");
    assert!(right.headers.get("set-cookie").is_none());
    assert!(right.body.contains("too many attempts"), "{right:?}");
    let unknown = browser.sign_in(&page, "nobod", "wrong").await;
    assert_eq!(unknown.status, 200, "another account is not held back");
    let mut elsewhere = rig.browser_from("198.51.100.1");
    let there = elsewhere.open("/authorize", &Asking::of_web()).await;
    assert_eq!(elsewhere.sign_in(&there, "alice", PASSWORD).await.status, 303, "strangers lock nobody out");
}

// proves: LOGIN-04
#[tokio::test]
async fn accounts_that_do_not_exist_are_throttled_as_those_that_do() {
    let rig =
        Setup::behind_a_proxy().with(|settings| settings.limits.sign_ins_per_account_and_network = 1).start().await;
    let mut statuses = Vec::new();
    for username in ["alice", "carol", "nobod"] {
        let mut browser = rig.browser();
        let page = browser.get("/login").await;
        let first = browser.sign_in(&page, username, "wrong").await;
        let second = browser.sign_in(&page, username, "wrong").await;
        statuses.push((first.status, second.status, comparable(&second, username)));
    }
    assert_eq!((statuses[0].0, statuses[0].1), (200, 429));
    assert!(statuses.iter().all(|status| *status == statuses[0]), "{statuses:#?}");
}

// proves: LOGIN-04
#[tokio::test]
async fn one_network_cannot_try_one_password_on_everybody() {
    let rig = Setup::behind_a_proxy().with(|settings| settings.limits.sign_ins_per_network = 2).start().await;
    let mut browser = rig.browser();
    let page = browser.get("/login").await;
    assert_eq!(browser.sign_in(&page, "nobod", "wrong").await.status, 200);
    assert_eq!(browser.sign_in(&page, "carol", "wrong").await.status, 200);
    assert_eq!(browser.sign_in(&page, "alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn after_the_window_the_right_password_opens_again() {
    let limits = |settings: &mut grantd_protocol::settings::Settings| {
        settings.limits.sign_ins_per_account_and_network = 1;
        settings.limits.attempt_window = Seconds(2);
    };
    let rig = Setup::behind_a_proxy().with(limits).start().await;
    let mut browser = rig.browser();
    let page = browser.get("/login").await;
    browser.sign_in(&page, "alice", "wrong").await;
    let opened = async {
        while browser.sign_in(&page, "alice", PASSWORD).await.status != 303 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), opened).await.expect("nobody is locked out for good");
}
