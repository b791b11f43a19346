//! What a handler learns.

use crate::api::{Api, Lockbox};
use crate::issuer::{Issuer, NOW};
use grantd_tokens::Seconds;
use serde::Deserialize;
use serde_json::json;

// proves: RS-10
#[tokio::test]
async fn a_handler_learns_who_by_whom_and_for_what() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let identifier = issuer.identifier();
    assert_eq!(
        api.get("/whoami", &issuer.token()).await.body,
        json!({
            "issuer": identifier, "subject": "alice", "client_id": "web", "scopes": ["boxes:read", "profile"],
            "token_id": "grant-1.token-1", "expires_at": NOW + Seconds::days(7), "authenticated_at": NOW - Seconds(60),
            "acr": "pwd", "principal": [identifier, "alice"],
        })
    );
}

// proves: RS-10
#[tokio::test]
async fn equal_subjects_of_two_issuers_are_two_people() {
    let (one, other) = (Issuer::start().await, Issuer::start().await);
    let one = Api::start(&one).await.guard.verify(&one.token()).await.unwrap();
    let other = Api::start(&other).await.guard.verify(&other.token()).await.unwrap();
    assert_eq!(one.subject(), other.subject());
    assert_ne!(one.principal(), other.principal());
}

// proves: RS-10
#[tokio::test]
async fn details_are_read_by_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Parcel {
        weight: u32,
    }
    let issuer = Issuer::start().await;
    let access = Api::start(&issuer).await.guard.verify(&issuer.token()).await.unwrap();
    assert_eq!(access.details::<Lockbox>("lockbox").unwrap(), [Lockbox { boxes: vec![1, 3] }]);
    assert_eq!(access.details::<Parcel>("parcel").unwrap(), [Parcel { weight: 7 }]);
    assert_eq!(access.details::<Parcel>("letter").unwrap(), []);
}

#[tokio::test]
async fn details_that_are_only_half_understood_are_none() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let odd = json!([{"type": "lockbox", "boxes": [1]}, {"type": "lockbox", "boxes": "all"}]);
    let token = issuer.token_with(|claims| drop(claims.insert("authorization_details".into(), odd)));
    let refused = api.get("/boxes", &token).await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_token")));
    let sentence = refused.body["error_description"].as_str().unwrap();
    assert!(sentence.contains("authorization details of type lockbox"), "{sentence}");
    assert_eq!(api.get("/boxes", &issuer.token()).await.body, json!([{"boxes": [1, 3]}]));
}
