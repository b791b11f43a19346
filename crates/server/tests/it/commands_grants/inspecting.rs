//! `grantd token inspect`: what a token is, and whether it would be accepted, without using it.

use std::io::Write as _;

use grantd_protocol::changes::Change;
use grantd_protocol::records::AccessTokenFormat;
use grantd_tokens::{Algorithm, PrivateKey, Seconds, Secret};
use serde_json::{Value, json};

use super::{Office, Tokens, of_posting};
use crate::introspect_http::storage_takes;
use crate::rig::Asking;

impl Office {
    /// Looks at a token, for people and for machines: the code and the JSON. Neither tells the token.
    fn inspect(&self, text: &str) -> (i32, Value) {
        let (looked_at, said) = self.look_at(text);
        let digest = Secret::new(text).hash().to_base64url();
        // A jti may be told.
        let is_secret = text.matches('.').count() != 1;
        assert!(!(is_secret && said.contains(text)), "it tells the token: {said}");
        assert!(!said.contains(&digest), "it tells the digest: {said}");
        looked_at
    }

    /// And all that was said.
    fn look_at(&self, text: &str) -> ((i32, Value), String) {
        let people = self.run_with(&["token", "inspect"], text);
        let machines = self.run_with(&["token", "inspect", "-", "--json"], &format!("{text}\n"));
        assert_eq!(people.code, machines.code, "{people:?} {machines:?}");
        let said = [people.out, people.err, machines.out.clone(), machines.err].concat();
        let json = serde_json::from_str(&machines.out).unwrap_or_else(|error| panic!("{error}: {said}"));
        ((machines.code, json), said)
    }

    #[track_caller]
    fn assert_good(&self, text: &str, kind: &str) -> Value {
        let (code, said) = self.inspect(text);
        assert_eq!((code, &said["accepted"]), (0, &json!(true)), "{said}");
        assert!(said["kind"].as_str().unwrap().starts_with(kind), "{said}");
        assert!(said["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{said}");
        said
    }

    #[track_caller]
    fn assert_refused(&self, text: &str, refusal: &str, why: &str) -> Value {
        let (code, said) = self.inspect(text);
        assert_eq!((code, &said["accepted"]), (1, &json!(false)), "{said}");
        assert_eq!(said["refusal"], refusal, "{said}");
        assert!(said["why"].as_str().unwrap().contains(why), "{said}");
        if let Some(last) = said["checks"].as_array().unwrap().last() {
            assert_eq!((&last["refusal"], &last["passed"]), (&json!(refusal), &json!(false)), "{said}");
        }
        said
    }

    /// Everything that is kept of a grant.
    fn kept(&self, tokens: &Tokens) -> Value {
        self.json(&["grant", "show", &tokens.grant()])
    }
}

#[tokio::test]
async fn looking_at_a_token_agrees_with_what_happens_to_it_and_changes_nothing() {
    let office = Office::open().await;
    let mut browser = office.rig.browser();
    let code = browser.code(&Asking::of_web()).await;
    office.assert_good(&code, "authorization code");
    let answer = office.redeem("web", &code).await;
    let mut tokens = Tokens::of(&answer, "web".to_owned(), code, browser);
    office.assert_refused(&tokens.code, "CodeReplayed", "it was redeemed before");

    let before = office.kept(&tokens);
    let access = office.assert_good(&tokens.access, "access token");
    assert_eq!(access["access_token"]["jti"], tokens.jti());
    assert_eq!(access["access_token"]["scope"], "boxes:list letters:read");
    assert_eq!((&access["grant"]["user"], &access["grant"]["client"]), (&json!("alice"), &json!("web")));
    assert_eq!(office.assert_good(&tokens.refresh, "refresh token, generation 0")["why"], Value::Null);
    assert_eq!(office.kept(&tokens), before, "nothing was changed");

    let first = tokens.rotate(&office).await;
    let retry = office.assert_good(&first, "refresh token, generation 0");
    assert!(retry["why"].as_str().unwrap().contains("REFRESH-10"), "{retry}");
    tokens.rotate(&office).await;
    let before = office.kept(&tokens);
    let spent = office.assert_refused(&first, "RefreshTokenReused", "it was spent before");
    assert_eq!((&spent["rule"], spent["consequence"].is_string()), (&json!("REFRESH-09"), true));
    assert_eq!(office.kept(&tokens), before, "a stolen token that is looked at ends nothing");
    office.assert_good(&tokens.refresh, "refresh token, generation 2");

    let later = grantd::env::now() + Seconds::hours(3);
    office.rig.app.store.sweep(&office.rig.app.settings.issuer, later).await.unwrap();
    let long_ago = office.assert_refused(&first, "RefreshTokenReused", "it was spent before");
    assert!(long_ago["kind"].as_str().unwrap().contains("spent long ago"), "{long_ago}");

    assert_eq!(office.refresh("web", &first).await.error(), "invalid_grant");
    let why = "a spent refresh token was shown again";
    let ended = office.assert_refused(&tokens.refresh, "RefreshGrantGone", why);
    assert_eq!(ended["grant"]["because"], "refresh_token_reused");
    office.assert_refused(&tokens.access, "AccessTokenGrantGone", why);
}

#[tokio::test]
async fn an_opaque_token_is_known_by_itself_and_by_its_name() {
    let office = Office::open().await;
    storage_takes(&office.rig, AccessTokenFormat::Opaque).await;
    let answer = {
        let code = office.rig.browser().code(&Asking::of_web()).await;
        office.redeem("web", &code).await
    };
    let opaque = answer.member("access_token");
    let said = office.assert_good(&opaque, "access token");
    let jti = said["access_token"]["jti"].as_str().unwrap().to_owned();
    assert_eq!(office.assert_good(&jti, "access token")["access_token"], said["access_token"]);
    let grant = jti.split('.').next().unwrap();
    office.done(&["grant", "revoke", grant]);
    office.assert_refused(&opaque, "AccessTokenGrantGone", "an operator ended it");
    office.assert_refused(&jti, "AccessTokenGrantGone", "an operator ended it");
}

#[tokio::test]
async fn a_token_is_known_by_the_name_of_it_or_of_its_grant() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let (code, said) = office.inspect(&tokens.jti());
    assert_eq!((code, &said["accepted"]), (0, &json!(true)), "{said}");
    assert_eq!(said["kind"], "access token, by name; issued beside refresh token 0");
    let given = office.json(&["token", "inspect", &tokens.grant()]);
    assert_eq!((&given["kind"], &given["verdict"]), (&json!("grant"), &json!("the grant stands")));

    let back = [("token", tokens.access.as_str())];
    assert_eq!(crate::introspect_http::post(&office.rig, "/revoke", "web", &back).await.status, 200);
    office.assert_refused(&tokens.access, "AccessTokenEnded", "ended before its time");
    let (code, said) = office.inspect(&tokens.jti());
    assert!(code == 1 && said["why"].as_str().unwrap().starts_with("the token ended before its time"), "{said}");
    office.done(&["grant", "revoke", &tokens.grant()]);
    for id in [tokens.grant(), tokens.jti()] {
        let ((code, said), _) = office.look_at(&id);
        assert_eq!((code, &said["accepted"]), (1, &json!(false)), "{said}");
    }
}

#[tokio::test]
async fn whoever_is_gone_is_named_as_the_reason() {
    let office = Office::open().await;
    let mut tokens = office.tokens("alice", &Asking::of_web()).await;
    office.done(&["client", "disable", "web"]);
    office.assert_refused(&tokens.refresh, "ClientDisabled", "its client is disabled");
    office.assert_refused(&tokens.access, "AccessTokenEnded", "with all that its client held");
    office.done(&["client", "enable", "web"]);
    office.assert_refused(&tokens.refresh, "RefreshGrantGone", "the client was disabled");

    tokens = office.tokens("bob", &of_posting()).await;
    office.done(&["user", "disable", "bob"]);
    office.assert_refused(&tokens.refresh, "RefreshGrantGone", "the user was disabled");
    office.assert_refused(&tokens.access, "AccessTokenGrantGone", "the user was disabled");
    assert_eq!(office.inspect(&tokens.access).1["grant"]["user"], "bob");

    office.done(&["client", "remove", "posting"]);
    office.assert_refused(&tokens.refresh, "NoSuchClient", "not registered any more");
}

#[tokio::test]
async fn what_was_signed_elsewhere_or_with_a_key_that_is_gone_is_said_to_be_so() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let keys = office.json(&["key", "list"]);
    office.done(&["key", "remove", keys[0]["kid"].as_str().unwrap(), "--yes"]);
    office.assert_refused(&tokens.access, "ShownTokenUnknown", "which was removed");

    let mut claims = grantd_tokens::AccessTokenClaims {
        iss: "https://another.example".to_owned(),
        sub: "somebody".to_owned(),
        aud: "https://api.example".to_owned(),
        client_id: "something".to_owned(),
        exp: grantd::env::now() + Seconds(300),
        iat: grantd::env::now(),
        jti: "a-token".to_owned(),
        scope: None,
        authorization_details: Vec::new(),
        auth_time: None,
        acr: None,
    };
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    office.assert_refused(&claims.mint(&stranger).unwrap(), "ShownTokenUnknown", "is not one of this server");
    let own = office.rig.app.keys.fresh().await.unwrap();
    let own = own.signing(Algorithm::Es256, grantd::env::now()).unwrap();
    office.assert_refused(
        &claims.mint(&own).unwrap(),
        "ShownTokenUnknown",
        "another issuer, \"https://another.example\"",
    );
    claims.iss = "https://id.example".to_owned();
    office.assert_refused(&claims.mint(&own).unwrap(), "AccessTokenClientGone", "its client");
    let id_token = grantd_tokens::jws::sign("JWT", &own, &claims).unwrap();
    office.assert_refused(&id_token, "ShownTokenUnknown", "not at+jwt");
}

#[tokio::test]
async fn a_mangled_token_is_told_what_is_wrong_with_it() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let cut = |text: &str| text[..text.len() - 5].to_owned();
    let changed = |text: &str| {
        let (start, last) = text.split_at(text.len() - 12);
        format!("{start}{}{}", if last.starts_with('A') { 'B' } else { 'A' }, &last[1..])
    };
    let two_parts = tokens.access.rsplit_once('.').unwrap().0.to_owned();
    for (text, why) in [
        (cut(&tokens.refresh), "it has 71 characters"),
        (changed(&tokens.refresh), "looks like a refresh token"),
        (changed(&tokens.code), "looks like an opaque access token"),
        (cut(&tokens.access), "signature"),
        (changed(&tokens.access), "signature does not fit"),
        (two_parts, "three parts"),
        (format!("{} {}", tokens.access, tokens.refresh), "base64url"),
        ("eyJ.eyJ.AAAA".to_owned(), "its header is not"),
        ("what is this?".to_owned(), "such characters"),
        ("x".repeat(70_000), "characters"),
    ] {
        office.assert_refused(&text, "ShownTokenUnknown", why);
    }
    let bearer = format!("  Bearer {}  ", tokens.access);
    assert_eq!(office.run_with(&["token", "inspect"], &bearer).code, 0, "as it stands in a header");
    let by_argument = office.run(&["token", "inspect", &tokens.refresh]);
    assert_eq!(by_argument.code, 0, "{by_argument:?}");
    for nothing in ["", " \n"] {
        assert_eq!(office.run_with(&["token", "inspect"], nothing).code, 2);
    }
    let mut child = office.command(&["token", "inspect"]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&[0xff, 0xfe, 0x00, 0x80]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(74), "no text at all: {output:?}");
}

#[tokio::test]
async fn a_resource_that_is_gone_leaves_a_refresh_token_without_a_use() {
    let office = Office::open().await;
    let tokens = office.tokens("alice", &Asking::of_web()).await;
    let resource = grantd_protocol::names::ResourceId::new(office.rig.shop.id());
    office.rig.put(vec![Change::RemoveResource { resource }]).await;
    office.assert_refused(&tokens.refresh, "TargetNotGranted", "not registered");
    assert_eq!(office.refresh("web", &tokens.refresh).await.error(), "invalid_target");
}
