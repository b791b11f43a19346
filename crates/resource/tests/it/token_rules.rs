//! Every way a token can be bad, over HTTP. The rules themselves are tested with the tokens; here is shown that each
//! reaches the client.

use crate::api::{Api, Reply};
use crate::issuer::{Issuer, NOW, RESOURCE};
use grantd_tokens::{Algorithm, Jwk, PrivateKey, Seconds, jws};
use serde_json::{Value, json};

fn assert_invalid_token(refused: &Reply, sentence: &str) {
    let description = refused.body["error_description"].as_str().unwrap();
    assert!(description.contains(sentence), "{description:?} does not say {sentence:?}");
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("invalid_token")), "{sentence}");
    assert!(refused.challenge.as_ref().unwrap().contains(r#"error="invalid_token""#));
}

// proves: RS-03, RS-06, RS-07
#[tokio::test]
async fn each_broken_rule_has_its_sentence() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let with = |claim: &str, value: Value| issuer.token_with(|claims| drop(claims.insert(claim.into(), value)));
    let stranger = PrivateKey::generate(Algorithm::EdDsa).unwrap();
    let good = issuer.token();
    let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(86));
    let id_token = jws::sign("JWT", &issuer.key, &issuer.granted()).unwrap();
    let logout_token = jws::sign("logout+jwt", &issuer.key, &issuer.granted()).unwrap();
    let request_object = jws::sign("oauth-authz-req+jwt", &issuer.key, &issuer.granted()).unwrap();
    for (token, sentence) in [
        ("opaque".to_owned(), "not a signed JWT as RFC 9068 describes: a JWT has three parts"),
        (format!("{good}="), "signature is not base64url"),
        (id_token, "its `typ` is JWT, not at+jwt (was an ID token sent?)"),
        (logout_token, "its `typ` is logout+jwt"),
        (request_object, "its `typ` is oauth-authz-req+jwt"),
        (issuer.token_by(&stranger), "which is not among the keys of the issuer"),
        (forged, "the signature of the token is not valid"),
        (
            with("iss", json!("https://other.example")),
            "from the issuer https://other.example; this API takes tokens from http",
        ),
        (
            with("aud", json!("https://other.example")),
            "for https://other.example; this API is https://api.example/boxes",
        ),
        (with("exp", json!(NOW)), "expired 0 seconds ago"),
        (with("nbf", json!(NOW + Seconds(60))), "`nbf` is 60 seconds ahead"),
        (with("iat", json!(NOW + Seconds(60))), "`iat` is 60 seconds ahead"),
        (with("exp", json!("soon")), "the claim `exp` of the token is not of the kind"),
        (issuer.token_with(|claims| drop(claims.remove("client_id"))), "no claim `client_id`"),
        (with("cnf", json!({"jkt": "x"})), "bound to a key and cannot be used as a bearer token"),
    ] {
        assert_invalid_token(&api.get("/boxes", &token).await, sentence);
    }
    assert_eq!(api.handled(), 0);
    assert_eq!(api.get("/boxes", &good).await.status, 200);
    assert_eq!(api.get("/boxes", &with("aud", json!(["https://other.example", RESOURCE]))).await.status, 200);
}

// proves: RS-06
#[tokio::test]
async fn a_token_ends_while_the_api_runs() {
    let issuer = Issuer::start().await;
    let api = Api::start(&issuer).await;
    let token = issuer.token_with(|claims| drop(claims.insert("exp".into(), json!(NOW + Seconds(30)))));
    api.clock.advance(Seconds(29));
    assert_eq!(api.get("/boxes", &token).await.status, 200);
    api.clock.advance(Seconds(1));
    assert_invalid_token(&api.get("/boxes", &token).await, "expired 0 seconds ago");
}

#[tokio::test]
async fn every_algorithm_of_the_issuer_is_understood() {
    let issuer = Issuer::start().await;
    let keys = Algorithm::ALL.map(|algorithm| PrivateKey::generate(algorithm).unwrap());
    issuer.publish(&keys.each_ref().map(PrivateKey::jwk));
    let api = Api::start(&issuer).await;
    for key in &keys {
        assert_eq!(api.get("/boxes", &issuer.token_by(key)).await.status, 200, "{}", key.algorithm());
    }
}

// proves: RS-08
#[tokio::test]
async fn keys_of_one_issuer_are_no_keys_of_another() {
    let (one, other) = (Issuer::start().await, Issuer::start().await);
    let api_of_one = Api::start(&one).await;
    let api_of_other = Api::start(&other).await;
    assert_eq!(api_of_other.get("/boxes", &other.token()).await.status, 200);
    // The other issuer's key, with claims that name the first: a key that the process knows, but not for this issuer.
    let crossed = one.token_by(&other.key);
    assert_invalid_token(&api_of_one.get("/boxes", &crossed).await, "which is not among the keys of the issuer");
    // Even under a name that both use.
    let same_name = Jwk::new(one.key.kid(), other.key.public().clone()).unwrap();
    other.publish(&[&same_name]);
    assert_invalid_token(&Api::start(&other).await.get("/boxes", &one.token()).await, "signature");
}
