//! Where the keys are is taken from the issuer's own metadata, and from nothing else (RFC 8414 §3).

use crate::api::{Api, builder};
use crate::issuer::{Issuer, NOW, Page};
use grantd_resource::{FetchFault, Guard, IssuerFault, SteppedClock};
use serde_json::{Value, json};

/// What the guard of a fresh API finds wrong.
async fn fault(issuer: &Issuer) -> IssuerFault {
    let guard = builder(issuer, &SteppedClock::at(NOW)).build().unwrap();
    assert_eq!(guard.verify(&issuer.token()).await.unwrap_err().status(), 503);
    guard.ready().await.unwrap_err()
}

// proves: STATE-03
#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    let issuer = Issuer::start().await;
    let expected = issuer.identifier();
    for found in [format!("{expected}/"), expected.to_uppercase(), "https://a.example".into(), String::new()] {
        let mut metadata = issuer.metadata();
        metadata["issuer"] = json!(found);
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        assert_eq!(fault(&issuer).await, IssuerFault::AnotherIssuer { found, expected: expected.clone() });
        assert_eq!(issuer.asked("/jwks"), 0);
    }
    issuer.put(&issuer.metadata_path(), Page::json(&issuer.metadata()));
    assert_eq!(Api::start(&issuer).await.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: STATE-03, RS-08
#[tokio::test]
async fn keys_come_over_https_or_from_this_machine_in_development() {
    let issuer = Issuer::start().await;
    for (uri, expected) in [
        (json!("http://keys.example/jwks"), IssuerFault::InsecureJwksUri),
        (json!("ftp://127.0.0.1/jwks"), IssuerFault::InsecureJwksUri),
        (json!("/jwks"), IssuerFault::NoJwksUri),
        (json!(7), IssuerFault::NoJwksUri),
        (Value::Null, IssuerFault::NoJwksUri),
    ] {
        let mut metadata = issuer.metadata();
        metadata["jwks_uri"] = uri;
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        assert_eq!(fault(&issuer).await, expected);
    }
}

#[tokio::test]
async fn whoever_starts_the_api_is_told_what_is_wrong_with_the_issuer() {
    let issuer = Issuer::start().await;
    let url = format!("{}{}", issuer.identifier(), issuer.metadata_path());
    let large = Page { status: 200, body: "x".repeat(256 * 1024 + 1), ..Page::default() };
    for (page, expected) in [
        (Page { status: 500, ..Page::default() }, FetchFault::Status(500)),
        (Page { status: 304, ..Page::default() }, FetchFault::Status(304)),
        (large, FetchFault::TooLarge),
    ] {
        issuer.put(&issuer.metadata_path(), page);
        assert_eq!(fault(&issuer).await, IssuerFault::Fetch { url: url.clone(), fault: expected });
    }
    let closed = Guard::builder("http://127.0.0.1:1", "https://api.example").development().build().unwrap();
    let sentence = closed.ready().await.unwrap_err().to_string();
    assert_eq!(
        sentence,
        "http://127.0.0.1:1/.well-known/oauth-authorization-server could not be fetched: no connection"
    );
}

#[tokio::test]
async fn the_well_known_part_stands_before_the_path_of_the_issuer() {
    for path in ["", "/", "/tenant", "/tenant/", "/a/b"] {
        let issuer = Issuer::start_at(path).await;
        let api = Api::start(&issuer).await;
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 200, "{path}");
        assert_eq!(issuer.asked(&issuer.metadata_path()), 1, "{path}");
    }
}

#[tokio::test]
async fn an_issuer_that_knows_only_openid_discovery_is_found() {
    let issuer = Issuer::start_at("/tenant").await;
    issuer.put(&issuer.metadata_path(), Page { status: 404, ..Page::default() });
    issuer.put("/tenant/.well-known/openid-configuration", Page::json(&issuer.metadata()));
    assert_eq!(Api::start(&issuer).await.get("/boxes", &issuer.token()).await.status, 200);
    // Only where there is no RFC 8414 metadata: trouble there is not a reason to look elsewhere.
    issuer.put(&issuer.metadata_path(), Page { status: 500, ..Page::default() });
    assert_eq!(Api::start(&issuer).await.get("/boxes", &issuer.token()).await.status, 503);
}

#[tokio::test]
async fn metadata_that_is_no_strict_json_is_not_used() {
    let issuer = Issuer::start().await;
    let good = issuer.metadata().to_string();
    let twice = good.replacen('{', r#"{"issuer":"https://attacker.example","#, 1);
    for body in [twice, "[]".into(), String::new(), format!("{good} x")] {
        issuer.put(&issuer.metadata_path(), Page { status: 200, body: body.clone(), ..Page::default() });
        let guard = builder(&issuer, &SteppedClock::at(NOW)).build().unwrap();
        assert!(guard.ready().await.is_err(), "{body}");
    }
}
