//! What a refused client is told, byte by byte (RFC 6750 §3, RFC 9728 §5.1).

use crate::api::{Api, reply};
use crate::issuer::{Issuer, NOW};
use grantd_tokens::Seconds;
use reqwest::Method;
use serde_json::json;

const REALM: &str = r#"Bearer realm="https://api.example/boxes""#;
const METADATA: &str = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource/boxes""#;

// proves: RS-01, RS-12
#[tokio::test]
async fn a_request_without_a_token_is_told_where_tokens_come_from() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let refused = reply(api.request(Method::GET, "/boxes")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.challenge, Some(format!("{REALM}, {METADATA}")));
    let sentence = format!(
        "this API needs an access token from {} in the header: Authorization: Bearer <token>",
        issuer.identifier()
    );
    assert_eq!(refused.body, json!({ "error_description": sentence }));
    assert_eq!(api.handled(), 0);
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: RS-03
#[tokio::test]
async fn a_bad_token_is_told_which_rule_it_broke() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let expired = issuer.token_with(|claims| drop(claims.insert("exp".into(), json!(NOW - Seconds(90)))));
    let refused = api.get("/boxes", &expired).await;
    let sentence = "the token expired 90 seconds ago";
    let challenge = format!(r#"{REALM}, error="invalid_token", error_description="{sentence}", {METADATA}"#);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.challenge, Some(challenge));
    assert_eq!(refused.body, json!({"error": "invalid_token", "error_description": sentence}));
    assert_eq!(api.handled(), 0);
}

// proves: RS-02
#[tokio::test]
async fn a_malformed_request_is_told_so() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let refused = api.get_with("/boxes", &[b"Bearer"]).await;
    let sentence = "the Authorization header is not of the form: Bearer <token>";
    let challenge = format!(r#"{REALM}, error="invalid_request", error_description="{sentence}", {METADATA}"#);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.challenge, Some(challenge));
    assert_eq!(refused.body, json!({"error": "invalid_request", "error_description": sentence}));
}

// proves: RS-04
#[tokio::test]
async fn a_missing_scope_is_named() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let poor = issuer.token_with(|claims| drop(claims.insert("scope".into(), json!("boxes:rea boxes:read2 profile"))));
    let refused = api.get("/boxes", &poor).await;
    let sentence = "this needs the scope boxes:read, which the token does not have";
    let challenge = format!(
        r#"{REALM}, error="insufficient_scope", error_description="{sentence}", scope="boxes:read", {METADATA}"#
    );
    assert_eq!(refused.status, 403);
    assert_eq!(refused.challenge, Some(challenge));
    assert_eq!(refused.body, json!({"error": "insufficient_scope", "error_description": sentence}));
    assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: RS-04
#[tokio::test]
async fn a_route_that_requires_a_scope_does_not_run_without_it() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let refused = reply(api.request(Method::POST, "/write").bearer_auth(issuer.token())).await;
    assert_eq!(refused.status, 403);
    assert!(refused.challenge.unwrap().contains(r#"scope="boxes:write""#));
    let rich = issuer.token_with(|claims| drop(claims.insert("scope".into(), json!("boxes:read boxes:write"))));
    let written = reply(api.request(Method::POST, "/write").bearer_auth(rich)).await;
    assert_eq!((written.status, written.body), (200, json!("written")));
    assert_eq!(api.get("/profile", &issuer.token()).await.body, json!("profile"));
}

#[tokio::test]
async fn several_missing_scopes_are_asked_for_at_once() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let access = api.guard.verify(&issuer.token()).await.unwrap();
    assert!(access.require_scopes(&["boxes:read", "profile"]).is_ok());
    let refusal = access.require_scopes(&["boxes:read", "boxes:write"]).unwrap_err();
    assert!(refusal.challenge().unwrap().contains(r#"scope="boxes:read boxes:write""#));
}

#[tokio::test]
async fn no_text_can_end_the_quotes_or_the_header_line() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let refused = api.get("/forbidden", &issuer.token()).await;
    let sentence = "box 2 is not among ?yours???Set-Cookie: stolen=??";
    let challenge = format!(r#"{REALM}, error="insufficient_scope", error_description="{sentence}", {METADATA}"#);
    assert_eq!(refused.status, 403);
    assert_eq!(refused.challenge, Some(challenge));
    assert_eq!(refused.body["error_description"], sentence);
    let access = api.guard.verify(&issuer.token()).await.unwrap();
    let endless = access.forbid("x".repeat(100_000)).challenge().unwrap();
    assert!(endless.len() < 1_000, "{}", endless.len());
}
