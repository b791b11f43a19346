//! RFC 9728: what this API says about itself.

use crate::api::{Api, builder, reply};
use crate::issuer::{Issuer, NOW, RESOURCE};
use axum::Router;
use grantd_resource::{Guard, SteppedClock};
use reqwest::Method;
use serde_json::json;

// proves: RS-12
#[tokio::test]
async fn the_metadata_is_open_and_says_where_tokens_come_from() {
    let issuer = Issuer::start().await;
    let clock = SteppedClock::at(NOW);
    let guard = builder(&issuer, &clock)
        .name("Lockboxes")
        .scopes(["boxes:read", "boxes:write"])
        .details_types(["lockbox"])
        .build()
        .unwrap();
    let api = Api::serve(guard, clock).await;
    let path = "/.well-known/oauth-protected-resource/boxes";
    let response = api.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let document: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        document,
        json!({
            "resource": RESOURCE,
            "authorization_servers": [issuer.identifier()],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["boxes:read", "boxes:write"],
            "authorization_details_types_supported": ["lockbox"],
            "resource_name": "Lockboxes",
        })
    );
    // What a client of RFC 9728 does: from the challenge to the document.
    let challenge = reply(api.request(Method::GET, "/boxes")).await.challenge.unwrap();
    assert!(challenge.contains(&format!("resource_metadata=\"https://api.example{path}\"")), "{challenge}");
}

#[tokio::test]
async fn what_is_not_configured_is_not_mentioned() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let document = reply(api.request(Method::GET, "/.well-known/oauth-protected-resource/boxes")).await.body;
    let mut members: Vec<&String> = document.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["authorization_servers", "bearer_methods_supported", "resource"]);
}

// proves: RS-12
#[tokio::test]
async fn the_well_known_part_stands_before_the_path_of_the_resource() {
    for (resource, metadata_url) in [
        ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/a/b", "https://api.example/.well-known/oauth-protected-resource/a/b"),
        ("https://api.example:8443/a/", "https://api.example:8443/.well-known/oauth-protected-resource/a/"),
        ("https://api.example/:id/*", "https://api.example/.well-known/oauth-protected-resource/:id/*"),
        ("https://api.example/{id}", "https://api.example/.well-known/oauth-protected-resource/%7Bid%7D"),
    ] {
        let guard = Guard::builder("https://issuer.example", resource).build().unwrap();
        assert_eq!(guard.metadata().resource, resource);
        let _: Router = guard.metadata_routes();
        let refusal = guard.verify("").await.unwrap_err();
        assert_eq!(refusal.status(), 503);
        let challenge = format!("{:?}", guard.clone());
        assert!(challenge.contains(&format!("metadata_url: {metadata_url:?}")), "{challenge}");
    }
}
