//! `grantd grant revoke`: what ends, what stays, and that nothing of what ended works any more.

use serde_json::json;

use super::{Office, of_both, of_posting};
use crate::revocation_feed::said;
use crate::rig::{Asking, MAIL};

#[tokio::test]
async fn a_revoked_grant_ends_at_once_with_all_that_hangs_on_it_and_no_other_does() {
    let office = Office::open().await;
    let ended = office.tokens("alice", &Asking::of_web()).await;
    let other = office.tokens("bob", &Asking::of_web()).await;
    assert!(office.is_active(&ended.access).await);

    let dry = office.done(&["grant", "revoke", &ended.grant(), "--dry-run"]);
    assert!(dry.out.contains(&ended.grant()), "{dry:?}");
    assert!(office.is_active(&ended.access).await, "a dry run changes nothing");
    assert_eq!(office.json(&["grant", "revoke", &ended.grant()]), json!({ "ended": 1, "narrowed": 0 }));

    assert!(!office.is_active(&ended.access).await);
    assert!(!office.refresh_token_is_active(&ended.refresh).await);
    assert!(said(&office.rig, &ended.access).await.is_some() && said(&office.rig, &other.access).await.is_none());
    assert_eq!(office.refresh("web", &ended.refresh).await.error(), "invalid_grant");
    assert_eq!(office.redeem("web", &ended.code).await.error(), "invalid_grant");
    let shown = office.json(&["grant", "show", &ended.grant()]);
    assert_eq!((&shown["state"], &shown["because"]), (&json!("ended"), &json!("ended_by_operator")));
    assert_eq!(shown["why"], "an operator ended it");

    assert!(office.is_active(&other.access).await);
    assert_eq!(office.refresh("web", &other.refresh).await.status, 200);
    let again = office.run(&["grant", "revoke", &ended.grant()]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("has ended already") && again.err.contains("an operator ended it"), "{again:?}");
}

#[tokio::test]
async fn a_client_whose_grant_was_revoked_has_to_ask_its_user_again() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    let silent = tokens.browser.open("/authorize", &Asking::of_web()).await;
    assert!(silent.parameter("code").is_some(), "agreed to before: {silent:?}");
    office.done(&["grant", "revoke", &tokens.grant()]);
    let asked = tokens.browser.open("/authorize", &Asking::of_web()).await;
    assert!(asked.has_form("consent"), "{asked:?}");
}

#[tokio::test]
async fn several_at_once_are_counted_first_and_end_when_the_operator_is_sure() {
    let office = Office::open().await;
    let alice = [office.tokens("alice", &Asking::of_web()).await, office.tokens("alice", &of_posting()).await];
    let bob = office.tokens("bob", &Asking::of_web()).await;
    let unsure = office.run(&["grant", "revoke", "--user", "alice"]);
    assert_eq!(unsure.code, 1, "{unsure:?}");
    assert!(unsure.err.contains("2 grants would end") && unsure.err.contains("--yes"), "{unsure:?}");
    let dry = office.done(&["grant", "revoke", "--user", "alice", "--dry-run"]);
    assert!(alice.iter().all(|tokens| dry.out.contains(&tokens.grant())), "{dry:?}");
    assert!(dry.err.contains("2 grants would end; nothing was changed"), "{dry:?}");
    for tokens in &alice {
        assert!(office.is_active(&tokens.access).await, "nothing was changed");
    }

    let done = office.done(&["grant", "revoke", "--user", "alice", "--yes"]);
    assert_eq!(done.out, "2 grants ended\n");
    for tokens in &alice {
        assert!(!office.is_active(&tokens.access).await);
        assert_eq!(office.refresh(&tokens.client, &tokens.refresh).await.error(), "invalid_grant");
    }
    assert!(office.is_active(&bob.access).await);
    let again = office.done(&["grant", "revoke", "--user", "alice", "--yes"]);
    assert_eq!(again.out, "0 grants ended\n");
    assert!(again.err.contains("no standing grant"), "{again:?}");
    let nobody = office.run(&["grant", "revoke", "--user", "nobody", "--yes"]);
    assert!(nobody.code == 1 && nobody.err.contains("there is no user"), "{nobody:?}");
}

#[tokio::test]
async fn what_one_client_holds_ends_for_one_user_or_for_all_and_only_if_it_is_recent_enough() {
    let office = Office::open().await;
    let alice = office.tokens("alice", &Asking::of_web()).await;
    let bob = office.tokens("bob", &Asking::of_web()).await;
    let posting = office.tokens("bob", &of_posting()).await;
    assert_eq!(office.done(&["grant", "revoke", "--client", "web", "--until", "1h", "--yes"]).out, "0 grants ended\n");
    assert_eq!(office.done(&["grant", "revoke", "--client", "web", "--user", "bob", "--yes"]).out, "1 grant ended\n");
    assert!(office.is_active(&alice.access).await && !office.is_active(&bob.access).await);
    assert!(office.is_active(&posting.access).await);
    assert_eq!(office.done(&["grant", "revoke", "--client", "web", "--since", "1h", "--yes"]).out, "1 grant ended\n");
    assert!(!office.is_active(&alice.access).await);
    assert!(office.is_active(&posting.access).await);
}

#[tokio::test]
async fn a_resource_is_taken_out_of_a_grant_that_stays_for_the_others() {
    let office = Office::open().await;
    let storage = office.rig.shop.id();
    let both = office.tokens("alice", &of_both(&office.rig).for_boxes()).await;
    let only = office.tokens("bob", &Asking::of_web()).await;
    let mail_only = office.tokens("bob", &of_posting().with("scope", "mail:send").and("resource", MAIL)).await;
    assert!(office.is_active(&both.access).await && office.is_active(&only.access).await);

    let unsure = office.run(&["grant", "revoke", "--resource", &storage]);
    let says = "1 grant would end, 1 grant would lose this resource and keep the others";
    assert!(unsure.code == 1 && unsure.err.contains(says), "{unsure:?}");
    let done = office.json(&["grant", "revoke", "--resource", &storage, "--yes"]);
    assert_eq!(done, json!({ "ended": 1, "narrowed": 1 }));

    assert!(!office.is_active(&both.access).await && !office.is_active(&only.access).await);
    assert_eq!(office.refresh("web", &only.refresh).await.error(), "invalid_grant");
    let shown = office.json(&["grant", "show", &both.grant()]);
    assert_eq!((&shown["state"], &shown["resources"]), (&json!("standing"), &json!([MAIL])));
    assert_eq!((&shown["scopes"], &shown["authorization_details"]), (&json!(["mail:send"]), &json!([])));
    let looked_at = office.run_with(&["token", "inspect"], &both.refresh);
    assert!(looked_at.code == 0, "it is good for the other one: {looked_at:?}");
    let trade = |resource: &'static str| {
        [("grant_type", "refresh_token"), ("refresh_token", both.refresh.as_str()), ("resource", resource)]
    };
    let storage: &'static str = Box::leak(storage.into_boxed_str());
    assert_eq!(office.token("web", &trade(storage)).await.error(), "invalid_target");
    let next = office.token("web", &trade(MAIL)).await;
    assert_eq!((next.status, next.member("scope")), (200, "mail:send".to_owned()), "{next:?}");
    assert_eq!(office.refresh("posting", &mail_only.refresh).await.status, 200);
    assert_eq!(office.done(&["grant", "revoke", "--resource", storage, "--yes"]).out, "0 grants ended\n");
}

#[tokio::test]
async fn operators_who_take_back_the_same_at_once_take_it_back_once() {
    let office = Office::open().await;
    for _ in 0..8 {
        office.tokens("alice", &of_both(&office.rig)).await;
    }
    let arguments = ["grant", "revoke", "--resource", MAIL, "--yes", "--json"];
    let children: Vec<_> = (0..4).map(|_| office.command(&arguments).spawn().unwrap()).collect();
    let mut narrowed = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["ended"], 0);
        narrowed += told["narrowed"].as_u64().unwrap();
    }
    assert_eq!(narrowed, 8);
    assert_eq!(office.listed(&["--resource", MAIL]).len(), 0);
    assert_eq!(office.listed(&[]).len(), 8);
}
