//! The revocation feed, both ways, and every text that is not to be taken for it.

use crate::forge::{self, ES256, base64url, from_base64url, signed};
use grantd_tokens::access_token::{self, AccessTokenClaims, AccessTokenError, Expected};
use grantd_tokens::claims::{ClaimFault, TimeFault};
use grantd_tokens::json::Limits;
use grantd_tokens::jws::{self, Malformed, SignFault};
use grantd_tokens::revocation_feed::{self, Ended, Mark, RevocationFeed, RevocationFeedError};
use grantd_tokens::{AccessToken, Algorithm, IssuedFault, JwkSet, PrivateKey, Seconds, Time};
use serde_json::{Map, Value, json};

const NOW: Time = Time(1_800_000_000);
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example/boxes";

fn empty() -> RevocationFeed {
    RevocationFeed { iss: ISSUER.into(), iat: NOW, exp: NOW + Seconds(60), ..RevocationFeed::default() }
}

fn full() -> RevocationFeed {
    RevocationFeed {
        grants: ["g1", "g2", "g3"].map(Mark::of).into(),
        tokens: [Mark::of("g4.t1")].into(),
        clients: [(Mark::of("rogue"), NOW), (Mark::of("old"), Time(5))].into(),
        keys: [Mark::of("leaked")].into(),
        ..empty()
    }
}

fn keys() -> JwkSet {
    JwkSet::new(Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone()).into()).unwrap()
}

fn verify_at(text: &str, now: Time) -> Result<RevocationFeed, RevocationFeedError> {
    revocation_feed::verify(text, &keys(), ISSUER, now)
}

fn verify(text: &str) -> Result<RevocationFeed, RevocationFeedError> {
    verify_at(text, NOW)
}

fn with(change: impl FnOnce(&mut Map<String, Value>)) -> Result<RevocationFeed, RevocationFeedError> {
    let mut claims = forge::object(serde_json::to_value(full()).unwrap());
    change(&mut claims);
    verify(&jws::sign(revocation_feed::TYP, &ES256, &claims).unwrap())
}

fn claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.into(),
        sub: "alice".into(),
        aud: AUDIENCE.into(),
        client_id: "web".into(),
        exp: NOW + Seconds(300),
        iat: NOW,
        jti: "g7.t7".into(),
        scope: None,
        authorization_details: Vec::new(),
        auth_time: None,
        acr: None,
    }
}

fn token(claims: &AccessTokenClaims) -> AccessToken {
    let expected = Expected { issuer: ISSUER, audience: AUDIENCE };
    access_token::verify(&claims.mint(&ES256).unwrap(), &keys(), expected, NOW).unwrap()
}

#[test]
fn what_is_minted_is_read_as_it_was_meant() {
    for algorithm in Algorithm::ALL {
        for feed in [empty(), full()] {
            assert_eq!(verify(&feed.mint(forge::key(algorithm)).unwrap()), Ok(feed));
        }
    }
}

#[test]
fn equal_content_is_equal_text_whatever_the_order_it_came_in() {
    let one = RevocationFeed { grants: ["a", "b", "c", "d"].map(Mark::of).into(), ..empty() };
    let other = RevocationFeed { grants: ["d", "b", "a", "c", "a"].map(Mark::of).into(), ..empty() };
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
}

#[test]
fn an_entry_is_the_first_half_of_a_sha_256_and_not_the_identifier() {
    // SHA-256("abc"), FIPS 180-2 appendix B.1: ba7816bf 8f01cfea 414140de 5dae2223 …
    let half =
        base64url([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23]);
    assert_eq!(Mark::of("abc").to_base64url(), half);
    assert_eq!(Mark::parse(&half), Some(Mark::of("abc")));
    for text in ["", "abc", &format!("{half}="), "ungWv48Bz-pBQUDeXa4i", &format!("{half}A"), &base64url([0; 32])] {
        assert_eq!(Mark::parse(text), None, "{text}");
    }
    let payload = full().mint(&ES256).unwrap();
    let payload = String::from_utf8(from_base64url(payload.split('.').nth(1).unwrap())).unwrap();
    for identifier in ["g1", "g4.t1", "rogue", "leaked"] {
        assert!(!payload.contains(&format!("\"{identifier}\"")), "{payload}");
    }
}

#[test]
fn each_kind_of_entry_ends_its_tokens_and_no_others() {
    let good = token(&claims());
    assert_eq!(full().refuses(&good), None);
    for (feed, ended) in [
        (RevocationFeed { grants: [Mark::of("g7")].into(), ..full() }, Ended::Grant),
        (RevocationFeed { tokens: [Mark::of("g7.t7")].into(), ..full() }, Ended::Token),
        (RevocationFeed { clients: [(Mark::of("web"), NOW)].into(), ..full() }, Ended::Client),
        (RevocationFeed { keys: [Mark::of(ES256.kid())].into(), ..full() }, Ended::Key),
    ] {
        assert_eq!(feed.refuses(&good), Some(ended));
    }
    for feed in [
        RevocationFeed { grants: ["t7", "g7.t7", "web", "alice"].map(Mark::of).into(), ..empty() },
        RevocationFeed { tokens: ["g7", "t7", "g7.t8"].map(Mark::of).into(), ..empty() },
        RevocationFeed { clients: [(Mark::of("g7"), NOW)].into(), keys: [Mark::of("g7")].into(), ..empty() },
    ] {
        assert_eq!(feed.refuses(&good), None, "{feed:?}");
    }
    // A token without a grant is not one of the grant that has its name.
    let bare = token(&AccessTokenClaims { jti: "g7".into(), ..claims() });
    assert_eq!(RevocationFeed { grants: [Mark::of("g7")].into(), ..empty() }.refuses(&bare), None);
    assert_eq!(RevocationFeed { tokens: [Mark::of("g7")].into(), ..empty() }.refuses(&bare), Some(Ended::Token));
}

#[test]
fn a_client_that_came_back_uses_the_tokens_that_it_got_since() {
    let ended_at = |at| RevocationFeed { clients: [(Mark::of("web"), at)].into(), ..empty() };
    assert_eq!(ended_at(NOW).refuses(&token(&claims())), Some(Ended::Client));
    assert_eq!(ended_at(NOW - Seconds(1)).refuses(&token(&claims())), None);
}

// proves: KEYS-12
#[test]
fn a_feed_is_no_access_token_and_an_access_token_no_feed() {
    let feed = full().mint(&ES256).unwrap();
    let expected = Expected { issuer: ISSUER, audience: AUDIENCE };
    let refused = access_token::verify(&feed, &keys(), expected, NOW);
    assert_eq!(refused, Err(AccessTokenError::WrongType { found: Some(revocation_feed::TYP.into()) }));
    for typ in ["at+jwt", "JWT", "token-introspection+jwt", ""] {
        let wrong = IssuedFault::WrongType { found: Some(typ.into()), expected: revocation_feed::TYP };
        assert_eq!(verify(&jws::sign(typ, &ES256, &full()).unwrap()), Err(wrong.into()));
    }
}

#[test]
fn only_a_key_of_the_issuer_signs_its_feed() {
    let stranger = PrivateKey::generate(Algorithm::Es256).unwrap();
    let unknown = IssuedFault::UnknownKey { kid: stranger.kid().into() };
    assert_eq!(verify(&full().mint(&stranger).unwrap()), Err(unknown.into()));
    let disguised = json!({"alg": "ES256", "typ": revocation_feed::TYP, "kid": ES256.kid()}).to_string();
    let forged = signed(&disguised, serde_json::to_string(&full()).unwrap(), &stranger);
    assert_eq!(verify(&forged), Err(IssuedFault::BadSignature.into()));
    let good = full().mint(&ES256).unwrap();
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let header = rest.split('.').next().unwrap();
    let emptied = format!("{header}.{}.{signature}", base64url(serde_json::to_string(&empty()).unwrap()));
    assert_eq!(verify(&emptied), Err(IssuedFault::BadSignature.into()));
}

#[test]
fn a_removed_key_does_not_sign_what_is_removed() {
    let feed = RevocationFeed { keys: [Mark::of(ES256.kid())].into(), ..full() };
    let refused = RevocationFeedError::SignedByRemovedKey { kid: ES256.kid().into() };
    assert_eq!(verify(&feed.mint(&ES256).unwrap()), Err(refused));
    assert_eq!(verify(&feed.mint(&forge::EDDSA).unwrap()), Ok(feed));
}

#[test]
fn a_feed_of_another_issuer_or_another_time_is_not_taken() {
    let wrong = IssuedFault::WrongIssuer { found: "https://issuer.example/".into(), expected: ISSUER.into() };
    assert_eq!(with(|claims| drop(claims.insert("iss".into(), json!("https://issuer.example/")))), Err(wrong.into()));
    let text = full().mint(&ES256).unwrap();
    let exp = NOW + Seconds(60);
    assert!(verify_at(&text, exp - Seconds(1)).is_ok());
    assert_eq!(verify_at(&text, exp), Err(TimeFault::Expired { exp, now: exp }.into()));
    let early = NOW - Seconds(16);
    let ahead = TimeFault::NotYetValid { claim: "iat", at: NOW, now: early };
    assert_eq!(verify_at(&text, early), Err(ahead.into()));
}

#[test]
fn each_member_must_be_there_and_of_its_kind() {
    for member in ["iat", "grants", "tokens", "clients", "keys"] {
        let fault = |fault| Err(RevocationFeedError::Issued(IssuedFault::Claim(fault)));
        assert_eq!(with(|claims| drop(claims.remove(member))), fault(ClaimFault::Missing(member)), "{member}");
        let mut wrong = vec![json!(null), json!("x"), json!(["x"]), json!([7]), json!({"x": 1})];
        wrong.push(json!({ Mark::of("web").to_base64url(): "1" }));
        for value in wrong {
            let refused = with(|claims| drop(claims.insert(member.into(), value.clone())));
            let refused = refused.unwrap_err();
            let expected = ClaimFault::Invalid(member);
            let of_time = RevocationFeedError::Time(TimeFault::Claim(expected));
            assert!(refused == of_time || Err(refused.clone()) == fault(expected), "{member} {value} {refused:?}");
        }
    }
    assert_eq!(with(|claims| drop(claims.insert("users".into(), json!([{"more": []}])))), Ok(full()));
    let twice = serde_json::to_string(&full()).unwrap().replacen('{', r#"{"grants":[],"#, 1);
    let header = json!({"alg": "ES256", "typ": revocation_feed::TYP, "kid": ES256.kid()}).to_string();
    assert!(matches!(
        verify(&signed(header, twice, &ES256)),
        Err(RevocationFeedError::Issued(IssuedFault::NotAJwt(_)))
    ));
}

// proves: KEYS-07
#[test]
fn a_feed_may_be_longer_than_a_token_but_not_endless() {
    let of = |count: u32| RevocationFeed { grants: (0..count).map(|n| Mark::of(&n.to_string())).collect(), ..empty() };
    let large = of(120_000).mint(&ES256).unwrap();
    assert_eq!(verify(&large).unwrap().grants.len(), 120_000);
    let max = Limits::REVOCATION_FEED.max_bytes;
    assert_eq!(of(130_000).mint(&ES256), Err(SignFault::TooLong(max)));
    let longer = format!("{large}{}", "A".repeat(max));
    assert_eq!(verify(&longer), Err(IssuedFault::NotAJwt(Malformed::TooLong(max)).into()));
    // The same text is no token, however it is signed.
    let expected = Expected { issuer: ISSUER, audience: AUDIENCE };
    let refused = access_token::verify(&large, &keys(), expected, NOW);
    assert_eq!(refused, Err(AccessTokenError::NotAJwt(Malformed::TooLong(Limits::JWT.max_bytes))));
}
