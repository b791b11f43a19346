//! A user disabled, a client disabled or removed, a key given up: each is one durable change, after which nothing of it works.

use serde_json::{Value, json};

use super::{Office, Tokens, of_posting};
use crate::revocation_feed::said;
use crate::rig::Asking;

async fn assert_nothing_works(office: &Office, tokens: &Tokens) {
    assert!(!office.is_active(&tokens.access).await, "introspection of the access token");
    assert!(said(&office.rig, &tokens.access).await.is_some(), "the revocation feed");
    assert!(!office.refresh_token_is_active(&tokens.refresh).await, "introspection of the refresh token");
    assert!(office.refresh(&tokens.client, &tokens.refresh).await.status >= 400, "the refresh token");
    assert!(office.redeem(&tokens.client, &tokens.code).await.status >= 400, "the code");
}

fn state(office: &Office, tokens: &Tokens) -> (Value, Value) {
    let shown = office.json(&["grant", "show", &tokens.grant()]);
    (shown["state"].clone(), shown["because"].clone())
}

#[tokio::test]
async fn a_disabled_user_takes_sessions_and_grants_along_and_is_told_of_in_numbers() {
    let office = Office::open().await;
    let mut web = office.tokens("alice", &Asking::of_web()).await;
    let posting = office.tokens("alice", &of_posting()).await;
    let bob = office.tokens("bob", &Asking::of_web()).await;
    let disabled = office.json(&["user", "disable", "alice"]);
    let ended = json!({ "grants": 2, "clients": ["posting", "web"], "users": 1 });
    assert_eq!(disabled, json!({ "disabled": "alice", "ended": ended }));
    for tokens in [&web, &posting] {
        assert_nothing_works(&office, tokens).await;
        assert_eq!(state(&office, tokens), (json!("ended"), json!("credentials_changed")));
    }
    let page = web.browser.open("/authorize", &Asking::of_web()).await;
    assert!(page.has_form("login"), "the session has ended: {page:?}");
    assert!(office.is_active(&bob.access).await);
    assert!(said(&office.rig, &bob.access).await.is_none());

    let again = office.done(&["user", "disable", "alice"]);
    assert_eq!(again.out, "alice is locked out; sessions have ended; no grant stood\n");
    office.done(&["user", "enable", "alice"]);
    for tokens in [&web, &posting] {
        assert_nothing_works(&office, tokens).await;
    }
}

#[tokio::test]
async fn a_new_password_and_a_removed_user_say_what_they_ended() {
    let office = Office::open().await;
    let alice = office.tokens("alice", &Asking::of_web()).await;
    let bob = office.tokens("bob", &Asking::of_web()).await;
    let set = office.run_with(&["user", "set-password", "alice", "--password-stdin"], "letters for a rainy day\n");
    assert_eq!(set.out, "alice has a new password; sessions have ended; 1 grant ended, to web\n", "{set:?}");
    assert_nothing_works(&office, &alice).await;
    let removed = office.done(&["user", "remove", "bob"]);
    assert_eq!(removed.out, "bob is removed; sessions have ended; 1 grant ended, to web\n");
    assert_nothing_works(&office, &bob).await;
    let left = office.json(&["grant", "list", "--user", "subject-of-bob", "--all"]);
    assert_eq!((&left[0]["user"], &left[0]["state"]), (&json!("subject-of-bob"), &json!("ended")));
}

#[tokio::test]
async fn a_removed_client_takes_along_what_it_was_granted() {
    let office = Office::open().await;
    let alice = office.tokens("alice", &of_posting()).await;
    let bob = office.tokens("bob", &of_posting()).await;
    let web = office.tokens("bob", &Asking::of_web()).await;
    let removed = office.json(&["client", "remove", "posting"]);
    let ended = json!({ "grants": 2, "clients": ["posting"], "users": 2 });
    assert_eq!(removed, json!({ "removed": "posting", "ended": ended }));
    for tokens in [&alice, &bob] {
        assert_nothing_works(&office, tokens).await;
        assert_eq!(state(&office, tokens), (json!("ended"), json!("client_removed")));
    }
    assert!(office.is_active(&web.access).await);
}

#[tokio::test]
async fn a_disabled_client_takes_along_what_it_was_granted_and_what_is_its_own() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let own = [("grant_type", "client_credentials"), ("scope", "boxes:list"), ("resource", &office.rig.shop.id())];
    let own = office.token("robot", &own).await.member("access_token");
    assert!(office.is_active(&own).await);
    let disabled = office.json(&["client", "disable", "web"]);
    assert_eq!((&disabled["status"], &disabled["ended"]["grants"]), (&json!("disabled"), &json!(1)));
    assert!(!office.is_active(&tokens.access).await && said(&office.rig, &tokens.access).await.is_some());
    assert_eq!(office.refresh("web", &tokens.refresh).await.error(), "invalid_client");
    office.done(&["client", "enable", "web"]);
    assert_nothing_works(&office, &tokens).await;

    assert!(said(&office.rig, &own).await.is_none());
    office.done(&["client", "disable", "robot"]);
    assert!(said(&office.rig, &own).await.is_some(), "its own token, too");
    office.done(&["client", "enable", "robot"]);
    assert!(!office.is_active(&own).await, "and it stays dead");
}

#[tokio::test]
async fn a_key_that_was_given_up_takes_its_tokens_along_and_no_grant() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    let keys = office.json(&["key", "list"]);
    let kid = keys[0]["kid"].as_str().unwrap();
    office.done(&["key", "remove", kid, "--yes"]);
    assert!(!office.is_active(&tokens.access).await, "signed with a key that is given up");
    tokens.rotate(&office).await;
    assert!(office.is_active(&tokens.access).await, "signed with the next key");
}
