//! RFC 9701, both ways.

use crate::forge::{self, ES256, signed};
use grantd_tokens::access_token::{self, AccessTokenError, Expected};
use grantd_tokens::claims::ClaimFault;
use grantd_tokens::introspection_response::{self, IntrospectionResponse, IntrospectionResponseError};
use grantd_tokens::{Algorithm, IssuedFault, JwkSet, PrivateKey, Seconds, Time, jws};
use serde_json::{Map, Value, json};

const NOW: Time = Time(1_800_000_000);
const ISSUER: &str = "https://issuer.example";
const CALLER: &str = "boxes-api";

fn answer() -> IntrospectionResponse {
    let introspection = json!({"active": true, "sub": "alice", "aud": "https://api.example/boxes"});
    IntrospectionResponse {
        iss: ISSUER.into(),
        aud: CALLER.into(),
        iat: NOW,
        token_introspection: forge::object(introspection),
    }
}

fn verify_at(text: &str, now: Time) -> Result<Map<String, Value>, IntrospectionResponseError> {
    let keys = JwkSet::new(vec![ES256.jwk().clone()]).unwrap();
    introspection_response::verify(text, &keys, Expected { issuer: ISSUER, audience: CALLER }, now)
}

fn with(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Map<String, Value>, IntrospectionResponseError> {
    let mut claims = forge::object(serde_json::to_value(answer()).unwrap());
    change(&mut claims);
    verify_at(&jws::sign(introspection_response::TYP, &ES256, &claims).unwrap(), NOW)
}

#[test]
fn the_answer_comes_out_for_its_caller_alone() {
    assert_eq!(verify_at(&answer().mint(&ES256).unwrap(), NOW), Ok(answer().token_introspection));
    let foreign = IntrospectionResponse { aud: "other-api".into(), ..answer() };
    let refused = verify_at(&foreign.mint(&ES256).unwrap(), NOW);
    assert_eq!(refused, Err(IntrospectionResponseError::WrongAudience));
}

#[test]
fn an_answer_is_no_access_token_and_an_access_token_no_answer() {
    let text = answer().mint(&ES256).unwrap();
    let keys = JwkSet::new(vec![ES256.jwk().clone()]).unwrap();
    let refused = access_token::verify(&text, &keys, Expected { issuer: ISSUER, audience: CALLER }, NOW);
    let found = Some(introspection_response::TYP.to_owned());
    assert_eq!(refused, Err(AccessTokenError::WrongType { found }));
    assert!(matches!(access_token::verify_own(&text, &keys, ISSUER), Err(AccessTokenError::WrongType { .. })));
    let claims = serde_json::to_value(answer()).unwrap();
    assert!(claims.get("exp").is_none() && claims.get("sub").is_none());
    for typ in ["at+jwt", "JWT", "revocation-feed+jwt"] {
        let refused = verify_at(&jws::sign(typ, &ES256, &answer()).unwrap(), NOW);
        assert!(matches!(refused, Err(IntrospectionResponseError::Issued(IssuedFault::WrongType { .. }))), "{typ}");
    }
}

#[test]
fn only_the_issuer_answers() {
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let unknown = IssuedFault::UnknownKey { kid: stranger.kid().into() };
    assert_eq!(verify_at(&answer().mint(&stranger).unwrap(), NOW), Err(unknown.into()));
    let header = json!({"alg": "ES256", "typ": introspection_response::TYP, "kid": ES256.kid()}).to_string();
    let forged = signed(header, serde_json::to_string(&answer()).unwrap(), &stranger);
    assert_eq!(verify_at(&forged, NOW), Err(IssuedFault::BadSignature.into()));
    let wrong = IssuedFault::WrongIssuer { found: "https://b.example".into(), expected: ISSUER.into() };
    assert_eq!(with(|claims| drop(claims.insert("iss".into(), json!("https://b.example")))), Err(wrong.into()));
}

#[test]
fn an_answer_of_another_time_answers_nothing() {
    let text = answer().mint(&ES256).unwrap();
    for (now, is_of_now) in [(-16, false), (-15, true), (0, true), (60, true), (61, false)] {
        assert_eq!(verify_at(&text, NOW + Seconds(now)).is_ok(), is_of_now, "{now}");
    }
}

#[test]
fn each_member_must_be_there_and_of_its_kind() {
    for member in ["iss", "aud", "iat", "token_introspection"] {
        let fault = |fault| Err(IntrospectionResponseError::Issued(IssuedFault::Claim(fault)));
        assert_eq!(with(|claims| drop(claims.remove(member))), fault(ClaimFault::Missing(member)));
        assert_eq!(with(|claims| drop(claims.insert(member.into(), json!([])))), fault(ClaimFault::Invalid(member)));
    }
}
