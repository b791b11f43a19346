use std::collections::HashSet;
use std::time::Duration;

use grantd_demo::redirect::{Departures, Dropped, ExpectedIssuer, IssParameter, LocalPath, MAX_AGE};
use tokio::time::Instant;

const ISSUER: &str = "https://issuer.example";

fn asked(iss: IssParameter) -> ExpectedIssuer {
    ExpectedIssuer { identifier: ISSUER.to_owned(), iss }
}

/// A browser that has asked, and the state it waits for.
fn waiting(now: Instant) -> (Departures, String) {
    let mut departures = Departures::default();
    let boarding = departures.begin(asked(IssParameter::Promised), LocalPath::or_home(None), now);
    (departures, boarding.state.secret().clone())
}

fn good(state: &str) -> String {
    format!("code=abc&state={state}&iss=https%3A%2F%2Fissuer.example")
}

// proves: STATE-01
#[test]
fn an_answer_with_the_state_of_this_browser_is_taken_once() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    let arrival = departures.receive(&good(&state), now).unwrap();
    assert_eq!(arrival.code.secret(), "abc");
    assert_eq!(departures.receive(&good(&state), now).unwrap_err(), Dropped::StateUnknown);
}

// proves: STATE-01
#[test]
fn an_answer_without_the_state_of_this_browser_is_dropped() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    assert_eq!(
        departures.receive("code=abc&iss=https%3A%2F%2Fissuer.example", now).unwrap_err(),
        Dropped::StateMissing
    );
    let changed: String = state.chars().rev().collect();
    assert_eq!(departures.receive(&good(&changed), now).unwrap_err(), Dropped::StateUnknown);
    assert!(departures.receive(&good(&state), now).is_ok());
}

// proves: STATE-01
#[test]
fn an_answer_after_ten_minutes_is_dropped() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    let late = now + MAX_AGE + Duration::from_secs(1);
    assert_eq!(departures.receive(&good(&state), late).unwrap_err(), Dropped::TooLate);
    let (mut departures, state) = waiting(now);
    assert!(departures.receive(&good(&state), now + MAX_AGE).is_ok());
    assert!(MAX_AGE <= Duration::from_mins(10));
}

// proves: STATE-05
#[test]
fn an_answer_to_another_browser_is_dropped() {
    let now = Instant::now();
    let (mut one, state_of_one) = waiting(now);
    let (mut other, _) = waiting(now);
    assert_eq!(other.receive(&good(&state_of_one), now).unwrap_err(), Dropped::StateUnknown);
    assert!(one.receive(&good(&state_of_one), now).is_ok());
}

// proves: STATE-02
#[test]
fn an_answer_of_another_server_is_dropped() {
    let now = Instant::now();
    for (iss, why) in [
        ("&iss=https%3A%2F%2Fattacker.example", Dropped::IssDiffers),
        ("&iss=https%3A%2F%2Fissuer.example%2F", Dropped::IssDiffers),
        ("&iss=", Dropped::IssDiffers),
        ("", Dropped::IssMissing),
    ] {
        let (mut departures, state) = waiting(now);
        assert_eq!(departures.receive(&format!("code=abc&state={state}{iss}"), now).unwrap_err(), why, "{iss}");
    }
}

// proves: STATE-02
#[test]
fn iss_may_be_missing_only_if_nobody_promised_it() {
    let now = Instant::now();
    let mut departures = Departures::default();
    let boarding = departures.begin(asked(IssParameter::NotPromised), LocalPath::or_home(None), now);
    let state = boarding.state.secret().clone();
    assert!(departures.receive(&format!("code=abc&state={state}"), now).is_ok());
    let boarding = departures.begin(asked(IssParameter::NotPromised), LocalPath::or_home(None), now);
    let state = boarding.state.secret().clone();
    let wrong = format!("code=abc&state={state}&iss=https%3A%2F%2Fattacker.example");
    assert_eq!(departures.receive(&wrong, now).unwrap_err(), Dropped::IssDiffers);
}

// proves: STATE-02
#[test]
fn an_error_in_the_name_of_another_server_is_not_believed() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    let wrong = format!("error=access_denied&state={state}&iss=https%3A%2F%2Fattacker.example");
    assert_eq!(departures.receive(&wrong, now).unwrap_err(), Dropped::IssDiffers);
}

// proves: STATE-06
#[test]
fn an_answer_with_more_than_a_code_is_dropped() {
    let now = Instant::now();
    for (more, why) in [
        ("&error=access_denied", Dropped::CodeAndError),
        ("&access_token=xyz", Dropped::TokenInFront),
        ("&id_token=xyz", Dropped::TokenInFront),
        ("&code=def", Dropped::Repeated),
        ("&co%64e=def", Dropped::Repeated),
    ] {
        let (mut departures, state) = waiting(now);
        assert_eq!(departures.receive(&format!("{}{more}", good(&state)), now).unwrap_err(), why, "{more}");
    }
}

#[test]
fn an_answer_with_neither_code_nor_error_is_dropped() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    let neither = format!("state={state}&iss=https%3A%2F%2Fissuer.example");
    assert_eq!(departures.receive(&neither, now).unwrap_err(), Dropped::NoCode);
}

#[test]
fn a_refusal_is_told_with_its_words() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    let refusal = format!(
        "error=access_denied&error_description=the+user+said+no&state={state}&iss=https%3A%2F%2Fissuer.example"
    );
    let dropped = departures.receive(&refusal, now).unwrap_err();
    assert_eq!(dropped.to_string(), "the answer is no: access_denied (the user said no)");
}

// proves: PKCE-08
#[test]
fn every_request_has_a_fresh_state_and_a_fresh_verifier_of_256_bits() {
    let now = Instant::now();
    let mut departures = Departures::default();
    let (mut states, mut challenges, mut verifiers) = (HashSet::new(), HashSet::new(), HashSet::new());
    for _ in 0..100 {
        let boarding = departures.begin(asked(IssParameter::Promised), LocalPath::or_home(None), now);
        assert_eq!(boarding.challenge.method().as_str(), "S256");
        states.insert(boarding.state.secret().clone());
        challenges.insert(boarding.challenge.as_str().to_owned());
        let arrival = departures.receive(&good(boarding.state.secret()), now).unwrap();
        verifiers.insert(arrival.verifier.secret().clone());
    }
    // 43 characters of base64url are 256 bits.
    for set in [&states, &verifiers] {
        assert!(set.iter().all(|secret| secret.len() == 43));
    }
    assert_eq!((states.len(), challenges.len(), verifiers.len()), (100, 100, 100));
}

#[test]
fn a_browser_that_only_asks_and_never_comes_back_is_not_remembered_for_ever() {
    let now = Instant::now();
    let mut departures = Departures::default();
    let first = departures.begin(asked(IssParameter::Promised), LocalPath::or_home(None), now);
    let second = departures.begin(asked(IssParameter::Promised), LocalPath::or_home(None), now);
    for _ in 0..7 {
        departures.begin(asked(IssParameter::Promised), LocalPath::or_home(None), now);
    }
    assert_eq!(departures.receive(&good(first.state.secret()), now).unwrap_err(), Dropped::StateUnknown);
    assert!(departures.receive(&good(second.state.secret()), now).is_ok());
}

// proves: STATE-08
#[test]
fn one_returns_to_this_origin_and_to_no_other() {
    for path in ["/", "/mail", "/mail?box=1", "/a//b"] {
        assert_eq!(LocalPath::or_home(Some(path)).as_str(), path);
    }
    for elsewhere in [
        "//attacker.example",
        "///attacker.example",
        "/\\attacker.example",
        "\\\\attacker.example",
        "https://attacker.example",
        "attacker.example",
        "javascript:alert(1)",
        "/\t/attacker.example",
        "/mail\r\nSet-Cookie: a=b",
        " /mail",
        "",
    ] {
        assert_eq!(LocalPath::or_home(Some(elsewhere)).as_str(), "/", "{elsewhere:?}");
    }
    assert_eq!(LocalPath::or_home(None).as_str(), "/");
}

#[test]
fn nothing_that_is_printed_tells_a_secret() {
    let now = Instant::now();
    let (mut departures, state) = waiting(now);
    assert!(!format!("{departures:?}").contains(&state));
    let arrival = departures.receive(&good(&state), now).unwrap();
    assert!(!format!("{arrival:?}").contains(arrival.verifier.secret().as_str()));
}
