//! Anything may come in; nothing may panic.

use crate::forge::{ES256, base64url, signed};
use grantd_tokens::json::{self, Limits};
use grantd_tokens::jws::Unverified;
use grantd_tokens::{
    Digest, Expected, JwkSet, KeyEncryptionKey, Time, access_token, introspection_response, revocation_feed,
};
use proptest::prelude::*;
use serde_json::Value;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An object with the members that readers look for, each with any value.
fn any_claims() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(
        "alg typ kid kty crv x y n e d use key_ops keys iss sub aud exp nbf iat jti client_id scope cnf authorization_details grants tokens clients token_introspection"
            .split(' ')
            .collect::<Vec<_>>(),
    );
    let value = prop_oneof![
        any_json(),
        prop::sample::select(vec![
            "ES256",
            "at+jwt",
            "https://issuer.example",
            "EC",
            "P-256",
            "OKP",
            "Ed25519",
            "RSA",
            "AQAB",
            "sig"
        ])
        .prop_map(Value::from),
    ];
    prop::collection::btree_map(name, value, 0..12)
        .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn judge(token: &str) {
    let keys = JwkSet::new(vec![ES256.jwk().clone()]).unwrap();
    let expected = Expected { issuer: "https://issuer.example", audience: "https://api.example" };
    let error = access_token::verify(token, &keys, expected, Time(1_000)).unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{sentence}");
}

proptest! {
    #[test]
    fn any_text_is_refused_as_a_token_without_a_panic(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_three_parts_are_refused_as_a_token_without_a_panic(text in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}") {
        judge(&text);
    }

    #[test]
    fn any_header_and_claims_are_refused_without_a_panic(header in any_claims(), claims in any_claims()) {
        judge(&format!("{}.{}.{}", base64url(header.to_string()), base64url(claims.to_string()), base64url([1; 64])));
    }

    #[test]
    fn any_signed_claims_are_judged_without_a_panic(claims in any_claims()) {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, ES256.kid());
        judge(&signed(header, claims.to_string(), &ES256));
    }

    #[test]
    fn any_signed_document_is_judged_without_a_panic(claims in any_claims()) {
        let keys = JwkSet::new(vec![ES256.jwk().clone()]).unwrap();
        let expected = Expected { issuer: "https://issuer.example", audience: "https://api.example" };
        for typ in [revocation_feed::TYP, introspection_response::TYP] {
            let header = format!(r#"{{"alg":"ES256","typ":"{typ}","kid":"{}"}}"#, ES256.kid());
            let text = signed(header, claims.to_string(), &ES256);
            let _ = revocation_feed::verify(&text, &keys, expected.issuer, Time(1_000));
            let _ = introspection_response::verify(&text, &keys, expected, Time(1_000));
        }
    }

    #[test]
    fn any_key_set_is_read_or_refused_without_a_panic(keys in prop::collection::vec(any_claims(), 0..4)) {
        let _ = JwkSet::parse(serde_json::json!({ "keys": keys }).to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = JwkSet::parse(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = (Digest::parse(&text), KeyEncryptionKey::parse(&text), Unverified::parse(&text).is_ok());
    }

    #[test]
    fn strict_json_reads_what_json_is(value in any_json()) {
        let limits = Limits { max_bytes: 1 << 20, max_depth: 8 };
        let text = value.to_string();
        prop_assert_eq!(json::parse_value(text.as_bytes(), limits), Ok(serde_json::from_str(&text).unwrap()));
    }
}
