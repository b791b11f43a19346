use grantd_demo::metadata::Metadata;
use grantd_demo::redirect::IssParameter;
use serde_json::json;

const ISSUER: &str = "https://issuer.example/tenant";

fn document(issuer: &str) -> serde_json::Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": "https://issuer.example/tenant/authorize",
        "token_endpoint": "https://issuer.example/tenant/token",
        "revocation_endpoint": "https://issuer.example/tenant/revoke",
        "authorization_response_iss_parameter_supported": true,
        "something_new": [1, 2],
    })
}

fn parse(document: &serde_json::Value) -> Result<Metadata, String> {
    Metadata::parse(document.to_string().as_bytes(), ISSUER)
}

// proves: STATE-03
#[test]
fn endpoints_are_taken_only_from_a_document_of_exactly_this_issuer() {
    let metadata = parse(&document(ISSUER)).unwrap();
    assert_eq!(metadata.token_endpoint, "https://issuer.example/tenant/token");
    for other in [
        "https://issuer.example/tenant/",
        "https://issuer.example",
        "https://ISSUER.example/tenant",
        "https://attacker.example",
    ] {
        assert!(parse(&document(other)).unwrap_err().contains("another issuer"), "{other}");
    }
}

#[test]
fn a_server_may_have_no_place_to_give_tokens_back() {
    let mut without = document(ISSUER);
    let named = parse(&without).unwrap().revocation_endpoint;
    assert_eq!(named.as_deref(), Some("https://issuer.example/tenant/revoke"));
    without.as_object_mut().unwrap().remove("revocation_endpoint");
    assert_eq!(parse(&without).unwrap().revocation_endpoint, None);
}

#[test]
fn what_is_missing_is_named() {
    let mut without = document(ISSUER);
    without.as_object_mut().unwrap().remove("token_endpoint");
    assert!(parse(&without).unwrap_err().contains("token_endpoint"));
    assert!(Metadata::parse(b"<html>", ISSUER).is_err());
}

#[test]
fn iss_is_promised_only_if_the_document_says_so() {
    assert_eq!(parse(&document(ISSUER)).unwrap().issuer.iss, IssParameter::Promised);
    let mut silent = document(ISSUER);
    silent.as_object_mut().unwrap().remove("authorization_response_iss_parameter_supported");
    assert_eq!(parse(&silent).unwrap().issuer.iss, IssParameter::NotPromised);
}
