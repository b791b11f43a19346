//! The events that an operator's commands leave: who, which client and grant, by which rule, and what shows it.

use serde_json::{Value, json};

use super::Office;
use crate::events_http::Book;
use crate::rig::Asking;

/// An event of the command line.
fn told(kind: &str, rule: &str, mut about: Value) -> Value {
    let said = json!({ "kind": kind, "source": "command_line", "rule": rule });
    about.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    about
}

// proves: LOG-04
#[tokio::test]
async fn a_grant_that_an_operator_ends_is_told_with_whose_it_was_and_why() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let mut book = Book::open(&office.rig).await;
    office.done(&["grant", "revoke", &tokens.grant(), "--dry-run"]);
    assert_eq!(book.told(&office.rig).await, [] as [Value; 0], "a dry run");
    office.done(&["grant", "revoke", &tokens.grant()]);
    let whose = json!({
        "user": "subject-of-alice", "client": "web", "grant": tokens.grant(),
        "evidence": { "because": "ended_by_operator" },
    });
    let events = book.told(&office.rig).await;
    assert_eq!(events[0], told("grant_revoked", "INV-01", whose));
    let forgotten = json!({ "user": "subject-of-alice", "client": "web" });
    assert_eq!(events[1..], [told("consent_forgotten", "CONSENT-05", forgotten)]);
}

// proves: LOG-04
#[tokio::test]
async fn clients_and_users_that_are_switched_off_and_passwords_that_are_set_are_told() {
    let office = Office::open().await;
    office.tokens("alice", &Asking::of_web()).await;
    let mut book = Book::open(&office.rig).await;
    let (web, alice) = (|| json!({ "client": "web" }), || json!({ "user": "subject-of-alice" }));
    for (command, event) in [
        (["client", "disable", "web"], told("client_disabled", "INV-03", web())),
        (["client", "enable", "web"], told("client_enabled", "ADMIN-05", web())),
        (["user", "disable", "alice"], told("user_disabled", "INV-02", alice())),
        (["user", "enable", "alice"], told("user_enabled", "ADMIN-05", alice())),
    ] {
        office.done(&command);
        assert_eq!(book.told(&office.rig).await, [event], "{command:?}");
    }
    let set = office.run_with(&["user", "set-password", "alice", "--password-stdin"], "letters for a rainy day\n");
    assert_eq!(set.code, 0, "{set:?}");
    assert_eq!(book.told(&office.rig).await, [told("password_set", "REFRESH-16", alice())]);
}

// proves: LOG-04
#[tokio::test]
async fn each_key_that_is_made_or_given_up_is_told_by_its_name() {
    let office = Office::open().await;
    let mut book = Book::open(&office.rig).await;
    let first = office.json(&["key", "list"])[0]["kid"].as_str().unwrap().to_owned();
    let made = office.json(&["key", "rotate"])[0]["kid"].as_str().unwrap().to_owned();
    let of = |mut events: Vec<Value>| {
        for event in &mut events {
            let from = event["evidence"].as_object_mut().unwrap().remove("active_from").unwrap();
            assert!(from.as_str().unwrap().parse::<i64>().is_ok(), "{from}");
        }
        events
    };
    let named = |kid: &str| json!({ "evidence": { "kid": kid, "algorithm": "ES256" } });
    assert_eq!(of(book.told(&office.rig).await), [told("key_made", "KEYS-02", named(&made))]);
    office.done(&["key", "remove", &first, "--yes"]);
    let (removed, heir) =
        (told("key_removed", "KEYS-03", named(&first)), told("key_activated", "KEYS-02", named(&made)));
    assert_eq!(of(book.told(&office.rig).await), [removed, heir]);
}
