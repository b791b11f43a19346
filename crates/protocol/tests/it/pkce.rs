//! Proof Key for Code Exchange (RFC 7636): a stolen code is worth nothing.

use grantd_protocol::refusals::Refusal;
use grantd_tokens::Secret;

use crate::forms_of_the_wire::Browser;
use crate::town::{BROWSER, NATIVE, SCHEME, WEB, WEB_POST};
use crate::world::{CHALLENGE, VERIFIER, World, refusal};

// proves: PKCE-01, PKCE-05, NATIVE-03
#[test]
fn no_client_gets_a_code_without_a_challenge() {
    for client in [WEB, WEB_POST, NATIVE, SCHEME, BROWSER] {
        let mut world = World::new();
        let form = world.request_of(client).without("code_challenge");
        let refused = world.authorize(&mut Browser::new(), &form).unwrap_err();
        assert_eq!(refused.refusal, Refusal::CodeChallengeMissing, "{client}");
        assert!(refused.redirect.is_some() && world.records().pending.is_empty());
    }
}

// proves: NEVER-03, PKCE-02
#[test]
fn the_method_is_s256_and_says_so() {
    let mut world = World::new();
    let good = world.request_of(WEB);
    for method in ["plain", "s256", "S512"] {
        let form = good.clone().with("code_challenge_method", method);
        assert_eq!(refusal(world.authorize(&mut Browser::new(), &form)), Refusal::CodeChallengeMethodUnsupported);
    }
    let silent = good.without("code_challenge_method");
    assert_eq!(refusal(world.authorize(&mut Browser::new(), &silent)), Refusal::CodeChallengeMethodUnsupported);
}

// proves: PKCE-02
#[test]
fn a_challenge_is_43_characters_of_base64url() {
    let mut world = World::new();
    let good = world.request_of(WEB);
    let padded = format!("{CHALLENGE}=");
    let short = "A".repeat(42);
    let long = "A".repeat(44);
    let standard = format!("{}+", "A".repeat(42));
    for challenge in [&padded, &short, &long, &standard, VERIFIER.get(1..).unwrap()] {
        let form = good.clone().with("code_challenge", challenge);
        assert_eq!(
            refusal(world.authorize(&mut Browser::new(), &form)),
            Refusal::CodeChallengeMalformed,
            "{challenge}"
        );
    }
}

// proves: PKCE-03
#[test]
fn a_verifier_is_43_to_128_unreserved_characters() {
    for (verifier, fits) in [
        ("v".repeat(42), false),
        ("v".repeat(43), true),
        (format!("{}-._~", "v".repeat(124)), true),
        ("v".repeat(129), false),
        (format!("{}+", "v".repeat(43)), false),
        (format!("{} ", "v".repeat(43)), false),
        (format!("{}ü", "v".repeat(43)), false),
    ] {
        let mut world = World::new();
        let challenge = Secret::new(verifier.clone()).hash().to_base64url();
        let form = world.request_of(NATIVE).with("code_challenge", &challenge);
        let code = world.approve_form(&form);
        let call = world.redemption_of(NATIVE, &code).with("code_verifier", &verifier);
        let outcome = world.token(&call).map(|_| ()).map_err(|refused| refused.refusal);
        assert_eq!(outcome, if fits { Ok(()) } else { Err(Refusal::VerifierMalformed) }, "{verifier}");
    }
}

// proves: PKCE-04
#[test]
fn who_redeems_must_be_who_asked_whatever_else_it_proves() {
    for client in [WEB, SCHEME] {
        let mut world = World::new();
        let code = world.approve(client, "boxes:list");
        let call = world.redemption_of(client, &code);
        assert_eq!(refusal(world.token(&call.clone().without("code_verifier"))), Refusal::VerifierMissing);
        let challenge_itself = call.clone().with("code_verifier", CHALLENGE);
        assert_eq!(refusal(world.token(&challenge_itself)), Refusal::VerifierWrong);
        let other_case = call.clone().with("code_verifier", &VERIFIER.to_ascii_lowercase());
        assert_eq!(refusal(world.token(&other_case)), Refusal::VerifierWrong);
        world.token(&call).unwrap();
    }
}
