//! Which keys may stand in a set, and what happens to the others.

use crate::forge::{self, base64url, jwk, object};
use grantd_tokens::jws::{self, Unverified};
use grantd_tokens::{Algorithm, Jwk, JwkFault, JwkSet};
use serde_json::{Value, json};

fn fault(value: Value) -> JwkFault {
    Jwk::from_object(&object(value)).unwrap_err()
}

fn ed25519(kid: &str) -> Value {
    let mut value = serde_json::to_value(forge::EDDSA.jwk()).unwrap();
    value["kid"] = json!(kid);
    value
}

fn set(keys: &[Value]) -> Result<JwkSet, JwkFault> {
    JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

// proves: META-07
#[test]
fn a_published_key_has_its_name_use_and_algorithm_and_no_private_member() {
    for (algorithm, members) in [
        (Algorithm::Es256, "alg crv kid kty use x y"),
        (Algorithm::EdDsa, "alg crv kid kty use x"),
        (Algorithm::Rs256, "alg e kid kty n use"),
    ] {
        let published = object(serde_json::to_value(forge::key(algorithm).jwk()).unwrap());
        let mut names: Vec<&str> = published.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), members);
        assert_eq!(published["alg"], algorithm.name());
        assert_eq!(published["use"], "sig");
    }
}

#[test]
fn a_set_reads_back_as_it_was_written() {
    let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
    let written = JwkSet::new(keys.into()).unwrap();
    let text = serde_json::to_string(&written).unwrap();
    assert_eq!(JwkSet::parse(text.as_bytes()).unwrap(), written);
    assert_eq!(serde_json::from_str::<JwkSet>(&text).unwrap(), written);
}

// proves: META-07
#[test]
fn two_keys_of_one_name_refuse_the_set() {
    let kid = "twin".to_owned();
    assert_eq!(set(&[ed25519("twin"), ed25519("twin")]), Err(JwkFault::DuplicateKid { kid }));
    assert_eq!(set(&[ed25519("one"), ed25519("other")]).unwrap().keys().len(), 2);
}

// proves: KEYS-05
#[test]
fn a_secret_in_a_public_set_refuses_the_set() {
    let oct = json!({"kid": "o", "kty": "oct", "k": "AAAA"});
    assert_eq!(set(&[ed25519("e"), oct]), Err(JwkFault::SymmetricKey));
    let mut private = ed25519("p");
    private["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    assert_eq!(set(&[ed25519("e"), private]), Err(JwkFault::PrivateMember));
}

// proves: KEYS-05
#[test]
fn keys_of_other_kinds_are_left_out_and_the_rest_is_used() {
    let mut encryption = ed25519("enc");
    encryption["use"] = json!("enc");
    let mut other_algorithm = ed25519("alg");
    other_algorithm["alg"] = json!("ES256");
    let mut nameless = ed25519("-");
    nameless.as_object_mut().unwrap().remove("kid");
    let p384 = json!({"kid": "p", "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"});
    let secp256k1 = json!({"kid": "k", "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"});
    let future = json!({"kid": "f", "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"});
    let read = set(&[encryption, other_algorithm, nameless, p384, secp256k1, future, ed25519("good")]).unwrap();
    assert_eq!(read.keys().iter().map(Jwk::kid).collect::<Vec<_>>(), ["good"]);
    assert!(read.find("enc").is_none());
}

// proves: KEYS-05
#[test]
fn weak_rsa_keys_are_refused() {
    let rsa = |bits: usize, e: &str| {
        let mut n = vec![0xff; bits / 8];
        n[0] = 0x80;
        json!({"kid": "r", "kty": "RSA", "n": base64url(n), "e": e})
    };
    assert_eq!(fault(rsa(1024, "AQAB")), JwkFault::RsaSize { bits: 1024 });
    assert_eq!(fault(rsa(2040, "AQAB")), JwkFault::RsaSize { bits: 2040 });
    assert_eq!(fault(rsa(8200, "AQAB")), JwkFault::RsaSize { bits: 8200 });
    assert_eq!(fault(rsa(2048, "Aw")), JwkFault::Invalid("e"));
    let mut twin = rsa(2048, "AQAB");
    assert_eq!(jwk(twin.clone()).algorithm(), Algorithm::Rs256);
    // RFC 7518 §6.3.1.1: a leading zero octet is a second spelling of the same key.
    twin["n"] = json!(format!("AA{}", base64url([&[0x80_u8][..], &[0xff; 256]].concat())));
    assert_eq!(fault(twin), JwkFault::Invalid("n"));
}

#[test]
fn new_rsa_keys_have_3072_bits() {
    let published = serde_json::to_value(forge::RS256.jwk()).unwrap();
    assert_eq!(forge::from_base64url(published["n"].as_str().unwrap()).len() * 8, 3072);
}

#[test]
fn a_point_off_the_curve_is_not_a_key() {
    let mut value = serde_json::to_value(forge::ES256.jwk()).unwrap();
    assert_eq!(jwk(value.clone()).algorithm(), Algorithm::Es256);
    value["y"] = json!(base64url([7; 32]));
    assert_eq!(fault(value), JwkFault::NotAKey);
}

// With the neutral element as key, the signature R = neutral element, s = 0 fits every message.
// proves: KEYS-10
#[test]
fn ed25519_points_of_small_order_and_second_spellings_are_not_keys() {
    let little_endian = |low: u8, rest: u8, high: u8| {
        let mut point = [rest; 32];
        point[0] = low;
        point[31] = high;
        point
    };
    let mut points = vec![
        little_endian(0, 0, 0),
        little_endian(1, 0, 0),
        little_endian(0xec, 0xff, 0x7f), // p - 1
        little_endian(0xed, 0xff, 0x7f), // p, a second spelling of 0
        little_endian(0xee, 0xff, 0x7f), // p + 1, a second spelling of 1
        little_endian(0xff, 0xff, 0x7f), // 2^255 - 1, a second spelling of 18
    ];
    points.extend(points.clone().into_iter().map(|mut point| {
        point[31] |= 0x80;
        point
    }));
    for point in points {
        let value = json!({"kid": "s", "kty": "OKP", "crv": "Ed25519", "x": base64url(point)});
        assert_eq!(fault(value), JwkFault::NotAKey, "{point:02x?}");
    }
}

// proves: KEYS-09
#[test]
fn a_kid_has_at_most_256_characters() {
    let long = "k".repeat(256);
    assert_eq!(jwk(ed25519(&long)).kid(), long);
    for kid in ["k".repeat(257), String::new(), "a\nb".into()] {
        assert_eq!(fault(ed25519(&kid)), JwkFault::Invalid("kid"));
    }
    let header = |kid: &str| json!({"alg": "EdDSA", "kid": kid}).to_string();
    assert!(Unverified::parse(&forge::signed(header(&long), "{}", &forge::EDDSA)).is_ok());
    let too_long = forge::signed(header(&"k".repeat(257)), "{}", &forge::EDDSA);
    assert_eq!(Unverified::parse(&too_long).unwrap_err(), jws::Malformed::Header("kid"));
}

#[test]
fn a_set_is_an_object_with_an_array_of_objects_and_not_too_many() {
    for text in ["{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#] {
        assert_eq!(JwkSet::parse(text.as_bytes()), Err(JwkFault::NotASet), "{text}");
    }
    assert!(matches!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err(JwkFault::Json(_))));
    let many: Vec<Value> = (0..101).map(|number| ed25519(&number.to_string())).collect();
    assert_eq!(set(&many), Err(JwkFault::TooManyKeys));
    assert_eq!(set(&many[..100]).unwrap().keys().len(), 100);
}
