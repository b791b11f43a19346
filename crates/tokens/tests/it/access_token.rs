//! RFC 9068, both ways: what is minted passes, and each broken rule is named.

use crate::forge::{self, ES256, base64url, signed};
use grantd_tokens::access_token::{self, AccessToken, AccessTokenClaims, AccessTokenError, Claimed, Expected};
use grantd_tokens::jws::{self, Unverified};
use grantd_tokens::{Algorithm, JwkSet, PrivateKey, Seconds, Time};
use serde_json::{Map, Value, json};

const NOW: Time = Time(1_800_000_000);
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example/boxes";

fn granted() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: AUDIENCE.into(),
        client_id: "web".into(),
        exp: NOW + Seconds::minutes(5),
        iat: NOW,
        jti: "token-1".into(),
        scope: Some("boxes:read boxes:write".into()),
        authorization_details: vec![json!({"type": "lockbox", "boxes": [1]})],
        auth_time: Some(NOW - Seconds(60)),
        acr: None,
    }
}

fn verify(token: &str) -> Result<AccessToken, AccessTokenError> {
    let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
    let keys = JwkSet::new(keys.into()).unwrap();
    access_token::verify(token, &keys, Expected { issuer: ISSUER, audience: AUDIENCE }, NOW)
}

/// The granted claims, changed, and signed again with the right header.
fn with(change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let mut claims = forge::object(serde_json::to_value(granted()).unwrap());
    change(&mut claims);
    jws::sign("at+jwt", &ES256, &claims).unwrap()
}

fn with_claim(claim: &str, value: Value) -> Result<AccessToken, AccessTokenError> {
    verify(&with(|claims| drop(claims.insert(claim.to_owned(), value))))
}

fn header_and_claims(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(forge::from_base64url);
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

// proves: AT-01, AT-02, AT-03
#[test]
fn a_minted_token_has_the_header_and_claims_of_rfc_9068() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        let (header, claims) = header_and_claims(&granted().mint(key).unwrap());
        assert_eq!(header, json!({"alg": algorithm.name(), "typ": "at+jwt", "kid": key.kid()}));
        assert_eq!(
            claims,
            json!({
                "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "web", "exp": 1_800_000_300_i64,
                "iat": 1_800_000_000_i64, "jti": "token-1", "scope": "boxes:read boxes:write",
                "authorization_details": [{"type": "lockbox", "boxes": [1]}], "auth_time": 1_799_999_940_i64,
            })
        );
    }
}

#[test]
fn what_was_not_granted_is_not_mentioned() {
    let bare =
        AccessTokenClaims { scope: None, authorization_details: Vec::new(), auth_time: None, acr: None, ..granted() };
    let (_, claims) = header_and_claims(&bare.mint(&ES256).unwrap());
    for absent in ["scope", "authorization_details", "auth_time", "acr"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    let token = verify(&bare.mint(&ES256).unwrap()).unwrap();
    assert!(token.scopes.is_empty() && token.authorization_details.is_empty());
}

#[test]
fn a_minted_token_is_read_as_it_was_meant() {
    for algorithm in Algorithm::ALL {
        let token = verify(&granted().mint(forge::key(algorithm)).unwrap()).unwrap();
        assert_eq!((token.iss.as_str(), token.sub.as_str(), token.client_id.as_str()), (ISSUER, "alice", "web"));
        assert_eq!(token.aud, [AUDIENCE]);
        assert_eq!(token.scopes, ["boxes:read", "boxes:write"]);
        assert_eq!(token.authorization_details, granted().authorization_details);
        assert_eq!((token.exp, token.iat, token.jti.as_str()), (NOW + Seconds(300), NOW, "token-1"));
        assert_eq!((token.auth_time, token.acr), (Some(NOW - Seconds(60)), None));
    }
}

#[test]
fn what_is_not_a_jwt_is_told_so() {
    for text in ["", "opaque", "a.b.c"] {
        assert!(matches!(verify(text), Err(AccessTokenError::NotAJwt(_))), "{text}");
    }
}

// proves: RS-06, RS-07, KEYS-12, AT-12
#[test]
fn a_jwt_of_another_kind_is_not_an_access_token() {
    for typ in ["JWT", "logout+jwt", "oauth-authz-req+jwt", "dpop+jwt", "rt+jwt", ""] {
        let token = jws::sign(typ, &ES256, &granted()).unwrap();
        assert_eq!(verify(&token), Err(AccessTokenError::WrongType { found: Some(typ.into()) }));
    }
    let header = json!({"alg": "ES256", "kid": ES256.kid()}).to_string();
    let untyped = signed(header, serde_json::to_string(&granted()).unwrap(), &ES256);
    assert_eq!(verify(&untyped), Err(AccessTokenError::WrongType { found: None }));
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(verify(&jws::sign(typ, &ES256, &granted()).unwrap()).is_ok(), "{typ}");
    }
}

// proves: RS-06
#[test]
fn only_a_key_of_the_issuer_signs_its_tokens() {
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let unknown = AccessTokenError::UnknownKey { kid: stranger.kid().into() };
    assert_eq!(verify(&granted().mint(&stranger).unwrap()), Err(unknown));
    let disguised = json!({"alg": "ES256", "typ": "at+jwt", "kid": ES256.kid()}).to_string();
    let forged = signed(disguised, serde_json::to_string(&granted()).unwrap(), &stranger);
    assert_eq!(verify(&forged), Err(AccessTokenError::BadSignature));
    let nameless = json!({"alg": "ES256", "typ": "at+jwt"}).to_string();
    let nameless = signed(nameless, serde_json::to_string(&granted()).unwrap(), &ES256);
    assert_eq!(verify(&nameless), Err(AccessTokenError::MissingKid));
}

// proves: RS-06, KEYS-01
#[test]
fn the_algorithm_belongs_to_the_key() {
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": ES256.kid()}).to_string();
    let confused = signed(header, serde_json::to_string(&granted()).unwrap(), &ES256);
    assert_eq!(verify(&confused), Err(AccessTokenError::BadSignature));
}

// proves: RS-06
#[test]
fn the_issuer_is_compared_byte_by_byte() {
    for found in ["https://issuer.example/", "https://ISSUER.example", "https://issuer.example.attacker.example", "x"] {
        let wrong = AccessTokenError::WrongIssuer { found: found.into(), expected: ISSUER.into() };
        assert_eq!(with_claim("iss", json!(found)), Err(wrong));
    }
    assert!(with_claim("iss", json!(ISSUER)).is_ok());
}

// proves: RS-06
#[test]
fn a_token_for_another_resource_is_refused() {
    for found in [json!("https://api.example"), json!("https://api.example/boxes/"), json!(["https://other.example"])] {
        let refused = with_claim("aud", found.clone());
        assert!(matches!(refused, Err(AccessTokenError::WrongAudience { .. })), "{found}");
    }
    assert!(with_claim("aud", json!(["https://other.example", AUDIENCE])).is_ok());
}

// proves: RS-06
#[test]
fn a_token_is_good_only_in_its_time() {
    let exp = NOW;
    assert_eq!(with_claim("exp", json!(NOW)), Err(AccessTokenError::Expired { exp, now: NOW }));
    assert!(with_claim("exp", json!(NOW + Seconds(1))).is_ok());
    for claim in ["iat", "nbf"] {
        let at = NOW + Seconds(16);
        assert_eq!(with_claim(claim, json!(at)), Err(AccessTokenError::NotYetValid { claim, at, now: NOW }));
        assert!(with_claim(claim, json!(NOW + Seconds(15))).is_ok());
    }
}

// proves: AT-02
#[test]
fn each_claim_that_rfc_9068_requires_is_required() {
    for claim in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        let token = with(|claims| drop(claims.remove(claim)));
        assert_eq!(verify(&token), Err(AccessTokenError::MissingClaim(claim)));
        assert_eq!(with_claim(claim, json!({})), Err(AccessTokenError::InvalidClaim(claim)));
    }
}

#[test]
fn optional_claims_are_of_their_kind_or_refused() {
    for (claim, value) in [
        ("scope", json!(["a", "b"])),
        ("nbf", json!("0")),
        ("auth_time", json!("0")),
        ("acr", json!(1)),
        ("authorization_details", json!({"type": "lockbox"})),
        ("authorization_details", json!([{"type": 1}])),
        ("authorization_details", json!(["lockbox"])),
    ] {
        assert_eq!(with_claim(claim, value), Err(AccessTokenError::InvalidClaim(claim)));
    }
}

// proves: RS-09
#[test]
fn a_token_bound_to_a_key_is_not_a_bearer_token() {
    for cnf in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({}), json!(null)] {
        assert_eq!(with_claim("cnf", cnf), Err(AccessTokenError::SenderConstrained));
    }
}

#[test]
fn the_server_that_made_a_token_reads_it_whoever_it_is_for_and_whenever() {
    let verify_own = |token: &str| {
        let keys = JwkSet::new(vec![ES256.jwk().clone()]).unwrap();
        access_token::verify_own(token, &keys, ISSUER)
    };
    let old = with(|claims| {
        claims.insert("aud".into(), json!("https://other.example"));
        claims.insert("exp".into(), json!(5));
        claims.insert("iat".into(), json!(4));
    });
    let token = verify_own(&old).unwrap();
    assert_eq!(
        (token.aud, token.exp, token.kid.as_str()),
        (vec!["https://other.example".into()], Time(5), ES256.kid())
    );
    // All else is as for everybody.
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let unknown = AccessTokenError::UnknownKey { kid: stranger.kid().into() };
    assert_eq!(verify_own(&granted().mint(&stranger).unwrap()), Err(unknown));
    let id_token = jws::sign("JWT", &ES256, &granted()).unwrap();
    assert_eq!(verify_own(&id_token), Err(AccessTokenError::WrongType { found: Some("JWT".into()) }));
    let foreign = verify_own(&with(|claims| drop(claims.insert("iss".into(), json!("https://b.example")))));
    assert!(matches!(foreign, Err(AccessTokenError::WrongIssuer { .. })));
    let bound = verify_own(&with(|claims| drop(claims.insert("cnf".into(), json!({"jkt": "x"})))));
    assert_eq!(bound, Err(AccessTokenError::SenderConstrained));
    for claim in ["aud", "exp", "iat", "sub", "jti"] {
        assert_eq!(verify_own(&with(|claims| drop(claims.remove(claim)))), Err(AccessTokenError::MissingClaim(claim)));
    }
}

#[test]
fn a_text_says_which_token_it_is_whoever_signed_it_and_nothing_else_can_be_asked() {
    let named = Some(Claimed { jti: granted().jti, client_id: granted().client_id });
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(access_token::claimed(&granted().mint(&stranger).unwrap()), named);
    let id_token = jws::sign("JWT", &ES256, &granted()).unwrap();
    for none in ["", "..", "a.b.c", "opaque", &id_token] {
        assert_eq!(access_token::claimed(none), None, "{none}");
    }
    for (claim, value) in [("jti", json!(5)), ("client_id", json!("x".repeat(513))), ("jti", Value::Null)] {
        let odd = with(|claims| drop(claims.insert(claim.into(), value)));
        assert_eq!(access_token::claimed(&odd), None, "{claim}");
    }
}

#[test]
fn the_name_of_a_token_names_its_grant() {
    for (jti, grant) in [
        ("g-1_A.t", Some("g-1_A")),
        ("token-1", None),
        ("", None),
        (".", None),
        (".t", None),
        ("g.", None),
        ("a.b.c", None),
        ("g g.t", None),
        ("g.t=", None),
    ] {
        assert_eq!(access_token::grant_of(jti), grant, "{jti}");
    }
    let token = granted();
    let token = AccessTokenClaims { jti: "g.t".into(), ..token }.mint(&ES256).unwrap();
    assert_eq!(verify(&token).unwrap().grant(), Some("g"));
}

#[test]
fn sentences_say_what_was_found_and_what_was_expected() {
    let sentence = |token: Result<AccessToken, AccessTokenError>| token.unwrap_err().to_string();
    assert_eq!(
        sentence(with_claim("aud", json!("https://photos.example"))),
        "the token is for https://photos.example; this API is https://api.example/boxes (ask for it with the `resource` parameter)"
    );
    assert_eq!(sentence(with_claim("exp", json!(NOW - Seconds(7)))), "the token expired 7 seconds ago");
    assert_eq!(
        sentence(verify(&jws::sign("JWT", &ES256, &granted()).unwrap())),
        "the token is not an access token: its `typ` is JWT, not at+jwt (was an ID token sent?)"
    );
}

// proves: RS-15
#[test]
fn no_sentence_contains_the_token_or_what_a_header_field_cannot_hold() {
    let hostile = "\"\\\r\nSet-Cookie: x\u{202e}é".repeat(40);
    let tokens = [
        "opaque-canary-token".to_owned(),
        format!("{}.{}.{}", base64url("{}"), base64url("{}"), base64url("x")),
        jws::sign(&hostile, &ES256, &granted()).unwrap(),
        signed(json!({"alg": "ES256", "typ": "at+jwt", "kid": "\"\\é".repeat(85)}).to_string(), "{}", &ES256),
        with(|claims| drop(claims.insert("iss".into(), json!(hostile)))),
        with(|claims| drop(claims.insert("aud".into(), json!([hostile, hostile])))),
        with(|claims| drop(claims.remove("jti"))),
    ];
    for token in tokens {
        let error = verify(&token).unwrap_err();
        let sentence = error.to_string();
        for part in token.split('.') {
            assert!(!sentence.contains(part), "{sentence}");
        }
        assert!(sentence.len() < 400, "{sentence}");
        assert!(sentence.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{sentence}");
    }
}

#[test]
fn a_minted_token_is_of_the_type_that_its_own_verifier_demands() {
    let token = granted().mint(&ES256).unwrap();
    assert!(Unverified::parse(&token).unwrap().is_typ(access_token::TYP));
}
