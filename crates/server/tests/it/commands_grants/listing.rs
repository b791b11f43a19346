//! `grantd grant list` and `grantd grant show`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Child;

use grantd_protocol::changes::Change;
use grantd_protocol::facts::Lookup;
use grantd_protocol::names::{AccessTokenId, DetailTypeName};
use grantd_protocol::records::{Detail, Grant};
use grantd_tokens::{Seconds, Secret, Time};
use serde_json::json;

use super::{Office, another, of_both, of_posting};
use crate::rig::{Asking, MAIL};

/// The grant of this id, as the store has it.
async fn stored(office: &Office, id: &str) -> Grant {
    let lookup = Lookup { access_token_id: Some(AccessTokenId::new(format!("{id}.x"))), ..Lookup::default() };
    office.rig.app.store.load(&office.rig.app.settings.issuer, &lookup).await.unwrap().grant.unwrap()
}

#[tokio::test]
async fn grants_are_listed_by_user_client_resource_time_and_state() {
    let office = Office::open().await;
    let alice = office.tokens("alice", &of_both(&office.rig)).await.grant();
    let bob = office.tokens("bob", &Asking::of_web()).await.grant();
    let posting = office.tokens("bob", &of_posting()).await.grant();
    let session = office.session().await;
    let yesterday = Time(grantd::env::now().0 - 86_400);
    let old = another(&stored(&office, &alice).await, "old", session, yesterday);
    office.rig.put(vec![Change::AddGrant(Grant { last_used_at: yesterday, ..old })]).await;
    office.done(&["grant", "revoke", &posting]);

    let sorted = |arguments: &[&str]| {
        let mut ids = office.listed(arguments);
        ids.sort();
        ids
    };
    let these = |ids: &[&str]| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        ids.sort();
        ids
    };
    let (mail, storage) = (MAIL, office.rig.shop.id());
    for (arguments, expected) in [
        (&[][..], &[alice.as_str(), &bob, "old"][..]),
        (&["--all"], &[&alice, &bob, "old", &posting]),
        (&["--ended"], &[&posting]),
        (&["--user", "alice"], &[&alice, "old"]),
        (&["--user", "subject-of-alice"], &[&alice, "old"]),
        (&["--user", "ALICE"], &[&alice, "old"]),
        (&["--user", "carol"], &[]),
        (&["--client", "posting"], &[]),
        (&["--client", "posting", "--all"], &[&posting]),
        (&["--client", "web", "--user", "bob", "--all"], &[&bob]),
        (&["--resource", mail], &[&alice, "old"]),
        (&["--resource", &storage, "--user", "bob"], &[&bob]),
        (&["--since", "2h"], &[&alice, &bob]),
        (&["--until", "2h"], &["old"]),
        (&["--since", "2d", "--until", "2h"], &["old"]),
        (&["--since", "2020-01-01", "--until", "2020-02-01T00:00:00Z"], &[]),
        (&["--used-since", "2h"], &[&alice, &bob]),
    ] {
        assert_eq!(sorted(arguments), these(expected), "{arguments:?}");
    }
    let newest_first = office.listed(&["--all", "--limit", "4"]);
    assert_eq!(newest_first.last().map(String::as_str), Some("old"));
    let cut = office.done(&["grant", "list", "--all", "--limit", "3"]);
    assert_eq!(cut.out.lines().count(), 1 + 3, "{cut:?}");
    assert!(cut.err.contains("note: there are more"), "{cut:?}");
    assert!(!office.done(&["grant", "list", "--all", "--limit", "4"]).err.contains("there are more"));
}

#[tokio::test]
async fn a_list_and_a_grant_look_like_this() {
    let office = Office::open().await;
    let model = office.tokens("alice", &Asking::of_web()).await.grant();
    let (model, session) = (stored(&office, &model).await, office.session().await);
    office.done(&["grant", "revoke", model.id.as_str()]);
    let of_a_box = Detail {
        resource: model.resources[0].clone(),
        type_name: DetailTypeName::new("lockbox"),
        actions: vec!["read".to_owned()],
        identifier: Some("box-1\u{1b}[31m".to_owned()),
        fields: BTreeMap::new(),
    };
    let shaped = another(&model, "a-grant-with-a-box", session, grantd::env::now());
    office.rig.put(vec![Change::AddGrant(Grant { details: vec![of_a_box], ..shaped })]).await;
    let list = office.json(&["grant", "list"]);
    let [grant] = list.as_array().unwrap().as_slice() else { panic!("{list}") };
    let storage = office.rig.shop.id();
    let first =
        json!({ "type": "lockbox", "locations": [storage], "actions": ["read"], "identifier": "box-1\u{1b}[31m" });
    let expected = json!({
        "grant": "a-grant-with-a-box",
        "user": "alice",
        "user_id": "subject-of-alice",
        "client": "web",
        "since": grant["since"],
        "last_used": grant["last_used"],
        "until": grant["until"],
        "state": "standing",
        "ended_at": null,
        "because": null,
        "why": null,
        "resources": [storage],
        "scopes": ["boxes:list", "letters:read"],
        "authorization_details": [first],
        "lasts": "while_signed_in",
    });
    assert_eq!(*grant, expected);
    assert!(grant["since"].as_str().unwrap().ends_with('Z'));

    let shown = office.json(&["grant", "show", "a-grant-with-a-box"]);
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(shown[member], *value, "{member}");
    }
    let lines = office.done(&["grant", "show", "a-grant-with-a-box"]).out;
    assert!(lines.contains("lockbox box-1\\u{1b}[31m (read)"), "{lines}");
    let table = office.done(&["grant", "list"]).out;
    assert!(table.starts_with("GRANT ") && table.contains("  alice "), "{table}");
}

#[tokio::test]
async fn the_lineage_of_a_grant_is_told_token_by_token_without_a_secret() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    let mut jtis = vec![tokens.jti()];
    let mut spent = Vec::new();
    for _ in 0..3 {
        spent.push(tokens.rotate(&office).await);
        jtis.push(tokens.jti());
    }
    let shown = office.json(&["grant", "show", &tokens.grant()]);
    let [code] = shown["codes"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert!(code["redeemed_at"].is_string() && code["wrong_verifiers"] == 0, "{code}");
    let refresh_tokens = shown["refresh_tokens"].as_array().unwrap();
    let said = |member: &str| refresh_tokens.iter().map(|token| token[member].clone()).collect::<Vec<_>>();
    assert_eq!(said("generation"), [0, 1, 2, 3]);
    assert_eq!(said("state"), ["spent", "spent", "spent", "unspent"]);
    let beside: Vec<_> = said("beside").iter().map(|beside| beside["jti"].clone()).collect();
    assert_eq!(beside, jtis);
    assert_eq!(said("sent_to"), vec![json!("203.0.113.0/24"); 4]);
    assert_eq!(shown["generations_not_kept"], 0);

    let lines = office.done(&["grant", "show", &tokens.grant()]).out;
    for line in ["code ", "refresh 0 ", "refresh 3 ", "unspent, good until "] {
        assert!(lines.contains(line), "{line}: {lines}");
    }
    for secret in spent.iter().chain([&tokens.code, &tokens.access, &tokens.refresh]) {
        let digest = Secret::new(secret.as_str()).hash().to_base64url();
        for told in [&lines, &shown.to_string()] {
            assert!(!told.contains(secret.as_str()) && !told.contains(&digest));
        }
    }
}

#[tokio::test]
async fn no_token_of_an_ended_grant_is_called_good() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    tokens.rotate(&office).await;
    office.done(&["grant", "revoke", &tokens.grant()]);
    let lines = office.done(&["grant", "show", &tokens.grant()]).out;
    assert!(lines.contains("unspent, ended with its grant "), "{lines}");
    assert!(lines.contains(&format!("{}, ended with its grant ", tokens.jti())), "{lines}");
    assert!(!lines.contains("good until") && !lines.contains(", until "), "{lines}");
}

#[tokio::test]
async fn generations_that_are_no_longer_kept_are_said_to_be_so() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    for _ in 0..3 {
        tokens.rotate(&office).await;
    }
    let later = grantd::env::now() + Seconds::hours(3);
    office.rig.app.store.sweep(&office.rig.app.settings.issuer, later).await.unwrap();
    let shown = office.json(&["grant", "show", &tokens.grant()]);
    assert_eq!(shown["generations_not_kept"], 3);
    assert_eq!(shown["refresh_tokens"].as_array().unwrap().len(), 1);
    let lines = office.done(&["grant", "show", &tokens.grant()]).out;
    assert!(lines.contains("refresh 0–2  spent long ago, no longer kept one by one"), "{lines}");
}

#[tokio::test]
async fn what_is_not_there_or_not_understood_is_said() {
    let office = Office::open().await;
    for (arguments, code, says) in [
        (&["grant", "list", "--user", "nobody"][..], 1, "there is no user \"nobody\""),
        (&["grant", "list", "--user", "two words"], 1, "there is no user \"two words\""),
        (&["grant", "list", "--client", "nothing"], 1, "there is no client \"nothing\""),
        (&["grant", "list", "--resource", "https://no.example/"], 1, "there is no resource"),
        (&["grant", "show", "nothing"], 1, "there is no grant \"nothing\""),
        (&["grant", "revoke", "nothing"], 1, "there is no grant \"nothing\""),
        (&["grant", "list", "--since", "soon"], 2, "write how long ago"),
        (&["grant", "list", "--since", "2026-02-30"], 2, "write how long ago"),
        (&["grant", "list", "--ended", "--all"], 2, "cannot be used with"),
        (&["grant", "list", "--limit", "0"], 2, "0 is not in"),
        (&["grant", "revoke"], 2, "name a grant by its id"),
        (&["grant", "revoke", "one", "--user", "alice"], 2, "cannot be used with"),
        (&["grant", "revoke", "--user", "alice", "--yes", "--dry-run"], 2, "cannot be used with"),
    ] {
        let ended = office.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(says), "{arguments:?}: {ended:?}");
    }
    assert_eq!(office.done(&["grant", "list"]).out, "no such grants\n");
    assert_eq!(office.json(&["grant", "list"]), json!([]));
}

/// The most memory that the process has used so far, in KiB.
fn peak_of(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn ten_thousand_grants_are_listed_in_the_memory_that_a_few_need() {
    const MANY: usize = 10_000;
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web().for_boxes()).await;
    let (model, session) = (stored(&office, &tokens.grant()).await, office.session().await);
    let now = grantd::env::now();
    for thousand in 0..MANY / 1_000 {
        let numbers = thousand * 1_000..(thousand + 1) * 1_000;
        let grants = numbers.map(|number| another(&model, &format!("grant-{number:05}"), session, now));
        office.rig.put(grants.map(Change::AddGrant).collect()).await;
    }
    // It waits in the middle of a line, for nobody reads on: that is when it has used the most.
    let peak_after = |lines: usize, limit: &str| {
        let mut child = office.command(&["grant", "list", "--json", "--limit", limit]).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut output = output.lines().map(Result::unwrap);
        let mut read: Vec<String> = output.by_ref().take(lines).collect();
        let peak = peak_of(&child);
        read.extend(output);
        assert!(child.wait().unwrap().success());
        (peak, read)
    };
    let (few, _) = peak_after(600, "1000");
    let (many, lines) = peak_after(MANY - 500, "100000");
    let list: serde_json::Value = serde_json::from_str(&lines.join("")).unwrap();
    assert_eq!(list.as_array().unwrap().len(), MANY + 1);
    assert!(many < few + 16 * 1024, "{few} KiB for a thousand, {many} KiB for {MANY}");
}

#[tokio::test]
async fn an_id_may_begin_with_a_hyphen() {
    let office = Office::open().await;
    let model = office.tokens("alice", &Asking::of_web()).await.grant();
    let (model, session) = (stored(&office, &model).await, office.session().await);
    for id in ["-hyphen", "--yes-", "-h_"] {
        office.rig.put(vec![Change::AddGrant(another(&model, id, session, grantd::env::now()))]).await;
        assert_eq!(office.json(&["grant", "show", id])["grant"], id);
        assert_eq!(office.json(&["grant", "revoke", id])["ended"], 1);
    }
}
