//! Where the keys are is taken from the issuer's own metadata, and from nothing else (RFC 8414 §3).

use crate::api::{Api, builder};
use crate::issuer::{Issuer, NOW, Page};
use grantd_resource::SteppedClock;
use serde_json::{Value, json};

// proves: STATE-03
#[tokio::test]
async fn metadata_of_another_issuer_is_not_used() {
    let issuer = Issuer::start().await;
    let identifier = issuer.identifier();
    for named in
        [json!(format!("{identifier}/")), json!(identifier.to_uppercase()), json!("https://a.example"), Value::Null]
    {
        let mut metadata = issuer.metadata();
        metadata["issuer"] = named.clone();
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        let api = Api::start(&issuer).await;
        assert_eq!(api.get("/boxes", &issuer.token()).await.status, 503, "{named}");
        assert_eq!(issuer.asked("/jwks"), 0, "{named}");
    }
    issuer.put(&issuer.metadata_path(), Page::json(&issuer.metadata()));
    assert_eq!(Api::start(&issuer).await.get("/boxes", &issuer.token()).await.status, 200);
}

// proves: STATE-03
#[tokio::test]
async fn keys_come_over_https_or_from_this_machine_in_development() {
    let issuer = Issuer::start().await;
    for uri in [json!("http://keys.example/jwks"), json!("ftp://127.0.0.1/jwks"), json!("/jwks"), json!(7), Value::Null]
    {
        let mut metadata = issuer.metadata();
        metadata["jwks_uri"] = uri.clone();
        issuer.put(&issuer.metadata_path(), Page::json(&metadata));
        assert_eq!(Api::start(&issuer).await.get("/boxes", &issuer.token()).await.status, 503, "{uri}");
    }
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
