//! The compact form, read strictly, and the attacks on it (RFC 8725 §2).

use crate::forge::{self, EDDSA, ES256, RS256, base64url, from_base64url, signed};
use grantd_tokens::json::JsonFault;
use grantd_tokens::jws::{self, InvalidSignature, Malformed, Part, SignFault, Unverified};
use grantd_tokens::{Algorithm, Jwk, PrivateKey};
use serde_json::json;

fn malformed(token: &str) -> Malformed {
    Unverified::parse(token).unwrap_err()
}

fn verifies(token: &str, key: &PrivateKey) -> bool {
    match Unverified::parse(token).unwrap().verify(key.jwk()) {
        Ok(_) => true,
        Err(InvalidSignature) => false,
    }
}

/// The token with another signature.
fn with_signature(token: &str, signature: &[u8]) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, base64url(signature))
}

#[test]
fn each_algorithm_signs_what_it_verifies() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        let token = jws::sign("test+jwt", key, &json!({"hello": "world"})).unwrap();
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(unverified.kid(), Some(key.kid()));
        assert_eq!(unverified.typ(), Some("test+jwt"));
        let claims = unverified.verify(key.jwk()).unwrap().into_claims();
        assert_eq!(claims.required_string("hello"), Ok("world"));
    }
}

// proves: KEYS-01
#[test]
fn the_header_cannot_choose_another_algorithm_than_the_keys() {
    for (name, fits) in [("ES256", true), ("EdDSA", false), ("RS256", false)] {
        assert_eq!(verifies(&signed(json!({"alg": name}).to_string(), "{}", &ES256), &ES256), fits, "{name}");
    }
}

// proves: NEVER-06
#[test]
fn none_and_hmac_do_not_exist() {
    for name in ["none", "None", "HS256", "HS512", "ES256K", "PS256", "RS1", "es256", ""] {
        let token = signed(json!({"alg": name}).to_string(), "{}", &RS256);
        assert_eq!(malformed(&token), Malformed::UnsupportedAlgorithm, "{name}");
    }
    // Unsecured (RFC 7515 A.5) with the algorithm of the key: an empty signature fits nothing.
    let token = signed(r#"{"alg":"ES256"}"#, "{}", &ES256);
    assert!(!verifies(&with_signature(&token, &[]), &ES256));
    assert_eq!(malformed(&signed("{}", "{}", &ES256)), Malformed::Header("alg"));
}

#[test]
fn keys_that_come_in_the_header_are_not_looked_at() {
    let attacker = PrivateKey::generate(Algorithm::Es256).unwrap();
    let header = json!({"alg": "ES256", "jwk": attacker.jwk(), "jku": "https://attacker.example/jwks"}).to_string();
    assert!(!verifies(&signed(&header, "{}", &attacker), &ES256));
    assert!(verifies(&signed(&header, "{}", &ES256), &ES256));
}

#[test]
fn a_changed_byte_anywhere_breaks_the_signature() {
    for algorithm in Algorithm::ALL {
        let key = forge::key(algorithm);
        let token = jws::sign("t", key, &json!({"sub": "alice"})).unwrap();
        assert!(verifies(&token, key));
        let parts: Vec<&str> = token.split('.').collect();
        let payload = String::from_utf8(from_base64url(parts[1])).unwrap().replace("alice", "alicf");
        assert!(!verifies(&format!("{}.{}.{}", parts[0], base64url(payload), parts[2]), key));
        let header = String::from_utf8(from_base64url(parts[0])).unwrap().replace("\"t\"", "\"u\"");
        assert!(!verifies(&format!("{}.{}.{}", base64url(header), parts[1], parts[2]), key));
        let signature = from_base64url(parts[2]);
        for byte in 0..signature.len() {
            let mut changed = signature.clone();
            changed[byte] ^= 1;
            assert!(!verifies(&with_signature(&token, &changed), key), "{algorithm} byte {byte}");
        }
    }
}

// proves: KEYS-10
#[test]
fn a_signature_has_its_exact_length_and_range() {
    let token = signed(r#"{"alg":"ES256"}"#, "{}", &ES256);
    let signature = from_base64url(token.rsplit_once('.').unwrap().1);
    let (r, s) = signature.split_at(32);
    // The order of P-256 (SEC 2 §2.4.2).
    let n = from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    let der = [&[0x30, 70, 2, 33, 0], r, &[2, 33, 0], s].concat();
    for wrong in [
        vec![0; 64],
        [r, &[0; 32]].concat(),
        [&[0; 32], s].concat(),
        [r, &n].concat(),
        [&n, s].concat(),
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], r, &[0], s].concat(),
        der,
    ] {
        assert!(!verifies(&with_signature(&token, &wrong), &ES256), "{wrong:02x?}");
    }
    assert!(verifies(&with_signature(&token, &signature), &ES256));

    let token = signed(r#"{"alg":"EdDSA"}"#, "{}", &EDDSA);
    let signature = from_base64url(token.rsplit_once('.').unwrap().1);
    // RFC 8032 §5.1.7: s + L would verify as well, were s not held below L.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleated = signature.clone();
    let mut carry = 0_u16;
    for (byte, add) in malleated[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!verifies(&with_signature(&token, &malleated), &EDDSA));
    assert!(verifies(&with_signature(&token, &signature), &EDDSA));
}

// proves: KEYS-06
#[test]
fn critical_extensions_and_unencoded_payloads_are_refused() {
    for critical in [json!(["exp"]), json!(["b64"]), json!([]), json!("x"), json!(null)] {
        let header = json!({"alg": "ES256", "crit": critical, "exp": 1}).to_string();
        assert_eq!(malformed(&signed(header, "{}", &ES256)), Malformed::Critical);
    }
    for b64 in [false, true] {
        let header = json!({"alg": "ES256", "b64": b64}).to_string();
        assert_eq!(malformed(&signed(header, "{}", &ES256)), Malformed::UnencodedPayload);
    }
}

// proves: KEYS-06
#[test]
fn only_the_compact_form_is_read() {
    let token = signed(r#"{"alg":"ES256"}"#, "{}", &ES256);
    let (header, rest) = token.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for wrong in ["", "abc", &format!("{header}.{payload}"), &format!("{token}.{signature}"), &format!("{token}.")] {
        assert_eq!(malformed(wrong), Malformed::NotThreeParts, "{wrong}");
    }
    let json = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
    assert_eq!(malformed(&json), Malformed::NotThreeParts);
    for wrong in [format!("{token}="), format!("{token} "), format!("{token}\n"), token.replace('.', ".\n")] {
        assert!(matches!(malformed(&wrong), Malformed::NotBase64Url(_)), "{wrong}");
    }
    assert!(matches!(malformed(&format!(" {token}")), Malformed::NotBase64Url(Part::Header)));
    assert!(matches!(malformed(&format!("{header}+.{payload}.{signature}")), Malformed::NotBase64Url(Part::Header)));
}

#[test]
fn stray_bits_behind_the_last_octet_are_refused() {
    // `e30` is `{}`; `e31` decodes to the same octets in a lenient reader.
    let header = "eyJhbGciOiJFUzI1NiJ9";
    assert!(Unverified::parse(&format!("{header}.e30.AA")).is_ok());
    assert_eq!(malformed(&format!("{header}.e31.AA")), Malformed::NotBase64Url(Part::Payload));
}

// proves: KEYS-07
#[test]
fn header_and_payload_are_strict_json_objects() {
    let good = r#"{"alg":"ES256"}"#;
    let payload = |bytes: &[u8]| malformed(&signed(good, bytes, &ES256));
    let refused = |fault| Malformed::NotJson(Part::Payload, fault);
    assert_eq!(payload(br#"{"sub":"a","sub":"b"}"#), refused(JsonFault::DuplicateMember));
    assert_eq!(payload(br#"{"x":[{"y":1,"y":1}]}"#), refused(JsonFault::DuplicateMember));
    assert_eq!(payload(br#"{"a":1,"\u0061":2}"#), refused(JsonFault::DuplicateMember));
    assert_eq!(payload(b"[]"), refused(JsonFault::NotAnObject));
    assert_eq!(payload(b"{\"a\":\"\xff\"}"), refused(JsonFault::NotUtf8));
    assert!(matches!(payload(b"{} {}"), Malformed::NotJson(Part::Payload, JsonFault::Syntax { .. })));
    assert!(matches!(payload(b"\xef\xbb\xbf{}"), Malformed::NotJson(Part::Payload, JsonFault::Syntax { .. })));
    let nested = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert_eq!(payload(nested(17).as_bytes()), refused(JsonFault::TooDeep(16)));
    assert!(Unverified::parse(&signed(good, nested(16), &ES256)).is_ok());
    let header = signed(r#"{"alg":"ES256","alg":"ES256"}"#, "{}", &ES256);
    assert_eq!(malformed(&header), Malformed::NotJson(Part::Header, JsonFault::DuplicateMember));
}

// proves: KEYS-07
#[test]
fn a_token_has_at_most_16_kib() {
    let padded = |length: usize| signed(r#"{"alg":"ES256"}"#, json!({"x": "x".repeat(length)}).to_string(), &ES256);
    assert!(padded(12_194).len() <= 16 * 1024);
    assert!(Unverified::parse(&padded(12_194)).is_ok());
    assert!(padded(12_202).len() > 16 * 1024);
    assert_eq!(malformed(&padded(12_202)), Malformed::TooLong(16_384));
    assert_eq!(jws::sign("t", &ES256, &json!({"x": "x".repeat(16_384)})), Err(SignFault::TooLong(16_384)));
}

// proves: KEYS-13
#[test]
fn a_nested_jwt_is_not_unwrapped() {
    let inner = signed(r#"{"alg":"ES256"}"#, "{}", &ES256);
    let outer = signed(r#"{"alg":"ES256","cty":"JWT"}"#, inner, &ES256);
    assert!(matches!(malformed(&outer), Malformed::NotJson(Part::Payload, _)));
}

#[test]
fn header_parameters_are_strings() {
    for header in [r#"{"alg":1}"#, r#"{"alg":null}"#] {
        assert_eq!(malformed(&signed(header, "{}", &ES256)), Malformed::Header("alg"));
    }
    assert_eq!(malformed(&signed(r#"{"alg":"ES256","kid":7}"#, "{}", &ES256)), Malformed::Header("kid"));
    assert_eq!(malformed(&signed(r#"{"alg":"ES256","typ":[]}"#, "{}", &ES256)), Malformed::Header("typ"));
}

#[test]
fn a_type_is_compared_without_case_and_prefix() {
    for (typ, fits) in [
        ("at+jwt", true),
        ("AT+JWT", true),
        ("application/at+jwt", true),
        ("Application/At+Jwt", true),
        ("text/at+jwt", false),
        ("application/application/at+jwt", false),
        ("JWT", false),
        ("", false),
    ] {
        let token = jws::sign(typ, &ES256, &json!({})).unwrap();
        assert_eq!(Unverified::parse(&token).unwrap().is_typ("at+jwt"), fits, "{typ}");
    }
}

#[test]
fn only_objects_are_signed() {
    assert_eq!(jws::sign("t", &ES256, &json!([1])), Err(SignFault::Claims));
    assert_eq!(jws::sign("t", &ES256, &"text"), Err(SignFault::Claims));
}

// proves: LOG-02
#[test]
fn a_token_is_not_printed_by_debug() {
    let token = jws::sign("t", &ES256, &json!({"sub": "canary-subject"})).unwrap();
    let unverified = Unverified::parse(&token).unwrap();
    let before = format!("{unverified:?}");
    let after = format!("{:?}", unverified.verify(ES256.jwk()).unwrap());
    for part in token.split('.').chain(["canary-subject"]) {
        assert!(!before.contains(part) && !after.contains(part), "{before} {after}");
    }
}

#[test]
fn a_key_verifies_only_what_it_signed() {
    let token = jws::sign("t", &ES256, &json!({})).unwrap();
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let disguised = Jwk::new(ES256.kid(), stranger.public().clone()).unwrap();
    assert_eq!(Unverified::parse(&token).unwrap().verify(&disguised), Err(InvalidSignature));
}
